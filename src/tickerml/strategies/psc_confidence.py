"""From score to confidence, leverage and what a trade may be expected to earn.

Confidence means P(gross move in the trade's direction, from the first tradable price to the trade's own exit, exceeds
the round-trip cost of 0.1 %), that is P(net > 0). The formula is only its raw guess; calibration.py makes it true.
"""

from __future__ import annotations

import math
from typing import Final

BREAK_EVEN: Final = 0.001  # round-trip cost, share of the position
PROFITABLE: Final = 0.0012  # a move worth aiming at, share of the price


def market_conditions(spread_bps: float, volatility: float, tight_bps: float) -> float:
    """+0.05 for a spread at or below `tight_bps`; +0.08 for volatility of 2 to 8 % a day, -0.1 above 10 %."""
    boost = 0.05 if spread_bps <= tight_bps else 0.0
    if 0.02 <= volatility <= 0.08:
        boost += 0.08
    elif volatility > 0.10:
        boost -= 0.10
    return boost


def raw_confidence(score: float, ratio_difference: float, conditions: float, efficiency: float) -> float:
    """(min(0.7, score / 12) + min(0.25, max(0, difference x 0.08)) + conditions) x timer efficiency, within 0 and 1.

    The unbounded formula reaches 1.08 at its best and -0.1 at its worst; a probability does not.
    """
    strength = min(0.25, max(0.0, ratio_difference * 0.08))
    return min(max((min(0.7, score / 12.0) + strength + conditions) * efficiency, 0.0), 1.0)


def leverage_of(confidence: float, volatility: float, max_leverage: float) -> float:
    """min(confidence x 10000, max_leverage) x max(0.1, 1 - volatility); volatility per day, 0.03 = 3 %."""
    return min(confidence * 10_000.0, max_leverage) * max(0.1, 1.0 - volatility)


def expected_return(confidence: float, gain: float, loss: float, cost: float) -> float:
    """Expected net return of a trade that ends at its target (`gain`) or at its stop (`loss`), shares of its value.

    A bound, since trades also end by the timer in between; once calibrated, the mean of what was settled replaces it.
    """
    return confidence * (gain - cost) - (1.0 - confidence) * (loss + cost)


def superp_payoff(leverage: float, move: float, cost: float) -> float:
    """Payoff on the stake of a position without liquidation: max(-1, leverage x (return - cost))."""
    return max(-1.0, leverage * (move - cost))


def superp_value(leverage: float, sigma: float, cost: float) -> float:
    """Expected payoff on the stake, after cost, when the return is normal with mean 0 and deviation `sigma`.

    With k = cost - 1 / leverage, below which the stake is gone, and z = k / sigma:
    -N(z) + leverage x (sigma n(z) - cost (1 - N(z))). It is an option that nobody sells at this price: where this is
    above 0 the simulation pays for risk that a real counterparty would not take. That is why it stays a simulation.
    """
    if sigma <= 0:
        return superp_payoff(leverage, 0.0, cost)
    z = (cost - 1.0 / leverage) / sigma
    below = 0.5 * math.erfc(-z / math.sqrt(2.0))
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return -below + leverage * (sigma * density - cost * (1.0 - below))
