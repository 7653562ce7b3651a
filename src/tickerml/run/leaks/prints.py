"""What a value holds of the past, as something that can be compared: rows known at a time, whatever came later."""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

import numpy as np

_PLAIN: Final = (bool, int, float, str, bytes, type(None), complex, np.generic)
_NO_DATA: Final = (type, types.FunctionType, types.ModuleType, types.BuiltinFunctionType, types.MethodType)
_DEEP: Final = 3
_MOST: Final = 64  # elements of a list, or keys of a mapping, that are looked at from each end


@dataclass(frozen=True)
class Past:
    """The part of tables that is known at a time."""

    at: int
    lengths: Mapping[int, int]  # length of a table -> its rows known
    offset: int = 0  # ns from a row's stamp to when it is known

    def rows(self, length: int) -> int:
        """Rows known of something `length` long; of a shorter one the last is as new as that of the longer."""
        if length in self.lengths:
            return self.lengths[length]
        near = min((n for n in self.lengths if n >= length), default=None)
        return length if near is None else max(0, self.lengths[near] - (near - length))

    def of(self, value: Any, depth: int = 0) -> Hashable:
        """The past of a value."""
        if isinstance(value, _PLAIN):
            return repr(value)
        if isinstance(value, _NO_DATA) or depth > _DEEP:
            return type(value).__name__
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple):
            known = value[: self.rows(len(value))] if isinstance(value, list) else value
            ends = [*known[:8], *known[-_MOST:]]
            return (type(value).__name__, len(known), *(self.of(one, depth + 1) for one in ends))
        if hasattr(value, "columns") and hasattr(value, "shape"):
            return self._table(value)
        if hasattr(value, "to_numpy"):
            return self._array(np.asarray(value.to_numpy()), value)
        if hasattr(value, "__dict__"):
            inner = {k: v for k, v in vars(value).items() if not k.startswith("__")}
            return (type(value).__name__, self._mapping(inner, depth))
        return type(value).__name__

    def _array(self, array: np.ndarray[Any, Any], holder: Any = None) -> Hashable:
        if array.ndim == 0:
            return repr(array)
        known = array[: self._known(holder, len(array))]
        return ("array", len(known), _digest(known))

    def _known(self, holder: Any, length: int) -> int:
        """Rows known; an index of times says it better than a length."""
        index = getattr(holder, "index", None)
        if length not in self.lengths and type(index).__name__ == "DatetimeIndex":
            stamps: Any = index
            return int((stamps.as_unit("ns").asi8 <= self.at - self.offset).sum())
        return self.rows(length)

    def _table(self, table: Any) -> Hashable:
        columns = list(table.columns)
        known = self._known(table, table.shape[0])
        return ("table", known, *((str(name), _digest(np.asarray(table[name].to_numpy())[:known])) for name in columns))

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Hashable:
        kept = [(k, v) for k, v in islice(value.items(), 100_000) if not self._later(k)]
        ends = kept if len(kept) <= 2 * _MOST else [*kept[:8], *kept[-_MOST:]]
        return tuple((repr(k), self.of(v, depth + 1)) for k, v in ends)

    def _later(self, key: Any) -> bool:
        """Whether a key is a time that has not come."""
        if isinstance(key, datetime):
            return key.timestamp() * 1e9 > self.at - self.offset
        if isinstance(key, int | np.integer) and key > 10**8:
            unit = next(u for least, u in ((1e17, 1), (1e14, 10**3), (1e11, 10**6), (1e8, 10**9)) if key >= least)
            return int(key) * unit > self.at - self.offset
        return False


def _digest(array: np.ndarray[Any, Any]) -> int:
    if array.dtype == object:
        return hash(tuple(map(repr, array.tolist())))
    return hash(np.ascontiguousarray(array).tobytes())
