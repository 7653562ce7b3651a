"""Timer windows: time is cut into spans of 10 minutes from 00:00 UTC; a position closes with its span at the latest.

A span has three parts, ENTRY (minutes 0 to 3), MID (3 to 7) and EXIT (7 to 10), in which an entry is worth 100 %, 80 %
and 60 %: the later it comes, the less time its move has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tickerml.tape.rows import MINUTE

ENTRY, MID, EXIT = "ENTRY_WINDOW", "MID_TIMER", "EXIT_WINDOW"
EFFICIENCY: Final = {ENTRY: 1.0, MID: 0.8, EXIT: 0.6}


@dataclass(frozen=True, slots=True)
class Timer:
    """Where a moment lies in its span."""

    window: str  # ENTRY, MID or EXIT
    efficiency: float  # factor on confidence
    span: int  # number of the span since 1970
    left_ns: int  # until the span ends; above 0


def timer(now: int, limit_minutes: float, entry_minutes: float, mid_minutes: float) -> Timer:
    """The timer at `now` (ns UTC); ENTRY lasts until `entry_minutes` into the span, MID until `mid_minutes`."""
    limit = round(limit_minutes * MINUTE)
    span, passed = divmod(now, limit)
    window = ENTRY if passed < entry_minutes * MINUTE else MID if passed < mid_minutes * MINUTE else EXIT
    return Timer(window, EFFICIENCY[window], span, limit - passed)
