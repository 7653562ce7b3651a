"""The controls of the desk, in the order in which they are asked. Pure functions of a case; the first failure refuses.

Before a size is known `BEFORE` is asked, with the size `after` it (desk/sized.py). All numbers that a gate looked at
go into the verdict. A number that cannot be computed fails; one that the source cannot have is "not applicable".
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from math import isfinite, isnan, nan
from typing import Final

from tickerml.desk.case import Case
from tickerml.desk.gates import Gate, absent, below, holds, is_so, least, most
from tickerml.desk.leverage import nearer
from tickerml.desk.limits import Refused
from tickerml.desk.losses import KILLS
from tickerml.desk.memory import within
from tickerml.desk.regime import BREAKER, PANIC
from tickerml.tape.intents import ENVELOPE, HEDGE, STAKE, Reach
from tickerml.tape.rows import DAY, SECOND

Check = Callable[[Case], Gate]


def _killed(c: Case) -> Gate:
    by = KILLS[c.desk.killed]
    return holds("kill", not by, by)


def _superp(c: Case) -> Gate:
    return is_so("superp", c.desk.superp or not c.setup.superp)


def _short(c: Case) -> Gate:
    return is_so("spot short", not (c.spot and c.side < 0 and not c.setup.superp))


def _price(c: Case) -> Gate:
    return is_so("price", c.market.bid > 0 and c.market.ask > 0)


def _universe(c: Case) -> Gate:
    allowed = c.desk.allowed
    return absent("universe", "no rule") if allowed is None else is_so("universe", c.inst in allowed)


def _venue(c: Case) -> Gate:
    return holds("venue", not c.market.blocked, c.market.blocked)


def _rebasing(c: Case) -> Gate:
    return is_so("instrument drift", not c.market.rebasing)


def _alert(c: Case) -> Gate:
    return most("alerts", c.facts.alert_ns / SECOND, c.limits.alert_s)


def _equity(c: Case) -> Gate:
    value = c.account.equity
    return holds("equity", value is not None and isfinite(value) and value > 0, value)


def _equities(c: Case) -> Gate:
    second = c.account.second
    apart = None if second is None else abs(second / c.equity - 1)
    return most("two equities", apart, c.limits.equities_apart, live=c.facts.live, why="a simulation has one sum")


def _stale(c: Case) -> Gate:
    limit = c.limits.stale_major if c.major else c.limits.stale_after
    return most("stale", (c.market.age_ns - c.market.patience_ns) / SECOND, limit)


def _crossed(c: Case) -> Gate:
    return is_so("crossed", not c.market.crossed and c.market.bid <= c.market.ask)


def _out_of_line(c: Case) -> Gate:
    apart, limit = c.market.apart, c.limits.apart
    if apart is None:
        return most("out of line", apart, limit, live=c.facts.live, why="no second source")
    short = c.market.apart_ns <= c.limits.apart_s * SECOND
    return holds("out of line", apart <= limit or (apart > limit and short), apart, limit)


def _par(c: Case) -> Gate:
    return most("quote par", c.market.off_par, c.limits.off_par, live=c.facts.live, why="no price of the quote coin")


def _move(c: Case) -> Gate:
    limit = c.limits.halt_move_major if c.major else c.limits.halt_move
    return most("volatility halt", c.market.move_1m, limit, live=c.facts.live)


def _spread(c: Case) -> Gate:
    return most("spread halt", c.market.spread_ratio, c.limits.halt_spread, live=c.facts.live and not c.market.bar_only)


def _regime(c: Case) -> Gate:
    breaker = c.desk.stance.breaker
    return holds("regime", breaker != BREAKER[PANIC], breaker) if breaker else absent("regime", "no reference price")


def _paused(c: Case) -> Gate:
    return _over(c, "session pause", c.funds["paused"].item(c.wallet))


def _day(c: Case) -> Gate:
    state = c.funds["day_state"].item(c.wallet)
    return holds("day loss", not state or c.funds["day"].item(c.wallet) != c.now // DAY, state, 0)


def _losing(c: Case) -> Gate:
    off, losses = c.pairs["off"].item(c.pair), c.pairs["losses"].item(c.pair)
    return holds("losses in a row", not off, losses, c.limits.losses_off)


def _cooldown(c: Case) -> Gate:
    ended = c.coins["ended"].item(c.inst)
    if not ended or c.limits.cooldown_s == 0:
        return absent("cooldown", "no trade before" if not ended else "off")
    return least("cooldown", (c.now - ended) / SECOND, c.limits.cooldown_s)


def _guard(c: Case) -> Gate:
    return _over(c, "stop-loss guard", c.pairs["guarded"].item(c.pair))


def _poor(c: Case) -> Gate:
    return _over(c, "low-profit coin", c.pairs["poor"].item(c.pair))


def _over(c: Case, name: str, until: int) -> Gate:
    """Whether what lasts until then is over; its value are the seconds that are left."""
    left = until - c.now
    return most(name, left / SECOND if left > 0 else 0.0, 0.0)


def _flips(c: Case) -> Gate:
    flips = within(c.coins["flips"][c.inst], c.coins["n_flips"].item(c.inst), c.now, c.limits.flips_s)
    return holds("enter-reduce loop", not c.coins["blocked"].item(c.inst), flips)


def _unknown_coin(c: Case) -> Gate:
    return below("unknown orders", c.desk.exposure.unknown_on.get(c.inst, 0), c.limits.unknown_symbol)


def _unknown_venue(c: Case) -> Gate:
    unknown = sum(c.desk.exposure.unknown_on.values())
    return below("unknown orders of the venue", unknown, c.limits.unknown_venue)


def _here(c: Case) -> Gate:
    """A coin has one setup; more of the same exposure adds to the one that is there."""
    return is_so("one position a coin", c.p.held is not None or c.inst not in c.desk.exposure.side)


def _count(c: Case) -> Gate:
    if c.p.held is not None:
        return absent("positions", "it adds to one")
    limit = c.limits.turbo_positions if c.turbo else c.limits.max_open_positions
    return below("positions", c.desk.exposure.positions, limit)


def _room(c: Case) -> Gate:
    return holds("room", c.desk.exposure.room > 0, c.desk.exposure.room)


def _correlation(c: Case) -> Gate:
    """The largest correlation with an open position, counted in the direction of both: 1 = the same bet twice."""
    others, of = c.desk.exposure.side, c.facts.correlation
    if c.p.held is not None:  # its own is there to add to
        others = {inst: side for inst, side in others.items() if inst != c.inst}
    if c.limits.max_correlation == 1:
        return absent("correlation", "off")
    if not others or of is None:
        why = "no open position" if not others else "no correlations"
        return most("correlation", None, c.limits.max_correlation, live=c.facts.live and bool(others), why=why)
    same = [c.side * side * of(c.inst, inst) for inst, side in others.items()]
    worst = nan if any(not isfinite(x) for x in same) else max(same)
    return most("correlation", worst, c.limits.max_correlation)


def _entries(c: Case) -> Gate:
    entries = within(c.pairs["entries"][c.pair], c.pairs["n"].item(c.pair), c.now, c.limits.entries_s)
    return below("entry rate", entries, c.limits.entries)


def _messages_coin(c: Case) -> Gate:
    sent = within(c.coins["stamps"][c.inst], c.coins["n"].item(c.inst), c.now, 1.0)
    wanted = c.desk.exposure.sent_on.get(c.inst, 0) + c.wanted
    return most("messages of the coin", sent + wanted, c.limits.messages_symbol)


def _messages(c: Case) -> Gate:
    sent = c.desk.sent + c.desk.exposure.sent
    return most("messages", sent + c.wanted, c.limits.messages)


def _messages_venue(c: Case) -> Gate:
    if not c.market.venue_rate:
        return absent("messages of the venue", "it states no limit")
    sent = c.desk.sent + c.desk.exposure.sent
    return most("messages of the venue", sent + c.wanted, c.limits.messages_venue * c.market.venue_rate)


def _messages_warm(c: Case) -> Gate:
    """The first minute after READY: of a live session, or of a book that is whole again."""
    if not warm(c):
        never = c.facts.ready_ns is None and c.market.ready_ns is None
        return absent("session start", "no session to begin in a simulation" if never else "it is over")
    sent = c.desk.sent + c.desk.exposure.sent
    return most("session start", sent + c.wanted, c.limits.warm_messages)


def _messages_day(c: Case) -> Gate:
    return most("messages of the day", c.desk.today + c.desk.exposure.sent + c.wanted, c.limits.messages_day)


def _orders_coin(c: Case) -> Gate:
    orders = c.desk.exposure.orders_on.get(c.inst, 0) + c.wanted
    return most("open orders of the coin", orders, c.limits.max_open_orders_symbol)


def _orders(c: Case) -> Gate:
    return most("open orders", c.desk.exposure.orders + c.wanted, c.limits.max_open_orders)


def _confidence(c: Case) -> Gate:
    """The higher of what the settings and the strategy itself ask for; without a model nothing is asked."""
    of_settings, of_strategy = c.desk.confidence.get(c.p.name), c.p.least
    if of_settings is None and of_strategy is None:
        return absent("confidence", "the strategy has no minimum")
    if c.confidence is None:
        return absent("confidence", "no_model")
    asked = [one for one in (of_settings, of_strategy) if one is not None]
    return least("confidence", c.confidence, nan if any(map(isnan, asked)) else max(asked))


def _cash(c: Case) -> Gate:
    return holds("cash", c.account.cash > 0, c.account.cash, 0)


def _in_use(c: Case) -> Gate:
    return below("capital in use", c.used, c.in_use * c.equity)


def _share(c: Case) -> Gate:
    return below("capital share", c.mine, c.desk.shares[c.p.strategy] * c.equity)


def _heat(c: Case) -> Gate:
    return below("heat", c.at_risk, c.heat * c.equity)


def _collar(c: Case) -> Gate:
    """How far the boldest entry lies beyond the mid, on the losing side of it."""
    if c.setup.superp:
        return absent("collar", "a SuperP position has no order price")
    boldest = c.high if c.side > 0 else c.low
    return most("collar", c.side * (boldest - c.mid) / c.mid, c.collar)


def _median(c: Case) -> Gate:
    median = c.market.median
    if median is None:
        return most("collar of the median", None, c.limits.collar_median, live=c.facts.live)
    low, high = (c.mid, c.mid) if c.setup.superp else (c.low, c.high)
    apart = max(abs(low - median), abs(high - median)) / median if median > 0 else nan
    return most("collar of the median", apart, c.limits.collar_median)


def _self_trade(c: Case) -> Gate:
    if c.setup.superp:
        return absent("self-trade", "SuperP meets no book")
    ours = (c.desk.exposure.best_sell if c.side > 0 else c.desk.exposure.best_buy).get(c.inst)
    if ours is None:
        return absent("self-trade", "no own order on the other side")
    return below("self-trade", c.side * (c.high if c.side > 0 else c.low), c.side * ours)


def _target(c: Case) -> Gate:
    if c.setup.target is None:
        return absent("target above cost", "no target")
    return least("target above cost", c.setup.target, c.limits.cost_floor * c.market.cost)


def _stop(c: Case) -> Gate:
    """The stop of each entry, in ticks below its price (above, when short): at least 1, and not through the touch."""
    if c.setup.stop is None:
        good, name = _stands_in(c), c.setup.substitute or "substitute"
        return holds("stop", good, name if good else f"no {name}")
    return least("stop", min(map(_stop_room, repeat(c), c.prices, c.takes)), 1)


def _stands_in(c: Case) -> bool:
    """Whether something else limits the loss: a SuperP position's stake, legs that hold as much, or its size alone."""
    if c.setup.superp:
        return c.setup.substitute == STAKE and c.setup.stake is not None
    if c.setup.substitute == ENVELOPE:
        return isinstance(c.setup, Reach)
    return c.setup.substitute == HEDGE and c.inst in c.desk.hedged


