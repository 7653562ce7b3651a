"""The settings sections of the desk beside `limits`: the manager, the regime, the universe, the portfolio.

Plain dataclasses without numba: the settings read them on every start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, TypeAlias

from tickerml.tape.params import Range

MONITORED: Final = (  # the 24 coins that the rule strategies were written for
    *("BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "AVAX", "DOGE", "DOT", "LINK", "UNI", "ATOM"),
    *("NEAR", "ICP", "ARB", "OP", "AAVE", "CRV", "MKR", "INJ", "SEI", "PEPE", "WIF", "BONK"),
)
MONITORED_WORD: Final = "monitored"  # what stands for them in a list of coins
_WEIGHTS: Final = {"dca": 0.4, "swing": 0.3, "channel": 0.3}


Weighing: TypeAlias = Literal["none", "equal", "inverse_volatility", "given", "by_balance"]
SIMPLE_BELOW: Final = 20.0  # settle currency; balance below which weights are equal (S4)


@dataclass(frozen=True)
class Manager:
    """The manager above the strategies: whose capital, whose turn, which coins."""

    strategies: tuple[str, ...] = ()  # traded together where none is named; empty = psc (ml_microstructure.enabled)
    weights: Mapping[str, float] = field(default_factory=lambda: dict(_WEIGHTS))  # capital; normalised over those on
    weight: Annotated[float, Range(0, 1)] = 0.3  # capital of a strategy that weights does not name
    priorities: Mapping[str, float] = field(default_factory=dict)  # higher goes first among equals; 0 when not named
    confidence: Mapping[str, float] = field(default_factory=dict)  # least, as the strategy's own min_confidence
    scan_minutes: Annotated[float, Range(0.01, 1440)] = 5.0  # not used yet; minutes between two scans of bar strategies
    prior_trades: Annotated[float, Range(0, 10_000)] = 20.0  # trades that the break-even rate counts as
    symbols: tuple[str, ...] = ()  # base coins; monitored = the usual 24; empty = all of the source, or the universe
    quoted: tuple[str, ...] = ()  # base coins that the quoter alone trades; empty = all, and nobody beside it may
    top: Annotated[int, Range(0, 1000)] = 0  # coins of the universe by 30-day volume; 0 = no rule
    min_age_days: Annotated[float, Range(0, 3650)] = 30.0  # days since its first bar; universe rule
    max_spread_bps: Annotated[float, Range(0, 10_000)] = 30.0  # basis points of the mid, median of a day; universe rule
    features: tuple[str, ...] = ()  # features, or sets such as rules@1, whose values stand in each intent's row
    portfolio: Weighing = "none"  # weights of coins; given: by rows; by_balance: equal below 20, else by volatility


def portfolio_at(mode: Weighing, balance: float) -> Weighing:
    """The weights of a run that begins with this balance."""
    if mode != "by_balance":
        return mode
    return "equal" if balance < SIMPLE_BELOW else "inverse_volatility"


def coins_named(symbols: Sequence[str]) -> frozenset[str]:
    """The base coins of a list, with the 24 in the place of the word that stands for them."""
    named = frozenset(symbols) - {MONITORED_WORD}
    return named | frozenset(MONITORED) if MONITORED_WORD in symbols else named


@dataclass(frozen=True)
class Regime:
    """Circuit breaker and trend, read off a reference coin; every change is a row."""

    reference: str = "BTC"  # base coin; where the source lacks it, its first coin
    panic_hour: Annotated[float, Range(0, 1)] = 0.05  # share; fall within an hour: PANIC, entries stop
    panic_day: Annotated[float, Range(0, 1)] = 0.15  # share; fall within a day: PANIC
    caution_hour: Annotated[float, Range(0, 1)] = 0.03  # share; fall within an hour: CAUTION, smaller entries
    caution_day: Annotated[float, Range(0, 1)] = 0.08  # share; fall within a day: CAUTION
    caution_volatility: Annotated[float, Range(1, 100)] = 3.0  # times its week; volatility of the hour: CAUTION
    euphoria_hour: Annotated[float, Range(0, 1)] = 0.05  # share; rise within an hour: EUPHORIA, smaller entries
    euphoria_day: Annotated[float, Range(0, 1)] = 0.12  # share; rise within a day: EUPHORIA
    caution_size: Annotated[float, Range(0, 1)] = 0.5  # factor on sizes in CAUTION
    euphoria_size: Annotated[float, Range(0, 1)] = 0.75  # factor on sizes in EUPHORIA
    leave: Annotated[float, Range(0, 1)] = 0.7  # share of a threshold below which a state is left (hysteresis)
    dwell_minutes: Annotated[float, Range(0, 10_080)] = 30.0  # minutes that a state lasts at least, unless it worsens
    trend: Annotated[float, Range(0, 1)] = 0.02  # share; day's over week's average price: bull, below it: bear
    favour: Annotated[float, Range(0, 1)] = 0.75  # factor on the expected value of strategies out of season
    chop_target: Annotated[float, Range(0, 1)] = 0.8  # factor on targets of trend strategies in sideways markets
