"""Rows of one instrument as columns that compress. docs/tape.md, "On disk", is the specification.

Rows that share receive time, exchange time, kind and flags within a message make a *run*; a run is stored once. Prices
and sizes are stored as byte planes (all low bytes, then all second bytes, ...): measured on real USD-M BTC books the
planes take 2.25 bytes a row where whole integers take 2.64, at 1.5 ns a row more to read. Times are stored as planes
too: in whole integers zstd finds one short match each, which takes twice to three times as long to read. Exchange times
have wider ones than receipts, since venues give whole milliseconds, whose halves repeat less than they do. The way back
is store_decode.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import TABLE_OF, TABLES, Block
from tickerml.tape.rows import Flag, Kind, Rows
from tickerml.tape.store_kernels import NO_TABLE, delta_by, price_deltas, run_starts
from tickerml.tape.tables import BAR, MESSAGE, ORDER, VALUE

Columns = dict[str, NDArray[Any]]
Ints = NDArray[np.int64]
_DTYPES: Final = {"messages": MESSAGE, "orders": ORDER, "bars": BAR, "values": VALUE}
WORDS: Final = {"recv": np.uint16, "exch": np.uint32, "price": np.uint8, "qty": np.uint8}
"""Columns that are stored in planes, and of what words."""
TABLE_NUMBER: Final = np.array([TABLES.index(TABLE_OF[k]) if k in TABLE_OF else NO_TABLE for k in range(128)], np.int8)


def gather(block: Block, index: NDArray[np.intp]) -> Block:
    """The rows at `index` with side tables in the order of the rows: the form that is stored.

    Raises ValueError when the rows of one message refer to different rows of the message table.
    """
    rows: Rows = block.rows if len(index) == len(block) else block.rows[index]
    code = np.where(rows["ref"] >= 0, TABLE_NUMBER[rows["kind"]], NO_TABLE)
    tables: dict[str, Any] = {}
    for number, name in enumerate(TABLES):
        table = getattr(block, name)
        if len(table):
            has = code == number
            refs = _message_refs(rows, has) if name == "messages" else rows["ref"][has]
            tables[name] = tuple(table[i] for i in refs) if name == "blobs" else table[refs]
    return Block(rows, **tables)


def _message_refs(rows: Rows, has: NDArray[np.bool_]) -> Ints:
    """One reference per message; a message that has not ended yet counts too."""
    refs = rows["ref"][has].astype(np.int64)
    ends = (rows["flags"][has] & Flag.END) != 0
    group = np.cumsum(ends) - ends
    chosen = refs[ends]
    if len(refs) and not ends[-1]:
        chosen = np.append(chosen, refs[-1])
    if not np.array_equal(chosen[group], refs):
        at = int(np.flatnonzero(chosen[group] != refs)[0])
        raise ValueError(f"the rows of one message refer to messages {refs[at]} and {chosen[group[at]]}")
    return chosen


def encode(block: Block) -> dict[str, Columns]:
    """Columns of each table of a gathered block of one instrument; tables without rows are left out."""
    rows = block.rows
    first = np.flatnonzero(run_starts(rows))
    kind = rows["kind"][first]
    runs: Columns = {
        "n": np.diff(np.append(first, len(rows))).astype(np.int32),
        "kind": kind,
        "flags": rows["flags"][np.append(first[1:], len(rows)) - 1],  # of the last row: with END, if it has it
    }
    runs |= _planes("recv", _delta(rows["recv"][first]))
    runs |= _planes("exch", delta_by(rows["exch"][first], kind))  # within a kind: streams have their own delays
    refers = rows["ref"][first] >= 0
    odd = refers != (TABLE_NUMBER[kind] != NO_TABLE)
    if odd.any():
        runs["odd"] = odd.astype(np.int8)
    lines: Columns = {"side": rows["side"].copy()}
    lines |= _planes("price", price_deltas(rows)) | _planes("qty", rows["qty"].astype(np.int64))
    out = {"rows": lines, "runs": runs}
    for name in _DTYPES:
        table = getattr(block, name)
        if len(table):
            is_message = name == "messages"
            out[name] = _encode_messages(table, runs, refers) if is_message else _encode_table(table)
    return out


def _delta(values: NDArray[Any]) -> Ints:
    """First differences; the first value stands as it is."""
    wide = values.astype(np.int64)
    wide[1:] -= wide[:-1].copy()
    return wide


def _planes(name: str, values: Ints) -> Columns:
    """Planes of the zigzag code (0, -1, 1, -2 ... -> 0, 1, 2, 3 ...); planes of zeros are left out."""
    code = ((values << 1) ^ (values >> 63)).astype("<i8")
    split = code.view(np.dtype(WORDS[name]).newbyteorder("<")).reshape(len(code), -1)
    return {f"{name}_{i}": np.ascontiguousarray(split[:, i]) for i in range(split.shape[1]) if split[:, i].any()}


def _encode_table(table: NDArray[Any]) -> Columns:
    names = table.dtype.names or ()
    return {k: table[k].copy() if table.dtype[k].kind == "f" else _delta(table[k]) for k in names}


def _encode_messages(table: NDArray[Any], runs: Columns, refers: NDArray[np.bool_]) -> Columns:
    """Ids against the last id of the message before of the same kind; a field of zeros is left out."""
    bbo = _message_bbo(runs, refers)
    last = np.ascontiguousarray(table["last_id"])
    columns: Columns = {"last_id": delta_by(last, bbo)}
    before = last - columns["last_id"]
    columns |= {k: np.where(bbo, table[k], table[k] - before) for k in ("first_id", "prev_id") if table[k].any()}
    return columns


def _message_bbo(runs: Columns, refers: NDArray[np.bool_]) -> NDArray[np.int8]:
    """For each stored message, 1 if it is a best bid and ask (its ids run apart from those of depth)."""
    mine = refers & (TABLE_NUMBER[runs["kind"]] == 0)
    ends = (runs["flags"][mine] & Flag.END) != 0
    if len(ends):
        ends[-1] = True  # a message that has not ended has its row too
    return (runs["kind"][mine][ends] == Kind.BBO).astype(np.int8)


def decode_table(name: str, columns: Columns, count: int) -> NDArray[Any]:
    """Side-table rows from their columns (messages have their own inverse)."""
    table = np.zeros(count, _DTYPES[name])
    for field, column in columns.items():
        table[field] = column if column.dtype.kind == "f" else np.cumsum(column, dtype=np.int64)
    return table
