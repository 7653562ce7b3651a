"""What a strategy sees, and what it must offer. The engine implements `View`; strategies only read it.

A view holds nothing later than the row that woke the strategy. All that a strategy remembers lies in the two numpy
records of the view (`state` per instrument, `shared` per strategy), so a snapshot of a run is bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tickerml.strategies.wake import Wake
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Figure, Intent, Pass
from tickerml.tape.rows import Record


@dataclass(frozen=True, slots=True)
class Position:
    """What is held of the view's instrument."""

    lots: int  # signed
    entry: float  # average entry price, quote per unit
    since: int  # ns, when it was opened
    pnl: float  # unrealised, settle currency, at the price that closing would get


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a position ended: the SETTLED row, as a strategy is told. Money in the settle currency, prices in quote."""

    side: int
    entry: float
    exit: float
    entry_time: int  # ns
    exit_time: int  # ns
    gross: float  # before costs
    fees: float
    funding: float
    pnl: float  # after costs
    reason: str  # "target", "stop", "timer", ...
    info: Mapping[str, Figure] = field(default_factory=dict)  # of the intent that opened it
    legs: tuple[Outcome, ...] = ()  # of a trade with several legs: money is of all, prices and side of the first filled


class View(Protocol):
    """The market and our part in it, as known at the row that woke the strategy."""

    @property
    def instrument(self) -> Instrument:
        """The instrument that this wake is about."""
        ...

    @property
    def now(self) -> int:
        """Receive time of the row that woke the strategy, ns UTC."""
        ...

    @property
    def close(self) -> float:
        """Newest price in quote: the mid of a valid book, else the last bar's close; NaN while there is none."""
        ...

    @property
    def bar_only(self) -> bool:
        """True where the source has no order book."""
        ...

    @property
    def ton(self) -> float:
        """TON price in quote as configured (tape, slower source or constant); NaN while there is none."""
        ...

    @property
    def position(self) -> Position | None:
        """What is held of this instrument, or None."""
        ...

    @property
    def equity(self) -> float:
        """Cash and open profit of the account, in its currency."""
        ...

    @property
    def state(self) -> Record:
        """The strategy's own record for this instrument (its `state` dtype), zero-filled at the start; writable."""
        ...

    @property
    def shared(self) -> Record:
        """The strategy's one record for all instruments (its `shared` dtype), zero-filled at the start; writable."""
        ...

    def __getitem__(self, name: str) -> float:
        """A feature that the strategy declared in `sees`; NaN while it is unavailable."""
        ...


class Strategy(Protocol):
    """What the engine needs of a strategy: a frozen dataclass of parameters with these.

    Optional, found by name: `state` and `shared` (np.dtype), and `on_settled(view, outcome) -> None`, called when a
    position that this strategy opened has closed, before its next wake.
    """

    @property
    def wake(self) -> Wake | tuple[Wake, ...]:
        """When it is woken."""
        ...

    @property
    def sees(self) -> tuple[str, ...]:
        """Names of the features it reads."""
        ...

    def decide(self, view: View) -> Intent | Pass:
        """The answer to one wake: deterministic in the view, without clock, randomness or own mutable state."""
        ...
