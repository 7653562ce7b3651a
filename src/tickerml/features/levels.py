"""Which of the best levels may have changed since the last message end: a walk begins there and not at the touch.

For folds that keep the best levels of both sides in State fields `ticks` (2, n), with `changed` (2,) beside them.
Prices are compared with their sign turned on the ask side, so that larger is always nearer to the market.
"""

from __future__ import annotations

from typing import Final

from tickerml.tape.kernel import kernel
from tickerml.tape.ladder import BIDS, next_level
from tickerml.tape.rows import BUY, SELL, Record

NEVER: Final = -(1 << 62)  # signed price of "nothing changed"


@kernel
def note_change(s: Record, row: Record) -> None:
    """A DEPTH row: the nearest price that changed on its side. Without a branch, because this runs on every row."""
    side = int(row["side"])
    k = (1 - side) >> 1
    s["changed"][k] = max(s["changed"][k], side * int(row["price"]) - NEVER)


@kernel
def note_clear(s: Record) -> None:
    """The book was cleared: every level may have changed."""
    s["changed"][0] = -2 * NEVER - 1
    s["changed"][1] = -2 * NEVER - 1


@kernel
def forget_changes(s: Record) -> None:
    """All changes have been looked at. Zero stands for none, so that a zero-filled state is a valid start."""
    s["changed"][0] = 0
    s["changed"][1] = 0


@kernel
def near(s: Record, n: int) -> bool:
    """Whether a change lies at or above the n-th best level of its side; a side with fewer levels is always near."""
    bids = s["changed"][0] + NEVER >= s["ticks"][0, n - 1]
    return bids or s["changed"][1] + NEVER >= -s["ticks"][1, n - 1]


@kernel
def first_changed(s: Record, k: int, n: int) -> int:
    """Index of the first level of side index `k` that may have changed; n when none has."""
    sign = 1 if k == BIDS else -1
    m = 0
    while m < n and sign * s["ticks"][k, m] > s["changed"][k] + NEVER:
        m += 1
    return m


@kernel
def after(s: Record, b: Record, k: int, m: int) -> int:
    """Tick of the m-th best level, when the levels before it are known: the touch, or the next one after them."""
    if m == 0:
        return b["best_bid"] if k == BIDS else b["best_ask"]
    return next_level(b, BUY if k == BIDS else SELL, s["ticks"][k, m - 1])
