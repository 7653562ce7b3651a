"""The highest and the lowest bit, compiled and plain."""

from __future__ import annotations

import numpy as np
import pytest

from tickerml.tape.bits import highest_bit, lowest_bit
from tickerml.tape.kernel import kernel


@kernel
def highest(word: int) -> int:
    return highest_bit(word)


@kernel
def lowest(word: int) -> int:
    return lowest_bit(word)


@pytest.mark.parametrize("n", range(64))
def test_highest_bit(n):
    top = 1 << n if n < 63 else -(1 << 63)
    for word in (top, top | 1, top | (1 << n) - 1):
        assert highest_bit(word) == highest_bit(np.int64(word)) == highest(word) == n


@pytest.mark.parametrize("n", range(64))
def test_lowest_bit(n):
    low = 1 << n if n < 63 else -(1 << 63)
    for word in (low, low | -(1 << 63), -(1 << n)):
        assert lowest_bit(word) == lowest_bit(np.int64(word)) == lowest(word) == n
