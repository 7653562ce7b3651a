"""Rolling sums that never drift: a ring of 64 buckets of integers, shared by every fold that looks back over time.

A window of length W (ns of receive time) is the bucket being filled and the 63 full ones before it, each W // 64 long
and aligned to the epoch: it holds between 98.4 % and 100 % of the last W. Sums are integers added up from the start
on, and the ring keeps what they were when each bucket began: the window's sum is a difference of two, always exact.
"""

from __future__ import annotations

from typing import Any, Final

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Flag, Kind, Record

BUCKETS: Final = 64

_END, _HELD = int(Flag.END), int(Flag.HELD)
_ENDING: Final = 1 << Kind.GAP | 1 << Kind.TIMER  # bit by kind, and 1 is the bit of Flag.END


def window_fields(columns: int) -> list[Any]:
    """The state of a window of `columns` sums, to be joined to a fold's own State fields."""
    return [
        ("edge", "i8"),  # receive time at which the present bucket ends; 0 = nothing seen
        ("bucket", "i8"),  # its number since the epoch
        ("first", "i8"),  # number of the bucket of the first observation
        ("sum", "i8", (columns,)),  # of everything since the ring was emptied
        ("ring", "i8", (BUCKETS, columns)),  # the sums at the start of each bucket, by its number modulo 64
    ]


@kernel
def end_mask(row: Record) -> int:
    """All ones where folds may emit, else 0: `ends` for those who ask for several things with one branch."""
    return -((_ENDING >> int(row["kind"]) | int(row["flags"])) & _END)


@kernel
def ends(row: Record) -> bool:
    """Whether folds may emit on this row: a message's last row, a timer, or a gap (which ends what was known).

    Without a branch: no predictor can know how long a message is.
    """
    return end_mask(row) != 0


@kernel
def heard(row: Record) -> int:
    """When a row was news, ns: on receipt; what is repeated at the start of a range is as old as its stamp."""
    return row["recv"] if row["flags"] & _HELD == 0 else row["exch"]


@kernel
def turn(s: Record, now: int, window: int) -> bool:
    """Move to the bucket of `now`: what left the window is no longer counted. True when a bucket was turned."""
    edge = s["edge"]
    if now < edge:
        return False
    width = window // BUCKETS
    if edge == 0 or now - edge >= window:
        _jump(s, now // width, width)
        return True
    bucket = s["bucket"]
    while edge <= now:  # a step or two, which cost less than a division
        bucket += 1
        edge += width
        slot = bucket & (BUCKETS - 1)
        for column in range(len(s["sum"])):
            s["ring"][slot, column] = s["sum"][column]
    s["bucket"] = bucket
    s["edge"] = edge
    return True


@kernel
def _jump(s: Record, bucket: int, width: int) -> None:
    """Begin bucket number `bucket`, the first one or one so late that nothing is left in the window."""
    if s["edge"] == 0:
        s["first"] = bucket
    empty(s)
    s["bucket"] = bucket
    s["edge"] = (bucket + 1) * width


@kernel
def add(s: Record, column: int, amount: int) -> None:
    """Add `amount` to one sum, in the present bucket; call `turn` first."""
    s["sum"][column] += amount


@kernel
def total(s: Record, column: int) -> int:
    """The sum over the window."""
    return s["sum"][column] - s["ring"][(s["bucket"] + 1) & (BUCKETS - 1), column]


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
    """Zero all sums."""
    for column in range(len(s["sum"])):
        empty_column(s, column)


@kernel
def empty_column(s: Record, column: int) -> None:
    """Zero one sum, as if nothing had been added to it."""
    s["sum"][column] = 0
    for slot in range(BUCKETS):
        s["ring"][slot, column] = 0
