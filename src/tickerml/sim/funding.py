"""Funding and mark prices from VALUE rows: funding is exchanged at the row that states it."""

from __future__ import annotations

import math

from tickerml.account.position import pay_funding
from tickerml.sim.balance import mark_price
from tickerml.sim.slots import new_answer
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import AnswerKind
from tickerml.tape.rows import Record

_FUNDING = int(AnswerKind.FUNDING)


@kernel
def on_value(mail: Record, rules: Record, v: Record, b: Record, value: Record) -> None:
    """Note a mark price, or exchange funding at the settled rate (share of the position's value at the mark).

    The rate is rounded to 1e-8. A position without any price to value it at pays nothing, which cannot happen to one
    that was opened in this run.
    """
    if value["name"] == rules["mark_name"]:
        v["mark"] = math.floor(value["value"] / rules["tick"] + 0.5)
    elif value["name"] == rules["funding_name"] and v["position"] != 0 and rules["spot"] == 0:
        mark = mark_price(v, b)
        if mark > 0:
            amount = pay_funding(v, rules, mark, math.floor(value["value"] * 1e8 + 0.5))
            mail["cash"][rules["wallet"]] += amount
            i = new_answer(mail, v["inst"], _FUNDING, 0)
            mail["answers"][i]["amount"] = amount
            mail["answers"][i]["price"] = mark
