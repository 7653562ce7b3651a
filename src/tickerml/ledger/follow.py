"""Follows a run that goes on: a thread with a connection of its own, which the run never waits for.

What the run hands over is kept until it is written. When that becomes too much, because the database is locked or
gone, it is dropped: the run's tape holds it, and the thread reads it there when the database is back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Final, Self

from tickerml.ledger.facts import Facts
from tickerml.ledger.gather import gathered
from tickerml.ledger.link import FAULT, Link, link
from tickerml.ledger.place import Place
from tickerml.ledger.write import BATCH, Again, Writer
from tickerml.tape.block import Block, part
from tickerml.tape.errors import RunError, TickerMLError

HELD: Final = 262_144  # rows of the run that may wait in memory: some 20 MB
EVERY: Final = 1.0  # seconds between two writes
FIRST: Final = 10.0  # seconds until the first: a short run is written when it has ended, and loses nothing to it
PATIENCE: Final = 5.0  # seconds that the end of a run waits for a database that does not answer
BACK_OFF: Final = (0.2, 15.0)  # seconds until the first, and at most until any later try


class Follower:
    """Writes the made rows of one run into a ledger while it runs. Used in a `with`; `take` is the run's sink.

    Nothing that goes wrong with the database reaches the run: it is told to people once, and tried again unless it
    would fail in the same way each time (`ledger-fault`).
    """

    def __init__(
        self,
        to: Place,
        facts: Facts,
        tape: Callable[[], Iterable[Block]],
        *,
        tell: Callable[[TickerMLError], None],
        settle: Callable[[], None] | None = None,
        first: float = FIRST,
        patience: float = PATIENCE,
        connect: Callable[[Place], Link] = link,
    ) -> None:
        """`tape()` reads the run's rows from its first; `tell` gets a warning, on the run's thread.

        `settle` is called before rows are written: what the ledger shows, the journal must have synced.
        """
        self.to, self.facts = to, facts
        self._tape, self._tell, self._settle, self._connect = tape, tell, settle, connect
        self._wait, self._patience = first, patience
        self._queue: list[Block] = []
        self._start = self._next = 0  # sequences of the queue's first row, and of the next that comes
        self._lock, self._wake = threading.Lock(), threading.Event()
        self._closing = self._ended = False  # no more rows come; and the run has come to its end
        self._begun = self._gone = self._done = False  # the thread has begun; failed the last time; has written all
        self._lost = False  # what comes cannot be written, now or later
        self._warnings: list[TickerMLError] = []
        self._warned = False
        self._writer: Writer | None = None
        self._link: Link | None = None
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def take(self, block: Block) -> None:
        """The next made rows. Never waits, never fails."""
        with self._lock:
            if self._lost or self._next - self._start + len(block) > HELD:
                self._queue, self._start = [], self._next + len(block)
            else:
                self._queue.append(block)
            self._next += len(block)
            full = self._next - self._start >= (BATCH if self._begun else HELD // 2)
        if full and not self._gone:
            self._wake.set()
        if self._warnings:
            self.said()

    def said(self) -> None:
        """Pass on what the thread has to say. Called on the run's thread."""
        while self._warnings:
            self._tell(self._warnings.pop(0))

    def close(self, facts: Facts | None = None) -> bool:
        """The run has ended (or was broken off): write the rest; `facts` as they are now. True when all is written."""
        if self._closing:
            return self._done
        self.facts, self._ended = facts or self.facts, facts is not None
        self._closing = True
        self._wake.set()
        while self._thread.is_alive() and not (self._gone and self._patience <= 0):
            began = time.monotonic()
            self._thread.join(0.05)
            self.said()
            self._patience -= time.monotonic() - began if self._gone else 0
        if not self._done and not self._lost:
            self._warnings.append(self._behind())
        self.said()
        return self._done

    def _run(self) -> None:
        """The thread: what is taken is written, until the run has ended and all of it is there."""
        pause = BACK_OFF[0]
        while True:
            self._wake.wait(self._wait)
            self._wake.clear()
            self._wait, self._begun, last = EVERY, True, self._closing
            try:
                self._write(last)
                self._gone, pause = False, BACK_OFF[0]
            except Again:
                self._writer = None  # its rows are read from the tape, at once
                self._wake.set()
                continue
            except Exception as error:  # whatever it is, the run goes on: the tape is what counts
                self._failed(error)
                self._hang_up()
                if self._lost or (last and self._patience <= 0):
                    return
                pause = min(2 * pause, 0.5 if self._closing else BACK_OFF[1])
                self._wait = pause
                continue
            if last:
                self._done = True
                self._hang_up()
                return

    def _write(self, last: bool) -> None:
        """Write all that came so far; `last`: and that the run has ended."""
        if self._link is None:
            self._link = self._connect(self.to)
        if self._writer is None:
            self._writer = Writer(self._link, self.facts)
        writer = self._writer
        writer.link = self._link
        self._flush(writer)  # what failed the last time
        for block in self._blocks(writer):
            try:
                writer.take(block)
            except BaseException:
                self._writer = None  # it stopped within a block: its rows are read again, from the tape
                raise
            if writer.due:
                self._flush(writer)
        self._flush(writer)
        if last and writer.projector.next < self._next:
            raise RunError("ledger-behind", "the tape is not as far as the run")
        if last and self._ended:
            writer.end(self.facts)

    def _flush(self, writer: Writer) -> None:
        if self._settle is not None and writer.behind:
            self._settle()
        writer.flush()

    def _blocks(self, writer: Writer) -> Iterator[Block]:
        """The rows from the writer's next on: of the tape, where the queue does not reach back so far; of the queue."""
        while True:
            with self._lock:
                start, blocks = self._start, self._queue
                if start <= writer.projector.next:
                    self._queue, self._start = [], self._next
            if start <= writer.projector.next:
                break
            yield from self._of_tape(writer.projector.next, start)
            if writer.projector.next < start:
                return  # what is being written there now comes with the next look
        if blocks:
            block = gathered(blocks)
            skip = writer.projector.next - start
            if skip < len(block):
                yield part(block, skip, len(block)) if skip else block

    def _of_tape(self, first: int, least: int) -> Iterator[Block]:
        """Rows of the tape from `first` on, at least up to `least`."""
        seq = 0
        for block in self._tape():
            if seq + len(block) > first:
                yield block if seq >= first else part(block, first - seq, len(block))
            seq += len(block)
            if seq >= least:
                return

    def _failed(self, error: Exception) -> None:
        self._gone = True
        told = error if isinstance(error, TickerMLError) else self._unknown(error)
        self._lost = told.code == FAULT
        if self._lost:
            again = f"{self._rebuild}   (with a version that has it mended)"
            self._warnings.append(RunError(FAULT, told.message, means=told.means, try_=again))
        if self._warned or self._lost:
            return
        self._warned = True
        self._warnings.append(
            RunError(
                told.code,
                told.message,
                means=told.means or "the run goes on: its tape holds everything, and the ledger catches up by itself",
                try_=told.try_ or self._rebuild,
            )
        )

    def _unknown(self, error: Exception) -> RunError:
        """What is no error of the database's is ours, and comes again; the system's (a full disk) may pass."""
        if isinstance(error, OSError):
            return RunError("ledger-gone", self.to.clean(repr(error)))
        means = "this is a fault in TickerML, and no fault of the database; the run's tape holds everything"
        return RunError(FAULT, f"the rows of the ledger cannot be made: {self.to.clean(repr(error))}", means=means)

    def _behind(self) -> RunError:
        written = self._writer.written if self._writer is not None else 0
        return RunError(
            "ledger-behind",
            f"the ledger {self.to.shown} lacks rows of run {self.facts.row[1]}: {written:,} were written",
            means="nothing is lost: the run's tape holds all of them",
            try_=self._rebuild,
        )

    @property
    def _rebuild(self) -> str:
        return f"tickerml ledger rebuild {self.facts.row[1]}"

    def _hang_up(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
