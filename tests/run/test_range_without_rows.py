"""A range of time in which the source has no row is refused by everything that opens one, with what the source has."""

import pytest

from small_bars import minutes
from tickerml.cli.app import run
from tickerml.run.sources import open_source
from tickerml.tape.errors import InputError
from tickerml.tape.rows import MINUTE, SECOND
from tickerml.tape.store import StoredTape, write_store

COMMANDS = {
    "backtest": ("--no-leak-check",),
    "paper": (),
    "sweep": ("--param", "fast=3,5"),
    "tune": ("--param", "fast=3:5"),
    "walkforward": ("--param", "fast=3,5", "--train", "4h", "--test", "90m", "--purge", "10m"),
    "check leaks": (),
    "feasible": ("--cash", "500"),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranged") / "store"
    write_store(minutes(600), folder)
    return folder


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("span", ["19990101-19990201", "20300101-20300201", "20300101-"])
def test_every_command_refuses_it_and_writes_nothing(command, span, store, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--source", str(store), "-s", "ma_cross", "--timerange", span, *COMMANDS[command]]
    assert run([*command.split(), *words]) == 2
    told = capsys.readouterr().err
    year = span[:4]
    assert f"error[timerange]: store has no rows from {year}-01-01T00:00:00Z" in told
    assert "its rows are from 2024-01-01T00:0" in told
    assert list(tmp_path.iterdir()) == []


def test_a_gap_has_no_rows_and_a_single_row_is_some(tmp_path):
    whole = minutes(60)
    write_store(whole, tmp_path / "one chunk")
    times = next(iter(whole.blocks())).rows["recv"]
    at = int(times[20])
    stored = StoredTape(tmp_path / "one chunk")
    assert stored.any_within(at, at + 1)
    assert not stored.any_within(at + SECOND, at + 2 * SECOND)
    opened = open_source(str(tmp_path / "one chunk"), timerange=(at, at + 1))
    assert sum(len(block) for block in opened.blocks()) > 0
    for span in ((at + SECOND, at + 2 * SECOND), (int(times[-1]) + 1, None), (None, int(times[0]))):
        with pytest.raises(InputError) as told:
            open_source(str(tmp_path / "one chunk"), timerange=span)
        assert told.value.code == "timerange"


@pytest.mark.parametrize("command", [*COMMANDS, "data check", "data import"])
@pytest.mark.parametrize("source", ["", " "])
def test_an_empty_source_is_not_the_folder_in_which_one_stands(command, source, store, capsys, monkeypatch):
    monkeypatch.chdir(store.parent)
    before = sorted(store.parent.iterdir())
    named = [source] if command.startswith("data") else ["--source", source, "-s", "ma_cross", *COMMANDS[command]]
    assert run([*command.split(), *named]) == 2
    assert "error[file-missing]: the source is an empty text, which names nothing" in capsys.readouterr().err
    assert sorted(store.parent.iterdir()) == before


def test_the_made_up_market_is_read_for_it():
    made = open_source("synthetic:calm:3", minutes=2, coins=("BTC",))
    first = min(int(block.rows["recv"].min()) for block in made.blocks() if len(block))
    assert open_source("synthetic:calm:3", minutes=2, coins=("BTC",), timerange=(first, first + MINUTE)).found
    with pytest.raises(InputError) as told:
        open_source("synthetic:calm:3", minutes=2, coins=("BTC",), timerange=(first + 10 * MINUTE, None))
    assert told.value.code == "timerange"
