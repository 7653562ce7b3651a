"""The text of the generated venue module: the pass loop with the chosen queue, latency and fee models imported.

A function passed as a value would miss numba's cache in every process and an array passed to a per-row helper costs
10x, so the loop is generated: it imports the static matching functions and the chosen modules by name. Every name that
the text defines or imports starts with `venue_`, `queue_`, `latency_` or `fee_` (and `send`), so that it can stand in a
larger module that has imported `kernel`.

The module defines
    venue_pass(rows, bars, values, cursor, stop, limit_at, stop_on_answer, mail, rules, venues, books, q, lat, fees)
        -> cursor
        rows     ROW array in venue order (tape/venue_time.py): `exch` holds the corrected venue time
        bars, values   the side tables that `ref` of BAR and VALUE rows counts into (empty arrays where there are none)
        cursor, stop   first row not applied yet, and the end of the rows
        limit_at ns; rows, requests and expiries at or before it are processed; it must not exceed the time to which
                 `rows` is complete
        stop_on_answer  1: return right after the row, request or expiry that produced an answer
        mail     MAIL record of this venue: both rings
        rules, venues, books   arrays of RULES, VENUE and LADDER records, indexed by a row's `inst`
        q, lat, fees   parameter records of the chosen models (tape/params.py `params_record`)
    send(mail, lat, now, feed_ns, op, order_id, inst, side, type, tif, price, trigger, target, qty, expiry, flags,
         leverage) -> arrival (ns), or -1 when the request ring is full
        for the strategy's side: stamps the request with the latency model; FIFO, no request overtakes another. A
        request that the latency model loses (negative latency) never arrives; a REJECT or CANCEL_REJECT with reason
        GATEWAY lies among the answers at once, visible when we learn of it. `feed_ns` is the feed latency last seen by
        the sender (for latency taken from the rows).

Order of events at the venue: by time; at one time stamp, rows before requests before expiries (an order that arrives
with a row's stamp has not overtaken it). Answers lie in mail["answers"] from ans_head to ans_tail (modulo ANSWERS); the
caller collects them and advances ans_head. `visible` holds venue time plus response latency, in order; the caller
applies the watermark on top. When less than half of the ring is free the pass returns early: collect and call again. It
is not done while a row, mail["next_expiry"] or the oldest request lies at or before `limit_at`.

Errors: OverflowError when money leaves int64 or one step gives too many answers; b["spilled"] must be examined by the
caller.
"""

from __future__ import annotations

from typing import Final

from tickerml.sim.orders import AnswerKind, Op
from tickerml.tape.rows import Flag, Kind

QUEUE: Final = "tickerml.sim.queue.log_probability"
LATENCY: Final = "tickerml.sim.latency.constant"
FEES: Final = "tickerml.sim.fees.flat"

