"""Our live orders at one instrument, in slots 0..n-1 by age, and the answers about them.

Slots stay in order of arrival, so the first of several at a price is the oldest. `interest` keeps the bounds with which
the pass loop decides in a few comparisons that a row cannot concern us.
"""

from __future__ import annotations

from typing import Final

from tickerml.sim.orders import ANSWERS, FAR, SLOTS, AnswerKind, OrderState
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record

_WORKING, _PARTIAL, _FILLED = int(OrderState.WORKING), int(OrderState.PARTIAL), int(OrderState.FILLED)
_ARMED, _OPEN = int(OrderState.ARMED), int(OrderState.OPEN)
_FILL: Final = int(AnswerKind.FILL)


@kernel
def insert(v: Record, req: Record, now: int) -> int:
    """Put a request into the next slot; returns the slot. The caller has seen to it that there is room."""
    k = v["n"]
    v["n"] = k + 1
    v["id"][k] = req["id"]
    v["side"][k] = req["side"]
    v["type"][k] = req["type"]
    v["tif"][k] = req["tif"]
    v["state"][k] = 0
    v["price"][k] = req["price"]
    v["trigger"][k] = req["trigger"]
    v["target"][k] = req["target"]
    v["extreme"][k] = 0
    v["qty"][k] = req["qty"]
    v["left"][k] = req["qty"]
    v["expiry"][k] = req["expiry"]
    v["born"][k] = now
    v["flags"][k] = req["flags"]
    v["leverage"][k] = req["leverage"]
    v["front"][k] = 0.0
    v["passed"][k] = 0.0
    return k


@kernel
def remove(v: Record, k: int) -> None:
    """Free slot `k`; younger orders move up by one."""
    v["n"] -= 1
    for j in range(k, v["n"]):
        v["id"][j] = v["id"][j + 1]
        v["side"][j] = v["side"][j + 1]
        v["type"][j] = v["type"][j + 1]
        v["tif"][j] = v["tif"][j + 1]
        v["state"][j] = v["state"][j + 1]
        v["price"][j] = v["price"][j + 1]
        v["trigger"][j] = v["trigger"][j + 1]
        v["target"][j] = v["target"][j + 1]
        v["extreme"][j] = v["extreme"][j + 1]
        v["qty"][j] = v["qty"][j + 1]
        v["left"][j] = v["left"][j + 1]
        v["expiry"][j] = v["expiry"][j + 1]
        v["born"][j] = v["born"][j + 1]
        v["flags"][j] = v["flags"][j + 1]
        v["leverage"][j] = v["leverage"][j + 1]
        v["front"][j] = v["front"][j + 1]
        v["passed"][j] = v["passed"][j + 1]
    interest(v)


@kernel
def find(v: Record, order_id: int) -> int:
    """Slot of the order, -1 when it is not alive."""
    for k in range(v["n"]):
        if v["id"][k] == order_id:
            return k
    return -1


@kernel
def room(v: Record) -> bool:
    """Whether one more order fits."""
    return v["n"] < SLOTS


@kernel
def resting(v: Record, k: int) -> bool:
    """Whether the order of slot `k` is in the book."""
    return v["state"][k] == _WORKING or v["state"][k] == _PARTIAL


@kernel
def interest(v: Record) -> None:
    """Recompute the price bounds of our resting orders, and how many orders must look at every row."""
    buy_lo, buy_hi, sell_lo, sell_hi, watch = FAR, -FAR, FAR, -FAR, 0
    for k in range(v["n"]):
        price = v["price"][k]
        if v["state"][k] == _ARMED or v["state"][k] == _OPEN:
            watch += 1
        elif resting(v, k) and v["side"][k] > 0:
            buy_lo, buy_hi = min(buy_lo, price), max(buy_hi, price)
        elif resting(v, k):
            sell_lo, sell_hi = min(sell_lo, price), max(sell_hi, price)
    if watch != 0 or v["liq_low"] != 0 or v["liq_high"] != FAR:
        buy_lo, buy_hi = -FAR, FAR  # every row
    v["buy_lo"] = buy_lo
    v["buy_hi"] = buy_hi
    v["sell_lo"] = sell_lo
    v["sell_hi"] = sell_hi
    v["watch"] = watch


@kernel
def new_answer(mail: Record, kind: int, reason: int) -> int:
    """Start an answer at the venue's present time; returns its place in the ring. The rest of it is zero.

    OverflowError when one step gives more answers than the ring holds.
    """
    if mail["ans_tail"] - mail["ans_head"] >= ANSWERS:
        raise OverflowError("more answers in one step of the venue than it can hold")
    i = mail["ans_tail"] & (ANSWERS - 1)
    mail["ans_tail"] += 1
    a = mail["answers"][i]
    a["at"] = mail["now"]
    a["visible"] = 0
    a["id"] = 0
    a["inst"] = 0
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
    return i


@kernel
def answer(mail: Record, v: Record, k: int, kind: int, reason: int, state: int) -> int:
    """Answer about the order of slot `k`, which takes `state`; returns the answer's place in the ring."""
    i = new_answer(mail, kind, reason)
    a = mail["answers"][i]
    v["state"][k] = state
    a["id"] = v["id"][k]
    a["inst"] = v["inst"]
    a["state"] = state
    a["type"] = v["type"][k]
    a["tif"] = v["tif"][k]
    a["side"] = v["side"][k]
    a["price"] = v["price"][k]
    a["left"] = v["left"][k]
    return i


@kernel
def fill(mail: Record, v: Record, k: int, price: int, qty: int, maker: int) -> None:
    """Execute `qty` lots of slot `k` at `price`; an order that is done keeps its slot until the caller removes it."""
    v["left"][k] -= qty
    v["net"] += v["side"][k] * qty
    i = answer(mail, v, k, _FILL, 0, _FILLED if v["left"][k] == 0 else _PARTIAL)
    a = mail["answers"][i]
    a["price"] = price
    a["qty"] = qty
    a["maker"] = maker


@kernel
def end(mail: Record, v: Record, k: int, kind: int, reason: int, state: int) -> None:
    """Answer that the order of slot `k` is over, and free the slot."""
    answer(mail, v, k, kind, reason, state)
    remove(v, k)
