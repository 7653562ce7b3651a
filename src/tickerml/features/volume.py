"""How large the volume of the newest bar is against what is usual.

volume_mean = mean volume of the n bars before the newest one, volume_ratio = V / volume_mean. The newest bar is not in
the mean, or a burst would hide in it. The sum is of whole lots and cannot drift.

NaN before n + 1 bars; volume_ratio also while the n bars had no volume.

Source: relative volume as charts show it; no model behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.frame import FRAME, OWN, TIMEFRAME, next_of_bar, next_of_row, wanted
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record

FIELDS: Final = {
    "volume_ratio": "ratio; volume of the newest bar / volume_mean",
    "volume_mean": "base; mean volume of the n bars before the newest",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How many bars, and which."""

    n: Annotated[int, Range(1, 1024)] = 20  # bars in the mean
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("bars_seen", "i8"),
        ("slot", "i8"),  # of the oldest
        ("sum", "i8"),  # lots
        ("volumes", "i8", (1024,)),
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, f: Record, i: Record) -> None:
    """Follow the bars that prints make."""
    if wanted(s["bars"], row):
        while next_of_row(s["bars"], p["timeframe"], row):
            _step(p, s, f, i)


@fold
def on_bar(p: Record, s: Record, row: Record, bar: Record, f: Record, i: Record) -> None:
    """Follow the bars of a bar-only source."""
    while next_of_bar(s["bars"], p["timeframe"], row, bar):
        _step(p, s, f, i)


@kernel
def _step(p: Record, s: Record, f: Record, i: Record) -> None:
    volume, n, slot = s["bars"]["shown_volume"][0], p["n"], s["slot"]
    if s["bars_seen"] >= n:
        f["volume_mean"] = s["sum"] / n * i["lot"]
        f["volume_ratio"] = volume * n / s["sum"] if s["sum"] > 0 else math.nan
    s["sum"] += volume - s["volumes"][slot]
    s["volumes"][slot] = volume
    s["slot"] = slot + 1 if slot + 1 < n else 0
    s["bars_seen"] += 1
