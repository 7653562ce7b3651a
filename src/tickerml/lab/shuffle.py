"""The order in which the bars of several instruments are told anew: whole blocks of time, the same for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tickerml.lab.series import Floats

Places = NDArray[np.int64]


def shuffled(n: int, block: int, rng: np.random.Generator) -> Places:
    """0..n-1 in blocks of geometric length, mean `block`, cut on a ring at random and put in random order.

    Every number comes once, so whatever is summed over all of them stays as it was; the blocks are those of the
    stationary bootstrap (Politis and Romano 1994). Block = 1 is a plain permutation. Raises ValueError for n or `block`
    below 1.
    """
    if n < 1 or block < 1:
        raise ValueError("needs at least one place and blocks of at least one")
    fresh = rng.random(n) < 1.0 / block
    fresh[0] = True
    starts = np.flatnonzero(fresh)
    lengths = np.diff(np.append(starts, n))
    order = rng.permutation(len(starts))
    begun = np.repeat(starts[order], lengths[order])
    first = np.repeat(np.cumsum(lengths[order]) - lengths[order], lengths[order])
    return (begun + np.arange(n) - first + int(rng.integers(0, n))) % n


def shuffled_within(edges: Sequence[int], block: int, rng: np.random.Generator) -> Places:
    """`shuffled` within each stretch between neighbouring `edges` (ascending, from 0 to n): nothing crosses an edge."""
    parts = [low + shuffled(high - low, block, rng) for low, high in pairwise(edges)]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def signs(n: int, rng: np.random.Generator) -> Floats:
    """Plus or minus 1, n times, even odds."""
    return np.asarray(rng.integers(0, 2, n) * 2.0 - 1.0, np.float64)
