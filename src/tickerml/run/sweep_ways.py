"""The two ways to try a parameter set: over arrays of bars, many at once, or with the engine itself, one by one.

The fast way is taken where it gives the engine's trades (`fast`; what it asks for is in `lab/sweep_kernels.py`), and
nowhere else. It models the strategy and the venue, not the account: every trade stakes the same money, no limit of the
account (drawdown, positions at once, capital in use) stops an entry, and the loss of all of it liquidates nothing.
Where the desk would refuse a parameter set from the start it is not taken (run/sweep_desk.py), and the engine has the
last word on the best (run/sweep_check.py): what limits make of sizes, it tells.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tickerml.engine.detectors import short_names
from tickerml.engine.loop import Loop
from tickerml.engine.machine import Machine, drive
from tickerml.engine.outbox import Outbox
from tickerml.features.own import OWN
from tickerml.lab.bar_sweep import BarSweep, Market, bars_of, market_of
from tickerml.lab.sweep_kernels import TERMS
from tickerml.lab.sweep_text import reads_of, unfit
from tickerml.run.setup import Setting, build
from tickerml.run.strategies import Chosen, traded
from tickerml.run.sweep_alone import alone
from tickerml.run.sweep_bars import bars_judged, timeframe_of
from tickerml.run.sweep_desk import SweepDesk
from tickerml.run.tiers import tiered
from tickerml.strategies.wake import Bars
from tickerml.tape.block import Block
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Setup
from tickerml.tape.kernel_garbage import apart
from tickerml.tape.rows import MILLISECOND, Kind
from tickerml.tape.tape import Tape

EXACT_MARKS: Final = 128  # marks of equity where the engine runs
ARRAYS, ENGINE = "arrays", "engine"  # what tried a parameter set
_ENGINE: Final = 40 << 20  # bytes of one engine with its books, measured


@dataclass(frozen=True)
class Trial:
    """What one parameter set did. Money as decimals of the account's currency."""

    number: int  # place in the grid
    trades: int
    pnl: Decimal
    fees: Decimal
    worst: Decimal  # deepest fall of equity from its peak, at the marks
    won: int
    marks: NDArray[np.float64]  # money above the start, at each mark
    exact: bool = True  # False: some fill would have been partial at the venue
    way: str = ENGINE


@dataclass(frozen=True)
class Fast:
    """The fast way over all instruments that the strategy trades."""

    sweeps: tuple[BarSweep, ...]
    traded: tuple[Instrument, ...]
    machine: Machine

    def trials(self, after: Callable[[int], bool], numbers: Sequence[int]) -> Iterator[Trial]:
        """All trials, in order; `after(bars done)` may end it (ValueError)."""
        bars = 0
        found = []
        for sweep in self.sweeps:
            found.append(sweep.run(partial(_further, after, bars)))
            bars += len(sweep.market.bars)
        wallets, wallet = self.machine.trader.books.wallets, self.machine.trader.books.purse
        unit = float(wallets.amount(wallet, 1))
        for k, number in enumerate(numbers):
            mine = [one.combos[k] for one in found]
            marks = _together([one.marks[k] for one in found]) * unit
            fall = float(np.max(np.maximum.accumulate(np.maximum(marks, 0.0)) - marks, initial=0.0))
            yield Trial(
                number,
                sum(int(c["trades"]) for c in mine),
                wallets.amount(wallet, sum(int(c["pnl"]) for c in mine)),
                wallets.amount(wallet, sum(int(c["fees"]) for c in mine)),
                Decimal(repr(round(fall, 8))),
                sum(int(c["won"]) for c in mine),
                marks,
                exact=not any(int(c["thin"]) for c in mine),
                way=ARRAYS,
            )

    @property
    def bars(self) -> int:
        """Bars of all instruments."""
        return sum(len(one.market.bars) for one in self.sweeps)

    def only(self, numbers: Sequence[int]) -> Fast:
        """The same with these combinations alone."""
        return replace(self, sweeps=tuple(one.only(numbers) for one in self.sweeps))

    def others(self, chosen: Chosen, strategies: Sequence[Any], tape: Tape, setting: Setting) -> Fast:
        """Other parameter sets over the same bars. ValueError, with the reason, where that is not the engine's way."""
        for why in _unfit(chosen, strategies, tape, setting):
            raise ValueError(why)
        if strategies[0].wake.ns != self.sweeps[0].strategies[0].wake.ns:
            raise ValueError("its parameters change the timeframe")
        desk, made = SweepDesk(chosen, tape.header, self.traded, setting), []
        for one, inst in zip(self.sweeps, self.traded, strict=True):
            stakes = _checked(desk, self.machine, inst, strategies, setting, one.market)
            made.append(BarSweep(strategies, stakes, one.market, one.threads))
        return replace(self, sweeps=tuple(made))

    def memory(self, count: int, workers: int) -> int:
        """Bytes that following `count` combinations at once takes."""
        return max(one.memory(count) for one in self.sweeps)


