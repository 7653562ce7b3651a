"""One parameter set on one span of time, with the engine: warm from what came before, trading only within."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tickerml.engine.machine import Machine
from tickerml.lab.splits import Span
from tickerml.run.setup import Setting, build
from tickerml.run.strategies import Chosen
from tickerml.run.sweep_alone import alone
from tickerml.tape.block import Block
from tickerml.tape.build import cut
from tickerml.tape.intents import Legs, Pass, Quotes, Setup, Target
from tickerml.tape.tape import Tape

MARKS: Final = 32  # of equity in a span


@dataclass(frozen=True)
class Judgement:
    """What one parameter set did in a span. Money of the account's currency."""

    marks: tuple[float, ...]  # money above the start, at equal steps of time
    trades: int
    won: int
    fees: float


def judge(chosen: Chosen, tape: Tape, setting: Setting, span: Span) -> Judgement:
    """Trade `tape` within `span`; before it the strategy decides, unsent, and at its end what is open is marked.

    So its features and its own state are those of one that ran before, and it starts flat: what it would have held or
    learned of its own trades, it lacks. A compiled strategy that quotes needs no warm-up: it begins with the span.
    """
    machine = build([chosen], tape.header, alone(setting), lambda _: None)
    _gate(machine, span.start)
    books = machine.trader.books
    times = span.start + (span.end - span.start) * np.arange(1, MARKS) // MARKS
    marks = [books.equity(books.purse) for _ in paused(machine, tape.blocks(), times)]
    machine.end()
    marks.append(books.equity(books.purse))
    unit, begun = float(books.wallets.amount(books.purse, 1)), books.begun
    account = books.account[0]
    fees = float(books.wallets.amount(books.purse, int(machine.loop.positions["fees"].sum())))
    return Judgement(tuple((one - begun) * unit for one in marks), int(account["settled"]), int(account["won"]), fees)


def paused(machine: Machine, blocks: Iterable[Block], times: NDArray[np.int64]) -> Iterator[int]:
    """Push all rows; stop when those received by each of `times` (ascending, ns) are in, and yield its number."""
    at = 0
    for block in blocks:
        received = np.maximum.accumulate(block.rows["recv"]) if len(block) else np.zeros(0, np.int64)
        stops = np.searchsorted(received, times[at:], "right")
        begin = 0
        for stop in stops[stops < len(block)].tolist():
            if stop > begin:
                machine.push(cut(block, begin, stop))
            begin = stop
            yield at
            at += 1
        if begin < len(block):
            machine.push(cut(block, begin, len(block)))
    yield from range(at, len(times))


def _gate(machine: Machine, start: int) -> None:
    """Nothing that a strategy wants before `start` is sent."""
    strategies: Any = machine.trader.strategies
    strategies[:] = [replace(one, strategy=_Gated(one.strategy, start)) for one in strategies]


class _Gated:
    """A strategy that decides as ever, and whose answers are passes before its time."""

    def __init__(self, strategy: Any, start: int) -> None:
        self._strategy, self._start = strategy, start

    def __getattr__(self, name: str) -> Any:
        return getattr(self._strategy, name)

    def decide(self, view: Any) -> Any:
        """Its answer; before its time a pass, which tells nothing else of one that is none."""
        answer = self._strategy.decide(view)
        return answer if view.now >= self._start or not isinstance(answer, _SENT) else _EARLY


_SENT: Final = (Setup, Target, Quotes, Legs)
_EARLY: Final = Pass("before its time")
