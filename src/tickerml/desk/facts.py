"""What the desk must know of the moment to judge setups. The engine builds it; nothing here is computed.

Two values say that a number is missing, and they differ. NaN: it should be known and is not (warming up, a gap): the
check counts as failed. None: this source cannot have it (no second source, no depth on bars): in simulation the check
is "not applicable" and named so in the verdict; in a live session (`Facts.live`) None counts as failed, too.
Prices are ticks, money is the wallet's smallest unit, shares and returns are fractions, times are ns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from msgspec import Struct

from tickerml.desk.exposure import Exposure


class Account(Struct, frozen=True, gc=False):
    """One wallet."""

    equity: float | None  # money: cash, positions at the mark, SuperP at what closing pays; None, NaN = unknown: failed
    cash: int  # money
    unit: int = 100_000_000  # money of one unit of the currency
    second: float | None = None  # money: equity as the venue states it; None in simulation, where both are one sum


class Tier(NamedTuple):
    """One margin tier of the venue."""

    cap: float  # money; highest notional of a position in it
    maintenance: float  # share of the notional at which the venue liquidates
    leverage: float  # the most that it allows, times


class Market(Struct, frozen=True, gc=False):
    """One instrument."""

    bid: int  # touch; the last close for both on bars; 0 = unknown
    ask: int
    age_ns: int = 0  # since its newest row
    patience_ns: int = 0  # added to the limits on age and silence: two bars where there are only bars
    bar_only: bool = False
    crossed: bool = False  # the book is crossed, or not whole, at the newest message's end
    blocked: str = ""  # why venue or session allow no entry (halted, not whole, late; live: not READY); "" = they do
    rebasing: bool = False  # tick, lot or contract changed and our orders are not rebased yet
    margin: float = 1.0  # share of the notional that a position ties up at the usual leverage: 1 for spot
    tiers: tuple[Tier, ...] = ()  # margin tiers by rising notional; none = nothing is liquidated
    cost: float = 0.0  # share of the notional: both fees and the spread, in and out
    taker: float = 0.0  # share of the notional: one taker fee
    venue_rate: int = 0  # messages a second that the venue allows; 0 = it states none
    median: float | None = None  # mid (bars: close), sampled each second (each bar), median of the last 5 minutes
    move_1m: float | None = None  # largest |return over one minute| that ended within the last `limits.halt_s`
    spread_ratio: float | None = None  # widest minute (mean of its seconds) within `limits.halt_s` / median of the day
    depth_bid: float | None = None  # money of all bids within the collar of the mid
    depth_ask: float | None = None
    apart: float | None = None  # |mid / mid of a second source - 1|
    apart_ns: int = 0  # how long it has been above `limits.apart` without a break
    off_par: float | None = None  # |price of the quote coin in its dollar - 1|
    ready_ns: int | None = None  # since its book was whole again after lost updates; None where none were lost
    volatility: float | None = None  # standard deviation of the return of a day, realised


class Facts(Struct, frozen=True):
    """The moment of one round."""

    now: int  # ns
    accounts: Mapping[int, Account]  # by wallet
    wallet_of: tuple[int, ...]  # by instrument id
    markets: Mapping[int, Market]  # by instrument id, at least those of the proposals
    exposure: Exposure  # our positions and orders, worst case
    live: bool = False  # a real venue: a check whose number is None counts as failed
    correlation: Callable[[int, int], float] | None = None  # of two instruments' returns; NaN = too little history
    alert_ns: int = 0  # how long a critical alert (a clock that jumped) has waited for an answer; 0 = none waits
    ready_ns: int | None = None  # since the live session was READY; None in simulation
