"""Is its confidence true? Bins, errors and floors of all forecasts whose outcome is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tickerml.views.figures import ENOUGH_TO_CALIBRATE, seed
from tickerml.views.intervals import Interval, brier, calibration_error, calibration_floor, wilson
from tickerml.views.story import Floats, Story

BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Forecasts between `low` and `high`: what was said on average, what happened (95 % Wilson)."""

    low: float
    high: float
    said: float
    happened: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well said probabilities met what happened. `raw`: the confidence before calibration was judged."""

    n: int
    raw: bool
    said: float
    happened: Interval
    bins: tuple[Bin, ...]
    brier: float
    brier_floor: float  # always saying the base rate
    error: float
    error_floor: float  # a perfect forecaster with the same n

    @property
    def enough(self) -> bool:
        """200 settled forecasts or more: below that only counts are shown."""
        return self.n >= ENOUGH_TO_CALIBRATE


def forecasts(story: Story) -> tuple[Floats, Floats, bool]:
    """What was said, what happened (0 or 1), and whether it was said raw: calibrated ones when there are enough."""
    known = [o for o in story.outcomes if o.confidence is not None]
    raw = len(known) < ENOUGH_TO_CALIBRATE
    chosen = list(story.outcomes) if raw else known
    said = [o.raw if raw or o.confidence is None else o.confidence for o in chosen]
    return np.clip(np.array(said, np.float64), 0, 1), np.array([o.won for o in chosen], np.float64), raw


def calibration(story: Story) -> Calibration | None:
    """Bins of a tenth each, Brier score and expected calibration error, each with its floor."""
    said, won, raw = forecasts(story)
    n = len(said)
    if not n:
        return None
    which = np.minimum((said * BINS).astype(np.int64), BINS - 1)
    bins = []
    for b in range(BINS):
        inside = which == b
        if inside.any():
            happened = wilson(int(won[inside].sum()), int(inside.sum()))
            bins.append(Bin(b / BINS, (b + 1) / BINS, float(said[inside].mean()), happened))
    base = float(won.mean())
    return Calibration(
        n, raw, float(said.mean()), wilson(int(won.sum()), n), tuple(bins), brier(said, won), base * (1 - base),
        calibration_error(said, won), calibration_floor(said, seed(story, "calibration")),
    )  # fmt: skip


def spoken(found: Calibration | None) -> str:
    """The state of calibration in a few words, for the summary."""
    if found is None:
        return ""
    if not found.enough:
        return f"uncalibrated: {found.n} settled of {ENOUGH_TO_CALIBRATE}"
    kind = "raw, " if found.raw else ""
    return (
        f"{kind}said {found.said:.2f}, happened {found.happened.value:.2f} "
        f"({found.happened.low:.2f} to {found.happened.high:.2f}), n {found.n}; "
        f"Brier {found.brier:.3f} (base rate {found.brier_floor:.3f})"
    )
