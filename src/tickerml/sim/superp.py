"""SuperP: a position of fixed stake with leverage that cannot be liquidated. It exists in simulation only.

Opened for a stake at the first tradable touch after the request arrived (ask for longs, bid for shorts), closed at the
touch by request, stop, target or expiry. With the return r = side x (exit - entry) / entry,

    payoff = stake x max(-1, leverage x (r - cost))

is added to cash: never less than the stake is lost, and the round-trip cost (RULES["superp_cost"]) is part of it.
"""

from __future__ import annotations

import math
from typing import Final

from tickerml.account.contract import RATE
from tickerml.sim.orders import AnswerKind, Cause, OrderState
from tickerml.sim.slots import answer, interest, remove
from tickerml.sim.take import exists, touch
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record

_ACK, _SETTLED = int(AnswerKind.ACK), int(AnswerKind.SETTLED)
_ARMED, _OPEN, _FILLED = int(OrderState.ARMED), int(OrderState.OPEN), int(OrderState.FILLED)
_STOP, _TARGET, _EXPIRY = int(Cause.STOP), int(Cause.TARGET), int(Cause.EXPIRY)
_LARGEST: Final = 9.2e18


@kernel
def payoff(stake: int, leverage: float, side: int, entry: int, out: int, cost_rate: int) -> int:
    """Money won (lost when negative, at most `stake`) on a position from `entry` to `out` ticks; half a unit rounds up.

    OverflowError when it would leave int64.
    """
    gain = leverage * (side * (out - entry) / entry - cost_rate / RATE)
    amount = float(stake) * max(-1.0, gain)
    if amount > _LARGEST:
        raise OverflowError("a SuperP payoff does not fit the money type")
    return max(-stake, int(math.floor(amount + 0.5)))


@kernel
def open_at(mail: Record, v: Record, k: int, price: int) -> None:
    """The position of slot `k` opens at `price` ticks."""
    v["price"][k] = price
    answer(mail, v, k, _ACK, 0, _OPEN)
    interest(v)


@kernel
def close_at(mail: Record, rules: Record, v: Record, k: int, price: int, cause: int) -> None:
    """The open position of slot `k` closes at `price` ticks: its payoff goes to cash, the slot is free."""
    amount = payoff(v["qty"][k], v["leverage"][k], v["side"][k], v["price"][k], price, rules["superp_cost"])
    v["left"][k] = 0
    i = answer(mail, v, k, _SETTLED, 0, _FILLED)
    a = mail["answers"][i]
    a["price"] = price
    a["qty"] = v["qty"][k]
    a["amount"] = amount
    a["cause"] = cause
    mail["cash"][rules["wallet"]] += amount
    v["realised"] += amount
    remove(v, k)


@kernel
def due(v: Record, k: int, exit_price: int, now: int) -> int:
    """Why the open position of slot `k` closes at a touch of `exit_price`; 0 when it does not. The stop comes first."""
    side = v["side"][k]
    if v["trigger"][k] != 0 and (exit_price - v["trigger"][k]) * side <= 0:
        return _STOP
    if v["target"][k] != 0 and (exit_price - v["target"][k]) * side >= 0:
        return _TARGET
    if v["expiry"][k] != 0 and now >= v["expiry"][k]:
        return _EXPIRY
    return 0


@kernel
def look(mail: Record, rules: Record, v: Record, b: Record, k: int) -> bool:
    """Examine slot `k` at the present touch: open a waiting position, close a due one. True when the slot was freed."""
    side = v["side"][k]
    if v["state"][k] == _ARMED:
        price = touch(b, side)
        if exists(price) and price > 0:
            open_at(mail, v, k, price)
        return False
    price = touch(b, -side)
    if not exists(price):
        return False
    cause = due(v, k, price, mail["now"])
    if cause == 0:
        return False
    close_at(mail, rules, v, k, price, cause)
    return True
