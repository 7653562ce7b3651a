from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from mixed_tapes import START, coin, mixed_tape

from tickerml.tape import store_writer
from tickerml.tape.block import Block, concat
from tickerml.tape.build import Builder
from tickerml.tape.errors import InputError, RunError
from tickerml.tape.merge import merge
from tickerml.tape.rows import DAY, ROW, Flag, Kind
from tickerml.tape.store import StoredTape, is_store, missing_sources, write_store
from tickerml.tape.store_files import lock
from tickerml.tape.store_manifest import VERSION
from tickerml.tape.tables import ORDER
from tickerml.tape.tape import Header, MemoryTape, content_hash


def joined(tape) -> Block:
    return concat(list(tape.blocks()))


def same_rows(a: Block, b: Block) -> bool:
    """Equal rows, and equal side-table rows behind equal references."""
    return content_hash([a]) == content_hash([b]) and np.array_equal(a.rows["recv"], b.rows["recv"])


def files(root: Path) -> set[str]:
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}


def test_reads_back_exactly_what_was_written(tmp_path):
    tape = mixed_tape()
    report = write_store(tape, tmp_path / "s")
    stored = StoredTape(tmp_path / "s")
    assert report.rows == len(tape)
    assert report.instruments == ("BTC/USDT", "ETH/USDT", "TON/USDT")
    assert stored.content_hash() == tape.content_hash() == content_hash(stored.blocks())
    a, b = joined(tape), joined(stored)
    for field in set(ROW.names) - {"ref"}:
        assert np.array_equal(a.rows[field], b.rows[field]), field
    assert np.array_equal(a.rows["ref"] >= 0, b.rows["ref"] >= 0)
    for row_a, row_b in zip(a.rows, b.rows, strict=True):
        if row_a["kind"] in (Kind.DEPTH, Kind.CLEAR, Kind.BBO):
            assert a.messages[row_a["ref"]] == b.messages[row_b["ref"]]
    assert stored.header.instruments == tape.header.instruments
    assert stored.header.names == tape.header.names


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_sequence_survives_any_chunk_size(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(store_writer, "CHUNK", chunk)
    monkeypatch.setattr(store_writer, "DAY_CHUNK", max(1, chunk // 4))
    tape = mixed_tape(messages=60)
    write_store(tape, tmp_path)
    stored = StoredTape(tmp_path)
    blocks = list(stored.blocks())
    assert len(blocks) > 1
    assert all(b.rows["flags"][-1] & Flag.END for b in blocks)
    assert content_hash(blocks) == tape.content_hash()


def test_files_lie_by_venue_instrument_and_day(tmp_path, monkeypatch):
    monkeypatch.setattr(store_writer, "DAY_CHUNK", 1)
    write_store(mixed_tape(), tmp_path)
    days = {p.split("/")[2] for p in files(tmp_path) if p.startswith("binance/BTCUSDT/")}
    assert days == {"2024-01-01", "2024-01-02", "2024-01-03"}
    assert len({p.split("/")[0] for p in files(tmp_path)} & {"binance", "order", "tape"}) == 3


def test_extreme_values_and_run_rows_survive(tmp_path):
    rows = np.zeros(6, ROW)
    big = (1 << 63) - 1
    rows["recv"] = [0, big, 5, 5, 6, 6]
    rows["exch"] = [-big, big, 0, 0, 0, 0]
    rows["qty"] = [big, -big - 1, 0, -1, 3, 3]
    rows["price"] = [2**31 - 1, -(2**31), 0, 0, 1, 2]
    rows["kind"] = [Kind.TRADE, Kind.TRADE, Kind.FILL, Kind.FILL, Kind.TIMER, Kind.DEPTH]
    rows["side"] = [1, -1, 1, 1, 0, -1]
    rows["ref"] = [-1, -1, 1, 0, 4, -1]
    rows["flags"] = [1, 1, 1, Flag.END | Flag.MAKER, 1, 0]  # the last message has not ended
    rows["inst"] = [0, 0, 0, -1, -1, 0]
    orders = np.zeros(2, ORDER)
    orders["id"], orders["fee"], orders["tif"] = [7, big], [-big, 3], [2, -1]
    tape = MemoryTape(Header("x", (coin(0),), ("USDT",)), (Block(rows, orders=orders),))
    write_store(tape, tmp_path)
    back = joined(StoredTape(tmp_path))
    assert content_hash([back]) == tape.content_hash()
    assert np.array_equal(back.orders[back.rows["ref"][2:4]], orders[[1, 0]])


def test_an_unended_message_keeps_its_ids(tmp_path):
    b = Builder()
    b.depth(1, 1, 0, [(5, 1), (4, 1)], [], (1, 2, 0))
    block = b.take()
    block.rows["flags"] = 0
    write_store(MemoryTape(Header("x", (coin(0),)), (block,)), tmp_path)
    back = joined(StoredTape(tmp_path))
    assert back.messages[back.rows["ref"]]["last_id"].tolist() == [2, 2]


def test_rows_of_one_message_must_agree(tmp_path):
    b = Builder()
    b.depth(1, 1, 0, [(5, 1)], [], (1, 2, 0))
    b.depth(2, 2, 0, [(5, 1)], [], (3, 4, 2))
    block = b.take()
    block.rows["flags"] = [0, 1]
    with pytest.raises(ValueError, match="refer to messages 0 and 1"):
        write_store(MemoryTape(Header("x", (coin(0),)), (block,)), tmp_path)
    assert not is_store(tmp_path)


def test_the_same_content_is_stored_once(tmp_path):
    write_store(mixed_tape(), tmp_path)
    before = files(tmp_path)
    again = write_store(mixed_tape(), tmp_path)
    assert again.skipped
    assert again.rows == 0
    assert files(tmp_path) == before


def test_the_same_source_is_not_even_read_again(tmp_path):
    source = tmp_path / "raw.gz"
    source.write_bytes(b"bytes of the file")
    root = tmp_path / "s"
    assert missing_sources(root, [source]) == [source]
    write_store(mixed_tape(), root, sources=[source])
    assert missing_sources(root, [source]) == []

    class Unreadable(MemoryTape):
        def blocks(self):
            raise AssertionError("read again")

    assert write_store(Unreadable(mixed_tape().header, ()), root, sources=[source]).skipped


def test_a_file_that_has_grown_replaces_its_beginning(tmp_path):
    source = tmp_path / "raw.gz"
    source.write_bytes(b"x" * 100)
    root = tmp_path / "s"
    write_store(mixed_tape(messages=50), root, sources=[source])
    source.write_bytes(b"x" * 150)
    report = write_store(mixed_tape(messages=90), root, sources=[source])
    assert report.rows == len(mixed_tape(messages=90))
    assert StoredTape(root).content_hash() == mixed_tape(messages=90).content_hash()
    assert not [p for p in files(root) if "s0000-" in p]


def test_later_days_are_appended(tmp_path):
    early, late = mixed_tape(1), mixed_tape(2, start=START + 4 * DAY)
    write_store(early, tmp_path)
    write_store(late, tmp_path)
    stored = StoredTape(tmp_path)
    assert stored.content_hash() == merge([early, late]).content_hash()
    assert len(stored.header.instruments) == 3


def test_imports_that_overlap_in_time_are_merged(tmp_path):
    one, two = mixed_tape(1, bases=("BTC", "ETH")), mixed_tape(2, bases=("SOL", "BTC"))
    write_store(one, tmp_path)
    write_store(two, tmp_path)
    stored, merged = StoredTape(tmp_path), merge([one, two])
    assert stored.content_hash() == merged.content_hash()
    assert [i.symbol for i in stored.header.instruments] == ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
    recv = joined(stored).rows["recv"]
    assert (np.diff(recv) >= 0).all()


def test_instruments_can_be_selected(tmp_path):
    tape = mixed_tape()
    write_store(tape, tmp_path)
    part = StoredTape(tmp_path, instruments=["ETH/USDT", "TONUSDT"])
    rows = joined(tape).rows
    assert [i.symbol for i in part.header.instruments] == ["ETH/USDT", "TON/USDT"]
    got = joined(part)
    assert np.array_equal(got.rows["recv"], rows["recv"][rows["inst"] != 0])
    assert got.to_bytes() == joined(StoredTape(tmp_path, instruments=["TON/USDT", "ETH/USDT"])).to_bytes()
    with pytest.raises(InputError, match="BTC/USDT, ETH/USDT, TON/USDT") as error:
        StoredTape(tmp_path, instruments=["XRP/USDT"])
    assert error.value.code == "unknown-instrument"


def test_progress_hears_all_rows(tmp_path):
    heard: list[int] = []
    tape = mixed_tape()
    write_store(tape, tmp_path, progress=heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == len(tape)


class Broken(MemoryTape):
    """Fails after its second block, as a truncated source does."""

    def blocks(self):
        yield from list(super().blocks())[:2]
        raise InputError("file-truncated", "ends in the middle")


def test_a_failed_import_leaves_the_store_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(store_writer, "CHUNK", 50)
    write_store(mixed_tape(1), tmp_path)
    before, digest = files(tmp_path), StoredTape(tmp_path).content_hash()
    broken = mixed_tape(2)
    with pytest.raises(InputError, match="ends in the middle"):
        write_store(Broken(broken.header, broken.held), tmp_path)
    assert files(tmp_path) == before
    assert StoredTape(tmp_path).content_hash() == digest


KILLED = """
import os, sys
sys.path.insert(0, {repo!r})
from mixed_tapes import mixed_tape
from tickerml.tape import store, store_files, store_writer
store_writer.CHUNK = 50
left = [{n}]
real = store_files.os.fsync
def fsync(handle):
    left[0] -= 1
    if left[0] < 0:
        os._exit(9)
    real(handle)
store_files.os.fsync = fsync
store.write_store(mixed_tape(2), {root!r})
"""


@pytest.mark.parametrize("n", [0, 1, 5, 40])
def test_killed_half_way_then_repeated(tmp_path, n):
    write_store(mixed_tape(1), tmp_path)
    digest = StoredTape(tmp_path).content_hash()
    repo = str(Path(__file__).resolve().parent)
    run = subprocess.run([sys.executable, "-c", KILLED.format(repo=repo, n=n, root=str(tmp_path))], check=False)
    assert run.returncode == 9
    assert StoredTape(tmp_path).content_hash() == digest
    write_store(mixed_tape(2), tmp_path)
    assert StoredTape(tmp_path).content_hash() == merge([mixed_tape(1), mixed_tape(2)]).content_hash()
    listed = {f.path for s in StoredTape(tmp_path)._manifest.segments for f in s.files()}
    assert files(tmp_path) - listed == {"tickerml-store.json", ".lock"}


CALLS = ("os.fsync", "os.open", "Path.replace", "Path.mkdir", "Path.open")


@pytest.mark.parametrize("call", CALLS)
def test_the_nth_call_fails_and_harms_nothing(tmp_path, monkeypatch, call):
    """Every write, sync and rename of an import fails once: the store is as it was, and the error says so."""
    root = tmp_path / "s"
    write_store(mixed_tape(1, 60), root)
    before, digest = files(root), StoredTape(root).content_hash()
    both = merge([mixed_tape(1, 60), mixed_tape(2, 60)]).content_hash()
    owner, name = {"os": os, "Path": Path}[call.split(".")[0]], call.split(".")[1]
    real = getattr(owner, name)
    n, failed = 0, True
    while failed:
        left = [n]

        def failing(*args, left=left, **kwargs):
            left[0] -= isinstance(args[0], int) or str(root) in str(args[0])
            if left[0] == -1:
                left[0] = -2
                raise OSError(28, os.strerror(28))
            return real(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(owner, name, failing)
            try:
                write_store(mixed_tape(2, 60), root)
                failed = False
            except InputError as error:
                told = error
        if failed:
            assert told.code == (
                "not-a-store" if call == "Path.open" and "cannot be read" in told.message else "store-write"
            )
            assert "No space left" in told.message
            stored = "is stored" in told.means
            assert StoredTape(root).content_hash() == (both if stored else digest)
            assert stored or files(root) == before
        n += 1
    assert n > 1
    assert StoredTape(root).content_hash() == both


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "s").write_text("not a folder")
    with pytest.raises(InputError) as error:
        write_store(mixed_tape(), tmp_path / "s")
    assert error.value.code == "store-write"


def test_one_writer_at_a_time(tmp_path):
    with lock(tmp_path), pytest.raises(RunError) as error:
        write_store(mixed_tape(), tmp_path)
    assert error.value.code == "store-locked"


def code_of(root: Path) -> str:
    with pytest.raises(InputError) as error:
        list(StoredTape(root).blocks())
    assert error.value.where is not None
    assert str(root) in error.value.where.file
    return error.value.code


def test_damage_is_named_with_its_file(tmp_path):
    write_store(mixed_tape(), tmp_path)
    target = next(tmp_path.rglob("*-i1.rows.parquet"))
    whole = target.read_bytes()
    for damaged in (whole[:-9], b"", whole[:40] + bytes([whole[40] ^ 4]) + whole[41:]):
        target.write_bytes(damaged)
        assert code_of(tmp_path) == "store-corrupt"
    target.unlink()
    assert code_of(tmp_path) == "store-corrupt"


def test_a_foreign_parquet_in_place_is_refused(tmp_path):
    write_store(mixed_tape(), tmp_path)
    target = next(tmp_path.rglob("*-i1.runs.parquet"))
    pl.DataFrame({"a": [1]}).write_parquet(target)
    assert code_of(tmp_path) == "store-corrupt"


def test_manifest_missing_wrong_or_newer(tmp_path):
    assert code_of(tmp_path) == "not-a-store"
    assert not is_store(tmp_path)
    write_store(mixed_tape(), tmp_path)
    manifest = tmp_path / "tickerml-store.json"
    good = json.loads(manifest.read_text())
    for other in (VERSION - 1, 99):
        manifest.write_text(json.dumps(good | {"version": other}))
        assert code_of(tmp_path) == "store-version"
    manifest.write_text(json.dumps({"version": VERSION, "segments": 5}))
    assert code_of(tmp_path) == "store-corrupt"
    manifest.write_text("not json")
    assert code_of(tmp_path) == "store-corrupt"


def test_an_empty_tape_makes_no_segment(tmp_path):
    report = write_store(MemoryTape(Header("empty", (coin(0),)), ()), tmp_path)
    assert report.rows == 0
    assert not [p for p in files(tmp_path) if p.endswith("parquet")]


SAME_BYTES = """
import hashlib, sys
from pathlib import Path
from mixed_tapes import mixed_tape
from tickerml.tape.store import StoredTape, write_store

root = Path(sys.argv[1])
write_store(mixed_tape(7, 150), root)
files = sorted(p for p in root.rglob("*.parquet"))
digest = hashlib.sha256(b"".join(p.read_bytes() for p in files))
digest.update(b"".join(block.to_bytes() for block in StoredTape(root).blocks()))
print(len(files), digest.hexdigest())
"""


def test_interpreted_kernels_write_and_read_the_same_bytes(tmp_path):
    told = []
    for off in ("0", "1"):
        run = subprocess.run(
            [sys.executable, "-c", SAME_BYTES, str(tmp_path / off)],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
            env=os.environ | {"NUMBA_DISABLE_JIT": off},
        )
        told.append(run.stdout)
    assert told[0] == told[1]
    assert int(told[0].split()[0]) > 5


@pytest.mark.real
@pytest.mark.parametrize("path", ["l2/binance_spot_nexousdt", "l2/binance_raw_20240808/usdm"])
def test_real_books_come_back_as_they_were(tmp_path, real_data, path):
    from tickerml.venues.captures import open_captures

    tape = open_captures([real_data / path])
    report = write_store(tape, tmp_path)
    stored = StoredTape(tmp_path)
    assert report.rows > 100_000
    assert content_hash(stored.blocks()) == stored.content_hash() == tape.content_hash()
    assert stored.header.instruments == tape.header.instruments
