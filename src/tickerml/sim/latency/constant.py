"""Constant latency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tickerml.tape.kernel import kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record


@dataclass(frozen=True)
class Params:
    """Three delays."""

    entry_ns: Annotated[int, Range(0, 60_000_000_000)] = 10_000_000  # ns; new orders, there
    cancel_ns: Annotated[int, Range(0, 60_000_000_000)] = 10_000_000  # ns; cancels, there
    response_ns: Annotated[int, Range(0, 60_000_000_000)] = 10_000_000  # ns; answers, back


@kernel
def entry(lat: Record, mail: Record, feed_ns: int) -> int:
    """Always `entry_ns`."""
    return lat["entry_ns"]


@kernel
def cancel(lat: Record, mail: Record, feed_ns: int) -> int:
    """Always `cancel_ns`."""
    return lat["cancel_ns"]


@kernel
def response(lat: Record, mail: Record, feed_ns: int) -> int:
    """Always `response_ns`."""
    return lat["response_ns"]


def least(params: Params) -> tuple[int, int]:
    """The least time that a request and an answer take, ns: the loop may run that far ahead of either side."""
    return min(params.entry_ns, params.cancel_ns), params.response_ns
