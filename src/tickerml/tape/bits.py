"""Bits of a 64-bit word, by the machine's own instruction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.cpython.unsafe.numbers import leading_zeros
from numba.extending import overload


def highest_bit(word: int) -> int:
    """Number of the highest bit set in a word that is not 0; of a negative one 63."""
    return (int(word) & (1 << 64) - 1).bit_length() - 1


@overload(highest_bit)
def _highest_bit(word: Any) -> Callable[[Any], Any]:
    """What a kernel calls: a loop over the bits, or a tree of branches, costs more than all the rest of a book."""

    def implementation(word: Any) -> Any:
        return 63 - leading_zeros(word)  # type: ignore[call-arg]  # an intrinsic: numba passes the first argument

    return implementation
