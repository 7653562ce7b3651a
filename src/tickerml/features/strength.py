"""How strong a coin is against all the others of the tape, and its sector against the market: rotation of money.

With R the log return of a coin's last n bars: basket_return is the mean of R over all other coins of the tape,
relative_strength = R - basket_return. With S the mean of R over the coins of the same sector (see the table in
`sectors`) and M that over all coins: sector_strength = S - M; sector_rotation is that less the same of the n bars
before: above 0 money moves into the sector.

Every instrument with prices counts once, coins in no sector too. All are renewed when any of them shows a bar; one
whose newest bar is more than 3 bars older than that one, or that has no n bars (for sector_rotation 2 n), is left out,
and its own fields are NaN. basket_return and relative_strength are NaN without another coin, sector fields for a coin
without a sector.

Source: relative strength as Levy, "Relative strength as a criterion for investment selection", Journal of Finance 22
(1967), as a difference of log returns; sectors by the same measure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.frame import OWN, next_of_bar, next_of_row, wanted
from tickerml.features.peers import PATIENCE, SERIES, TIMEFRAME, ahead, sum_of, take_return
from tickerml.features.sectors import sector_of
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record, Rows

FIELDS: Final = {
    "relative_strength": "log return; R of the coin less basket_return",
    "basket_return": "log return; mean of R over all other coins",
    "sector_strength": "log return; mean of R over the sector less that over all coins",
    "sector_rotation": "log return; sector_strength less that of the n bars before",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """Over how many bars, and which."""

    n: Annotated[int, Range(1, 1000)] = 288  # bars
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("sector", "i8"),  # 0 = not looked for, -1 = in none
        ("newest", "f8"),  # R; NaN before n bars
        ("before", "f8"),  # R of the n bars before
        ("sector_newest", "f8"),  # mean over the sector, of the bar at which one of its coins last had news
        ("sector_before", "f8"),
        ("series", SERIES),
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, i: Record) -> bool:
    """Follow the bars that prints make."""
    news = False
    if wanted(s["series"]["bars"], row):
        while next_of_row(s["series"]["bars"], p["timeframe"], row):
            _step(p, s, i)
            news = True
    return news


@fold
def on_bar(p: Record, s: Record, row: Record, bar: Record, i: Record) -> bool:
    """Follow the bars of a bar-only source."""
    news = False
    while next_of_bar(s["series"]["bars"], p["timeframe"], row, bar):
        _step(p, s, i)
        news = True
    return news


@kernel
def _step(p: Record, s: Record, i: Record) -> None:
    if s["sector"] == 0:
        s["sector"] = sector_of(i["base"])
        s["sector"] = -1 if s["sector"] == 0 else s["sector"]
    take_return(s["series"])
    last, n = s["series"]["count"], p["n"]
    s["newest"] = sum_of(s["series"], last, n)
    s["before"] = sum_of(s["series"], last - n, n)


@fold
def across(p: Record, n: int, ss: Rows, fs: Rows) -> None:
    """Renew the means, and what every coin makes of them."""
    total, coins, total_before, coins_before = 0.0, 0, 0.0, 0
    of_sector, members, of_sector_before, members_before = 0.0, 0, 0.0, 0
    for k in range(len(ss)):
        if abs(ahead(ss[n]["series"], ss[k]["series"], p["timeframe"])) <= PATIENCE:
            mine = ss[k]["sector"] == ss[n]["sector"]
            if not math.isnan(ss[k]["newest"]):
                total += ss[k]["newest"]
                coins += 1
                of_sector += ss[k]["newest"] if mine else 0.0
                members += mine
            if not math.isnan(ss[k]["before"]):
                total_before += ss[k]["before"]
                coins_before += 1
                of_sector_before += ss[k]["before"] if mine else 0.0
                members_before += mine
    for k in range(len(ss)):
        if ss[k]["sector"] == ss[n]["sector"] and ss[k]["sector"] > 0:
            ss[k]["sector_newest"] = of_sector / members if members > 0 else math.nan
            ss[k]["sector_before"] = of_sector_before / members_before if members_before > 0 else math.nan
        if ss[k]["sector"] != 0:
            here = abs(ahead(ss[n]["series"], ss[k]["series"], p["timeframe"])) <= PATIENCE
            _emit(ss[k], fs[k], here, total, coins, total_before / coins_before if coins_before > 0 else math.nan)


@kernel
def _emit(s: Record, f: Record, here: bool, total: float, coins: int, market_before: float) -> None:
    newest = s["newest"] if here else math.nan
    f["basket_return"] = (total - newest) / (coins - 1) if coins > 1 else math.nan
    f["relative_strength"] = newest - f["basket_return"]
    if s["sector"] < 0 or math.isnan(newest):
        f["sector_strength"] = math.nan
        f["sector_rotation"] = math.nan
        return
    f["sector_strength"] = s["sector_newest"] - total / coins
    known = not math.isnan(s["before"])
    f["sector_rotation"] = f["sector_strength"] - (s["sector_before"] - market_before) if known else math.nan
