"""Grids, scale-in and scale-out: whole lots by shares, and the average price of what is held."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from tickerml.tape.rows import Record


def parts(lots: int, shares: Sequence[float | Fraction]) -> list[int]:
    """`lots` split by `shares`, which add up to at most 1: what they take together is exactly that share of it.

    The parts' running sum is the running share rounded down, so each is within a lot of its share, none is negative,
    and shares that add up to 1 (to 1e-9) take every lot. ValueError for a negative share or more than the whole.
    """
    sums, total = [0], Fraction(0)
    for share in shares:
        if share < 0:
            raise ValueError(f"a share of {share} is negative")
        total += Fraction(share)
        whole = abs(total - 1) < Fraction(1, 10**9)
        if total > 1 and not whole:
            raise ValueError(f"the shares add up to {float(total)}, more than the whole")
        sums.append(lots if whole else int(lots * total + Fraction(1, 10**9)))
    return [after - before for before, after in pairwise(sums)]


def average_ticks(p: Record, c: Record) -> Fraction | None:
    """The exact average entry price of the open lots, in ticks; None when nothing is held."""
    position, cost, unit = int(p["position"]), int(p["cost"]), int(c["unit_value"])
    if position == 0 or cost == 0:
        return None
    return Fraction(position * unit, cost) if c["inverse"] else Fraction(cost, position * unit)
