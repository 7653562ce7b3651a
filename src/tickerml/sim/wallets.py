"""Spot wallets at the venue: whether they carry an order, and what an execution moves between them.

A sell needs the coins that no other sell of ours holds back (sim/balance.py), a buy its whole value and fee in quote
(market buys are judged at the mark). The fee is paid in quote; in what was received (base for buys), as spot venues do;
or in a third currency at a discount, priced at the last trade of its own instrument, and in quote where that wallet is
too small: coins that are sold, or that a live sell holds back, pay no fees.
"""

from __future__ import annotations

from tickerml.account.contract import share, value
from tickerml.account.wallets import OTHER, RECEIVED, move, units_worth
from tickerml.sim.balance import held_back, mark_price
from tickerml.sim.orders import ANSWERS
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import AnswerKind, OrderFlag, OrderType
from tickerml.tape.rows import Record, Rows

_SUPERP, _REDUCE = int(OrderType.SUPERP), int(OrderFlag.REDUCE_ONLY)
_FILL = int(AnswerKind.FILL)


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
def promised(mail: Record, all_rules: Rows, venues: Rows, first: int, wallet: int) -> int:
    """Units of a base wallet that our live sells may still take, and the sells from answer `first` on, not yet booked.

    Exits stand beside each other (a stop and its target), and together sell no more than the position.
    """
    units = 0
    for i in range(len(venues)):
        if all_rules[i]["base_wallet"] == wallet:
            v = venues[i]
            firm = held_back(v, _REDUCE)
            exits = min(held_back(v, 0) - firm, max(0, v["net"]))
            units += (firm + exits) * all_rules[i]["lot_units"]
    for j in range(first, mail["ans_tail"]):
        a = mail["answers"][j & (ANSWERS - 1)]
        if a["visible"] == 0 and a["kind"] == _FILL and a["side"] < 0 and all_rules[a["inst"]]["base_wallet"] == wallet:
            units += a["qty"] * all_rules[a["inst"]]["lot_units"]
    return units


@kernel
def pay(mail: Record, all_rules: Rows, venues: Rows, j: int, fee: int) -> int:
    """Which wallet pays the `fee` of execution `j`, and how much; returns the fee that is left after a discount."""
    a = mail["answers"][j & (ANSWERS - 1)]
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
            wallet = other["base_wallet"]
            if paid <= mail["cash"][wallet] - promised(mail, all_rules, venues, j, wallet):
                a["wallet"] = wallet
                a["paid"] = paid
                return less
    return fee


@kernel
def book(mail: Record, all_rules: Rows, a: Record) -> None:
    """After the quote side of execution `a` was booked: its base side, and the fee where it was paid."""
    move(mail, all_rules[a["inst"]], a["side"], a["qty"], a["fee"], a["wallet"], a["paid"])
