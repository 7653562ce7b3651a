"""The controls of the desk before a size is known. Pure functions of a case.

Each function asks those of one theme; `BEFORE` is the order of all, `REFUSES` says what the first that fails refuses
with, and with a size those of desk/sized.py are asked. All numbers that a gate looked at go into the verdict. A number
that cannot be computed fails; one that the source cannot have is "not applicable".
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from math import isfinite, isnan, nan
from typing import Final

from tickerml.desk.case import Case
from tickerml.desk.gates import ABSENT, FAILED, PASSED, Gate, most, so, unless
from tickerml.desk.leverage import nearer
from tickerml.desk.limits import Refused
from tickerml.desk.losses import KILLS
from tickerml.desk.memory import within
from tickerml.desk.regime import BREAKER, PANIC
from tickerml.tape.intents import ENVELOPE, HEDGE, STAKE, Reach
from tickerml.tape.rows import DAY, SECOND

Check = Callable[[Case], tuple[Gate, ...]]


def _allowed(c: Case) -> tuple[Gate, ...]:
    """Whether a person, the settings and the venue allow an entry at all, of an account whose worth is known."""
    desk, market, setup = c.desk, c.market, c.setup
    alert, equity = c.facts.alert_ns / SECOND, c.account.equity
    return (
        unless("kill", KILLS[desk.killed]),
        so("superp", desk.superp or not setup.superp),
        so("spot short", not c.spot or c.side > 0 or setup.superp),
        so("crossed", not market.crossed and market.bid <= market.ask),
        so("price", market.bid > 0 and market.ask > 0),
        ("universe", ABSENT, "no rule") if desk.allowed is None else so("universe", c.inst in desk.allowed),
        unless("venue", market.blocked),
        so("instrument drift", not market.rebasing),
        ("alerts", PASSED if alert <= c.limits.alert_s else FAILED, alert, c.limits.alert_s),
        so("equity", False) if equity is None else ("equity", PASSED if c.equity > 0 else FAILED, equity),
    )


def _market(c: Case) -> tuple[Gate, ...]:
    """Whether the market can be trusted, and is calm enough."""
    market, limits, live = c.market, c.limits, c.facts.live
    stale, move = (limits.stale_major, limits.halt_move_major) if c.major else (limits.stale_after, limits.halt_move)
    second, age = c.account.second, (market.age_ns - market.patience_ns) / SECOND
    gap, breaker = None if second is None else abs(second / c.equity - 1), c.desk.stance.breaker
    calm = PASSED if breaker != BREAKER[PANIC] else FAILED
    return (
        most("two equities", gap, limits.equities_apart, live=live, why="a simulation has one sum"),
        ("stale", PASSED if age <= stale else FAILED, age, stale),
        _out_of_line(c),
        most("quote par", market.off_par, limits.off_par, live=live, why="no price of the quote coin"),
        most("volatility halt", market.move_1m, move, live=live),
        most("spread halt", market.spread_ratio, limits.halt_spread, live=live and not market.bar_only),
        ("regime", calm, breaker) if breaker else ("regime", ABSENT, "no reference price"),
    )


def _out_of_line(c: Case) -> Gate:
    apart, limit = c.market.apart, c.limits.apart
    if apart is None:
        return most("out of line", apart, limit, live=c.facts.live, why="no second source")
    short = c.market.apart_ns <= c.limits.apart_s * SECOND
    return "out of line", PASSED if apart <= limit or (apart > limit and short) else FAILED, apart, limit


def _lost(c: Case) -> tuple[Gate, ...]:
    """What losses keep off for a while, or until a person comes."""
    now, wallet, pair, inst, limits = c.now, c.wallet, c.pair, c.inst, c.limits
    funds, pairs, coins = c.funds, c.pairs, c.coins
    day, losses = funds["day_state"].item(wallet), pairs["losses"].item(pair)
    over = not day or funds["day"].item(wallet) != now // DAY
    flips = within(coins["flips"], coins["n_flips"].item(inst), now, limits.flips_s, inst)
    return (
        _over("session pause", funds["paused"].item(wallet), now),
        ("day loss", PASSED if over else FAILED, day, 0),
        ("losses in a row", PASSED if not pairs["off"].item(pair) else FAILED, losses, limits.losses_off),
        _over("stop-loss guard", pairs["guarded"].item(pair), now),
        _over("low-profit coin", pairs["poor"].item(pair), now),
        ("enter-reduce loop", PASSED if not coins["blocked"].item(inst) else FAILED, flips),
    )


def _over(name: str, until: int, now: int) -> Gate:
    """Whether what lasts until then is over; its value are the seconds that are left."""
    return (name, FAILED, (until - now) / SECOND, 0.0) if until > now else (name, PASSED, 0.0, 0.0)


def _under_way(c: Case) -> tuple[Gate, ...]:
    """What stands in the way of one more setup. A coin has one; more of the same exposure adds to it."""
    exposure, limits, inst = c.desk.exposure, c.limits, c.inst
    unknown, everywhere = exposure.unknown_on.get(inst, 0), sum(exposure.unknown_on.values())
    most_here, most_unknown = limits.unknown_symbol, limits.unknown_venue
    return (
        ("unknown orders", PASSED if unknown < most_here else FAILED, unknown, most_here),
        ("unknown orders of the venue", PASSED if everywhere < most_unknown else FAILED, everywhere, most_unknown),
        so("one position a coin", c.p.held is not None or inst not in exposure.side),
        _cooldown(c),
        _count(c),
        ("room", PASSED if exposure.room > 0 else FAILED, exposure.room),
    )


def _alike(c: Case) -> tuple[Gate, ...]:
    """Whether it is another bet than those that are open: asked last, since it is computed."""
    return (_correlation(c),)


def _cooldown(c: Case) -> Gate:
    ended, limit = c.coins["ended"].item(c.inst), c.limits.cooldown_s
    if not ended or limit == 0:
        return "cooldown", ABSENT, "no trade before" if not ended else "off"
    since = (c.now - ended) / SECOND
    return "cooldown", PASSED if since >= limit else FAILED, since, limit


def _count(c: Case) -> Gate:
    if c.p.held is not None:
        return "positions", ABSENT, "it adds to one"
    open_now, limit = c.desk.exposure.positions, c.limits.turbo_positions if c.turbo else c.limits.max_open_positions
    return "positions", PASSED if open_now < limit else FAILED, open_now, limit


def _correlation(c: Case) -> Gate:
    """The largest correlation with an open position, counted in the direction of both: 1 = the same bet twice."""
    others, of, limit = c.desk.exposure.side, c.facts.correlation, c.limits.max_correlation
    if c.p.held is not None:  # its own is there to add to
        others = {inst: side for inst, side in others.items() if inst != c.inst}
    if limit == 1:
        return "correlation", ABSENT, "off"
    if not others or of is None:
        why = "no open position" if not others else "no correlations"
        return most("correlation", None, limit, live=c.facts.live and bool(others), why=why)
    same = [c.side * side * of(c.inst, inst) for inst, side in others.items()]
    worst = nan if any(not isfinite(x) for x in same) else max(same)
    return "correlation", PASSED if worst <= limit else FAILED, worst, limit


def _rates(c: Case) -> tuple[Gate, ...]:
    """How often: entries, messages and open orders, this setup's among them."""
    desk, limits, now, inst, wanted = c.desk, c.limits, c.now, c.inst, c.wanted
    under_way, coins = desk.exposure, c.coins
    entries = within(c.pairs["entries"], c.pairs["n"].item(c.pair), now, limits.entries_s, *c.pair)
    here = within(coins["stamps"], coins["n"].item(inst), now, 1.0, inst) + under_way.sent_on.get(inst, 0) + wanted
    sent, today = desk.sent + under_way.sent + wanted, desk.today + under_way.sent + wanted
    orders_here, orders = under_way.orders_on.get(inst, 0) + wanted, under_way.orders + wanted
    most_here, most_orders = limits.messages_symbol, limits.max_open_orders_symbol
    return (
        ("entry rate", PASSED if entries < limits.entries else FAILED, entries, limits.entries),
        ("messages of the coin", PASSED if here <= most_here else FAILED, here, most_here),
        ("messages", PASSED if sent <= limits.messages else FAILED, sent, limits.messages),
        _messages_venue(c, sent),
        _messages_warm(c, sent),
        ("messages of the day", PASSED if today <= limits.messages_day else FAILED, today, limits.messages_day),
        ("open orders of the coin", PASSED if orders_here <= most_orders else FAILED, orders_here, most_orders),
        ("open orders", PASSED if orders <= limits.max_open_orders else FAILED, orders, limits.max_open_orders),
    )


