"""The folder of a search says what it is, and which command shows it: that one makes no trial again."""

import shlex

import pytest

from small_bars import minutes
from tickerml.cli.app import run
from tickerml.run.record import read_manifest
from tickerml.run.result import open_run
from tickerml.tape.errors import InputError
from tickerml.tape.store import write_store

ASKED = {
    "sweep": ("--param", "fast=5:15:5", "--param", "slow=20,40"),
    "tune": ("--param", "fast=5:15", "--param", "slow=20,40", "--trials", "3", "--by", "sharpe"),
    "walkforward": (
        *("--param", "fast=5:10:5", "--param", "slow=40", "--train", "4h", "--test", "90m"),
        *("--purge", "10m", "--embargo", "0", "--anchored"),
    ),
}


@pytest.mark.parametrize("kind", ["sweep", "tune", "walkforward"])
def test_the_command_shows_the_search_again(kind, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_store(minutes(600), tmp_path / "store")
    more = ("--param", "fees.taker=0.001", "--param", "ma_cross.timeframe=1m", "--timerange", "20240101-20240102")
    assert run([kind, "--source", "store", *more, *ASKED[kind], "--workers", "1", "--run-dir", "my search"]) == 0
    first = capsys.readouterr().out
    trials = (tmp_path / "my search" / "trials.jsonl").read_bytes()
    for door in (read_manifest, open_run):
        with pytest.raises(InputError) as told:
            door(tmp_path / "my search")
        assert told.value.code == "not-a-run"
        assert f"is a {kind}" in str(told.value)
    assert run([*shlex.split(told.value.try_)[1:], "--workers", "1"]) == 0
    again = capsys.readouterr().out
    assert again.splitlines()[0] == first.splitlines()[0]
    assert (tmp_path / "my search" / "trials.jsonl").read_bytes() == trials


def test_a_folder_of_something_else_is_told_as_before(tmp_path):
    with pytest.raises(InputError) as told:
        read_manifest(tmp_path)
    assert told.value.code == "not-a-run"
    assert "No such file" in str(told.value)
