"""`tickerml tune` and `walkforward`: what they hand to the rooms, and what they print."""

import json

import pytest

from tickerml.lab.tuner import Space
from tickerml.run.walkforward import Windows
from tickerml.tape.rows import DAY, HOUR

PARAMS = ("--param", "fast=5:50", "--param", "slow=60,120", "--param", "fees.taker=0.001")


def test_parameters_become_spaces_and_settings_stay_settings(tickerml, rooms):
    told = tickerml(
        "tune", "--source", "candles", *PARAMS, "--trials", "40", "--by", "sharpe", "--memory", "300", "--json"
    )
    assert told.code == 0
    name, (strategy, tape), given = rooms.calls[-1]
    assert (name, strategy, tape) == ("tune", "ma_cross", rooms.tape)
    assert given["spaces"] == {"fast": Space(low=5, high=50, whole=True), "slow": Space((60, 120))}
    assert given["config"].fees.taker == 0.001
    assert (given["trials"], given["by"], given["memory_mb"]) == (40, "sharpe", 300)
    assert set(json.loads(told.out)) >= {"combos", "pbo", "best", "ceiling_mb"}
    assert (
        tickerml("tune", "--source", "candles", *PARAMS)
        .out.splitlines()[0]
        .startswith("best of 2: fast=5 slow=60 made")
    )


def test_windows_arrive_in_time(tickerml, rooms):
    spans = ("--train", "20d", "--test", "5d", "--step", "2d", "--purge", "12h", "--embargo", "0", "--anchored")
    told = tickerml("walkforward", "--source", "candles", *PARAMS, *spans, "--trials", "30", "--json")
    assert told.code == 0
    _, _, given = rooms.calls[-1]
    assert given["windows"] == Windows(20 * DAY, 5 * DAY, 2 * DAY, 12 * HOUR, 0, anchored=True)
    assert given["trials"] == 30
    tickerml("walkforward", "--source", "candles", *PARAMS)
    assert rooms.calls[-1][2]["windows"] == Windows(60 * DAY, 15 * DAY, None, DAY, HOUR)


def test_a_walk_says_the_answer_with_its_interval_first(tickerml, rooms):
    lines = tickerml("walkforward", "--source", "candles", *PARAMS).out.splitlines()
    assert lines[0] == "out of sample lost 1.20% in 34 trades and 2 windows; 95 %: -3.00% to +0.50%"
    assert lines[1] == "  promised    +2.50% a window in sample, -0.60% out of it"
    assert lines[3] == "  starts      each flat"
    assert lines[-3].split()[-3:] == ["+3.00%", "-1.00%", "20"]
    assert "fast" in lines[-4]
    assert lines[-1] == "  no limits"
    assert max(map(len, lines)) <= 110


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("tune", "--param", "fasst=1:2"), "sweep-param"),
        (("tune", "--param", "fast=9:2"), "sweep-range"),
        (("tune", "--by", "luck"), "usage"),
        (("walkforward", "--train", "soon"), "timeframe"),
    ],
)
def test_what_cannot_be_read_is_refused_before_the_source_is(tickerml, rooms, words, code):
    told = tickerml(*words)
    assert told.code == 2
    assert f"error[{code}]" in told.err
    assert not rooms.calls
