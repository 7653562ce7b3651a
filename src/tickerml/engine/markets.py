"""What the desk is told of each instrument: touch, costs, how the market has been, and what it may be held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from tickerml.account.contract import RATE
from tickerml.desk.facts import Market, Tier
from tickerml.desk.limits import Limits
from tickerml.engine.loop import Loop
from tickerml.engine.pairs import apart, correlation
from tickerml.engine.prices import Prices
from tickerml.engine.watch import ABSENT, LOOK, SCRATCH, looks
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import SECOND, Record

RATES: Final = {"binance": 10, "binance-usdm": 20, "binance-coinm": 20}
"""Orders a second that a venue publishes for one account: 100 in 10 s on spot, 1,200 a minute on futures."""

SOURCE_NS: Final = 90 * SECOND  # a second source that is told more seldom than this (bars: and two bars) is none
DOLLARS: Final = ("USD", "USDC", "USDT", "DAI", "FDUSD", "TUSD")  # a quote coin's price is read off the first there is


class Markets:
    """Reads the loop's states at the moment it is asked; remembers nothing."""

    def __init__(self, loop: Loop, prices: Prices, instruments: Sequence[Instrument], limits: Limits) -> None:
        """Second sources and the price of quote coins are looked for among `instruments`, once."""
        self.loop, self.prices, self.instruments, self.limits = loop, prices, instruments, limits
        n, majors = len(instruments), [one.base in limits.majors for one in instruments]
        self._insts, self._out, self._scratch = np.zeros(n, np.int64), np.zeros(n, LOOK), np.zeros(1, SCRATCH)
        self._collars = np.where(majors, limits.collar_major, limits.collar)
        self._tiers = [_tiers(loop.venue.rules[one.id]) for one in instruments]
        self._second = [_second_source(one, instruments) for one in instruments]
        self._par = {one.quote: _par(one.quote, instruments) for one in instruments}
        self._later = {one.id: [i for i in instruments if i.previous == one.id] for one in instruments}
        loop.watches["apart"], loop.watches["late"] = limits.apart, round(limits.late_s * SECOND)

    def of(self, insts: Sequence[int]) -> dict[int, Market]:
        """The markets of these instruments, each named once."""
        loop, now, n = self.loop, int(self.loop.core[0]["now"]), len(insts)
        self._insts[:n] = insts
        looks(
            self._insts, n, loop.watches, loop.marks, loop.books, loop.venue.rules, now, round(self.limits.halt_s),
            self._collars, self._out, self._scratch,
        )  # fmt: skip
        return {inst: self._market(inst, now, seen) for inst, seen in zip(insts, self._out[:n].tolist(), strict=True)}

    def _market(self, inst: int, now: int, seen: tuple[Any, ...]) -> Market:
        """What `looks` (LOOK) has seen of an instrument, and what others say of it."""
        bid, ask, age, patience, bars, crossed, *figures, margin, taker, cost = seen
        if bars:
            figures = [None if x == ABSENT else x for x in figures]
        median, move, spread, below, above, volatility = figures
        gap, gap_ns = self._apart(inst, now, patience)
        return Market(
            bid,
            ask,
            age_ns=age,
            patience_ns=patience,
            bar_only=bool(bars),
            crossed=bool(crossed),
            blocked=self._blocked(inst),
            rebasing=self._rebasing(inst, now),
            venue_rate=RATES.get(self.instruments[inst].venue, 0),
            ready_ns=self._ready(inst, now),
            margin=margin,
            tiers=self._tiers[inst],
            cost=cost,
            taker=taker,
            median=median,
            move_1m=move,
            spread_ratio=spread,
            depth_bid=below,
            depth_ask=above,
            apart=gap,
            apart_ns=gap_ns,
            off_par=self._off_par(inst),
            volatility=volatility,
        )

    def correlation(self, one: int, other: int) -> float:
        """Of two instruments' returns over the last day; NaN = too little history."""
        return float(correlation(self.loop.watches[one], self.loop.watches[other]))

    def alert_ns(self, now: int, *, live: bool = False) -> int:
        """How long the oldest critical alert has waited, ns: a clock that jumped by more than `limits.late_s`.

        In a simulation the person who looks comes `limits.operator_s` after it, as for the desk's latches.
        """
        jumped = self.loop.watches["jumped"]
        wait = 0 if live else round(self.limits.operator_s * SECOND)
        open_ones = jumped[(jumped > 0) & ((now - jumped < wait) | (wait == 0))]
        return now - int(open_ones.min()) if len(open_ones) else 0

    def _blocked(self, inst: int) -> str:
        """Why the venue allows no entry, as the tape tells: a halt, lost updates, a feed that is late."""
        w, m = self.loop.watches[inst], self.loop.marks[inst]
        if w["halted"]:
            return "trading is halted"
        if w["broken"]:
            return "book not whole after lost updates"
        late = int(m["exch_recv"] - m["exch"]) if m["exch"] else 0
        return f"feed {late / SECOND:.1f} s late" if late > w["late"] else ""

    def _ready(self, inst: int, now: int) -> int | None:
        """Since when the book is whole again after lost updates, ns; None where none were lost."""
        whole = int(self.loop.watches[inst]["whole"])
        return now - whole if whole else None

    def _rebasing(self, inst: int, now: int) -> bool:
        """Whether a change of tick, lot or contract stands between us and this instrument.

        One that has been replaced is not entered; one that replaces another waits until nothing is left of that.
        """
        for later in self._later[inst]:
            if later.valid_from <= now and self.prices.known(later.id):
                return True
        before, setups = self.instruments[inst].previous, self.loop.states["setups"]
        if before < 0 or before >= len(self.instruments):
            return False
        return bool(self.loop.positions[before]["position"]) or bool(
            ((setups["inst"] == before) & (setups["state"] != 0)).any()
        )

    def _apart(self, inst: int, now: int, patience: int) -> tuple[float | None, int]:
        """Distance from the same pair on another venue, else from the index or mark price that the tape tells."""
        other = self._second[inst]
        if other is None:
            return self._apart_from_value(self.loop.watches[inst], now, SOURCE_NS + patience)
        watches = self.loop.watches
        ratio = float(self.instruments[inst].tick / self.instruments[other].tick)
        gap, seconds = apart(watches[inst], watches[other], ratio, now, self.limits.apart)
        return float(gap), int(seconds) * SECOND

    def _apart_from_value(self, w: Record, now: int, within: int) -> tuple[float | None, int]:
        if not w["held_before"] or w["held"] - w["held_before"] > within:
            return None, 0
        if now - int(w["held"]) > within:
            return float("nan"), 0  # it came often, and comes no more
        return float(w["gap"]), now - int(w["gap_since"]) if w["gap_since"] else 0

    def _off_par(self, inst: int) -> float | None:
        found = self._par[self.instruments[inst].quote]
        if found is None:
            return None
        price = self.prices.mark(found[0]) * float(self.instruments[found[0]].tick)
        if not price:
            return float("nan")
        return abs((price if found[1] else 1 / price) - 1)


def _tiers(rules: Record) -> tuple[Tier, ...]:
    """The margin tiers of an instrument as the desk reads them."""
    told = zip(rules["tier_cap"].tolist(), rules["tier_rate"].tolist(), rules["tier_leverage"].tolist(), strict=True)
    return tuple(Tier(cap, rate / RATE, most) for cap, rate, most in list(told)[: int(rules["n_tiers"])])


def _second_source(one: Instrument, instruments: Sequence[Instrument]) -> int | None:
    """The same pair on another venue, spot by spot, perpetual by perpetual."""
    for other in instruments:
        if other.symbol == one.symbol and other.venue != one.venue and not other.values_only:
            return other.id
    return None


def _par(quote: str, instruments: Sequence[Instrument]) -> tuple[int, bool] | None:
    """The instrument that prices a dollar coin in another dollar: (its id, whether the coin is its base)."""
    if quote not in DOLLARS:
        return None
    for other in instruments:
        if other.values_only:
            continue
        if other.base == quote and other.quote in DOLLARS:
            return other.id, True
        if other.quote == quote and other.base in DOLLARS:
            return other.id, False
    return None
