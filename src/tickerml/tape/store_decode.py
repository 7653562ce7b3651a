"""Columns of a stored chunk back as rows, piece by piece: what is being made stays in the processor's cache.

The inverse of store_columns. A piece ends with a whole message, and holds the side-table rows that its rows refer to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import TABLES, Block
from tickerml.tape.rows import ROW, Rows
from tickerml.tape.store_columns import TABLE_NUMBER, WORDS, Columns, Ints
from tickerml.tape.store_kernels import PLACE, add_plane, fill_rows, list_messages, runs_within, survey
from tickerml.tape.tables import BAR, MESSAGE, ORDER, VALUE

PIECE: Final = 1 << 15  # rows, about: with what the engine makes of them they stay in the cache
_EACH: Final = 1 << 12  # but this many for each instrument, of which each costs a call
_DTYPES: Final = {"orders": ORDER, "bars": BAR, "values": VALUE}
_NONE: Final = {name: np.zeros(0, dtype) for name, dtype in _DTYPES.items()}
_NEAR: Final = 64  # rows from the end of a piece among which a message mostly ends
_SLOT: Final[Any] = Block.__dict__["messages"]  # where a block keeps them
_List = tuple[int, Callable[[Rows], None]]  # how many messages, and what fills them in
_HEAD: Final = 1 << 12  # values of a column among which the first ones are
_NO_IDS: Final = np.zeros(0, np.int64)


class PartReader:
    """One instrument's rows of a chunk, read from their columns in sequence."""

    def __init__(self, inst: int, spans: Ints, columns: dict[str, Columns], blobs: tuple[bytes, ...]) -> None:
        """`spans`: [start, length] of its rows in the chunk; `columns`: by file, as stored."""
        self.inst, self.blobs = inst, blobs
        self.tables = {name: decode_table(name, columns[name]) for name in _DTYPES if name in columns}
        self._spans, self._runs, self._lines = spans, columns["runs"], columns["rows"]
        self._ids = columns.get("messages", {})
        self._place = np.zeros(1, PLACE)
        self._place["at"] = spans[0, 0]
        self._kept = (np.zeros(4, np.int64), np.zeros(128, np.int64), np.zeros(512, np.int64))
        self._odd = self._runs.get("odd", np.zeros(len(self._runs["n"]), np.int8))
        self._planes = {name: _planes(name, self._runs | self._lines) for name in WORDS}
        self._begins = np.cumsum(spans[:, 1]) - spans[:, 1]  # rows of this instrument before each span
        self._taken = np.zeros(len(TABLES), np.int64)  # rows of each side table that earlier pieces had

    @property
    def rows(self) -> int:
        """How many rows of the chunk are its own."""
        return int(self._spans[:, 1].sum())

    def survey(self, ends: NDArray[np.bool_]) -> str:
        """Mark its rows in `ends` that end a message; what is wrong with the columns, or nothing.

        Nothing may be read from columns that do not fit together.
        """
        rows, held, r = self.rows, np.zeros(len(TABLES), np.int64), self._runs
        here = survey(self._spans, r["n"], r["kind"], r["flags"], self._odd, TABLE_NUMBER, ends, held)
        if not rows == here == len(self._lines["side"]):
            return f"does not hold the {rows} rows that were written"
        has = [len(self._ids.get("last_id", ())), *(len(self.tables.get(t, ())) for t in _DTYPES), len(self.blobs)]
        wrong = [name for name, n, want in zip(TABLES, has, held.tolist(), strict=True) if n != want]
        return f"refers to other rows of {', '.join(wrong)} than are stored" if wrong else ""

    def before(self, cuts: Ints) -> Ints:
        """How many of its rows lie before each of these rows of the chunk."""
        span = np.maximum(np.searchsorted(self._spans[:, 0], cuts, "right") - 1, 0)
        inside = np.clip(cuts - self._spans[span, 0], 0, self._spans[span, 1])
        return np.asarray(self._begins[span] + inside, np.int64)

    def fill(self, out: Rows, start: int, line: int, n: int, base: Ints, codes: list[Ints]) -> Callable[[Rows], None]:
        """Its next `n` rows, of which `line` were read before, into a piece that begins at row `start` of the chunk.

        Returns what fills in their messages.
        """
        r, side, place = self._runs, self._lines["side"], self._place[0]
        run, single = int(place["run"]), len(r["n"]) == len(side)
        runs = n if single else runs_within(place, r["n"], n)
        recv, exch, price, qty = codes
        for name, at, code in (
            *(("recv", run, recv[:runs]), ("exch", run, exch[:runs])),
            *(("price", line, price[:n]), ("qty", line, qty[:n])),
        ):
            self._codes(name, at, code)
        first, last, prev = (self._ids.get(name, _NO_IDS) for name in ("first_id", "last_id", "prev_id"))
        listed = n, self._place.copy()[0], self._kept[0].copy(), r["n"], r["kind"], r["flags"], self._odd, TABLE_NUMBER
        fill_rows(
            out, start, n, place, *self._kept, self._spans, self.inst, recv, exch, r["n"], r["kind"], r["flags"],
            self._odd, side, line, price, qty, TABLE_NUMBER, last, base,
        )  # fmt: skip
        return lambda messages: list_messages(messages, *listed, first, last, prev)

    def _codes(self, name: str, at: int, out: Ints) -> None:
        planes = self._planes[name]
        if not planes or planes[0][0]:
            out[:] = 0
        for shift, plane in planes:
            if at < len(plane):
                add_plane(out, plane[at : at + len(out)], shift)

    def take(self, number: int, n: int) -> slice:
        """The next `n` rows of side table `number`."""
        self._taken[number] += n
        return slice(int(self._taken[number]) - n, int(self._taken[number]))


