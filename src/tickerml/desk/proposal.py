"""What a round judges: one setup of one strategy on one instrument, with what ranks it."""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct

from tickerml.desk.exposure import Worst
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Setup
from tickerml.tape.rows import Record

_TIERS: Final = ("", "A", "B")


class Proposal(Struct, frozen=True):
    """A setup that a strategy wants, as it said it: prices in quote, a stake in the settle currency."""

    seq: int  # of the INTENT row: the approval carries it
    strategy: int  # its number in the run
    name: str  # its name: weights, priorities and the least confidence go by it
    inst: Instrument
    contract: Record  # account.contract.CONTRACT
    setup: Setup
    group: int = 0  # legs of one intent share a number above 0: they stand or fall together
    held: Worst | None = None  # what the same strategy holds on the coin, and this adds to; None = it adds to nothing

    @property
    def confidence(self) -> float | None:
        """The calibrated probability that the trade ends net positive; None while no model or calibrator gives one."""
        return self._figure("confidence")

    @property
    def least(self) -> float | None:
        """The least confidence that the strategy asks of itself; NaN for what is no number, None where it asks none."""
        told = self.setup.info.get("min_confidence")
        return None if told is None else _number(told)

    @property
    def min_notional(self) -> float:
        """The smallest entry that the strategy makes, quote; NaN for what is no number, 0 where it says none."""
        return _number(self.setup.info.get("min_notional", 0.0))

    @property
    def signal(self) -> float | None:
        """A model's signal, -2 to 2; None where the intent does not come from one."""
        return self._figure("signal")

    @property
    def tier(self) -> str:
        """Tier "A" or "B" of the five-signal strategy; "" for all others."""
        tier = str(self.setup.info.get("tier", ""))[:1].upper()
        return tier if tier in _TIERS else ""

    @property
    def turbo(self) -> bool:
        """Whether the strategy asks for the turbo profile; the desk grants it to small accounts only."""
        return self.setup.info.get("turbo") is True

    def _figure(self, name: str) -> float | None:
        value = self.setup.info.get(name)
        if value is None:
            return None
        number = _number(value)
        return number if math.isfinite(number) else None


def _number(told: object) -> float:
    """A figure as a strategy tells it; NaN for what is no number, truth among it."""
    if type(told) is float:  # nearly always, and this is quick
        return told
    return float(told) if isinstance(told, int | float) and not isinstance(told, bool) else math.nan
