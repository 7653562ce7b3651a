"""Positions closed by force: how many and on which side, how they come in clusters, and how often those grow on.

Over the window: liquidated_longs is the value of longs that were closed (orders that sell), liquidated_shorts that of
shorts, at their average price; liquidation_imbalance = (shorts - longs) / (shorts + longs), above 0 when shorts are
squeezed. A cluster is a run of liquidations of which none came later than `gap` after the one before it;
cluster_count and cluster_value are those of the one that runs, 0 when none does.

cascade_probability: a cluster of c liquidations is in class k where 2^k <= c < 2^(k+1). Of all clusters that have ended
and had reached class k, it is the share that went on to class k + 1: how often one that was as large as the present one
at least came to its double. A frequency of this tape's past, not a model; NaN while no cluster runs and before `least`
clusters of the class have ended.

All are NaN until the tape has told of a first liquidation of the instrument: a source without them is unavailable, not
quiet. Sums also until a whole window has gone by since. liquidation_imbalance while the window has none.

Source: clusters and their growth by counting; no model behind them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np

from tickerml.features.window import add, ends, full, total, turn, window_fields
from tickerml.tape.bits import highest_bit
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import VALUE_NAMES, Range
from tickerml.tape.rows import DAY, HOUR, MINUTE, SECOND, Record

FIELDS: Final = {
    "liquidated_longs": "quote; value of longs closed by force in the window",
    "liquidated_shorts": "quote; value of shorts closed by force in the window",
    "liquidation_count": "count; liquidations in the window",
    "liquidation_imbalance": "-1 to 1; (shorts - longs) / (shorts + longs)",
    "cluster_count": "count; liquidations of the cluster that runs, 0 = none does",
    "cluster_value": "quote; their value",
    "cascade_probability": "0 to 1; share of past clusters as large as this one that came to the next power of two",
}
AT_ENDS: Final = True  # `on_row` has no use for rows inside a message, other than prints and clocks


@dataclass(frozen=True)
class Params:
    """How far back, and what a cluster is."""

    window: Annotated[int, Range(64 * SECOND, DAY)] = HOUR  # ns; length of the window
    gap: Annotated[int, Range(SECOND, DAY)] = MINUTE  # ns; a longer silence ends a cluster
    least: Annotated[int, Range(1, 10_000)] = 20  # clusters; fewer tell no frequency


CLASSES: Final = 32
_LONGS: Final = 0
_SHORTS: Final = 1
_COUNT: Final = 2
_LIQUIDATION: Final = VALUE_NAMES.index("liquidation")

State: Final = np.dtype(
    [
        *window_fields(3),
        ("newest", "i8"),  # receive time of the newest liquidation; 0 = none was ever told
        ("running", "i8"),  # liquidations of the cluster that runs
        ("worth", "i8"),  # ticks x lots of them; lots if inverse
        ("reached", "i8", (CLASSES,)),  # clusters that have ended, by each class that they came to
    ]
)


@fold
def on_row(p: Record, s: Record, row: Record, f: Record, i: Record) -> None:
    """Let the window go on and the cluster end."""
    if s["newest"] == 0:
        return
    over = s["running"] > 0 and row["recv"] - s["newest"] > p["gap"]
    if (over or row["recv"] >= s["edge"]) and ends(row):
        turn(s, row["recv"], p["window"])
        if over:
            _end(s)
        _emit(p, s, f, i)


@fold
def on_value(p: Record, s: Record, row: Record, value: Record, f: Record, i: Record) -> None:
    """Count a liquidation: its row has the filled size and the side of its order, its value the average price."""
    if value["name"] != i["names"][_LIQUIDATION] or row["qty"] <= 0:
        return
    if s["running"] > 0 and row["recv"] - s["newest"] > p["gap"]:
        _end(s)
    turn(s, row["recv"], p["window"])
    ticks = math.floor(value["value"] / i["tick"] + 0.5)
    worth = row["qty"] * (int(ticks) if i["unit"] != 0.0 else 1)
    add(s, _SHORTS if row["side"] > 0 else _LONGS, worth)
    add(s, _COUNT, 1)
    s["newest"] = row["recv"]
    s["running"] += 1
    s["worth"] += worth
    _emit(p, s, f, i)


@kernel
def _end(s: Record) -> None:
    """The cluster is over: it had come to its class and to all smaller ones."""
    for k in range(highest_bit(s["running"]) + 1):
        s["reached"][k] += 1
    s["running"] = 0
    s["worth"] = 0


@kernel
def _emit(p: Record, s: Record, f: Record, i: Record) -> None:
    unit = i["unit"] if i["unit"] != 0.0 else i["lot_value"]
    longs, shorts = total(s, _LONGS), total(s, _SHORTS)
    one = 1.0 if full(s) else math.nan
    f["liquidated_longs"] = longs * unit * one
    f["liquidated_shorts"] = shorts * unit * one
    f["liquidation_count"] = total(s, _COUNT) * one
    f["liquidation_imbalance"] = (shorts - longs) / (shorts + longs) if longs + shorts > 0 else math.nan
    f["cluster_count"] = s["running"]
    f["cluster_value"] = s["worth"] * unit
    f["cascade_probability"] = _grows(p, s)


@kernel
def _grows(p: Record, s: Record) -> float:
    if s["running"] == 0:
        return math.nan
    k = highest_bit(s["running"])
    return s["reached"][k + 1] / s["reached"][k] if s["reached"][k] >= p["least"] else math.nan
