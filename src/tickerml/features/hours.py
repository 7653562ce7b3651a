"""The hour and the day as a model can read them, and which part of the world trades.

With h the hours since midnight UTC (whole minutes counted) and w the weekday, Monday 0: hour_sin = sin(2 pi h / 24),
hour_cos likewise, so that 23:59 lies beside 0:00; weekday_sin = sin(2 pi w / 7). session_asia is 1 from 0:00 to 8:00
UTC, session_europe from 8:00 to 16:00, session_us from 16:00 to 24:00, else 0.

Time is receive time, and the values are renewed at the first message end of each minute.

Source: the sessions of system 2 of docs/claims.md; sine and cosine of the angle on a circle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from tickerml.features.window import ends
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.rows import DAY, HOUR, MINUTE, Record

FIELDS: Final = {
    "hour_sin": "-1 to 1; sin(2 pi h / 24)",
    "hour_cos": "-1 to 1; cos(2 pi h / 24)",
    "weekday_sin": "-1 to 1; sin(2 pi w / 7)",
    "weekday_cos": "-1 to 1; cos(2 pi w / 7)",
    "session_asia": "0 or 1; 0:00 to 8:00 UTC",
    "session_europe": "0 or 1; 8:00 to 16:00 UTC",
    "session_us": "0 or 1; 16:00 to 24:00 UTC",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """Nothing to choose."""


State: Final = np.dtype([("next_minute", "i8")])  # receive time at which the values are renewed

_MONDAY: Final = 3  # 1970-01-01 was a Thursday


@fold
def on_row(s: Record, row: Record, f: Record) -> None:
    """Renew the values once a minute."""
    if row["recv"] >= s["next_minute"] and ends(row):
        minute = row["recv"] // MINUTE * MINUTE
        s["next_minute"] = minute + MINUTE
        _emit(minute, f)


@kernel
def _emit(minute: int, f: Record) -> None:
    hour = (minute % DAY) / float(HOUR)
    weekday = (minute // DAY + _MONDAY) % 7
    f["hour_sin"] = math.sin(2.0 * math.pi * hour / 24.0)
    f["hour_cos"] = math.cos(2.0 * math.pi * hour / 24.0)
    f["weekday_sin"] = math.sin(2.0 * math.pi * weekday / 7.0)
    f["weekday_cos"] = math.cos(2.0 * math.pi * weekday / 7.0)
    f["session_asia"] = 1.0 if hour < 8.0 else 0.0
    f["session_europe"] = 1.0 if 8.0 <= hour < 16.0 else 0.0
    f["session_us"] = 1.0 if hour >= 16.0 else 0.0
