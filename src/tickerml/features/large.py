"""Large trades and large orders, by value: from 1,000, from 10,000 and from 100,000 US dollars.

A print, or a growth of a level of the book by one row, of value v = price x size falls into the highest class whose
threshold it reaches: 1k (1,000 <= v < 10,000), 10k (10,000 <= v < 100,000) or 100k (v >= 100,000). Per class and
window: large_trades_* and large_orders_* count them; large_trade_flow_* is the value bought minus sold by takers;
large_order_flow_* is the value added to bids minus to asks.

Depth feeds send the net change of a level since their last message (100 ms at Binance), so several small orders may
look like one and an order that came and went in between is not seen. All are NaN until a whole window has been seen;
order fields also while the book is invalid, and a gap or a snapshot starts their window anew.

Source: the size classes of system 2 of docs/claims.md; no model behind them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.trades import taker
from tickerml.features.window import BUCKETS, add, empty_column, ends, full, total, turn, window_fields
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, MILLISECOND, MINUTE, Flag, Kind, Record

CLASSES: Final = ("1k", "10k", "100k")
FIELDS: Final = {
    **{f"large_trades_{c}": f"count; prints of the class {c} in the window" for c in CLASSES},
    **{f"large_trade_flow_{c}": f"quote; value of the class {c}, bought minus sold by takers" for c in CLASSES},
    **{f"large_orders_{c}": f"count; growths of a level of the class {c} in the window" for c in CLASSES},
    **{f"large_order_flow_{c}": f"quote; value of the class {c}, added to bids minus to asks" for c in CLASSES},
}


@dataclass(frozen=True)
class Params:
    """How far back to look, and what a dollar is in the quote currency."""

    window: Annotated[int, Range(100 * MILLISECOND, DAY)] = MINUTE  # ns; length of the window
    dollar: Annotated[float, Range(1e-9, 1e9)] = 1.0  # quote per US dollar: 1 for USDT, 1/60000 for BTC


# Columns by class, class 0 being what is too small: counts, then signed values (ticks x lots; lots if inverse).
_TRADES: Final = 0
_ORDERS: Final = 8
_TRADE: Final = int(Kind.TRADE)
_DEPTH: Final = int(Kind.DEPTH)
_GAP: Final = int(Kind.GAP)
_SNAPSHOT: Final = int(Flag.SNAPSHOT)

State: Final = np.dtype(
    [
        *window_fields(16),
        ("last", "i8"),
        ("sign", "i8"),
        ("fresh", "i8"),
        ("booked", "i8"),  # 1: the book is valid
        ("book_first", "i8"),  # number of the bucket in which it became so
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, b: Record, f: Record, i: Record) -> None:
    """Class each print and each growth of a level; emit at message ends that counted one and at bucket edges."""
    kind = row["kind"]
    if row["recv"] >= s["edge"]:
        turn(s, row["recv"], p["window"])
        s["fresh"] = 1
    if kind == _DEPTH:
        counts = int(row["flags"] & _SNAPSHOT == 0 and b["valid"] != 0)
        _class(p, s, row, _ORDERS, int(row["side"]), max(0, row["qty"] - b["was"]) * counts, i)
    elif kind == _TRADE:
        _class(p, s, row, _TRADES, taker(s, row), row["qty"], i)
    if b["valid"] != s["booked"]:
        s["booked"] = b["valid"]
        s["book_first"] = s["bucket"]
        _forget_orders(s)
        s["fresh"] = 1
    if s["fresh"] != 0 and ends(row):
        s["fresh"] = 0
        _emit(s, f, i)


@kernel
def _class(p: Record, s: Record, row: Record, column: int, side: int, lots: int, i: Record) -> None:
    """Count `lots` at the row's price in their class. Without a branch on the class, because this runs on every row."""
    price = int(row["price"])
    dollar = p["dollar"]
    value = lots * (price * i["unit"] + i["lot_value"])
    of = int(value >= 1_000.0 * dollar) + int(value >= 10_000.0 * dollar) + int(value >= 100_000.0 * dollar)
    add(s, column + of, 1)
    add(s, column + 4 + of, side * lots * (price if i["unit"] != 0.0 else 1))
    s["fresh"] |= of


@kernel
def _forget_orders(s: Record) -> None:
    """Start the order sums anew; the trades go on."""
    for column in range(_ORDERS, _ORDERS + 8):
        empty_column(s, column)


@kernel
def _emit(s: Record, f: Record, i: Record) -> None:
    unit = i["unit"] if i["unit"] != 0.0 else i["lot_value"]
    one = 1.0 if full(s) else math.nan
    f["large_trades_1k"] = total(s, 1) * one
    f["large_trades_10k"] = total(s, 2) * one
    f["large_trades_100k"] = total(s, 3) * one
    f["large_trade_flow_1k"] = total(s, 5) * unit * one
    f["large_trade_flow_10k"] = total(s, 6) * unit * one
    f["large_trade_flow_100k"] = total(s, 7) * unit * one
    if s["booked"] == 0 or s["bucket"] - s["book_first"] < BUCKETS:
        one = math.nan
    f["large_orders_1k"] = total(s, 9) * one
    f["large_orders_10k"] = total(s, 10) * one
    f["large_orders_100k"] = total(s, 11) * one
    f["large_order_flow_1k"] = total(s, 13) * unit * one
    f["large_order_flow_10k"] = total(s, 14) * unit * one
    f["large_order_flow_100k"] = total(s, 15) * unit * one
