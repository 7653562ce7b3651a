"""The text of the pass loop; sim/template.py says what it is, chooses its parts and fills in the models' names."""

from __future__ import annotations

from typing import Final

TEXT: Final = '''
from {queue} import on_depth as queue_on_depth
from {queue} import on_new as queue_on_new
from {queue} import on_trade as queue_on_trade
from {latency} import cancel as latency_cancel
from {latency} import entry as latency_entry
from {latency} import response as latency_response
from {fees} import fee as fee_of
from tickerml.account.contract import value as venue_value
from tickerml.account.position import apply_fill as venue_apply_fill
from tickerml.sim import amend as venue_amend  #? if amend
from tickerml.sim import balance as venue_balance  # if balance
from tickerml.sim import balance as venue_balance  #? if amend
from tickerml.sim import balance as venue_balance  #? if wallets
from tickerml.sim import margin as venue_margin  #? if margin
from tickerml.sim import margin as venue_balance  #? if margin
from tickerml.sim import bar_path as venue_bar_path  # if bars
from tickerml.sim import funding as venue_funding  # if values
from tickerml.sim import margin_funding as venue_funding  #? if margin
from tickerml.sim import match as venue_match
from tickerml.sim import mid as venue_mid  # if mid
from tickerml.sim import outbox as venue_outbox
from tickerml.sim import requests as venue_requests
from tickerml.sim import rows as venue_rare
from tickerml.sim import slots as venue_slots
from tickerml.sim import superp as venue_superp  # if triggers
from tickerml.sim import take as venue_take
from tickerml.sim import taken as venue_taken  # if taking
from tickerml.sim import triggers as venue_triggers  # if triggers
from tickerml.sim import volume as venue_volume  #? if volume
from tickerml.sim import wallets as venue_wallets  #? if wallets
from tickerml.sim.orders import ANSWERS as VENUE_ANSWERS
from tickerml.sim.orders import REQUESTS as VENUE_REQUESTS
from tickerml.tape.ladder import end_message as venue_end_message
from tickerml.tape.ladder import level as venue_level
from tickerml.tape.ladder import set_level as venue_set_level
from tickerml.tape.rows import FOREVER as VENUE_FOREVER

VENUE_DEPTH, VENUE_TRADE, VENUE_BAR, VENUE_VALUE, VENUE_END = {depth}, {trade}, {bar}, {value}, {end}
VENUE_FILL, VENUE_REJECT, VENUE_UNKNOWN, VENUE_NO_BALANCE = {fill}, {reject}, {unknown}, {no_balance}
VENUE_NEW, VENUE_CANCEL, VENUE_CANCEL_ALL = {new}, {cancel}, {cancel_all}
VENUE_MARKET, VENUE_SUPERP, VENUE_GTX = {market}, {superp}, {gtx}
VENUE_AMEND = {amend_op}  #? if amend
VENUE_POSITIVE = 0x7FFFFFFF  # tells the compiler that an index does not count from the end


@kernel
def venue_depth_row(mail, rule, v, b, row, q):
    """A level changed at or through a price of ours: queue positions, executions, triggers."""
    side = int(row["side"])
    price = int(row["price"])
    after = row["qty"]
    before = venue_level(b, side, price)
    venue_set_level(b, side, price, after)
    for k in range(v["n"]):
        o = v["orders"][k]
        if o["price"] == price and o["side"] == side and venue_slots.resting(o):
            queue_on_depth(q, o, before, after)
    if v["n_taken"] != 0:  # if taking
        venue_taken.shrink_taken(v, side, price, before, after)  # if taking
    lots = after - before if rule["partial"] != 0 else after
    if rule["at_mid"] != 0:  # if mid
        lots = 0  # if mid
    if lots > 0:
        venue_match.give(mail, rule, v, -side, price, lots)
    if row["flags"] & VENUE_END != 0:
        venue_end_message(b, int(row["flags"]))
        if rule["at_mid"] != 0:  # if mid
            venue_mid.on_mid(mail, rule, v, b)  # if mid
        if v["watch"] != 0:  # if triggers
            venue_triggers.on_touch(mail, rule, v, b)  # if triggers


@kernel
def venue_trade_row(mail, rule, v, b, row, q):
    """A trade at or through a price of ours: by price, then time; at our own price the queue position decides."""
    price = int(row["price"])
    side = -venue_match.taker_side(b, row)
    lots = row["qty"]
    if rule["at_mid"] != 0:  # if mid
        lots = 0  # if mid
    lots = venue_match.give(mail, rule, v, side, price + side, lots)
    k = 0
    while k < v["n"] and lots > 0:
        n = v["n"]
        o = v["orders"][k]
        if o["price"] == price and o["side"] == side and venue_slots.resting(o):
            queue_on_trade(q, o, lots)
            lots -= venue_match.reach(mail, rule, v, k, lots)
        if v["n"] == n:
            k += 1
    v["last_trade"] = price
    if v["watch"] != 0:  # if triggers
        venue_triggers.on_trade(mail, rule, v, b, price)  # if triggers


@kernel
def venue_finish(mail, rule, v, b, q):
    """The end of a step at one instrument: due orders start, new ones get their queue position, bounds are renewed."""
    while v["due"] != 0:
        if rule["at_mid"] != 0:  # if mid
            venue_mid.start_next(mail, rule, v, b)  # if mid
            continue  # if mid
        venue_take.start_next(mail, rule, v, b)  # if taking
        venue_take.start_post_only(mail, rule, v, b)  # unless taking
    for k in range(v["n"]):
        o = v["orders"][k]
        if o["passed"] == -1.0:
            o["passed"] = 0.0
            queue_on_new(q, o, venue_level(b, o["side"], o["price"]))
    venue_slots.interest(rule, v)


@kernel
def venue_settle(mail, first, rules, venues, lat, fees):
    """Finish the answers from `first` on: fees, account, and when they are visible."""
    for j in range(first, mail["ans_tail"]):
        a = mail["answers"][j & (VENUE_ANSWERS - 1)]
        if a["visible"] != 0:  #? if margin
            continue  #? if margin
        if a["kind"] == VENUE_FILL:
            rule = rules[a["inst"]]
            venue_volume.note(mail, rule, a)  #? if volume
            fee = fee_of(fees, rule, venue_value(rule, a["price"], a["qty"]), a["maker"])
            fee = venue_margin.charge(mail, rule, venues[a["inst"]], a, fee)  #? if margin
            fee = venue_wallets.pay(mail, rules, venues, j, fee)  #? if wallets
            a["fee"] = fee
            mail["cash"][rule["wallet"]] += venue_apply_fill(  #? unless margin
                venues[a["inst"]], rule, a["side"], a["price"], a["qty"], fee  #? unless margin
            )  #? unless margin
            venue_margin.book(mail, rules, venues, a)  #? if margin
            venue_wallets.book(mail, rules, a)  #? if wallets
        mail["last_visible"] = max(mail["last_visible"], a["at"] + latency_response(lat, mail, mail["feed_ns"]))
        a["visible"] = mail["last_visible"]


@kernel  #? if margin
def venue_risk(mail, first, row, bars, rules, venues, books, n, lat, fees):  #? if margin
    """The mark of what we hold may have moved: book the row's executions, then look at margin."""  #? if margin
    venue_settle(mail, first, rules, venues, lat, fees)  #? if margin
    if row["kind"] == VENUE_BAR:  #? if margin
        bar = bars[row["ref"]]  #? if margin
        venue_margin.look(mail, rules, venues, books, n, bar["open"], bar["low"], bar["high"])  #? if margin
    else:  #? if margin
        venue_margin.look(mail, rules, venues, books, n, 0, 0, 0)  #? if margin
  #? if margin
  #? if margin
@kernel
def venue_request(mail, rules, venues, books, q):
    """Take the oldest request and carry it out."""
    req = mail["requests"][mail["req_head"] & (VENUE_REQUESTS - 1)]
    mail["req_head"] += 1
    rule = rules[req["inst"]]
    v = venues[req["inst"]]
    b = books[req["inst"]]
    op = req["op"]
    if op == VENUE_CANCEL:
        if venue_requests.close_superp(mail, rule, v, b, req):  # if triggers
            return  # if triggers
        venue_requests.cancel(mail, v, req)
    elif op == VENUE_CANCEL_ALL:
        venue_requests.cancel_all(mail, v)
    elif op == VENUE_AMEND:  #? if amend
        reason = venue_amend.refusal(mail, rule, v, b, req)  #? if amend
        if reason == 0 and venue_amend.needs_more(v, req):  #? if amend
            asked, left = req["qty"], venue_amend.set_aside(v, req)  #? if amend
            if not venue_balance.affordable(mail, rules, venues, books, req):  #? if amend
                reason = VENUE_NO_BALANCE  #? if amend
            free = venue_balance.free_money(mail, rules, venues, books, rule["wallet"])  #? if coins
            if not venue_wallets.carries(mail, rules, venues, books, req, free):  #? if coins
                reason = VENUE_NO_BALANCE  #? if coins
            venue_amend.put_back(v, req, asked, left)  #? if amend
        venue_amend.carry_out(mail, rule, v, b, req, reason)  #? if amend
    else:
        venue_margin.name_leg(rule, req)  #? if margin
        reason = VENUE_UNKNOWN if op != VENUE_NEW else venue_requests.refusal(rule, v, b, req, mail["now"])
        if reason == 0:  #? if margin
            reason = venue_margin.refusal(rules, venues, books, req)  #? if margin
        if req["type"] > VENUE_MARKET and reason == 0:  # unless triggers
            reason = VENUE_UNKNOWN  # unless triggers
        if req["tif"] != VENUE_GTX and reason == 0:  # unless taking
            reason = VENUE_UNKNOWN  # unless taking
        if reason == 0 and not venue_balance.affordable(mail, rules, venues, books, req):  # if balance
            reason = VENUE_NO_BALANCE  # if balance
        if reason == 0:  #? if wallets
            free = venue_balance.free_money(mail, rules, venues, books, rule["wallet"])  #? if wallets
            if not venue_wallets.carries(mail, rules, venues, books, req, free):  #? if wallets
                reason = VENUE_NO_BALANCE  #? if wallets
        if reason != 0:
            venue_requests.refuse(mail, req, VENUE_REJECT, reason)
            return
        venue_place(mail, rule, v, b, req)
    if v["changed"] != 0:
        venue_finish(mail, rule, v, b, q)


@kernel
def venue_place(mail, rule, v, b, req):
    """An accepted order takes a slot; it starts at the end of this step, waits for its trigger, or for a bar."""
    k = venue_slots.insert(v, req, mail["now"], rule["lot"])
    if req["expiry"] != 0:  # if taking
        mail["next_expiry"] = min(mail["next_expiry"], req["expiry"])  # if taking
    if rule["bar_only"] != 0 and rule["at_mid"] == 0:  # if bars
        venue_bar_path.enter(mail, v, k)  # if bars
        return  # if bars
    if req["type"] == VENUE_SUPERP:  # if triggers
        venue_superp.look(mail, rule, v, b, k)  # if triggers
        return  # if triggers
    if req["type"] > VENUE_MARKET:  # if triggers
        venue_triggers.arm(mail, rule, v, b, k)  # if triggers
        return  # if triggers
    v["due"] += 1


@kernel
def venue_expire(mail, rules, venues, books, q):
    """End whatever has expired at any instrument, and note the next expiry."""
    earliest = VENUE_FOREVER
    for n in range(len(venues)):
        earliest = min(earliest, venue_requests.expire(mail, rules[n], venues[n], books[n]))
        if venues[n]["changed"] != 0:
            venue_slots.interest(rules[n], venues[n])
    mail["next_expiry"] = earliest


@kernel
def venue_pass(rows, bars, values, cursor, stop, limit_at, stop_on_answer, mail, rules, venues, books, q, lat, fees):
    """Process rows, requests and expiries up to `limit_at` in order of time; see tickerml/sim/template.py."""
    feed_ns = mail["feed_ns"]
    while True:
        first = mail["ans_tail"]
        if first - mail["ans_head"] > VENUE_ANSWERS // 2:
            return cursor
        arrival = venue_requests.next_arrival(mail)
        due = min(arrival, mail["next_expiry"])
        until = min(limit_at, due)
        while cursor < stop:
            row = rows[cursor & VENUE_POSITIVE]
            at = row["exch"]
            if at > until:
                break
            cursor += 1
            feed_ns = row["recv"] - at
            kind = row["kind"]
            n = row["inst"] & VENUE_POSITIVE
            v = venues[n]
            b = books[n]
            price = int(row["price"])
            if kind == VENUE_DEPTH:
                k = 0 if row["side"] > 0 else 1
                buys = (price <= v["buy_hi"]) & (price >= v["near_from"][k])  # no `or`: a branch on what nobody
                sells = (price >= v["sell_lo"]) & (price <= v["near_upto"][k])  # can predict costs more than all four
                if not (buys | sells):
                    venue_set_level(b, int(row["side"]), price, row["qty"])
                    venue_end_message(b, int(row["flags"]))
                    continue
                mail["now"] = at
                venue_depth_row(mail, rules[n], v, b, row, q)
            elif kind == VENUE_TRADE:
                if price > v["buy_hi"] and price < v["sell_lo"]:
                    v["last_trade"] = price
                    continue
                mail["now"] = at
                venue_trade_row(mail, rules[n], v, b, row, q)
            elif kind == VENUE_BAR:  # if bars
                mail["now"] = at  # if bars
                venue_bar_path.on_bar(mail, rules[n], v, b, bars[row["ref"]])  # if bars
            elif kind == VENUE_VALUE:  # if values
                mail["now"] = at  # if values
                venue_funding.on_value(mail, rules[n], v, b, values[row["ref"]])  # if values
            else:
                venue_rare.on_other(rules[n], v, b, row)
            if v["changed"] != 0:
                venue_finish(mail, rules[n], v, b, q)
            if row["flags"] & VENUE_END != 0 and venue_margin.exposed(rules[n], v):  #? if margin
                venue_risk(mail, first, row, bars, rules, venues, books, n, lat, fees)  #? if margin
            if mail["ans_tail"] != first:
                mail["feed_ns"] = feed_ns
                venue_settle(mail, first, rules, venues, lat, fees)
                first = mail["ans_tail"]
                if stop_on_answer != 0 or first - mail["ans_head"] > VENUE_ANSWERS // 2:
                    return cursor
        mail["feed_ns"] = feed_ns
        if due > limit_at or due == VENUE_FOREVER:
            return cursor
        mail["now"] = due
        if arrival <= due:
            venue_request(mail, rules, venues, books, q)
        else:  # if taking
            venue_expire(mail, rules, venues, books, q)  # if taking
        if mail["ans_tail"] != first:
            venue_settle(mail, first, rules, venues, lat, fees)
            if stop_on_answer != 0:
                return cursor


@kernel
def send(mail, lat, now, feed_ns, op, order_id, inst, side, order_type, tif, price, trigger, target, qty, expiry, flags,
         leverage):
    """Send a request to the venue at `now`; see tickerml/sim/template.py."""
    venue_outbox.our_draws(mail)
    delay = latency_entry(lat, mail, feed_ns) if op == VENUE_NEW else latency_cancel(lat, mail, feed_ns)
    venue_outbox.our_draws(mail)
    if delay < 0:
        return venue_outbox.lose(mail, now - delay, op, order_id, inst, side, order_type, tif, price, qty)
    return venue_outbox.push(mail, now, now + delay, op, order_id, inst, side, order_type, tif, price, trigger, target,
                             qty, expiry, flags, leverage)
'''
