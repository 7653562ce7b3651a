"""The cache of imported sources holds whole stores alone, whoever imports beside and wherever an import is killed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tickerml.run import sources
from tickerml.run.sources import open_source
from tickerml.tape.rows import Kind
from tickerml.tape.store import is_store

LINES = "\n".join(f"{1_704_067_200_000 + 60_000 * k},100,101,99,100,5" for k in range(50))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "cache_root", lambda: tmp_path / "cache")
    (tmp_path / "candles").mkdir()
    (tmp_path / "candles" / "BTCUSDT.csv").write_text("time,open,high,low,close,volume\n" + LINES + "\n")
    return tmp_path / "candles"


def stores(folder):
    return [path for path in (folder.parent / "cache").rglob("*") if path.is_dir() and is_store(path)]


def left(folder):
    return list((folder.parent / "cache").rglob(".new-*"))


def rows(folder):
    return sum(int((block.rows["kind"] == Kind.BAR).sum()) for block in open_source(str(folder)).blocks())


def test_two_that_read_a_source_first_at_once_both_have_it_whole(folder, monkeypatch):
    import_files, begun = sources.import_files, []

    def slowly(*args, **more):
        begun.append(1)
        if len(begun) == 1:  # the other begins and ends while this one is at it
            assert rows(folder) == 50
        return import_files(*args, **more)

    monkeypatch.setattr(sources, "import_files", slowly)
    assert rows(folder) == 50
    assert len(begun) == 2
    assert len(stores(folder)) == 1
    assert not left(folder)


def test_many_at_once_agree(folder):
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(rows, [folder] * 4)) == [50] * 4
    assert len(stores(folder)) == 1


def test_what_breaks_an_import_leaves_no_part_of_it(folder, monkeypatch):
    import_files = sources.import_files

    def broken(*args, **more):
        import_files(*args, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(sources, "import_files", broken)
    with pytest.raises(KeyboardInterrupt):
        rows(folder)
    assert not stores(folder)
    assert not left(folder)
    monkeypatch.setattr(sources, "import_files", import_files)
    assert rows(folder) == 50


def test_what_a_killed_import_had_left_in_its_place_is_replaced(folder):
    assert rows(folder) == 50
    (store,) = stores(folder)
    for path in store.iterdir():
        if path.suffix == ".json":
            path.unlink()
    assert not is_store(store)
    assert rows(folder) == 50
    assert stores(folder) == [store]


def test_a_cache_that_cannot_be_written_is_done_without(folder):
    (folder.parent / "cache").write_text("a file where the folder would be")
    assert rows(folder) == 50
