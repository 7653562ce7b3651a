"""Weights of coins: equal, by inverse volatility, or as an optimiser put them on the tape (hierarchical risk parity).

The desk computes no covariance: an optimiser outside it does, its answer is a row, and `take` follows that row, so that
a replay needs no optimiser.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Final

import numpy as np

from tickerml.desk.protections import Change
from tickerml.desk.settings import Weighing
from tickerml.desk.universe import day_of

WEIGHT: Final = np.dtype(  # one an instrument
    [
        ("weight", "f8"),
        ("at", "i8"),  # ns when it was set, 0 = never
        ("told", "f8"),  # what the tape said last, so that it is judged once
    ]
)


class Portfolio:
    """The weights in force; `table` is all that it remembers."""

    def __init__(self, mode: Weighing, instruments: int) -> None:
        """No weights yet; with `none` there never are any."""
        self.mode = mode
        self.table = np.zeros(max(1, instruments), WEIGHT)

    def due(self, now: int) -> bool:
        """Whether `observe` has new weights to make: once a day, like the universe, and until some are known."""
        return self.mode in ("equal", "inverse_volatility") and day_of(int(self.table["at"].max())) != day_of(now)

    def observe(self, now: int, volatility: Mapping[int, float]) -> list[Change]:
        """Volatility a day of each coin that may be traded: new weights for `equal` and `inverse_volatility`."""
        by = {"equal": equal, "inverse_volatility": inverse_volatility}.get(self.mode)
        weights = by(volatility) if by is not None else {}
        return self.take(now, weights) if weights else []

    def follow(self, now: int, told: Mapping[int, float]) -> list[Change]:
        """Weights as the tape told them last, of those coins that it told of; taken when one of them is new."""
        weights = {inst: weight for inst, weight in told.items() if isfinite(weight)}
        if all(self.table["told"][inst] == weight for inst, weight in weights.items()):
            return []
        for inst, weight in weights.items():
            self.table["told"][inst] = weight
        return self.take(now, weights)

    def take(self, now: int, weights: Mapping[int, float]) -> list[Change]:
        """Weights from now on. Those that are not finite, negative, or above 1 in all are refused whole, and told."""
        if self.mode == "none":
            return []
        bad = any(not isfinite(w) or w < 0 for w in weights.values()) or sum(weights.values()) > 1 + 1e-9
        if bad or not weights:
            return [Change("weights refused", {"weights": _plain(weights)})]
        old = self.table["weight"].copy()
        self.table["weight"], self.table["at"] = 0.0, now
        for inst, weight in weights.items():
            self.table["weight"][inst] = weight
        changed = not np.array_equal(old, self.table["weight"])
        return [Change("weights", {"mode": self.mode, "weights": _plain(weights)})] if changed else []

    def weights(self) -> dict[int, float] | None:
        """Weights by instrument; None where there is no portfolio rule. Until the first are set every weight is 0."""
        if self.mode == "none":
            return None
        return dict(enumerate(self.table["weight"].tolist()))


def equal(coins: Mapping[int, float]) -> dict[int, float]:
    """1 / n each."""
    return {inst: 1 / len(coins) for inst in coins} if coins else {}


def inverse_volatility(volatility: Mapping[int, float]) -> dict[int, float]:
    """Proportional to 1 / volatility; a coin whose volatility is not known, or 0, gets none."""
    inverse = {inst: 1 / v if isfinite(v) and v > 0 else 0.0 for inst, v in volatility.items()}
    total = sum(inverse.values())
    return {inst: x / total for inst, x in inverse.items()} if total > 0 else {}


def _plain(weights: Mapping[int, float]) -> dict[str, float]:
    return {str(inst): weight for inst, weight in sorted(weights.items())}
