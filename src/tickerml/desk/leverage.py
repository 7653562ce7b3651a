"""At how many times a setup may trade: its own wish, held down by each control that leverage touches.

What a position ties up is its notional over the leverage, so every size that goes by margin goes by what is found here.
Leverage is whole, as venues take it, and a wish is never raised. A setup without a wish trades at the account's usual
leverage, which its margin tier alone holds down: a stop too near its liquidation is refused then (desk/checks.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import isfinite
from typing import Final, NamedTuple, Protocol

from tickerml.account.contract import RATE
from tickerml.desk.facts import Market, Tier
from tickerml.desk.limits import Limits
from tickerml.tape.intents import Setup

WISH: Final = "wish"
USUAL: Final = "usual"
_NO_TIER: Final = Tier(0, 0.0, math.inf)
_EXACT: Final = 1 + 1e-12  # 1 / 0.02 may lie this little below 50


class Leverage(NamedTuple):
    """The leverage of one setup."""

    times: float
    bound: str  # WISH, USUAL, or the control that held it down
    order: float  # what its orders name; 0 = nothing: the account's usual leverage
    margin: float  # share of the notional that it ties up
    maintenance: float  # share of the notional at which the venue liquidates

    @property
    def told(self) -> dict[str, float | str]:
        """The figures of its row."""
        return {"leverage": self.times, "leverage_bound": self.bound}


class Levered(Protocol):
    """What is looked at of a case (desk/case.py), before its size is known."""

    setup: Setup
    limits: Limits
    spot: bool
    inverse: bool
    side: int
    market: Market

    @property
    def largest(self) -> float:
        """The largest notional that any leverage allows, money."""


def leverage_of(c: Levered) -> Leverage:
    """The setup's wish or the usual, held down; NaN where a control cannot be computed."""
    market, wish = c.market, c.setup.leverage
    if c.setup.superp:
        return Leverage(wish or 1.0, WISH, wish or 1.0, 1.0, 0.0)
    if c.spot:
        return Leverage(1.0, USUAL if wish is None or wish <= 1 else "spot", 0.0, market.margin, 0.0)
    tier = tier_of(market.tiers, c.largest)
    if wish is None:
        usual = 1 / market.margin
        if tier.leverage * market.margin >= 1 / _EXACT:
            return Leverage(usual, USUAL, 0.0, market.margin, tier.maintenance)
        return _named(tier.leverage, "margin tier", tier.maintenance)
    most = {WISH: wish, "largest leverage": c.limits.max_leverage, "margin tier": tier.leverage}
    if c.setup.stop is not None:
        most["liquidation distance"] = _behind(c, c.limits.liquidation_stops * c.setup.stop, tier.maintenance)
    bound = min(most, key=lambda rule: most[rule] if isfinite(most[rule]) or most[rule] > 0 else -math.inf)
    return _named(most[bound], bound, tier.maintenance)


def nearer(c: Levered, margin: float, maintenance: float) -> float:
    """By how much less than margin - maintenance the price must move to a liquidation, as its divisor; at least 1.

    Where margin equals loss + maintenance, both at the price there: a short's notional has grown by then, and that of
    an inverse long, in its coin, by more than the price has fallen. What moves the other way is not counted on.
    """
    if c.inverse:
        return 1 + margin if c.side > 0 else 1.0
    return 1.0 if c.side > 0 else 1 + maintenance


def _behind(c: Levered, away: float, maintenance: float) -> float:
    """The largest leverage that is not liquidated before the price has moved by `away`; `nearer`, solved for it."""
    if c.inverse and c.side > 0:
        return (1 - away) / (away + maintenance) if away < 1 else 0.0
    needed = maintenance + away * nearer(c, 0.0, maintenance)
    return 1 / needed if needed else math.inf


def tier_of(tiers: Sequence[Tier], worth: float) -> Tier:
    """The margin tier of a position worth `worth` money; the last one has no end. Without tiers: one without limits."""
    for tier in tiers:
        if worth <= tier.cap:
            return tier
    return tiers[-1] if tiers else _NO_TIER


def _named(times: float, bound: str, maintenance: float) -> Leverage:
    """A leverage that the orders name: whole times, at least 1, and the venue's own rounding of its margin."""
    whole = max(1.0, math.floor(times * _EXACT)) if isfinite(times) else math.nan
    margin = math.ceil(RATE / whole) / RATE if isfinite(whole) else math.nan
    return Leverage(whole, bound, whole, margin, maintenance)
