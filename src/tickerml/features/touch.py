"""The touch: best bid and ask, mid, microprice, spread and queue imbalance.

With P_b, P_a the best prices and q_b, q_a the sizes there, at the end of each message:
mid = (P_b + P_a) / 2; spread = P_a - P_b; queue_imbalance = (q_b - q_a) / (q_b + q_a);
microprice = (P_a q_b + P_b q_a) / (q_b + q_a), the weighted mid: the side with less size waiting is nearer to moving.
(Stoikov's fitted micro-price adds a term estimated from transitions of imbalance and spread; that one is a model.)

All are NaN while the book is invalid, empty on a side, or crossed.

Source: Stoikov, "The micro-price: a high-frequency estimator of future prices", Quantitative Finance 18 (2018), for the
weighted mid; Gould and Bonart, "Queue imbalance as a one-tick-ahead price predictor in a limit order book" (2016).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from tickerml.features.window import end_mask
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.ladder import NO_ASK, NO_BID
from tickerml.tape.rows import Record

FIELDS: Final = {
    "bid": "quote; best bid price P_b",
    "ask": "quote; best ask price P_a",
    "bid_size": "base; size q_b at the best bid",
    "ask_size": "base; size q_a at the best ask",
    "mid": "quote; (P_b + P_a) / 2",
    "microprice": "quote; (P_a q_b + P_b q_a) / (q_b + q_a), the weighted mid",
    "spread": "quote; P_a - P_b",
    "spread_ticks": "ticks; (P_a - P_b) / tick",
    "spread_bps": "basis points of the mid; 10,000 (P_a - P_b) / mid",
    "queue_imbalance": "-1 to 1; (q_b - q_a) / (q_b + q_a)",
}


@dataclass(frozen=True)
class Params:
    """Nothing to choose."""


State: Final = np.dtype([("moves", "i8")])  # of the book, when this was last emitted


@kernel
def usable(b: Record) -> bool:
    """Whether prices may be read off the book: it is valid, has both sides, and is not crossed or locked."""
    return b["valid"] != 0 and b["best_bid"] != NO_BID and b["best_ask"] != NO_ASK and b["best_bid"] < b["best_ask"]


@fold
def on_row(s: Record, row: Record, b: Record, f: Record, i: Record) -> None:
    """Emit when the touch may have changed by the end of a message."""
    if (s["moves"] ^ b["moves"]) & end_mask(row) == 0:  # one branch, because it is asked on every row
        return
    s["moves"] = b["moves"]
    if usable(b):
        _emit(b, f, i)
    else:
        _forget(f)


@kernel
def _emit(b: Record, f: Record, i: Record) -> None:
    bid, ask = b["best_bid"], b["best_ask"]
    bid_qty, ask_qty = b["bid_qty"], b["ask_qty"]
    tick, lot = i["tick"], i["lot"]
    per_size = 1.0 / (bid_qty + ask_qty)
    f["bid"] = bid * tick
    f["ask"] = ask * tick
    f["bid_size"] = bid_qty * lot
    f["ask_size"] = ask_qty * lot
    f["mid"] = (bid + ask) * 0.5 * tick
    f["microprice"] = (bid + (ask - bid) * (bid_qty * per_size)) * tick
    f["spread"] = (ask - bid) * tick
    f["spread_ticks"] = ask - bid
    f["spread_bps"] = 20_000.0 * (ask - bid) / (bid + ask)
    f["queue_imbalance"] = (bid_qty - ask_qty) * per_size


@kernel
def _forget(f: Record) -> None:
    f["bid"] = math.nan
    f["ask"] = math.nan
    f["bid_size"] = math.nan
    f["ask_size"] = math.nan
    f["mid"] = math.nan
    f["microprice"] = math.nan
    f["spread"] = math.nan
    f["spread_ticks"] = math.nan
    f["spread_bps"] = math.nan
    f["queue_imbalance"] = math.nan
