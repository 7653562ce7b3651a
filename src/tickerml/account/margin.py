"""Margin of derivatives: tiers by notional, isolated and cross margin, hedge mode, and when a position is liquidated.

A position is kept in two legs. One-way mode uses the first for either side; hedge mode keeps longs in the first and
shorts in the second. The POSITION record around them holds their sums, so whoever reads positions needs no other way.

- maintenance = notional at the mark x the tier's rate - the tier's amount, where the amounts make it continuous.
- Isolated: the initial margin of what a fill opens moves from cash to the leg's `margin`; closing a part releases its
  share of it (rounded toward zero) with the profit. A loss beyond the share takes from the rest of the margin, and what
  no margin covers when the leg is closed is borne by the venue's insurance: `insured`. Funding moves the margin.
- Cross: nothing moves; `tied` is the initial margin of the open lots, by which new orders are judged.
- A position is liquidated when what stands for it, with its profit at the mark, is at most its maintenance margin.

Source of the maintenance amounts and of the liquidation price: Binance support, "How to Calculate Liquidation Price of
USD-M Futures Contracts" and "Leverage and Margin of USD-M Futures".
"""

from __future__ import annotations

import math
from typing import Final

from tickerml.account.contract import RATE, scaled, share, value
from tickerml.account.position import apply_fill, pay_funding, unrealised
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import MAX_TICKS, Record

_LIMIT: Final = 9e18  # of int64, with some room


@kernel
def tier_of(c: Record, worth: int) -> int:
    """Number of the tier that a position worth `worth` money is in; the last one has no end."""
    k = 0
    while k < c["n_tiers"] - 1 and worth > c["tier_cap"][k]:
        k += 1
    return k


@kernel
def maintenance(c: Record, worth: int) -> int:
    """Money that a position worth `worth` at the mark must keep; 0 without tiers."""
    if c["n_tiers"] == 0:
        return 0
    k = tier_of(c, worth)
    return max(0, share(worth, c["tier_rate"][k]) - c["tier_amount"][k])


@kernel
def initial_rate(c: Record, leverage: float) -> int:
    """Initial margin of an order with this leverage, share of its value in 1e-8, rounded up; 0 = the usual leverage."""
    return c["margin_rate"] if leverage <= 0.0 else math.ceil(RATE / leverage)


@kernel
def too_much_leverage(c: Record, worth: int, leverage: float) -> bool:
    """Whether the tier of a position worth `worth` allows less than `leverage` (0 = the usual)."""
    if c["n_tiers"] == 0:
        return False
    return initial_rate(c, leverage) * c["tier_leverage"][tier_of(c, worth)] < RATE


@kernel
def needs(p: Record, c: Record, mark: int) -> int:
    """Maintenance margin of leg `p` at `mark` ticks, money; 0 when it holds nothing."""
    return 0 if p["position"] == 0 else maintenance(c, value(c, mark, abs(p["position"])))


@kernel
def is_broke(p: Record, c: Record, purse: int, mark: int) -> bool:
    """Whether `purse` (money that stands for leg `p`) and its profit at `mark` are at most its maintenance margin."""
    return purse + unrealised(p, c, mark) <= needs(p, c, mark)


@kernel
def liquidation_price(p: Record, c: Record, purse: int) -> int:
    """The mark, in ticks, from which on leg `p` is broke: the highest for longs, the lowest for shorts; 0 = none is.

    `purse`: isolated, the leg's margin; cross, cash with the profit of all other legs less their maintenance margin.
    """
    if p["position"] == 0 or c["n_tiers"] == 0:
        return 0
    low, high = 1, MAX_TICKS
    if c["inverse"] == 0:
        high = min(high, max(1, math.floor(_LIMIT / (float(abs(p["position"])) * float(c["unit_value"])))))
    down = p["position"] > 0
    if not is_broke(p, c, purse, low if down else high):
        return 0
    while low < high:
        middle = (low + high + 1) // 2 if down else (low + high) // 2
        broke = is_broke(p, c, purse, middle)
        if down:
            low, high = (middle, high) if broke else (low, middle - 1)
        else:
            low, high = (low, middle) if broke else (middle + 1, high)
    return low


