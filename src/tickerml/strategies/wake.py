"""When a strategy is woken. It declares one of these (or a tuple of them) as `wake`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

from tickerml.tape.errors import ConfigError
from tickerml.tape.rows import DAY, HOUR, MILLISECOND, MINUTE, SECOND

_UNITS: Final = {"ms": MILLISECOND, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")


def nanoseconds(span: str | int) -> int:
    """A span of time in ns: "250ms", "30s", "5m", "48h", "1d", "1w", or ns already. ConfigError `span` otherwise."""
    if isinstance(span, int):
        return span
    match = _SPAN.fullmatch(span.strip())
    if match is None or (ns := round(float(match[1]) * _UNITS[match[2]])) <= 0:
        raise ConfigError(
            "span", f'"{span}" is not a span of time', try_='write it as "250ms", "30s", "5m", "48h" or "1d"'
        )
    return ns


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