def _messages_venue(c: Case, sent: int) -> Gate:
    if not c.market.venue_rate:
        return "messages of the venue", ABSENT, "it states no limit"
    return most("messages of the venue", sent, c.limits.messages_venue * c.market.venue_rate)


def _messages_warm(c: Case, sent: int) -> Gate:
    """The first minute after READY: of a live session, or of a book that is whole again."""
    if not warm(c):
        never = c.facts.ready_ns is None and c.market.ready_ns is None
        return "session start", ABSENT, "no session to begin in a simulation" if never else "it is over"
    return most("session start", sent, c.limits.warm_messages)


def _money(c: Case) -> tuple[Gate, ...]:
    """Whether the strategy is sure enough, and there is any money left for it."""
    cash, equity, used, mine, at_risk = c.account.cash, c.equity, c.used, c.mine, c.at_risk
    in_use, share, heat = c.in_use * equity, c.desk.shares[c.p.strategy] * equity, c.heat * equity
    return (
        _confidence(c),
        ("cash", PASSED if cash > 0 else FAILED, cash, 0),
        ("capital in use", PASSED if used < in_use else FAILED, used, in_use),
        ("capital share", PASSED if mine < share else FAILED, mine, share),
        ("heat", PASSED if at_risk < heat else FAILED, at_risk, heat),
    )


