"""The orders of a sized setup, and the controls that need them: no limit is passed by the orders as they will leave."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, isnan
from typing import Final

from tickerml.desk.case import Case
from tickerml.desk.exposure import Worst
from tickerml.desk.gates import ABSENT, FAILED, PASSED, Gate, most
from tickerml.desk.limits import Refused
from tickerml.desk.order import Order
from tickerml.tape.intents import Entry
from tickerml.tape.orders import OrderType, TimeInForce

Check = Callable[[Case, tuple[Order, ...], Worst], tuple[Gate, ...]]

NO_LOT: Final = "not one lot"  # the value of a size of which no order is left
_EXACT: Final = 1 - 1e-12  # a product of floats may lie this much above the true one
_LIMIT, _MARKET, _SUPERP = int(OrderType.LIMIT), int(OrderType.MARKET), int(OrderType.SUPERP)
_GTC, _IOC, _GTX, _GTD = int(TimeInForce.GTC), int(TimeInForce.IOC), int(TimeInForce.GTX), int(TimeInForce.GTD)


def orders_of(c: Case, lots: int) -> tuple[Order, ...]:
    """The entry orders for `lots` in all; an entry whose share is less than a lot is left out."""
    entries = zip(c.setup.entries, c.prices, strict=True)
    made = [_order(c, entry, price, int(lots * entry.share + 1e-9)) for entry, price in entries]
    return tuple([one for one in made if one is not None])


def stake_order(c: Case, stake: int) -> Order:
    """The one order of a SuperP position, staking money."""
    side, setup, price = c.side, c.setup, c.touch
    return Order(
        c.inst,
        side,
        _SUPERP,
        _GTC,
        stake,
        trigger=0 if setup.stop is None else max(1, round(price * (1 - side * setup.stop))),
        target=0 if setup.target is None else max(1, round(price * (1 + side * setup.target))),
        expiry=c.facts.now + setup.horizon_ns,
        leverage=setup.leverage or 1.0,
    )


def worst_of_orders(c: Case, orders: tuple[Order, ...]) -> Worst:
    """What the orders can come to, money; a SuperP position: its stake."""
    if c.setup.superp:
        stake = sum(o.qty for o in orders)
        return Worst(0, stake, stake)
    notional = sum([c.worth(c.worst, o.qty) for o in orders])
    return Worst(notional, ceil(notional * c.margin * _EXACT), ceil(notional * c.lost_at_stop * _EXACT))


def _account(c: Case, orders: tuple[Order, ...], worst: Worst) -> tuple[Gate, ...]:
    """What the account holds and risks with them."""
    exposure, equity = c.desk.exposure, c.equity
    position, risk = exposure.notional.get(c.inst, 0) + worst.notional, c.held.risk + worst.risk
    used, mine, at_risk = c.used + worst.margin, c.mine + worst.margin, c.at_risk + worst.risk
    of_position, of_trade, of_all = c.position * equity, c.risk * equity, c.heat * equity
    in_use, share = c.in_use * equity, c.desk.shares[c.p.strategy] * equity
    return (
        ("position", PASSED if position <= of_position else FAILED, position, of_position),
        ("capital in use with it", PASSED if used <= in_use else FAILED, used, in_use),
        ("capital share with it", PASSED if mine <= share else FAILED, mine, share),
        ("risk per trade", PASSED if risk <= of_trade else FAILED, risk, of_trade),
        ("heat with it", PASSED if at_risk <= of_all else FAILED, at_risk, of_all),
    )


def _venue(c: Case, orders: tuple[Order, ...], worst: Worst) -> tuple[Gate, ...]:
    """Whether each order is neither too small for the venue, and its exit, nor too large for the book."""
    return _minimum(c, orders), _change(c, worst), _exit(c, orders), _largest(c, orders), _depth(c, orders)


def _staked(c: Case, orders: tuple[Order, ...], worst: Worst) -> tuple[Gate, ...]:
    return (("order notional", ABSENT, "the stake is all that can be lost"),)


def _largest(c: Case, orders: tuple[Order, ...]) -> Gate:
    largest, limit = c.worth(c.worst, max([o.qty for o in orders], default=0)), c.order * c.equity
    return "order notional", PASSED if largest <= limit else FAILED, largest, limit


def _depth(c: Case, orders: tuple[Order, ...]) -> Gate:
    depth = c.market.depth_ask if c.side > 0 else c.market.depth_bid
    if c.market.bar_only or not any(c.takes):
        return "depth", ABSENT, "bars have no book" if c.market.bar_only else "no entry takes"
    if depth is None:
        return most("depth", None, c.limits.depth_share, live=c.facts.live)
    largest = max([o.qty for o in orders if o.tif == _IOC or _meets(c, o)], default=0)
    taken, limit = c.worth(c.touch, largest), c.limits.depth_share * depth
    return "depth", PASSED if taken <= limit else FAILED, taken, limit


def _meets(c: Case, order: Order) -> bool:
    return order.tif != _GTX and (order.price - c.touch) * c.side >= 0


def _quote(c: Case, price: int, lots: float) -> float:
    """Value in quote, as minimum notionals are stated."""
    terms = c.terms
    return lots * terms.face if terms.inst.inverse else price * terms.tick * lots * terms.lot


def _price_of(c: Case, order: Order) -> int:
    return order.price or c.touch


def _minimum(c: Case, orders: tuple[Order, ...]) -> Gate:
    """The smallest order's worth in quote, against the venue's minimum and the strategy's; no order at all fails."""
    wanted = c.p.min_notional
    limit = wanted if isnan(wanted) else max(wanted, c.terms.min_notional)
    if not orders:
        return "minimum notional", FAILED, NO_LOT, limit
    smallest = min([_quote(c, _least(c, o), o.qty) for o in orders])
    return "minimum notional", PASSED if smallest >= limit else FAILED, smallest, limit


