"""Whether the simulated venue has margin tiers: where a perpetual may be traded above leverage 1 it liquidates."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tickerml.account.brackets import TABLES
from tickerml.config import Config
from tickerml.desk.limits import Limits
from tickerml.engine.venue_setup import Terms
from tickerml.run.siblings import mentions
from tickerml.run.strategies import BUILT_IN, Chosen
from tickerml.strategies.psc import Psc
from tickerml.tape.instruments import Instrument


def tiered(terms: Terms, chosen: Sequence[Chosen], traded: Iterable[Instrument], config: Config) -> Terms:
    """The terms, with the venue's tiers where `account.tiers` is auto and the run may need them."""
    needed = config.account.tiers == "auto" and most_leverage(chosen, config) > 1 and _perpetuals(traded)
    return replace(terms, tiers=TABLES) if needed else terms


def held_down(limits: Limits, terms: Terms, config: Config) -> Limits:
    """The desk's limits: where `account.tiers: auto` found no need of tiers, nothing is traded above leverage 1.

    That is a strategy which names one although neither its parameters nor its code had told of it.
    """
    return replace(limits, max_leverage=1.0) if config.account.tiers == "auto" and not terms.tiers else limits


def unliquidated(chosen: Sequence[Chosen], traded: Iterable[Instrument], config: Config) -> str:
    """What a run's notes say where its leverage is above 1 and the venue is told to have no tiers; else nothing."""
    most = most_leverage(chosen, config)
    if config.account.tiers != "none" or most <= 1 or not _perpetuals(traded):
        return ""
    return f"Leverage up to {most:g} without margin tiers: nothing is liquidated (account.tiers: auto has them)"


def most_leverage(chosen: Sequence[Chosen], config: Config) -> float:
    """The largest leverage that a run may trade at: the account's usual one, or a strategy's own as the desk allows it.

    A strategy's own is its parameter `leverage`. Without one it is what `limits.max_leverage` allows where its code
    speaks of a leverage: what its setups will name is not known before the run.
    """
    own = (_own(one) for one in chosen if not one.compiled)
    return max([config.trading.leverage, *(min(times, config.limits.max_leverage) for times in own)])


def _own(chosen: Chosen) -> float:
    strategy = chosen.strategy
    if isinstance(strategy, Psc):  # a SuperP position has no margin
        return 1.0 if strategy.superp else strategy.max_leverage
    told = getattr(strategy, "leverage", math.nan)  # None: the account's usual one
    if told is None or (isinstance(told, int | float) and not math.isnan(told)):
        return float(told or 1.0)
    return math.inf if chosen.source not in BUILT_IN and _speaks_of_it(strategy) else 1.0


def _speaks_of_it(strategy: object) -> bool:
    """Whether setups of a strategy of the user's own may name a leverage; true where its code cannot be read."""
    if getattr(getattr(strategy, "setup", None), "leverage", None) is not None:
        return True
    try:
        file = inspect.getsourcefile(type(strategy))
    except TypeError:  # typed into a prompt
        file = None
    return file is None or not Path(file).is_file() or mentions(Path(file), "leverage")


def _perpetuals(traded: Iterable[Instrument]) -> bool:
    return any(":" in one.symbol for one in traded)
