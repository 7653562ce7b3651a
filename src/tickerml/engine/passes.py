"""Reasons that compiled detectors gave, on the tape: one PASS row a day for each strategy, instrument and reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tickerml.engine.states import States
from tickerml.tape.rows import DAY, FOREVER

TOLD: Final = np.dtype([("day", "i8")])  # number of the day since 1970 that is being counted


class Passes:
    """Counts by reason of every strategy with a detector. `tell(inst, figures, count)` appends one PASS row."""

    def __init__(
        self,
        states: States,
        names: Mapping[int, tuple[str, Sequence[str]]],
        asked: Mapping[int, NDArray[Any]],
        tell: Callable[[int, dict[str, Any], int], None],
    ) -> None:
        """`names`: strategy number -> its name and reasons; `asked`: its ASKED records by instrument."""
        self._names, self._asked, self._tell = names, asked, tell
        self._told = states.add("told", np.zeros(1, TOLD))

    def at(self, now: int) -> None:
        """Tell the day that has ended, if one has."""
        day = now // DAY
        if self._asked and day != self._told[0]["day"]:
            self.flush()
            self._told[0]["day"] = day

    def due(self, now: int) -> int:
        """When the day ends that is being counted at `now`, ns; FOREVER when nothing is counted."""
        return (now // DAY + 1) * DAY if self._asked else FOREVER

    def flush(self) -> None:
        """Tell what was counted, and start anew."""
        for k, asked in self._asked.items():
            name, reasons = self._names[k]
            counts = asked["passes"]
            for inst, reason in zip(*np.nonzero(counts), strict=True):
                figures = {"strategy": name, "reason": reasons[int(reason) - 1], "count": int(counts[inst, reason])}
                self._tell(int(inst), figures, int(counts[inst, reason]))
            counts[...] = 0
