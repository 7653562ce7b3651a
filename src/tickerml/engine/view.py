"""What a strategy sees at a wake: the view of one instrument, read from the loop's states and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from tickerml.engine.books import Books
from tickerml.engine.own import Own
from tickerml.strategies.view import Position
from tickerml.tape.errors import ConfigError
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import Record


class EngineView:
    """The `View` of tickerml.strategies.view for one strategy and one instrument; reused from wake to wake."""

    def __init__(
        self,
        books: Books,
        instrument: Instrument,
        state: Record,
        shared: Record,
        ton: Callable[[], float],
        short: Mapping[str, str],
        own: Own,
        told: Sequence[str] = (),
    ) -> None:
        """`state` and `shared`: the strategy's records; `ton` gives TON's price now; `short`: name here -> feature.

        `told`: features that stand in each intent's row, whether the strategy sees them or not.
        """
        self._books, self._ton, self._own = books, ton, own
        self.instrument = instrument
        self.state, self.shared = state, shared
        self._inst = instrument.id
        self._outputs = {name: self._place(feature) for name, feature in {**_alone(short), **short}.items()}
        self._told = {name: self._place(name) for name in told}
        self._tick = float(instrument.tick)

    @property
    def now(self) -> int:
        """Time of the wake, ns UTC: everything received by then is in the view, nothing later."""
        return self._books.now

    @property
    def close(self) -> float:
        """Newest price in quote: the mid of a valid book, else the last trade or bar; NaN while there is none."""
        twice = self._books.prices.twice(self._inst)
        return twice * 0.5 * self._tick if twice else math.nan

    @property
    def bar_only(self) -> bool:
        """True where the source has no order book for this instrument."""
        return self._books.prices.is_bar_only(self._inst)

    @property
    def ton(self) -> float:
        """TON price in quote as configured; NaN while there is none."""
        return self._ton()

    @property
    def position(self) -> Position | None:
        """What is held of this instrument, or None."""
        return self._books.position(self._inst)

    @property
    def equity(self) -> float:
        """Cash and open profit of the account, in its currency."""
        books = self._books
        wallet = books.wallets.wallet_of[self._inst]
        return float(books.wallets.amount(wallet, books.equity(wallet)))

    def __getitem__(self, name: str) -> float:
        found = self._outputs.get(name)
        if found is None:
            raise ConfigError("feature-undeclared", f'the strategy reads "{name}" but does not declare it in `sees`')
        return self._read(*found)

    def told(self) -> dict[str, float]:
        """The features that stand in an intent's row, as they are now."""
        return {name: self._read(*place) for name, place in self._told.items()}

    def _place(self, feature: str) -> tuple[NDArray[Any] | None, str]:
        """Where a fold keeps the feature of all instruments, and its name; nowhere where it is of our own account."""
        if feature not in self._books.loop.columns:
            return None, feature
        k, field = self._books.loop.columns[feature]
        return self._books.loop.outputs[k][field], feature

    def _read(self, column: NDArray[Any] | None, feature: str) -> float:
        return self._own.read(feature, self._inst) if column is None else float(column.item(self._inst))


def _alone(short: Mapping[str, str]) -> dict[str, str]:
    """Features under their own names."""
    return {feature: feature for feature in short.values()}
