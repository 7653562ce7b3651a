"""What the desk checks before an entry, and the closed list of its refusals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from tickerml.tape.params import Range


class Refused(IntEnum):
    """Why the desk refused an intent. Every refusal is a row; `TEXT` is how people read it."""

    POSITION_OPEN = 1
    TOO_MANY_POSITIONS = 2
    CAPITAL_IN_USE = 3
    BELOW_MIN_NOTIONAL = 4
    NO_PRICE = 5
    NO_CASH = 6
    DRAWDOWN = 7
    SUPERP_OFF = 8
    UNKNOWN_KIND = 9
    EQUITY_UNKNOWN = 10
    STALE = 11
    NO_SHORT = 12


TEXT: dict[Refused, str] = {
    Refused.POSITION_OPEN: "position already open",
    Refused.TOO_MANY_POSITIONS: "too many positions",
    Refused.CAPITAL_IN_USE: "capital in use",
    Refused.BELOW_MIN_NOTIONAL: "below minimum notional",
    Refused.NO_PRICE: "no price",
    Refused.NO_CASH: "not enough cash",
    Refused.DRAWDOWN: "drawdown limit",
    Refused.SUPERP_OFF: "SuperP is off",
    Refused.UNKNOWN_KIND: "intent not supported by this desk",
    Refused.EQUITY_UNKNOWN: "equity cannot be computed",
    Refused.STALE: "market data stale",
    Refused.NO_SHORT: "spot cannot be sold short",
}


@dataclass(frozen=True)
class Limits:
    """Limits of the account; a check that cannot be computed counts as failed."""

    risk_per_trade: Annotated[float, Range(0, 0.05)] = 0.02  # share of equity lost at the stop, or staked
    max_position: Annotated[float, Range(0, 1)] = 0.25  # share of equity, notional of one position
    max_in_use: Annotated[float, Range(0, 1)] = 0.5  # share of equity, margin, spot cost and stakes together
    max_open_positions: Annotated[int, Range(1, 100)] = 5  # positions at once
    stale_after: Annotated[float, Range(0.1, 3600)] = (
        10.0  # seconds without a row of the instrument (bars: two bars more)
    )
    max_drawdown: Annotated[float, Range(0, 1)] = 0.2  # fall from the equity peak that stops entries
