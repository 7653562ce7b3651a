"""What a strategy sees at a wake: the view of one instrument, read from the loop's states and nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from tickerml.engine.books import Books
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
    ) -> None:
        """`state` and `shared`: the strategy's records; `ton` gives TON's price now; `short`: name here -> feature."""
        self._books, self._ton = books, ton
        self.instrument = instrument
        self.state, self.shared = state, shared
        loop = books.loop
        self._mark = loop.marks[instrument.id]
        columns = {name: loop.columns[name] for name in short.values()}
        self._outputs = {name: (loop.outputs[k][instrument.id], field) for name, (k, field) in columns.items()}
        self._outputs |= {name: self._outputs[feature] for name, feature in short.items()}
        self._tick = float(instrument.tick)

    @property
    def now(self) -> int:
        """Time of the wake, ns UTC: everything received by then is in the view, nothing later."""
        return self._books.now

    @property
    def close(self) -> float:
        """Newest price in quote: the mid of a valid book, else the last trade or bar; NaN while there is none."""
        twice = int(self._mark["price2"])
        return twice * 0.5 * self._tick if twice else math.nan

    @property
    def bar_only(self) -> bool:
        """True where the source has no order book for this instrument."""
        return self._books.prices.is_bar_only(self.instrument.id)

    @property
    def ton(self) -> float:
        """TON price in quote as configured; NaN while there is none."""
        return self._ton()

    @property
    def position(self) -> Position | None:
        """What is held of this instrument, or None."""
        return self._books.position(self.instrument.id)

    @property
    def equity(self) -> float:
        """Cash and open profit of the account, in its currency."""
        return self._books.equity_of(self.instrument.id)

    def __getitem__(self, name: str) -> float:
        found = self._outputs.get(name)
        if found is None:
            raise ConfigError("feature-undeclared", f'the strategy reads "{name}" but does not declare it in `sees`')
        return float(found[0][found[1]])
