"""Null twins of a run: the same strategies, settings and money over its bars told anew, with nothing left to foresee.

Each twin costs a run, so what they earned is kept in the run's folder: asking for as many again costs nothing, asking
for more makes only those that are missing. Twin number k is the same whenever and wherever it is made.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from tickerml.engine.detectors import short_names
from tickerml.engine.machine import Machine, pieces
from tickerml.engine.plan import ACROSS, folds_for
from tickerml.lab.series import Floats, Times
from tickerml.lab.twins import Twins as Source
from tickerml.run.abreast import net_of
from tickerml.run.again import Variant, recorded
from tickerml.run.compiling import compiling
from tickerml.run.kept_twins import Made, grid_of, keep_twins, read_twins
from tickerml.run.record import read_manifest, write_manifest
from tickerml.run.reopen import source_of
from tickerml.run.replay import gone
from tickerml.run.strategies import traded
from tickerml.run.sweep_ways import cores
from tickerml.tape.balances import balances_of
from tickerml.tape.block import Block
from tickerml.tape.errors import InputError
from tickerml.tape.progress import Progress
from tickerml.tape.tape import Header, Tape

MOST: Final = 99  # p is a hundredth at best
LEAST: Final = 20  # with fewer no p is below a twentieth
ROWS: Final = 200_000  # that are run again unasked, for more twins than the least: some ten seconds
QUICK: Final = 50_000  # rows of bars that a run hears in a few seconds; up to there it gets the least unasked
_BUILD: Final = 4_000  # rows that could be run while a machine is built


def usual(run: Variant, rows: int) -> int:
    """Twins that a run over so many rows gets unasked; 0 where a run is no matter of seconds, and 20 are of minutes.

    By rows and not by the clock: what a report shows must not depend on how busy the machine was.
    """
    heard = round(rows * len(_heard(run)) / max(1, len(run.header.instruments)))
    count = min(MOST, ROWS // (heard + _BUILD))
    return max(count, LEAST) if heard <= QUICK else 0


def make_twins(
    folder: Path,
    manifest: dict[str, Any],
    run: Variant,
    tape: Tape,
    count: int,
    progress: Progress | None = None,
) -> str:
    """See to it that the folder holds `count` twins of its run; returns why there are none, in words, else nothing.

    Ctrl-C keeps those that are done.
    """
    made = read_twins(folder, manifest)
    if made is not None and len(made) >= count:
        return ""
    try:
        source = Source(_Only(tape, _heard(run)), seed=run.setting.seed)
    except InputError as error:
        return error.message
    maker = _Maker(run, source, grid_of(manifest))
    first = 0 if made is None else len(made)
    nets = [] if made is None else list(made.nets)
    curves = [] if made is None else list(made.curves)
    try:
        for done, (net, curve) in enumerate(maker.twins(range(first, count)), 1):
            nets.append(net)
            curves.append(curve)
            if progress is not None:
                progress(first + done, count, "null twins", "twins")
                if progress.stop:
                    break
    except InputError as error:
        return error.message
    finally:
        if nets:
            keep_twins(folder, manifest, Made(np.array(nets), maker.grid, np.array(curves, np.float32)))
    return ""


def add_twins(folder: Path, count: int, progress: Progress | None = None) -> None:
    """The same for a run that was made before, from its manifest and its source. RunError `no-source`."""
    manifest = read_manifest(folder)
    made = read_twins(folder, manifest)
    if made is not None and len(made) >= count:
        return
    tape = source_of(manifest, folder)
    if tape is None:
        raise gone(manifest, "no twin was made")
    with compiling(progress):
        why = "the run did not end" if manifest.get("stopped") or "decision_hash" not in manifest else ""
        manifest["no_twins"] = why or make_twins(folder, manifest, recorded(manifest), tape, count, progress)
    write_manifest(folder, manifest)


def _heard(run: Variant) -> frozenset[int]:
    """Instruments that a run listens to: what it trades, the regime's reference, TON; all, where it compares them."""
    config, known = run.setting.config, run.header.instruments
    seen = {name for one in run.chosen if not one.compiled for name in short_names(one.strategy.sees).values()}
    if any(ACROSS in fold.handlers() for fold in folds_for(seen)):
        return frozenset(i.id for i in known)
    able = [i for i in known if not i.values_only]
    asked = {i.id for one in run.chosen for i in traded(one, config, known, run.setting.pairs)}
    bases = (config.regime.reference, "TON")
    told = {i.id for i in known if i.values_only}  # weights, news: folds of any coin may listen to them
    return frozenset(asked | told | {i.id for i in able if i.base in bases} | {i.id for i in able[:1]})


