"""When a strategy is woken. It declares one of these (or a tuple of them) as `wake`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from tickerml.tape.spans import nanoseconds


@dataclass(frozen=True)
class Every:
    """At the first row, timers included, at or after each multiple of `period` (UTC), once per instrument.

    A tape of bars carries no rows in between, so there it means once a bar.
    """

    period: str | int

    @cached_property
    def ns(self) -> int:
        """The period in ns."""
        return nanoseconds(self.period)


@dataclass(frozen=True)
class Bars:
    """When a bar of this timeframe has closed and has become visible."""

    timeframe: str

    @cached_property
    def ns(self) -> int:
        """The bar's length in ns."""
        return nanoseconds(self.timeframe)


@dataclass(frozen=True)
class Trade:
    """At every print worth at least `min_usd` (in the quote currency: price x size)."""

    min_usd: float


Wake: TypeAlias = Every | Bars | Trade
