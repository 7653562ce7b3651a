"""What the probability models share: trades take from the front, other decreases from the front or the back of us.

Source: Rigtorp, "Estimating order queue position" (rigtorp.se, 2013), as hftbacktest's ProbQueueModel implements it. A
decrease of the display that trades at the level have announced is not counted twice.
"""

from __future__ import annotations

import math

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record


@kernel
def rest(v: Record, k: int, ahead: int) -> None:
    """All that is displayed is ahead of us."""
    v["front"][k] = float(ahead)
    v["passed"][k] = 0.0


@kernel
def trade(v: Record, k: int, lots: int) -> None:
    """A trade takes from the front, and will show as a decrease of the display later."""
    v["front"][k] -= lots
    v["passed"][k] += lots


@kernel
def untraded(v: Record, k: int, before: int, after: int) -> float:
    """Lots by which the display fell for other reasons than trades; forgets the trades."""
    change = before - after - v["passed"][k]
    v["passed"][k] = 0.0
    return change


@kernel
def move(v: Record, k: int, before: int, after: int, change: float, behind: float) -> None:
    """`change` lots left the level; `behind` is the probability that one of them stood behind us (NaN: unknown).

    What cannot have been behind us was ahead of us; never more is ahead of us than is displayed.
    """
    if change < 0.0 or math.isnan(behind):
        v["front"][k] = min(v["front"][k], float(after)) if change < 0.0 else float(after)
        return
    front = v["front"][k]
    front = front - (1.0 - behind) * change + min(before - front - behind * change, 0.0)
    v["front"][k] = min(front, float(after))


@kernel
def ratio(part: float, whole: float) -> float:
    """part / whole; 1 where only `whole` is 0, NaN where both are."""
    if whole == 0.0:
        return math.nan if part == 0.0 else 1.0
    return part / whole


@kernel
def power(x: float, n: float) -> float:
    """x ** n; NaN where that is no real number."""
    if x < 0.0 and n != math.floor(n):
        return math.nan
    return math.pow(x, n)


@kernel
def log1(x: float) -> float:
    """log(1 + x); NaN where that is no real number."""
    return math.log(1.0 + x) if x > -1.0 else math.nan
