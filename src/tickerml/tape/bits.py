"""Bits of a 64-bit word: plain functions for Python, one instruction of the machine in kernels."""

from __future__ import annotations

from typing import Any


class _Instruction:
    """Counts a bit of a word. Numba is imported when the first kernel that asks for it is compiled, not before."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, word: int) -> int:
        """Number of the bit; the word is not 0."""
        bits = int(word) & (1 << 64) - 1
        return (bits if self._name == "highest" else bits & -bits).bit_length() - 1

    @property
    def _numba_type_(self) -> Any:
        from tickerml.tape import bit_kernels

        return getattr(bit_kernels, self._name)._numba_type_


highest_bit = _Instruction("highest")
lowest_bit = _Instruction("lowest")
