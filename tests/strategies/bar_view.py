"""A view of a bar strategy whose every figure a test sets by hand, and its detector asked beside it."""

from __future__ import annotations

import sys
from decimal import Decimal

import numpy as np

from tickerml.engine.detectors import ASKED
from tickerml.tape.instruments import Instrument
from tickerml.tape.params import params_record
from tickerml.tape.rows import HOUR

SPOT = Instrument(0, "binance", "BTC/USDT", "BTCUSDT", Decimal("0.01"), Decimal("0.00001"), "BTC", "USDT", "USDT")
PERP = Instrument(
    1, "binance-usdm", "BTC/USDT:USDT", "BTCUSDT", Decimal("0.1"), Decimal("0.001"), "BTC", "USDT", "USDT"
)


class BarView:
    """What a strategy sees: features under its own short names."""

    def __init__(self, strategy, *, instrument=SPOT, equity=10_000.0, position=None, now=1000 * HOUR, **features):
        self.strategy, self.instrument, self.equity, self.position, self.now = (
            strategy,
            instrument,
            equity,
            position,
            now,
        )
        self.state = np.zeros(1, getattr(strategy, "state", np.dtype([("none", "i1")])))[0]
        self.features = dict.fromkeys(strategy.sees, np.nan) | features

    def __getitem__(self, name):
        return self.features[name]


def detected(view):
    """The reason that the detector gives, or None where it asks for a decision."""
    d = np.zeros(1, [(name, "f8") for name in view.strategy.sees])
    for name in view.strategy.sees:
        d[name] = view[name]
    asked = np.zeros(1, ASKED)
    asked["held"] = 0 if view.position is None else 1
    detect = sys.modules[type(view.strategy).__module__].detect
    why = detect.py_func(params_record(view.strategy), d[0], asked[0])
    return None if why == 0 else view.strategy.passes[why - 1]