def _planes(name: str, columns: Columns) -> list[tuple[int, NDArray[Any]]]:
    """The planes of a column, lowest first, with their shifts.

    Those that only the first values need, which are no differences, are cut short: most rows are spared of them.
    """
    bits = 8 * np.dtype(WORDS[name]).itemsize
    held = [(bits * i, columns[f"{name}_{i}"]) for i in range(64 // bits) if f"{name}_{i}" in columns]
    return [(shift, plane if not shift or plane[_HEAD:].max(initial=0) else plane[:_HEAD]) for shift, plane in held]


def decode_table(name: str, columns: Columns) -> NDArray[np.void]:
    """Side-table rows from their columns (messages are decoded with the rows that refer to them)."""
    table = np.zeros(len(next(iter(columns.values()))), _DTYPES[name])
    for field, column in columns.items():
        table[field] = column if column.dtype.kind == "f" else np.cumsum(column, dtype=np.int64)
    return table


def read_pieces(parts: Sequence[PartReader], corrupt: Callable[[int, str], Exception]) -> Iterator[Block]:
    """The chunk of these parts. `corrupt(inst, what)` makes the error that is raised when columns do not fit."""
    ends = np.zeros(sum(part.rows for part in parts), np.bool_)
    for part in parts:
        if wrong := part.survey(ends):
            raise corrupt(part.inst, wrong)
    cuts = _cuts(ends, max(PIECE, _EACH * len(parts)))
    lines = [part.before(cuts).tolist() for part in parts]
    longest = int(np.diff(cuts).max())
    codes = [np.empty(longest, np.int64) for _ in range(4)]
    for k, (start, stop) in enumerate(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)):
        n = stop - start
        rows, base = np.empty(n, ROW), np.zeros(len(TABLES), np.int64)
        held: list[list[slice]] = []
        lists: list[_List] = []
        for part, line in zip(parts, lines, strict=True):
            before = base.copy()
            if line[k + 1] > line[k]:
                fill_in = part.fill(rows, start, line[k], line[k + 1] - line[k], base, codes)
                lists.append((int(base[0] - before[0]), fill_in))
            held.append([part.take(i, n) for i, n in enumerate((base - before).tolist())])
        yield _block(rows, lists, parts, held)


def _cuts(ends: NDArray[np.bool_], size: int) -> Ints:
    """Where pieces of at most `size` rows begin and end, with whole messages; a longer message is one piece."""
    cuts = [0]
    while len(ends) - cuts[-1] > size:
        full = cuts[-1] + size
        last = _last_end(ends, cuts[-1], full)
        if last > cuts[-1]:
            cuts.append(last)
        elif ends[full:-1].any():
            cuts.append(full + int(ends[full:].argmax()) + 1)
        else:
            break
    return np.array([*cuts, len(ends)], np.int64)


def _last_end(ends: NDArray[np.bool_], start: int, stop: int) -> int:
    """Behind the last message that ends in these rows, or `start`; mostly it is among the very last."""
    for first in (max(start, stop - _NEAR), start):
        found = np.flatnonzero(ends[first:stop])
        if len(found):
            return first + int(found[-1]) + 1
    return start


def _block(rows: Rows, lists: Sequence[_List], parts: Sequence[PartReader], held: list[list[slice]]) -> Block:
    tables = {}
    for number, name in enumerate(_DTYPES, 1):
        mine = [p.tables[name][h[number]] for p, h in zip(parts, held, strict=True) if name in p.tables]
        tables[name] = mine[0] if len(mine) == 1 else np.concatenate(mine) if mine else _NONE[name]
    number = TABLES.index("blobs")
    blobs = tuple(blob for p, h in zip(parts, held, strict=True) for blob in p.blobs[h[number]])
    return _Piece(rows, lists, **tables, blobs=blobs)


class _Piece(Block):
    """A block that lists its messages when somebody asks for them: a run never does, and its cache has other use."""

    __slots__ = ("_lists",)
    _lists: Sequence[_List]

    def __init__(self, rows: Rows, lists: Sequence[_List], **tables: Any) -> None:
        super().__init__(rows, **tables)
        object.__setattr__(self, "_lists", lists)

    def __reduce__(self) -> tuple[Any, ...]:
        return Block, (self.rows, self.messages, self.orders, self.bars, self.values, self.blobs)

    @property
    def messages(self) -> Rows:
        """The messages that the rows refer to."""
        if self._lists:
            made, at = np.empty(sum(n for n, _ in self._lists), MESSAGE), 0
            for n, fill_in in self._lists:
                fill_in(made[at : at + n])
                at += n
            object.__setattr__(self, "_lists", ())
            _SLOT.__set__(self, made)
        made_before: Rows = _SLOT.__get__(self)
        return made_before

    @messages.setter
    def messages(self, made: Rows) -> None:
        """They are there already."""
        _SLOT.__set__(self, made)
