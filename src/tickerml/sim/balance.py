"""Whether the wallet carries an order: margin for derivatives, cash or coins for spot.

free = cash + unrealised profit - margin of positions - margin of working orders, over all instruments of the wallet. An
order that only shrinks a position needs nothing. Spot buys need their whole value and fee, spot sells the coins that no
other sell holds back; no exit (reduce-only) holds any back from another: a stop and its
target are two ways out of the same coins.
"""

from __future__ import annotations

from tickerml.account.contract import share, value
from tickerml.account.position import margin_needed, unrealised
from tickerml.tape.kernel import kernel
from tickerml.tape.ladder import NO_ASK, NO_BID
from tickerml.tape.orders import OrderFlag, OrderType
from tickerml.tape.rows import Record, Rows

_SUPERP, _REDUCE = int(OrderType.SUPERP), int(OrderFlag.REDUCE_ONLY)


@kernel
def mark_price(v: Record, b: Record) -> int:
    """The price that positions are valued at, ticks: the venue's mark, else the mid, else the last trade; 0 = none."""
    if v["mark"] > 0:
        return v["mark"]
    if b["best_bid"] > NO_BID and b["best_ask"] < NO_ASK:
        return (b["best_bid"] + b["best_ask"]) // 2
    return v["last_trade"]


@kernel
def reserved(rules: Record, v: Record, mark: int) -> int:
    """Money that our live orders at one instrument hold back."""
    total = 0
    for k in range(v["n"]):
        o = v["orders"][k]
        if o["type"] == _SUPERP:
            total += o["qty"]
            continue
        price = o["price"] if o["price"] > 0 else mark
        shrinks = o["side"] * v["net"] < 0 and o["left"] <= abs(v["net"])
        if price > 0 and not shrinks and (rules["spot"] == 0 or o["side"] > 0):
            total += margin_needed(rules, price, o["left"], rules["margin_rate"])
            total += share(value(rules, price, o["left"]), max(0, rules["taker_rate"]))
    return total


@kernel
def held_back(v: Record, exits: int) -> int:
    """Lots that our live sells at one spot instrument hold back from one more; not 0 `exits`: from one more exit."""
    lots = 0
    for k in range(v["n"]):
        o = v["orders"][k]
        if o["side"] < 0 and o["type"] != _SUPERP and (exits == 0 or o["flags"] & _REDUCE == 0):
            lots += o["left"]
    return lots


@kernel
def free_money(mail: Record, all_rules: Rows, venues: Rows, books: Rows, wallet: int) -> int:
    """What the wallet could commit now, money; see the module."""
    free = mail["cash"][wallet]
    for i in range(len(venues)):
        rules, v = all_rules[i], venues[i]
        if rules["wallet"] != wallet:
            continue
        mark = mark_price(v, books[i])
        if rules["spot"] == 0 and v["position"] != 0 and mark > 0:
            free += unrealised(v, rules, mark)
            free -= margin_needed(rules, mark, abs(v["position"]), rules["margin_rate"])
        free -= reserved(rules, v, mark)
    return free


@kernel
def affordable(mail: Record, all_rules: Rows, venues: Rows, books: Rows, req: Record) -> bool:
    """Whether the wallet carries the NEW request `req`; always where RULES["check_balance"] is 0."""
    rules, v, b = all_rules[req["inst"]], venues[req["inst"]], books[req["inst"]]
    if rules["check_balance"] == 0:
        return True
    if req["type"] == _SUPERP:
        return free_money(mail, all_rules, venues, books, rules["wallet"]) >= req["qty"]
    if req["side"] * v["net"] < 0 and rules["spot"] == 0 and req["qty"] <= abs(v["net"]):
        return True
    if rules["spot"] != 0 and req["side"] < 0:
        return req["qty"] + held_back(v, req["flags"] & _REDUCE) <= v["net"]
    price = req["price"] if req["price"] > 0 else max(req["trigger"], mark_price(v, b))
    if price <= 0:
        return False
    qty = req["qty"]
    if rules["spot"] == 0 and req["side"] * v["net"] < 0:
        qty -= abs(v["net"])  # the part that turns the position around
    need = margin_needed(rules, price, qty, rules["margin_rate"]) + share(
        value(rules, price, qty), max(0, rules["taker_rate"])
    )
    return free_money(mail, all_rules, venues, books, rules["wallet"]) >= need
