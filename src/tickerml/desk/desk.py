"""From an intent to approved orders or a refusal: limits first, then the smallest of all sizes that apply."""

from __future__ import annotations

from dataclasses import dataclass

from tickerml.account.contract import value
from tickerml.desk.approved import Approved, Order, Refusal
from tickerml.desk.limits import TEXT, Limits, Refused
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Entry, Setup
from tickerml.tape.orders import OrderType, TimeInForce
from tickerml.tape.rows import Record


@dataclass(frozen=True, slots=True)
class Situation:
    """What the desk must know of the moment to judge an intent. Money in the instrument's wallet."""

    now: int  # ns
    bid: int  # ticks; 0 where unknown
    ask: int
    equity: int
    cash: int
    in_use: int  # margin, spot cost and stakes
    peak: int  # highest equity so far
    positions: int  # setups under way
    here: bool  # a setup is under way on this instrument
    room: bool  # the desk can follow another setup
    stale: bool = False  # nothing has come of this instrument for longer than the limit
    margin: float = 1.0  # share of the notional that a position ties up: 1 for spot


class Desk:
    """Judges intents. Holds settings only: everything that changes is in the situation."""

    def __init__(self, limits: Limits, *, superp: bool) -> None:
        """`superp`: stake-limited positions are allowed, in simulation."""
        self.limits = limits
        self.superp = superp

    def judge(self, seq: int, setup: Setup, inst: Instrument, contract: Record, at: Situation) -> Approved | Refusal:
        """Approve a setup with its entry orders, or refuse it with the first reason that holds."""
        reason = self._refusal(setup, contract, at)
        if reason is not None:
            return Refusal(seq, reason, TEXT[reason])
        price = at.ask if setup.side > 0 else at.bid
        if setup.superp:
            stake, bound = self._stake(setup, at)
            return self._superp(seq, setup, inst, price, stake, bound, at.now)
        lots, bound = self._lots(setup, int(value(contract, price, 1)), at)
        minimum = inst.min_notional
        if lots <= 0 or (not inst.inverse and inst.price(price) * inst.size(lots) < minimum):
            return Refusal(seq, Refused.BELOW_MIN_NOTIONAL, f"{TEXT[Refused.BELOW_MIN_NOTIONAL]} (size by {bound})")
        orders = tuple(o for e in setup.entries if (o := _entry(e, setup.side, inst, lots, at.now)) is not None)
        if not orders:
            return Refusal(seq, Refused.BELOW_MIN_NOTIONAL, TEXT[Refused.BELOW_MIN_NOTIONAL])
        return Approved(seq, orders, bound)

    def _refusal(self, setup: Setup, contract: Record, at: Situation) -> Refused | None:
        limits = self.limits
        if setup.superp and not self.superp:
            return Refused.SUPERP_OFF
        if contract["spot"] and setup.side < 0 and not setup.superp:
            return Refused.NO_SHORT
        if at.bid <= 0 or at.ask <= 0:
            return Refused.NO_PRICE
        if at.stale:
            return Refused.STALE
        if at.here:
            return Refused.POSITION_OPEN
        if at.positions >= limits.max_open_positions or not at.room:
            return Refused.TOO_MANY_POSITIONS
        if at.equity <= 0 or at.cash <= 0:
            return Refused.NO_CASH
        if at.peak - at.equity > limits.max_drawdown * at.peak:
            return Refused.DRAWDOWN
        if at.in_use >= limits.max_in_use * at.equity:
            return Refused.CAPITAL_IN_USE
        return None

    def _stake(self, setup: Setup, at: Situation) -> tuple[int, str]:
        limits = self.limits
        sizes = [
            (int(limits.risk_per_trade * at.equity), "risk per trade"),
            (int(limits.max_in_use * at.equity) - at.in_use, "capital in use"),
            (at.cash - at.in_use, "cash"),
        ]
        if setup.stake is not None:
            sizes.insert(0, (int(setup.stake), "stake"))
        return min(sizes, key=lambda one: one[0])

    def _superp(
        self, seq: int, setup: Setup, inst: Instrument, price: int, stake: int, bound: str, now: int
    ) -> Approved | Refusal:
        if stake <= 0:
            return Refusal(seq, Refused.NO_CASH, f"{TEXT[Refused.NO_CASH]} (stake by {bound})")
        side = setup.side
        stop = 0 if setup.stop is None else max(1, round(price * (1 - side * setup.stop)))
        target = 0 if setup.target is None else max(1, round(price * (1 + side * setup.target)))
        order = Order(
            inst.id,
            side,
            int(OrderType.SUPERP),
            int(TimeInForce.GTC),
            stake,
            trigger=stop,
            target=target,
            expiry=now + setup.horizon_ns,
            leverage=setup.leverage,
        )
        return Approved(seq, (order,), bound)

    def _lots(self, setup: Setup, lot_value: int, at: Situation) -> tuple[int, str]:
        """The size that the smallest of all rules leaves, in lots, and which rule that is. All money is notional."""
        limits = self.limits
        money = [
            (int(limits.max_position * at.equity), "largest position"),
            (int((int(limits.max_in_use * at.equity) - at.in_use) / at.margin), "capital in use"),
            (int((at.cash - at.in_use) / at.margin), "cash"),
        ]
        if setup.stop is not None:
            money.append((int(limits.risk_per_trade * at.equity / setup.stop), "risk per trade"))
        if setup.size is not None:
            money.append((int(setup.size * at.equity), "size"))
        if setup.stake is not None:
            money.append((int(setup.stake), "stake"))
        most, bound = min(money, key=lambda one: one[0])
        return max(0, most) // max(1, lot_value), bound


def _entry(entry: Entry, side: int, inst: Instrument, lots: int, now: int) -> Order | None:
    """One entry order of a setup; None when its share is less than a lot."""
    qty = int(lots * entry.share + 1e-9)
    if qty <= 0:
        return None
    if entry.price is None:
        return Order(inst.id, side, int(OrderType.MARKET), int(TimeInForce.IOC), qty)
    tif = TimeInForce.GTX if entry.post_only else TimeInForce.GTD if entry.ttl_ns else TimeInForce.GTC
    ticks = max(1, round(entry.price / float(inst.tick)))
    expiry = now + entry.ttl_ns if entry.ttl_ns else 0
    return Order(inst.id, side, int(OrderType.LIMIT), int(tif), qty, price=ticks, expiry=expiry)
