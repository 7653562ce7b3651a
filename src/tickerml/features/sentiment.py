"""What the news say, and how much of it there is: a score that fades.

Each "sentiment" value of the tape is the score of one item, -1 (bad) to 1 (good), of one coin or of the whole market
(an instrument without a quote coin, such as a file of news makes). An item counts for a coin when it is its own or the
market's. With w_j = 2^(-age_j / half_life) for each item that counts: news_count = sum w_j, sentiment = sum w_j score_j
/ sum w_j.

Renewed at each item that counts, so news_count is as of the newest one. NaN before the first item.

Source: exponential weighting; scores by whatever wrote them on the tape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import VALUE_NAMES, Range, name_code
from tickerml.tape.rows import DAY, HOUR, MINUTE, Record, Rows

FIELDS: Final = {
    "sentiment": "-1 to 1; mean of the scores, an item weighs half after each half_life",
    "news_count": "count; items, each by its weight at the newest one",
}


@dataclass(frozen=True)
class Params:
    """How fast news grow old."""

    half_life: Annotated[int, Range(MINUTE, 30 * DAY)] = 6 * HOUR  # ns; an item counts half after it


State: Final = np.dtype(
    [
        ("score", "f8"),  # of the newest item
        ("at", "i8"),  # receive time of the newest item that counts; 0 = none
        ("weight", "f8"),  # sum of weights at that time
        ("weighted", "f8"),  # sum of weights x scores
    ]
)

_SENTIMENT: Final = VALUE_NAMES.index("sentiment")
_NONE: Final = name_code("")


@fold
def on_value(s: Record, value: Record, i: Record) -> bool:
    """Read an item's score."""
    s["score"] = value["value"]
    return value["name"] == i["names"][_SENTIMENT] and abs(value["value"]) <= 1.0


@fold
def across(p: Record, n: int, row: Record, ss: Rows, fs: Rows, insts: Rows) -> None:
    """Count it for its coin, or for all coins where it is the market's."""
    for k in range(len(ss)):
        if k == n or (insts[n]["priced"] == 0 and insts[k]["priced"] != 0 and _of_market(insts[n], insts[k])):
            _count(ss[k], fs[k], p["half_life"], row["recv"], ss[n]["score"])


@kernel
def _of_market(about: Record, coin: Record) -> bool:
    """Whether an item about `about` counts for `coin`: it names no coin, or this one."""
    return about["quote"] == _NONE or about["base"] == coin["base"]


@kernel
def _count(s: Record, f: Record, half_life: int, now: int, score: float) -> None:
    fade = math.pow(2.0, -(now - s["at"]) / half_life) if s["at"] != 0 else 0.0
    s["weight"] = s["weight"] * fade + 1.0
    s["weighted"] = s["weighted"] * fade + score
    s["at"] = now
    f["sentiment"] = s["weighted"] / s["weight"]
    f["news_count"] = s["weight"]
