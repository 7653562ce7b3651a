"""The moving-average-cross sweep in vectorbt, as its documentation does it. Run by the peer's own Python; see sweep.py.

Reads bars.npz (open, high, low, close, size, fast, slow, fees, stop, cash); answers each line on stdin "run LOW HIGH"
with a line of JSON: seconds, total returns and trade counts of combinations LOW to HIGH; "trades K" with the trades of
one. Signals are shifted by a bar and executed at its open, so that nothing is known before it is.
"""

import json
import resource
import sys
import time

import numpy as np
import pandas as pd
import vectorbt as vbt


def portfolio(told, low, high, rows=None):
    """MA.run, crossings, from_signals: what a user writes."""
    opened, top, bottom, close, size = (
        pd.Series(told[name][:rows]) for name in ("open", "high", "low", "close", "size")
    )
    fast = vbt.MA.run(close, told["fast"][low:high], short_name="fast")
    slow = vbt.MA.run(close, told["slow"][low:high], short_name="slow")
    entries = fast.ma_crossed_above(slow).vbt.signals.fshift(1)
    exits = fast.ma_crossed_below(slow).vbt.signals.fshift(1)
    return vbt.Portfolio.from_signals(
        close,
        entries,
        exits,
        open=opened,
        high=top,
        low=bottom,
        price=opened,
        size=size,
        fees=float(told["fees"]),
        sl_stop=float(told["stop"]),
        init_cash=float(told["cash"]),
        freq="1min",
    )


def figures(found):
    """Total return and trade count of each column."""
    return np.atleast_1d(found.total_return()), np.atleast_1d(found.trades.count())


def main():
    told = dict(np.load(sys.argv[1]))
    figures(portfolio(told, 0, 2, 2000))  # compiles
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        what, *numbers = line.split()
        low = int(numbers[0])
        if what == "run":
            began = time.perf_counter()
            returns, trades = figures(portfolio(told, low, int(numbers[1])))
            seconds = time.perf_counter() - began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            answer = {"seconds": seconds, "returns": returns.tolist(), "trades": trades.tolist(), "rss_mb": peak}
        else:
            records = portfolio(told, low, low + 1).trades.records
            names = ("entry_idx", "exit_idx", "entry_price", "exit_price", "size", "pnl", "status")
            answer = {name: records[name].tolist() for name in names}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
