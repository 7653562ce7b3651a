"""What takers do: the tick rule, and bought and sold size over a window.

tick_rule of a print is +1 when its price is above the print's before, -1 below, and that of the print before when
equal. Where the source does not say who took (side 0), the tick rule stands in for it, here and in every fold that
counts taker flow. With V_b and V_s the sizes bought and sold by takers in the window:
trade_imbalance = (V_b - V_s) / (V_b + V_s).

Each print counts by itself, as the venue sends it. tick_rule is NaN before the second price, trade_imbalance without a
print in the window; sizes and counts are NaN until a whole window has been seen.

Source: Lee and Ready, "Inferring trade direction from intraday data", Journal of Finance 46 (1991), for the tick rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.window import add, ends, full, total, turn, window_fields
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, MILLISECOND, MINUTE, Kind, Record

FIELDS: Final = {
    "tick_rule": "+1 or -1; sign of the last change of the trade price",
    "trade_imbalance": "-1 to 1; (V_b - V_s) / (V_b + V_s) over the window",
    "buy_volume": "base; V_b, bought by takers in the window",
    "sell_volume": "base; V_s, sold by takers in the window",
    "trade_count": "count; prints in the window",
}


@dataclass(frozen=True)
class Params:
    """How far back to look."""

    window: Annotated[int, Range(100 * MILLISECOND, DAY)] = MINUTE  # ns; length of the window


_BUYS: Final = 0
_SELLS: Final = 1
_COUNT: Final = 2
_TRADE: Final = int(Kind.TRADE)

State: Final = np.dtype(
    [
        *window_fields(3),
        ("last", "i8"),  # ticks of the last print; 0 = none yet
        ("sign", "i8"),  # tick rule of the last print; 0 = not known yet
        ("fresh", "i8"),  # 1: something was counted since the last emission
    ]
)


@kernel
def taker(s: Record, row: Record) -> int:
    """+1 bought, -1 sold, by the source's word or else the tick rule; 0 unknown. Keeps `last` and `sign` of `s`."""
    price = int(row["price"])
    if s["last"] != 0:
        if price > s["last"]:
            s["sign"] = 1
        elif price < s["last"]:
            s["sign"] = -1
    s["last"] = price
    return int(row["side"]) if row["side"] != 0 else s["sign"]


@fold
def on_row(p: Record, s: Record, row: Record, f: Record, i: Record) -> None:
    """Count each print; emit at message ends with a print and at bucket edges."""
    trade = row["kind"] == _TRADE
    if not trade and s["fresh"] == 0 and row["recv"] < s["edge"]:
        return
    if turn(s, row["recv"], p["window"]):
        s["fresh"] = 1
    if trade:
        side = taker(s, row)
        if side > 0:
            add(s, _BUYS, row["qty"])
        elif side < 0:
            add(s, _SELLS, row["qty"])
        add(s, _COUNT, 1)
        s["fresh"] = 1
    if s["fresh"] != 0 and ends(row):
        s["fresh"] = 0
        _emit(s, f, i)


@kernel
def _emit(s: Record, f: Record, i: Record) -> None:
    buys, sells = total(s, _BUYS), total(s, _SELLS)
    f["tick_rule"] = s["sign"] if s["sign"] != 0 else math.nan
    f["trade_imbalance"] = (buys - sells) / (buys + sells) if buys + sells > 0 else math.nan
    lot = i["lot"] if full(s) else math.nan
    f["buy_volume"] = buys * lot
    f["sell_volume"] = sells * lot
    f["trade_count"] = total(s, _COUNT) if full(s) else math.nan
