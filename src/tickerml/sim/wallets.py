"""Spot wallets at the venue: whether they carry an order, and what an execution moves between them.

A sell needs the coins that no other sell of ours holds back (sim/balance.py), a buy its whole value and fee in quote
(market buys are judged at the mark). The fee is paid in quote; in what was received (base for buys), as spot venues do;
or in a third currency at a discount, priced at the last trade of its own instrument, and in quote where that wallet is
too small.
"""

from __future__ import annotations

from tickerml.account.contract import share, value
from tickerml.account.wallets import OTHER, RECEIVED, move, units_worth
from tickerml.sim.balance import held_back, mark_price
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import OrderFlag, OrderType
from tickerml.tape.rows import Record, Rows

_SUPERP, _REDUCE = int(OrderType.SUPERP), int(OrderFlag.REDUCE_ONLY)


@kernel
def carries(mail: Record, all_rules: Rows, venues: Rows, books: Rows, req: Record, free: int) -> bool:
    """Whether the wallets carry the NEW request; `free`: what the quote wallet could commit now."""
    rules, v = all_rules[req["inst"]], venues[req["inst"]]
    if rules["check_coins"] == 0:
        return True
    if req["type"] == _SUPERP:
        return free >= req["qty"]
    if req["side"] < 0:
        lots = req["qty"]
        for i in range(len(venues)):
            if all_rules[i]["base_wallet"] == rules["base_wallet"]:
                lots += held_back(venues[i], req["flags"] & _REDUCE) * all_rules[i]["lot_units"] // rules["lot_units"]
        return lots * rules["lot_units"] <= mail["cash"][rules["base_wallet"]]
    price = req["price"] if req["price"] > 0 else max(req["trigger"], mark_price(v, books[req["inst"]]))
    if price <= 0:
        return False
    worth = value(rules, price, req["qty"])
    return free >= worth + share(worth, max(0, rules["taker_rate"]))


@kernel
def pay(mail: Record, all_rules: Rows, venues: Rows, a: Record, fee: int) -> int:
    """Which wallet pays the `fee` of execution `a`, and how much; returns the fee that is left after a discount."""
    rules = all_rules[a["inst"]]
    a["wallet"] = rules["wallet"]
    a["paid"] = fee
    if a["cause"] != 0 or fee == 0:
        return fee
    if rules["fee_in"] == RECEIVED and a["side"] > 0 and rules["base_wallet"] >= 0:
        a["wallet"] = rules["base_wallet"]
        a["paid"] = units_worth(fee, a["price"], rules["unit_value"], rules["lot_units"])
    elif rules["fee_in"] == OTHER and rules["fee_inst"] >= 0 and fee > 0:
        other, price = all_rules[rules["fee_inst"]], venues[rules["fee_inst"]]["last_trade"]
        less = share(fee, rules["fee_discount"])
        if price > 0:
            paid = units_worth(less, price, other["unit_value"], other["lot_units"])
            if paid <= mail["cash"][other["base_wallet"]]:
                a["wallet"] = other["base_wallet"]
                a["paid"] = paid
                return less
    return fee


@kernel
def book(mail: Record, all_rules: Rows, a: Record) -> None:
    """After the quote side of execution `a` was booked: its base side, and the fee where it was paid."""
    move(mail, all_rules[a["inst"]], a["side"], a["qty"], a["fee"], a["wallet"], a["paid"])
