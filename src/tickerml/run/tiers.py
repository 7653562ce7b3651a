"""Whether the simulated venue has margin tiers: where a perpetual may be traded above leverage 1 it liquidates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tickerml.account.brackets import TABLES
from tickerml.config import Config
from tickerml.engine.venue_setup import Terms
from tickerml.run.strategies import Chosen
from tickerml.strategies.psc import Psc
from tickerml.tape.instruments import Instrument


def tiered(terms: Terms, chosen: Sequence[Chosen], traded: Iterable[Instrument], config: Config) -> Terms:
    """The terms, with the venue's tiers where `account.tiers` is auto and the run may need them."""
    needed = config.account.tiers == "auto" and most_leverage(chosen, config) > 1 and _perpetuals(traded)
    return replace(terms, tiers=TABLES) if needed else terms


def unliquidated(chosen: Sequence[Chosen], traded: Iterable[Instrument], config: Config) -> str:
    """What a run's notes say where its leverage is above 1 and the venue is told to have no tiers; else nothing."""
    most = most_leverage(chosen, config)
    if config.account.tiers != "none" or most <= 1 or not _perpetuals(traded):
        return ""
    return f"leverage up to {most:g} without margin tiers: nothing is liquidated (account.tiers: auto has them)"


def most_leverage(chosen: Sequence[Chosen], config: Config) -> float:
    """The largest leverage that a run may trade at: the account's usual one, or a strategy's own as the desk allows it.

    A strategy's own is its parameter `leverage`. What setups name without such a parameter is not known before a run.
    """
    own = (_own(one.strategy) for one in chosen if not one.compiled)
    return max([config.trading.leverage, *(min(times, config.limits.max_leverage) for times in own)])


def _own(strategy: object) -> float:
    if isinstance(strategy, Psc):  # a SuperP position has no margin
        return 1.0 if strategy.superp else strategy.max_leverage
    told = getattr(strategy, "leverage", None)
    return float(told) if isinstance(told, int | float) else 1.0


def _perpetuals(traded: Iterable[Instrument]) -> bool:
    return any(":" in one.symbol for one in traded)
