"""How long the disk will last: levels, and the rate they are judged by."""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import Final

ENTRIES_OFF_BYTES: Final = 2 << 30
WARN_SECONDS: Final = 24 * 3600.0
CHECK_SECONDS: Final = 10.0
_SAMPLES: Final = 60  # ten minutes of checks


class Space(IntEnum):
    """Room for the journal. Higher is worse; each level keeps what the one below asks."""

    OK = 0
    WARN = 1  # full in less than 24 h at the present rate
    ENTRIES_OFF = 2  # less than 2 GiB: no new positions, optional streams dropped
    NO_SPARE = 3  # the next segment could not be allocated: when the present one is full, the journal halts


class SpaceGauge:
    """Judges free space by the rate of the last ten minutes."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque(maxlen=_SAMPLES)  # (seconds, bytes written so far)

    def judge(self, now: float, written: int, free: int, spare: bool) -> Space:
        """The level; `written` counts all bytes since the journal was opened, `free` those left on the disk."""
        self._samples.append((now, written))
        then, before = self._samples[0]
        if not spare:
            return Space.NO_SPARE
        if free < ENTRIES_OFF_BYTES:
            return Space.ENTRIES_OFF
        grown = written - before
        return Space.WARN if grown > 0 and free * (now - then) < WARN_SECONDS * grown else Space.OK
