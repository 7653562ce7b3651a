"""What the desk decides once a day from compiled folds: which coins are in the universe, and their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tickerml.desk.desk import Desk
from tickerml.desk.settings import Manager
from tickerml.desk.universe import Listing, begin_of
from tickerml.engine.loop import Loop
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import DAY, FOREVER

_LISTED: Final = ("turnover(30)", "listed_days(30)", "day_spread(30)")
_VOLATILITY: Final = "bar_volatility(24, 1h)"
_WEIGHT: Final = "weight"


def wanted(rules: Manager) -> tuple[str, ...]:
    """Features that must be in the loop for these rules; none for a desk without universe and portfolio."""
    listed = _LISTED if rules.top and not rules.symbols else ()
    weighed = {"inverse_volatility": (_VOLATILITY,), "given": (_WEIGHT,)}.get(rules.portfolio, ())
    return (*listed, *weighed)


class Daily:
    """Reads the folds' fields; remembers nothing, the desk's tables do."""

    def __init__(self, loop: Loop, desk: Desk, instruments: Sequence[Instrument]) -> None:
        """Nothing is looked at yet."""
        self._loop, self._desk = loop, desk
        self._coins = [one.id for one in instruments if not one.values_only]
        self._all = len(instruments)

    def look(self, now: int) -> None:
        """Let the desk decide what is due at `now`, ns; its changes are told."""
        desk = self._desk
        if desk.universe.due(now):
            read = (self._read(name) for name in _LISTED)
            desk.tell(desk.universe.decide(now, [Listing(*one) for one in zip(*read, strict=True)]))
        if desk.portfolio.mode == "given":
            told = self._read(_WEIGHT)
            desk.tell(desk.portfolio.follow(now, {inst: told[inst] for inst in self._coins}))
        elif desk.portfolio.due(now):
            allowed = desk.universe.allowed()
            chosen = [inst for inst in self._coins if allowed is None or inst in allowed]
            known = self._read(_VOLATILITY) if desk.portfolio.mode == "inverse_volatility" else [1.0] * self._all
            desk.tell(desk.portfolio.observe(now, {inst: known[inst] for inst in chosen}))

    def due(self, now: int) -> int:
        """When there may be something to decide next, ns, after a look at `now`."""
        universe, portfolio = self._desk.universe, self._desk.portfolio
        if portfolio.mode == "given" or portfolio.due(now) or universe.due(now):
            return now
        return begin_of(now) + DAY if portfolio.mode != "none" or universe.chooses else FOREVER

    def _read(self, name: str) -> list[float]:
        """A feature of each instrument."""
        k, field = self._loop.columns[name]
        values: list[float] = self._loop.outputs[k][field].tolist()
        return values
