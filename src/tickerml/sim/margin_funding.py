"""Funding and mark prices where positions are margined: each leg exchanges funding, isolated margin pays its own."""

from __future__ import annotations

import math

from tickerml.account.margin import book_funding
from tickerml.sim import funding
from tickerml.sim.balance import mark_price
from tickerml.sim.slots import new_answer
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import AnswerKind
from tickerml.tape.rows import Record

_FUNDING = int(AnswerKind.FUNDING)


@kernel
def on_value(mail: Record, rules: Record, v: Record, b: Record, value: Record) -> None:
    """As sim/funding.py, for the legs of a margined position."""
    if rules["margined"] == 0 or value["name"] != rules["funding_name"]:
        funding.on_value(mail, rules, v, b, value)
        return
    mark = mark_price(v, b)
    for k in range(2):
        if v["legs"][k]["position"] == 0 or mark <= 0:
            continue
        received = book_funding(v, rules, k, mark, math.floor(value["value"] * 1e8 + 0.5))
        if rules["isolated"] == 0:
            mail["cash"][rules["wallet"]] += received
        i = new_answer(mail, v["inst"], _FUNDING, 0)
        mail["answers"][i]["amount"] = received
        mail["answers"][i]["price"] = mark
        mail["answers"][i]["leg"] = k + 1 if rules["hedge"] != 0 else 0
