"""A moving-average cross in backtesting.py, as its documentation does it. Run by the peer's own Python; see bars.py.

Reads bars.npz (open, high, low, close, cash, fees, stop, stake, fast, slow); for each line on stdin one line of JSON:
seconds of one run, and its trades.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
from backtesting import Strategy
from backtesting.lib import FractionalBacktest, crossover

TOLD = dict(np.load(sys.argv[1]))


def mean(values, n):
    """The simple moving average."""
    return pd.Series(values).rolling(n).mean()


class Cross(Strategy):
    """Long while the fast mean is above the slow one."""

    def init(self):
        self.fast = self.I(mean, self.data.Close, int(TOLD["fast"]))
        self.slow = self.I(mean, self.data.Close, int(TOLD["slow"]))

    def next(self):
        if not self.position and crossover(self.fast, self.slow):
            close = self.data.Close[-1]
            self.buy(size=float(TOLD["stake"]) / float(TOLD["cash"]), sl=close * (1 - float(TOLD["stop"])))
        elif self.position and crossover(self.slow, self.fast):
            self.position.close()


def main():
    times = pd.date_range("2024-01-01", periods=len(TOLD["close"]), freq="min")
    frame = pd.DataFrame({name.title(): TOLD[name] for name in ("open", "high", "low", "close")}, index=times)
    frame["Volume"] = 1.0
    test = FractionalBacktest(  # it trades whole units otherwise, and a coin costs more than a stake
        frame, Cross, cash=float(TOLD["cash"]), commission=float(TOLD["fees"]), fractional_unit=1e-5
    )
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        began = time.process_time()
        found = test.run()
        print(json.dumps({"seconds": time.process_time() - began, "trades": int(found["# Trades"])}), flush=True)


if __name__ == "__main__":
    main()
