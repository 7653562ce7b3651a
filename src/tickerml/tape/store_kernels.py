"""Compiled halves of the store's column code: differences within groups, byte planes, runs. See store_columns."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.kernel import fold, kernel
from tickerml.tape.rows import Kind, Record, Rows

Ints = NDArray[np.int64]
Int8s = NDArray[np.int8]
Words = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.uint32]
NO_TABLE: Final = 9  # number of "no side table" in `table_of`
_BBO: Final = int(Kind.BBO)
_POSITIVE: Final = (1 << 63) - 1


def delta_by(values: Ints, group: NDArray[np.int8]) -> Ints:
    """First differences of int64 `values` within each `group` (0..127); the first of a group stands as it is."""
    out = np.empty(len(values), np.int64)
    _delta_by(values, group, np.zeros(128, np.int64), out)
    return out


def price_deltas(rows: Rows) -> Ints:
    """Ticks of each row against the row before of the same kind and side."""
    out = np.empty(len(rows), np.int64)
    _price_deltas(rows, np.zeros((128, 4), np.int64), out)
    return out


def run_starts(rows: Rows) -> NDArray[np.int8]:
    """1 where a run begins: after END, and wherever a field that the rows of a run share changes."""
    out = np.ones(len(rows), np.int8)
    _run_starts(rows, out)
    return out


@kernel
def _delta_by(values: Ints, group: NDArray[np.int8], last: Ints, out: Ints) -> None:
    for i in range(len(values)):
        g = group[i]
        out[i] = values[i] - last[g]
        last[g] = values[i]


@kernel
def _price_deltas(rows: Rows, last: Ints, out: Ints) -> None:
    for i in range(len(rows)):
        row = rows[i]
        ticks = np.int64(row["price"])
        k, s = row["kind"], row["side"] & 3
        out[i] = ticks - last[k, s]
        last[k, s] = ticks


@kernel
def _run_starts(rows: Rows, out: NDArray[np.int8]) -> None:
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


@kernel
def add_plane(codes: Ints, plane: Words, shift: int) -> None:
    """Put one plane into as many zigzag codes; the lowest plane (shift 0) overwrites them."""
    if shift == 0:
        for i in range(len(plane)):
            codes[i] = plane[i]
    else:
        for i in range(len(plane)):
            codes[i] |= np.int64(plane[i]) << shift


@kernel
def runs_within(c: Record, count: NDArray[np.int32], n: int) -> int:
    """How many runs the next `n` rows lie in, those at both ends in part."""
    r, left = c["run"], n + c["used"]
    while left > 0:
        left -= count[r]
        r += 1
    return int(r - c["run"])


@kernel
def survey(
    spans: Ints,
    count: NDArray[np.int32],
    kind: Int8s,
    flags: NDArray[np.int16],
    odd: Int8s,
    table_of: Int8s,
    ends: NDArray[np.bool_],
    held: Ints,
) -> int:
    """Set `ends` where a row of `spans` ends a message, and `held` to the rows that each side table must have.

    Returns the rows that the runs say there are, or -1 if they do not fit into `spans`.
    """
    span, total, open_, messages = 0, np.int64(0), np.int64(0), np.int64(0)
    at, stop = spans[0, 0], spans[0, 0] + spans[0, 1]
    for r in range(len(count)):
        left, k, end = np.int64(count[r]), np.int64(kind[r]), np.int64(flags[r]) & 1
        if left <= 0 or k < 0:
            return -1
        total += left
        while left > stop - at:
            left -= stop - at
            span += 1
            if span == len(spans):
                return -1
            at, stop = spans[span, 0], spans[span, 0] + spans[span, 1]
        at += left
        ends[(at - 1) & _POSITIVE] = end != 0  # nobody else sets rows of this instrument
        table = np.int64(table_of[k & 0x7F])
        mine = np.int64(table == 0) & np.int64(odd[r] == 0)  # all ones and zeros: kinds are in no order to be foretold
        messages += end & mine
        open_ = (open_ | mine) & ~(end & mine)
        if table != 0 and table != NO_TABLE and odd[r] == 0:
            held[table] += count[r]
    held[0] += messages + open_
    return int(total)


PLACE: Final = np.dtype(  # how far the rows of one instrument have been read
    [
        ("run", "i8"),
        ("used", "i8"),  # rows of the run that are done
        ("span", "i8"),
        ("at", "i8"),  # next row in the chunk, of those of this instrument
        ("message", "i8"),  # messages begun
        ("open", "i8"),  # 1: the last one goes on
        ("recv", "i8"),
    ]
)


@kernel
def fill_rows(
    out: Rows,
    start: int,
    n: int,
    c: Record,
    newest: Ints,
    times: Ints,
    last: Ints,
    spans: Ints,
    inst: int,
    recv: Ints,
    exch: Ints,
    count: NDArray[np.int32],
    kind: Int8s,
    flags: NDArray[np.int16],
    odd: Int8s,
    side: Int8s,
    line: int,
    price: Ints,
    qty: Ints,
    table_of: Int8s,
    last_ids: Ints,
    base: Ints,
) -> None:
    """The next `n` rows of one instrument, line `line` the first, into `out`, which begins at row `start` of the chunk.

    Kept from call to call besides `c`: `newest`, the `last_id` of others and of BBO, the one before that, and of which
    of the two; `times`, exchange times by kind; `last`, ticks by kind and side & 3 (128 x 4).

    `price` and `qty` are zigzag codes of these lines, `recv` and `exch` of the runs from `c` on. `base` is the next row
    in each side table of the piece and is moved on: messages (see `list_messages`) at END, other tables with each row.
    """
    r, used, span, at = c["run"], c["used"], c["span"], c["at"]
    begun = r
    when, message, open_, told, listed = c["recv"], c["message"], c["open"], False, base[0]
    stop = spans[span, 0] + spans[span, 1]
    i = 0
    while i < n:
        if at == stop:
            span += 1
            at, stop = spans[span, 0], spans[span, 0] + spans[span, 1]
        while used + open_ == 0 and i < n and at < stop:  # a message of one row: the loop below without its choices
            r &= _POSITIVE
            k = np.int64(kind[r]) & 0x7F
            table = np.int64(table_of[k])
            if count[r] != 1 or flags[r] & 1 == 0 or odd[r] != 0 or (table != 0 and table != NO_TABLE):
                break
            when += signed(recv[(r - begun) & _POSITIVE])
            venue = times[k] + signed(exch[(r - begun) & _POSITIVE])
            times[k] = venue
            link = np.int64(-1)
            if table == 0:
                newest[np.int64(k == _BBO)] += last_ids[message & _POSITIVE]
                link = listed
                message += 1
                listed += 1
            s = np.int64(side[(line + i) & _POSITIVE])
            cell = 4 * k + (s & 3)
            ticks = last[cell] + signed(price[i & _POSITIVE])
            last[cell] = ticks
            row = out[(at - start) & _POSITIVE]
            row["recv"] = when
            row["exch"] = venue
            row["qty"] = signed(qty[i & _POSITIVE])
            row["price"] = ticks
            row["ref"] = link
            row["inst"] = inst
            row["kind"] = k
            row["side"] = s
            row["flags"] = flags[r]
            r += 1
            i += 1
            at += 1
        if i == n or at == stop:
            continue
        r &= _POSITIVE
        k, ends = np.int64(kind[r]) & 0x7F, np.int64(flags[r])
        table = np.int64(table_of[k])
        has = np.int64((table != NO_TABLE) ^ (odd[r] != 0))
        if used == 0:
            when += signed(recv[(r - begun) & _POSITIVE])
            times[k] += signed(exch[(r - begun) & _POSITIVE])
        venue, bare, link, step = times[k], ends & ~1, has - 1, 0
        if has and table == 0:
            if open_ == 0:
                _begin(newest, last_ids[message & _POSITIVE], _final_run(r, kind, flags, odd, table_of), kind)
                message += 1
                open_ = 1
            listed += np.int64(not told)
            told = True
            link = listed - 1
        elif has and table != NO_TABLE:
            link, step = base[table], 1
        m = min(n - i, np.int64(count[r]) - used, stop - at)
        first = at - start
        for j in range(m):
            s = np.int64(side[(line + i + j) & _POSITIVE])
            cell = 4 * k + (s & 3)
            ticks = last[cell] + signed(price[(i + j) & _POSITIVE])
            last[cell] = ticks
            row = out[(first + j) & _POSITIVE]
            row["recv"] = when
            row["exch"] = venue
            row["qty"] = signed(qty[(i + j) & _POSITIVE])
            row["price"] = ticks
            row["ref"] = link
            row["inst"] = inst
            row["kind"] = k
            row["side"] = s
            row["flags"] = bare
            link += step
        i += m
        at += m
        used += m
        if step:
            base[table] = link
        if used == count[r]:
            out[(first + m - 1) & _POSITIVE]["flags"] = ends
            if has and table == 0 and ends & 1:
                open_, told = 0, False
            used = 0
            r += 1
    base[0] = listed
    c["run"], c["used"], c["span"], c["at"] = r, used, span, at
    c["recv"], c["message"], c["open"] = when, message, open_


@kernel
def list_messages(
    out: Rows,
    n: int,
    c: Record,
    newest: Ints,
    count: NDArray[np.int32],
    kind: Int8s,
    flags: NDArray[np.int16],
    odd: Int8s,
    table_of: Int8s,
    first_ids: Ints,
    last_ids: Ints,
    prev_ids: Ints,
) -> None:
    """The messages, in `out`, that `fill_rows` counts in the `n` rows from `c` on; it begins with the same `newest`."""
    r, used, message, open_, told, listed = c["run"], c["used"], c["message"], c["open"], False, 0
    i = 0
    while i < n:
        m = min(n - i, np.int64(count[r]) - used)
        if table_of[kind[r]] == 0 and odd[r] == 0:
            if open_ == 0:
                _begin(newest, last_ids[message], _final_run(r, kind, flags, odd, table_of), kind)
                message += 1
                open_ = 1
            if not told:
                bbo = newest[3]
                add = 0 if bbo else newest[2]
                row = out[listed]
                row["last_id"] = newest[bbo]
                row["first_id"] = first_ids[message - 1] + add if len(first_ids) else 0
                row["prev_id"] = prev_ids[message - 1] + add if len(prev_ids) else 0
                listed += 1
                told = True
            if used + m == count[r] and flags[r] & 1:
                open_, told = 0, False
        i += m
        used += m
        if used == count[r]:
            used = 0
            r += 1


@kernel
def _begin(newest: Ints, step: int, final: int, kind: Int8s) -> None:
    """A message begins: its last run tells its sort."""
    bbo = np.int64(kind[final] == _BBO)
    newest[2], newest[3] = newest[bbo], bbo
    newest[bbo] += step


@fold
def signed(code: int) -> int:
    """The number behind a zigzag code."""
    return ((code >> 1) & _POSITIVE) ^ -(code & 1)


@kernel
def _final_run(r: int, kind: Int8s, flags: NDArray[np.int16], odd: Int8s, table_of: Int8s) -> int:
    """The last run of the message that begins with run `r`."""
    final = r
    for e in range(r, len(kind)):
        if table_of[kind[e]] == 0 and not odd[e]:
            final = e
            if flags[e] & 1:
                break
    return final
