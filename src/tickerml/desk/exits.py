"""Where the exits of a trade stand, and where they move: stop, target, trailing, zones, break of a range, timer.

Prices are ticks. A stop only ever tightens. `alarms` gives the two prices at which something is to be done; the engine
calls `at_price` when the market has reached one of them, and sends what it answers. In between nothing need be asked.

Zones (S4): half way to the target the stop goes to break-even plus 0.1 %. At the target, while order flow and
acceleration agree, half the move is locked in and the target moves on by half its first distance, once; else the trade
is closed there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import MAX_TICKS, Record, Rows

BREAK_EVEN: Final = 0.001  # fraction of the entry price that break-even stands above it, for the fees
HALF_WAY: Final = 0.5
EXTENSION: Final = 0.5  # of the first distance to the target
_STEPS: Final = 20  # a trailing stop moves in steps of this part of its distance
NONE, HALF, FULL = range(3)  # zones

EXIT_FIELDS: Final = [  # part of desk/setups.py SETUP
    ("entry_at", "f8"),  # average entry price that the levels were made for; 0 = not placed yet
    ("stop_at", "i8"),  # 0 = none
    ("target_at", "i8"),  # 0 = none
    ("first", "f8"),  # distance of the first target, positive
    ("trail", "f8"),  # fraction of the best price, 0 = none
    ("best", "i8"),  # best price since the entry
    ("zones", "i8"),  # 1 = the target is watched, not rested at the venue
    ("watched", "i8"),  # 1 = so it is, without zones, because the venue has refused it
    ("zone", "i8"),  # NONE, HALF or FULL reached
    ("low", "i8"),  # the trade ends below it; 0 = none
    ("high", "i8"),  # the trade ends above it; 0 = none
]


@dataclass(frozen=True, slots=True)
class Move:
    """What is to be done at a price: new levels (0 = none, unchanged ones repeated), or the reason to close."""

    stop: int
    target: int
    close: str = ""  # "", "target", "range break"


@kernel
def place(s: Record, entry: float) -> None:
    """Set the levels of a trade whose average entry price is `entry`; called again after each further entry fill."""
    side = s["side"]
    s["entry_at"] = entry
    if s["target"] > 0:
        s["first"] = entry * s["target"]
        s["target_at"] = _price(entry + side * s["first"])
    if s["stop"] > 0 and s["zone"] == NONE:
        stop = _price(entry * (1 - side * s["stop"]))
        followed = s["trail"] > 0 and s["stop_at"] != 0 and side * (s["stop_at"] - stop) > 0
        if not followed:  # the market
            s["stop_at"] = stop
    if s["best"] == 0:
        s["best"] = round(entry)


@kernel
def _price(ticks: float) -> int:
    """The nearest price that the market can have."""
    if ticks >= MAX_TICKS:
        return MAX_TICKS
    return max(1, round(ticks)) if ticks > 1 else 1


@kernel
def alarms(s: Record) -> tuple[int, int]:
    """Prices at or below, and at or above, which `at_price` is to be asked; 0 = none on that side."""
    side, gain = s["side"], 0
    if s["trail"] > 0:
        step = max(1.0, s["best"] * s["trail"] / _STEPS)
        gain = round(s["best"] + side * step)
    if s["zones"] != 0 and s["target_at"] != 0 and s["zone"] == NONE:
        gain = _nearer(side, gain, round(s["entry_at"] + side * HALF_WAY * s["first"]))
    if s["zones"] != 0 or s["watched"] != 0:
        gain = _nearer(side, gain, s["target_at"])
    low, high = max(0, s["low"] - 1), s["high"] + 1 if s["high"] != 0 else 0  # the range is left beyond its edges
    if side > 0:
        return low, _nearer(1, gain, high)
    return _nearer(-1, gain, low), high


@kernel
def _nearer(side: int, one: int, other: int) -> int:
    """Which of two prices a move to `side` reaches first; 0 = no price."""
    if one == 0 or other == 0:
        return one + other
    return min(one, other) if side > 0 else max(one, other)


@kernel
def nearest(table: Rows, state: int, inst: int) -> tuple[int, int]:
    """Of all setups (SETUP) on an instrument in this state: the nearest of their `alarms`, below and above.

    One that was told to close has none: it has no exit left to move, and no price makes the venue take its close.
    """
    below, above = 0, 0
    for k in range(len(table)):
        s = table[k]
        if s["state"] == state and s["inst"] == inst and s["superp"] == 0 and s["going"] == 0:
            low, high = alarms(s)
            below, above = _nearer(-1, below, low), _nearer(1, above, high)
    return below, above


def at_price(s: Record, price: int, *, agree: bool = False, close: bool = True) -> Move | None:
    """The market is at `price`: move the levels of `s` and say what to send, or None when nothing changes.

    `agree`: order flow and acceleration still point in the trade's direction. `close`: it is no price in passing: a
    range is broken by a close alone.
    """
    side = int(s["side"])
    if close and ((s["low"] and price < s["low"]) or (s["high"] and price > s["high"])):
        return Move(int(s["stop_at"]), int(s["target_at"]), "range break")
    before = (int(s["stop_at"]), int(s["target_at"]))
    if side * (price - int(s["best"])) > 0:
        s["best"] = price
    if s["trail"] > 0:
        _tighten(s, round(float(s["best"]) * (1 - side * float(s["trail"]))), price)
    if s["target_at"] and s["entry_at"] > 0 and _arrived(s, price, agree):
        return Move(int(s["stop_at"]), int(s["target_at"]), "target")
    after = (int(s["stop_at"]), int(s["target_at"]))
    return Move(*after) if after != before else None


def tighten(s: Record, stop: float, price: int) -> Move | None:
    """The stop of a trade is to be this fraction of its average entry price, with the market at `price`.

    None where that is no tighter: then it stays.
    """
    stop_at = tightened(s, stop, price)
    if stop_at == int(s["stop_at"]):
        return None
    s["stop"], s["stop_at"] = stop, stop_at
    return Move(stop_at, int(s["target_at"]))


def tightened(s: Record, stop: float, price: int) -> int:
    """Where the stop is then, ticks."""
    return _nearest(s, int(_price(float(s["entry_at"]) * (1 - int(s["side"]) * stop))), price)


def _arrived(s: Record, price: int, agree: bool) -> bool:
    """Whether a trade whose target is watched is to be closed there."""
    if s["zones"]:
        return not _zone(s, price, agree)
    return bool(s["watched"]) and int(s["side"]) * (price - int(s["target_at"])) >= 0


def _zone(s: Record, price: int, agree: bool) -> bool:
    """Walk the zones that `price` has reached; False when the trade has arrived."""
    side, entry, first = int(s["side"]), float(s["entry_at"]), float(s["first"])
    gone = side * (price - entry)
    if s["zone"] == NONE and gone >= HALF_WAY * first:
        s["zone"] = HALF
        _tighten(s, round(entry * (1 + side * BREAK_EVEN)), price)
    if side * (price - int(s["target_at"])) < 0:
        return True
    if s["zone"] == FULL or not agree:
        return False
    s["zone"] = FULL
    _tighten(s, round(entry + side * first / 2), price)
    s["target_at"] = int(_price(entry + side * (1 + EXTENSION) * first))
    return side * (price - int(s["target_at"])) < 0


def _tighten(s: Record, wanted: int, price: int) -> None:
    """Move the stop to `wanted` where that is nearer to the market, at least a tick away from it; never back."""
    s["stop_at"] = _nearest(s, wanted, price)


def _nearest(s: Record, wanted: int, price: int) -> int:
    side, before = int(s["side"]), int(s["stop_at"])
    wanted = max(1, side * min(side * wanted, side * price - 1))
    return wanted if not before or side * (wanted - before) > 0 else before
