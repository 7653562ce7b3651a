"""Changes of a live order in one step: nothing can happen to it between its old terms and the new.

A request names the order and what is to change: price, trigger (a trailing order's distance), a SuperP position's
target, and `qty`, the whole quantity with what was executed already, so filled + left is never more than `qty`. 0
leaves a term as it is. What the rules refuse is answered AMEND_REJECT, and the order stands as it was. An order of
which at least `qty` is executed ends as CANCELED.

- Another price or a larger quantity loses the place in the queue, a smaller quantity alone keeps it.
- A price that takes starts the order anew in the same step, after its AMENDED answer; post-only orders are refused it.
- A waiting order looks at the market at once, as a new one does. On bars a changed order counts as new from then on.
- An order that is just starting to work, on bars one that waits for an open, cannot be changed.
"""

from __future__ import annotations

from typing import Final

from tickerml.sim.mid import offer, twice_mid
from tickerml.sim.orders import SelfTrade
from tickerml.sim.requests import known, refuse, too_small, waits_for_trigger, wrong_number
from tickerml.sim.slots import answer, end, find, resting, to_youngest
from tickerml.sim.superp import look
from tickerml.sim.take import exists, own_in_the_way, touch
from tickerml.sim.triggers import TOUCH, blind, fire, reached
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import AnswerKind, OrderFlag, OrderState, OrderType, Reject, TimeInForce
from tickerml.tape.rows import Record

_LIMIT, _SUPERP = int(OrderType.LIMIT), int(OrderType.SUPERP)
_STOP_LIMIT, _TP_LIMIT = int(OrderType.STOP_LIMIT), int(OrderType.TAKE_PROFIT_LIMIT)
_TRAILING, _MARKET = int(OrderType.TRAILING), int(OrderType.MARKET)
_GTX: Final = int(TimeInForce.GTX)
_NEW, _OPEN, _CANCELED = int(OrderState.NEW), int(OrderState.OPEN), int(OrderState.CANCELED)
_AMENDED, _AMEND_REJECT = int(AnswerKind.AMENDED), int(AnswerKind.AMEND_REJECT)
_ENDED, _TRIGGERED = int(AnswerKind.CANCELED), int(AnswerKind.TRIGGERED)
_NO_SUCH, _FIXED, _HALTED = int(Reject.NO_SUCH_ORDER), int(Reject.AMEND), int(Reject.HALTED)
_INVALID, _MIN_NOTIONAL = int(Reject.BOOK_INVALID), int(Reject.MIN_NOTIONAL)
_POST_ONLY, _SELF = int(Reject.POST_ONLY), int(Reject.SELF_TRADE)
_IGNORE, _OLDEST = int(SelfTrade.IGNORE), int(SelfTrade.CANCEL_OLDEST)
_REDUCE: Final = int(OrderFlag.REDUCE_ONLY)


@kernel
def refusal(mail: Record, rules: Record, v: Record, b: Record, req: Record) -> int:
    """The first reason to refuse the AMEND request, 0 = none; what it leaves as it is, is filled in from the order."""
    k = find(v, req["id"])
    if k < 0:
        return _NO_SUCH
    if v["halted"] != 0:
        return _HALTED
    o = v["orders"][k]
    if o["state"] == _NEW or not _has_terms(o, req):
        return _FIXED
    _complete(o, req)
    if rules["partial"] == 0 or o["type"] == _SUPERP:
        return 0
    reason = wrong_number(rules, req)
    if reason != 0:
        return reason
    if req["flags"] & _REDUCE == 0 and too_small(rules, v, b, req):
        return _MIN_NOTIONAL
    if resting(o) and req["price"] != o["price"]:
        return _wrong_price(rules, v, b, o, req["price"])
    return 0


@kernel
def _has_terms(o: Record, req: Record) -> bool:
    """Whether the order has what the request wants to change."""
    kind = o["type"]
    if kind == _SUPERP:
        return req["price"] == 0 and req["qty"] == 0
    priced = kind in (_LIMIT, _STOP_LIMIT, _TP_LIMIT)
    return (priced or req["price"] == 0) and (waits_for_trigger(kind) or req["trigger"] == 0) and req["target"] == 0


@kernel
def _complete(o: Record, req: Record) -> None:
    """What the order is and keeps, put into the request."""
    req["side"] = o["side"]
    req["type"] = o["type"]
    req["tif"] = o["tif"]
    req["flags"] = o["flags"]
    req["leverage"] = o["leverage"]
    req["price"] = o["price"] if req["price"] == 0 else req["price"]
    req["trigger"] = o["trigger"] if req["trigger"] == 0 else req["trigger"]
    req["target"] = o["target"] if req["target"] == 0 else req["target"]
    req["qty"] = o["qty"] if req["qty"] == 0 else req["qty"]


@kernel
def _wrong_price(rules: Record, v: Record, b: Record, o: Record, price: int) -> int:
    """Why the resting order `o` may not move to `price`: an unknown book, post-only, or our own order there."""
    if not known(rules, v, b):
        return _INVALID
    other = _own(rules, v, o["side"], price)
    if o["tif"] == _GTX and (other or _takes(rules, v, b, o["side"], price)):
        return _POST_ONLY
    return _SELF if other and rules["self_trade"] != _OLDEST else 0


