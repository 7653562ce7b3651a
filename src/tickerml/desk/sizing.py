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


class Size(NamedTuple):
    """What a rule allows."""

    rule: str
    money: float


class Sized(NamedTuple):
    """The size of a setup, and how it came about."""

    money: int
    bound: str  # the rule that gave the smallest size
    sizes: tuple[Size, ...]
    factors: tuple[Size, ...]  # those below 1


def _size(rule: str, money: float) -> Size:
    return tuple.__new__(Size, (rule, money))  # half the time of Size(...), and a setup has ten of them


def size(c: Case) -> Sized:
    """The smallest of all sizes that apply, times the factors. 0 where a rule that applies cannot be computed."""
    sizes = _of_stake(c) if c.setup.superp else _of_notional(c)
    factors = tuple([one for one in _factors(c) if one.money < 1])
    factor = math.prod([one.money for one in factors])
    if c.p.held is not None:
        return _further(c, sizes, factors, factor)
    smallest = min(sizes, key=_smallness)
    money = smallest.money * factor
    return Sized(max(0, math.floor(money)) if isfinite(money) else 0, smallest.rule, tuple(sizes), factors)


def _further(c: Case, sizes: list[Size], factors: tuple[Size, ...], factor: float) -> Sized:
    """What adds to a position: the factors shrink what the whole may be, and what is held of that is there already."""
    held = c.held.notional
    left = [((one.money + held) * factor - held if one.rule in _OF_ALL else one.money * factor) for one in sizes]
    money, rule = min((m if isfinite(m) else -math.inf, one.rule) for m, one in zip(left, sizes, strict=True))
    return Sized(max(0, math.floor(money)) if isfinite(money) else 0, rule, tuple(sizes), factors)


def _smallness(one: Size) -> float:
    return one.money if isfinite(one.money) else -math.inf


def lots_of(c: Case, money: int) -> int:
    """The lots that so much money pays for at the worst price; of an inverse contract one may be worth less than 1."""
    if c.inverse:
        return money * c.worst // c.unit_value
    return money // max(1, c.worth(c.worst, 1))


def _of_stake(c: Case) -> list[Size]:
    sizes = [
        _size("risk per trade", c.risk * c.equity),
        _size("heat", c.heat * c.equity - c.at_risk),
        *_of_capital(c, 1.0),
    ]
    if c.setup.stake is not None:
        sizes.insert(0, _size("stake", _stake(c.setup.stake, c.account.unit)))
    return sizes


def _of_notional(c: Case) -> list[Size]:
    setup, equity, lost = c.setup, c.equity, c.lost_at_stop
    largest = c.position
    many = 1.0 if isinstance(setup, Reach) else multiplier(c)  # an exposure is no hint: it is measured again and again
    wish = (largest if setup.size is None else setup.size) * equity * many
    if setup.size is not None and setup.leverage is not None:
        wish /= c.margin  # of a setup that names its leverage the wish is a share of margin
    wish -= c.held.notional
    sizes = [
        _size("largest position", largest * equity - c.desk.exposure.notional.get(c.inst, 0)),
        _size("order notional", c.order * equity / max([e.share for e in setup.entries])),
        _size("risk per trade", (c.risk * equity - c.held.risk) / lost),
        _size("heat", (c.heat * equity - c.at_risk) / lost),
        *_of_capital(c, c.margin),
        _size("confidence and volatility" if setup.size is None else "size", wish),
    ]
    if setup.stake is not None:
        sizes.append(_size("stake", _stake(setup.stake, c.account.unit)))
    for name, money in (("depth", _depth(c)), ("signal", _signal(c)), ("tier", _tier(c)), ("portfolio", _weight(c))):
        if money is not None:
            sizes.append(_size(name, money))
    return sizes


@lru_cache(maxsize=64)  # most strategies stake the same again and again, and decimals are slow
def _stake(stake: float, unit: int) -> float:
    """A stake in money, to its smallest unit: 0 where it is less than half of one."""
    return float((Decimal(repr(float(stake))) * unit).to_integral_value(ROUND_HALF_EVEN))


def _of_capital(c: Case, margin: float) -> list[Size]:
    """What cash, the account's capital and the strategy's share of it still pay for."""
    return [
        _size("capital in use", (c.in_use * c.equity - c.used) / margin),
        _size("capital share", (c.desk.shares[c.p.strategy] * c.equity - c.mine) / margin),
        _size("cash", (c.account.cash - c.desk.exposure.reserved.get(c.wallet, 0)) / margin),
    ]


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


def _factors(c: Case) -> list[Size]:
    smaller = c.desk.losses >= c.limits.losses_smaller
    return [
        _size("regime", c.desk.stance.size),
        _size("losses in a row", c.limits.losses_size if smaller else 1.0),
        _size("session start", c.limits.warm_size if warm(c) else 1.0),
    ]
