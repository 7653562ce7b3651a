"""One instrument's position: cost basis, realised and unrealised profit, fees, funding. Every sum is exact.

`cost` is the signed value of the open lots at the prices they were opened at. Closing a part takes its share of the
cost, rounded toward zero; the rest stays, so that whatever the fills, for linear and spot instruments

    realised - cost = sum over fills of -side x value        and with equity = realised + unrealised - fees + funding

no unit of money appears or disappears. The functions take any record with POSITION's fields (the sim's VENUE has them).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.account.contract import scaled, share, value
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record

LEG: Final = np.dtype(
    [
        ("position", "i8"),  # lots, negative = short
        ("cost", "i8"),  # money, of the position's sign
        ("realised", "i8"),  # money: profit of closed lots before fees and funding
        ("fees", "i8"),  # money paid, negative = rebates
        ("funding", "i8"),  # money received, negative = paid
        ("fills", "i8"),
        ("volume", "i8"),  # lots executed
        ("margin", "i8"),  # money set apart for it: isolated margin (account/margin.py)
        ("tied", "i8"),  # cross margin: initial margin of the open lots, a part of cash
        ("insured", "i8"),  # money that the venue's insurance bore
    ]
)
POSITION: Final = np.dtype([*((name, "i8") for name in LEG.names or ()), ("legs", LEG, (2,))])  # margined: their sums


@kernel
def apply_fill(p: Record, c: Record, side: int, price: int, qty: int, fee: int) -> int:
    """Book `qty` lots bought (side 1) or sold (-1) at `price` ticks with `fee`; returns the change of cash, money.

    Derivatives change cash by profit less fee; spot pays or receives the whole value. OverflowError beyond int64.
    """
    worth = value(c, price, qty)
    held = abs(p["position"])
    profit = 0
    opened = worth
    if p["position"] * side < 0:
        closing = min(qty, held)
        closed = worth if closing == qty else value(c, price, closing)
        opened = worth - closed
        basis = p["cost"] if closing == held else scaled(p["cost"], closing, held)
        profit = -side * closed - basis
        if c["inverse"] != 0:
            profit = -profit
        p["cost"] -= basis
    p["cost"] += side * opened
    p["position"] += side * qty
    p["realised"] += profit
    p["fees"] += fee
    p["fills"] += 1
    p["volume"] += qty
    return -side * worth - fee if c["spot"] != 0 else profit - fee


@kernel
def unrealised(p: Record, c: Record, mark: int) -> int:
    """Profit that closing the whole position at `mark` ticks would realise, money, before fees."""
    if p["position"] == 0:
        return p["cost"] if c["inverse"] != 0 else -p["cost"]  # not 0 where a long and a short leg are equal
    worth = value(c, mark, abs(p["position"]))
    profit = (worth if p["position"] > 0 else -worth) - p["cost"]
    return -profit if c["inverse"] != 0 else profit


@kernel
def holding(p: Record, c: Record, mark: int) -> int:
    """What a position adds to cash in equity at `mark`: its value for spot, else its unrealised profit and margin."""
    if c["spot"] == 0:
        return unrealised(p, c, mark) + p["margin"]
    return 0 if p["position"] == 0 else (1 if p["position"] > 0 else -1) * value(c, mark, abs(p["position"]))


@kernel
def entry_price(p: Record, c: Record) -> float:
    """Average entry price of the open lots in ticks; NaN when there is no position."""
    if p["position"] == 0 or p["cost"] == 0:
        return np.nan
    if c["inverse"] != 0:
        return float(p["position"]) * float(c["unit_value"]) / float(p["cost"])
    return float(p["cost"]) / (float(p["position"]) * float(c["unit_value"]))


@kernel
def pay_funding(p: Record, c: Record, mark: int, rate: int) -> int:
    """Exchange funding at `rate` (1e-8) on the value at `mark` ticks: longs pay shorts when it is positive.

    Returns the change of cash, money: what we received, negative when we paid.
    """
    if p["position"] == 0:
        return 0
    paid = share(value(c, mark, abs(p["position"])), rate)
    received = -paid if p["position"] > 0 else paid
    p["funding"] += received
    return received


@kernel
def margin_needed(c: Record, price: int, qty: int, rate: int) -> int:
    """Money that must be held for `qty` lots at `price`: `rate` (1e-8) of the value; all of it for spot."""
    worth = value(c, price, qty)
    return worth if c["spot"] != 0 else share(worth, rate)
