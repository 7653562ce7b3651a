"""A small run tape, written row by row as a run writes it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec
import numpy as np

from tickerml.tape.block import Block
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import MINUTE, ROW, SECOND, Flag, Kind
from tickerml.tape.tape import Header, MemoryTape

T0 = 1_767_484_800 * SECOND
BTC = Instrument(0, "binance-usdm", "BTC/USDT:USDT", "BTCUSDT", Decimal("0.1"), Decimal("0.001"), "BTC", "USDT", "USDT")
ETH = replace(BTC, id=1, symbol="ETH/USDT:USDT", raw="ETHUSDT", tick=Decimal("0.01"), base="ETH")


encode = msgspec.json.Encoder(order="sorted", decimal_format="string").encode


class Writer:
    """Collects rows and their blobs into blocks of a given length."""

    def __init__(self):
        self.rows, self.blobs = [], []

    def add(self, minute, inst, kind, figures=None, side=0):
        ref = -1
        if figures is not None:
            blob = encode(figures)
            if blob not in self.blobs:
                self.blobs.append(blob)
            ref = self.blobs.index(blob)
        self.rows.append((T0 + minute * MINUTE, 0, 0, 0, ref, inst, int(kind), side, int(Flag.END)))
        return len(self.rows) - 1

    def balance(self, minute, **money):
        for side, name in ((0, "equity"), (1, "cash"), (-1, "exposure")):
            qty, end = int(Decimal(money[name]) * 100), int(Flag.END) if side < 0 else 0
            self.rows.append((T0 + minute * MINUTE, 0, qty, 2, -1, 0, int(Kind.BALANCE), side, end))

    def tape(self, cut=10_000, **header):
        blocks = []
        for first in range(0, len(self.rows), cut):
            blocks.append(Block(np.array(self.rows[first : first + cut], ROW), blobs=tuple(self.blobs)))
        return MemoryTape(Header("nexousdt_20240724.dat.gz", (BTC, ETH), **header), tuple(blocks))


def settled(intent, side, entry, out, pnl, **more):
    return {
        "intent": intent, "strategy": "psc", "side": side, "entry": entry, "exit": out, "entry_time": T0 + MINUTE,
        "exit_time": T0 + 5 * MINUTE, "qty": "0.025", "gross": str(Decimal(pnl) + Decimal("1.6")), "fees": "1.6",
        "funding": "0", "pnl": pnl, "reason": "target", "mae": 0.001, "mfe": 0.004, "confidence_raw": 0.34,
        "confidence": None, "leverage": 3.0, "superp": False, **more,
    }  # fmt: skip


def written():
    """Two trades, a setup that was never filled, a signal never traded, passes of two coins, refusals."""
    w = Writer()
    w.balance(0, equity="10000", cash="10000", exposure="0")
    for minute in range(50):
        w.add(minute, 0, Kind.PASS, {"strategy": "psc", "reason": "ratio-neutral", "score": minute})
        w.add(minute, 1, Kind.PASS, {"strategy": "psc", "reason": "ratio-neutral" if minute % 2 else "spread-too-wide"})
    one = w.add(50, 0, Kind.INTENT, {"strategy": "psc", "kind": "setup", "side": 1, "stop": 0.004, "target": 0.008})
    w.add(50, 0, Kind.SUBMIT)
    w.add(50, 0, Kind.FILL)
    w.balance(51, equity="9999.2", cash="8400", exposure="-1600")
    w.add(55, 0, Kind.SETTLED, settled(one, 1, "64000", "64200.5", "3.41"))
    two = w.add(56, 1, Kind.INTENT, {"strategy": "psc", "kind": "setup", "side": -1, "stop": None, "target": None})
    w.add(56, 1, Kind.SUBMIT)
    w.add(56, 1, Kind.FILL)
    w.add(57, 1, Kind.SETTLED, settled(two, -1, "3100.00", "3110.00", "-1.85", reason="stop", confidence=0.2))
    three = w.add(58, 1, Kind.INTENT, {"strategy": "psc", "kind": "setup", "side": 1})
    said = "edge below cost (0.06 % < 0.10 %)"
    w.add(58, 1, Kind.REFUSAL, {"intent": three, "strategy": "psc", "code": "edge_below_cost", "text": said})
    w.add(58, 1, Kind.SETTLED, settled(three, 1, "0", "0", "0", qty="0", reason="unfilled"))
    w.add(58, 1, Kind.SETTLED, settled(three, 1, "0", "0", "0", qty="0", won=True))
    w.add(59, 1, Kind.REJECT)
    w.balance(59, equity="10001.56", cash="10001.56", exposure="0")
    return w


MANIFEST = {
    "run": "8f3a21",
    "mode": "paper",
    "strategy": "psc",
    "params": {"mode": "absolute", "long_above": 7.0},
    "seed": 7,
    "source": {"title": "nexo", "content_hash": "ab" * 32, "rows": 1234, "gaps": 1, "resyncs": 2},
    "kernel_hash": "cd" * 32,
    "decision_hash": "ef" * 32,
    "versions": {"tickerml": "0.1.0"},
    "command": ["tickerml", "paper", "--seed", "7"],
    "cash": "10000",
    "trials": 3,
    "waterfall": [["at mid", "4.76"], ["fees", "-3.20"], ["queue", None]],
    "unknown": {"key": "is ignored"},
}
