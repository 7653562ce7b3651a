"""`tickerml sweep`: what it hands to the rooms, what it prints, and what it refuses."""

import json

import pytest

from tickerml.strategies.ma_cross import MaCross
from tickerml.tape.errors import RunError

PARAMS = ("--param", "fast=5:9:2", "--param", "slow=60", "--param", "fees.taker=0.001")


def test_parameters_become_axes_and_settings_stay_settings(tickerml, rooms):
    told = tickerml(
        "sweep", "--source", "candles", *PARAMS, "--workers", "2", "--memory", "300", "--no-check", "--json"
    )
    assert told.code == 0
    name, (strategy, tape), given = rooms.calls[-1]
    assert (name, strategy, tape) == ("sweep", "ma_cross", rooms.tape)
    assert given["axes"] == {"fast": (5, 7, 9), "slow": (60,)}
    assert given["config"].fees.taker == 0.001
    assert (given["workers"], given["memory_mb"], given["check"], given["exact"]) == (2, 300, False, False)
    found = json.loads(told.out.splitlines()[-1])
    assert set(found) >= {"combos", "bars", "bar_combos_per_s", "pbo", "best"}
    assert len(told.out.splitlines()) == 1


def test_the_answer_comes_first_and_the_best_trials_last(tickerml, rooms):
    lines = tickerml("sweep", "--source", "candles", *PARAMS).out.splitlines()
    assert lines[0] == "best of 2: fast=5 slow=60 made 1.23% in 12 trades"
    assert "25%: how often the best of the past was in the worse half later" in lines[1]
    assert "the engine makes the same 12 trades" in lines[2]
    assert lines[4] == "  memory      210 MB of at most 1,024 MB"
    assert lines[-4].split() == ["fast", "slow", "trades", "won", "return", "worst", "fall", "fees"]
    assert lines[-3].split() == ["5", "60", "12", "42%", "+1.23%", "-2.00%", "3.50"]
    assert lines[-1] == "  no limits"
    assert lines[5] == "  trials      2 on record in runs/sweep-8f3a21: later reports count them"
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize(
    ("command", "folder"), [("sweep", "sweep-8f3a21"), ("tune", "sweep-8f3a21"), ("walkforward", "walk-8f3a21")]
)
def test_a_search_outside_the_folder_of_runs_promises_no_more_than_is_kept(tickerml, rooms, command, folder):
    words = (command, "--source", "candles", *PARAMS)
    assert f" on record in runs/{folder}: later reports count them\n" in tickerml(*words).out
    told = tickerml(*words, "--param", "data.runs=mine").out
    assert f" on record in runs/{folder}: later reports of runs beside it count them\n" in told


@pytest.mark.parametrize(
    ("param", "code"),
    [
        ("fasst=1:2:1", "sweep-param"),
        ("fast=1:2", "sweep-range"),
        ("fast=2:1:1", "sweep-range"),
        ("fast", "sweep-range"),
    ],
)
def test_what_cannot_be_read_is_refused_before_the_source_is(tickerml, rooms, param, code):
    told = tickerml("sweep", "--source", "candles", "--param", param)
    assert told.code == 2
    assert f"error[{code}]" in told.err
    assert not rooms.calls
    assert MaCross().fast == 20


def test_a_failure_of_the_sweep_is_an_error_and_no_traceback(tickerml, rooms):
    rooms.raises = RunError("sweep-memory", "the sweep needs about 900 MB; its ceiling is 300 MB")
    told = tickerml("sweep", "--source", "candles", *PARAMS, "--json")
    assert told.code == 1
    assert json.loads(told.out)["error"]["code"] == "sweep-memory"
