"""Controls "price collar" and "naked position" in whole runs: how far a stop reaches, how long there may be none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from bar_path_tape import bars
from book_path_tape import DEEP, Books, closes, fills, moved, sent, settled

from small_runs import machine, print_of, run, settings
from tickerml.config import from_mapping
from tickerml.engine import snapshot
from tickerml.engine.machine import drive, pieces
from tickerml.strategies.wake import Every
from tickerml.tape.errors import ConfigError
from tickerml.tape.intents import Pass, Setup
from tickerml.tape.orders import OrderType
from tickerml.tape.rows import BUY, HOUR, SECOND, SELL, Kind


@dataclass(frozen=True)
class Once:
    """One trade of a tenth of the equity, with a stop 5 % away."""

    side: int = BUY
    target: float = 0.2

    wake: ClassVar = Every("1s")
    sees: ClassVar = ()
    state: ClassVar = np.dtype([("done", "i8")])

    def decide(self, view):
        if view.state["done"] or not view.close > 0:
            return Pass("once, at the first price")
        view.state["done"] = 1
        return Setup(self.side, HOUR, self.target, 0.05, size=0.1)


LOTS = 9_949  # a tenth of 10,000 at the farthest price of the entry, 10,001 x 1.005
BOUGHT = 10_001
TRIGGER = round(BOUGHT * 0.95)


def calm(until=8.0):
    return Books().book(0.0, *DEEP).quiet(0.5, until)


def orders(made):
    """(type, trigger, price, lots) of every order after the entry."""
    return [one[3:] for one in sent(made)[1:] if one[3] != "limit" or one[5] < 11_000]


def falling(*floors):
    """The market falls through the stop at 10 s; each floor is a bid of (ticks, lots)."""
    return calm().book(10.0, dict(floors), {9_600: 50_000}).quiet(10.5, 20.0).tape()


def test_f3_a_stop_reaches_so_far_then_farther_then_to_the_market():
    """Control price collar: stop exits go 1.5 % through, then 3 %; what is left then is closed at the market."""
    _, made = run(Once(), falling((9_500, 2_000), (9_400, 3_000), (9_300, 1_000), (9_000, 50_000)))
    assert fills(made) == [
        (1, BOUGHT, LOTS),
        (-1, 9_500, 2_000),
        (-1, 9_400, 3_000),
        (-1, 9_300, 1_000),
        (-1, 9_000, LOTS - 6_000),
    ]
    stop, again, market = orders(made)
    assert stop == ("stop_limit", TRIGGER, 9_359, LOTS)  # 9,501 x 0.985, rounded to its nearer side
    assert again == ("limit", 0, 9_215, LOTS - 5_000)  # 9,500 x 0.97
    assert market == ("market", 0, 0, LOTS - 6_000)
    times = [one[0] for one in sent(made)[-2:]]
    assert np.diff(times) < 0.2  # the market follows as soon as the limit is answered: no second is waited
    (one,) = settled(made)
    assert one["reason"] == "stop"


def test_f3_a_short_stop_reaches_upwards():
    tape = calm().book(10.0, {10_400: 50_000}, {10_501: 2_000, 10_650: 3_000, 10_800: 1_000, 11_500: 50_000})
    _, made = run(Once(SELL), tape.quiet(10.5, 20.0).tape())
    bought = [(price, lots) for side, price, lots in fills(made) if side > 0]
    assert [price for price, _ in bought] == [10_501, 10_650, 10_800, 11_500]
    stop, again, market = [one[3:] for one in sent(made)[1:] if one[2] > 0 and one[5] != 7_999]
    assert stop[:3] == ("stop_limit", 10_499, 10_656)  # 10,499 x 1.015, rounded down
    assert again[:3] == ("limit", 0, 10_816)  # 10,501 x 1.03
    assert market[:3] == ("market", 0, 0)


@pytest.mark.parametrize(("key", "share", "steps"), [("through_stop", 0.06, 1), ("through_stop_again", 0.2, 2)])
def test_f3_the_reach_is_what_the_settings_say(key, share, steps):
    """Wider limits reach the last floor a step sooner: each key is its own step."""
    tape = falling((9_500, 2_000), (9_400, 3_000), (9_300, 1_000), (9_000, 50_000))
    _, made = run(Once(), tape, settings(limits={key: share}))
    assert fills(made)[-1] == (-1, 9_000, LOTS - 6_000)
    assert len(orders(made)) == steps


@dataclass(frozen=True)
class Brief(Once):
    """The same, closed by its horizon after four seconds."""

    def decide(self, view):
        wish = super().decide(view)
        return wish if isinstance(wish, Pass) else Setup(self.side, 4 * SECOND, self.target, 0.05, size=0.1)


@pytest.mark.parametrize(("side", "near", "far"), [(BUY, 9_950, 9_900), (SELL, 10_050, 10_100)])
def test_f3_a_close_reaches_so_far_and_what_that_leaves_goes_to_the_market(side, near, far):
    """Control price collar: half a percent beyond the touch."""
    thin = {10_000 - side: 2_000, near: 3_000, far: 50_000}
    book = (thin, DEEP[1]) if side > 0 else (DEEP[0], thin)
    tape = calm(3.0).book(3.5, *book).quiet(4.0, 12.0).tape()
    made = run(Brief(side), tape)[1]
    lots = sum(qty for one, _, qty in fills(made) if one == side)
    reach = 9_950 if side > 0 else 10_051  # 9,999 x 0.995 up, 10,001 x 1.005 down
    assert [one[2:] for one in closes(made)] == [(reach, lots), (0, lots - 5_000)]
    assert [price for one, price, _ in fills(made) if one == -side] == [10_000 - side, near, far]
    assert closes(made)[1][0] - closes(made)[0][0] < 0.1
    assert settled(made)[0]["reason"] == "timer"


def test_f3_the_reach_of_a_close_is_what_the_settings_say():
    tape = calm(3.0).book(3.5, {9_999: 2_000, 9_900: 50_000}, DEEP[1]).quiet(4.0, 12.0).tape()
    _, made = run(Brief(), tape, settings(limits={"through_close": 0.01}))
    assert [one[2:] for one in closes(made)] == [(9_900, LOTS)]


def test_f3_within_the_reach_nothing_more_is_sent():
    _, made = run(Once(), falling((9_500, 50_000)))
    assert [one[0] for one in orders(made)] == ["stop_limit"]
    assert fills(made)[1:] == [(-1, 9_500, LOTS)]


def test_on_bars_which_have_no_touch_a_stop_is_a_market_order():
    _, made = run(Once(), bars([100, 100, 99, 90, 80, 80]))
    kinds = {one[3] for one in sent(made)}
    assert "stop" in kinds
    assert "stop_limit" not in kinds
    assert settled(made)[0]["reason"] == "stop"


SLOW = {"model": "constant", "response_ms": 3_000.0}


@pytest.mark.parametrize(("naked_s", "reason"), [(2.0, "no stop"), (4.0, "end of data")])
def test_naked_s_closes_what_the_venue_has_not_covered(naked_s, reason):
    """Control naked position: no word of a stop within `naked_s` of the fill's, and the position is closed."""
    _, made = run(Once(), calm(20.0).tape(), settings(latency=SLOW, limits={"naked_s": naked_s}))
    assert settled(made)[0]["reason"] == reason
    stop = next(one for one in sent(made) if one[3] == "stop_limit")
    closed = closes(made)
    assert len(closed) == (reason == "no stop")
    if closed:
        assert closed[0][0] == pytest.approx(stop[0] + naked_s, abs=1e-9)


