"""What the desk refuses whatever came before: the arrays, which have no desk, would trade it all the same.

Each setup of a sweep is judged by the desk itself with the account of the start, at the lowest and the highest close of
the bars: a liquidation too near its stop, an exit too small, a coin outside the universe. Sizes that limits of the
account make smaller than the stake are no refusal: the arrays stake the same money in each trade.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np

from tickerml.desk.approved import Refusal
from tickerml.lab.bar_sweep import Market
from tickerml.lab.sweep_kernels import BARS, COMBO, ENTERING, decide
from tickerml.run.empty_desk import EmptyDesk
from tickerml.run.setup import Setting, dense, with_least
from tickerml.run.strategies import Chosen
from tickerml.run.sweep_alone import alone
from tickerml.run.tiers import tiered
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Setup
from tickerml.tape.tape import Header


class SweepDesk:
    """The desk as the engine's trials have it, before their first trade."""

    def __init__(self, chosen: Chosen, header: Header, traded: Sequence[Instrument], setting: Setting) -> None:
        self._chosen, self._traded, self._setting = chosen, traded, alone(setting)
        self._instruments = dense(with_least(header, setting.config).instruments)
        self._desks: dict[Any, EmptyDesk] = {}

    def check(
        self, strategies: Sequence[Any], stakes: Sequence[int], inst: Instrument, cash: Decimal, market: Market
    ) -> None:
        """ValueError, in the desk's words, where it refuses what the arrays would trade on this instrument."""
        closes = market.bars["close"]
        prices = sorted({int(closes.min()), int(closes.max())})
        known = set()
        for strategy, stake in zip(strategies, stakes, strict=True):
            setup: Setup = strategy.setup
            mine = (setup.side, setup.horizon_ns, setup.target, setup.stop, setup.stake, repr(setup.info), stake)
            if (key := (*mine, getattr(strategy, "leverage", None))) in known:
                continue
            known.add(key)
            desk = self._desk(strategy)
            for price in (one for one in prices if _enters(stake, one, market)):
                verdict = desk.judged(0, self._instruments[inst.id], setup, cash, price)
                if isinstance(verdict, Refusal):
                    raise ValueError(f"the desk refuses its setups: {verdict.text}")

    def _desk(self, strategy: Any) -> EmptyDesk:
        """Parameter sets of one leverage have the same margin tiers."""
        leverage = getattr(strategy, "leverage", None)
        if leverage not in self._desks:
            config, one = self._setting.config, replace(self._chosen, strategy=strategy)
            terms = tiered(self._setting.terms, [one], self._traded, config)
            self._desks[leverage] = EmptyDesk([one.name], self._instruments, config, terms, config.manager)
        return self._desks[leverage]


def _enters(stake: int, price: int, market: Market) -> bool:
    """Whether the arrays enter at this close; they leave what is less than the least order by themselves."""
    combo, bars = np.zeros(1, COMBO)[0], np.zeros(1, BARS)
    combo["stake"], bars["close"] = stake, price
    decide(combo, bars, 0, market.rules, market.terms)
    return bool(combo["state"] == ENTERING)
