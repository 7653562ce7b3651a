"""Which coins may be traded: a list, or the top N by 30-day volume that are old enough and not too wide.

Decided once a day, at 01:00 UTC, when the last bars of the day before are in, from whole days only. Every change is
told. An instrument whose age or spread is not known is not in the universe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tickerml.desk.protections import Change
from tickerml.desk.settings import Manager as Rules
from tickerml.desk.settings import coins_named
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import DAY, HOUR

LISTED: Final = np.dtype([("in", "i8")])  # one an instrument


@dataclass(frozen=True, slots=True)
class Listing:
    """What is known of one instrument; NaN = not known."""

    turnover: float  # quote a day, mean of the last 30 whole days
    days: float  # since its first row
    spread: float  # basis points, median of the last whole day


class Universe:
    """The rule. `table` (one record an instrument) and `clock` are all that it remembers."""

    def __init__(self, rules: Rules, instruments: Sequence[Instrument], bar_only: Sequence[bool] = ()) -> None:
        """`symbols` of the rules stand as they are; `top` = 0 without symbols: every coin. Bars have no spread."""
        self.rules, self.instruments = rules, instruments
        self._bars = [k < len(bar_only) and bar_only[k] for k in range(len(instruments))]
        self.table = np.zeros(max(1, len(instruments)), LISTED)
        self.clock = np.zeros(1, [("day", "i8")])

    @property
    def chooses(self) -> bool:
        """Whether it has to be asked each day, by `due` and `decide`."""
        return self.rules.top > 0 and not self.rules.symbols

    def due(self, now: int) -> bool:
        """Whether a new day has begun."""
        return self.chooses and int(self.clock[0]["day"]) != day_of(now)

    def decide(self, now: int, listings: Sequence[Listing]) -> list[Change]:
        """Choose for the day; `listings` by instrument id."""
        self.clock[0]["day"] = day_of(now)
        fit = [one.id for one in self.instruments if self._fits(now, one, listings[one.id])]
        fit.sort(key=lambda inst: (-listings[inst].turnover, inst))
        before = self.table["in"].copy()
        self.table["in"] = 0
        self.table["in"][fit[: self.rules.top]] = 1
        if np.array_equal(before, self.table["in"]):
            return []
        names = [one.symbol for one in self.instruments if self.table[one.id]["in"]]
        return [Change("universe", {"coins": ", ".join(names), "n": len(names)})]

    def allowed(self) -> frozenset[int] | None:
        """Ids of the instruments that may be traded; None = all."""
        if self.rules.symbols:
            named = coins_named(self.rules.symbols)
            return frozenset(i.id for i in self.instruments if i.base in named or i.coin in named)
        return frozenset(np.flatnonzero(self.table["in"]).tolist()) if self.rules.top else None

    def _fits(self, now: int, one: Instrument, known: Listing) -> bool:
        days = (now - one.valid_from) / DAY if one.valid_from else known.days
        narrow = self._bars[one.id] or known.spread <= self.rules.max_spread_bps
        return days >= self.rules.min_age_days and narrow and known.turnover > 0


def day_of(now: int) -> int:
    """Number of the day that a moment counts to, from 01:00 to 01:00 UTC."""
    return (now - HOUR) // DAY


def begin_of(now: int) -> int:
    """When the day that a moment counts to began, ns."""
    return day_of(now) * DAY + HOUR
