"""What we hold and what may still fill, worst case: position + open + unknown + cancel-pending, in money.

A setup counts with the money that it was approved with, times the share of its lots that is held or may still fill: an
order that was asked to leave, or that nobody answered, counts whole until the venue says that it has ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import Any, Final

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from tickerml.desk.legs import ENTRY, NOBODY, STOP
from tickerml.desk.setups import Setups
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Rows

_SUMS: Final[Callable[[], defaultdict[Any, int]]] = partial(defaultdict, int)


class Exposure(Struct):
    """Sums over all setups under way. A round adds what it approves, so that the next setup is judged after it."""

    positions: int = 0  # setups under way
    room: int = 64  # setups that the tables still take
    orders: int = 0  # our open orders
    in_use: dict[int, int] = field(default_factory=_SUMS)  # wallet -> margin, spot cost, stakes
    reserved: dict[int, int] = field(default_factory=_SUMS)  # wallet -> of it what is still part of the wallet's cash
    by_strategy: dict[tuple[int, int], int] = field(default_factory=_SUMS)  # (wallet, strategy)
    heat: dict[int, int] = field(default_factory=_SUMS)  # wallet -> sum of losses to the stops
    notional: dict[int, int] = field(default_factory=_SUMS)  # instrument -> money, worst case
    side: dict[int, int] = field(default_factory=dict)  # instrument -> side of the setup under way
    orders_on: dict[int, int] = field(default_factory=_SUMS)  # instrument -> our open orders
    unknown_on: dict[int, int] = field(default_factory=_SUMS)  # instrument -> without an answer
    sent: int = 0  # messages of this round that have not left yet
    sent_on: dict[int, int] = field(default_factory=_SUMS)  # instrument -> the same
    best_buy: dict[int, int] = field(default_factory=dict)  # instrument -> our highest resting buy, ticks
    best_sell: dict[int, int] = field(default_factory=dict)  # instrument -> our lowest resting sell, ticks

    def add(
        self, wallet: int, strategy: int, inst: int, side: int, worst: Worst, orders: int, *, more: bool = False
    ) -> None:
        """A setup was approved, or `more` of one that is there: all of it counts from now on."""
        self.positions += not more
        self.room -= not more
        self.orders += orders
        self.orders_on[inst] += orders
        self.sent += orders
        self.sent_on[inst] += orders
        self.count(wallet, strategy, inst, side, worst)

    def copy(self) -> Exposure:
        """An independent copy, for a group that stands or falls together."""
        return Exposure(*(copy(getattr(self, name)) for name in self.__struct_fields__))

    def count(
        self, wallet: int, strategy: int, inst: int, side: int, worst: Worst, reserved: int | None = None
    ) -> None:
        """Add the money of one setup; `reserved`: what has not left the wallet's cash yet, None = all."""
        self.in_use[wallet] += worst.margin
        self.reserved[wallet] += worst.margin if reserved is None else reserved
        self.by_strategy[wallet, strategy] += worst.margin
        self.heat[wallet] += worst.risk
        self.notional[inst] += worst.notional
        self.side[inst] = side


class Worst(Struct, frozen=True, gc=False):
    """What a setup can come to, money of its wallet."""

    notional: int  # at the worst price that its orders may fill at; 0 for SuperP, whose stake is all
    margin: int  # margin, spot cost or stake
    risk: int  # lost at the stop; the stake, or all of the notional, where there is no stop


def exposure(
    setups: Setups,
    wallet_of: tuple[int, ...],
    now: int,
    patience: Callable[[int], int] | None = None,
    spends: Sequence[bool] = (),
) -> Exposure:
    """Everything under way at `now`; `patience(instrument)`: ns without an answer from which an order is UNKNOWN.

    `spends`, by instrument: what is held of it has left the wallet's cash (spot, isolated margin).
    """
    plain = setups.plain
    n, m = orders_of(setups.legs, plain.orders), trades_of(setups.table, plain.trades, plain.stops)
    return summed(setups, n, m, wallet_of, now, patience, spends)


