"""Mean reversion: an Ornstein-Uhlenbeck process fitted to the log price of the last n + 1 closes.

dx = theta (mu - x) dt + sigma dW, x = ln C. Sampled every dt it is x_(t+1) = a + b x_t + e; with a, b by least squares
over n steps: ou_theta = -ln(b) / dt, mu = a / (1 - b), ou_sigma = sqrt(mean of e^2 x 2 theta / (1 - b^2)), the
conditional maximum likelihood; ou_mean = e^mu; ou_half_life = ln 2 / theta; ou_drift = theta (mu - x), what is expected
of the newest price; ou_deviation = (x - mu) / (sigma / sqrt(2 theta)), in standard deviations of the process at rest.

Sums are made anew from the stored prices every n bars and are relative to a recent price, so they neither drift nor
cancel. NaN before n + 1 bars; while the prices do not revert (b not between 0 and 1), ou_theta is 0 and what needs a
mean is NaN. Small n overstate theta (Tang and Chen, Journal of Econometrics 149, 2009): read ou_half_life beside n.

Source: van den Berg, "Calibrating the Ornstein-Uhlenbeck (Vasicek) model" (2011); Uhlenbeck and Ornstein (1930).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.frame import FRAME, OWN, TIMEFRAME, bar_length, next_of_bar, next_of_row, wanted
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import DAY, Record

FIELDS: Final = {
    "ou_theta": "per day; pace of reversion, -ln(b) / dt",
    "ou_mean": "quote; e^mu, where the price reverts to",
    "ou_sigma": "fraction per square root of a day; noise of the process",
    "ou_half_life": "days; ln 2 / theta",
    "ou_drift": "fraction per day; theta (mu - x)",
    "ou_deviation": "standard deviations; (x - mu) / (sigma / sqrt(2 theta))",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks

FLAT: Final = 1e-20  # variance of log prices below which there is nothing to fit


@dataclass(frozen=True)
class Params:
    """How many steps, and of which bars."""

    n: Annotated[int, Range(5, 1000)] = 100  # steps in the regression
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("closes", "i8"),  # bars seen
        ("slot", "i8"),  # of the newest price
        ("centre", "f8"),  # log price that the sums are relative to
        ("sum", "f8"),  # of x_0 .. x_(n-1), relative
        ("squares", "f8"),
        ("products", "f8"),  # of x_t x_(t+1), relative
        ("ring", "f8", (1024,)),  # ln C, ticks
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
    n = p["n"]
    slot = s["closes"] & 1023
    s["ring"][slot] = math.log(float(s["bars"]["shown_close"][0]))
    s["slot"] = slot
    s["closes"] += 1
    if s["closes"] <= n:
        return
    if (s["closes"] - 1) % n == 0:
        _sum_anew(s, n)
    else:
        gone, first = s["ring"][(slot - n - 1) & 1023] - s["centre"], s["ring"][(slot - n) & 1023] - s["centre"]
        last, newest = s["ring"][(slot - 1) & 1023] - s["centre"], s["ring"][slot] - s["centre"]
        s["sum"] += last - gone
        s["squares"] += last * last - gone * gone
        s["products"] += last * newest - gone * first
    _fit(s, f, n, bar_length(s["bars"], p["timeframe"]) / float(DAY), i["tick"])


@kernel
def _sum_anew(s: Record, n: int) -> None:
    """The sums over the n steps that end with the newest price, relative to it."""
    s["centre"] = s["ring"][s["slot"]]
    s["sum"], s["squares"], s["products"] = 0.0, 0.0, 0.0
    for k in range(n):
        x = s["ring"][(s["slot"] - n + k) & 1023] - s["centre"]
        s["sum"] += x
        s["squares"] += x * x
        s["products"] += x * (s["ring"][(s["slot"] - n + k + 1) & 1023] - s["centre"])


@kernel
def _fit(s: Record, f: Record, n: int, days: float, tick: float) -> None:
    first, newest = s["ring"][(s["slot"] - n) & 1023] - s["centre"], s["ring"][s["slot"]] - s["centre"]
    mean_x, mean_y = s["sum"] / n, (s["sum"] - first + newest) / n
    xx = s["squares"] / n - mean_x * mean_x
    xy = s["products"] / n - mean_x * mean_y
    yy = (s["squares"] - first * first + newest * newest) / n - mean_y * mean_y
    b = xy / xx if xx > FLAT else 1.0
    if not 0.0 < b < 1.0:
        _no_reversion(f)
        return
    theta = -math.log(b) / days
    mu = (mean_y - b * mean_x) / (1.0 - b)
    variance = max(0.0, yy - b * xy) * 2.0 * theta / ((1.0 - b) * (1.0 + b))
    f["ou_theta"] = theta
    f["ou_mean"] = math.exp(mu + s["centre"]) * tick if mu < 100.0 else math.nan
    f["ou_sigma"] = math.sqrt(variance)
    f["ou_half_life"] = math.log(2.0) / theta
    f["ou_drift"] = theta * (mu - newest)
    f["ou_deviation"] = (newest - mu) / math.sqrt(variance / (2.0 * theta)) if variance > 0.0 else math.nan


@kernel
def _no_reversion(f: Record) -> None:
    f["ou_theta"] = 0.0
    f["ou_mean"] = math.nan
    f["ou_sigma"] = math.nan
    f["ou_half_life"] = math.nan
    f["ou_drift"] = math.nan
    f["ou_deviation"] = math.nan
