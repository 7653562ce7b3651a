"""Direction on five timeframes at once, and how far they agree.

With O and C the first and last price of the newest visible bar of a timeframe (bars as in `bars`, from prints or from a
source's bars): trend = sign(C - O), one of -1, 0, 1. consensus = mean of the trends of those timeframes that have a bar
yet, trend_count how many those are: read it beside the consensus. Any field of a bar on one timeframe is read as
`bar(15m).close`.

NaN until the timeframe has a bar; consensus until one of them has.

Source: multi-timeframe agreement as the five-signal strategy asks for it; no model behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.barring import bar_fields, begin, due, mature, merge, take
from tickerml.features.window import ends
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, HOUR, MILLISECOND, MINUTE, SECOND, Kind, Record

TIMEFRAMES: Final = (MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, DAY)
FIELDS: Final = {
    **{f"trend_{name}": f"-1, 0 or 1; sign(C - O) of the last {name} bar" for name in ("1m", "5m", "15m", "1h", "1d")},
    "consensus": "-1 to 1; mean of the trends that are known",
    "trend_count": "count; timeframes that have a bar",
}


@dataclass(frozen=True)
class Params:
    """How long to wait for prints that are on their way."""

    grace: Annotated[int, Range(0, 60 * SECOND)] = 250 * MILLISECOND  # ns; wait after the close


_TRADE: Final = int(Kind.TRADE)
_CLOCK: Final = int(Kind.CLOCK)

State: Final = np.dtype(bar_fields(len(TIMEFRAMES)))


@fold
def on_row(p: Record, s: Record, row: Record, f: Record) -> None:
    """Take in a print, show bars whose time has come, emit at message ends."""
    if row["recv"] >= s["due"] or row["kind"] == _TRADE or row["kind"] == _CLOCK:
        begin(s, row)
        for k in range(len(TIMEFRAMES)):
            mature(s, k, TIMEFRAMES[k], row["recv"] - s["offset"] - p["grace"])
            if row["kind"] == _TRADE:
                take(s, k, TIMEFRAMES[k], row)
        s["due"] = due(s, p["grace"])
    if s["fresh"] != 0 and ends(row):
        s["fresh"] = 0
        _emit(s, f)


@fold
def on_bar(s: Record, row: Record, bar: Record, f: Record) -> None:
    """Merge a bar of the source into those of each timeframe."""
    news = False
    for k in range(len(TIMEFRAMES)):
        news = merge(s, k, TIMEFRAMES[k], row, bar) or news
    if news:
        s["fresh"] = 0
        _emit(s, f)


@kernel
def _trend(s: Record, k: int) -> float:
    if s["shown"][k] == 0:
        return math.nan
    change = s["shown_close"][k] - s["shown_open"][k]
    if change == 0:
        return 0.0
    return 1.0 if change > 0 else -1.0


@kernel
def _emit(s: Record, f: Record) -> None:
    f["trend_1m"] = _trend(s, 0)
    f["trend_5m"] = _trend(s, 1)
    f["trend_15m"] = _trend(s, 2)
    f["trend_1h"] = _trend(s, 3)
    f["trend_1d"] = _trend(s, 4)
    known = 0
    total = 0.0
    for k in range(len(TIMEFRAMES)):
        if s["shown"][k] != 0:
            known += 1
            total += _trend(s, k)
    f["trend_count"] = known
    f["consensus"] = total / known if known > 0 else math.nan
