"""Several runs made again over one pass of one tape: in processes of their own where the tape is held, else in turn.

Our side of a bar run is mostly Python, so threads would wait for each other; forked processes do not, and find the rows
and the compiled loops in memory already. Where nothing can be forked all runs share the pass in this process.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final, Generic, TypeVar

from tickerml.engine.machine import Machine, pieces
from tickerml.run.again import Variant
from tickerml.tape.block import Block
from tickerml.tape.errors import RunError
from tickerml.tape.progress import Progress

K = TypeVar("K", bound=Hashable)
MOST_HELD: Final = 4_000_000  # rows of a tape that is held in memory: half a gigabyte of bars
_LEAST: Final = 50_000  # rows from which on a process of its own is worth its start
_TOLD: Final = 0.2  # seconds between two looks at the processes


class Abreast(Generic[K]):
    """Variants of a run, each for its net alone. Rows are pushed, or held from the start; then `nets`."""

    def __init__(self, variants: Mapping[K, Variant], held: Sequence[Block] = ()) -> None:
        """Machines are built at once, so what cannot be run raises here: ConfigError, InputError.

        `held`: all rows of the tape, where they lie in memory. Then nothing is pushed, and there may be processes.
        """
        self._machines = {key: one.machine() for key, one in variants.items()}
        self._held = held
        self._workers: dict[K, _Worker] = {}
        self.trades: dict[K, int] = {}  # of each, once `nets` has given what it earned

    def __len__(self) -> int:
        return len(self._machines)

    def start(self) -> None:
        """Let the held rows run in processes, two variants or more; what this process does meanwhile is its own."""
        rows = sum(map(len, self._held))
        if len(self) > 1 and rows >= _LEAST and "fork" in multiprocessing.get_all_start_methods():
            for key, machine in self._machines.items():
                self._workers[key] = _Worker(machine, self._held)

    def push(self, block: Block) -> None:
        """The next rows, for all of them, where none are held."""
        for piece in pieces(iter([block]), None):
            for machine in self._machines.values():
                machine.push(piece)

    def nets(self, progress: Progress | None = None, what: str = "") -> dict[K, Decimal]:
        """What each earned, in the currency of its money; empty when the user asked to stop.

        RunError `run-again` when one of them failed in its process. One that was ended from outside is run here.
        """
        total = sum(map(len, self._held)) * len(self)
        while any(not worker.over for worker in self._workers.values()):
            wait([w.results for w in self._workers.values() if not w.over], _TOLD)
            done = sum(worker.look() for worker in self._workers.values())
            if progress is not None:
                progress(done, total, what)
                if progress.stop:
                    self.stop()
                    return {}
        return {key: self._net(key, progress, what) for key in self._machines}

    def stop(self) -> None:
        """End the processes, whatever they have."""
        for worker in self._workers.values():
            worker.process.terminate()
            worker.process.join()

    def _net(self, key: K, progress: Progress | None, what: str) -> Decimal:
        worker, machine = self._workers.get(key), self._machines[key]
        if worker is not None and worker.earned is not None:
            net, self.trades[key] = worker.earned
            return net
        if worker is not None and worker.error:
            raise RunError("run-again", f"a run that was made again failed: {worker.error}")
        done, total = 0, sum(map(len, self._held))
        for block in self._held:  # nothing was forked, or its process was ended from outside
            for piece in pieces(iter([block]), None):
                machine.push(piece)
                done += len(piece)
                if progress is not None:
                    progress(done, total, what)
        net = net_of(machine)
        self.trades[key] = trades_of(machine)
        return net


def trades_of(machine: Machine) -> int:
    """Trades that have ended in a machine."""
    return int(machine.trader.books.account[0]["settled"])


def net_of(machine: Machine) -> Decimal:
    """End a machine; what its purse is worth beyond what it began with."""
    machine.end()
    books = machine.trader.books
    return books.wallets.amount(books.purse, books.equity(books.purse) - books.begun)


class _Worker:
    """A process that drives one machine over held rows, and what has come back from it."""

    def __init__(self, machine: Machine, held: Sequence[Block]) -> None:
        context = multiprocessing.get_context("fork")
        self.results, results = context.Pipe(duplex=False)
        self.process: BaseProcess = context.Process(target=_work, args=(results, machine, held), daemon=True)
        self.process.start()
        results.close()
        self.earned: tuple[Decimal, int] | None = None  # net and trades
        self.error, self.over, self._rows = "", False, 0

    def look(self) -> int:
        """Take what has come; returns the rows that are done."""
        while not self.over and self.results.poll():
            try:
                self._take(self.results.recv())
            except EOFError:  # ended from outside
                self.over = True
        return self._rows

    def _take(self, told: Any) -> None:
        if isinstance(told, int):
            self._rows = told
            return
        self.over = True
        self.process.join()
        if isinstance(told, tuple):
            self.earned = told
        else:
            self.error = str(told)


def _work(results: Connection, machine: Machine, held: Sequence[Block]) -> None:
    """What a process does: it tells how many rows are done, then net and trades, or in words what went wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it decides when it ends
    with suppress(BrokenPipeError):  # nobody waits any more
        try:
            done = 0
            for block in held:
                for piece in pieces(iter([block]), None):
                    machine.push(piece)
                    done += len(piece)
                    results.send(done)
            results.send((net_of(machine), trades_of(machine)))
        except Exception as error:  # told to the process that waits, which raises it
            results.send(f"{type(error).__name__}: {error}")
