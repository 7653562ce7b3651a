"""The envelope inside which a strategy may act at row speed: the desk grants, shrinks and revokes it.

What counts is the worst case: the position as it is known and all own orders of a side that may still fill, asked to
leave or not, and the order that is asked for. What was told of executions is taken off their orders, so no fill that is
still on its way to us carries the position farther.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.desk.memory import COIN_STAMPS, STAMPS
from tickerml.desk.working import SLOTS
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import DAY, FOREVER, MAX_TICKS, SECOND, Record

ENVELOPE: Final = np.dtype(  # one record per instrument; all zero = nothing is allowed
    [
        ("max_position", "i8"),  # lots, either way, worst case
        ("max_order", "i8"),  # lots of one order
        ("max_orders", "i8"),  # own orders under way or working
        ("band", "i8"),  # ticks from the touch; further prices are refused, and all where that side is empty
        ("until", "i8"),  # ns; nothing is allowed from then on
        ("position_share", "f8"),  # of the equity: worth of the position, worst case
        ("order_share", "f8"),  # of the equity: worth of one order
        ("equity", "f8"),  # of its wallet, money; followed each minute
        ("unit", "f8"),  # money of one lot at one tick
        ("inverse", "i8"),  # 1: a lot is worth `unit` / price
        ("messages_symbol", "i8"),  # messages a second on its coin; FOREVER = any
        ("messages", "i8"),  # messages a second of the account; FOREVER = any
        ("quotes_day", "i8"),  # quotes and their cancels on a UTC day, of the account
        ("wallet", "i8"),
        ("margin", "f8"),  # of the worth: what a position uses of its wallet; 1 on spot
        ("others", "i8"),  # what the desk's trades use of its wallet, money
    ]
)


@kernel
def allows(e: Record, w: Record, side: int, price: int, qty: int, bid: int, ask: int, now: int) -> bool:
    """Whether this order may leave now: a pure function of the grant, our orders and the touch."""
    if now >= e["until"] or qty <= 0 or qty > e["max_order"] or price <= 0:
        return False
    if w["n"] >= e["max_orders"] or w["n"] >= SLOTS:
        return False
    if side > 0:
        if bid <= 0 or price < bid - e["band"]:
            return False
        lots = w["position"] + w["buying"] + qty
    else:
        if ask > MAX_TICKS or price > ask + e["band"]:  # where a side is empty nothing says how far a price is
            return False
        lots = w["selling"] + qty - w["position"]
    if lots > e["max_position"]:
        return False
    each = worth(e, price, bid, ask)
    return qty * each <= e["order_share"] * e["equity"] and lots * each <= e["position_share"] * e["equity"]


@kernel
def in_time(e: Record, latch: Record, coin: Record, now: int) -> bool:
    """Whether one more message keeps the rates: of the last second (LATCH and COIN keep the newest), and of the day.

    So many are within a second as when the one that lies so far back is younger: no stamp is counted.
    """
    symbol, account = e["messages_symbol"], e["messages"]
    if symbol <= 0 or account <= 0:
        return False
    if symbol <= COIN_STAMPS and coin["stamps"][(coin["n"] - symbol) % COIN_STAMPS] > now - SECOND:
        return False
    if account <= STAMPS and latch["stamps"][(latch["n"] - account) % STAMPS] > now - SECOND:
        return False
    return latch["quotes"] < e["quotes_day"] or latch["day"] != now // DAY


@kernel
def worth(e: Record, price: int, bid: int, ask: int) -> float:
    """Money of one lot where it is worth most: at the order's own price or at the touch; `price` is above 0."""
    if e["inverse"] != 0:
        return e["unit"] / (min(price, bid) if bid > 0 else price)
    return e["unit"] * (max(price, ask) if ask <= MAX_TICKS else price)


def grant(
    max_position: int,
    max_order: int,
    *,
    max_orders: int = 16,
    band: int = 1000,
    until: int = FOREVER,
    position_share: float = np.inf,
    order_share: float = np.inf,
    equity: float = 1.0,
    unit: float = 1.0,
    inverse: bool = False,
    messages_symbol: int = FOREVER,
    messages: int = FOREVER,
    quotes_day: int = FOREVER,
    wallet: int = 0,
    margin: float = 1.0,
) -> Record:
    """An ENVELOPE record; what is not named bounds nothing, but orders at once and the band. Units: see ENVELOPE."""
    record = np.zeros(1, ENVELOPE)[0]
    record["max_position"], record["max_order"], record["max_orders"] = max_position, max_order, max_orders
    record["band"], record["until"] = band, until
    record["position_share"], record["order_share"] = position_share, order_share
    record["equity"], record["unit"], record["inverse"] = equity, unit, inverse
    record["messages_symbol"], record["messages"], record["quotes_day"] = messages_symbol, messages, quotes_day
    record["wallet"], record["margin"] = wallet, margin
    return record
