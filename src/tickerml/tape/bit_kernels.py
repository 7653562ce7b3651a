"""What `bits` is in a kernel. A loop over the bits, or a tree of branches, costs more than all the rest of a book."""

from __future__ import annotations

from numba.cpython.unsafe.numbers import leading_zeros, trailing_zeros

from tickerml.tape.kernel import kernel


@kernel
def highest(word: int) -> int:
    """Number of the highest bit set."""
    return 63 - leading_zeros(word)  # type: ignore[call-arg]  # numba passes an intrinsic's first argument


@kernel
def lowest(word: int) -> int:
    """Number of the lowest bit set."""
    return trailing_zeros(word)  # type: ignore[call-arg]  # as above
