"""Who stands in the synthetic book: quotes that follow the fair price, and orders that come and go behind them.

New orders lie at a power-law distance from the touch (exponent 0.6: Bouchaud, Mezard and Potters, "Statistical
properties of stock order books", Quantitative Finance 2, 2002); sizes have a hump near it and a power-law tail.
"""

from __future__ import annotations

import math
from typing import Final

from tickerml.sim.draws import exp, ln, normal, poisson, uniform
from tickerml.sim.made_book import ASK, BID, BOOK, LEVELS, best, clear_before, find, place, set_at
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record

MAKER: Final = [
    *BOOK,
    ("half_spread", "f8"),  # ticks, usual
    ("gap", "f8"),  # ticks between levels near the touch
    ("touch_lots", "f8"),  # usual size of the best level
]
_FAR: Final = 120.0  # no new order beyond this many gaps
_TAIL: Final = 0.6  # exponent of the distance
_MOST: Final = 8  # orders that come or go in one step
_FEW: Final = 18  # levels a side below which makers hurry
_USUAL: Final = 30.0  # levels a side in the long run


@kernel
def level_lots(g: Record, c: Record, distance: float, lean: float) -> int:
    """A new level's size in lots, `distance` ticks behind the touch; `lean` > 0 on the side that the price favours."""
    x = distance / (6.0 * c["gap"])
    shape = 3.2 * (0.15 + x) * exp(-2.2 * ln(1.0 + x))
    tilt = min(max(1.0 + 0.5 * lean, 0.4), 1.8)
    return max(1, int(c["touch_lots"] * g["depth"] * shape * tilt * exp(0.55 * normal(c) - 0.15)))


@kernel
def open_book(g: Record, c: Record) -> None:
    """Fill an empty book around the fair price."""
    for side in range(2):
        sign = 1 if side == ASK else -1
        first = math.floor(c["fair"] + sign * max(c["half_spread"] * g["spread"], 0.5) + 0.5)
        if side == ASK:
            first = max(first, best(c, BID) + 1)
        for k in range(30):
            away = math.floor(k + c["gap"] * g["spread"] * (k / 4.0) ** 1.7)
            place(c, side, sign * (first + sign * away), level_lots(g, c, float(away), 0.0))


@kernel
def _requote(g: Record, c: Record, stray: float, half: float) -> None:
    """Both quotes move most of the way to the fair price; whatever they would cross is withdrawn first."""
    middle = 0.5 * (best(c, BID) + best(c, ASK)) + 0.85 * stray
    bid = math.floor(middle - half + uniform(c))
    ask = bid + max(1, math.floor(2.0 * half * (0.5 + uniform(c)) + 0.5))
    lean = stray / c["inertia"]
    clear_before(c, ASK, ask)
    for side in range(2):
        key = -bid if side == BID else ask
        clear_before(c, side, key)
        if c["n"][side] == 0 or c["keys"][side * LEVELS] != key:
            place(c, side, key, level_lots(g, c, 0.0, lean if side == BID else -lean))


@kernel
def _improve(g: Record, c: Record, stray: float, half: float) -> None:
    """One side steps into a spread that takers have opened."""
    bid, ask = best(c, BID), best(c, ASK)
    side = BID if stray > 0.0 else ASK
    step = max(1, math.floor((ask - bid - 2.0 * half) * (0.5 + 0.5 * uniform(c))))
    tick = min(bid + step, ask - 1) if side == BID else max(ask - step, bid + 1)
    place(c, side, -tick if side == BID else tick, level_lots(g, c, 0.0, 0.0))


@kernel
def _come(g: Record, c: Record, side: int, lean: float) -> None:
    """One resting order arrives on a side; a level that is there moves towards its usual size."""
    gap = c["gap"] * g["spread"]
    away = math.floor(min(0.3 * gap * (exp(-ln(uniform(c)) / _TAIL) - 1.0), _FAR * gap))
    lots = level_lots(g, c, float(away), lean if side == BID else -lean)
    base = side * LEVELS
    key = c["keys"][base] + away
    there = find(c, side, key)
    if there < c["n"][side] and c["keys"][base + there] == key:
        set_at(c, side, there, (lots + c["lots"][base + there] + 1) // 2)
    else:
        place(c, side, key, lots)


@kernel
def _go(c: Record) -> None:
    """One resting order, not at the touch, is withdrawn or halved."""
    side = BID if uniform(c) < 0.5 else ASK
    n = c["n"][side]
    if n <= _FEW:
        return
    index = 1 + int(uniform(c) * (n - 1))
    lots = c["lots"][side * LEVELS + index]
    set_at(c, side, index, lots // 2 if uniform(c) < 0.3 else 0)


@kernel
def quote(g: Record, c: Record) -> None:
    """What makers do in one step, after the takers: follow, refill, come and go. Leaves bid < ask."""
    half = max(c["half_spread"] * g["spread"] * (0.6 + 0.4 * g["pace"]), 0.5)
    stray = c["fair"] - 0.5 * (best(c, BID) + best(c, ASK))
    wide = best(c, ASK) - best(c, BID) > 3.0 * half + 1.0
    if abs(stray) > max(c["inertia"], half) and uniform(c) < 0.6:
        _requote(g, c, stray, half)
    elif wide and uniform(c) < 0.5:
        _improve(g, c, stray, half)
    lean = min(max(stray / c["inertia"], -1.0), 1.0)
    rate = 0.35 * min(g["activity"], 6.0)
    for _ in range(poisson(c, rate, _MOST)):
        _come(g, c, BID if uniform(c) < 0.5 else ASK, lean)
    for _ in range(poisson(c, rate * (c["n"][BID] + c["n"][ASK]) / (2.0 * _USUAL), _MOST)):
        _go(c)
    for side in range(2):
        for _ in range((_FEW - c["n"][side] + 3) // 4):  # an emptied side fills up within a second
            _come(g, c, side, 0.0)
