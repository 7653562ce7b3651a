"""F5 in whole runs: what ends with a position, what is asked for again, and stops that stand until their heirs do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import ClassVar

import numpy as np
import pytest
from bar_path_tape import START, bars
from book_path_tape import DEEP, Books, closes, fills, moved, sent, settled

from small_runs import machine, run, settings
from tickerml.engine.machine import pieces
from tickerml.strategies.wake import Every
from tickerml.tape.build import Builder
from tickerml.tape.intents import Entry, Pass, Setup
from tickerml.tape.orders import OrderType
from tickerml.tape.rows import BUY, HOUR, SECOND, Kind


@dataclass(frozen=True)
class Once:
    """One long trade of a tenth of the equity, with what its fields say."""

    target: float = 0.2
    stop: float = 0.05
    lower: float = 0.0  # price of a second entry for half of it; 0 = none
    trail: float = 0.0
    superp: bool = False

    wake: ClassVar = Every("1s")
    sees: ClassVar = ()
    state: ClassVar = np.dtype([("done", "i8")])

    def decide(self, view):
        if view.state["done"] or not view.close > 0:
            return Pass("once, at the first price")
        view.state["done"] = 1
        if self.superp:
            return Setup(BUY, HOUR, 0.5, None, stake=100.0, leverage=10.0, superp=True, substitute="stake")
        entries = (Entry(), Entry(self.lower)) if self.lower else (Entry(),)
        if self.lower:
            entries = (Entry(None, 0.5), Entry(self.lower, 0.5))
        return Setup(BUY, HOUR, self.target, self.stop, entries, size=0.1, trail=self.trail or None)


LOTS = 9_949  # a tenth of 10,000 at the farthest price of the entry, 10,001 x 1.005
PATHS = {
    "target": ([100, 100, 101, 103, 103, 98, 95, 90, 85], Once(target=0.02, stop=0.2, lower=96.0)),
    "stop": ([100, 100, 99, 94, 92, 89, 85, 95, 96], Once(stop=0.05, lower=90.0)),
    "trailing stop": ([100, 100, 104, 110, 106, 100, 95, 95, 99], Once(stop=0.2, trail=0.03, lower=96.0)),
}


@pytest.mark.parametrize("name", PATHS)
def test_c2_unfilled_levels_expire_when_the_position_closes(name):
    """Of two entries the second had not filled: the market comes to its price behind the end of the trade."""
    path, strategy = PATHS[name]
    _, made = run(strategy, bars(path))
    assert [side for side, *_ in fills(made)] == [1, -1]
    (one,) = settled(made)
    assert one["reason"] == ("target" if name == "target" else "stop")


def burst(levels):
    """A book of so many thin levels, which a market order walks at one moment."""
    books = Books()
    books.builder, books.coins = Builder(), [replace(books.coins[0], tick=Decimal("0.0001"))]
    books.builder.instrument(START, books.coins[0])
    each = 9_900 // levels
    asks = {1_000_010 + 20 * k: each for k in range(levels)} | {1_008_000: 2_000_000}
    bids = {1_000_000 - 20 * k: each for k in range(levels)} | {993_000: 2_000_000}
    return books.book(0.0, bids, asks).quiet(0.5, 5.0).tape()


def test_fills_of_one_moment_are_protected_by_one_stop():
    """Each of 200 levels is an execution; a stop and a target for each would fill the way to the venue."""
    one, made = run(Once(), burst(200))
    bought = [qty for side, _, qty in fills(made) if side > 0]
    assert len(bought) > 150
    stops = [order for order in sent(made) if order[3] == "stop_limit"]
    assert [order[6] for order in stops] == [sum(bought)]
    assert one.loop.positions["position"][0] == 0


@pytest.mark.parametrize("lost", [False, True], ids=["trading is halted", "the book is lost"])
def test_a_superp_position_that_could_not_be_closed_is_closed_when_that_is_possible(lost):
    books = Books().book(0.0, *DEEP).quiet(0.5, 8.0)
    if lost:
        books.lost(8.2)
        books.row(9.0, Kind.TRADE, side=1, price=10_001, qty=1).row(10.0, Kind.TRADE, side=1, price=10_001, qty=1)
    else:
        books.row(8.2, Kind.STATUS, qty=0).quiet(8.5, 11.0).row(11.2, Kind.STATUS, qty=1)
    tape = books.book(12.0, *DEEP).quiet(12.5, 40.0).tape()
    one, made = machine(Once(superp=True), tape, settings(superp={"enabled": True}))
    fed, asked = 0, False
    for piece in pieces(tape.blocks(), 1):
        one.push(piece)
        fed += len(piece)
        if not asked and int(one.loop.core[0]["now"]) > START + round(9.5 * SECOND):
            one.trader.command("stop", "enough", close=True, after=fed)
            asked = True
    one.end()
    (ended,) = settled(made)
    assert ended["reason"] == "closed"
    assert (ended["exit_time"] - START) / SECOND < 20


def halted_while_it_trails():
    """The market rises by 1 % and, while no order is taken, by 1 % more; then it falls to the first stop that stood."""
    books = Books().book(0.0, *DEEP).quiet(0.5, 4.0).book(5.0, *moved(DEEP, 0.01)).quiet(5.5, 7.0)
    books.row(7.2, Kind.STATUS, qty=0).book(8.0, *moved(DEEP, 0.02)).quiet(8.5, 10.0).row(10.2, Kind.STATUS, qty=1)
    return books.quiet(10.5, 12.0).tape()


def test_a_trailing_stop_that_cannot_move_stays_where_it_is():
    """Trading is halted when a tighter one is to take its place: the one that stands is not withdrawn for it."""
    _, made = run(Once(trail=0.03), halted_while_it_trails())
    assert sum(int((b.rows["kind"] == Kind.REJECT).sum()) for b in made) >= 2
    assert [stops for _, stops, held in standing(made) if held][-1] == [LOTS]
    assert settled(made)[0]["reason"] == "end of data"
    assert closes(made) == []


def standing(made):
    """(ns, lots of each stop at the venue, lots held) behind every answer."""
    held, stops, found = 0, {}, []
    for block in made:
        for row in block.rows:
            if row["kind"] not in (Kind.ACK, Kind.FILL, Kind.CANCELED):
                continue
            order = block.orders[row["ref"]]
            if row["kind"] == Kind.FILL:
                held += int(row["side"]) * int(row["qty"])
            if row["kind"] == Kind.ACK and order["type"] == OrderType.STOP_LIMIT:
                stops[int(order["id"])] = int(order["left"])
            elif row["kind"] != Kind.ACK:
                stops.pop(int(order["id"]), None)
            found.append((int(row["recv"]), list(stops.values()), held))
    return found


def test_from_the_first_stop_to_the_last_fill_there_is_never_none():
    """The stop trails up ten times; the venue is slower to take orders than cancels."""
    books = Books().book(0.0, *DEEP).quiet(0.5, 2.0)
    for k in range(10):
        books.book(3.0 + k, *moved(DEEP, 0.004 * (k + 1)))
    config = settings(latency={"model": "constant", "entry_ms": 300.0, "cancel_ms": 1.0})
    _, made = run(Once(trail=0.03, stop=0.03), books.quiet(14.0, 20.0).tape(), config)
    found = standing(made)
    first = next(n for n, (_, stops, _) in enumerate(found) if stops)
    assert len([one for one in sent(made) if one[3] == "stop_limit"]) > 5
    assert all(stops and max(stops) <= held for _, stops, held in found[first:] if held)
    assert max(len(stops) for _, stops, _ in found) == 2  # the one that stands, and its heir


def test_a_target_that_is_filled_in_part_while_its_heir_is_on_its_way():
    """What stands in the end, stop and target, is for what is left."""
    books = Books().book(0.0, *DEEP).quiet(0.5, 4.0).book(5.0, {10_180: 50_000}, {10_195: 50_000})
    books.row(5.08, Kind.TRADE, side=1, price=10_204, qty=4_000).quiet(5.5, 12.0)
    _, made = run(Once(target=0.02, trail=0.03, stop=0.03), books.tape())
    sold = sum(qty for side, _, qty in fills(made) if side < 0)
    found = standing(made)
    assert 0 < sold < found[-1][2] + sold
    assert found[-1][1] == [found[-1][2]]
