"""A snapshot of a paper run as the live screen gets it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tickerml.tape.rows import MILLISECOND, SECOND
from tickerml.views.live_state import Event, Feeds, LiveState, Position

NOW = 1_767_526_930 * SECOND  # 2026-01-04 11:42:10 UTC


def position(coin, side, size, entry, now, pnl, share, stop, target, left):
    size, entry, now, pnl, stop, target = map(Decimal, (size, entry, now, pnl, stop, target))
    return Position(coin, side, size, entry, now, pnl, share, stop, target, left * SECOND)


BTC = position("BTC/USDT:USDT", 1, "0.0260", "64120.5", "64004.0", "-3.03", -0.0018, "63800.0", "64500.0", 130)
ETH = position("ETH/USDT:USDT", -1, "0.5000", "3141.20", "3142.05", "-0.43", -0.0003, "3160.00", "3110.00", 302)

EVENTS = (
    ("sell 0.5000 ETH at 3,141.20  filled", "edge 0.14 %, confidence 0.31 raw"),
    ("refused SOL long", "edge below cost (0.06 % < 0.10 %)"),
    ("closed BTC long   +2.11 USDT target", "held 3:31"),
    ("refused XRP short", "timer in EXIT window"),
    ("closed DOGE short -1.98 USDT stop", "held 1:04"),
    ("refused SUI long", "confidence 0.24 raw < 0.30"),
)


def paper(**changes):
    state = LiveState(
        mode="paper",
        strategy="psc",
        coins=6,
        run="8f3a21",
        time=NOW,
        currency="USDT",
        start_equity=Decimal(10000),
        equity=Decimal("9981.40"),
        synthetic="calm, seed 7",
        done=0.61,
        left=9 * SECOND,
        rows=2_914_021,
        rows_per_s=214_000.0,
        closed=Decimal("-15.14"),
        fees=Decimal("12.08"),
        in_use=0.32,
        limit=0.5,
        hold=0.0042,
        worst_fall=-0.0061,
        trades=14,
        won=5,
        needed=280.0,
        positions=(BTC, ETH),
        passes={"ratio-neutral": 17_902, "spread-too-wide": 241},
        refusals={"edge-below-cost": 22, "confidence-low": 11, "timer-exit-window": 7, "cooldown": 5},
        signals=61,
        orders=16,
        confidence="uncalibrated: 14 settled of 200",
        costs="a trade needs 0.10 % to break even; median move at mid 0.04 %, 9 of 14 above zero",
        feeds=Feeds(6, 6, 12.0, 0, 0, 0, 1_270 * MILLISECOND),
        events=tuple(Event(NOW - i * 60 * SECOND, text, detail) for i, (text, detail) in enumerate(EVENTS)),
    )
    return replace(state, **changes)