def _confidence(c: Case) -> Gate:
    """The higher of what the settings and the strategy itself ask for; without a model nothing is asked."""
    of_settings, of_strategy = c.desk.confidence.get(c.p.name), c.p.least
    if of_settings is None and of_strategy is None:
        return "confidence", ABSENT, "the strategy has no minimum"
    if c.confidence is None:
        return "confidence", ABSENT, "no_model"
    asked = [one for one in (of_settings, of_strategy) if one is not None]
    limit = nan if any(map(isnan, asked)) else max(asked)
    return "confidence", PASSED if c.confidence >= limit else FAILED, c.confidence, limit


def _prices(c: Case) -> tuple[Gate, ...]:
    """Whether the prices of entries, target and stop are sane and possible."""
    return _collar(c), _median(c), _self_trade(c), _target(c), _stop(c), _liquidation(c)


def _collar(c: Case) -> Gate:
    """How far the boldest entry lies beyond the mid, on the losing side of it."""
    if c.setup.superp:
        return "collar", ABSENT, "a SuperP position has no order price"
    beyond = c.side * ((c.high if c.side > 0 else c.low) - c.mid) / c.mid
    return "collar", PASSED if beyond <= c.collar else FAILED, beyond, c.collar


def _median(c: Case) -> Gate:
    median = c.market.median
    if median is None:
        return most("collar of the median", None, c.limits.collar_median, live=c.facts.live)
    low, high = (c.mid, c.mid) if c.setup.superp else (c.low, c.high)
    apart = max(abs(low - median), abs(high - median)) / median if median > 0 else nan
    return most("collar of the median", apart, c.limits.collar_median)


def _self_trade(c: Case) -> Gate:
    if c.setup.superp:
        return "self-trade", ABSENT, "SuperP meets no book"
    ours = (c.desk.exposure.best_sell if c.side > 0 else c.desk.exposure.best_buy).get(c.inst)
    if ours is None:
        return "self-trade", ABSENT, "no own order on the other side"
    boldest, limit = c.side * (c.high if c.side > 0 else c.low), c.side * ours
    return "self-trade", PASSED if boldest < limit else FAILED, boldest, limit


