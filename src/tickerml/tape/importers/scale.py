"""Floats to integer ticks and lots: the coarsest decimal step that says every price exactly."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.errors import InputError, Where
from tickerml.tape.rows import MAX_TICKS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MAX_DECIMALS: Final = 12
LOT_DECIMALS: Final = 8  # no venue trades smaller than 1e-8
_MAX_LOTS: Final = 2.0**62
_NOISE: Final = 8 * np.finfo(np.float64).eps  # a sum of a few exact decimals is off by some units in the last place


class Scale:
    """Learns from all values of a column, in pieces, how many decimals they need."""

    def __init__(self) -> None:
        self.decimals = 0  # that say every value exactly; MAX_DECIMALS + 1 = none do
        self.noisy = 0  # that say every value up to float noise
        self.largest = 0.0

    def learn(self, values: Floats) -> None:
        """Take in finite values."""
        if len(values):
            self.largest = max(self.largest, float(np.abs(values).max()))
        self.decimals = _decimals(values, self.decimals, 0.0)
        self.noisy = _decimals(values, self.noisy, float(_NOISE))

    def tick(self, path: str, given: Decimal | None) -> Decimal:
        """The price step: `given`, or the coarsest that is exact. Raises InputError tick-unknown, price-too-fine."""
        decimals = self.decimals if self.decimals <= MAX_DECIMALS else self.noisy
        if given is None and decimals > MAX_DECIMALS:
            raise InputError(
                "tick-unknown",
                f"no decimal price step up to {MAX_DECIMALS} places says every price of {path} exactly",
                where=Where(path),
                key="--tick",
                means="nothing was imported; prices are kept as whole ticks, so that they are exact",
                try_=f"tickerml data import {path} --tick 0.01     (prices are rounded to it, and counted)",
            )
        step = given if given is not None else step_of(decimals)
        if self.largest / float(step) > MAX_TICKS:
            raise InputError(
                "price-too-fine",
                f"prices up to {self.largest:g} in steps of {step:f} need more than {MAX_TICKS} ticks",
                where=Where(path),
                key="--tick",
                means="nothing was imported; a price is kept as a 32-bit number of ticks",
                try_=f"tickerml data import {path} --tick {self._fitting():f}     (rounds prices, and counts them)",
            )
        return step

    def _fitting(self) -> Decimal:
        return next(step_of(d) for d in range(MAX_DECIMALS, -12, -1) if self.largest * 10.0**d <= MAX_TICKS)

    def lot(self, path: str, given: Decimal | None) -> Decimal:
        """The size step: `given`, the coarsest exact one, the coarsest up to float noise, or the finest that fits.

        Raises InputError lot-too-fine.
        """
        exact = self.decimals if self.decimals <= LOT_DECIMALS else min(self.noisy, LOT_DECIMALS)
        while exact > 0 and self.largest * 10.0**exact >= _MAX_LOTS:
            exact -= 1
        step = given if given is not None else step_of(exact)
        if self.largest / float(step) >= _MAX_LOTS:
            raise InputError(
                "lot-too-fine",
                f"sizes up to {self.largest:g} in steps of {step:f} need more than {_MAX_LOTS:.1e} lots",
                where=Where(path),
                key="--lot",
                means="nothing was imported; a size is kept as a 64-bit number of lots",
                try_=f"tickerml data import {path} --lot {step_of(_digits(self.largest)):f}     (rounds sizes)",
            )
        return step


def _digits(largest: float) -> int:
    """Decimals, below 0 for tens, of the finest step in which sizes up to `largest` fit."""
    return next(d for d in range(LOT_DECIMALS, -400, -1) if largest * 10.0**d < _MAX_LOTS)


def _decimals(values: Floats, start: int, tolerance: float) -> int:
    """Least number of decimals from `start` on that says all values, within a relative tolerance."""
    left = values
    for d in range(start, MAX_DECIMALS + 1):
        back = np.rint(left * 10.0**d) / 10.0**d
        left = left[np.abs(back - left) > tolerance * np.abs(left)]
        if not len(left):
            return d
    return MAX_DECIMALS + 1


def step_of(decimals: int) -> Decimal:
    """1, 0.1, 0.01, ..."""
    return Decimal(1).scaleb(-decimals)


def to_steps(values: Floats, step: Decimal) -> tuple[Ints, Ints]:
    """Whole steps nearest to each value, and the indices of values that are no whole number of steps."""
    unit, shift = _unit_and_shift(step)
    tens = 10.0 ** abs(shift)
    steps = np.rint((values * tens if shift < 0 else values / tens) / unit)
    back = steps * unit / tens if shift < 0 else steps * unit * tens
    return steps.astype(np.int64), np.flatnonzero(back != values)


def from_steps(steps: Ints, step: Decimal) -> Floats:
    """The double nearest to each exact value (up to 2^53 units of the last decimal): inverse of `to_steps`."""
    unit, shift = _unit_and_shift(step)
    whole = (steps * unit).astype(np.float64)
    return np.asarray(whole / 10.0**-shift if shift < 0 else whole * 10.0**shift)


def _unit_and_shift(step: Decimal) -> tuple[int, int]:
    """The step as unit x 10^shift."""
    _, digits, exponent = step.as_tuple()
    return int("".join(map(str, digits))), int(exponent)
