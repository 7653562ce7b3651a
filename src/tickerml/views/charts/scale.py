"""From values to pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tickerml.views.story import Floats


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps `low`..`high` to pixels `first`..`last`, linear or by logarithm."""

    low: float
    high: float
    first: float
    last: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of one value."""
        low, high, at = self._bent(self.low), self._bent(self.high), self._bent(value)
        return self.first + (at - low) / ((high - low) or 1.0) * (self.last - self.first)

    def many(self, values: Floats) -> Floats:
        """The pixels of many values."""
        low, high = self._bent(self.low), self._bent(self.high)
        at = np.log(values) if self.log else values
        return np.asarray(self.first + (at - low) / ((high - low) or 1.0) * (self.last - self.first), np.float64)

    def _bent(self, value: float) -> float:
        return math.log(value) if self.log else value


def padded(low: float, high: float, share: float = 0.06) -> tuple[float, float]:
    """A range with some air at both ends; a flat one is opened around its value."""
    room = (high - low) * share or abs(high) * 0.01 or 1.0
    return low - room, high + room


def apart(wanted: list[float], gap: float, low: float, high: float) -> list[float]:
    """Label positions moved so that neighbours stand `gap` apart within low..high, each as near as can be."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [0.0] * len(wanted)
    at = low - gap
    for i in order:
        at = placed[i] = max(wanted[i], at + gap)
    limit = high
    for i in reversed(order):
        placed[i] = min(placed[i], limit)
        limit = placed[i] - gap
    return placed
