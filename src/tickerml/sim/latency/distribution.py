"""Random latency: a floor plus a log-normal delay, drawn from the run's own seed; some requests are lost.

Requests draw from one stream, in the order in which they are sent, and answers from another, in the order of events at
the venue (sim/outbox.py `our_draws`): a run repeats, however far the venue has run when a request is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tickerml.sim.draws import exp, normal, uniform
from tickerml.tape.kernel import kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record


@dataclass(frozen=True)
class Params:
    """Medians, spread and loss."""

    floor_ns: Annotated[int, Range(0, 60_000_000_000)] = 1_000_000  # ns; the least that any way takes
    entry_ns: Annotated[float, Range(0, 6e10)] = 5e6  # ns; median above the floor, new orders
    cancel_ns: Annotated[float, Range(0, 6e10)] = 5e6  # ns; median above the floor, cancels
    response_ns: Annotated[float, Range(0, 6e10)] = 5e6  # ns; median above the floor, answers
    sigma: Annotated[float, Range(0, 3)] = 0.5  # none; standard deviation of the delay's logarithm
    lost: Annotated[float, Range(0, 1)] = 0.0  # none; probability that a request is lost on the way
    lost_ns: Annotated[int, Range(1, 60_000_000_000)] = 1_000_000_000  # ns; until we learn that it was


@kernel
def _delay(lat: Record, mail: Record, median: float) -> int:
    return lat["floor_ns"] + int(median * exp(min(lat["sigma"] * normal(mail), 50.0)))


@kernel
def entry(lat: Record, mail: Record, feed_ns: int) -> int:
    """Floor plus log-normal delay around `entry_ns`; -lost_ns when the order is lost."""
    if lat["lost"] > 0.0 and uniform(mail) < lat["lost"]:
        return -lat["lost_ns"]
    return _delay(lat, mail, lat["entry_ns"])


@kernel
def cancel(lat: Record, mail: Record, feed_ns: int) -> int:
    """Floor plus log-normal delay around `cancel_ns`; -lost_ns when the cancel is lost."""
    if lat["lost"] > 0.0 and uniform(mail) < lat["lost"]:
        return -lat["lost_ns"]
    return _delay(lat, mail, lat["cancel_ns"])


@kernel
def response(lat: Record, mail: Record, feed_ns: int) -> int:
    """Floor plus log-normal delay around `response_ns`; answers are never lost."""
    return _delay(lat, mail, lat["response_ns"])


def least(params: Params) -> tuple[int, int]:
    """The least time that a request and an answer take, ns: the loop may run that far ahead of either side."""
    return params.floor_ns, params.floor_ns