@kernel
def leg_index(leg: int) -> int:
    """Which of the two legs: ANSWER["leg"] is 0 in one-way mode, 1 = long, 2 = short."""
    return 1 if leg == 2 else 0


@kernel
def book_fill(p: Record, c: Record, leg: int, side: int, price: int, qty: int, fee: int, rate: int) -> int:
    """Book an execution on a leg of position `p` with its initial margin `rate` (1e-8); returns the change of cash."""
    cash = _book(p["legs"][leg_index(leg)], c, side, price, qty, fee, rate)
    gather(p)
    return cash


@kernel
def told_fill(p: Record, c: Record, a: Record) -> int:
    """The same from the venue's answer `a` (sim/orders.py ANSWER), insurance included; returns the change of cash."""
    rate = initial_rate(c, a["leverage"])
    cash = book_fill(p, c, a["leg"], a["side"], a["price"], a["qty"], a["fee"], rate)
    return cash if c["isolated"] != 0 else cash + insure(p, a["leg"], a["amount"])


@kernel
def _book(p: Record, c: Record, side: int, price: int, qty: int, fee: int, rate: int) -> int:
    held = abs(p["position"])
    closing = min(qty, held) if p["position"] * side < 0 else 0
    before = p["realised"]
    apply_fill(p, c, side, price, qty, fee)
    profit = p["realised"] - before
    tied = share(value(c, price, qty - closing), rate) if qty > closing else 0
    if c["isolated"] == 0:
        if closing > 0:
            p["tied"] -= p["tied"] if closing == held else scaled(p["tied"], closing, held)
        p["tied"] += tied
        return profit - fee
    cash = 0
    if closing > 0:
        released = p["margin"] if closing == held else scaled(max(0, p["margin"]), closing, held)
        p["margin"] -= released
        cash = released + profit
        if cash < 0:
            p["margin"] += cash
            cash = 0
        if closing == held and p["margin"] < 0:
            p["insured"] -= p["margin"]
            p["margin"] = 0
    p["margin"] += tied
    return cash - tied - fee


@kernel
def book_funding(p: Record, c: Record, leg: int, mark: int, rate: int) -> int:
    """Exchange funding on a leg of position `p` at `rate` (1e-8); returns what was received, money, on whichever side.

    Isolated margin receives or pays it; with cross margin the caller adds it to cash.
    """
    one = p["legs"][leg]
    received = pay_funding(one, c, mark, rate)
    if c["isolated"] != 0:
        one["margin"] += received
    gather(p)
    return received


@kernel
def told_funding(p: Record, c: Record, leg: int, received: int) -> int:
    """The same, told by the venue: book what was `received` on a leg; returns the change of cash."""
    one = p["legs"][leg_index(leg)]
    one["funding"] += received
    if c["isolated"] != 0:
        one["margin"] += received
    gather(p)
    return 0 if c["isolated"] != 0 else received


@kernel
def insure(p: Record, leg: int, money: int) -> int:
    """The venue's insurance pays `money` into the cash that a liquidated leg left below zero; returns it."""
    p["legs"][leg_index(leg)]["insured"] += money
    gather(p)
    return money


@kernel
def gather(p: Record) -> None:
    """The sums of both legs."""
    a, b = p["legs"][0], p["legs"][1]
    p["position"] = a["position"] + b["position"]
    p["cost"] = a["cost"] + b["cost"]
    p["realised"] = a["realised"] + b["realised"]
    p["fees"] = a["fees"] + b["fees"]
    p["funding"] = a["funding"] + b["funding"]
    p["fills"] = a["fills"] + b["fills"]
    p["volume"] = a["volume"] + b["volume"]
    p["margin"] = a["margin"] + b["margin"]
    p["tied"] = a["tied"] + b["tied"]
    p["insured"] = a["insured"] + b["insured"]
