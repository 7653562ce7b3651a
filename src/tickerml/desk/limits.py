"""The limits of an account, one key a control, and the closed list of what the desk may refuse with.

`Limits` is the settings section `limits`; docs/limits.md is made from it and from desk/controls.py, which says where
each figure comes from. It imports no numba: the settings read it on every start.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Final

from tickerml.tape.params import Range


class Refused(IntEnum):
    """Why the desk refused an intent. Every refusal is a row; `TEXT` is how people read it."""

    POSITION_OPEN = 1
    TOO_MANY_POSITIONS = 2
    CAPITAL_IN_USE = 3
    BELOW_MIN_NOTIONAL = 4
    NO_PRICE = 5
    NO_CASH = 6
    SUPERP_OFF = 8
    UNKNOWN_KIND = 9
    EQUITY_UNKNOWN = 10
    STALE = 11
    NO_SHORT = 12
    KILLED = 13
    PAUSED = 14
    DAY_LOSS = 15
    EQUITIES_APART = 16
    ALERT = 17
    VENUE = 18
    CROSSED = 19
    OUT_OF_LINE = 20
    OFF_PAR = 21
    VOLATILITY_HALT = 22
    MESSAGE_RATE = 23
    ENTRY_RATE = 24
    LOSING = 25
    COOLDOWN = 26
    STOP_GUARD = 27
    LOW_PROFIT = 28
    FLIPS = 29
    UNKNOWN_ORDERS = 30
    OPEN_ORDERS = 31
    CORRELATED = 32
    COLLAR = 33
    SELF_TRADE = 34
    LIQUIDATION = 35
    STOP_ILLEGAL = 36
    NO_EXIT = 37
    ORDER_SIZE = 38
    POSITION_SIZE = 39
    HEAT = 40
    CONFIDENCE = 41
    CONFLICT = 42
    REGIME = 43
    UNIVERSE = 44
    TARGET_BELOW_COST = 45
    LEG = 46
    NO_ROOM = 47
    REBASING = 48
    NOT_COMPUTABLE = 49
    CAPITAL_SHARE = 50
    SMALL_CHANGE = 51


TEXT: Final[dict[Refused, str]] = {
    Refused.POSITION_OPEN: "position already open",
    Refused.TOO_MANY_POSITIONS: "too many positions",
    Refused.CAPITAL_IN_USE: "capital in use",
    Refused.BELOW_MIN_NOTIONAL: "below minimum notional",
    Refused.NO_PRICE: "no price",
    Refused.NO_CASH: "not enough cash",
    Refused.SUPERP_OFF: "SuperP is off",
    Refused.UNKNOWN_KIND: "intent not supported by this desk",
    Refused.EQUITY_UNKNOWN: "equity cannot be computed",
    Refused.STALE: "market data stale",
    Refused.NO_SHORT: "spot cannot be sold short",
    Refused.KILLED: "stopped until a person resumes",
    Refused.PAUSED: "paused after a session loss",
    Refused.DAY_LOSS: "loss limit of the day",
    Refused.EQUITIES_APART: "our equity and the venue's differ",
    Refused.ALERT: "a critical alert waits for an answer",
    Refused.VENUE: "venue or session not ready",
    Refused.CROSSED: "book crossed",
    Refused.OUT_OF_LINE: "venue out of line with a second source",
    Refused.OFF_PAR: "quote coin off par",
    Refused.VOLATILITY_HALT: "volatility halt",
    Refused.MESSAGE_RATE: "message rate",
    Refused.ENTRY_RATE: "too many entries on this coin",
    Refused.LOSING: "too many losses in a row",
    Refused.COOLDOWN: "desk cooldown",
    Refused.STOP_GUARD: "stop-loss guard",
    Refused.LOW_PROFIT: "coin loses too much",
    Refused.FLIPS: "too many changes of direction",
    Refused.UNKNOWN_ORDERS: "orders without an answer",
    Refused.OPEN_ORDERS: "too many open orders",
    Refused.CORRELATED: "correlated with an open position",
    Refused.COLLAR: "price outside the collar",
    Refused.SELF_TRADE: "would meet our own order",
    Refused.LIQUIDATION: "liquidation too near the stop",
    Refused.STOP_ILLEGAL: "stop would be refused or trigger at once",
    Refused.NO_EXIT: "exit would be below the minimum notional",
    Refused.ORDER_SIZE: "order too large",
    Refused.POSITION_SIZE: "position too large",
    Refused.HEAT: "too much at risk",
    Refused.CONFIDENCE: "confidence below the strategy's minimum",
    Refused.CONFLICT: "another setup on this coin ranks higher",
    Refused.REGIME: "market regime stops entries",
    Refused.UNIVERSE: "coin not in the universe",
    Refused.TARGET_BELOW_COST: "target below the cost of the trade",
    Refused.LEG: "another leg was refused",
    Refused.NO_ROOM: "the desk's tables are full",
    Refused.REBASING: "instrument changed, not rebased yet",
    Refused.NOT_COMPUTABLE: "a check cannot be computed",
    Refused.CAPITAL_SHARE: "the strategy's share of the capital is in use",
    Refused.SMALL_CHANGE: "change of an exposure too small",
}


@dataclass(frozen=True)
class Limits:
    """Limits of the account, each a control of the desk; docs/limits.md gives the reason. Uncomputable = refused."""

    # what one trade, and all trades together, may use
    risk_per_trade: Annotated[float, Range(0, 0.05)] = 0.02  # share of equity; lost at the stop, or staked
    max_heat: Annotated[float, Range(0, 1)] = 0.06  # share of equity; sum of all losses to the stops
    max_position: Annotated[float, Range(0, 1)] = 0.25  # share of equity; notional of one coin, worst case
    max_in_use: Annotated[float, Range(0, 1)] = 0.5  # share of equity; margin, spot cost and stakes together
    max_open_positions: Annotated[int, Range(1, 100)] = 5  # positions at once
    max_correlation: Annotated[float, Range(0, 1)] = 0.7  # correlation of returns with an open position, same way
    order_share: Annotated[float, Range(0, 1)] = 0.1  # share of equity; notional of one order
    depth_share: Annotated[float, Range(0, 1)] = 0.05  # share of the book within the collar; one order that takes
    least_change: Annotated[float, Range(0, 1)] = 0.05  # share of the larger; less between exposure and wish stays
    min_exit: Annotated[float, Range(1, 10)] = 1.1  # times the minimum notional; worth of an exit at the stop
    max_open_orders: Annotated[int, Range(1, 10_000)] = 100  # open orders of the account
    max_open_orders_symbol: Annotated[int, Range(1, 1000)] = 25  # open orders on one coin
    max_leverage: Annotated[float, Range(1, 125)] = 50.0  # times; most that a setup's own leverage may be
    liquidation_stops: Annotated[float, Range(1, 100)] = 3.0  # stop distances; least distance to liquidation
    cost_floor: Annotated[float, Range(0, 100)] = 1.0  # times the round-trip cost; least distance of a target

    # prices and market data
    majors: tuple[str, ...] = ("BTC", "ETH", "SOL", "BNB", "XRP")  # base coins that the keys ..._major are for
    collar_major: Annotated[float, Range(0, 1)] = 0.01  # share of the mid; farthest price beyond it, majors
    collar: Annotated[float, Range(0, 1)] = 0.03  # share of the mid; the same, other coins
    collar_median: Annotated[float, Range(0, 1)] = 0.1  # share; farthest price from the 5-minute median, either way
    through_entry: Annotated[float, Range(0, 0.1)] = 0.005  # share of the touch; how far a market entry may reach
    through_close: Annotated[float, Range(0, 0.1)] = 0.005  # share of the touch; how far a close may reach at first
    through_stop: Annotated[float, Range(0, 0.5)] = 0.015  # share of its trigger; how far a stop may reach
    through_stop_again: Annotated[float, Range(0, 0.5)] = 0.03  # share of the touch; a second try, then the market
    stale_major: Annotated[float, Range(0.1, 3600)] = 2.0  # seconds without a row (bars: two bars more), majors
    stale_after: Annotated[float, Range(0.1, 3600)] = 10.0  # seconds without a row (bars: two bars more)
    apart: Annotated[float, Range(0, 1)] = 0.01  # share; mid against a second source
    apart_s: Annotated[float, Range(0, 300)] = 5.0  # seconds; how long it may be so far off
    off_par: Annotated[float, Range(0, 1)] = 0.01  # share; quote coin against its dollar
    halt_move_major: Annotated[float, Range(0, 1)] = 0.05  # share; move within a minute, majors
    halt_move: Annotated[float, Range(0, 1)] = 0.1  # share; the same, other coins
    halt_spread: Annotated[float, Range(1, 1000)] = 10.0  # times its median; spread
    halt_s: Annotated[float, Range(0, 3600)] = 300.0  # seconds; entries are off after either

    # how often
    messages_symbol: Annotated[int, Range(1, 32)] = 5  # messages a second on one coin
    messages: Annotated[int, Range(1, 64)] = 10  # messages a second of the account
    messages_venue: Annotated[float, Range(0, 1)] = 0.5  # share of the venue's own limit
    messages_day: Annotated[int, Range(1, 10_000_000)] = 1000  # messages a UTC day; exits and cancels pass
    quotes_day: Annotated[int, Range(1, 10_000_000)] = 100_000  # the same of quotes and their cancels, which pass
    entries: Annotated[int, Range(1, 8)] = 3  # entries of a strategy on a coin within entries_s; a grid is one
    entries_s: Annotated[float, Range(0, 86_400)] = 600.0  # seconds
    flips: Annotated[int, Range(1, 8)] = 3  # changes of direction on a coin within flips_s block it until a person
    flips_s: Annotated[float, Range(0, 86_400)] = 60.0  # seconds
    unknown_s: Annotated[float, Range(0.1, 600)] = 2.0  # seconds without an answer (bars: two bars more): UNKNOWN
    unknown_symbol: Annotated[int, Range(1, 100)] = 1  # orders without an answer that block a coin
    unknown_venue: Annotated[int, Range(1, 100)] = 3  # orders without an answer that block a venue

    # losses
    day_off: Annotated[float, Range(0, 1)] = 0.05  # share of the equity at 0:00 UTC; entries off until the next day
    day_close: Annotated[float, Range(0, 1)] = 0.1  # share of the equity at 0:00 UTC; everything is closed
    session_pause: Annotated[float, Range(0, 1)] = 0.15  # share of the equity at the start; entries off for pause_s
    pause_s: Annotated[float, Range(0, 86_400)] = 1800.0  # seconds
    session_kill: Annotated[float, Range(0, 1)] = 0.2  # share of the equity at the start; stopped until a person
    max_drawdown: Annotated[float, Range(0, 1)] = 0.2  # share of the highest equity; stopped until a person
    equities_apart: Annotated[float, Range(0, 1)] = 0.005  # share; our equity against the venue's
    losses_smaller: Annotated[int, Range(1, 100)] = 3  # losses in a row of the account; then smaller sizes
    losses_size: Annotated[float, Range(0, 1)] = 0.5  # factor on sizes after them
    losses_off: Annotated[int, Range(1, 100)] = 5  # losses in a row of a strategy on a coin; off until a person
    operator_s: Annotated[float, Range(0, 31_536_000)] = 3600.0  # seconds; a simulation's person comes then, 0 = never
    cooldown_s: Annotated[float, Range(0, 86_400)] = 60.0  # seconds between a trade's end and the next on its coin
    stop_guard: Annotated[int, Range(1, 8)] = 4  # stops of a strategy on a coin within stop_guard_s; then off
    stop_guard_s: Annotated[float, Range(0, 604_800)] = 3600.0  # seconds looked back, and off
    low_profit_trades: Annotated[int, Range(1, 8)] = 6  # trades of a strategy on a coin that are judged together
    low_profit_loss: Annotated[float, Range(0, 1)] = 0.01  # share of equity; lost in them, within a day
    low_profit_s: Annotated[float, Range(0, 604_800)] = 14_400.0  # seconds; the coin is off for the strategy then

    # sizes
    signal_base: Annotated[float, Range(0, 0.05)] = 0.02  # share of equity; a model's full signal at confidence 1
    signal_volatility: Annotated[float, Range(0.001, 10)] = 0.2  # volatility a year from which sizes shrink
    signal_most: Annotated[float, Range(0, 0.05)] = 0.05  # share of equity; most for a model's signal
    multiplier_low: Annotated[float, Range(0, 1)] = 0.5  # smallest factor by confidence and volatility
    multiplier_high: Annotated[float, Range(1, 3)] = 1.5  # largest factor by confidence and volatility
    multiplier_volatility: Annotated[float, Range(0.001, 1)] = 0.05  # volatility a day from which the factor shrinks
    tier_a_low: Annotated[float, Range(0, 1)] = 0.3  # share of margin; an A-trade at its least confidence
    tier_a_high: Annotated[float, Range(0, 1)] = 0.5  # share of margin; an A-trade at confidence 1
    tier_b_low: Annotated[float, Range(0, 1)] = 0.1  # share of margin; a B-trade at its least confidence
    tier_b_high: Annotated[float, Range(0, 1)] = 0.15  # share of margin; a B-trade at confidence 1
    turbo_balance: Annotated[float, Range(0, 1e6)] = 100.0  # settle currency; equity below which turbo may be on
    turbo_positions: Annotated[int, Range(1, 100)] = 3  # positions at once in turbo
    turbo_risk: Annotated[float, Range(0, 0.2)] = 0.1  # share of equity; lost at a stop in turbo
    turbo_heat: Annotated[float, Range(0, 1)] = 0.3  # share of equity; sum of all losses to the stops in turbo
    turbo_in_use: Annotated[float, Range(0, 1)] = 0.6  # share of equity; margin of one trade, and of all, in turbo

    # a live session; halts, gaps, late feeds and clocks of a simulation are those of its tape
    late_s: Annotated[float, Range(0.01, 600)] = 1.0  # seconds; a later feed: entries off; a clock's jump: an alert
    alert_s: Annotated[float, Range(0, 86_400)] = 300.0  # seconds a critical alert may wait for an answer
    legs_s: Annotated[float, Range(0.1, 600)] = 2.0  # seconds from the first fill until all legs are filled
    naked_s: Annotated[float, Range(0.1, 600)] = 2.0  # seconds a position may stand without its stop, then it closes
    warm_s: Annotated[float, Range(0, 86_400)] = 60.0  # seconds after READY that count as its beginning
    warm_size: Annotated[float, Range(0, 1)] = 0.5  # factor on sizes in the beginning
    warm_messages: Annotated[int, Range(1, 64)] = 1  # messages a second in the beginning