def halted(first, last):
    """Trading is halted between two times in seconds: the venue refuses every order that arrives meanwhile."""
    books = Books().book(0.0, *DEEP).quiet(0.5, 1.0)
    books.row(first, Kind.STATUS, qty=0).row(last, Kind.STATUS, qty=1)
    return books.quiet(1.5, 12.0).tape()


def refusals(made):
    return [
        int(b.orders[r["ref"]]["type"]) for b in made for r in b.rows if r["kind"] == Kind.REJECT and r["inst"] == 0
    ]


def test_a_stop_that_was_refused_is_sent_once_more():
    """Control naked position: one retry. The stop arrives at 1.07 s, the refusal is told at 1.12 s."""
    _, made = run(Once(), halted(1.065, 1.1))
    assert refusals(made).count(OrderType.STOP_LIMIT) == 1
    assert [one[3] for one in sent(made)].count("stop_limit") == 2
    assert settled(made)[0]["reason"] == "end of data"
    assert closes(made) == []


@pytest.mark.parametrize(("side", "share"), [(BUY, 0.021), (SELL, -0.021)])
def test_f5_a_target_that_was_refused_is_watched_and_closed_at(side, share):
    """Refused with the stop at 1.12 s; at 6 s the market is there, and the stop that stood meanwhile is withdrawn."""
    books = Books().book(0.0, *DEEP).quiet(0.5, 1.0)
    books.row(1.065, Kind.STATUS, qty=0).row(1.1, Kind.STATUS, qty=1)
    tape = books.quiet(1.5, 5.5).book(6.0, *moved(DEEP, share)).quiet(6.5, 9.0).tape()
    _, made = run(Once(side, target=0.02), tape)
    assert refusals(made) == [OrderType.STOP_LIMIT, OrderType.LIMIT]
    assert [one[3] for one in sent(made)].count("limit") == 3  # the entry's, the target's and the close's
    (closing,) = closes(made)
    assert closing[0] == pytest.approx(6.001, abs=1e-6)
    (one,) = settled(made)
    assert one["reason"] == "target"
    assert float(one["pnl"]) > 0
    assert sum(r["kind"] == Kind.CANCELED for b in made for r in b.rows) == 1


