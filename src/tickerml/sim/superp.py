"""SuperP: a position of fixed stake with leverage that cannot be liquidated. It exists in simulation only.

Opened for a stake at the first tradable touch after the request arrived (ask for longs, bid for shorts), closed at the
touch by request, stop, target or expiry (sim/mid.py, sim/bar_path.py: where there is another price). With the return
r = side x (exit - entry) / entry,

    payoff = stake x max(-1, leverage x (r - cost))

is added to cash: never less than the stake is lost, and the round-trip cost (RULES["superp_cost"]) is part of it. What
the cost took of the payoff is told as the fee: where the whole stake was lost without it, nothing.
"""

from __future__ import annotations

import math
from typing import Final

from tickerml.account.contract import RATE
from tickerml.sim.mid import offer
from tickerml.sim.orders import Cause
from tickerml.sim.slots import answer, remove
from tickerml.sim.take import exists
from tickerml.tape.kernel import kernel
from tickerml.tape.ladder import NO_BID
from tickerml.tape.orders import AnswerKind, OrderState
from tickerml.tape.rows import Record

_ACK, _SETTLED = int(AnswerKind.ACK), int(AnswerKind.SETTLED)
_ARMED, _OPEN, _FILLED, _NEW = int(OrderState.ARMED), int(OrderState.OPEN), int(OrderState.FILLED), int(OrderState.NEW)
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
    return max(-stake, math.floor(amount + 0.5))


@kernel
def close_at(mail: Record, rules: Record, v: Record, k: int, price: int, cause: int) -> None:
    """The open position of slot `k` closes at `price` ticks: its payoff goes to cash, the slot is free."""
    o = v["orders"][k]
    stake, leverage, side, entry = o["qty"], o["leverage"], o["side"], o["price"]
    amount = payoff(stake, leverage, side, entry, price, 0)
    fee = amount - payoff(stake, leverage, side, entry, price, rules["superp_cost"])
    o["left"] = 0
    i = answer(mail, v, k, _SETTLED, 0, _FILLED)
    a = mail["answers"][i]
    a["price"] = price
    a["qty"] = o["qty"]
    a["amount"] = amount
    a["fee"] = fee
    a["cause"] = cause
    mail["cash"][rules["wallet"]] += amount - fee
    v["realised"] += amount
    v["fees"] += fee
    remove(v, k)


@kernel
def due(o: Record, exit_price: int, now: int) -> int:
    """Why the open position `o` closes at a touch of `exit_price`; 0 when it does not. The stop comes first."""
    side = o["side"]
    if o["trigger"] != 0 and (exit_price - o["trigger"]) * side <= 0:
        return _STOP
    if o["target"] != 0 and (exit_price - o["target"]) * side >= 0:
        return _TARGET
    if o["expiry"] != 0 and now >= o["expiry"]:
        return _EXPIRY
    return 0


@kernel
def price_now(rules: Record, v: Record, b: Record, side: int) -> int:
    """Where a long (`side` 1) can be opened or a short closed now, ticks; -1 the other way round. NO_BID = nowhere."""
    if v["halted"] != 0 or (b["valid"] == 0 and rules["bar_only"] == 0):
        return NO_BID
    return v["last_trade"] if rules["bar_only"] != 0 else offer(rules, v, b, side)


@kernel
def look(mail: Record, rules: Record, v: Record, b: Record, k: int) -> bool:
    """Examine slot `k` now: open a position that waits, close one that is due. True when the slot was freed."""
    o = v["orders"][k]
    if o["state"] != _OPEN:
        price = price_now(rules, v, b, o["side"])
        if exists(price) and price > 0:
            o["price"] = price
            answer(mail, v, k, _ACK, 0, _OPEN)
        elif o["state"] == _NEW:
            answer(mail, v, k, _ACK, 0, _ARMED)
        return False
    price = price_now(rules, v, b, -o["side"])
    if not exists(price):
        return False
    cause = due(o, price, mail["now"])
    if cause == 0:
        return False
    close_at(mail, rules, v, k, price, cause)
    return True
