"""Writes a run's projection: batch by batch, each a transaction that also says how far it came."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from tickerml.ledger.facts import Facts
from tickerml.ledger.link import Link, wipe
from tickerml.ledger.project import Batch, Projector
from tickerml.ledger.schema import PROJECTION, TABLES
from tickerml.tape.block import Block, part
from tickerml.tape.errors import RunError

BATCH: Final = 16_384  # rows of the tape in one transaction


class Writer:
    """Projects the made rows of one run, from the first on, into the database behind `link`.

    Rows that the tables hold already are taken but not written; where their hash is another than the tables say, or
    another projection made the tables, the run is removed from them and `Again` asks for its rows from the first on.
    A failed `flush` loses nothing: it may be called again, also with another `link`.
    """

    def __init__(self, link: Link, facts: Facts, batch: int = BATCH) -> None:
        """`batch`: rows of the tape in one transaction. Asks how far the tables are: RunError as `Link`."""
        self.link, self.facts, self.batch = link, facts, batch
        self.projector = Projector(facts.run, facts.instruments, facts.strategy, facts.deciding)
        self.written = 0  # rows of the tape that this writer has committed
        self._batch: Batch | None = None
        self._known, self._hash, version = self._progress() or (-1, "", PROJECTION)
        if version != PROJECTION:
            self._start_over()
            self._known = -1

    @property
    def due(self) -> bool:
        """Whether a batch is full."""
        return self.projector.waiting >= self.batch

    @property
    def behind(self) -> int:
        """Rows taken that are not in the tables yet."""
        held = self._batch.last - self._batch.first + 1 if self._batch is not None else 0
        return held + self.projector.waiting

    def take(self, block: Block) -> None:
        """The next made rows of the run. Raises Again; writes nothing."""
        left = self._known + 1 - self.projector.next
        if not 0 < left <= len(block):
            self.projector.take(block)
            return
        self.projector.take(part(block, 0, left))
        if self.projector.hash != self._hash:
            self._start_over()
            raise Again
        self.projector.batch()  # what led here is in the tables
        self.projector.take(part(block, left, len(block)))

    def flush(self) -> None:
        """Write what was taken. RunError `ledger-locked`, `ledger-gone`; raises Again."""
        if self._batch is None:
            if not self.projector.waiting:
                return
            self._batch = self.projector.batch()
        batch = self._batch
        if batch.last > self._known:
            self._within(lambda: self._write(batch))
            self.written += batch.last - batch.first + 1
        self._batch = None

    def end(self, facts: Facts) -> None:
        """Write what was taken and what is known of the run now. Raises Again when the tables hold more than it has."""
        self.flush()
        if self._known >= self.projector.next:
            self._start_over()
            raise Again
        self.facts = facts
        last, digest = self.projector.next - 1, self.projector.hash
        self._within(lambda: self._close(last, digest))

    def _close(self, last: int, digest: str) -> None:
        if self._reached() < last:
            raise Again  # another program has removed the run, or the database
        self._tell(last, digest)

    def _write(self, batch: Batch) -> None:
        reached = self._reached()
        if reached < batch.first - 1:
            raise Again
        if reached >= batch.last:
            return  # another program has written it
        for name, rows in batch.tables.items():
            self.link.put(TABLES[name], rows)
        self._tell(batch.last, batch.hash)

    def _tell(self, last: int, digest: str) -> None:
        for name, rows in self.facts.rows().items():
            if rows:
                self.link.put(TABLES[name], rows)
        self.link.put(TABLES["progress"], [(self.facts.run, last, digest, PROJECTION)])

    def _reached(self) -> int:
        """Number of the last row in the tables; -1 = none."""
        found = self._progress()
        return found[0] if found else -1

    def _progress(self) -> tuple[int, str, int] | None:
        found = self.link.run("select last_seq, hash, projection from progress where run = ?", (self.facts.run,))
        return (int(found[0][0]), str(found[0][1]), int(found[0][2])) if found else None

    def _start_over(self) -> None:
        self._within(lambda: wipe(self.link, self.facts.run))

    def _within(self, work: Callable[[], None]) -> None:
        self.link.begin()
        try:
            work()
            self.link.commit()
        except BaseException:
            self.link.rollback()
            raise


class Again(Exception):  # noqa: N818 - asks, is no error
    """The rows of the run are wanted once more, from the first on."""


def project(
    link: Link,
    facts: Facts,
    blocks: Callable[[], Iterable[Block]],
    *,
    after: Callable[[int], None] | None = None,
    batch: int = BATCH,
) -> int:
    """Bring the tables of a run up to date with its made rows; returns how many rows were written.

    `blocks()` gives the rows from the first on, every time it is called; `after(rows)` hears how many were read. Stops
    and starts anywhere: killed and called again, the tables are those of one unbroken call. RunError as `Link`.
    """
    for _ in range(3):
        writer = Writer(link, facts, batch)
        try:
            for block in blocks():
                writer.take(block)
                if writer.due:
                    writer.flush()
                if after is not None:
                    after(writer.projector.next)
            writer.end(facts)
        except Again:
            continue
        return writer.written
    raise RunError("ledger-busy", f"another program keeps changing the run {facts.run} in the ledger")