_TEXT: Final = '''
from {queue} import on_depth as queue_on_depth
from {queue} import on_new as queue_on_new
from {queue} import on_trade as queue_on_trade
from {latency} import cancel as latency_cancel
from {latency} import entry as latency_entry
from {latency} import response as latency_response
from {fees} import fee as fee_of
from tickerml.account.contract import value as venue_value
from tickerml.account.position import apply_fill as venue_apply_fill
from tickerml.sim import bar_path as venue_bar_path
from tickerml.sim import funding as venue_funding
from tickerml.sim import match as venue_match
from tickerml.sim import outbox as venue_outbox
from tickerml.sim import requests as venue_requests
from tickerml.sim import rows as venue_rare
from tickerml.sim import slots as venue_slots
from tickerml.sim import take as venue_take
from tickerml.sim import triggers as venue_triggers
from tickerml.sim.orders import ANSWERS as VENUE_ANSWERS
from tickerml.tape.ladder import end_message as venue_end_message
from tickerml.tape.ladder import level as venue_level
from tickerml.tape.ladder import set_level as venue_set_level
from tickerml.tape.rows import FOREVER as VENUE_FOREVER

VENUE_DEPTH, VENUE_TRADE, VENUE_BAR, VENUE_VALUE = {depth}, {trade}, {bar}, {value}
VENUE_FILL, VENUE_END = {fill}, {end}


@kernel
def venue_depth_row(mail, rule, v, b, row, q):
    """A level changed at or through a price of ours: queue positions, executions, triggers."""
    side = row["side"]
    price = row["price"]
    after = row["qty"]
    before = venue_level(b, side, price)
    venue_set_level(b, side, price, after)
    for k in range(v["n"]):
        if v["price"][k] == price and v["side"][k] == side and venue_slots.resting(v, k):
            queue_on_depth(q, v, k, before, after)
    if v["n_taken"] != 0:
        venue_take.shrink_taken(v, side, price, before, after)
    venue_match.come_through(mail, rule, v, side, price, before, after)
    if row["flags"] & VENUE_END != 0:
        venue_end_message(b, row["flags"])
        if v["watch"] != 0:
            venue_triggers.on_touch(mail, rule, v, b)


@kernel
def venue_trade_row(mail, rule, v, b, row, q):
    """A trade at or through a price of ours: by price, then time; at our own price the queue position decides."""
    price = row["price"]
    side = -venue_match.taker_side(b, row)
    lots = venue_match.trade_through(mail, rule, v, side, price, row["qty"])
    k = 0
    while k < v["n"] and lots > 0:
        n = v["n"]
        if v["price"][k] == price and v["side"][k] == side and venue_slots.resting(v, k):
            queue_on_trade(q, v, k, lots)
            lots -= venue_match.reach(mail, rule, v, k, lots)
        if v["n"] == n:
            k += 1
    v["last_trade"] = price
    if v["watch"] != 0:
        venue_triggers.on_trade(mail, rule, v, b, price)


@kernel
def venue_settle(mail, first, rules, venues, books, q, lat, fees):
    """Finish the answers from `first` on: fees, account, when they are visible; queue positions of new orders."""
    for j in range(first, mail["ans_tail"]):
        a = mail["answers"][j & (VENUE_ANSWERS - 1)]
        n = a["inst"]
        rule = rules[n]
        v = venues[n]
        if a["kind"] == VENUE_FILL:
            fee = fee_of(fees, rule, venue_value(rule, a["price"], a["qty"]), a["maker"])
            a["fee"] = fee
            mail["cash"][rule["wallet"]] += venue_apply_fill(v, rule, a["side"], a["price"], a["qty"], fee)
        mail["last_visible"] = max(mail["last_visible"], a["at"] + latency_response(lat, mail, mail["feed_ns"]))
        a["visible"] = mail["last_visible"]
        if v["fresh"] != 0:
            v["fresh"] = 0
            v["lot"] = rule["lot"]
            for k in range(v["n"]):
                if v["passed"][k] == -1.0:
                    v["passed"][k] = 0.0
                    queue_on_new(q, v, k, venue_level(books[n], v["side"][k], v["price"][k]))


@kernel
def venue_pass(rows, bars, values, cursor, stop, limit_at, stop_on_answer, mail, rules, venues, books, q, lat, fees):
    """Process rows, requests and expiries up to `limit_at` in order of time; see tickerml/sim/template.py."""
    feed_ns = mail["feed_ns"]
    while True:
        first = mail["ans_tail"]
        if first - mail["ans_head"] > VENUE_ANSWERS // 2:
            return cursor
        arrival = venue_requests.next_arrival(mail)
        until = min(limit_at, min(arrival, mail["next_expiry"]))
        while cursor < stop:
            row = rows[cursor]
            at = row["exch"]
            if at > until:
                break
            cursor += 1
            feed_ns = row["recv"] - at
            kind = row["kind"]
            n = row["inst"]
            v = venues[n]
            b = books[n]
            price = row["price"]
            if kind == VENUE_DEPTH:
                if row["side"] > 0:
                    concerned = price >= v["sell_lo"] or (price <= v["buy_hi"] and price >= v["buy_lo"])
                else:
                    concerned = price <= v["buy_hi"] or (price >= v["sell_lo"] and price <= v["sell_hi"])
                if not concerned:
                    venue_set_level(b, row["side"], price, row["qty"])
                    if row["flags"] & VENUE_END != 0:
                        venue_end_message(b, row["flags"])
                    continue
                mail["now"] = at
                venue_depth_row(mail, rules[n], v, b, row, q)
            elif kind == VENUE_TRADE:
                if price > v["buy_hi"] and price < v["sell_lo"]:
                    v["last_trade"] = price
                    continue
                mail["now"] = at
                venue_trade_row(mail, rules[n], v, b, row, q)
            elif kind == VENUE_BAR:
                mail["now"] = at
                venue_bar_path.on_bar(mail, rules[n], v, bars[row["ref"]])
            elif kind == VENUE_VALUE:
                mail["now"] = at
                venue_funding.on_value(mail, rules[n], v, b, values[row["ref"]])
            else:
                venue_rare.on_other(v, b, row)
            if mail["ans_tail"] != first:
                mail["feed_ns"] = feed_ns
                venue_settle(mail, first, rules, venues, books, q, lat, fees)
                first = mail["ans_tail"]
                if stop_on_answer != 0 or first - mail["ans_head"] > VENUE_ANSWERS // 2:
                    return cursor
        mail["feed_ns"] = feed_ns
        due = min(arrival, mail["next_expiry"])
        if due > limit_at or due == VENUE_FOREVER:
            return cursor
        mail["now"] = due
        if arrival <= due:
            venue_requests.next_request(mail, rules, venues, books)
        else:
            venue_requests.expire_all(mail, rules, venues, books)
        if mail["ans_tail"] != first:
            venue_settle(mail, first, rules, venues, books, q, lat, fees)
            if stop_on_answer != 0:
                return cursor


@kernel
def send(mail, lat, now, feed_ns, op, order_id, inst, side, order_type, tif, price, trigger, target, qty, expiry, flags,
         leverage):
    """Send a request to the venue at `now`; see tickerml/sim/template.py."""
    delay = latency_entry(lat, mail, feed_ns) if op == {new} else latency_cancel(lat, mail, feed_ns)
    if delay < 0:
        return venue_outbox.lose(mail, now - delay, op, order_id, inst, side, order_type, tif, price, qty)
    return venue_outbox.push(mail, now, now + delay, op, order_id, inst, side, order_type, tif, price, trigger, target,
                             qty, expiry, flags, leverage)
'''


def venue_source(queue_module: str = QUEUE, latency_module: str = LATENCY, fees_module: str = FEES) -> str:
    """The text of `venue_pass` and `send` with the named modules' functions; it needs `kernel` in its namespace."""
    return _TEXT.format(
        queue=queue_module,
        latency=latency_module,
        fees=fees_module,
        depth=int(Kind.DEPTH),
        trade=int(Kind.TRADE),
        bar=int(Kind.BAR),
        value=int(Kind.VALUE),
        fill=int(AnswerKind.FILL),
        end=int(Flag.END),
        new=int(Op.NEW),
    )
