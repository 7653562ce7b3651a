"""Our live orders at one instrument, in slots 0..n-1 by age, and the answers about them.

Slots stay in order of arrival, so the first of several at a price is the oldest. Whoever changes an order sets
v["changed"]; at the end of the step `interest` recomputes the bounds with which the pass loop decides in a few
comparisons that a row cannot concern us.
"""

from __future__ import annotations

from typing import Final

from tickerml.sim.orders import ANSWERS, FAR, SLOTS
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import AnswerKind, OrderFlag, OrderState
from tickerml.tape.rows import Record

_WORKING, _PARTIAL, _FILLED = int(OrderState.WORKING), int(OrderState.PARTIAL), int(OrderState.FILLED)
_ARMED, _OPEN, _NEW = int(OrderState.ARMED), int(OrderState.OPEN), int(OrderState.NEW)
_FILL: Final = int(AnswerKind.FILL)
_LONG, _SHORT = int(OrderFlag.LONG), int(OrderFlag.SHORT)


@kernel
def insert(v: Record, req: Record, now: int, lot: float) -> int:
    """Put a request into the next slot, in state NEW; returns the slot. The caller has checked that there is room."""
    k = v["n"]
    o = v["orders"][k]
    o["id"] = req["id"]
    o["side"] = req["side"]
    o["type"] = req["type"]
    o["tif"] = req["tif"]
    o["state"] = _NEW
    o["price"] = req["price"]
    o["trigger"] = req["trigger"]
    o["target"] = req["target"]
    o["extreme"] = 0
    o["qty"] = req["qty"]
    o["left"] = req["qty"]
    o["expiry"] = req["expiry"]
    o["born"] = now
    o["flags"] = req["flags"]
    o["leverage"] = req["leverage"]
    o["lot"] = lot
    o["front"] = 0.0
    o["passed"] = 0.0
    v["n"] = k + 1
    v["changed"] = 1
    return k


@kernel
def remove(v: Record, k: int) -> None:
    """Free slot `k`; younger orders move up by one."""
    v["n"] -= 1
    for j in range(k, v["n"]):
        v["orders"][j] = v["orders"][j + 1]
    v["changed"] = 1


@kernel
def to_youngest(v: Record, k: int) -> int:
    """The order of slot `k` becomes the youngest; returns its slot."""
    v["moved"][0] = v["orders"][k]
    last = v["n"] - 1
    for j in range(k, last):
        v["orders"][j] = v["orders"][j + 1]
    v["orders"][last] = v["moved"][0]
    v["changed"] = 1
    return last


@kernel
def find(v: Record, order_id: int) -> int:
    """Slot of the order, -1 when it is not alive."""
    for k in range(v["n"]):
        if v["orders"][k]["id"] == order_id:
            return k
    return -1


@kernel
def closable(v: Record, side: int, flags: int) -> int:
    """Lots that an order of `side` with these flags can close."""
    if flags & _LONG != 0:
        return v["long"] if side < 0 else 0
    if flags & _SHORT != 0:
        return v["short"] if side > 0 else 0
    return max(0, -side * v["net"])


@kernel
def room(v: Record) -> bool:
    """Whether one more order fits."""
    return v["n"] < SLOTS


@kernel
def resting(o: Record) -> bool:
    """Whether order `o` is in the book."""
    return o["state"] == _WORKING or o["state"] == _PARTIAL


@kernel
def interest(rules: Record, v: Record) -> None:
    """Recompute the price bounds of our resting orders, and how many orders must look at every row."""
    buy_lo, buy_hi, sell_lo, sell_hi, watch = FAR, -FAR, FAR, -FAR, 0
    for k in range(v["n"]):
        o = v["orders"][k]
        if o["state"] == _ARMED or o["state"] == _OPEN:
            watch += 1
        elif resting(o) and o["side"] > 0:
            buy_lo, buy_hi = min(buy_lo, o["price"]), max(buy_hi, o["price"])
        elif resting(o):
            sell_lo, sell_hi = min(sell_lo, o["price"]), max(sell_hi, o["price"])
    marked = rules["n_tiers"] != 0 and v["mark"] == 0 and (v["net"] != 0 or v["long"] != 0)  # the mid liquidates
    if watch != 0 or marked or v["n_taken"] != 0 or (rules["at_mid"] != 0 and v["n"] != 0):
        buy_lo, buy_hi = -FAR, FAR  # every row
    v["buy_hi"] = buy_hi
    v["sell_lo"] = sell_lo
    v["near_from"][0] = buy_lo  # bids beside ours move our place in the queue, asks at or below ours execute us
    v["near_from"][1] = -FAR
    v["near_upto"][0] = FAR
    v["near_upto"][1] = sell_hi
    v["watch"] = watch
    v["changed"] = 0


@kernel
def new_answer(mail: Record, inst: int, kind: int, reason: int) -> int:
    """Start an answer at the venue's present time; returns its place in the ring. The rest of it is zero.

    RuntimeError when one step gives more answers than the ring holds.
    """
    if mail["ans_tail"] - mail["ans_head"] >= ANSWERS:
        raise RuntimeError("more answers in one step of the venue than it can hold")
    i = mail["ans_tail"] & (ANSWERS - 1)
    mail["ans_tail"] += 1
    a = mail["answers"][i]
    a["at"] = mail["now"]
    a["visible"] = 0
    a["id"] = 0
    a["inst"] = inst
    a["kind"] = kind
    a["reason"] = reason
    a["state"] = 0
    a["type"] = 0
    a["tif"] = 0
    a["side"] = 0
    a["price"] = 0
    a["qty"] = 0
    a["left"] = 0
    a["fee"] = 0
    a["amount"] = 0
    a["maker"] = 0
    a["cause"] = 0
    a["trigger"] = 0
    a["leg"] = 0
    a["wallet"] = 0
    a["paid"] = 0
    a["leverage"] = 0.0
    return i


@kernel
def answer(mail: Record, v: Record, k: int, kind: int, reason: int, state: int) -> int:
    """Answer about the order of slot `k`, which takes `state`; returns the answer's place in the ring."""
    i = new_answer(mail, v["inst"], kind, reason)
    a = mail["answers"][i]
    o = v["orders"][k]
    o["state"] = state
    v["changed"] = 1
    a["id"] = o["id"]
    a["state"] = state
    a["type"] = o["type"]
    a["tif"] = o["tif"]
    a["side"] = o["side"]
    a["price"] = o["price"]
    a["left"] = o["left"]
    return i


@kernel
def fill(mail: Record, v: Record, k: int, price: int, qty: int, maker: int) -> bool:
    """Execute `qty` lots of slot `k` at `price`. True when that was the rest of the order: its slot is free then."""
    o = v["orders"][k]
    o["left"] -= qty
    v["net"] += o["side"] * qty
    if o["flags"] & _LONG != 0:
        v["long"] += o["side"] * qty
    elif o["flags"] & _SHORT != 0:
        v["short"] -= o["side"] * qty
    done = o["left"] == 0
    i = answer(mail, v, k, _FILL, 0, _FILLED if done else _PARTIAL)
    a = mail["answers"][i]
    a["price"] = price
    a["qty"] = qty
    a["maker"] = maker
    a["leg"] = (o["flags"] & (_LONG | _SHORT)) // _LONG
    a["leverage"] = o["leverage"]
    if done:
        remove(v, k)
    return done


@kernel
def end(mail: Record, v: Record, k: int, kind: int, reason: int, state: int) -> None:
    """Answer that the order of slot `k` is over, and free the slot."""
    answer(mail, v, k, kind, reason, state)
    remove(v, k)
