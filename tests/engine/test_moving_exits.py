"""F5 in whole runs: trailing stops, zones, broken ranges, and targets of the average price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import msgspec
import numpy as np
import pytest
from bar_path_tape import bars

from small_runs import market, run
from standing import calm_moments
from tickerml.strategies.wake import Every
from tickerml.tape.intents import Entry, Long, Pass, Setup
from tickerml.tape.orders import OrderType
from tickerml.tape.params import Range
from tickerml.tape.rows import HOUR, Kind

STOPS = (OrderType.STOP, OrderType.STOP_LIMIT)  # on bars; where there is a book


@dataclass(frozen=True)
class Once:
    """One long trade with the exits that its fields say."""

    trail: Annotated[float, Range(0, 1)] = 0.0
    zones: bool = False
    floor: Annotated[float, Range(0, 1e9)] = 0.0
    target: Annotated[float, Range(0, 10)] = 0.5
    stop: Annotated[float, Range(0, 1)] = 0.05
    second: Annotated[float, Range(0, 1e9)] = 0.0  # limit of a second entry
    goes_on: bool = False

    wake: ClassVar = Every("1m")
    sees: ClassVar = ()
    state: ClassVar = np.dtype([("done", "i8")])

    def continues(self, view, side):
        return self.goes_on

    def decide(self, view):
        if view.state["done"] or not view.close > 0:
            return Pass("once, at the first price")
        view.state["done"] = 1
        entries = (Entry(),) if not self.second else (Entry(None, 0.5), Entry(self.second, 0.5))
        if self.floor:
            return Setup(1, 100 * HOUR, self.target, self.stop, entries, size=0.1, floor=self.floor)
        return Long(
            target=self.target, stop=self.stop, horizon="100h", entries=entries, size=0.1,
            trail=self.trail or None, zones=self.zones,
        )  # fmt: skip


def settled(blocks):
    return [msgspec.json.decode(b.blobs[int(r["ref"])]) for b in blocks for r in b.rows if r["kind"] == Kind.SETTLED]


def orders(blocks, kind=Kind.SUBMIT):
    return [b.orders[r["ref"]] for b in blocks for r in b.rows if r["kind"] == kind]


def stops(blocks):
    return [int(o["trigger"]) for o in orders(blocks) if o["type"] in STOPS]


def test_f5_a_trailing_stop_follows_and_never_goes_back():
    tape = bars([100, 100, 101, 103, 106, 110, 109, 105, 104])
    _, made = run(Once(trail=0.03), tape)
    moved = stops(made)
    assert len(moved) >= 3
    assert moved == sorted(moved)
    (one,) = settled(made)
    assert one["reason"] == "stop"
    assert 105 < float(one["exit"]) < 107.5  # 3 % below the best, not 5 % below the entry


def test_f5_without_trailing_the_stop_stays():
    _, made = run(Once(), bars([100, 100, 101, 103, 106, 110, 109, 105, 104]))
    assert len(set(stops(made))) == 1
    assert settled(made)[0]["reason"] == "end of data"


def test_f5_half_way_the_stop_goes_to_break_even():
    _, made = run(Once(zones=True, target=0.10), bars([100, 100, 103, 106, 104, 100, 98, 97]))
    assert stops(made)[-1] > stops(made)[0]
    (one,) = settled(made)
    assert one["reason"] == "stop"
    assert float(one["exit"]) == pytest.approx(100.1, abs=0.3)


@pytest.mark.parametrize("goes_on", [False, True])
def test_f5_at_the_target_it_goes_on_only_while_the_signals_agree(goes_on):
    _, made = run(Once(zones=True, target=0.05, goes_on=goes_on), bars([100, 100, 103, 106, 107, 109, 110, 110]))
    (one,) = settled(made)
    assert one["reason"] == "target"
    assert (float(one["exit"]) > 107.4) == goes_on  # extended by half of the first distance


def test_f5_a_close_below_the_range_ends_the_trade_and_a_wick_does_not():
    path = [(100, 100), (100, 97.5), (100, 99), (97.9, 97.5), (97.8, 97.7), (97.8, 97.7)]  # close, low
    _, made = run(Once(floor=98.0), bars([c for c, _ in path], lows=[low for _, low in path]))
    (one,) = settled(made)
    assert one["reason"] == "range break"
    assert float(one["exit"]) == pytest.approx(97.8, abs=0.3)


def test_c2_target_and_stop_are_of_the_average_entry():
    _, made = run(Once(second=96.0, target=0.10, stop=0.08), bars([100, 100, 98, 95, 96, 99, 103, 108, 108, 108]))
    (one,) = settled(made)
    assert one["reason"] == "target"
    entry = float(one["entry"])
    assert entry == pytest.approx(98, abs=0.5)
    assert float(one["exit"]) == pytest.approx(1.10 * entry, rel=0.002)
    standing = [o for o in orders(made) if o["type"] in STOPS]
    assert standing[-1]["qty"] == max(o["qty"] for o in standing)  # one pair for all that is held


@pytest.mark.parametrize("chunk", [7])
@pytest.mark.parametrize("strategy", [Once(trail=0.0005), Once(zones=True, target=0.004), Once(floor=1e6, stop=0.02)])
def test_chunks_change_nothing(strategy, chunk):
    tape = market("busy", minutes=3, rows=9_000)
    whole, cut = (b"".join(b.rows[["recv", "qty", "price", "inst", "kind", "side"]].tobytes() for b in run(
        strategy, tape, chunk=c)[1]) for c in (None, chunk))  # fmt: skip
    assert whole == cut


def test_the_stops_at_the_venue_are_for_what_is_held():
    """Whenever nothing is on its way: in between, the stop that takes over stands beside the one before it."""
    _, made = run(Once(trail=0.0002, stop=0.01), market("busy", minutes=3))
    assert len(stops(made)) > 3
    moments = list(calm_moments(made))
    assert len(moments) > 3
    assert all(held == covered for held, covered in moments)
