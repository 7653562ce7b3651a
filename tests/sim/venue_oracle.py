"""The simulated venue once more, slowly: dict books and lists of orders, from the rules and not from the kernels.

One instrument, back-of-queue model, no latency. `Oracle.run(events)` takes rows and requests in order of time and gives
answers as tuples (time, kind, id, price, lots, left, reason).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tickerml.sim.orders import SelfTrade as S
from tickerml.tape.orders import AnswerKind as A
from tickerml.tape.orders import OrderType as T
from tickerml.tape.orders import Reject as R
from tickerml.tape.orders import TimeInForce as F
from tickerml.tape.rows import BUY, SELL, Flag, Kind

STOPS = {T.STOP, T.STOP_LIMIT, T.TRAILING}
TRIGGERS = STOPS | {T.TAKE_PROFIT, T.TAKE_PROFIT_LIMIT}


@dataclass
class Order:
    id: int
    side: int
    type: int
    tif: int
    price: int
    trigger: int
    qty: int
    expiry: int
    reduce: bool
    left: int = 0
    state: str = "new"  # new, armed, resting
    front: int = 0
    best: int | None = None  # of a trailing order


class Oracle:
    def __init__(
        self, *, self_trade=S.CANCEL_NEWEST, remember=False, trigger_by=3, min_notional=0, unit=100, maker=0, taker=0
    ):
        self.book = {BUY: {}, SELL: {}}
        self.valid = self.halted = False
        self.orders: list[Order] = []
        self.answers = []
        self.net = self.cash_flow = 0
        self.taken = {BUY: {}, SELL: {}}
        self.seen = None
        self.last = 0
        self.rule, self.remember, self.trigger_by = self_trade, remember, trigger_by
        self.min_notional, self.unit, self.maker, self.taker = min_notional, unit, maker, taker
        self.now = 0

    # events

    def run(self, events):
        """`events`: ("row", row) and ("new" | "cancel", time, Order | id), in order of time."""
        for event in events:
            time = int(event[1]["exch"]) if event[0] == "row" else event[1]
            self.expire(time - 1)  # at one stamp rows come before requests, and requests before expiries
            self.now = time
            if event[0] == "row":
                self.row(event[1])
            elif event[0] == "new":
                self.new(replace(event[2], left=event[2].qty))
            elif event[0] == "amend":
                self.amend(*event[2:])
            else:
                self.cancel(event[2])
            self.start_due()
        return self.answers

    def expire(self, until):
        while due := [o for o in self.orders if 0 < o.expiry <= until]:
            first = min(o.expiry for o in due)
            self.now = first
            for o in [o for o in self.orders if o.expiry == first]:
                self.end(o, A.EXPIRED, R.NONE)

    def row(self, row):
        side, price, lots = int(row["side"]), int(row["price"]), int(row["qty"])
        if row["kind"] == Kind.DEPTH:
            self.depth(side, price, lots, int(row["flags"]))
        elif row["kind"] == Kind.TRADE:
            self.trade(side, price, lots)
        elif row["kind"] == Kind.STATUS:
            self.halted = lots == 0
        elif row["kind"] in (Kind.CLEAR, Kind.GAP):
            self.valid = False
            self.seen = None
            self.taken = {BUY: {}, SELL: {}}
            if row["kind"] == Kind.CLEAR:
                self.book = {BUY: {}, SELL: {}}

    def depth(self, side, price, lots, flags):
        before = self.book[side].pop(price, 0)
        if lots:
            self.book[side][price] = lots
        for o in self.resting(side):
            if o.price == price:
                o.front = min(o.front, lots)
        if price in self.taken[side]:
            self.taken[side][price] = max(0, min(self.taken[side][price] - max(0, before - lots), lots))
        self.give(-side, price, max(0, lots - before))
        if flags & Flag.END:
            self.valid = self.valid or bool(flags & Flag.SNAPSHOT)
            touch = (self.best(BUY), self.best(SELL))
            if self.valid and not self.halted:
                if touch != self.seen and self.trigger_by & 2:
                    for o in self.orders:
                        market = self.offer(o.side)
                        if o.state == "armed" and market is not None and self.reached(o, market):
                            self.fire(o)
                self.seen = touch

    def trade(self, taker, price, lots):
        side = -taker
        lots = self.give(side, price + side, lots)
        for o in self.resting(side):
            if o.price == price and lots > 0:
                o.front -= lots
                qty = min(lots, o.left, max(0, -o.front))
                if qty:
                    o.front += qty
                    lots -= self.hit(o, qty)
        self.last = price
        if self.trigger_by & 1 and self.valid and not self.halted:
            for o in self.orders:
                if o.state == "armed" and self.reached(o, price):
                    self.fire(o)

    # requests

    def new(self, o):
        reason = self.refusal(o)
        if reason:
            self.say(A.REJECT, o, reason)
            return
        self.orders.append(o)
        if o.type in TRIGGERS:
            market = self.offer(o.side)
            if self.trigger_by & 2 and self.valid and not self.halted and market is not None:
                if self.reached(o, market):
                    self.fire(o)
                    return
            elif self.last:
                o.best = self.last
            o.state = "armed"
            self.say(A.ACK, o)
            self.seen = None

    def refusal(self, o):
        if self.halted:
            return R.HALTED
        if o.tif == F.GTD and o.expiry <= self.now:
            return R.EXPIRY
        if not self.valid and o.type not in TRIGGERS:
            return R.BOOK_INVALID
        if o.reduce:
            return R.NONE if self.net * o.side < 0 else R.REDUCE_ONLY
        price = o.price or o.trigger
        if price <= 0 or o.type == T.TRAILING:
            price = self.best(-o.side)
        if price and price * o.qty * self.unit < self.min_notional:
            return R.MIN_NOTIONAL
        return R.NONE

    def cancel(self, order_id):
        o = next((o for o in self.orders if o.id == order_id), None)
        if o is None:
            self.answers.append((self.now, A.CANCEL_REJECT, order_id, 0, 0, 0, R.NO_SUCH_ORDER))
        else:
            self.end(o, A.CANCELED, R.NONE)

    def amend(self, order_id, price, trigger, qty):
        o = next((o for o in self.orders if o.id == order_id), None)
        if o is None:
            self.answers.append((self.now, A.AMEND_REJECT, order_id, price, 0, 0, R.NO_SUCH_ORDER))
            return
        wanted = replace(o, price=price or o.price, trigger=trigger or o.trigger, qty=qty or o.qty)
        reason = self.amend_refusal(o, wanted, price, trigger)
        if reason:
            self.say(A.AMEND_REJECT, o, reason)
            return
        filled = o.qty - o.left
        if wanted.qty <= filled:
            self.end(o, A.CANCELED, R.NONE)
            return
        moved, larger = wanted.price != o.price, wanted.qty > o.qty
        o.price, o.trigger, o.qty, o.left = wanted.price, wanted.trigger, wanted.qty, wanted.qty - filled
        self.answers.append((self.now, A.AMENDED, o.id, o.price, o.qty, o.left, R.NONE))
        if o.state == "armed":
            market = self.offer(o.side)
            if (
                self.trigger_by & 2
                and self.valid
                and not self.halted
                and market is not None
                and self.reached(o, market)
            ):
                self.fire(o)
            else:
                self.seen = None
        elif moved or larger:
            self.orders.remove(o)
            self.orders.append(o)
            if moved and (self.takes(o) or (self.sees_own and self.own(o.side, o.price))):
                o.state = "new"
            else:
                o.front = self.book[o.side].get(o.price, 0)

    @property
    def sees_own(self):
        return self.rule != S.IGNORE

    def takes(self, o):
        touch = self.best(-o.side)
        return touch is not None and (o.price - touch) * o.side >= 0

    def amend_refusal(self, o, wanted, price, trigger):
        if self.halted:
            return R.HALTED
        if (price and o.type not in (T.LIMIT, T.STOP_LIMIT, T.TAKE_PROFIT_LIMIT)) or (
            trigger and o.type not in TRIGGERS
        ):
            return R.AMEND
        small = wanted.price or wanted.trigger
        if o.type == T.TRAILING or small <= 0:
            small = self.best(-o.side)
        if not o.reduce and small and small * wanted.qty * self.unit < self.min_notional:
            return R.MIN_NOTIONAL
        if o.state == "armed" or wanted.price == o.price:
            return R.NONE
        if not self.valid:
            return R.BOOK_INVALID
        own = self.sees_own and self.own(o.side, wanted.price)
        if o.tif == F.GTX and (own or self.takes(wanted)):
            return R.POST_ONLY
        return R.SELF_TRADE if own and self.rule != S.CANCEL_OLDEST else R.NONE

    # orders at work

    def start_due(self):
        while due := [o for o in self.orders if o.state == "new"]:
            self.start(due[0])
        assert all(o.state != "new" for o in self.orders)

    def start(self, o):
        limit = o.price if o.type == T.LIMIT else (10**12 if o.side == BUY else 0)
        touch = self.best(-o.side)
        crossing = touch is not None and (limit - touch) * o.side >= 0
        if o.tif == F.GTX and (crossing or o.type == T.MARKET or (self.rule != S.IGNORE and self.own(o.side, limit))):
            self.end(o, A.REJECT, R.POST_ONLY)
            return
        if o.tif == F.FOK and not self.fillable(o, limit):
            self.end(o, A.CANCELED, R.UNFILLABLE)
            return
        levels = sorted(self.book[-o.side], reverse=o.side == SELL)
        for tick in levels if crossing else []:
            if (limit - tick) * o.side < 0:
                break
            if self.self_trade(o, tick):
                return
            shown = self.book[-o.side][tick] - self.taken[-o.side].get(tick, 0)
            lots = self.allowed(o, min(o.left, shown))
            if shown > 0 and lots == 0:
                self.end(o, A.CANCELED, R.REDUCE_ONLY)
                return
            if lots > 0:
                if self.remember:
                    self.taken[-o.side][tick] = self.taken[-o.side].get(tick, 0) + lots
                self.fill(o, tick, lots, self.taker)
                if o.left == 0:
                    return
        if o.type == T.MARKET:
            self.end(o, A.CANCELED, R.NO_LIQUIDITY)
        elif o.tif in (F.IOC, F.FOK):
            self.end(o, A.CANCELED, R.IOC)
        elif not self.self_trade(o, limit):
            o.state = "resting"
            o.front = self.book[o.side].get(o.price, 0)
            self.say(A.ACK, o)

    def fillable(self, o, limit):
        there = 0
        keeps = self.rule in (S.CANCEL_NEWEST, S.CANCEL_BOTH)
        for tick in sorted(self.book[-o.side], reverse=o.side == SELL):
            if (limit - tick) * o.side < 0 or (keeps and self.own(o.side, tick)):
                break
            there += self.book[-o.side][tick] - self.taken[-o.side].get(tick, 0)
        return there >= o.left and self.allowed(o, o.left) == o.left

    def self_trade(self, o, tick):
        if self.rule == S.IGNORE:
            return False
        while other := self.own(o.side, tick):
            if self.rule != S.CANCEL_NEWEST:
                self.end(other, A.CANCELED, R.SELF_TRADE)
            if self.rule != S.CANCEL_OLDEST:
                self.end(o, A.CANCELED, R.SELF_TRADE)
                return True
        return False

    def own(self, side, tick):
        """Our best resting order that a taker of `side` meets at `tick` or before."""
        met = [o for o in self.resting(-side) if (tick - o.price) * side >= 0]
        return min(met, key=lambda o: o.price * side, default=None)

    def reached(self, o, market):
        trigger = o.trigger
        if o.type == T.TRAILING:
            best = market if o.best is None else (min if o.side == BUY else max)(o.best, market)
            o.best = best
            trigger = best + o.side * o.trigger
        rising = (o.side == BUY) == (o.type in STOPS)
        return market >= trigger if rising else market <= trigger

    def fire(self, o):
        self.say(A.TRIGGERED, o)
        o.type = T.LIMIT if o.type in (T.STOP_LIMIT, T.TAKE_PROFIT_LIMIT) else T.MARKET
        o.state = "new"

    # executions

    def give(self, side, tick, lots):
        while lots > 0:
            met = [o for o in self.resting(side) if (o.price - tick) * side >= 0]
            if not met:
                break
            lots -= self.hit(min(met, key=lambda o: -o.price * side), lots)
        return lots

    def hit(self, o, lots):
        qty = self.allowed(o, min(lots, o.left))
        if qty:
            self.fill(o, o.price, qty, self.maker)
        else:
            self.end(o, A.CANCELED, R.REDUCE_ONLY)
        return qty

    def allowed(self, o, lots):
        return max(0, min(lots, -o.side * self.net)) if o.reduce else lots

    def fill(self, o, price, lots, rate):
        o.left -= lots
        self.net += o.side * lots
        worth = price * lots * self.unit
        self.cash_flow -= o.side * worth + (worth * rate + 50_000_000) // 100_000_000
        self.answers.append((self.now, A.FILL, o.id, price, lots, o.left, R.NONE))
        if o.left == 0:
            self.orders.remove(o)

    def end(self, o, kind, reason):
        self.say(kind, o, reason)
        self.orders.remove(o)

    def say(self, kind, o, reason=R.NONE):
        self.answers.append((self.now, kind, o.id, o.price, 0, o.left, reason))

    # what is there

    def best(self, side):
        return (max if side == BUY else min)(self.book[side], default=None)

    def offer(self, side):
        """Price that waiting orders of `side` look at."""
        return self.best(-side)

    def resting(self, side):
        return [o for o in self.orders if o.state == "resting" and o.side == side]


class AtMid(Oracle):
    """The same where executions meet the mid; twice the mid is bid plus ask."""

    sees_own = False

    def takes(self, o):
        return self.reached_by_mid(o)

    def twice(self):
        bid, ask = self.best(BUY), self.best(SELL)
        return bid + ask if self.valid and bid is not None and ask is not None else None

    def offer(self, side):
        twice = self.twice()
        return None if twice is None else (twice // 2 if side == BUY else -(-twice // 2))

    def reached_by_mid(self, o):
        twice = self.twice()
        if twice is None:
            return False
        return o.type == T.MARKET or (twice <= 2 * o.price if o.side == BUY else twice >= 2 * o.price)

    def give(self, side, tick, lots):
        return 0

    def depth(self, side, price, lots, flags):
        self.book[side].pop(price, None)
        if lots:
            self.book[side][price] = lots
        if not flags & Flag.END:
            return
        self.valid = self.valid or bool(flags & Flag.SNAPSHOT)
        if self.halted:
            return
        for o in list(self.orders):
            if o.state == "resting" and self.reached_by_mid(o):
                self.hit(o, o.left)
        super().depth(side, price, lots, flags)  # the triggers

    def start(self, o):
        if o.tif == F.GTX and (o.type == T.MARKET or self.reached_by_mid(o)):
            self.end(o, A.REJECT, R.POST_ONLY)
        elif o.tif == F.FOK and not (self.reached_by_mid(o) and self.allowed(o, o.left) == o.left):
            self.end(o, A.CANCELED, R.UNFILLABLE)
        elif self.reached_by_mid(o):
            if lots := self.allowed(o, o.left):
                self.fill(o, self.offer(o.side), lots, self.taker)
            if o.left:
                self.end(o, A.CANCELED, R.REDUCE_ONLY)
        elif o.type == T.MARKET:
            self.end(o, A.CANCELED, R.NO_LIQUIDITY)
        elif o.tif == F.IOC:
            self.end(o, A.CANCELED, R.IOC)
        else:
            o.state = "resting"
            self.say(A.ACK, o)
