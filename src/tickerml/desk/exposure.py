"""What we hold and what may still fill, worst case: position + open + unknown + cancel-pending, in money.

A setup counts with the money that it was approved with, times the share of its lots that is held or may still fill: an
order that was asked to leave, or that nobody answered, counts whole until the venue says that it has ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, fields

import numpy as np

from tickerml.desk.legs import ENTRY
from tickerml.desk.setups import Setups, held
from tickerml.tape.rows import Record


@dataclass(slots=True)
class Exposure:
    """Sums over all setups under way. A round adds what it approves, so that the next setup is judged after it."""

    positions: int = 0  # setups under way
    room: int = 64  # setups that the tables still take
    orders: int = 0  # our open orders
    in_use: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # wallet -> margin, spot cost, stakes
    by_strategy: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))  # (wallet, strategy)
    heat: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # wallet -> sum of losses to the stops
    notional: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # instrument -> money, worst case
    side: dict[int, int] = field(default_factory=dict)  # instrument -> side of the setup under way
    orders_on: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # instrument -> our open orders
    unknown_on: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # instrument -> without an answer
    sent: int = 0  # messages of this round that have not left yet
    sent_on: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # instrument -> the same
    best_buy: dict[int, int] = field(default_factory=dict)  # instrument -> our highest resting buy, ticks
    best_sell: dict[int, int] = field(default_factory=dict)  # instrument -> our lowest resting sell, ticks

    def add(self, wallet: int, strategy: int, inst: int, side: int, worst: Worst, orders: int) -> None:
        """A setup was approved: all of it counts from now on."""
        self.positions += 1
        self.room -= 1
        self.orders += orders
        self.orders_on[inst] += orders
        self.sent += orders
        self.sent_on[inst] += orders
        self.count(wallet, strategy, inst, side, worst)

    def copy(self) -> Exposure:
        """An independent copy, for a group that stands or falls together."""
        return Exposure(**{f.name: copy(getattr(self, f.name)) for f in fields(self)})

    def count(self, wallet: int, strategy: int, inst: int, side: int, worst: Worst) -> None:
        """Add the money of one setup."""
        self.in_use[wallet] += worst.margin
        self.by_strategy[wallet, strategy] += worst.margin
        self.heat[wallet] += worst.risk
        self.notional[inst] += worst.notional
        self.side[inst] = side


@dataclass(frozen=True, slots=True)
class Worst:
    """What a setup can come to, money of its wallet."""

    notional: int  # at the worst price that its orders may fill at; 0 for SuperP, whose stake is all
    margin: int  # margin, spot cost or stake
    risk: int  # lost at the stop; the stake, or all of the notional, where there is no stop


def exposure(
    setups: Setups, wallet_of: tuple[int, ...], now: int, patience: Callable[[int], int] | None = None
) -> Exposure:
    """Everything under way at `now`; `patience(instrument)`: ns without an answer from which an order is UNKNOWN."""
    found = Exposure(room=setups.free_slots())
    waiting: dict[int, int] = defaultdict(int)
    legs = setups.legs.table
    for k in np.flatnonzero(legs["id"]).tolist():
        leg = legs[k]
        inst = int(leg["inst"])
        found.orders += 1
        found.orders_on[inst] += 1
        if leg["role"] == ENTRY:
            waiting[int(leg["setup"])] += int(leg["left"])
        if patience is not None and leg["sent"] and not leg["known"] and now - int(leg["sent"]) > patience(inst):
            found.unknown_on[inst] += 1
        _rest(found, inst, leg)
    for k in np.flatnonzero(setups.table["state"]).tolist():
        s = setups.table[k]
        inst = int(s["inst"])
        found.positions += 1
        found.count(wallet_of[inst], int(s["strategy"]), inst, int(s["side"]), worst_of(s, waiting[k]))
    return found


def worst_of(s: Record, waiting: int) -> Worst:
    """The money that a setup can still come to with `waiting` lots of its entries open; rounded up."""
    margin = int(s["in_use"])
    if s["superp"]:
        return Worst(0, margin, margin)
    notional = int(s["notional"]) or margin
    risk = int(s["risk"]) or (int(notional * float(s["stop"])) if s["stop"] > 0 else notional)
    lots = int(s["lots"])
    alive = held(s) + waiting
    if lots <= 0 or alive >= lots:
        return Worst(notional, margin, risk)
    return Worst(*(-(-money * alive // lots) for money in (notional, margin, risk)))


def _rest(found: Exposure, inst: int, leg: Record) -> None:
    price, side = int(leg["price"]), int(leg["side"])
    if price and side > 0:
        found.best_buy[inst] = max(price, found.best_buy.get(inst, 0))
    elif price and side < 0:
        found.best_sell[inst] = min(price, found.best_sell.get(inst, price))
