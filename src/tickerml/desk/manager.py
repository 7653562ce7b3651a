"""The manager above the strategies: capital shares, expected value, conflicts on a coin, and whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tickerml.desk.facts import Market
from tickerml.desk.memory import Memory
from tickerml.desk.proposal import Proposal
from tickerml.desk.regime import Stance
from tickerml.desk.settings import Manager as Rules
from tickerml.tape.errors import ConfigError

_NO_COST: Final = Market(0, 0)


class Manager:
    """Ranks proposals. Holds settings; what it knows of past trades lies in the desk's memory."""

    def __init__(self, rules: Rules, names: Sequence[str], memory: Memory) -> None:
        """`names` of the strategies by number. ConfigError `weights` when none of them has any capital."""
        self.rules, self.names, self.memory = rules, tuple(names), memory
        self.shares = shares(rules, self.names)

    def expected(self, p: Proposal, market: Market, stance: Stance) -> float:
        """Expected value of a setup as a fraction of its notional: p x target - (1 - p) x stop - cost.

        p is the calibrated confidence; without one, the strategy's own rate of won trades on all coins, shrunk towards
        the rate at which the setup breaks even as if that had been seen in `prior_trades` trades: with no trades the
        expected value is 0. Without a target it counts as far as the stop; without a stop all of the stake is lost.
        Out of its season (desk/regime.py) a strategy's value counts less.
        """
        stop = p.setup.stop if p.setup.stop is not None else 1 / (p.setup.leverage or 1.0)
        target = p.setup.target if p.setup.target is not None else stop
        chance = p.confidence
        if chance is None:
            won, trades = self.memory.record(p.strategy)
            even = break_even(target, stop, market.cost)
            weight = self.rules.prior_trades + trades
            chance = (won + self.rules.prior_trades * even) / weight if weight else even
        worth = chance * target - (1 - chance) * stop - market.cost
        factor = stance.value_factor(p.name)
        return worth * factor if worth > 0 else worth / max(factor, 1e-9)

    def priority(self, p: Proposal) -> float:
        """The configured priority of its strategy."""
        return self.rules.priorities.get(p.name, 0.0)

    def order(self, proposals: Sequence[Proposal], worth: Sequence[float]) -> tuple[list[int], dict[int, int]]:
        """Whose turn it is: places of the proposals that are judged, in order, and loser -> winner of each conflict.

        On one coin what adds to the position there wins; then the higher confidence where all have one, else the higher
        expected value, then the higher priority, then the earlier intent. Legs of one intent win only together, so what
        loses one of its coins stands in nobody's way on the others. Those left are judged by expected value, priority,
        instrument.
        """
        if len(proposals) == 1:
            return [0], {}
        lost = self._lost(proposals, worth)
        left = [k for k in range(len(proposals)) if k not in lost]
        left.sort(key=lambda k: (-worth[k], -self.priority(proposals[k]), proposals[k].inst.id, proposals[k].seq))
        return left, lost

    def _lost(self, proposals: Sequence[Proposal], worth: Sequence[float]) -> dict[int, int]:
        """Loser -> winner, by places. What wins all its coins has them; then those that are left are looked at again.

        Where intents of several legs lose to each other in a circle, the best of those that win a coin goes first.
        """
        lost: dict[int, int] = {}
        left = list(range(len(proposals)))
        while left:
            by_coin: dict[int, list[int]] = {}
            for k in left:
                by_coin.setdefault(proposals[k].inst.id, []).append(k)
            best = {coin: self._best(proposals, worth, rivals) for coin, rivals in by_coin.items()}
            beaten = {_unit(proposals, k) for k in left if best[proposals[k].inst.id] != k}
            won = {_unit(proposals, k) for k in best.values()} - beaten
            won = won or {_unit(proposals, self._best(proposals, worth, list(best.values())))}
            taken: dict[int, int] = {}
            for k in left:
                if _unit(proposals, k) in won:
                    taken.setdefault(proposals[k].inst.id, k)
            lost |= {k: taken[coin] for k in left if (coin := proposals[k].inst.id) in taken and taken[coin] != k}
            over = won | {_unit(proposals, k) for k in left if k in lost}
            left = [k for k in left if _unit(proposals, k) not in over]
        return lost

    def _best(self, proposals: Sequence[Proposal], worth: Sequence[float], rivals: list[int]) -> int:
        confident = all(proposals[k].confidence is not None for k in rivals)

        def rank(k: int) -> tuple[bool, float, float, float, int]:
            """What adds to the coin's position; confidence where all have one; then worth, priority and age."""
            p = proposals[k]
            sure = -(p.confidence or 0.0) if confident else 0.0
            return p.held is None, sure, -worth[k], -self.priority(p), p.seq

        return min(rivals, key=rank)


def _unit(proposals: Sequence[Proposal], k: int) -> tuple[int, int]:
    """What stands or falls with proposal `k`: the legs of its group, or itself alone."""
    group = proposals[k].group
    return (group, -1) if group else (0, k)


def shares(rules: Rules, names: Sequence[str]) -> Mapping[int, float]:
    """Each strategy's share of the capital: its weight over the sum of those that are on."""
    weights = [rules.weights.get(name, rules.weight) for name in names]
    if any(not 0 <= w < float("inf") for w in weights) or (names and sum(weights) <= 0):
        told = ", ".join(f"{n} {w:g}" for n, w in zip(names, weights, strict=True))
        raise ConfigError("weights", f"capital weights must be above 0 in all: {told}", key="manager.weights")
    return {k: w / sum(weights) for k, w in enumerate(weights)}


def break_even(target: float, stop: float, cost: float) -> float:
    """Share of trades that must reach the target, the others losing the stop, for costs to be earned; at most 1."""
    return min(1.0, (stop + cost) / (target + stop))
