"""What the envelopes of a compiled strategy and the trades of the desk share: the limits of the whole account.

An envelope (desk/envelope.py) bounds one coin. Here every new quote is held against all coins and against what the desk
uses, worst case, as it stands at that moment; the desk counts quotes in the same way (desk/quoted.py). So no quote
leaves that would pass a limit of the account. Like exits, a quote that only takes off what is held passes the limits
on entries: no more than what its own coin's orders without an answer hold up.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from tickerml.desk.envelope import worth
from tickerml.desk.working import most, unanswered
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import FOREVER, MAX_TICKS, Record, Rows

FITS, POSITIONS, ORDERS, IN_USE, UNANSWERED = 0, 1, 2, 3, 4
SILENCES: Final = 128  # orders of the desk whose silence is watched; limits.unknown_venue is less

SHARED: Final = np.dtype(  # one record
    [
        ("max_in_use", "f8"),  # of the equity: margin, cost and stakes of a wallet, worst case
        ("max_positions", "i8"),  # of the account
        ("max_orders", "i8"),  # open orders of the account
        ("silent_ns", "i8"),  # without an answer from which an order is UNKNOWN
        ("unknown_symbol", "i8"),  # so many of them block their coin
        ("unknown_venue", "i8"),  # and so many everywhere all coins
        ("positions", "i8"),  # the desk's trades under way
        ("orders", "i8"),  # their open orders
        ("waiting", "i8"),  # of these without an answer
        ("silent_from", "i8", (SILENCES,)),  # behind which moment each of them is UNKNOWN, ns, the first ones
    ]
)


def shared(
    *,
    max_in_use: float = np.inf,
    max_positions: int = FOREVER,
    max_orders: int = FOREVER,
    silent_ns: int = FOREVER,
    unknown_symbol: int = FOREVER,
    unknown_venue: int = FOREVER,
) -> Record:
    """A SHARED record beside which the desk has no trades; what is not named bounds nothing."""
    record = np.zeros(1, SHARED)[0]
    record["max_in_use"], record["max_positions"], record["max_orders"] = max_in_use, max_positions, max_orders
    record["silent_ns"], record["unknown_symbol"], record["unknown_venue"] = silent_ns, unknown_symbol, unknown_venue
    return record


@kernel
def fits(
    s: Record, envelopes: Rows, working: Rows, books: Rows, n: int, side: int, price: int, qty: int, now: int
) -> int:
    """Whether the account takes one more order on instrument `n`: FITS, or the limit that it would pass.

    An order that makes the worst case of its coin no larger needs no margin.
    """
    e, w, before = envelopes[n], working[n], now - s["silent_ns"]
    silent = unanswered(w, before)
    if silent >= s["unknown_symbol"]:
        return UNANSWERED
    if (qty + w["selling"] <= w["position"]) if side < 0 else (qty + w["buying"] <= -w["position"]):
        return FITS
    idle = w["n"] == 0 and w["position"] == 0
    positions, orders, unknown, used = s["positions"], s["orders"] + w["n"], silent + _silent(s, now), 0.0
    if idle and positions >= s["max_positions"]:
        return POSITIONS
    for m in range(len(working)):
        other = working[m]
        if m == n or (other["n"] == 0 and other["position"] == 0):
            continue
        positions += 1
        if idle and positions >= s["max_positions"]:
            return POSITIONS
        orders += other["n"]
        unknown += unanswered(other, before)
        if envelopes[m]["wallet"] == e["wallet"]:
            used += _margin(envelopes[m], other, books[m]["best_bid"], books[m]["best_ask"])
    if unknown >= s["unknown_venue"]:
        return UNANSWERED
    if orders >= s["max_orders"]:
        return ORDERS
    lots = w["buying"] + w["position"] + qty if side > 0 else w["selling"] - w["position"] + qty
    if lots <= most(w):
        return FITS
    used += e["others"] + lots * e["margin"] * worth(e, price, books[n]["best_bid"], books[n]["best_ask"])
    return FITS if used <= s["max_in_use"] * e["equity"] else IN_USE


@kernel
def _silent(s: Record, now: int) -> int:
    """Orders of the desk that are UNKNOWN now."""
    n = 0
    for k in range(s["waiting"]):
        if s["silent_from"][k] < now:
            n += 1
    return n


@kernel
def _margin(e: Record, w: Record, bid: int, ask: int) -> float:
    """What a coin may come to use, money; without end while nothing is known of its price: that check has failed."""
    price, lots = bid if bid > 0 else ask, most(w)
    if price > MAX_TICKS and lots > 0:
        return math.inf
    return lots * e["margin"] * worth(e, price, bid, ask)
