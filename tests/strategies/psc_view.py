"""A view whose every figure a test sets by hand."""

import math
from decimal import Decimal

import numpy as np

from tickerml.strategies.psc import Psc
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import MINUTE

BTC = Instrument(0, "synthetic", "BTC/USDT:USDT", "BTCUSDT", Decimal("0.1"), Decimal("0.001"), "BTC", "USDT", "USDT")
PEPE = Instrument(
    1, "synthetic", "1000PEPE/USDT:USDT", "1000PEPEUSDT", Decimal("0.000001"), Decimal(1), "1000PEPE", "USDT", "USDT",
    multiplier=Decimal(1000),
)  # fmt: skip
SPAN_START = 1_767_506_400_000_000_000  # 06:00 UTC: a ten-minute span begins

GOOD_BOOK = {  # score 10 for a long: 2 + 2 + 2 + 2 + 2
    "ofi_ratio(10s)": 1.0,
    "trade_imbalance(10s)": 1.0,
    "depth_imbalance(5)": 1.0,
    "depth_imbalance(20)": 1.0,
    "spread_bps": 1.0,
    "depth": 200_000.0,
    "spread_normalised": 1.0,
    "cancellation_rate": 0.0,
    "volatility": 0.03,
}


class FakeView:
    def __init__(
        self, strategy=None, *, close=64_000.0, ton=5.5, instrument=BTC, now=SPAN_START, bar_only=False, **features
    ):
        strategy = strategy or Psc()
        self.close, self.ton, self.instrument, self.now, self.bar_only = close, ton, instrument, now, bar_only
        self.position, self.equity = None, 10_000.0
        self.state, self.shared = np.zeros(1, strategy.state)[0], np.zeros(1, strategy.shared)[0]
        self.features = dict.fromkeys(strategy.sees, math.nan)
        if not bar_only:
            self.features.update(GOOD_BOOK, bid=close * 0.99995, ask=close * 1.00005)
        self.features.update(features)

    def __getitem__(self, name):
        return self.features[name]

    def at(self, minutes, **features):
        """The same view later in the span, with these features changed."""
        self.now = SPAN_START + round(minutes * MINUTE)
        self.features.update(features)
        return self
