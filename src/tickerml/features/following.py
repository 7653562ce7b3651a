"""What folds that compare a coin with a reference coin share: the bars of both, which coin that is, what both have.

The reference is the instrument of that coin on the same venue, else the first one of the tape. A coin is compared when
it or its reference shows a bar, over the newest bars that both have; never while one is more than PATIENCE bars behind.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.features.frame import next_of_bar, next_of_row, wanted
from tickerml.features.peers import PATIENCE, SERIES, ahead, reference_of, take_return
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record, Rows

FOLLOWER: Final = np.dtype(
    [
        ("series", SERIES),
        ("reference", "i8"),  # 1 + number of the reference; 0 = not looked for, -1 = there is none
        ("renewed", "i8"),  # end of the newest bar that both had when they were last compared
    ]
)
APART, NOTHING, NEWS = -1, 0, 1  # what `in_common` says first


@kernel
def follow_row(s: Record, timeframe: int, row: Record) -> bool:
    """Take the bars that prints make; whether there is a new one."""
    news = False
    if wanted(s["series"]["bars"], row):
        while next_of_row(s["series"]["bars"], timeframe, row):
            take_return(s["series"])
            news = True
    return news


@kernel
def follow_bar(s: Record, timeframe: int, row: Record, bar: Record) -> bool:
    """Take the bars of a bar-only source; whether there is a new one."""
    news = False
    while next_of_bar(s["series"]["bars"], timeframe, row, bar):
        take_return(s["series"])
        news = True
    return news


@kernel
def compared_with(s: Record, insts: Rows, k: int, n: int, base: int) -> int:
    """Number of the reference, coin `base`, of coin `k` with state `s`; -1 unless one of the two is `n`, with news."""
    if s["reference"] == 0:
        found = reference_of(insts, k, base)
        s["reference"] = found + 1 if found >= 0 else -1
    r = s["reference"] - 1
    return r if r >= 0 and (k == n or r == n) else -1


@kernel
def in_common(s: Record, b: Record, timeframe: int) -> tuple[int, int, int]:
    """NEWS when coin `s` and its reference, series `b`, both have a newer bar than at the last call, else NOTHING.

    Then up to which of their returns, by number. APART while they do not compare.
    """
    a = s["series"]
    newer = ahead(a, b, timeframe)
    end = min(a["end"], b["end"])
    if abs(newer) > PATIENCE:
        s["renewed"] = 0
        return APART, 0, 0
    news = NEWS if end != s["renewed"] else NOTHING
    s["renewed"] = end
    return news, a["count"] - max(newer, 0), b["count"] - max(-newer, 0)