@dataclass(frozen=True)
class _Only:
    """A tape without the rows of instruments that nobody listens to: twins of them would change nothing."""

    inner: Tape
    ids: frozenset[int]

    @property
    def header(self) -> Header:
        """The tape's header, with all its instruments."""
        return self.inner.header

    def blocks(self) -> Iterator[Block]:
        """Its blocks without those rows."""
        ids = list(self.ids)
        for block in self.inner.blocks():
            kept = np.isin(block.rows["inst"], ids)
            tables = block.messages, block.orders, block.bars, block.values, block.blobs
            yield block if kept.all() else Block(block.rows[kept], *tables)

    def content_hash(self) -> str:
        """The tape's hash."""
        return self.inner.content_hash()


@dataclass(frozen=True)
class _Maker:
    """Runs one twin after the other, or as many at a time as there are cores."""

    run: Variant
    source: Source
    grid: Times

    def twin(self, number: int) -> tuple[float, Floats]:
        """What twin `number` earned, and its equity over time as a share of the start."""
        tape, balances = self.source.twin(number), _Balances()
        machine = replace(self.run, header=tape.header).machine(balances)
        for piece in pieces(tape.blocks(), None):
            machine.push(piece)
            if self._over(machine):
                break
        net, books = float(net_of(machine)), machine.trader.books
        machine.outbox.flush()
        return net, balances.at(self.grid, float(books.wallets.amount(books.purse, books.begun)))

    def _over(self, machine: Machine) -> bool:
        """Whether no row can change any more what was earned: stopped for good, with nothing held or under way."""
        trader, compiled = machine.trader, any(one.compiled for one in self.run.chosen)
        if compiled or self.run.setting.terms.spot_wallets or not trader.desk.memory.latch["killed"][0]:
            return False
        return not trader.trades.setups.table["state"].any() and not machine.loop.positions["position"].any()

    def twins(self, numbers: range) -> Iterator[tuple[float, Floats]]:
        """All of them in order."""
        if not len(numbers):
            return
        yield self.twin(numbers[0])  # compiles what the others use
        rest, workers = numbers[1:], min(cores(), len(numbers) - 1)
        if workers < 2 or "fork" not in multiprocessing.get_all_start_methods():
            yield from map(self.twin, rest)
            return
        global _shared
        _shared = self
        try:
            with ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), initializer=_deaf) as pool:
                yield from pool.map(_work, rest)
        finally:
            _shared = None


_shared: _Maker | None = None  # of this process; what forked workers inherit


def _work(number: int) -> tuple[float, Floats]:
    if _shared is None:
        raise RuntimeError("a worker was started without its source")
    return _shared.twin(number)


def _deaf() -> None:
    """Ctrl-C is for the process that asked: its workers end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Balances:
    """Takes the rows that a run makes and keeps its equity alone."""

    def __init__(self) -> None:
        self._time: list[int] = []
        self._equity: list[float] = []

    def __call__(self, block: Block) -> None:
        told = balances_of(block.rows)
        self._time += told.time.tolist()
        self._equity += (told.equity / 10.0**told.decimals).tolist()

    def at(self, grid: Times, start: float) -> Floats:
        """Equity at each time as a share of the start, 0 = as at the start."""
        equity = np.array([start, *self._equity])
        return np.asarray(equity[np.searchsorted(np.array(self._time, np.int64), grid, "right")] / start - 1.0)
