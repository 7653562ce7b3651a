"""Where axes carry a mark, and what it says."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime
from typing import Final

from tickerml.tape.rows import DAY, HOUR, MINUTE, SECOND
from tickerml.views.words import fixed, moment, month

_STEPS: Final = tuple(
    n * unit
    for unit, counts in (
        (SECOND, (1, 5, 15, 30)),
        (MINUTE, (1, 5, 15, 30)),
        (HOUR, (1, 3, 6, 12)),
        (DAY, (1, 2, 7, 14)),
    )
    for n in counts
)


def step_of(low: float, high: float, most: int) -> float:
    """The finest of 1, 2, 2.5, 5 times a power of ten with at most `most` steps in low..high."""
    rough = (high - low) / max(1, most) or 1.0
    power = 10 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * (1 - 1e-9))


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values within low..high, at most `most` + 1."""
    step = step_of(low, high, most)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values for a logarithmic axis: 1, 2, 5 times powers of ten, else linear ones."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [m * 10.0**p for p in powers for m in (1, 2, 5) if low <= m * 10.0**p <= high]
    return found if 3 <= len(found) <= most + 2 else [t for t in ticks(low, high, most) if t > 0]


def decimals_of(marks: list[float]) -> int:
    """Decimals that tell neighbouring marks apart."""
    if len(marks) < 2:
        return 0 if not marks or abs(marks[0]) >= 100 else 2
    step = min(abs(b - a) for a, b in itertools.pairwise(marks))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return decimals if abs(step * 10**decimals - round(step * 10**decimals)) < 1e-6 else decimals + 1


def number_labels(marks: list[float], *, sign: bool = False, unit: str = "") -> list[str]:
    """The marks in words, all with the same decimals; from 10,000 on in thousands."""
    if marks and max(abs(m) for m in marks) >= 10_000 and not unit:
        short = [m / 1000 for m in marks]
        return [f"{fixed(m, decimals_of(short), sign=sign)}k" if m else "0" for m in short]
    return [(fixed(m, decimals_of(marks), sign=sign) if m else "0") + unit for m in marks]


def percent_labels(shares: list[float]) -> list[str]:
    """Shares as signed percent, all with the same decimals."""
    return number_labels([s * 100 for s in shares], sign=True, unit=" %")


def time_ticks(start: int, end: int, most: int = 7) -> list[tuple[int, str]]:
    """(ns, label) of round UTC times in start..end: seconds to months."""
    span = end - start
    for step in _STEPS:
        if span / step <= most:
            first = -(-start // step) * step
            return [(t, _label(t, step)) for t in range(first, end + 1, step)]
    return _months(start, end, most)


def _label(ns: int, step: int) -> str:
    at = moment(ns)
    if step >= DAY:
        return f"{at.day} {month(at.month)}"
    if ns % DAY == 0:
        return f"{at.day} {month(at.month)}"
    return at.strftime("%H:%M:%S" if step < MINUTE else "%H:%M")


def _months(start: int, end: int, most: int) -> list[tuple[int, str]]:
    first = moment(start)
    number = first.year * 12 + first.month - 1
    last = moment(end).year * 12 + moment(end).month - 1
    step = next(s for s in (1, 2, 3, 6, 12, 24, 60, 120) if (last - number) / s <= most)
    found = []
    for m in range(-(-number // step) * step, last + 1, step):
        ns = int(datetime(m // 12, m % 12 + 1, 1, tzinfo=UTC).timestamp()) * SECOND
        if start <= ns <= end:
            found.append((ns, str(m // 12) if m % 12 == 0 else month(m % 12 + 1)))
    return found
