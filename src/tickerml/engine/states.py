"""All that a run remembers, as named arrays: a snapshot is their bytes, a state hash is SHA-256 over them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.errors import RunError

Array = NDArray[Any]


class States:
    """Named structured arrays, registered once at start; restored in place, so that records stay bound to them."""

    def __init__(self) -> None:
        """No arrays yet."""
        self._arrays: dict[str, Array] = {}

    def add(self, name: str, array: Array) -> Array:
        """Register `array` under a name that is not taken; returns it."""
        if name in self._arrays:
            raise RunError("state-name", f'two states are called "{name}"; one must be renamed')
        self._arrays[name] = array
        return array

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def hash(self) -> str:
        """SHA-256 over name, type and bytes of each array, in the order of registration."""
        digest = hashlib.sha256()
        for name, array in self._arrays.items():
            digest.update(f"{name}\0{array.dtype.descr}\0{array.shape}\0".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def copy(self) -> dict[str, Array]:
        """Copies of all arrays, for comparing and for restoring in memory."""
        return {name: array.copy() for name, array in self._arrays.items()}

    def put(self, saved: dict[str, Array]) -> None:
        """Fill all arrays from what `copy` gave."""
        for name, array in self._arrays.items():
            array[...] = saved[name]
