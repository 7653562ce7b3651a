"""Features of the user's own: a fold sees one row at a time, but its module may hold an array that was read whole.

Such a fold is asked like a strategy: its file is loaded anew where data ends at a time, its handlers are run in plain
Python over the bars up to then, and what it says is compared with what it says where the data is whole.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

import tickerml
from tickerml.engine.detectors import short_names
from tickerml.features.catalog import Use, families, resolve
from tickerml.run.leaks.looks import Again, Look
from tickerml.run.own_file import module_of
from tickerml.run.strategies import Chosen
from tickerml.tape.instruments import Instrument
from tickerml.tape.params import params_dtype, params_record
from tickerml.tape.rows import Kind, Record, Rows
from tickerml.tape.tape import Tape

BARS: Final = 2000  # of the tape, from its start
LOOKS: Final = 6  # times at which it is asked
_ROOM: Final = Path(tickerml.__file__).parent
_GIVEN: Final = ("p", "s", "row", "bar", "f")


@dataclass(frozen=True)
class OwnFold(Chosen):
    """A feature that is asked as if it were a strategy."""

    use: Use | None = None
    rows: Sequence[tuple[Record, Record]] = field(default=(), repr=False)  # BAR rows with their bars

    def made(self) -> Told:
        """The fold, from its file."""
        if self.use is None:
            raise ValueError("a fold without parameters")
        return Told(vars(module_of(Path(self.source), "strategy")), self.use, self.rows)


@dataclass(frozen=True)
class Told:
    """Says a feature's value as an answer."""

    module: Mapping[str, Any]
    use: Use
    rows: Sequence[tuple[Record, Record]]

    def decide(self, view: Again) -> float:
        """Its value at the view's time, from the first bar on."""
        params: Rows = np.zeros(1, params_dtype(type(self.use.params)))
        params[0] = params_record(self.use.params)
        state = np.zeros(1, self.module["State"])
        out = np.full(1, np.nan, [(name, "f8") for name in self.module["FIELDS"]])
        given: dict[str, Any] = {"p": params[0], "s": state[0], "f": out[0]}
        for row, bar in self.rows:
            if row["recv"] > view.now:
                break
            for handler in handlers(self.module):
                handler(**{name: {**given, "row": row, "bar": bar}[name] for name in _names(handler)})
        return float(out[0][self.use.field])


def own_folds(chosen: Sequence[Chosen], tape: Tape) -> tuple[list[tuple[OwnFold, list[Look]]], list[str]]:
    """Features of the user's own that the strategies see, with times to ask them at; and those that cannot be asked."""
    names = dict.fromkeys(name for one in chosen for name in short_names(one.strategy.sees).values())
    mine = [(name, path) for name in names if _ROOM not in (path := _home(resolve(name))).parents]
    if not mine:
        return [], []
    inst, rows = bar_rows(tape)
    found, notes = [], []
    for name, path in mine:
        use = resolve(name)
        if inst is None or not _askable(use):
            notes.append(f"the feature {name} of {path.name} reads more than bars: it is not judged")
            continue
        fold = OwnFold(f"feature {name}", None, source=str(path), use=use, rows=rows)
        places = np.unique(np.linspace(min(8, len(rows) - 1), len(rows) - 1, LOOKS).astype(int))
        found.append((fold, [_look(inst, int(rows[n][0]["recv"])) for n in places.tolist()]))
    return found, notes


def handlers(module: Mapping[str, Any]) -> Iterator[Callable[..., Any]]:
    """Its handlers as plain Python, in the order in which the loop calls them."""
    for name in ("on_row", "on_bar"):
        if name in module:
            yield getattr(module[name], "py_func", module[name])


def bar_rows(tape: Tape) -> tuple[Instrument | None, list[tuple[Record, Record]]]:
    """The first bars of the first instrument that has some."""
    found: list[tuple[Record, Record]] = []
    inst: Instrument | None = None
    for block in tape.blocks():
        for row in block.rows[block.rows["kind"] == Kind.BAR]:
            inst = inst or next(i for i in tape.header.instruments if i.id == int(row["inst"]))
            if int(row["inst"]) == inst.id:
                found.append((row, block.bars[row["ref"]]))
            if len(found) == BARS:
                return inst, found
    return inst, found


def _home(use: Use) -> Path:
    module = next(m for m in families().values() if m.__name__ == use.module)
    return Path(str(module.__file__)).resolve()


def _askable(use: Use) -> bool:
    module = next(vars(m) for m in families().values() if m.__name__ == use.module)
    return "on_value" not in module and all(set(_names(h)) <= set(_GIVEN) for h in handlers(module))


def _names(handler: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(handler).parameters)


def _look(inst: Instrument, now: int) -> Look:
    nothing = np.zeros(1, [("none", "i1")])[0]
    return Look(inst, now, np.nan, True, np.nan, None, np.nan, {}, nothing, nothing, "", traded=True)
