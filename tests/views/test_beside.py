"""H3: two runs beside each other in the terminal: the answer first, every figure within 100 columns, nothing hidden."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tickerml.run.causes import CAUSES
from tickerml.tape.apart import Gap
from tickerml.tape.rows import MINUTE, SECOND
from tickerml.views import beside
from tickerml.views.compared import Cause, Compared, Pair, Side
from tickerml.views.story import Trade

START = 1_704_067_200 * SECOND


def side(run, net):
    return Side(run, "backtest", "dca", "candles", START, START + 600 * MINUTE, Decimal(net), 20, 2)


def trade(pnl, entry="100", out="101", fees="1", qty="2"):
    entry, out, qty, fees, pnl = (Decimal(x) for x in (entry, out, qty, fees, pnl))
    return Trade("BTC/USDT", 1, START, START + 1, entry, out, qty, pnl + fees, fees, Decimal(0), pnl, entry * qty)


def compared(**more):
    causes = (
        Cause("latency", ("latency.entry_ms 10 -> 300",), Decimal("-4.10")),
        Cause("missed data", ("source x -> y",), None, "its source is gone"),
    )
    pairs = (
        Pair("dca", "BTC/USDT", 1, START, trade("1"), trade("3", out="102")),
        Pair("dca", "BTC/USDT", 1, START + 60 * MINUTE, a=trade("1"), elsewhere="refused: position open"),
        Pair("dca", "BTC/USDT", 1, START + 90 * MINUTE, trade("1"), trade("0.5", fees="1.5")),
    )
    told = {"causes": causes, "pairs": pairs, "gaps": (Gap("BTC/USDT", START, START + 4 * MINUTE, 2311, 0),)}
    return Compared(side("8f3a21", "-19.02"), side("77c0d2", "-31.42"), "USDT", False, **{**told, **more})


def test_the_first_line_answers_and_the_steps_lead_from_net_to_net():
    told = beside.lines(compared())
    assert told[0] == "77c0d2 made 12.40 USDT less than 8f3a21: -31.42 against -19.02 USDT"
    steps = {line[2:18].strip(): line[18:32].strip() for line in told[4:9]}
    assert steps == {
        "8f3a21": "-19.02",
        "latency": "-4.10",
        "missed data": "not run",
        "together": "-8.30",
        "77c0d2": "-31.42",
    }
    assert "its source is gone" in told[6]
    assert all(len(line) <= 100 and line.isascii() for line in told)


def test_the_longest_cause_stands_apart_from_what_is_behind_it():
    """It said "margin and walletsaccount.isolated"."""
    causes = tuple(Cause(name, ("account.isolated True -> False",), Decimal("-4.10")) for name in CAUSES)
    told = beside.lines(compared(causes=causes))
    for name in CAUSES:
        assert len([line for line in told if line.startswith(f"  {name}  ")]) == 2
    dear = tuple(Cause(name, ("account.isolated True -> False",), Decimal("-1234567.89")) for name in CAUSES)
    ends = {line.index("-1,23") for line in beside.lines(compared(causes=dear)) if "-1,23" in line}
    assert len(ends) == 1
    until = beside.lines(compared(causes=causes, until=START + 1))
    assert any(line.startswith("  margin and wallets  account.isolated") for line in until)


def test_trades_and_gaps_say_what_tells_them_apart():
    text = "\n".join(beside.lines(compared()))
    assert "exit 101 -> 102" in text
    assert "fees 1.00 -> 1.50" in text
    assert "refused: position open" in text
    assert "BTC/USDT  2024-01-01 00:00:00, 4 min 0 s: 2,311 not in 77c0d2" in text.replace("4 min:", "4 min 0 s:")
    assert "1 trade, +1.00 USDT" in text


def test_a_narrow_screen_cuts_lines():
    assert all(len(line) <= 60 for line in beside.lines(compared(), 60))


def test_equal_nets_by_different_rows_are_no_victory():
    same = Compared(
        side("a", "5"), side("b", "5"), "USDT", False, first_difference="different from row 7 of the run on"
    )
    assert beside.lines(same)[0] == "b and a made the same by different rows: +5.00 USDT"
    assert "row 7" in beside.lines(same)[-1]


def test_parts_of_a_pair_add_up_to_what_it_is_apart():
    pair = compared().pairs[0]
    parts = pair.parts()
    assert parts == {"entry": 0, "exit": 2, "size": 0, "fees": 0, "funding": 0}
    assert sum(parts.values()) == pair.money


@pytest.mark.parametrize("causes", [(), compared().causes])
def test_html_has_a_picture_only_of_causes(causes):
    page = beside.html(compared(causes=causes))
    assert ("<img" in page) == bool(causes)
    assert "<script" not in page
