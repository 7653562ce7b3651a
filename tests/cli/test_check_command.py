"""`tickerml check leaks`: what it hands to the rooms, what it prints, and its exit code."""

import json

from tickerml.run.leaks.found import Leak, Outcome, Unsettled, Warm
from tickerml.tape.rows import MINUTE

BAR = "2024-01-01T00:07:02Z"
LEAK = Leak("dip", "close", BAR, 27, "mine.py", "ahead = CLOSES[i + 3]", "candles.csv", "Setup(side=1)", "Pass()")


def test_a_clean_strategy_is_exit_0(tickerml, rooms):
    told = tickerml("check", "leaks", "-s", "mine.py:Dip", "--source", "candles", "-p", "BTC/USDT", "--json")
    assert told.code == 0
    name, (strategies, tape), given = rooms.calls[-1]
    assert (name, strategies, tape) == ("judge", ["mine.py:Dip"], rooms.tape)
    assert given["pairs"] == ["BTC/USDT"]
    found = json.loads(told.out)
    assert (found["leaks"], found["decisions"]) == ([], 31)
    assert "no look-ahead in 31 decisions" in told.err


def test_a_leak_is_exit_1_with_column_bar_and_line(tickerml, rooms):
    warm = (Warm("rsi(14, 1m)", 15 * MINUTE, 94 * MINUTE), Warm("vwap", MINUTE, -1), Warm("ofi", -1, -1))
    odd = Unsettled("dip", "vwap", "2024-01-01T00:20:02Z", 1.5, 1.25)
    rooms.outcome = Outcome(True, (LEAK,), 31, warm, 0, (odd,), ("a note",), 1.25)
    told = tickerml("check", "leaks", "--source", "candles", "--json")
    assert told.code == 1
    (leak,) = json.loads(told.out)["leaks"]
    assert {key: leak[key] for key in ("column", "bar", "line")} == {"column": "close", "bar": BAR, "line": 27}
    lines = tickerml("check", "leaks", "--source", "candles").out.splitlines()
    assert lines[0] == "LOOKS AHEAD: close at mine.py:27   (1.2 s)"
    assert lines[2] == "    --> mine.py:27   ahead = CLOSES[i + 3]"
    assert any("vwap: first value after 1 min, never settled" in line for line in lines)
    assert any("rsi(14, 1m): first value after 15 min, settled after 1 h 34 min" in line for line in lines)
    assert any("the decision of dip changes" in line for line in lines)
    assert lines[-1] == "  note        a note"
    assert max(map(len, lines)) <= 140


def test_the_group_explains_itself(tickerml):
    assert "leaks" in tickerml("check").out


def test_a_backtest_can_be_told_not_to_judge(tickerml, rooms):
    tickerml("backtest", "--source", "candles", "--no-leak-check")
    assert rooms.calls[-1][2]["leaks"] is False
    tickerml("backtest", "--source", "candles")
    assert rooms.calls[-1][2]["leaks"] is True
