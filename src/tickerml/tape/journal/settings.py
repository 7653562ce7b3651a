"""What a journal is told when it is opened, and the states it can be in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from tickerml.tape.journal.host import Host
from tickerml.tape.journal.segment import SMALLEST
from tickerml.tape.journal.space import Space

SEGMENT_BYTES: Final = 64 << 20
FSYNC_INTERVAL: Final = 0.2
MARK_DELAY: Final = 0.05  # seconds from a lone sync to its mark record
SPARE_RETRY: Final = 1.0  # seconds between attempts to allocate the spare on a full disk


class State(Enum):
    """What the journal can still do."""

    RUNNING = "running"
    HALTED = "halted"  # the disk failed: nothing is written or synced any more; only opening it again helps
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments of `Journal.create` and `Journal.open`."""

    path: Path
    host: Host
    segment_bytes: int  # of new segments
    fsync_interval: float  # seconds of market rows that power loss may cost
    notify: Callable[[State, Space], None] | None  # called after one of them changed

    def __post_init__(self) -> None:
        if self.segment_bytes < SMALLEST or self.segment_bytes % 8:
            raise ValueError(f"segment_bytes must be a multiple of 8 from {SMALLEST} on, not {self.segment_bytes}")
        if not self.fsync_interval > 0:
            raise ValueError(f"fsync_interval must be positive seconds, not {self.fsync_interval}")
