"""A moving-average cross in backtrader, as its documentation does it. Run by the peer's own Python; see bars.py.

Reads bars.npz (open, high, low, close, cash, fees, stop, stake, fast, slow); for each line on stdin one line of JSON:
seconds of one run, and its trades.
"""

import json
import sys
import time

import backtrader as bt
import numpy as np
import pandas as pd

TOLD = dict(np.load(sys.argv[1]))


class Cross(bt.Strategy):
    """Long while the fast mean is above the slow one, with a stop order."""

    def __init__(self):
        fast = bt.ind.SMA(period=int(TOLD["fast"]))
        self.crossed = bt.ind.CrossOver(fast, bt.ind.SMA(period=int(TOLD["slow"])))
        self.guard, self.trades = None, 0

    def next(self):
        if not self.position and self.crossed > 0:
            close = self.data.close[0]
            size = float(TOLD["stake"]) / close
            main = self.buy(size=size, transmit=False)
            stop = close * (1 - float(TOLD["stop"]))
            self.guard = self.sell(size=size, exectype=bt.Order.Stop, price=stop, parent=main)
        elif self.position and self.crossed < 0:
            self.cancel(self.guard)
            self.close()

    def notify_trade(self, trade):
        self.trades += trade.isclosed


def main():
    times = pd.date_range("2024-01-01", periods=len(TOLD["close"]), freq="min")
    frame = pd.DataFrame({name: TOLD[name] for name in ("open", "high", "low", "close")}, index=times)
    frame["volume"] = 1.0
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        engine = bt.Cerebro(stdstats=False)
        engine.broker.setcash(float(TOLD["cash"]))
        engine.broker.setcommission(float(TOLD["fees"]))
        engine.adddata(bt.feeds.PandasData(dataname=frame))
        engine.addstrategy(Cross)
        began = time.process_time()
        (found,) = engine.run()
        print(json.dumps({"seconds": time.process_time() - began, "trades": found.trades}), flush=True)


if __name__ == "__main__":
    main()
