"""What may happen in the synthetic market: its temper, and the accidents that every system must survive.

Events are placed by the clock of the market, not by the length of the tape, so a shorter tape is a prefix of a longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum
from typing import Final

from tickerml.tape.errors import InputError
from tickerml.tape.rows import MINUTE, SECOND


class Event(IntEnum):
    """What an event does to the market while it lasts."""

    NONE = 0
    CRASH = 1  # prices fall by `size`, books empty, then most of the fall is bought back over 5 times its length
    GAP = 2  # the feed of every coin is lost and comes back with a GAP row and a snapshot
    HALT = 3  # STATUS 0, nothing trades or quotes, STATUS 1
    CROSS = 4  # now and then a message leaves the book crossed at its END, and a later one mends it
    LATENCY = 5  # everything arrives `size` times later
    FEES = 6  # a PARAMS row raises the fees; another restores them when it ends


@dataclass(frozen=True, slots=True)
class Scenario:
    """Multipliers on the default market, and one kind of event at fixed times."""

    name: str
    summary: str
    volatility: float = 1.0  # of every coin
    rate: float = 1.0  # orders and trades per second
    depth: float = 1.0  # size at each level
    spread: float = 1.0  # distance of the quotes, and of levels from each other
    calm_share: float = 0.5  # long-run share of time in the quiet regime
    stormy_share: float = 0.15  # long-run share of time in the stormy regime
    event: Event = Event.NONE
    first: int = 5 * MINUTE  # start of the first event after the start of the tape
    period: int = 120 * MINUTE  # from the start of one event to the start of the next
    lasts: int = 60 * SECOND
    size: float = 0.0  # crash: fraction of the price; latency: factor


SCENARIOS: Final = {
    s.name: s
    for s in (
        Scenario("calm", "an ordinary day: quiet hours, few storms", 0.8, 0.7, calm_share=0.6, stormy_share=0.08),
        Scenario("busy", "a loud day: twice the trades, many storms", 1.3, 1.6, 0.8, calm_share=0.15, stormy_share=0.4),
        Scenario("flash-crash", "prices fall 8 % in a minute and recover most of it", event=Event.CRASH, size=0.08),
        Scenario(
            "gap",
            "the feed is lost for 12 s every 20 minutes",
            event=Event.GAP,
            first=3 * MINUTE,
            period=20 * MINUTE,
            lasts=12 * SECOND,
        ),
        Scenario("halt", "trading stops for 3 minutes every 2 hours", event=Event.HALT, lasts=3 * MINUTE),
        Scenario("thin", "a thin book: a twelfth of the size, wide quotes, few trades", 1.1, 0.35, 0.08, 4.0),
        Scenario(
            "crossed",
            "the feed shows crossed books for a minute in ten",
            event=Event.CROSS,
            first=2 * MINUTE,
            period=10 * MINUTE,
        ),
        Scenario(
            "latency",
            "messages arrive 150 times later for 10 s in five minutes",
            event=Event.LATENCY,
            first=2 * MINUTE,
            period=5 * MINUTE,
            lasts=10 * SECOND,
            size=150.0,
        ),
        Scenario("fees", "fees rise by half for an hour in two", event=Event.FEES, lasts=60 * MINUTE),
    )
}

DEFAULT_SCENARIO: Final = "calm"
DEFAULT_SEED: Final = 7


def scenario_of(name: str) -> Scenario:
    """The scenario called `name`. InputError `scenario` names all there are when there is none."""
    if name not in SCENARIOS:
        near = get_close_matches(name, SCENARIOS, 1)
        raise InputError(
            "scenario",
            f'"{name}" is not a scenario of the synthetic market' + (f"; did you mean {near[0]}?" if near else ""),
            means="nothing was made; there are " + ", ".join(SCENARIOS),
            try_=f"synthetic:{near[0] if near else DEFAULT_SCENARIO}",
        )
    return SCENARIOS[name]


def parse_source(text: str) -> tuple[str, int]:
    """Scenario and seed of `synthetic[:scenario][:seed]`. InputError `scenario` or `seed` when they cannot be read."""
    _, *parts = text.split(":", 2)
    if len(parts) == 1 and parts[0].isdecimal():
        parts = ["", *parts]
    name, seed, *_ = [*parts, "", ""]
    if seed and not seed.isdecimal():
        raise InputError(
            "seed", f'"{seed}" is not a seed', means="a seed is a whole number from 0 up", try_="synthetic:calm:7"
        )
    return scenario_of(name or DEFAULT_SCENARIO).name, int(seed or DEFAULT_SEED)