def _further(after: Callable[[int], bool], before: int, bars: int) -> bool:
    """Tell `after` of `bars` more than were done before."""
    return after(before + bars)


def _together(marks: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Marks of several instruments as those of one account: each at its share of the way."""
    most = max(len(one) for one in marks)
    total = np.zeros(most)
    for one in marks:
        total += one[(np.arange(1, most + 1) * len(one) + most - 1) // most - 1]
    return total


def fast(chosen: Chosen, strategies: Sequence[Any], tape: Tape, setting: Setting, threads: int) -> Fast:
    """The fast way. ValueError, with the reason, where it would not give the engine's trades."""
    for why in _unfit(chosen, strategies, tape, setting):
        raise ValueError(why)
    first, config = strategies[0], setting.config
    machine = build([replace(chosen, strategy=first)], tape.header, setting, lambda _: None)
    loop = machine.loop
    mine = traded(chosen, config, tape.header.instruments, setting.pairs)
    desk, sweeps = SweepDesk(chosen, tape.header, mine, setting), []
    for inst in mine:
        rows, table = bars_of(tape, inst.id)
        terms = np.zeros(1, TERMS)[0]
        terms["delay"] = round(config.data.bar_delay_ms * MILLISECOND)
        for name in ("entry", "cancel"):
            terms[name] = round(getattr(config.latency, f"{name}_ms") * MILLISECOND)
        terms["known"] = max(terms["delay"], loop.venue.least_answer)  # what happened in a bar is known when the bar is
        market = market_of(
            rows, table, loop.insts[inst.id], loop.venue.rules[inst.id], loop.venue.fees[0], terms, first.wake.ns
        )
        stakes = _checked(desk, machine, inst, strategies, setting, market)
        sweeps.append(BarSweep(strategies, stakes, market, threads))
    return Fast(tuple(sweeps), mine, machine)


def _checked(
    desk: SweepDesk, machine: Machine, inst: Instrument, strategies: Sequence[Any], setting: Setting, market: Market
) -> list[int]:
    """Money of one trade of each parameter set. ValueError where the desk would refuse the trades of one."""
    books, wallet = machine.trader.books, machine.trader.books.wallets.wallet_of[inst.id]
    whole = setting.cash * Decimal(repr(setting.config.trading.max_position_size))
    stakes = [s.setup.stake if s.setup.stake is not None else whole for s in strategies]
    money = [books.wallets.money(wallet, stake) for stake in stakes]
    desk.check(strategies, money, inst, setting.cash if wallet == books.purse else Decimal(0), market)
    return money


def _unfit(chosen: Chosen, strategies: Sequence[Any], tape: Tape, setting: Setting) -> Iterator[str]:
    """What the kernels do not know of some parameter set and the settings, each in words.

    Every set is looked at: a parameter may give its setup a trailing stop, or turn its side.
    """
    config = setting.config
    whole = [why for one in strategies if (why := _strange(chosen, one))]
    if whole:
        yield whole[0]
    else:
        if len({one.wake.ns for one in strategies}) != 1:
            yield "its parameters change the timeframe"
        if len({tuple(short_names(one.sees)) for one in strategies}) != 1:
            yield "its parameters change the names of what it sees"
        yield from (f"its setups have {odd}" for odd in dict.fromkeys(map(_odd, strategies)) if odd)
        if any(one.setup.horizon_ns < 2 * one.wake.ns for one in strategies):
            yield "its trades end within two bars"
        yield from (why for one in reads_of(strategies).features if (why := unfit(one.module)))
    if config.latency.model != "constant":
        yield "latency is not constant"
    if config.fees.model != "flat":
        yield "fees are not flat"
    if "funding" in tape.header.names:
        yield "the source has funding"
    mine = traded(chosen, config, tape.header.instruments, setting.pairs)
    sets = (tiered(setting.terms, [replace(chosen, strategy=one)], mine, config) for one in strategies)
    if setting.terms.isolated and any(one.tiers for one in sets):
        yield "a position may be liquidated on its own margin"


def _strange(chosen: Chosen, strategy: Any) -> str:
    """Why a parameter set is none of bars, detector and one setup; empty when it is. Parameters may change each."""
    if chosen.compiled:
        return "it is compiled and quotes"
    if not hasattr(sys.modules[type(strategy).__module__], "detect"):
        return "it has no detector"
    if not isinstance(getattr(strategy, "setup", None), Setup):
        return "it does not say in `setup` what it answers to a signal"
    if not isinstance(strategy.wake, Bars):
        return "it does not look at bars alone"
    if hasattr(strategy, "on_settled") or hasattr(strategy, "state"):
        return "it remembers its trades"
    if any(name in OWN for name in short_names(strategy.sees).values()):
        return "it sees the account"
    return ""


def _odd(strategy: Any) -> str:
    """Names of what its setup has and the kernels do not know; empty when there is nothing."""
    setup = strategy.setup
    plain = Setup(setup.side, setup.horizon_ns, setup.target, setup.stop, stake=setup.stake, info=setup.info)
    return ", ".join(name for name in setup.__slots__ if getattr(setup, name) != getattr(plain, name))


@dataclass(frozen=True)
class Exact:
    """The engine itself for each parameter set: threads where strategies are compiled, else processes, one tape."""

    chosen: Chosen
    strategies: Sequence[Any]
    setting: Setting
    tape: Tape  # held or mapped in memory: all workers read the same pages
    rows: int

    def trial(self, number: int) -> Trial:
        """Run one parameter set over the whole tape."""
        found = self._run(number)
        gc.collect()  # a machine refers to itself: its books would stay until the collector finds the time
        return found

    def _run(self, number: int) -> Trial:
        made = _Counted()
        machine = build(
            [replace(self.chosen, strategy=self.strategies[number])], self.tape.header, alone(self.setting), made
        )
        if self.chosen.compiled:
            machine = replace(machine, outbox=_Tally(machine.loop, made))
        books = machine.trader.books
        every = max(64, -(-self.rows // EXACT_MARKS))
        marks: list[int] = []

        def after(rows: int) -> bool:
            """Mark the equity when its time has come; never stops."""
            if rows // every > len(marks):
                marks.append(books.equity(books.purse))
            return False

        drive(machine, self.tape.blocks(), after=after, chunk=min(every, 1 << 15))
        marks.append(books.equity(books.purse))
        end = marks[-1] - books.begun
        unit = float(books.wallets.amount(books.purse, 1))
        account = books.account[0]
        fees = int(machine.loop.positions["fees"].sum())
        money = (np.array(marks) - books.begun) * unit
        fall = float(np.max(np.maximum.accumulate(np.maximum(money, 0.0)) - money, initial=0.0))
        trades = int(account["settled"]) or made.fills
        amount = books.wallets.amount
        return Trial(
            number, trades, amount(books.purse, end), amount(books.purse, fees), Decimal(repr(round(fall, 8))),
            int(account["won"]), money,
        )  # fmt: skip

    @property
    def bars(self) -> int | None:
        """Bars that a parameter set judges on all instruments; None where it looks at no bars, or sets at others."""
        duration = timeframe_of(self.strategies)
        if not duration:
            return None
        mine = traded(self.chosen, self.setting.config, self.tape.header.instruments, self.setting.pairs)
        return bars_judged(self.tape, duration, [one.id for one in mine])

    def memory(self, count: int, workers: int) -> int:
        """Bytes that `workers` engines take beside the tape."""
        return workers * _ENGINE

    def trials(self, numbers: Sequence[int], workers: int, *, warm: bool = False) -> Iterator[Trial]:
        """Trials as they are done, in the order of `numbers`, `workers` at a time; `warm`: all is compiled."""
        if not numbers:
            return
        if not warm:
            yield self.trial(numbers[0])  # compiles what the others use
        with apart(), self._pool(workers) as pool:
            work = _work if isinstance(pool, ProcessPoolExecutor) else self.trial
            yield from pool.map(work, numbers if warm else numbers[1:])

    def _pool(self, workers: int) -> Executor:
        if self.chosen.compiled or workers == 1 or "fork" not in multiprocessing.get_all_start_methods():
            return ThreadPoolExecutor(workers)
        global _shared
        _shared = self
        return ProcessPoolExecutor(workers, multiprocessing.get_context("fork"))


_shared: Exact | None = None  # of this process; what forked workers inherit


def _work(number: int) -> Trial:
    if _shared is None:
        raise RuntimeError("a worker was started without its sweep")
    return _shared.trial(number)


class _Counted:
    """Takes the rows that a run makes and keeps their number alone."""

    def __init__(self) -> None:
        self.fills = 0

    def __call__(self, block: Block) -> None:
        self.fills += int((block.rows["kind"] == Kind.FILL).sum())


class _Tally(Outbox):
    """Counts what compiled code makes where it lies: nobody asks a trial of a sweep for its rows or their hash.

    Threads share one interpreter, and what each does in it the others wait for.
    """

    def __init__(self, loop: Loop, made: _Counted) -> None:
        """`made` counts for the rest of the run, too."""
        super().__init__(made, made=loop.made)
        self._loop, self._counted = loop, made

    def draw(self) -> None:
        """Count the rows that the compiled loop has made, and let it write over them."""
        c = self._loop.core[0]
        kinds = self._loop.made.rows["kind"][: int(c["made"])]
        self._counted.fills += int(np.count_nonzero(kinds == Kind.FILL))
        c["made"] = c["made_orders"] = 0


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
