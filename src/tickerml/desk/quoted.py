"""What a compiled strategy holds and may still hold, counted among the trades of the desk: docs/desk.md, "Quotes"."""

from __future__ import annotations

from typing import Final

from tickerml.account.contract import share, value
from tickerml.desk.exposure import Exposure, Worst, rest
from tickerml.desk.working import unanswered
from tickerml.tape.rows import Record

_NOBODY: Final = -1  # it has no number at the desk, and no share of the capital there


def count_quotes(found: Exposure, inst: int, w: Record, rule: Record, price: int, silent_since: int) -> None:
    """Add an instrument's own orders and position (WORKING), worst case, at `price` ticks; OverflowError beyond int64.

    It is a position, margin in use and notional of its coin like a setup. It has no stop, so nothing of it is heat: the
    ladder of losses takes its quotes away. `price` 0: nothing is known of its worth, and so nothing is counted.
    Orders that were sent before `silent_since`, ns, and have no answer are UNKNOWN.
    """
    orders, held = int(w["n"]), int(w["position"])
    long, short = held + int(w["buying"]), int(w["selling"]) - held
    side, lots = (1, long) if long >= short else (-1, short)
    if lots <= 0:
        return
    for k in range(orders):
        rest(found, inst, int(w["side"][k]), int(w["price"][k]))
    found.positions += 1
    found.orders += orders
    found.orders_on[inst] += orders
    found.unknown_on[inst] += unanswered(w, silent_since)
    notional = int(value(rule, price, lots)) if price else 0
    margin = notional if rule["spot"] else int(share(notional, int(rule["margin_rate"])))
    spent = bool(rule["spot"]) or bool(rule["margined"] and rule["isolated"])
    paid = margin * max(0, side * held) // lots if spent else 0  # of what is held has left the wallet's cash
    found.count(int(rule["wallet"]), _NOBODY, inst, side, Worst(notional, margin, 0), margin - paid)
