"""Rolling sums that never drift: a ring of 64 buckets of integers, shared by every fold that looks back over time.

A window of length W (ns of receive time) is the bucket being filled and the 63 full ones before it, each W // 64 long
and aligned to the epoch: it holds between 98.4 % and 100 % of the last W. Sums are integers, added on arrival and taken
away as whole buckets, so they equal a fresh sum over the buckets at any time.
"""

from __future__ import annotations

from typing import Any, Final

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Flag, Kind, Record

BUCKETS: Final = 64

_END: Final = int(Flag.END)
_GAP: Final = int(Kind.GAP)
_TIMER: Final = int(Kind.TIMER)


def window_fields(columns: int) -> list[Any]:
    """The state of a window of `columns` sums, to be joined to a fold's own State fields."""
    return [
        ("edge", "i8"),  # receive time at which the present bucket ends; 0 = nothing seen
        ("bucket", "i8"),  # its number since the epoch
        ("first", "i8"),  # number of the bucket of the first observation
        ("now", "i8", (columns,)),  # the present bucket
        ("past", "i8", (columns,)),  # sum of the full buckets in the window
        ("ring", "i8", (BUCKETS, columns)),  # the full buckets, by number modulo 64
    ]


@kernel
def ends(row: Record) -> bool:
    """Whether folds may emit on this row: a message's last row, a timer, or a gap (which ends what was known)."""
    return row["flags"] & _END != 0 or row["kind"] == _GAP or row["kind"] == _TIMER


@kernel
def turn(s: Record, now: int, window: int) -> bool:
    """Move to the bucket of `now` and drop what left the window; True when a bucket was turned."""
    if now < s["edge"]:
        return False
    width = window // BUCKETS
    if s["edge"] != 0 and now < s["edge"] + width:  # the usual case, without a division and in one pass
        old, new = s["bucket"] & (BUCKETS - 1), (s["bucket"] + 1) & (BUCKETS - 1)
        for column in range(len(s["now"])):
            s["past"][column] += s["now"][column] - s["ring"][new, column]
            s["ring"][old, column] = s["now"][column]
            s["ring"][new, column] = 0
            s["now"][column] = 0
        s["bucket"] += 1
        s["edge"] += width
    else:
        _turn(s, now // width, width)
    return True


@kernel
def _turn(s: Record, bucket: int, width: int) -> None:
    """File the present bucket and begin number `bucket`; those in between were empty."""
    if s["edge"] == 0:
        s["first"] = bucket
    if bucket - s["bucket"] >= BUCKETS:
        empty(s)
    else:
        slot = s["bucket"] & (BUCKETS - 1)
        for column in range(len(s["now"])):
            s["ring"][slot, column] = s["now"][column]
            s["past"][column] += s["now"][column]
            s["now"][column] = 0
        for k in range(s["bucket"] + 1, bucket + 1):
            slot = k & (BUCKETS - 1)
            for column in range(len(s["now"])):
                s["past"][column] -= s["ring"][slot, column]
                s["ring"][slot, column] = 0
    s["bucket"] = bucket
    s["edge"] = (bucket + 1) * width


@kernel
def add(s: Record, column: int, amount: int) -> None:
    """Add `amount` to one sum, in the present bucket; call `turn` first."""
    s["now"][column] += amount


@kernel
def total(s: Record, column: int) -> int:
    """The sum over the window."""
    return s["past"][column] + s["now"][column]


@kernel
def full(s: Record) -> bool:
    """Whether all 64 buckets lie after the one in which observation began (at the start, or after `restart`)."""
    return s["edge"] != 0 and s["bucket"] - s["first"] >= BUCKETS


@kernel
def restart(s: Record) -> None:
    """Forget everything: what came before is not comparable with what follows (a gap in the data)."""
    empty(s)
    s["first"] = 0
    s["edge"] = 0
    s["bucket"] = 0


@kernel
def empty(s: Record) -> None:
    """Zero all buckets and sums."""
    for column in range(len(s["now"])):
        s["now"][column] = 0
        s["past"][column] = 0
        for slot in range(BUCKETS):
            s["ring"][slot, column] = 0