def _stop_room(c: Case, price: int, takes: bool) -> int:
    if takes:
        price = c.touch
    trigger = round(price * (1 - c.side * float(c.setup.stop or 0)))
    if trigger < 1:
        return 0
    away = c.side * (price - trigger)
    if not takes or c.market.bar_only:
        return away
    return min(away, c.side * ((c.market.bid if c.side > 0 else c.market.ask) - trigger))


def _liquidation(c: Case) -> Gate:
    if c.spot or c.setup.stop is None or c.setup.superp:
        return absent("liquidation distance", "cannot be liquidated")
    away = (c.margin - c.leverage.maintenance) / nearer(c, c.margin, c.leverage.maintenance)
    return least("liquidation distance", away, c.limits.liquidation_stops * c.setup.stop)


def warm(c: Case) -> bool:
    """Whether the live session, or the coin's book after lost updates, has only just begun."""
    session, book = c.facts.ready_ns, c.market.ready_ns
    since = session if book is None else book if session is None else min(session, book)
    return since is not None and since < c.limits.warm_s * SECOND


BEFORE: Final[tuple[tuple[Refused, Check], ...]] = (
    (Refused.KILLED, _killed),
    (Refused.SUPERP_OFF, _superp),
    (Refused.NO_SHORT, _short),
    (Refused.CROSSED, _crossed),
    (Refused.NO_PRICE, _price),
    (Refused.UNIVERSE, _universe),
    (Refused.VENUE, _venue),
    (Refused.REBASING, _rebasing),
    (Refused.ALERT, _alert),
    (Refused.EQUITY_UNKNOWN, _equity),
    (Refused.EQUITIES_APART, _equities),
    (Refused.STALE, _stale),
    (Refused.OUT_OF_LINE, _out_of_line),
    (Refused.OFF_PAR, _par),
    (Refused.VOLATILITY_HALT, _move),
    (Refused.VOLATILITY_HALT, _spread),
    (Refused.REGIME, _regime),
    (Refused.PAUSED, _paused),
    (Refused.DAY_LOSS, _day),
    (Refused.LOSING, _losing),
    (Refused.STOP_GUARD, _guard),
    (Refused.LOW_PROFIT, _poor),
    (Refused.FLIPS, _flips),
    (Refused.UNKNOWN_ORDERS, _unknown_coin),
    (Refused.UNKNOWN_ORDERS, _unknown_venue),
    (Refused.POSITION_OPEN, _here),
    (Refused.COOLDOWN, _cooldown),
    (Refused.TOO_MANY_POSITIONS, _count),
    (Refused.NO_ROOM, _room),
    (Refused.CORRELATED, _correlation),
    (Refused.ENTRY_RATE, _entries),
    (Refused.MESSAGE_RATE, _messages_coin),
    (Refused.MESSAGE_RATE, _messages),
    (Refused.MESSAGE_RATE, _messages_venue),
    (Refused.MESSAGE_RATE, _messages_warm),
    (Refused.MESSAGE_RATE, _messages_day),
    (Refused.OPEN_ORDERS, _orders_coin),
    (Refused.OPEN_ORDERS, _orders),
    (Refused.CONFIDENCE, _confidence),
    (Refused.NO_CASH, _cash),
    (Refused.CAPITAL_IN_USE, _in_use),
    (Refused.CAPITAL_SHARE, _share),
    (Refused.HEAT, _heat),
    (Refused.COLLAR, _collar),
    (Refused.COLLAR, _median),
    (Refused.SELF_TRADE, _self_trade),
    (Refused.TARGET_BELOW_COST, _target),
    (Refused.STOP_ILLEGAL, _stop),
    (Refused.LIQUIDATION, _liquidation),
)
