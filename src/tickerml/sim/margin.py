"""Margined positions at the venue: which orders they allow, what an execution books, and when they are liquidated.

The mark is the venue's (VALUE rows) where the tape has it, else the mid of the book, looked at when a message ends; on
bars without marks the bar's worst price. What is broke (account/margin.py) is closed whole, at the mark, with a fee
that takes no more than is left: a FILL of no order of ours, with the cause LIQUIDATION. Then our orders there end.

- Isolated: each leg by itself. On a bar it is closed at its liquidation price, or at the open beyond it.
- Cross: all cross legs of a wallet together, each at its own mark; on a bar at the worst price.

What the money left does not cover is borne by the venue's insurance. Not modelled: closing in steps, auto-deleveraging.
"""

from __future__ import annotations

from tickerml.account.contract import share, value
from tickerml.account.margin import (
    book_fill,
    initial_rate,
    insure,
    is_broke,
    leg_index,
    liquidation_price,
    needs,
    too_much_leverage,
)
from tickerml.account.position import apply_fill, unrealised
from tickerml.sim import balance
from tickerml.sim.balance import mark_price
from tickerml.sim.orders import Cause
from tickerml.sim.slots import end, interest, new_answer
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import AnswerKind, OrderFlag, OrderState, OrderType, Reject, TimeInForce
from tickerml.tape.rows import Record, Rows

_SUPERP, _MARKET = int(OrderType.SUPERP), int(OrderType.MARKET)
_REDUCE, _LONG, _SHORT = int(OrderFlag.REDUCE_ONLY), int(OrderFlag.LONG), int(OrderFlag.SHORT)
_LEVERAGE, _SIDE, _LIQUIDATED = int(Reject.LEVERAGE), int(Reject.POSITION_SIDE), int(Reject.LIQUIDATION)
_FILL, _ENDED = int(AnswerKind.FILL), int(AnswerKind.CANCELED)
_FILLED, _CANCELED, _OPEN = int(OrderState.FILLED), int(OrderState.CANCELED), int(OrderState.OPEN)
_IOC, LIQUIDATION = int(TimeInForce.IOC), int(Cause.LIQUIDATION)


@kernel
def name_leg(rules: Record, req: Record) -> None:
    """In hedge mode an order against its leg closes it, and no more than it holds."""
    leg = req["flags"] & (_LONG | _SHORT)
    closes = (leg == _LONG and req["side"] < 0) or (leg == _SHORT and req["side"] > 0)
    if rules["hedge"] != 0 and closes:
        req["flags"] |= _REDUCE


@kernel
def refusal(all_rules: Rows, venues: Rows, books: Rows, req: Record) -> int:
    """Why the account's mode or the margin tier refuses a NEW order; 0 = it does not."""
    rules, v = all_rules[req["inst"]], venues[req["inst"]]
    if rules["margined"] == 0 or req["type"] == _SUPERP:
        return 0
    leg = req["flags"] & (_LONG | _SHORT)
    if (rules["hedge"] != 0) != (leg in (_LONG, _SHORT)):
        return _SIDE
    if req["flags"] & _REDUCE != 0:
        return 0
    price = _price(req, mark_price(v, books[req["inst"]]))
    held = v["long"] if leg == _LONG else v["short"] if leg == _SHORT else v["net"] * req["side"]
    lots = held + req["qty"]
    for k in range(v["n"]):
        o = v["orders"][k]
        if o["side"] == req["side"] and o["type"] != _SUPERP and o["flags"] & _REDUCE == 0:
            lots += o["left"]
    if price <= 0 or lots <= 0:
        return 0
    return _LEVERAGE if too_much_leverage(rules, value(rules, price, lots), req["leverage"]) else 0


@kernel
def _price(o: Record, mark: int) -> int:
    """The price by which an order or a request is judged: its limit, else its trigger or the mark, the higher."""
    return o["price"] if o["price"] > 0 else max(o["trigger"], mark)


@kernel
def _opening(v: Record, o: Record, left: int) -> int:
    """Lots of an order that would open something, and so need margin."""
    if o["flags"] & _REDUCE != 0:
        return 0
    if o["flags"] & (_LONG | _SHORT) != 0 or o["side"] * v["net"] >= 0:
        return left
    return max(0, left - abs(v["net"]))


