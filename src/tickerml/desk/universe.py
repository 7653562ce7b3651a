"""Which coins may be traded: a list, or the top N by 30-day volume that are old enough and not too wide.

A fold over bars and spreads; decided once a UTC day, from whole days only. Every change is told. An instrument whose
age or spread is not known is not in the universe.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from typing import Final

import numpy as np

from tickerml.desk.protections import Change
from tickerml.desk.settings import Manager as Rules
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import DAY

DAYS: Final = 30
BINS: Final = 64
_FINEST: Final = 0.1  # basis points; upper edge of the first bin, four bins to a doubling
LISTED: Final = np.dtype(
    [
        ("born", "i8"),  # ns of its definition or first bar; 0 = never seen
        ("volumes", "f8", (DAYS,)),  # quote volume of the last whole days
        ("today", "f8"),
        ("spreads", "i8", (BINS,)),  # histogram of today's spreads
        ("spread", "f8"),  # median of the last whole day with any, basis points; 0 = not known
        ("in", "i8"),
    ]
)


class Universe:
    """The fold. `table` (one record an instrument) and `clock` are all that it remembers."""

    def __init__(self, rules: Rules, instruments: Sequence[Instrument], bar_only: Sequence[bool] = ()) -> None:
        """`symbols` of the rules stand as they are; `top` = 0 without symbols: every coin. Bars have no spread."""
        self.rules, self.instruments = rules, instruments
        self._bars = np.array([bool(k < len(bar_only) and bar_only[k]) for k in range(max(1, len(instruments)))])
        self.table = np.zeros(max(1, len(instruments)), LISTED)
        self.clock = np.zeros(1, [("day", "i8"), ("days", "i8")])
        for one in instruments:
            self.table[one.id]["born"] = one.valid_from

    def on_bar(self, now: int, inst: int, quote_volume: float) -> list[Change]:
        """A bar of `inst` closed with this volume in quote."""
        told = self._turn(now)
        coin = self.table[inst]
        coin["born"] = coin["born"] or now
        coin["today"] += quote_volume
        return told

    def on_spread(self, now: int, inst: int, bps: float) -> list[Change]:
        """A spread of `inst`, basis points of the mid; sampled evenly in time."""
        told = self._turn(now)
        if bps > 0:
            place = 0 if bps <= _FINEST else min(BINS - 1, int(4 * log2(bps / _FINEST)) + 1)
            self.table[inst]["spreads"][place] += 1
        return told

    def allowed(self) -> frozenset[int] | None:
        """Ids of the instruments that may be traded; None = all."""
        if self.rules.symbols:
            return frozenset(i.id for i in self.instruments if i.base in self.rules.symbols)
        if self.rules.top == 0:
            return None
        return frozenset(np.flatnonzero(self.table["in"]).tolist())

    def _turn(self, now: int) -> list[Change]:
        clock, day = self.clock[0], now // DAY
        if self.rules.top == 0 or self.rules.symbols or clock["day"] == day:
            return []
        first = clock["day"] == 0
        clock["day"] = day
        if first:
            return []
        self.table["volumes"][:, int(clock["days"]) % DAYS] = self.table["today"]
        self.table["today"] = 0.0
        clock["days"] += 1
        for coin in self.table:
            if coin["spreads"].any():
                coin["spread"], coin["spreads"] = _median(coin["spreads"].tolist()), 0
        return self._decide(now)

    def _decide(self, now: int) -> list[Change]:
        rules, before = self.rules, self.table["in"].copy()
        volume = self.table["volumes"].sum(axis=1)
        old_enough = (self.table["born"] > 0) & (now - self.table["born"] >= rules.min_age_days * DAY)
        narrow = self._bars | ((self.table["spread"] > 0) & (self.table["spread"] <= rules.max_spread_bps))
        fit = [i.id for i in self.instruments if old_enough[i.id] and narrow[i.id] and volume[i.id] > 0]
        fit.sort(key=lambda inst: (-volume[inst], inst))
        self.table["in"] = 0
        self.table["in"][fit[: rules.top]] = 1
        if np.array_equal(before, self.table["in"]):
            return []
        names = [i.symbol for i in self.instruments if self.table[i.id]["in"]]
        return [Change("universe", {"coins": ", ".join(names), "n": len(names)})]


def _median(counts: list[int]) -> float:
    """Upper edge of the bin that holds the median, basis points."""
    half, seen = sum(counts) / 2, 0
    for place, count in enumerate(counts):
        seen += count
        if seen >= half:
            return float(_FINEST * 2 ** (place / 4))
    return 0.0