def summed(
    setups: Setups,
    n: int,
    m: int,
    wallet_of: tuple[int, ...],
    now: int,
    patience: Callable[[int], int] | None = None,
    spends: Sequence[bool] = (),
) -> Exposure:
    """The same of the `n` orders and `m` trades that `setups.plain` holds."""
    plain = setups.plain
    found = Exposure(room=setups.room(m, n), positions=m, orders=n)
    waiting: dict[int, int] = defaultdict(int)
    for inst, setup, role, left, sent, known, side, price in plain.orders[:n].tolist():
        found.orders_on[inst] += 1
        if role == ENTRY:
            waiting[setup] += left
        if patience is not None and sent and not known and now - sent > patience(inst):
            found.unknown_on[inst] += 1
        if setup != NOBODY and role != STOP:  # its cancel left before anything that leaves now; it rests in no book
            rest(found, inst, side, price)
    trades = zip(plain.trades[:m].tolist(), plain.stops[:m].tolist(), strict=True)
    for (k, inst, strategy, side, *money), stop in trades:
        worst = worst_of(*money, stop=stop, waiting=waiting[k])
        superp, in_use, lots = money[0], money[1], money[4]
        spent = spends and spends[inst] and not superp and lots > 0
        reserved = min(worst.margin, -(-in_use * waiting[k] // lots)) if spent else worst.margin
        found.count(wallet_of[inst], strategy, inst, side, worst, reserved)
    return found


@kernel
def orders_of(legs: Rows, out: NDArray[np.int64]) -> int:
    """The orders under way as plain numbers; returns how many. To read records from Python takes far longer."""
    n = 0
    for k in range(len(legs)):
        leg = legs[k]
        if leg["id"] != 0:
            o = out[n]
            o[0], o[1], o[2], o[3] = leg["inst"], leg["setup"], leg["role"], leg["left"]
            o[4], o[5], o[6], o[7] = leg["sent"], leg["known"], leg["side"], leg["price"]
            n += 1
    return n


@kernel
def trades_of(setups: Rows, out: NDArray[np.int64], stops: NDArray[np.float64]) -> int:
    """The setups under way as plain numbers, as `worst_of` takes them; returns how many."""
    n = 0
    for k in range(len(setups)):
        s = setups[k]
        if s["state"] != 0:
            o = out[n]
            o[0], o[1], o[2], o[3] = k, s["inst"], s["strategy"], s["side"]
            o[4], o[5], o[6], o[7] = s["superp"], s["in_use"], s["notional"], s["risk"]
            o[8], o[9], o[10], o[11] = s["lots"], s["entered"], s["taken"], s["exited"]
            stops[n] = s["stop"]
            n += 1
    return n


def worst_of(
    superp: int,
    in_use: int,
    notional: int,
    risk: int,
    lots: int,
    entered: int,
    taken: int,
    exited: int,
    *,
    stop: float,
    waiting: int = 0,
) -> Worst:
    """The money that a setup (SETUP) can still come to with `waiting` lots of its entries open; rounded up."""
    if superp:
        return Worst(0, in_use, in_use)
    margin, notional = in_use, notional or in_use
    risk = risk or (int(notional * stop) if stop > 0 else notional)
    alive = entered - taken - exited + waiting
    if lots <= 0 or alive >= lots:
        return Worst(notional, margin, risk)
    return Worst(-(-notional * alive // lots), -(-margin * alive // lots), -(-risk * alive // lots))


def rest(found: Exposure, inst: int, side: int, price: int) -> None:
    """One of our orders rests at `price` ticks, 0 = at none: what an entry must not meet."""
    if price and side > 0:
        found.best_buy[inst] = max(price, found.best_buy.get(inst, 0))
    elif price and side < 0:
        found.best_sell[inst] = min(price, found.best_sell.get(inst, price))