def _target(c: Case) -> Gate:
    target, least = c.setup.target, c.limits.cost_floor * c.market.cost
    if target is None:
        return "target above cost", ABSENT, "no target"
    return "target above cost", PASSED if target >= least else FAILED, target, least


def _stop(c: Case) -> Gate:
    """The stop of each entry, in ticks below its price (above, when short): at least 1, and not through the touch."""
    if c.setup.stop is None:
        good, name = _stands_in(c), c.setup.substitute or "substitute"
        return ("stop", PASSED, name) if good else ("stop", FAILED, f"no {name}")
    away = min(map(_stop_room, repeat(c), c.prices, c.takes))
    return "stop", PASSED if away >= 1 else FAILED, away, 1


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
        return "liquidation distance", ABSENT, "cannot be liquidated"
    away = (c.margin - c.leverage.maintenance) / nearer(c, c.margin, c.leverage.maintenance)
    least = c.limits.liquidation_stops * c.setup.stop
    return "liquidation distance", PASSED if away >= least else FAILED, away, least


def warm(c: Case) -> bool:
    """Whether the live session, or the coin's book after lost updates, has only just begun."""
    session, book = c.facts.ready_ns, c.market.ready_ns
    since = session if book is None else book if session is None else min(session, book)
    return since is not None and since < c.limits.warm_s * SECOND


BEFORE: Final[tuple[Check, ...]] = (_allowed, _market, _lost, _under_way, _alike, _rates, _money, _prices)
REFUSES: Final[dict[str, Refused]] = {  # gate -> what it refuses with, in the order in which they are asked
    "kill": Refused.KILLED,
    "superp": Refused.SUPERP_OFF,
    "spot short": Refused.NO_SHORT,
    "crossed": Refused.CROSSED,
    "price": Refused.NO_PRICE,
    "universe": Refused.UNIVERSE,
    "venue": Refused.VENUE,
    "instrument drift": Refused.REBASING,
    "alerts": Refused.ALERT,
    "equity": Refused.EQUITY_UNKNOWN,
    "two equities": Refused.EQUITIES_APART,
    "stale": Refused.STALE,
    "out of line": Refused.OUT_OF_LINE,
    "quote par": Refused.OFF_PAR,
    "volatility halt": Refused.VOLATILITY_HALT,
    "spread halt": Refused.VOLATILITY_HALT,
    "regime": Refused.REGIME,
    "session pause": Refused.PAUSED,
    "day loss": Refused.DAY_LOSS,
    "losses in a row": Refused.LOSING,
    "stop-loss guard": Refused.STOP_GUARD,
    "low-profit coin": Refused.LOW_PROFIT,
    "enter-reduce loop": Refused.FLIPS,
    "unknown orders": Refused.UNKNOWN_ORDERS,
    "unknown orders of the venue": Refused.UNKNOWN_ORDERS,
    "one position a coin": Refused.POSITION_OPEN,
    "cooldown": Refused.COOLDOWN,
    "positions": Refused.TOO_MANY_POSITIONS,
    "room": Refused.NO_ROOM,
    "correlation": Refused.CORRELATED,
    "entry rate": Refused.ENTRY_RATE,
    "messages of the coin": Refused.MESSAGE_RATE,
    "messages": Refused.MESSAGE_RATE,
    "messages of the venue": Refused.MESSAGE_RATE,
    "session start": Refused.MESSAGE_RATE,
    "messages of the day": Refused.MESSAGE_RATE,
    "open orders of the coin": Refused.OPEN_ORDERS,
    "open orders": Refused.OPEN_ORDERS,
    "confidence": Refused.CONFIDENCE,
    "cash": Refused.NO_CASH,
    "capital in use": Refused.CAPITAL_IN_USE,
    "capital share": Refused.CAPITAL_SHARE,
    "heat": Refused.HEAT,
    "collar": Refused.COLLAR,
    "collar of the median": Refused.COLLAR,
    "self-trade": Refused.SELF_TRADE,
    "target above cost": Refused.TARGET_BELOW_COST,
    "stop": Refused.STOP_ILLEGAL,
    "liquidation distance": Refused.LIQUIDATION,
}