@kernel
def _own(rules: Record, v: Record, side: int, price: int) -> bool:
    """Whether an order of `side` at `price` meets one of ours that the self-trade rule sees."""
    sees = rules["self_trade"] != _IGNORE and rules["partial"] != 0 and rules["at_mid"] == 0 and rules["bar_only"] == 0
    return sees and own_in_the_way(v, side, price) >= 0


@kernel
def _takes(rules: Record, v: Record, b: Record, side: int, price: int) -> bool:
    """Whether an order of `side` at `price` executes at once."""
    if rules["at_mid"] != 0:
        twice = twice_mid(rules, v, b)
        return twice != 0 and (2 * price - twice) * side >= 0
    if rules["bar_only"] != 0:
        return (price - v["last_trade"]) * side >= 0
    return exists(touch(b, side)) and (price - touch(b, side)) * side >= 0


@kernel
def needs_more(v: Record, req: Record) -> bool:
    """Whether the wallet must carry more than it does for the order now: more lots, or another price."""
    o = v["orders"][find(v, req["id"])]
    if o["type"] == _SUPERP or req["flags"] & _REDUCE != 0:
        return False
    return req["qty"] > o["qty"] or req["price"] != o["price"] or req["trigger"] != o["trigger"]


@kernel
def set_aside(v: Record, req: Record) -> int:
    """For the look at the wallet: the order's lots count as none, and the request's as what it would leave open."""
    o = v["orders"][find(v, req["id"])]
    left = o["left"]
    req["qty"] = max(0, req["qty"] - (o["qty"] - left))
    o["left"] = 0
    return left


@kernel
def put_back(v: Record, req: Record, asked: int, left: int) -> None:
    """The opposite of `set_aside`."""
    v["orders"][find(v, req["id"])]["left"] = left
    req["qty"] = asked


@kernel
def carry_out(mail: Record, rules: Record, v: Record, b: Record, req: Record, reason: int) -> None:
    """Give the order its new terms, or refuse with `reason` and leave it as it is."""
    k = find(v, req["id"])
    if k < 0:
        refuse(mail, req, _AMEND_REJECT, reason)
        return
    o = v["orders"][k]
    if reason != 0:
        answer(mail, v, k, _AMEND_REJECT, reason, o["state"])
        return
    filled = o["qty"] - o["left"]
    if req["qty"] <= filled:
        end(mail, v, k, _ENDED, 0, _CANCELED)
        return
    moved = req["price"] != o["price"]
    larger = req["qty"] > o["qty"]
    if moved or larger or req["trigger"] != o["trigger"] or req["target"] != o["target"]:
        o["born"] = mail["now"]
    o["price"] = req["price"]
    o["trigger"] = req["trigger"]
    o["target"] = req["target"]
    o["qty"] = req["qty"]
    o["left"] = req["qty"] - filled
    if not resting(o):
        _tell(mail, v, k, o["state"])
        _look(mail, rules, v, b, k)
    elif moved or larger:
        _requeue(mail, rules, v, b, to_youngest(v, k), moved)
    else:
        _tell(mail, v, k, o["state"])


@kernel
def _tell(mail: Record, v: Record, k: int, state: int) -> None:
    i = answer(mail, v, k, _AMENDED, 0, state)
    mail["answers"][i]["qty"] = v["orders"][k]["qty"]
    mail["answers"][i]["trigger"] = v["orders"][k]["trigger"]


@kernel
def _requeue(mail: Record, rules: Record, v: Record, b: Record, k: int, moved: bool) -> None:
    """The order of slot `k` has lost its place in the queue: it rests as the last there, or takes."""
    o = v["orders"][k]
    if moved and (_takes(rules, v, b, o["side"], o["price"]) or _own(rules, v, o["side"], o["price"])):
        _tell(mail, v, k, _NEW)
        if rules["bar_only"] == 0 or rules["at_mid"] != 0:
            v["due"] += 1  # on bars it waits for the open
    else:
        _tell(mail, v, k, o["state"])
        o["passed"] = -1.0  # new in the queue at the end of this step


@kernel
def _look(mail: Record, rules: Record, v: Record, b: Record, k: int) -> None:
    """A waiting order, or an open SuperP position, meets the market with its new terms."""
    o = v["orders"][k]
    on_bars = rules["bar_only"] != 0 and rules["at_mid"] == 0
    if o["type"] == _SUPERP:
        if o["state"] == _OPEN and not on_bars:
            look(mail, rules, v, b, k)
    elif on_bars:
        if o["type"] != _TRAILING and v["last_trade"] != 0 and reached(o, v["last_trade"]):
            answer(mail, v, k, _TRIGGERED, 0, _NEW)
            o["type"] = _LIMIT if o["type"] == _STOP_LIMIT or o["type"] == _TP_LIMIT else _MARKET
    else:
        market = offer(rules, v, b, o["side"])
        if rules["trigger_by"] & TOUCH != 0 and not blind(rules, v, b) and exists(market) and reached(o, market):
            fire(mail, v, k)
            return
        v["seen_bid"] = -2  # no touch: the next end of a message examines it, moved or not
