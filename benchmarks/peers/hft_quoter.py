"""The quoter of benchmarks/quoter.py on hftbacktest's ROIVector engine. Runs in the peer's own environment.

    PEER_PYTHON benchmarks/peers/hft_quoter.py EVENTS.npz --tick 0.1 --lot 0.001 [--repeat 5 | --serve] [--out PREFIX]

At each multiple of 100 ms of the receiver's clock: cancel own resting orders that stand elsewhere than one tick behind
the touch, then send a post-only order of `--size` for each side that has none there and holds less than `--most`.
Constant latency of 10 ms each way, log-probability queue, whole fills only. Prints one JSON object; PREFIX.fills.csv
holds one line per fill (exch_ns,side,tick,lots), PREFIX.positions.csv one per wake (local_ns,lots). With --serve it
runs the tape once for each line that it reads and answers with the CPU seconds; the JSON object follows the last line.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time

import numpy as np
from hftbacktest import BacktestAsset, ROIVectorMarketDepthBacktest
from hftbacktest.order import FILLED, GTX, LIMIT, NONE
from numba import njit

NS = 1_000_000_000
TOO_LOW, TOO_HIGH = -(2**60), 2**60  # hftbacktest's empty sides lie far beyond these


@njit
def quote(hbt, step, size, most, lot, tick, fills, wakes):
    """Run to the end of the data; returns (wakes, fills, orders sent)."""
    n_wakes = 0
    n_fills = 0
    n_sent = 0
    if hbt.elapse(1) != 0:
        return n_wakes, n_fills, n_sent
    wait = step - hbt.current_timestamp % step
    bid_tick = 0
    ask_tick = 0
    stale = np.empty(64, np.uint64)
    while hbt.elapse(wait) == 0:
        wait = step
        orders = hbt.orders(0)
        depth = hbt.depth(0)
        bid = depth.best_bid_tick
        ask = depth.best_ask_tick
        whole = bid > TOO_LOW and ask < TOO_HIGH and bid < ask and depth.best_bid_qty > 0 and depth.best_ask_qty > 0
        bid_tick = bid - 1 if whole else 0
        ask_tick = ask + 1 if whole else 0
        has_bid = False
        has_ask = False
        n_stale = 0
        values = orders.values()
        while values.has_next():
            order = values.get()
            if order.status == FILLED:
                fills[n_fills, 0] = order.exch_timestamp
                fills[n_fills, 1] = order.side
                fills[n_fills, 2] = order.exec_price_tick
                fills[n_fills, 3] = round(order.exec_qty / lot)
                n_fills += 1
                continue
            if order.side == 1:
                wanted = order.price_tick == bid_tick
                has_bid = has_bid or (wanted and (order.cancellable or order.req != NONE))
            else:
                wanted = order.price_tick == ask_tick
                has_ask = has_ask or (wanted and (order.cancellable or order.req != NONE))
            if not wanted and order.cancellable:
                stale[n_stale] = order.order_id
                n_stale += 1
        hbt.clear_inactive_orders(0)
        ids = np.sort(stale[:n_stale])
        for k in range(n_stale):
            hbt.cancel(0, ids[k], False)
        position = round(hbt.position(0) / lot)
        if bid_tick > 0 and not has_bid and position < most:
            n_sent += 1
            hbt.submit_buy_order(0, n_sent, bid_tick * tick, size, GTX, LIMIT, False)
        if ask_tick > 0 and not has_ask and -position < most:
            n_sent += 1
            hbt.submit_sell_order(0, n_sent, ask_tick * tick, size, GTX, LIMIT, False)
        wakes[n_wakes, 0] = hbt.current_timestamp
        wakes[n_wakes, 1] = position
        n_wakes += 1
    return n_wakes, n_fills, n_sent


def engine(events, args):
    low, high = args.low or 0.5 * float(np.median(events["px"][events["px"] > 0])), args.high or 0.0
    high = high or 3 * low
    asset = (
        BacktestAsset()
        .data([events])
        .linear_asset(1.0)
        .constant_order_latency(args.latency_ns, args.latency_ns)
        .log_prob_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(args.maker, args.taker)
        .tick_size(args.tick)
        .lot_size(args.lot)
        .roi_lb(low)
        .roi_ub(high)
        .last_trades_capacity(0)
    )
    return ROIVectorMarketDepthBacktest([asset])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events")
    parser.add_argument("--tick", type=float, default=0.1)
    parser.add_argument("--lot", type=float, default=0.001)
    parser.add_argument("--size", type=float, default=0.01)
    parser.add_argument("--most", type=float, default=1.0)
    parser.add_argument("--maker", type=float, default=0.0002)
    parser.add_argument("--taker", type=float, default=0.0005)
    parser.add_argument("--latency-ns", type=int, default=10_000_000)
    parser.add_argument("--step-ns", type=int, default=NS // 10)
    parser.add_argument("--low", type=float, default=0.0, help="lowest price of the region of interest")
    parser.add_argument("--high", type=float, default=0.0, help="highest price of the region of interest")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help="one run for each line of standard input")
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    events = np.load(args.events)["data"]
    stamps = np.concatenate([events["local_ts"], events["exch_ts"]])
    span = int(stamps.max() - stamps.min()) + 100 * args.latency_ns  # wakes go on until both clocks have run out
    fills = np.zeros((len(events) // 4 + 1000, 4), np.int64)
    wakes = np.zeros((span // args.step_ns + 10, 2), np.int64)
    rest = (args.step_ns, args.size, round(args.most / args.lot), args.lot, args.tick, fills, wakes)
    started = time.process_time()
    short = engine(events[: min(2000, len(events))], args)
    quote(short, *rest)
    short.close()
    compiled = time.process_time() - started
    seconds = []
    for _ in sys.stdin if args.serve else range(args.repeat):
        hbt = engine(events, args)
        started = time.process_time()
        n_wakes, n_fills, n_sent = quote(hbt, *rest)
        seconds.append(time.process_time() - started)
        state = hbt.state_values(0)
        result = {"position": round(state.position / args.lot), "balance": state.balance, "fee": state.fee}
        hbt.close()
        if args.serve:
            print(seconds[-1], flush=True)
    if args.out:
        order = np.lexsort((fills[:n_fills, 2], fills[:n_fills, 1], fills[:n_fills, 0]))
        _write(args.out + ".fills.csv", "exch_ns,side,tick,lots", fills[:n_fills][order])
        _write(args.out + ".positions.csv", "local_ns,lots", wakes[:n_wakes])
    median = statistics.median(seconds)
    print(
        json.dumps(
            {
                "rows": len(events),
                "cpu_s": median,
                "rows_per_s": len(events) / median,
                "compile_s": compiled,
                "wakes": int(n_wakes),
                "fills": int(n_fills),
                "sent": int(n_sent),
                **result,
            }
        )
    )


def _write(path: str, header: str, rows: np.ndarray) -> None:
    np.savetxt(path, rows, fmt="%d", delimiter=",", header=header, comments="")


if __name__ == "__main__":
    main()