@kernel
def _margin_and_fee(rules: Record, price: int, lots: int, leverage: float) -> int:
    worth = value(rules, price, lots)
    return share(worth, initial_rate(rules, leverage)) + share(worth, max(0, rules["taker_rate"]))


@kernel
def free_money(mail: Record, all_rules: Rows, venues: Rows, books: Rows, wallet: int) -> int:
    """What the wallet could commit now: cash and cross profit less initial margin and what our orders hold back."""
    free = mail["cash"][wallet]
    for i in range(len(venues)):
        rules, v = all_rules[i], venues[i]
        if rules["wallet"] != wallet:
            continue
        mark = mark_price(v, books[i])
        if rules["margined"] == 0:
            free -= balance.reserved(rules, v, mark)
            continue
        for k in range(v["n"]):
            o = v["orders"][k]
            lots = _opening(v, o, o["left"])
            if o["type"] == _SUPERP:
                free -= o["qty"]
            elif lots > 0 and _price(o, mark) > 0:
                free -= _margin_and_fee(rules, _price(o, mark), lots, o["leverage"])
        if rules["isolated"] == 0 and mark > 0:
            free += unrealised(v["legs"][0], rules, mark) + unrealised(v["legs"][1], rules, mark) - v["tied"]
    return free


@kernel
def affordable(mail: Record, all_rules: Rows, venues: Rows, books: Rows, req: Record) -> bool:
    """Whether the wallet carries the NEW request `req`; always where RULES["check_balance"] is 0."""
    rules, v = all_rules[req["inst"]], venues[req["inst"]]
    if rules["margined"] == 0:
        return balance.affordable(mail, all_rules, venues, books, req)
    if rules["check_balance"] == 0:
        return True
    if req["type"] == _SUPERP:
        return free_money(mail, all_rules, venues, books, rules["wallet"]) >= req["qty"]
    lots = _opening(v, req, req["qty"])
    if lots == 0:
        return True
    price = _price(req, mark_price(v, books[req["inst"]]))
    if price <= 0:
        return False
    need = _margin_and_fee(rules, price, lots, req["leverage"])
    return free_money(mail, all_rules, venues, books, rules["wallet"]) >= need


@kernel
def charge(mail: Record, rules: Record, v: Record, a: Record, fee: int) -> int:
    """The fee of an execution: that of the fee model, or of a liquidation, which takes no more than there is left."""
    if a["cause"] != LIQUIDATION:
        return fee
    leg = v["legs"][leg_index(a["leg"])]
    left = unrealised(leg, rules, a["price"])
    left += leg["margin"] if rules["isolated"] != 0 else mail["cash"][rules["wallet"]]
    return min(share(value(rules, a["price"], a["qty"]), rules["liquidation_rate"]), max(0, left))


@kernel
def book(mail: Record, all_rules: Rows, venues: Rows, a: Record) -> None:
    """Book the execution `a` at the venue; of the last one of a liquidation, what insurance bears."""
    rules, v = all_rules[a["inst"]], venues[a["inst"]]
    wallet = rules["wallet"]
    if rules["margined"] == 0:
        mail["cash"][wallet] += apply_fill(v, rules, a["side"], a["price"], a["qty"], a["fee"])
        return
    borne = v["insured"]
    rate = initial_rate(rules, a["leverage"])
    mail["cash"][wallet] += book_fill(v, rules, a["leg"], a["side"], a["price"], a["qty"], a["fee"], rate)
    if a["cause"] == LIQUIDATION and rules["isolated"] == 0 and _nothing_crossed(all_rules, venues, wallet):
        mail["cash"][wallet] += insure(v, a["leg"], max(0, -mail["cash"][wallet]))
    a["amount"] = v["insured"] - borne


@kernel
def _nothing_crossed(all_rules: Rows, venues: Rows, wallet: int) -> bool:
    """Whether the wallet has no cross leg left."""
    for i in range(len(venues)):
        held = venues[i]["legs"][0]["position"] != 0 or venues[i]["legs"][1]["position"] != 0
        if held and all_rules[i]["wallet"] == wallet and all_rules[i]["isolated"] == 0:
            return False
    return True


@kernel
def exposed(rules: Record, v: Record) -> bool:
    """Whether the venue must look at its mark."""
    return rules["n_tiers"] != 0 and (v["net"] != 0 or v["long"] != 0)


