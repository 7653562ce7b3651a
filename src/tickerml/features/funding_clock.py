"""How long until funding is exchanged next, told from when it was exchanged before.

Each "funding" value of the tape is a settlement. The time between the newest two is taken for the time to the next:
funding_interval, in hours; time_to_funding = newest settlement + interval - now. Exchanges change the interval of a
coin (8, 4 or 1 h); the first settlement after such a change tells of it.

Time is receive time, and time_to_funding is renewed at the first message end of each minute. Once funding is due it is
0 for `patience`, then NaN: the source has stopped to tell. NaN before the second settlement and without funding.

Source: the settlements on the tape; no model behind it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.window import ends
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import VALUE_NAMES, Range
from tickerml.tape.rows import DAY, HOUR, MINUTE, Record

FIELDS: Final = {
    "time_to_funding": "hours; until the next settlement, by the interval of the last two",
    "funding_interval": "hours; between the last two settlements",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How long to wait for a settlement that is due."""

    patience: Annotated[int, Range(0, DAY)] = 10 * MINUTE  # ns; a settlement this late is missing


State: Final = np.dtype(
    [
        ("settled", "i8"),  # exchange time of the newest settlement; 0 = none
        ("interval", "i8"),  # ns from the one before to it; 0 = not known
        ("renew", "i8"),  # receive time at which time_to_funding is renewed
    ]
)

_FUNDING: Final = VALUE_NAMES.index("funding")


@fold
def on_row(p: Record, s: Record, row: Record, f: Record) -> None:
    """Renew the time that is left once a minute."""
    if row["recv"] >= s["renew"] and ends(row):
        s["renew"] = (row["recv"] // MINUTE + 1) * MINUTE
        _emit(p, s, row["recv"], f)


@fold
def on_value(p: Record, s: Record, row: Record, value: Record, f: Record, i: Record) -> None:
    """Take in a settlement; one that is told again changes nothing."""
    if value["name"] != i["names"][_FUNDING]:
        return
    time = row["exch"] if row["exch"] != 0 else row["recv"]
    if time <= s["settled"]:
        return
    s["interval"] = time - s["settled"] if s["settled"] != 0 else 0
    s["settled"] = time
    _emit(p, s, row["recv"], f)


@kernel
def _emit(p: Record, s: Record, now: int, f: Record) -> None:
    if s["interval"] == 0:
        return
    left = s["settled"] + s["interval"] - now
    f["time_to_funding"] = max(left, 0) / float(HOUR) if left >= -p["patience"] else math.nan
    f["funding_interval"] = s["interval"] / float(HOUR)
