"""Compiled halves of the store's column code: differences within groups, byte planes, runs. See store_columns."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Rows

Ints = NDArray[np.int64]
NO_TABLE: Final = 9  # number of "no side table" in `table_of`


@kernel
def delta_by(values: Ints, group: NDArray[np.int8]) -> Ints:
    """First differences of int64 `values` within each `group` (0..127); the first of a group stands as it is."""
    last = np.zeros(128, np.int64)
    out = np.empty(len(values), np.int64)
    for i in range(len(values)):
        g = group[i]
        out[i] = values[i] - last[g]
        last[g] = values[i]
    return out


@kernel
def sum_by(deltas: Ints, group: NDArray[np.int8]) -> Ints:
    """Inverse of `delta_by`."""
    last = np.zeros(128, np.int64)
    out = np.empty(len(deltas), np.int64)
    for i in range(len(deltas)):
        g = group[i]
        last[g] += deltas[i]
        out[i] = last[g]
    return out


@kernel
def price_deltas(rows: Rows) -> Ints:
    """Ticks of each row against the row before of the same kind and side."""
    last = np.zeros((128, 4), np.int64)
    out = np.empty(len(rows), np.int64)
    for i in range(len(rows)):
        row = rows[i]
        ticks = np.int64(row["price"])
        k, s = row["kind"], row["side"] & 3
        out[i] = ticks - last[k, s]
        last[k, s] = ticks
    return out


@kernel
def run_starts(rows: Rows) -> NDArray[np.int8]:
    """1 where a run begins: after END, and wherever a field that the rows of a run share changes."""
    out = np.ones(len(rows), np.int8)
    for i in range(1, len(rows)):
        a, b = rows[i - 1], rows[i]
        if (
            a["flags"] & 1 == 0
            and a["flags"] == b["flags"] & ~1
            and a["recv"] == b["recv"]
            and a["exch"] == b["exch"]
            and a["kind"] == b["kind"]
            and (a["ref"] < 0) == (b["ref"] < 0)
        ):
            out[i] = 0
    return out


@kernel
def join_planes(planes: NDArray[np.uint8]) -> Ints:
    """int64 values from byte planes (lowest first) of their zigzag code."""
    n = planes.shape[1]
    out = np.zeros(n, np.int64)
    for j in range(planes.shape[0]):
        shift = np.int64(8 * j)
        for i in range(n):
            out[i] |= np.int64(planes[j, i]) << shift
    for i in range(n):
        code = out[i]
        out[i] = ((code >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(code & 1)
    return out


@kernel
def fill_rows(
    out: Rows,
    spans: Ints,
    inst: int,
    recv: Ints,
    exch: Ints,
    count: NDArray[np.int32],
    kind: NDArray[np.int8],
    flags: NDArray[np.int16],
    ref: NDArray[np.int8],
    side: NDArray[np.int8],
    price: Ints,
    qty: Ints,
    table_of: NDArray[np.int8],
    base: Ints,
) -> None:
    """Rows of one instrument from runs and lines into `spans` ([start, length] each) of `out`.

    `base` is the next row in each side table and is moved on. Messages move on at END, other tables with each row.
    """
    last = np.zeros((128, 4), np.int64)
    i, span = 0, 0
    at, stop = spans[0, 0], spans[0, 0] + spans[0, 1]
    for r in range(len(count)):
        k, has, ends = kind[r], ref[r], flags[r]
        bare, table = ends & ~1, table_of[kind[r]]
        link = base[table] if has and table != NO_TABLE else has - 1
        step = 1 if has and table > 0 and table != NO_TABLE else 0
        when, venue = recv[r], exch[r]
        left = count[r]
        while left > 0:
            if at == stop:
                span += 1
                at, stop = spans[span, 0], spans[span, 0] + spans[span, 1]
            n = min(left, stop - at)
            for _ in range(n):
                s = side[i]
                ticks = last[k, s & 3] + price[i]
                last[k, s & 3] = ticks
                row = out[at]
                row["recv"] = when
                row["exch"] = venue
                row["qty"] = qty[i]
                row["price"] = ticks
                row["ref"] = link
                row["inst"] = inst
                row["kind"] = k
                row["side"] = s
                row["flags"] = bare
                link += step
                i += 1
                at += 1
            left -= n
        out[at - 1]["flags"] = ends
        if has and table != NO_TABLE:
            base[table] = link + (ends & 1 if table == 0 else 0)
