"""What strategies saw at some of their wakes and what they answered: enough to ask them again without the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tickerml.engine.detectors import short_names
from tickerml.engine.machine import Machine
from tickerml.strategies.view import Position
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Pass
from tickerml.tape.rows import Record

TRADES: Final = 24  # looks kept of a strategy's intents, at least, where it had so many
PASSES: Final = 6  # and of its passes for each reason
REASONS: Final = 16  # reasons that are told apart


@dataclass(frozen=True)
class Look:
    """One wake: all that the view said, and the answer as text."""

    instrument: Instrument
    now: int  # ns
    close: float
    bar_only: bool
    ton: float
    position: Position | None
    equity: float
    features: Mapping[str, float]
    state: Record  # before the answer
    shared: Record
    answer: str
    traded: bool  # the answer was an intent


class Again:
    """The `View` of a look: what it said then and nothing else."""

    def __init__(self, look: Look) -> None:
        """Records are copies: whoever is asked may write to them."""
        self.instrument, self.now, self.close = look.instrument, look.now, look.close
        self.bar_only, self.ton, self.position, self.equity = look.bar_only, look.ton, look.position, look.equity
        self.state, self.shared = look.state.copy(), look.shared.copy()
        self._features = look.features

    def __getitem__(self, name: str) -> float:
        return self._features[name]


class Thinned:
    """Some of many, spread evenly, whose number is not known before: between `most` and twice as many."""

    def __init__(self, most: int) -> None:
        self.kept: list[Look] = []
        self._most, self._step, self._seen = most, 1, 0

    def wants(self) -> bool:
        """Whether the next one is to be kept; call it for each."""
        self._seen += 1
        return (self._seen - 1) % self._step == 0

    def add(self, look: Look) -> None:
        """Keep one that was wanted."""
        self.kept.append(look)
        if len(self.kept) >= 2 * self._most:
            self.kept, self._step = self.kept[::2], 2 * self._step


class Looks:
    """The looks of one strategy of a run."""

    def __init__(self, strategy: Any) -> None:
        """None yet."""
        self.strategy = strategy
        self._names = tuple({**(short := short_names(strategy.sees)), **dict.fromkeys(short.values(), "")})
        self._kept: dict[str, Thinned] = {}

    def all(self) -> list[Look]:
        """What was kept, by time."""
        return sorted((look for kept in self._kept.values() for look in kept.kept), key=lambda look: look.now)

    def decide(self, view: Any) -> Any:
        """Ask the strategy; keep what it saw where that is wanted."""
        state, shared = view.state.copy(), view.shared.copy()
        answer = self.strategy.decide(view)
        reason = answer.reason if isinstance(answer, Pass) else ""
        kept = self._kept.get(reason) or self._kept.setdefault(
            reason if len(self._kept) < REASONS else "...", Thinned(PASSES if reason else TRADES)
        )
        if kept.wants():
            kept.add(self._look(view, state, shared, told(answer), reason == ""))
        return answer

    def _look(self, view: Any, state: Record, shared: Record, answer: str, traded: bool) -> Look:
        features = {name: view[name] for name in self._names}
        return Look(
            view.instrument, view.now, view.close, view.bar_only, view.ton, view.position, view.equity, features,
            state, shared, answer, traded,
        )  # fmt: skip

    def __getattr__(self, name: str) -> Any:
        return getattr(self.strategy, name)


def told(answer: object) -> str:
    """An answer as text: equal for equal answers, figures included."""
    return repr(answer)


def looking(machine: Machine) -> tuple[Looks, ...]:
    """Let every strategy of the machine be asked through a `Looks`, which is what is returned."""
    strategies: Any = machine.trader.strategies
    found = tuple(Looks(one.strategy) for one in strategies)
    strategies[:] = [replace(one, strategy=looks) for one, looks in zip(strategies, found, strict=True)]
    return found
