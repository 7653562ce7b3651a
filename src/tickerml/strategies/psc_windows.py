"""Signals followed to their end, traded or not, so that calibration learns from refused ones too.

A window is opened by the first signal of a coin in a timer span, and by every intent while no intent's window is
open. It enters at the price that could be traded at the next wake (ask for a long, bid for a short) and ends by target,
stop or the timer. While the intent's position is held its window waits, and the real outcome counts in its place; a
window whose intent was refused or never filled is followed like any other. So each counts once, and none overlaps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from tickerml.strategies.psc_signal import Signal
from tickerml.tape.rows import BUY, Record

WINDOW: Final = [
    ("w_span", "i8"),  # number of the timer span of the last window
    ("w_side", "i8"),  # 0 = no window is open
    ("w_raw", "f8"),
    ("w_entry", "f8"),  # quote; 0 until the first tradable price
    ("w_target", "f8"),  # fraction of the entry price
    ("w_stop", "f8"),  # fraction of the entry price, 0 = none
    ("w_expiry", "i8"),  # ns
    ("w_sent", "i8"),  # 1: the desk was asked
]
"""Fields of a strategy's record of one coin."""


@dataclass(frozen=True, slots=True)
class Touch:
    """What could be traded at, and the extremes of the bar that has just closed (NaN where there is a book)."""

    bid: float
    ask: float
    low: float = math.nan
    high: float = math.nan


def open_window(s: Record, signal: Signal, now: int, *, sent: bool) -> None:
    """Begin to follow a signal, unless another is followed that has precedence."""
    free = s["w_side"] == 0
    if not ((free and s["w_span"] != signal.timer.span) or (sent and (free or not s["w_sent"]))):
        return
    s["w_span"], s["w_side"], s["w_raw"] = signal.timer.span, signal.reading.side, signal.raw
    s["w_entry"], s["w_target"], s["w_stop"] = 0.0, signal.target, signal.stop or 0.0
    s["w_expiry"], s["w_sent"] = now + signal.timer.left_ns, int(sent)


def follow(s: Record, now: int, touch: Touch) -> float | None:
    """One wake of an open window: enter, wait, or end. Returns its gross return when it ends by a price."""
    if math.isnan(touch.bid) or math.isnan(touch.ask):
        return None
    if s["w_entry"] == 0.0:
        if now >= s["w_expiry"]:
            close_window(s)  # there was no time to enter
        s["w_entry"] = touch.ask if s["w_side"] == BUY else touch.bid
        return None
    out = _exit(s, now, touch)
    if out == 0.0:
        return None
    gross = gross_return(int(s["w_side"]), float(s["w_entry"]), out)
    close_window(s)
    return gross


def close_window(s: Record) -> None:
    """Forget the window: it has counted."""
    s["w_side"] = 0


def gross_return(side: int, entry: float, out: float) -> float:
    """Move from entry to exit in the trade's direction, as a share of the entry price."""
    return side * (out - entry) / entry


def _exit(s: Record, now: int, touch: Touch) -> float:
    """The price at which the trade would have ended by now, 0 when it would not; the stop comes before the target."""
    side, entry = int(s["w_side"]), float(s["w_entry"])
    stop = entry * (1 - side * float(s["w_stop"]))
    target = entry * (1 + side * float(s["w_target"]))
    out = touch.bid if side == BUY else touch.ask
    worst, best = (touch.low, touch.high) if side == BUY else (touch.high, touch.low)
    if math.isnan(worst):
        worst = best = out
    if s["w_stop"] > 0 and side * (worst - stop) <= 0:
        return min(stop, out) if side == BUY else max(stop, out)  # through the stop, not better than it
    if side * (best - target) >= 0:
        return target
    return out if now >= s["w_expiry"] else 0.0