@kernel
def look(mail: Record, all_rules: Rows, venues: Rows, books: Rows, n: int, opened: int, low: int, high: int) -> None:
    """The mark of instrument `n` may have changed, and all executions are booked: liquidate what is broke.

    `opened`, `low` and `high`: of the bar that closed, 0 = it was no bar.
    """
    rules, v = all_rules[n], venues[n]
    mark = mark_price(v, books[n])
    if v["mark"] > 0 or opened == 0:
        opened, low, high = 0, mark, mark
    elif rules["isolated"] == 0:
        mark = low if v["net"] >= 0 else high
    if v["halted"] != 0 or mark <= 0:
        return
    if rules["isolated"] != 0:
        _isolated(mail, rules, v, opened, low, high)
    elif _cross_is_broke(mail, all_rules, venues, books, n, mark):
        for i in range(len(venues)):
            if all_rules[i]["wallet"] == rules["wallet"] and all_rules[i]["isolated"] == 0:
                at = mark if i == n else mark_price(venues[i], books[i])
                if at > 0 and all_rules[i]["margined"] != 0:
                    _liquidate_all(mail, all_rules[i], venues[i], at)


@kernel
def _isolated(mail: Record, rules: Record, v: Record, opened: int, low: int, high: int) -> None:
    """Liquidate legs that are broke at the lowest (longs) or highest mark; on a bar, at the price where they are."""
    liquidated = False
    for k in range(2):
        leg = v["legs"][k]
        if leg["position"] == 0:
            continue
        long = leg["position"] > 0
        at = low if long else high
        if not is_broke(leg, rules, leg["margin"], at):
            continue
        if opened > 0:
            level = liquidation_price(leg, rules, leg["margin"])
            at = min(level, opened) if long else max(level, opened)
        _liquidate(mail, rules, v, k, at)
        liquidated = True
    if liquidated:
        _end_orders(mail, rules, v)


@kernel
def _cross_is_broke(mail: Record, all_rules: Rows, venues: Rows, books: Rows, n: int, mark: int) -> bool:
    """Whether cash and profit of the wallet's cross legs are at most their maintenance margin."""
    wallet = all_rules[n]["wallet"]
    left, needed = mail["cash"][wallet], 0
    for i in range(len(venues)):
        rules, v = all_rules[i], venues[i]
        if rules["wallet"] != wallet or rules["isolated"] != 0 or rules["margined"] == 0:
            continue
        at = mark if i == n else mark_price(v, books[i])
        if at > 0:
            for k in range(2):
                left += unrealised(v["legs"][k], rules, at)
                needed += needs(v["legs"][k], rules, at)
    return needed > 0 and left <= needed


@kernel
def _liquidate_all(mail: Record, rules: Record, v: Record, mark: int) -> None:
    """Both legs of one instrument, and its orders."""
    for k in range(2):
        if v["legs"][k]["position"] != 0:
            _liquidate(mail, rules, v, k, mark)
    _end_orders(mail, rules, v)


@kernel
def _liquidate(mail: Record, rules: Record, v: Record, k: int, price: int) -> None:
    """The whole leg `k` is closed at `price`; it is booked with the other answers of this step."""
    lots = v["legs"][k]["position"]
    v["net"] -= lots
    if rules["hedge"] != 0:
        v["long"] -= max(0, lots)
        v["short"] -= max(0, -lots)
    i = new_answer(mail, v["inst"], _FILL, _LIQUIDATED)
    a = mail["answers"][i]
    a["state"] = _FILLED
    a["type"] = _MARKET
    a["tif"] = _IOC
    a["side"] = -1 if lots > 0 else 1
    a["price"] = price
    a["qty"] = abs(lots)
    a["cause"] = LIQUIDATION
    a["leg"] = k + 1 if rules["hedge"] != 0 else 0


@kernel
def _end_orders(mail: Record, rules: Record, v: Record) -> None:
    """Our orders at an instrument whose position was liquidated end; SuperP positions stay."""
    k = 0
    while k < v["n"]:
        if v["orders"][k]["state"] == _OPEN or v["orders"][k]["type"] == _SUPERP:
            k += 1
        else:
            end(mail, v, k, _ENDED, _LIQUIDATED, _CANCELED)
    interest(rules, v)
