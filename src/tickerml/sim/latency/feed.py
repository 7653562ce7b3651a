"""Latency taken from the rows: the feed latency last seen, times a factor, plus a constant.

Orders suffer what the market data suffers: in bursts the feed lags, and orders lag too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tickerml.tape.kernel import kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record


@dataclass(frozen=True)
class Params:
    """Factors on the feed latency, and what is added."""

    entry_factor: Annotated[float, Range(0, 100)] = 1.0  # none; new orders
    cancel_factor: Annotated[float, Range(0, 100)] = 1.0  # none; cancels
    response_factor: Annotated[float, Range(0, 100)] = 1.0  # none; answers
    base_ns: Annotated[int, Range(0, 60_000_000_000)] = 1_000_000  # ns; added to each


@kernel
def _lagged(lat: Record, feed_ns: int, factor: float) -> int:
    return lat["base_ns"] + int(max(feed_ns, 0) * factor)


@kernel
def entry(lat: Record, mail: Record, feed_ns: int) -> int:
    """Feed latency x entry_factor + base."""
    return _lagged(lat, feed_ns, lat["entry_factor"])


@kernel
def cancel(lat: Record, mail: Record, feed_ns: int) -> int:
    """Feed latency x cancel_factor + base."""
    return _lagged(lat, feed_ns, lat["cancel_factor"])


@kernel
def response(lat: Record, mail: Record, feed_ns: int) -> int:
    """Feed latency x response_factor + base."""
    return _lagged(lat, feed_ns, lat["response_factor"])


def least(params: Params) -> tuple[int, int]:
    """The least time that a request and an answer take, ns: the loop may run that far ahead of either side."""
    return params.base_ns, params.base_ns
