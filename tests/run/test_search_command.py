"""The folder of a search says what it is, and which command shows it: that one makes no trial again."""

import json
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
    "sweep of two fractions": ("--param", "stop=0.02,0.05"),
    "tune": ("--param", "fast=5:15", "--param", "slow=20,40", "--trials", "3", "--by", "sharpe"),
    "tune of fractions": (
        *("--param", "fast=5:15", "--param", "stop=0.02,0.05", "--param", "stake=300.5:900"),
        *("--trials", "3"),
    ),
    "walkforward": (
        *("--param", "fast=5:10:5", "--param", "slow=40", "--train", "4h", "--test", "90m"),
        *("--purge", "10m", "--embargo", "0", "--anchored"),
    ),
}
WINDOWS = ("--train", "4h", "--test", "90m", "--purge", "10m", "--embargo", "0")
ASKED["walkforward of two fractions"] = ("--param", "fast=5", "--param", "stop=0.02,0.05", *WINDOWS)
ASKED["walkforward, tuned"] = (*ASKED["tune of fractions"], *WINDOWS)
OLDER = [kind for kind in ASKED if "of" in kind or "tuned" in kind]


def older(folder):
    """The folder as older versions wrote it: a range as the list of its ends, like a list of two values."""
    told = json.loads((folder / "sweep.json").read_text())
    asked = told.get("walkforward") or told.get("tune") or {"space": {}}
    for name, space in asked["space"].items():
        asked["space"][name] = list(space.values()) if isinstance(space, dict) else space
    (folder / "sweep.json").write_text(json.dumps(told))


@pytest.mark.parametrize(("case", "old"), [*((case, False) for case in ASKED), *((case, True) for case in OLDER)])
def test_the_command_shows_the_search_again(case, old, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_store(minutes(600), tmp_path / "store")
    more = ("--param", "fees.taker=0.001", "--param", "ma_cross.timeframe=1m", "--timerange", "20240101-20240102")
    kind = case.split()[0].strip(",")
    assert run([kind, "--source", "store", *more, *ASKED[case], "--workers", "1", "--run-dir", "my search"]) == 0
    first = capsys.readouterr().out
    if old:
        older(tmp_path / "my search")
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
