"""Tables that a strategy holds in memory: in its fields, its class, or names of its module that it mentions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final

import numpy as np

from tickerml.run.leaks.files import ALTERED_ROWS, Change, frame_altered
from tickerml.run.leaks.times import Bars, Known, altered, known_times

_LEAST: Final = 32  # elements of a list that may be a table


@dataclass(frozen=True)
class Place:
    """Where a table is held: an attribute of a strategy, its class or its module."""

    holder: Any
    attribute: str
    value: Any

    @property
    def name(self) -> str:
        """How it is said: "field frame", "CLOSES"."""
        return self.attribute if hasattr(self.holder, "__spec__") else f"field {self.attribute}"


@dataclass(frozen=True)
class Held:
    """A table that can be cut."""

    where: Place
    known: Known

    @property
    def place(self) -> str:
        """Its name among tables."""
        return self.where.name

    def at(self, at: int, change: Change | None) -> Any:
        """The table as of `at`, or with `change` behind it."""
        rows = self.known.times <= at
        if change is None:
            return _chosen(self.where.value, rows)
        if change.table != self.place:
            return self.where.value
        return _changed(self.where.value, np.flatnonzero(~rows)[:ALTERED_ROWS], change, self.known.columns)


def tables_of(strategy: Any) -> list[Place]:
    """Everything that may hold more than the view told."""
    cls = type(strategy)
    fields = getattr(strategy, "__dict__", {}) or {name: getattr(strategy, name) for name in _slots(cls)}
    found = [Place(strategy, name, value) for name, value in fields.items() if _table(value)]
    found += [Place(cls, name, value) for name, value in vars(cls).items() if name not in fields and _table(value)]
    module = sys.modules.get(cls.__module__)
    names = {
        name for value in vars(cls).values() if isinstance(value, FunctionType) for name in value.__code__.co_names
    }
    held = vars(module) if module is not None else {}
    return found + [Place(module, name, held[name]) for name in sorted(names & held.keys()) if _table(held[name])]


def held(place: Place, bars: Bars | None) -> Held | None:
    """The table in `place` with its times; None where it has none."""
    import polars as pl

    value = place.value
    if isinstance(value, pl.DataFrame):
        known = known_times(value, bars)
    elif hasattr(value, "columns"):  # pandas
        named = {"index": np.asarray(value.index), **{str(name): np.asarray(value[name]) for name in value.columns}}
        known = known_times(pl.DataFrame(named, strict=False), bars)
    elif isinstance(value, np.ndarray) and value.dtype.names:
        known = known_times(pl.DataFrame({name: value[name] for name in value.dtype.names}), bars)
    else:
        known = None
    if known is None and bars is not None and len(value) == len(bars.closed) and not isinstance(value, dict):
        known = Known(bars.closed, ("value",))  # one for each bar of the tape
    return None if known is None else Held(place, known)


@contextmanager
def put(tables: Sequence[Held], at: int | None, change: Change | None) -> Iterator[None]:
    """While inside, tables are held as of `at`, or with `change` behind it."""
    if at is None:
        yield
        return
    try:
        for one in tables:
            _set(one.where, one.at(at, change))
        yield
    finally:
        for one in tables:
            _set(one.where, one.where.value)


def _set(place: Place, value: Any) -> None:
    if isinstance(place.holder, type):
        setattr(place.holder, place.attribute, value)
    else:
        object.__setattr__(place.holder, place.attribute, value)  # strategies are frozen


def _slots(cls: type) -> tuple[str, ...]:
    return tuple(getattr(cls, "__slots__", ()))


def _table(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.size >= _LEAST
    if isinstance(value, list | tuple | dict):
        return len(value) >= _LEAST
    return hasattr(value, "to_numpy") and hasattr(value, "shape") and value.shape[0] >= 2


def _chosen(value: Any, rows: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(one for one, keep in zip(value, rows.tolist(), strict=True) if keep)
    return value.filter(rows) if hasattr(value, "filter") and not hasattr(value, "iloc") else value[rows]


def _changed(value: Any, rows: Any, change: Change, columns: Sequence[str]) -> Any:
    import polars as pl

    if not len(rows):
        return value
    if isinstance(value, pl.DataFrame):
        return frame_altered(value, rows, change, columns)
    last = max(0, int(rows[0]) - 1)
    if isinstance(value, list | tuple):
        other = list(value)
        for n in rows.tolist():
            other[n] = altered(other[n], other[last], change.how)
        return type(value)(other)
    copied = value.copy() if hasattr(value, "copy") else value.clone()
    for name in (columns if change.column == "*" else (change.column,)) if columns != ("value",) else (None,):
        column = np.asarray(copied if name is None else copied[name]).astype(float)
        before = column[last]
        column[rows] = [altered(float(x), float(before), change.how) for x in column[rows]]
        if name is None:
            copied = type(value)(column) if not isinstance(value, np.ndarray) else column
        else:
            copied[name] = column
    return copied
