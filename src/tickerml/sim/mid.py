"""Executions at the mid, without any cost (RULES["at_mid"]): the first layer of the edge waterfall.

The mid is half of best bid plus best ask of a valid book that has both; on a bar-only tape the last close stands in.

- Market orders, fired stops and take-profits, and SuperP positions execute at the mid at once and in full: no depth is
  walked, none is remembered as taken, and our own orders do not meet. A mid between two ticks is rounded in the
  trader's favour: down for buys, up for sells. Without a mid a market order ends with NO_LIQUIDITY.
- A limit order that the mid has reached (at its limit or through it, by the half tick) when it arrives executes so too;
  else it rests and executes in full, at its own limit, at the first end of a message at which the mid reaches it.
- Waiting orders and SuperP positions look at the price that they would get, in place of the touch.
"""

from __future__ import annotations

from tickerml.sim.match import hit
from tickerml.sim.slots import end, resting
from tickerml.sim.take import execute, exists, reducible, rest, touch
from tickerml.tape.kernel import kernel
from tickerml.tape.ladder import NO_BID
from tickerml.tape.orders import AnswerKind, OrderState, OrderType, Reject, TimeInForce
from tickerml.tape.rows import Record

_MARKET, _NEW = int(OrderType.MARKET), int(OrderState.NEW)
_IOC, _FOK, _GTX = int(TimeInForce.IOC), int(TimeInForce.FOK), int(TimeInForce.GTX)
_ENDED, _REJECT = int(AnswerKind.CANCELED), int(AnswerKind.REJECT)
_CANCELED, _REJECTED = int(OrderState.CANCELED), int(OrderState.REJECTED)
_NO_LIQUIDITY, _IOC_REST, _UNFILLABLE = int(Reject.NO_LIQUIDITY), int(Reject.IOC), int(Reject.UNFILLABLE)
_POST_ONLY = int(Reject.POST_ONLY)


@kernel
def twice_mid(rules: Record, v: Record, b: Record) -> int:
    """Bid plus ask in ticks, on bars twice the last close; 0 when there is no mid."""
    if rules["bar_only"] != 0:
        return 2 * v["last_trade"]
    if b["valid"] == 0 or not exists(b["best_bid"]) or not exists(b["best_ask"]):
        return 0
    return b["best_bid"] + b["best_ask"]


@kernel
def rounded(twice: int, side: int) -> int:
    """Half of `twice` in ticks, half ticks in favour of an order of `side`; at least 1."""
    return max(1, (twice if side > 0 else twice + 1) // 2)


@kernel
def offer(rules: Record, v: Record, b: Record, side: int) -> int:
    """Price that an order of `side` can take first: the touch, or the mid where executions meet it.

    Where there is none, it is no price in the sense of `take.exists`.
    """
    if rules["at_mid"] == 0:
        return touch(b, side)
    twice = twice_mid(rules, v, b)
    return rounded(twice, side) if twice != 0 else NO_BID


@kernel
def start_next(mail: Record, rules: Record, v: Record, b: Record) -> None:
    """The oldest order in state NEW, limit or market, starts to work."""
    v["due"] -= 1
    k = 0
    while k < v["n"] and v["orders"][k]["state"] != _NEW:
        k += 1
    if k == v["n"]:
        return
    o = v["orders"][k]
    side, tif, market = o["side"], o["tif"], o["type"] == _MARKET
    twice = twice_mid(rules, v, b)
    reached = twice != 0 and (market or (2 * o["price"] - twice) * side >= 0)
    if tif == _GTX and (reached or market):
        end(mail, v, k, _REJECT, _POST_ONLY, _REJECTED)
    elif tif == _FOK and (not reached or reducible(v, o, o["left"]) < o["left"]):
        end(mail, v, k, _ENDED, _UNFILLABLE, _CANCELED)
    elif reached:
        execute(mail, v, k, rounded(twice, side))
    elif market or tif == _IOC:
        end(mail, v, k, _ENDED, _NO_LIQUIDITY if market else _IOC_REST, _CANCELED)
    else:
        rest(mail, v, k)


@kernel
def on_mid(mail: Record, rules: Record, v: Record, b: Record) -> None:
    """The end of a message, or a bar: resting limit orders that the mid has reached execute, oldest first."""
    twice = twice_mid(rules, v, b)
    if twice == 0 or v["halted"] != 0:
        return
    k = 0
    while k < v["n"]:
        o = v["orders"][k]
        n = v["n"]
        if resting(o) and (2 * o["price"] - twice) * o["side"] >= 0:
            hit(mail, v, k, o["left"])
        if v["n"] == n:
            k += 1
