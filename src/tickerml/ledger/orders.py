"""Orders as they stand: one state an order, changed by each row about it, and the executions as they come."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

from tickerml.ledger.exact import Step, Thing
from tickerml.tape.orders import OrderState, OrderType, Reject, TimeInForce
from tickerml.tape.rows import Flag, Kind

ENDED: Final = 65_536  # orders that are kept after their end, for answers that cross on the way
_SUPERP: Final = int(OrderType.SUPERP)
_MAKER: Final = int(Flag.MAKER)
_OVER: Final = {int(s) for s in (OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED)}
_NAMES: Final = {
    kind: {int(one): one.name.lower() for one in kind} for kind in (OrderType, TimeInForce, OrderState, Reject)
}
_SUBMIT, _ACK, _FILL, _CANCEL, _REJECT = (int(k) for k in (Kind.SUBMIT, Kind.ACK, Kind.FILL, Kind.CANCEL, Kind.REJECT))

Told = tuple[Any, ...]  # a record of ORDER, in its order of fields
Owner = tuple[int | None, str]
ID, PARENT, PRICE, TRIGGER, QTY, LEFT, FEE, AMOUNT, AT, _, TYPE, TIF, STATE, REASON, FLAGS = range(15)


@dataclass(slots=True)
class Order:
    """One order; integers as on the tape."""

    id: int
    seq: int
    inst: int
    thing: Thing
    side: int
    type: int
    tif: int
    price: int
    trigger: int
    qty: int
    intent: int | None
    strategy: str | None
    submitted: int
    state: str = "new"
    reason: str | None = None
    cancel_refused: str | None = None
    filled: int = 0
    value: int = 0  # price x qty of its fills, ticks x lots
    fee: int = 0
    acked: int | None = None
    canceled: int | None = None
    ended: int | None = None
    last: int = 0

    @property
    def size(self) -> Step:
        """What its quantities count: lots, or money where the quantity is a stake."""
        return self.thing.money if self.type == _SUPERP else self.thing.size

    def row(self, run: str) -> tuple[Any, ...]:
        """Its row of the table `orders`."""
        thing, size = self.thing, self.size
        return (
            run,
            self.id,
            self.seq,
            self.intent,
            self.strategy,
            self.inst,
            thing.symbol,
            self.side,
            _NAMES[OrderType].get(self.type, ""),
            _NAMES[TimeInForce].get(self.tif, ""),
            thing.price.text(self.price) if self.price > 0 else None,
            thing.price.text(self.trigger) if self.trigger > 0 else None,
            size.text(self.qty),
            size.text(self.filled),
            None if self.type == _SUPERP else thing.value.text(self.value),
            thing.money.text(self.fee),
            thing.currency,
            self.state,
            self.reason,
            self.cancel_refused,
            self.submitted,
            self.acked,
            self.canceled,
            self.ended,
            self.last,
        )


@dataclass
class Orders:
    """All orders that may still change, and what changed since `rows` was last called."""

    run: str
    open: dict[int, Order] = field(default_factory=dict)
    over: OrderedDict[int, Order] = field(default_factory=OrderedDict)
    touched: dict[int, Order] = field(default_factory=dict)
    fills: list[tuple[Any, ...]] = field(default_factory=list)

    def submit(self, seq: int, time: int, inst: int, thing: Thing, side: int, o: Told, owner: Owner) -> None:
        """An order leaves; `owner`: its intent, None where the tape names none, and its strategy."""
        intent, strategy = owner
        self.open[o[ID]] = self.touched[o[ID]] = Order(
            o[ID],
            seq,
            inst,
            thing,
            side,
            o[TYPE],
            o[TIF],
            o[PRICE],
            o[TRIGGER],
            o[QTY],
            intent,
            strategy,
            time,
            last=seq,
        )

    def told(self, seq: int, time: int, kind: int, inst: int, thing: Thing, row: tuple[int, ...], o: Told) -> None:
        """Any later row about an order; `row` is (price, qty, side, flags). One that is not known is left out."""
        order = self.open.get(o[ID]) or self.over.get(o[ID])
        if kind == _FILL:
            self._fill(seq, time, inst, thing, row, o, order)
        if order is None:
            return
        order.last = seq
        self.touched[order.id] = order
        if kind == _CANCEL:
            order.canceled = time
        elif kind == _REJECT and o[STATE] != OrderState.REJECTED:
            order.cancel_refused = _NAMES[Reject].get(o[REASON])
        else:
            self._answered(order, kind, time, o)

    def _answered(self, order: Order, kind: int, time: int, o: Told) -> None:
        if order.ended is not None:
            return  # an answer that crossed its end
        if kind == Kind.AMENDED:  # the terms that hold now
            order.price, order.trigger, order.qty = o[PRICE], o[TRIGGER], o[QTY]
        if kind == _ACK and order.acked is None:
            order.acked = time
        order.state = _NAMES[OrderState].get(o[STATE], order.state)
        order.reason = _NAMES[Reject][o[REASON]] if o[REASON] else order.reason
        if o[STATE] in _OVER or (kind == _FILL and o[LEFT] == 0):
            order.ended = time
            self.over[order.id] = self.open.pop(order.id)
            if len(self.over) > ENDED:
                self.over.popitem(last=False)

    def _fill(
        self, seq: int, time: int, inst: int, thing: Thing, row: tuple[int, ...], o: Told, order: Order | None
    ) -> None:
        price, qty, side, flags = row
        superp = o[TYPE] == _SUPERP
        if order is not None:
            order.filled += qty
            order.value += price * qty
            order.fee += o[FEE]
        self.fills.append(
            (
                self.run,
                seq,
                time,
                o[AT],
                o[ID],
                order.intent if order else None,
                order.strategy if order else None,
                inst,
                thing.symbol,
                side,
                thing.price.text(price),
                (thing.money if superp else thing.size).text(qty),
                None if superp else thing.value.text(price * qty),
                thing.money.text(o[FEE]),
                thing.money.text(o[AMOUNT]),
                thing.currency,
                1 if flags & _MAKER else 0,
                (thing.money if superp else thing.size).text(o[LEFT]),
            )
        )

    def rows(self) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """Rows of `orders` and `fills` since the last call."""
        orders, fills = [order.row(self.run) for order in self.touched.values()], self.fills
        self.touched, self.fills = {}, []
        return orders, fills