def test_a_stop_that_was_refused_twice_closes_the_position():
    _, made = run(Once(), halted(1.065, 4.0))
    assert refusals(made).count(OrderType.STOP_LIMIT) == 2
    assert settled(made)[0]["reason"] == "no stop"
    times = [one[0] for one in closes(made)]
    assert len(times) > 2
    assert np.diff(times).min() >= 1.0  # refused closes are sent again each second, not at once


def test_on_bars_a_stop_that_was_refused_is_sent_once_more():
    """There is no touch that it could lie behind: it arrives at 121.03 s and, again, when trading has gone on."""
    _, made = run(Once(), bars([100] * 8, halt=(121.01, 121.05)))
    assert refusals(made).count(OrderType.STOP) == 1
    assert [(one[0], one[6]) for one in sent(made) if one[3] == "stop"] == [(121.0, 10_000), (121.06, 10_000)]
    assert settled(made)[0]["reason"] == "end of data"


def test_the_last_lot_is_not_left_without_its_stop():
    """All but one lot go at the target; the venue refuses the stop for that lot, twice: the one for more stays."""
    books = calm().book(9.0, {10_190: 50_000}, {10_205: 50_000})
    books.row(9.5, Kind.TRADE, side=1, price=10_203, qty=LOTS - 1).row(9.51, Kind.STATUS, qty=0)
    _, made = run(Once(target=0.02), books.row(9.75, Kind.STATUS, qty=1).quiet(9.8, 14.0).tape())
    assert [one[6] for one in sent(made) if one[3] == "stop_limit"] == [LOTS, 1, 1]
    assert closes(made) == []
    cancelled = [r for b in made for r in b.rows if r["kind"] == Kind.CANCEL]
    assert (len(cancelled), settled(made)[0]["reason"]) == (0, "end of data")


def test_a_stop_that_the_market_has_passed_is_not_moved_away():
    """It was refused while the market fell through it: no price is legal that limits the loss, so it is closed."""
    books = Books().book(0.0, *DEEP).quiet(0.5, 1.0).row(1.065, Kind.STATUS, qty=0)
    books.book(1.09, {9_400: 50_000}, {9_410: 50_000}).row(1.1, Kind.STATUS, qty=1)
    _, made = run(Once(), books.quiet(1.5, 6.0).tape())
    assert [one[3] for one in sent(made)].count("stop_limit") == 1
    assert settled(made)[0]["reason"] == "no stop"
    assert fills(made)[-1] == (-1, 9_400, LOTS)


def partly():
    """A trade takes 4,000 lots at the target, 2 % above the entry; then the market falls through the stop."""
    books = calm().book(9.0, {10_190: 50_000}, {10_205: 50_000})
    books.row(9.5, Kind.TRADE, side=1, price=10_203, qty=4_000).quiet(9.6, 12.0, 0.2)
    return books.book(13.0, {9_500: 50_000}, {9_600: 50_000}).quiet(13.5, 20.0).tape()


def test_stop_le_remaining_after_part_of_a_target_the_rest_keeps_a_stop():
    """Control stop <= remaining: the stop is replaced by one for what is left, and what is left is never without."""
    _, made = run(Once(target=0.02), partly())
    stops = [one for one in sent(made) if one[3] == "stop_limit"]
    assert [one[6] for one in stops] == [LOTS, LOTS - 4_000]
    assert fills(made)[1:] == [(-1, 10_201, 4_000), (-1, 9_500, LOTS - 4_000)]
    assert len(settled(made)) == 1
    assert closes(made) == []


CASES = {
    "reach": (lambda: falling((9_500, 2_000), (9_400, 3_000), (9_300, 1_000), (9_000, 50_000)), Once(), {}),
    "naked": (lambda: calm(12.0).tape(), Once(), {"latency": SLOW}),
    "refused": (lambda: halted(1.065, 4.0), Once(), {}),
    "partly": (partly, Once(target=0.02), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_no_chunk_and_no_restart_changes_a_byte(case, tmp_path):
    """What the desk remembers of a stop that is missing, refused or used up lies in the snapshot."""
    make, strategy, sections = CASES[case]
    tape, config = make(), settings(**sections)
    whole = print_of(*run(strategy, tape, config))
    assert print_of(*run(strategy, tape, config, chunk=1)) == whole
    rows = sum(len(b) for b in tape.blocks())
    for at in range(3, rows, max(1, rows // 12)):
        first, before = machine(strategy, tape, config)
        for piece in pieces(tape.blocks(), 1):
            if first.loop.core[0]["rows"] >= at or not at:
                break
            first.push(piece)
        fed = int(first.loop.core[0]["rows"]) + len(first.loop.waiting)
        snapshot.save(first, tmp_path / f"{at}.npz", fed)
        second, after = machine(strategy, tape, config)
        drive(second, tape.blocks(), skip=snapshot.restore(second, tmp_path / f"{at}.npz"))
        assert print_of(second, before + after) == whole


@pytest.mark.parametrize("key", ["naked_s", "legs_s"])
def test_no_time_at_all_is_refused(key):
    """At 0 s every position would be closed before its stop can have been heard of."""
    with pytest.raises(ConfigError):
        from_mapping({"limits": {key: 0.0}})
