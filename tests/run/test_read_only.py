"""A folder that cannot be written: said at once and by name, nothing is lost, and what can be read is read."""

from __future__ import annotations

import pytest

from read_only import read_only_folder
from small_runs import market, settings
from tickerml.cli.app import run as command_line
from tickerml.run.paper import paper
from tickerml.run.replay import replay
from tickerml.run.sources import open_source
from tickerml.sim.synthetic import synthetic_tape
from tickerml.tape.errors import TickerMLError
from tickerml.tape.store import write_store


def tape():
    return market("busy", minutes=1, rows=1500)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A stored tape and a run on it."""
    root = tmp_path_factory.mktemp("made")
    write_store(tape(), root / "store")
    source = {"spec": "synthetic:busy:7", "minutes": 1, "coins": ["BTC", "TON"]}
    made_up = synthetic_tape("busy", 7, minutes=1, coins=("BTC", "TON"))
    run = paper("quoter", made_up, config=settings(), run_dir=root / "run", source=source)
    assert replay(run.path).identical
    return root


@pytest.mark.parametrize("verb", ["paper", "backtest"])
def test_a_run_does_not_begin_where_it_cannot_be_kept(verb, made, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with read_only_folder() as folder:
        run_dir = folder / "runs" / "one"
        words = (verb, "-s", "quoter", "--source", "synthetic:busy:7", "--param", "synthetic.minutes=1")
        code = command_line([*words, "--run-dir", str(run_dir)])
        assert list(folder.iterdir()) == []
    said = capsys.readouterr().err
    assert code == 1
    assert "[file-permission]" in said
    assert str(folder) in said
    assert "Traceback" not in said


def test_an_import_into_it_is_refused(made):
    with read_only_folder() as folder:
        with pytest.raises(TickerMLError) as caught:
            write_store(tape(), folder / "store")
        assert list(folder.iterdir()) == []
    assert caught.value.code == "store-write"


def test_a_store_in_it_is_read_and_not_grown(made):
    whole = open_source(str(made / "store")).content_hash()
    with read_only_folder(made / "store") as folder:
        assert open_source(str(folder / "store")).content_hash() == whole
        with pytest.raises(TickerMLError) as caught:
            write_store(market("busy", seed=8, minutes=1, rows=1500), folder / "store")
        assert open_source(str(folder / "store")).content_hash() == whole
    assert caught.value.code == "store-write"


def test_a_run_in_it_is_replayed(made):
    with read_only_folder(made / "run") as folder:
        again = replay(folder / "run")
        assert again.identical, again.lines()
