"""Random rows and requests, and the compiled venue run over them: what tests against an oracle share."""

from __future__ import annotations

import numpy as np
from venue_driver import Venue, row, snapshot
from venue_oracle import Order

from tickerml.tape.orders import AnswerKind, OrderFlag, OrderType, TimeInForce
from tickerml.tape.rows import BUY, SELL, Flag, Kind

T, F, A = OrderType, TimeInForce, AnswerKind
MID = 100


def market_rows(rng, n):
    """A snapshot, then levels, trades, now and then a gap with its snapshot or a halt, one row every 10 ns."""
    rows = [snapshot(0, {MID - d: 5 for d in range(1, 6)}, {MID + d: 5 for d in range(1, 6)})]
    time = 0
    for _ in range(n):
        time += 10
        u = rng.random()
        side = int(rng.choice([BUY, SELL]))
        price = MID - side * int(rng.integers(-1, 7))
        if u < 0.6:
            flags = Flag.END if rng.random() < 0.7 else 0
            rows.append(row(Kind.DEPTH, time, side, price, int(rng.integers(0, 12)), flags))
        elif u < 0.96:
            rows.append(row(Kind.TRADE, time, -side, price, int(rng.integers(1, 9))))
        elif u < 0.98:
            rows.append(row(Kind.GAP, time, flags=0))
            rows.append(snapshot(time, {MID - 1 - d: 4 for d in range(4)}, {MID + 1 + d: 4 for d in range(4)}))
        else:
            rows.append(row(Kind.STATUS, time, qty=int(rng.random() < 0.7)))
    return np.concatenate(rows)


def random_requests(rng, n, last, amends=0.0):
    """Orders of every type, some cancels, and a share of amends, at times between the rows and at their very stamps."""
    requests = []
    for order_id in range(1, n + 1):
        time = int(rng.integers(1, last))
        if rng.random() < 0.3:
            requests.append(("cancel", time, int(rng.integers(1, n + 1))))
            continue
        if rng.random() < amends:
            price = MID + int(rng.integers(-5, 6)) if rng.random() < 0.5 else 0
            trigger = MID + int(rng.integers(-2, 3)) if rng.random() < 0.2 else 0
            qty = int(rng.integers(1, 20)) if rng.random() < 0.6 else 0
            asked = [r for r in requests if r[0] == "new"]
            which = asked[int(rng.integers(len(asked)))] if asked else ("", time, None)
            time = min(which[1] + int(rng.integers(1, 100)), last)
            order_id = which[2].id if asked and rng.random() < 0.9 else int(rng.integers(1, n + 1))
            requests.append(("amend", time, order_id, price, trigger, qty))
            continue
        kind = int(
            rng.choice([T.LIMIT] * 6 + [T.MARKET, T.STOP, T.STOP_LIMIT, T.TAKE_PROFIT, T.TAKE_PROFIT_LIMIT, T.TRAILING])
        )
        side = int(rng.choice([BUY, SELL]))
        tif = int(rng.choice([F.GTC, F.GTC, F.GTX, F.IOC, F.FOK, F.GTD]))
        if kind != T.LIMIT and tif == F.GTX:
            tif = int(F.GTC)
        priced = kind in (T.LIMIT, T.STOP_LIMIT, T.TAKE_PROFIT_LIMIT)
        triggered = kind >= T.STOP
        order = Order(
            order_id, side, kind, tif,
            price=MID + int(rng.integers(-5, 6)) if priced else 0,
            trigger=0 if not triggered else int(rng.integers(1, 4)) + (0 if kind == T.TRAILING else MID - 2),
            qty=int(rng.integers(1, 15)),
            expiry=time + int(rng.integers(-5, 300)) if tif == F.GTD else 0,
            reduce=bool(rng.random() < 0.2),
        )  # fmt: skip
        requests.append(("new", time, order))
    return sorted(requests, key=lambda r: r[1])


def by_time(rows, requests):
    """At one stamp rows come first, then requests in the order they were sent."""
    events = [(int(r["exch"]), 0, ("row", r)) for r in rows] + [(r[1], 1, r) for r in requests]
    return [e[2] for e in sorted(events, key=lambda e: (e[0], e[1]))]


def run_kernel(rows, requests, *, chunk=0, **changes):
    venue = Venue(queue="tickerml.sim.queue.back", **changes)
    for request in requests:
        if request[0] == "cancel":
            venue.cancel(request[1], request[2])
        elif request[0] == "amend":
            venue.amend(*request[1:])
        else:
            o = request[2]
            venue.send(
                request[1], o.side, o.price, o.qty, o.type, o.tif, o.trigger, expiry=o.expiry, order_id=o.id,
                flags=OrderFlag.REDUCE_ONLY if o.reduce else 0,
            )  # fmt: skip
    end = int(rows["exch"][-1]) + 10_000
    if chunk:
        for k in range(0, len(rows), chunk):
            venue.feed(rows[k : k + chunk])
            following = rows["exch"][k + chunk] if k + chunk < len(rows) else end
            venue.run(int(following) - 1, stop_on_answer=1)
    venue.feed(rows[:0] if chunk else rows)
    venue.run(end)
    return venue


def told(answers):
    """Answers as the oracle gives them."""
    return [
        (int(a["at"]), int(a["kind"]), int(a["id"]), int(a["price"]) if a["kind"] != A.CANCEL_REJECT else 0,
         int(a["qty"]), int(a["left"]), int(a["reason"]))
        for a in answers
    ]  # fmt: skip
