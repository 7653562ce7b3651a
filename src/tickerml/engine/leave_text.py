"""The text of how orders and cancels leave: those of the desk, and those of a compiled strategy. See text.py."""

from __future__ import annotations

from typing import Final

QUOTE: Final = '''
@kernel
def quote(c, inst, mail, lat, feed_ns, w, e, q, b, working, envelopes, books, shared, latch, coin, made_rows,
          made_orders):
    """Bring our orders in line with quotes `q`: cancel what stands elsewhere, send what is missing and allowed.

    False when the venue can hold no more requests: what did not leave is not told.
    """
    for k in range(w["n"]):
        if w["state"][k] == RESTING and w["price"][k] != (q["bid"] if w["side"][k] > 0 else q["ask"]):
            if send(mail, lat, c["now"], feed_ns, CANCEL, w["id"][k], inst, w["side"][k], LIMIT, GTX, w["price"][k],
                    0, 0, 0, 0, 0, 0.0) < 0:
                return False
            count_quote(latch, coin, c["now"])
            w["state"][k] = LEAVING
            o = core.make(c, made_rows, made_orders, ROW_CANCEL, inst, w["side"][k], w["price"][k], w["left"][k], 0)
            o["id"] = w["id"][k]
            o["price"] = w["price"][k]
            o["left"] = w["left"][k]
    for side in (1, -1):
        price = q["bid"] if side > 0 else q["ask"]
        standing = price <= 0 or side * w["position"] >= q["max_position"]
        for k in range(w["n"]):
            if w["side"][k] == side and w["price"][k] == price:
                standing = True
        if standing:
            continue
        if not allows(e, w, side, price, q["size"], b["best_bid"], b["best_ask"], c["now"]):
            w["refused"] += 1
            continue
        room = fits(shared, envelopes, working, books, inst, side, price, q["size"], c["now"])
        if room != FITS:
            w["refused"] += 1
            w["passed_over"][room] += 1
            continue
        if not in_time(e, latch, coin, c["now"]):
            w["refused"] += 1
            w["late"] += 1
            continue
        order_id = c["next_id"]
        c["next_id"] = order_id + 1
        if send(mail, lat, c["now"], feed_ns, NEW, order_id, inst, side, LIMIT, GTX, price, 0, 0, q["size"], 0, 0,
                0.0) < 0:
            return False
        count_quote(latch, coin, c["now"])
        add(w, order_id, side, price, q["size"], c["now"])
        o = core.make(c, made_rows, made_orders, ROW_SUBMIT, inst, side, price, q["size"], 0)
        o["id"] = order_id
        o["price"] = price
        o["qty"] = q["size"]
        o["left"] = q["size"]
        o["type"] = LIMIT
        o["tif"] = GTX
        o["state"] = 1
    return True
'''

LEAVE: Final = '''
@kernel
def leave(core_, mails, lats, outs, marks_, rules, latches, coins, made_rows, made_orders):
    """Let what Python or the desk's kernels wish to send leave, in order: a row, the request, one message more."""
    c = core_[0]
    mail = mails[0]
    out = outs[0]
    while out["gone"] < out["n"]:
        if c["made"] >= MADE - 8:
            return FULL
        r = out["list"][out["gone"]]
        out["gone"] += 1
        inst, op, flags = r["inst"], r["op"], r["flags"]
        if op == NEW and rules[inst]["hedge"] != 0 and r["type"] != SUPERP:
            flags |= LONG if r["of"] > 0 else SHORT
        kind = ROW_SUBMIT if op == NEW else ROW_CANCEL if op == CANCEL else ROW_AMEND
        o = core.make(c, made_rows, made_orders, kind, inst, r["side"], r["price"], r["qty"], 0)
        o["id"] = r["id"]
        o["parent"] = r["parent"]
        o["price"] = r["price"]
        o["trigger"] = r["trigger"]
        o["qty"] = r["qty"]
        o["left"] = r["qty"]
        o["type"] = r["type"]
        o["tif"] = r["tif"]
        o["flags"] = flags
        o["state"] = 1
        if send(mail, lats[0], c["now"], marks.feed_ns(marks_[inst], c["watermark"]), op, r["id"], inst, r["side"],
                r["type"], r["tif"], r["price"], r["trigger"], r["target"], r["qty"], r["expiry"], flags,
                r["leverage"]) < 0:
            return TOO_MANY
        count(latches[0], coins[inst], c["now"])
    out["n"] = 0
    out["gone"] = 0
    return LEFT
'''
