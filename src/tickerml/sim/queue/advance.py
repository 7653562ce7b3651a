"""What the probability models share: trades take from the front, other decreases from the front or the back of us.

Source: Rigtorp, "Estimating order queue position" (rigtorp.se, 2013), as hftbacktest's ProbQueueModel implements it. A
decrease of the display that trades at the level have announced is not counted twice.
"""

from __future__ import annotations

import math

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record


@kernel
def rest(o: Record, ahead: int) -> None:
    """All that is displayed is ahead of us."""
    o["front"] = float(ahead)
    o["passed"] = 0.0


@kernel
def trade(o: Record, lots: int) -> None:
    """A trade takes from the front, and will show as a decrease of the display later."""
    o["front"] -= lots
    o["passed"] += lots


@kernel
def untraded(o: Record, before: int, after: int) -> float:
    """Lots by which the display fell for other reasons than trades; forgets the trades."""
    change = before - after - o["passed"]
    o["passed"] = 0.0
    return change


@kernel
def move(o: Record, before: int, after: int, change: float, behind: float) -> None:
    """`change` lots left the level; `behind` is the probability that one of them stood behind us (NaN: unknown).

    What cannot have been behind us was ahead of us; never more is ahead of us than is displayed.
    """
    if change < 0.0 or math.isnan(behind):
        o["front"] = min(o["front"], float(after)) if change < 0.0 else float(after)
        return
    front = o["front"]
    front = front - (1.0 - behind) * change + min(before - front - behind * change, 0.0)
    o["front"] = min(front, float(after))


@kernel
def ratio(part: float, whole: float) -> float:
    """The quotient part / whole; 1 where only `whole` is 0, NaN where both are."""
    if whole == 0.0:
        return math.nan if part == 0.0 else 1.0
    return part / whole


@kernel
def power(x: float, n: float) -> float:
    """The power x ** n; NaN where that is no real number."""
    if x < 0.0 and n != math.floor(n):
        return math.nan
    return math.pow(x, n)


@kernel
def log1(x: float) -> float:
    """log(1 + x); NaN where that is no real number."""
    return math.log(1.0 + x) if x > -1.0 else math.nan
