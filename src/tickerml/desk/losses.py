"""The ladder of losses of a wallet: day off, day closed, session pause, session and drawdown kills. A compiled fold.

An equity is told every minute; that one of them changes nothing is the rule, and Python hears of the others alone.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.desk.limits import Limits
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import DAY, SECOND, Record, Rows

KILLS: Final = ("", "session loss", "drawdown", "operator")
SESSION_LOSS, DRAWDOWN, OPERATOR = 1, 2, 3
OFF, CLOSED = 1, 2  # states of a day
DAY_OFF, DAY_CLOSED, KILLED, PAUSED = 1, 2, 4, 8  # bits of what an equity has changed
_REARM: Final = 0.9  # the pause is armed again once the loss is below this share of its threshold

STEPS: Final = np.dtype(  # the ladder: shares, and how long a pause is
    [
        ("day_off", "f8"),
        ("day_close", "f8"),
        ("session_pause", "f8"),
        ("session_kill", "f8"),
        ("max_drawdown", "f8"),
        ("pause", "i8"),  # ns
    ]
)


def steps_of(limits: Limits) -> Rows:
    """The ladder of these limits, one record."""
    steps = np.zeros(1, STEPS)
    for name in ("day_off", "day_close", "session_pause", "session_kill", "max_drawdown"):
        steps[name] = getattr(limits, name)
    steps["pause"] = round(limits.pause_s * SECOND)
    return steps


@kernel
def on_equity(fund: Record, latch: Record, steps: Record, now: int, equity: float) -> int:
    """Fold an equity of a wallet, money, into its `fund` (FUND) and the `latch` (LATCH); returns what it changed."""
    if fund["seen"] == 0:
        if equity <= 0:
            return 0  # nothing to lose: the equity gate refuses
        fund["seen"] = 1
        fund["start"] = equity
        fund["peak"] = equity
    day = now // DAY
    if fund["day"] != day or fund["day_start"] == 0:
        fund["day"] = day
        fund["day_start"] = equity
        fund["day_state"] = 0
    fund["peak"] = max(fund["peak"], equity)
    return _day(fund, steps, equity) | _session(fund, latch, steps, now, equity)


@kernel
def on_equity_of(funds: Rows, wallet: int, latches: Rows, steps: Rows, now: int, equity: float) -> int:
    """`on_equity` of one wallet for Python, which hands over arrays five times as fast as records."""
    return on_equity(funds[wallet], latches[0], steps[0], now, equity)


@kernel
def entries_off(fund: Record, latch: Record, now: int) -> bool:
    """Whether the ladder, or a person, keeps entries off: what the gates ask of setups, for all quotes at once."""
    today = fund["day_state"] != 0 and fund["day"] == now // DAY
    return latch["killed"] != 0 or now < fund["paused"] or today


@kernel
def _day(fund: Record, steps: Record, equity: float) -> int:
    lost = fund["day_start"] - equity
    if fund["day_state"] < CLOSED and lost >= steps["day_close"] * fund["day_start"]:
        fund["day_state"] = CLOSED
        return DAY_CLOSED
    if fund["day_state"] < OFF and lost >= steps["day_off"] * fund["day_start"]:
        fund["day_state"] = OFF
        return DAY_OFF
    return 0


@kernel
def _session(fund: Record, latch: Record, steps: Record, now: int, equity: float) -> int:
    start, peak = fund["start"], fund["peak"]
    lost = start - equity
    if lost >= steps["session_kill"] * start:
        return _kill(latch, now, SESSION_LOSS)
    if peak - equity >= steps["max_drawdown"] * peak:
        return _kill(latch, now, DRAWDOWN)
    if lost < _REARM * steps["session_pause"] * start:
        fund["spent"] = 0
    elif lost >= steps["session_pause"] * start and fund["spent"] == 0:
        fund["spent"] = 1
        fund["paused"] = now + steps["pause"]
        return PAUSED
    return 0


@kernel
def _kill(latch: Record, now: int, why: int) -> int:
    if latch["killed"] != 0:
        return 0
    latch["killed"] = why
    latch["killed_at"] = now
    return KILLED
