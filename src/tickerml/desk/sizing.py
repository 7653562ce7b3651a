"""How large: every rule that applies gives a size, the smallest one binds, and all of them stand in the verdict.

All sizes are notional in money of the wallet (a SuperP position: its stake). After the smallest is found, factors that
only shrink are applied: the regime's, the one after losses in a row, the one at a live session's beginning.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from math import isfinite, nan
from typing import Final, NamedTuple

from tickerml.desk.case import Case
from tickerml.desk.checks import warm
from tickerml.tape.intents import Reach

# rules of all that is held then; the others are of an order, or of what the account has left
_OF_ALL: Final = frozenset({"largest position", "risk per trade", "size", "signal", "tier", "portfolio"})
YEAR: Final = 365.0  # days: volatility a year = volatility a day x sqrt(365)


class Sized(NamedTuple):
    """The size of a setup, and how it came about."""

    money: int
    bound: str  # the rule that gave the smallest size
    sizes: dict[str, float]  # every rule that applied, money
    factors: dict[str, float]  # those below 1


def size(c: Case) -> Sized:
    """The smallest of all sizes that apply, times the factors. 0 where a rule that applies cannot be computed."""
    allowed = _of_stake(c) if c.setup.superp else _of_notional(c)
    factors = _factors(c)
    left = _shrunk(allowed, math.prod(factors.values()), c.held.notional) if factors else allowed
    if not isfinite(sum(left.values())):
        left = {rule: money if isfinite(money) else -math.inf for rule, money in left.items()}
    bound = min(left, key=left.__getitem__)
    money = max(0, math.floor(left[bound])) if isfinite(left[bound]) else 0
    return Sized(money, bound, allowed, factors)


def _shrunk(allowed: dict[str, float], factor: float, held: int) -> dict[str, float]:
    """The factors shrink what the whole may be; what is held of a position that is added to is there already."""
    return {
        rule: (money + held) * factor - held if rule in _OF_ALL else money * factor for rule, money in allowed.items()
    }


def lots_of(c: Case, money: int) -> int:
    """The lots that so much money pays for at the worst price; of an inverse contract one may be worth less than 1."""
    if c.inverse:
        return money * c.worst // c.unit_value
    return money // max(1, c.worth(c.worst, 1))


def _of_stake(c: Case) -> dict[str, float]:
    stake = {} if c.setup.stake is None else {"stake": _stake(c.setup.stake, c.account.unit)}
    return {
        **stake,
        "risk per trade": c.risk * c.equity,
        "heat": c.heat * c.equity - c.at_risk,
        **_of_capital(c, 1.0),
    }


def _of_notional(c: Case) -> dict[str, float]:
    setup, equity, lost = c.setup, c.equity, c.lost_at_stop
    largest = c.position
    many = 1.0 if isinstance(setup, Reach) else multiplier(c)  # an exposure is no hint: it is measured again and again
    wish = (largest if setup.size is None else setup.size) * equity * many
    if setup.size is not None and setup.leverage is not None:
        wish /= c.margin  # of a setup that names its leverage the wish is a share of margin
    sizes = {
        "largest position": largest * equity - c.desk.exposure.notional.get(c.inst, 0),
        "order notional": c.order * equity / max([e.share for e in setup.entries]),
        "risk per trade": (c.risk * equity - c.held.risk) / lost,
        "heat": (c.heat * equity - c.at_risk) / lost,
        **_of_capital(c, c.margin),
        "confidence and volatility" if setup.size is None else "size": wish - c.held.notional,
    }
    if setup.stake is not None:
        sizes["stake"] = _stake(setup.stake, c.account.unit)
    for name, money in (("depth", _depth(c)), ("signal", _signal(c)), ("tier", _tier(c)), ("portfolio", _weight(c))):
        if money is not None:
            sizes[name] = money
    return sizes


@lru_cache(maxsize=64)  # most strategies stake the same again and again, and decimals are slow
def _stake(stake: float, unit: int) -> float:
    """A stake in money, to its smallest unit: 0 where it is less than half of one."""
    return float((Decimal(repr(float(stake))) * unit).to_integral_value(ROUND_HALF_EVEN))


def _of_capital(c: Case, margin: float) -> dict[str, float]:
    """What cash, the account's capital and the strategy's share of it still pay for."""
    return {
        "capital in use": (c.in_use * c.equity - c.used) / margin,
        "capital share": (c.desk.shares[c.p.strategy] * c.equity - c.mine) / margin,
        "cash": (c.account.cash - c.desk.exposure.reserved.get(c.wallet, 0)) / margin,
    }


def multiplier(c: Case) -> float:
    """(0.5 + confidence) x min(1, usual volatility / volatility), within its limits; 1 without a confidence."""
    confidence, volatility, limits = c.confidence, c.market.volatility, c.limits
    if confidence is None:
        return 1.0
    if volatility is None:
        calm = 1.0
    elif volatility >= 0:
        calm = min(1.0, limits.multiplier_volatility / volatility) if volatility > 0 else 1.0
    else:
        calm = 0.0  # not known: the smallest
    return min(limits.multiplier_high, max(limits.multiplier_low, (0.5 + confidence) * calm))


def _depth(c: Case) -> float | None:
    """A share of the book that the entries which take would meet."""
    if c.market.bar_only or not any(c.takes):
        return None
    depth = c.market.depth_ask if c.side > 0 else c.market.depth_bid
    shares = [e.share for e, takes in zip(c.setup.entries, c.takes, strict=True) if takes]
    if depth is None:
        return nan if c.facts.live else None
    return c.limits.depth_share * depth / max(shares)


def _signal(c: Case) -> float | None:
    """S2: 2 % x |signal| / 2 x confidence x min(1, 0.2 / volatility a year), never above 5 %, of equity."""
    signal, limits = c.p.signal, c.limits
    if signal is None:
        return None
    volatility = nan if c.market.volatility is None else c.market.volatility * math.sqrt(YEAR)
    calm = min(1.0, limits.signal_volatility / volatility) if volatility > 0 else 1.0 if volatility == 0 else nan
    confidence = 1.0 if c.confidence is None else c.confidence
    share = min(limits.signal_base * abs(signal) / 2 * confidence * calm, limits.signal_most)
    return share * c.equity - c.held.notional


def _tier(c: Case) -> float | None:
    """S4: 30-50 % (A) or 10-15 % (B) of the free margin by confidence; the lower end while no model gives one."""
    if not c.p.tier:
        return None
    limits, free = c.limits, c.account.cash - c.desk.exposure.reserved.get(c.wallet, 0)
    low, high = (limits.tier_a_low, limits.tier_a_high) if c.p.tier == "A" else (limits.tier_b_low, limits.tier_b_high)
    confidence = 0.0 if c.confidence is None else min(1.0, max(0.0, 2 * c.confidence - 1))
    return (low + (high - low) * confidence) * (free + c.held.margin) / c.margin - c.held.notional


def _weight(c: Case) -> float | None:
    """The portfolio's weight of this coin, of the capital that may be in use; a coin without a weight gets nothing."""
    weights = c.desk.weights
    return None if weights is None else weights.get(c.inst, 0.0) * c.in_use * c.equity / c.margin - c.held.notional


def _factors(c: Case) -> dict[str, float]:
    """What shrinks all sizes now; nothing is raised."""
    regime, limits = c.desk.stance.size, c.limits
    found = {"regime": regime} if regime < 1 else {}
    if c.desk.losses >= limits.losses_smaller and limits.losses_size < 1:
        found["losses in a row"] = limits.losses_size
    if limits.warm_size < 1 and warm(c):
        found["session start"] = limits.warm_size
    return found
