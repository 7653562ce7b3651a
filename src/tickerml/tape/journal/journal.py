"""The journal: one writer, one sequence, group commit. docs/journal.md says what survives what."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tickerml.tape.block import Block
from tickerml.tape.errors import JournalError, Where
from tickerml.tape.journal.disk import patiently
from tickerml.tape.journal.host import NO_SPACE, SPARE, Host
from tickerml.tape.journal.record import MARK, Sync
from tickerml.tape.journal.recovery import Recovery, recover
from tickerml.tape.journal.segment import (
    RUN_ID_BYTES,
    SegmentHeader,
    SegmentWriter,
    install,
    largest_payload,
    segment_name,
)
from tickerml.tape.journal.settings import FSYNC_INTERVAL, MARK_DELAY, SEGMENT_BYTES, SPARE_RETRY, Settings, State
from tickerml.tape.journal.space import CHECK_SECONDS, Space, SpaceGauge
from tickerml.tape.journal.survey import missing
from tickerml.tape.kernel_cache import kernel_hash


class Journal:
    """The write-ahead log of one run. Made by `create` or `open`; safe to use from several threads.

    What `append` returned for survives kill -9; what `sync` returned for survives power loss. The first error on write
    or sync makes it HALTED: no sync is ever tried again on that file, because the second one would lie.
    """

    def __init__(self, settings: Settings, lock: int, writer: SegmentWriter, next_seq: int) -> None:
        """Not for callers: `create` and `open` hold the lock and know the first segment."""
        self.path, self.cause = settings.path, ""
        self._host, self._disk, self._settings, self._lock_handle = settings.host, settings.host.disk, settings, lock
        # Start early enough that the flush itself still ends within the promised time.
        market, soon = 0.75 * settings.fsync_interval, min(0.005, settings.fsync_interval)
        self._delay = {Sync.MARKET: market, Sync.FACT: soon, Sync.ORDER: soon}
        self._largest = largest_payload(settings.segment_bytes)
        self._writer, self._next, self._durable = writer, next_seq, next_seq - 1
        self._told = writer.header.first_seq - 1  # the `durable` that the file itself can prove
        self._spare: int | None = None
        self._full = 0  # bytes in full segments
        self._state, self._space, self._gauge = State.RUNNING, Space.OK, SpaceGauge()
        self._reported = (self._state, self._space)
        self._due, self._mark_at, self._wakes_at = math.inf, settings.host.monotonic() + MARK_DELAY, math.inf
        self._spare_at = self._check_at = -math.inf
        # Always taken in this order; fsync runs under the first alone, so appends go on meanwhile.
        self._commit_lock, self._write_lock, self._spare_lock = threading.Lock(), threading.Lock(), threading.Lock()
        self._wake, self._stop, self._released = threading.Event(), False, False
        self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)

    @classmethod
    def create(
        cls,
        directory: Path | str,
        run_id: str,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        fsync_interval: float = FSYNC_INTERVAL,
        notify: Callable[[State, Space], None] | None = None,
        host: Host | None = None,
    ) -> Self:
        """A new journal in `directory`, which is made if it is missing; the first row gets sequence 1.

        `notify(state, space)` is called by the sync thread after one of them changed. Raises JournalError:
        `journal-exists`, `journal-locked`, `journal-read-only`, `journal-disk-full`, `journal-io`.
        """
        if not 0 < len(run_id.encode()) <= RUN_ID_BYTES:
            raise ValueError(f"a run id has 1 to {RUN_ID_BYTES} bytes, not {len(run_id.encode())}")
        settings = Settings(Path(directory), host or Host(), segment_bytes, fsync_interval, notify)
        with settings.host.claimed(settings.path) as lock:
            journal = cls(settings, lock, _first_segment(settings, run_id), 1)
        return journal._started()

    @classmethod
    def open(
        cls,
        directory: Path | str,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        fsync_interval: float = FSYNC_INTERVAL,
        notify: Callable[[State, Space], None] | None = None,
        host: Host | None = None,
    ) -> tuple[Self, Recovery]:
        """Recover an existing journal and go on writing; every row that `read` yields is synced then.

        Raises JournalError: `journal-missing`, `journal-damaged` (nothing was changed), and those of `create`.
        """
        settings = Settings(Path(directory), host or Host(), segment_bytes, fsync_interval, notify)
        if not settings.host.holds(settings.path):
            raise missing(settings.path)
        with settings.host.claimed(settings.path) as lock:
            kernel = bytes.fromhex(kernel_hash())
            writer, recovery = recover(settings.host, settings.path, segment_bytes, kernel)
            journal = cls(settings, lock, writer, recovery.next_seq)
        return journal._started(), recovery

    def append(self, block: Block, sync: Sync = Sync.MARKET) -> int:
        """Write one record; returns the sequence of its first row. The rows survive kill -9 from here on.

        A block is one wire message or one loop turn's output: after a crash it is whole or absent. Raises
        JournalError `journal-halted`, `journal-closed`, `journal-record-size`; ValueError for a block without rows.
        """
        payload, rows = block.to_bytes(), len(block.rows)
        if not rows:
            raise ValueError("a block without rows has no sequence")
        if len(payload) > self._largest:
            text = f"A block of {rows} rows takes {len(payload)} bytes, a record at most {self._largest}."
            raise JournalError("journal-record-size", text, means="Nothing was written.", try_="append it in parts")
        while True:
            with self._write_lock:
                self._require_running()
                if self._writer.fits(len(payload)):
                    return self._put(sync, payload, rows)
            self._rotate(len(payload))

    def sync(self, seq: int | None = None) -> None:
        """Return when all rows up to `seq` (default: all appended) survive power loss. Raises `journal-halted`.

        Callers that come while another sync runs wait for it and share the next one.
        """
        wanted = self._next - 1 if seq is None else seq
        if wanted >= self._next:
            raise ValueError(f"sequence {wanted} was not appended yet, the last one is {self._next - 1}")
        while self._durable < wanted:
            with self._commit_lock:
                if self._durable < wanted:
                    self._commit()

    def tick(self) -> float:
        """Do the timed work that is due: sync, mark, spare, space. The journal's thread calls this, or a simulation.

        Returns the seconds until it wants to be called again. Raises JournalError `journal-halted`.
        """
        try:
            self._require_running()
            now = self._host.monotonic()
            if now >= self._due:
                with self._commit_lock:
                    self._commit()
            if self._told < self._durable and now >= self._mark_at:
                with self._write_lock:
                    self._mark()
            if self._spare is None and now >= self._spare_at:
                self._fetch_spare(now)
            if now >= self._check_at:
                self._check(now)
            return self._wait()
        finally:
            self._report()

    def close(self) -> None:
        """Sync, SEAL, free the space that was allocated ahead, unlock. A halted journal is only unlocked."""
        self._stop = True
        self._wake.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()
        with self._commit_lock, self._write_lock:
            if self._released:
                return
            try:
                if self._state is State.RUNNING:
                    self._finish()
                    self._state = State.CLOSED
            except OSError as error:
                raise self._halt(error) from error
            finally:
                self._release()
        self._report()

    @property
    def durable(self) -> int:
        """Highest sequence that is known to survive power loss; 0 = none."""
        return self._durable

    @property
    def next_seq(self) -> int:
        """Sequence that the next row will get."""
        return self._next

    @property
    def state(self) -> State:
        """Whether it still writes; `cause` says why not."""
        return self._state

    @property
    def space(self) -> Space:
        """How long the disk will last."""
        return self._space

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _started(self) -> Self:
        try:
            self.tick()
        except BaseException:  # Ctrl-C too: what was opened is closed, and the error goes on
            self.close()
            raise
        if self._host.threaded:
            self._thread.start()
        return self

    def _run(self) -> None:
        """The sync thread. It ends when the journal halts, and whatever goes wrong in it halts the journal."""
        while not self._stop:
            try:
                wait = self.tick()
            except JournalError:
                return
            except Exception as error:  # told and kept by the halt; nobody above this thread would see it
                self._halt(error)
                self._report()
                return
            self._wake.wait(wait)
            self._wake.clear()

    def _put(self, sync: Sync, payload: bytes, rows: int) -> int:
        """Write a record that fits. Under the write lock."""
        seq = self._next
        try:
            self._writer.put(sync, seq, self._durable, rows, payload)
        except OSError as error:
            raise self._halt(error) from error
        self._next, self._told = seq + rows, self._durable
        if sync is not Sync.MARKET or self._due == math.inf:
            self._due = min(self._due, self._host.monotonic() + self._delay[sync])
            if self._due < self._wakes_at:
                self._wake.set()
        return seq

    def _mark(self) -> None:
        """Tell the file what is synced, when no record does. Under the write lock."""
        self._require_running()
        self._told = self._durable
        if self._writer.fits(0):  # else the SEAL that follows tells it
            try:
                self._writer.put(MARK, self._next, self._durable, 0, b"")
            except OSError as error:
                raise self._halt(error) from error

    def _commit(self) -> None:
        """One sync for all that is written. Under the commit lock; appends go on meanwhile."""
        with self._write_lock:
            self._require_running()
            writer, upto, pieces, self._due = self._writer, self._next - 1, self._writer.unhashed(), math.inf
        try:
            patiently(lambda: self._disk.sync(writer.handle))
        except OSError as error:
            raise self._halt(error) from error
        writer.hash(pieces)
        self._durable, self._mark_at = upto, self._host.monotonic() + MARK_DELAY

    def _rotate(self, payload: int) -> None:
        """Seal the full segment and go on in the spare."""
        with self._commit_lock, self._write_lock, self._spare_lock:
            self._require_running()
            if self._writer.fits(payload):  # another thread was here first
                return
            try:
                self._seal()
                if self._spare is None:
                    self._spare = self._host.make_spare(self.path, self._settings.segment_bytes)
                old, size = self._writer, self._settings.segment_bytes
                header = old.successor(self._next, self._host.salt(), size, self._host.wall())
                new = SegmentWriter(self._disk, self._spare, header)
                install(self._disk, new, self.path / SPARE)
                self._writer, self._spare, self._full = new, None, self._full + old.offset
                self._disk.close(old.handle)
            except OSError as error:
                raise self._halt(error) from error
        self._wake.set()

    def _seal(self) -> None:
        """Sync, SEAL, sync: the SEAL says that all before it is synced, so that must be true first."""
        patiently(lambda: self._disk.sync(self._writer.handle))
        self._durable, self._due = self._next - 1, math.inf
        self._writer.seal(self._next)
        patiently(lambda: self._disk.sync(self._writer.handle))
        self._told = self._durable

    def _finish(self) -> None:
        """The last segment of a run ends at its SEAL, so that a short run takes little space."""
        self._seal()
        patiently(lambda: self._disk.resize(self._writer.handle, self._writer.offset))
        patiently(lambda: self._disk.sync(self._writer.handle))
        if self._spare is not None:
            spare, self._spare = self._spare, None
            self._disk.close(spare)
            self._disk.remove(self.path / SPARE)
            patiently(lambda: self._disk.sync_dir(self.path))

    def _release(self) -> None:
        """Close all handles. What had to be synced was synced before, or the journal has halted."""
        self._released = True
        for handle in (self._writer.handle, self._spare, self._lock_handle):
            self._host.drop(handle)

    def _fetch_spare(self, now: float) -> None:
        """Allocate the next segment ahead. A full disk shows here, while there is room to act on it."""
        with self._spare_lock:
            if self._spare is not None:
                return
            try:
                self._spare = self._host.make_spare(self.path, self._settings.segment_bytes)
            except OSError as error:
                if error.errno not in NO_SPACE:
                    raise self._halt(error) from error
        self._spare_at = -math.inf if self._spare is not None else now + SPARE_RETRY
        self._check_at = -math.inf

    def _check(self, now: float) -> None:
        """Judge the disk's space; one that cannot be asked counts as one without room for entries."""
        try:
            free = self._disk.free(self.path)
        except OSError:
            free = 0
        written = self._full + self._writer.offset
        self._space = self._gauge.judge(now, written, free, self._spare is not None)
        self._check_at = now + CHECK_SECONDS

    def _wait(self) -> float:
        """Seconds until the next timed work; a record that comes before then and cannot wait so long wakes us."""
        with self._write_lock:
            mark = self._mark_at if self._told < self._durable else math.inf
            spare = self._spare_at if self._spare is None else math.inf
            self._wakes_at = min(self._due, mark, spare, self._check_at)
            return max(0.0, self._wakes_at - self._host.monotonic())

    def _report(self) -> None:
        seen = (self._state, self._space)
        if seen != self._reported:
            self._reported = seen
            if self._settings.notify is not None:
                self._settings.notify(*seen)

    def _require_running(self) -> None:
        if self._state is not State.RUNNING:
            raise self._ended()

    def _halt(self, error: Exception) -> JournalError:
        """Fail stop. Returns the error to raise."""
        if self._state is State.RUNNING:
            self._state, self.cause = State.HALTED, f"{type(error).__name__}: {error}"
        self._wake.set()
        return self._ended()

    def _ended(self) -> JournalError:
        where = Where(str(self.path / segment_name(self._writer.header.number)), note=f"byte {self._writer.offset}")
        if self._state is State.CLOSED:
            return JournalError("journal-closed", "The journal was closed.", where=where)
        return JournalError(
            "journal-halted",
            f"The journal stopped: {self.cause}.",
            where=where,
            means=f"Rows up to sequence {self._durable} are safe. Nothing later may be acted on.",
            try_="check the disk, then start the run again: recovery copies the rest forward",
        )


def _first_segment(settings: Settings, run_id: str) -> SegmentWriter:
    """Segment 1, synced and named. Raises OSError, and JournalError `journal-exists`."""
    host, path = settings.host, settings.path
    if host.holds(path):
        means = "A journal is never overwritten. Nothing was changed."
        raise JournalError(
            "journal-exists", f"There is a journal in {path} already.", where=Where(str(path)), means=means
        )
    header = SegmentHeader(
        run_id=run_id,
        number=1,
        first_seq=1,
        salt=host.salt(),
        size=settings.segment_bytes,
        previous_sha256=bytes(32),
        previous_bytes=0,
        kernel=bytes.fromhex(kernel_hash()),
        created=host.wall(),
    )
    return host.start_segment(path, header, lambda _: None)