def _least(c: Case, order: Order) -> int:
    """The lowest price at which an order may be valued: the touch, where it takes below its own limit."""
    return min(_price_of(c, order), c.touch) if order.tif == _IOC else _price_of(c, order)


def _exit(c: Case, orders: tuple[Order, ...]) -> Gate:
    """What is left of the smallest order after its fee, at the stop: it must still be sellable, with room to spare."""
    kept = 1 - c.market.taker
    fall = 1 - (c.setup.stop or 0.0) if c.side > 0 else 1.0
    limit = c.limits.min_exit * c.terms.min_notional
    if not orders:
        return "exit possible", FAILED, NO_LOT, limit
    smallest = min([_quote(c, _least(c, o), o.qty * kept) * fall for o in orders])
    return "exit possible", PASSED if smallest >= limit else FAILED, smallest, limit


def _change(c: Case, worst: Worst) -> Gate:
    """What a further entry adds, against what there is then: many small ones cost more than they bring."""
    if c.p.held is None:
        return "change", ABSENT, "it adds to nothing"
    least = c.limits.least_change * (c.held.notional + worst.notional)
    return "change", PASSED if worst.notional >= least else FAILED, worst.notional, least


def _order(c: Case, entry: Entry, price: int, qty: int) -> Order | None:
    if qty <= 0:
        return None
    if entry.price is None:
        return _at_market(c, price, qty)
    tif = _GTX if entry.post_only else _GTD if entry.ttl_ns else _GTC
    expiry = c.facts.now + entry.ttl_ns if entry.ttl_ns else 0
    return Order(c.inst, c.side, _LIMIT, tif, qty, price=price, expiry=expiry, leverage=c.leverage.order)


def _at_market(c: Case, price: int, qty: int) -> Order:
    """A market entry leaves as a limit that reaches only so far; on bars, which have no touch, as a market order."""
    if c.market.bar_only:
        return Order(c.inst, c.side, _MARKET, _IOC, qty, leverage=c.leverage.order)
    return Order(c.inst, c.side, _LIMIT, _IOC, qty, price=price, leverage=c.leverage.order)


AFTER: Final[tuple[Check, ...]] = (_venue, _account)
AFTER_STAKE: Final[tuple[Check, ...]] = (_staked, _account)  # of a SuperP position
REFUSES_SIZED: Final[dict[str, Refused]] = {  # gate -> what it refuses with, in the order in which they are asked
    "minimum notional": Refused.BELOW_MIN_NOTIONAL,
    "change": Refused.SMALL_CHANGE,
    "exit possible": Refused.NO_EXIT,
    "order notional": Refused.ORDER_SIZE,
    "depth": Refused.ORDER_SIZE,
    "position": Refused.POSITION_SIZE,
    "capital in use with it": Refused.CAPITAL_IN_USE,
    "capital share with it": Refused.CAPITAL_SHARE,
    "risk per trade": Refused.ORDER_SIZE,
    "heat with it": Refused.HEAT,
}
