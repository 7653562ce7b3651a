"""A Kalman filter of the log price with its velocity and acceleration, and how sure the velocity is.

State (x, v, a) of the log price: dx = v dt, dv = a dt, da = white noise of density q; observed: z = ln C = x + noise of
variance r at each bar. Time is counted in units of n bars, from the times of the bars; q = r / n makes n bars the time
over which the filter smooths (its bandwidth is (q / (r dt))^(1/6) = 1 per unit). Gains depend on n alone; r itself is
the mean of (innovation^2 / its variance) over the last 4 n bars, which is where it drops out of the likelihood.
kalman_snr = |v| / standard error of v.

The covariance is updated in Joseph's form, which keeps it positive. A bar without prints is no observation, only time
that passes; after more than 10 n bars without any the filter begins anew.

NaN before n observations; kalman_snr and kalman_velocity_error also while the price has never moved.

Source: Kalman, "A new approach to linear filtering and prediction problems", Journal of Basic Engineering 82 (1960);
model of constant acceleration: Bar-Shalom, Li and Kirubarajan, "Estimation with Applications to Tracking and
Navigation" (2001), ch. 6.2; scale: Harvey, "Forecasting, Structural Time Series Models and the Kalman Filter" (1989).
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
    "kalman_price": "quote; e^x",
    "kalman_velocity": "fraction per day; v, growth of the log price",
    "kalman_acceleration": "fraction per day^2; a",
    "kalman_velocity_error": "fraction per day; standard error of v",
    "kalman_snr": "ratio; |v| / its standard error",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks

UNKNOWN: Final = 1e10  # variance of what nothing is known of, in r


@dataclass(frozen=True)
class Params:
    """How smooth, and of which bars."""

    n: Annotated[int, Range(2, 1000)] = 20  # bars over which the filter smooths
    timeframe: Annotated[int, TIMEFRAME] = OWN  # ns; length of a bar, -1 = the source's own


State: Final = np.dtype(
    [
        ("bars", FRAME),
        ("seen", "i8"),  # observations
        ("time", "i8"),  # exchange time of the newest
        ("close", "i8"),  # its price, ticks
        ("unit", "f8"),  # ns; n bars
        ("x", "f8"),  # log price in ticks
        ("v", "f8"),  # per unit
        ("a", "f8"),  # per unit^2
        ("xx", "f8"),  # covariance, in r
        ("xv", "f8"),
        ("xa", "f8"),
        ("vv", "f8"),
        ("va", "f8"),
        ("aa", "f8"),
        ("scale", "f8"),  # estimate of r
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
    c, n = s["bars"], p["n"]
    close, time = c["shown_close"][0], c["shown_end"][0]
    if c["shown_volume"][0] == 0 and close == s["close"] and c["shown_high"][0] == c["shown_low"][0]:
        return  # no prints: nothing was observed
    if s["unit"] == 0.0:
        s["unit"] = float(n * bar_length(c, p["timeframe"]))
    dt = (time - s["time"]) / s["unit"]
    s["time"] = time
    s["close"] = close
    if s["seen"] == 0 or dt > 10.0:
        _begin(s, math.log(float(close)))
        _nothing(f)
        return
    _predict(s, dt, 1.0 / n)
    _correct(s, math.log(float(close)), 4 * n)
    if s["seen"] >= n:
        _emit(s, f, i["tick"])


@kernel
def _begin(s: Record, z: float) -> None:
    """The first observation: where the price is, and nothing of how it moves."""
    s["seen"] = 1
    s["x"], s["v"], s["a"], s["scale"] = z, 0.0, 0.0, 0.0
    s["xx"], s["xv"], s["xa"], s["va"] = 1.0, 0.0, 0.0, 0.0
    s["vv"], s["aa"] = UNKNOWN, UNKNOWN


@kernel
def _predict(s: Record, t: float, q: float) -> None:
    """Let time `t` pass: F P F' + Q with F of constant acceleration, Q of white jerk."""
    h = 0.5 * t * t
    xx, xv, xa, vv, va, aa = s["xx"], s["xv"], s["xa"], s["vv"], s["va"], s["aa"]
    s["x"] += s["v"] * t + s["a"] * h
    s["v"] += s["a"] * t
    s["xx"] = xx + 2.0 * t * xv + 2.0 * h * xa + t * t * vv + 2.0 * t * h * va + h * h * aa + q * (t * h * h / 5.0)
    s["xv"] = xv + t * (xa + vv) + (h + t * t) * va + h * t * aa + q * (h * h / 2.0)
    s["xa"] = xa + t * va + h * aa + q * (t * h / 3.0)
    s["vv"] = vv + 2.0 * t * va + t * t * aa + q * (2.0 * t * h / 3.0)
    s["va"] = va + t * aa + q * h
    s["aa"] = aa + q * t


@kernel
def _correct(s: Record, z: float, memory: int) -> None:
    """Take in the observation `z` of noise 1: (I - K H) P (I - K H)' + K K', and the scale of what was not foreseen."""
    variance = s["xx"] + 1.0
    kx, kv, ka = s["xx"] / variance, s["xv"] / variance, s["xa"] / variance
    missed = z - s["x"]
    s["x"] += kx * missed
    s["v"] += kv * missed
    s["a"] += ka * missed
    xx, xv, xa = s["xx"], s["xv"], s["xa"]
    left = 1.0 - kx
    s["xx"] = left * left * xx + kx * kx
    s["xv"] = left * (xv - kv * xx) + kx * kv
    s["xa"] = left * (xa - ka * xx) + kx * ka
    s["vv"] = s["vv"] - 2.0 * kv * xv + kv * kv * xx + kv * kv
    s["va"] = s["va"] - ka * xv - kv * xa + kv * ka * xx + kv * ka
    s["aa"] = s["aa"] - 2.0 * ka * xa + ka * ka * xx + ka * ka
    s["seen"] += 1
    known = s["seen"] - 3  # the first three fix the state and say nothing of the noise
    if known > 0:
        s["scale"] += (missed * missed / variance - s["scale"]) / min(known, memory)


@kernel
def _emit(s: Record, f: Record, tick: float) -> None:
    days = s["unit"] / float(DAY)
    error = math.sqrt(s["scale"] * s["vv"])
    f["kalman_price"] = math.exp(s["x"]) * tick
    f["kalman_velocity"] = s["v"] / days
    f["kalman_acceleration"] = s["a"] / (days * days)
    f["kalman_velocity_error"] = error / days if error > 0.0 else math.nan
    f["kalman_snr"] = abs(s["v"]) / error if error > 0.0 else math.nan


@kernel
def _nothing(f: Record) -> None:
    f["kalman_price"] = math.nan
    f["kalman_velocity"] = math.nan
    f["kalman_acceleration"] = math.nan
    f["kalman_velocity_error"] = math.nan
    f["kalman_snr"] = math.nan
