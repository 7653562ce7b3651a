"""The highest bit, compiled and plain."""

from __future__ import annotations

import pytest

from tickerml.tape.bits import highest_bit
from tickerml.tape.kernel import kernel


@kernel
def compiled(word: int) -> int:
    return highest_bit(word)


@pytest.mark.parametrize("n", range(64))
def test_highest_bit(n):
    top = 1 << n if n < 63 else -(1 << 63)
    for word in (top, top | 1, top | (1 << n) - 1):
        assert highest_bit(word) == compiled(word) == n
