"""T3: the n-th write, sync, open, ... fails, for n = 1, 2, ... until the run is clean, once and from then on.

A run of 200 steps with rotation, archiving, closing and reopening meets the error, starts again on a mended disk where
it must, and ends with every row that `append` returned for; then the power goes, and every synced row is still there.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from journal_blocks import FOLDER, SMALL, Clock, PlainEncoder, block, contents, sim_host
from sim_disk import SimDisk

from read_only import read_only_folder
from tickerml.tape.errors import JournalError
from tickerml.tape.journal import Host, Journal, OsDisk, Space, State, Sync, Verdict, archive, read, verify

PLAIN = PlainEncoder()
STEPS = 200
ERRORS = {
    "write": ("EIO", "ENOSPC", "short", "zero", "EINTR", "memory"),
    "sync": ("EIO", "ENOSPC", "EINTR"),
    "open": ("EIO", "ENOSPC", "EMFILE", "EINTR", "memory"),
    "rename": ("EIO", "ENOSPC", "EINTR"),
    "resize": ("EIO", "ENOSPC", "EINTR"),
    "sync_dir": ("EIO", "EINTR"),
    "claim": ("EIO", "ENOSPC", "EACCES", "EROFS"),
    "read": ("EIO", "memory"),
    "names": ("EIO", "EACCES"),
    "remove": ("EIO", "EACCES"),
    "close": ("EIO",),
    "free": ("EIO",),
}
CASES = [(op, error, sticky) for op, errors in ERRORS.items() for error in errors for sticky in (False, True)]


class Fault:
    """Lets the n-th call of `op` fail, and all after it when sticky; mended by `mend`."""

    def __init__(self, disk: SimDisk, op: str, error: str, n: int, sticky: bool) -> None:
        self.op, self.error, self.n, self.sticky = op, error, n, sticky
        self.seen, self.hit, self.mended, self.failed_sync = 0, False, False, False
        disk.before = self.before

    def before(self, op: str, path: Path) -> int | None:
        if self.failed_sync and op == "sync":
            pytest.fail(f"sync tried again on {path} after it failed")
        if op != self.op:
            return None
        self.seen += 1
        if self.mended or not (self.seen == self.n or (self.sticky and self.seen > self.n)):
            return None
        self.hit = True
        if self.error == "memory":
            raise MemoryError
        if self.error in {"short", "zero"}:
            return 5 if self.error == "short" else 0
        self.failed_sync = op == "sync" and self.error != "EINTR" and path.name != "spare" and path.suffix == ".seg"
        raise OSError(getattr(errno, self.error), os.strerror(getattr(errno, self.error)))

    def mend(self) -> None:
        self.mended, self.failed_sync = True, False


class Scenario:
    """200 steps; after an error the process is killed, the disk mended, the journal opened again."""

    def __init__(self) -> None:
        self.disk, self.clock, self.rng, self.salts = SimDisk(seed=3), Clock(), random.Random(11), itertools.count(5)
        self.returned: list[tuple[int, bytes]] = []
        self.synced = 0
        self.errors: list[str] = []
        self.journal: Journal | None = None
        self.fault: Fault | None = None

    def host(self) -> Host:
        return sim_host(self.disk, self.clock, next(self.salts))

    def run(self) -> None:
        steps = iter(range(STEPS))
        number = next(steps)
        while number < STEPS:
            try:
                self.step(number)
            except (JournalError, OSError, MemoryError) as error:
                self.failed(error)
            number = next(steps, STEPS)
        if self.fault is not None:
            self.fault.mend()
        if self.journal is not None and self.journal.state is State.RUNNING:
            self.journal.close()

    def failed(self, error: BaseException) -> None:
        self.errors.append(error.code if isinstance(error, JournalError) else type(error).__name__)
        if self.fault is None:
            raise error
        if self.journal is not None:
            self.synced = max(self.synced, self.journal.durable)
        self.fault.mend()
        self.disk.kill()
        self.journal = None

    def step(self, number: int) -> None:
        if self.journal is None:
            self.begin()
        journal = self.journal
        choice = self.rng.random()
        if choice < 0.6:
            one = block(number)
            seq = journal.append(one, self.rng.choice(list(Sync)))
            self.returned.append((seq, one.to_bytes()))
        elif choice < 0.75:
            journal.sync()
        elif choice < 0.92:
            self.clock.now += self.rng.choice((0.02, 0.3, 11))
            journal.tick()
        elif choice < 0.96:
            archive(FOLDER, snapshot=self.synced, encoder=PLAIN, host=self.host())
        else:
            journal.close()
            self.journal = None
        self.synced = max(self.synced, journal.durable)

    def begin(self) -> None:
        if Host(self.disk).holds(FOLDER):
            self.journal, _ = Journal.open(FOLDER, segment_bytes=SMALL, host=self.host())
        else:
            self.journal = Journal.create(FOLDER, "run", segment_bytes=SMALL, host=self.host())


def check(scenario: Scenario) -> None:
    """All that append returned for is there, and perhaps, once per failed append, one that it did not return for."""
    disk = scenario.disk
    found = contents(disk, encoder=PLAIN)
    promised = set(scenario.returned)
    extra = [one for one in found if one not in promised]
    assert [one for one in found if one in promised] == scenario.returned
    assert len(extra) <= len(scenario.errors)
    assert verify(FOLDER, disk=disk, encoder=PLAIN).verdict is Verdict.SOUND
    after = disk.after_power_cut(1)
    _, recovery = Journal.open(FOLDER, segment_bytes=SMALL, host=sim_host(after, salt=99))
    assert (recovery.seq or recovery.next_seq) - 1 >= scenario.synced


def all_n(op: str, error: str, sticky: bool, stride: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for n in itertools.count(1, stride):
        scenario = Scenario()
        scenario.fault = Fault(scenario.disk, op, error, n, sticky)
        scenario.run()
        check(scenario)
        if not scenario.fault.hit:
            return counts
        counts["runs"] += 1
        counts.update(set(scenario.errors) or {"not noticed"})
        if error in {"short", "EINTR"} and not sticky:
            assert not scenario.errors
    return counts


def test_the_scenario_is_clean_without_faults():
    scenario = Scenario()
    scenario.run()
    check(scenario)
    assert len(scenario.returned) > 100


@pytest.mark.parametrize("op", ERRORS)
def test_the_nth_call_fails(op, capsys):
    stride = 61 if op in {"write", "sync", "read"} else 23
    counts: Counter[str] = Counter()
    for which, error, sticky in CASES:
        if which == op:
            counts += all_n(which, error, sticky, stride)
    with capsys.disabled():
        print(f"\nT3 {op} (every {stride}th call): {dict(counts)}")
    assert counts["runs"] > 0


@cache
def calls_without_faults() -> Counter[str]:
    """How often a clean run calls each operation: so many runs must meet a fault."""
    scenario, calls = Scenario(), Counter[str]()

    def count(op: str, path: Path) -> None:
        calls[op] += 1

    scenario.disk.before = count
    scenario.run()
    return calls


@pytest.mark.slow
@pytest.mark.parametrize(("op", "error"), [(op, error) for op, errors in ERRORS.items() for error in errors])
def test_every_nth_call_fails(op, error, capsys):
    counts = all_n(op, error, False, 1) + all_n(op, error, True, 1)
    with capsys.disabled():
        print(f"\nT3 {op} {error}, every call, once and from then on: {dict(counts)}")
    assert counts["runs"] == 2 * calls_without_faults()[op] > 0
    assert counts.total() >= 2 * counts["runs"]  # each run says what it met, or that nobody noticed


class FullAtWill(OsDisk):
    """The real disk, until `full`: then every write goes to /dev/full, and the kernel itself says ENOSPC."""

    full = False

    def write(self, handle: int, data: bytes, offset: int) -> int:
        if not self.full:
            return super().write(handle, data, offset)
        device = os.open("/dev/full", os.O_RDWR)
        try:
            return super().write(device, data, offset)
        finally:
            os.close(device)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_dev_full(tmp_path):
    disk = FullAtWill()
    journal = Journal.create(tmp_path / "run", "r", host=Host(disk, threaded=False), segment_bytes=SMALL)
    seq = journal.append(block(1))
    disk.full = True
    with pytest.raises(JournalError, match="No space left on device") as caught:
        journal.append(block(2))
    assert caught.value.code == "journal-halted"
    journal.close()
    disk.full = False
    journal, _ = Journal.open(tmp_path / "run", segment_bytes=SMALL)
    journal.close()
    assert next((s, b.to_bytes()) for s, b in read(tmp_path / "run")) == (seq, block(1).to_bytes())


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 MiB of its own, where this user may mount one."""
    mount, folder = shutil.which("mount"), tmp_path / "small"
    folder.mkdir()
    if sys.platform != "linux" or mount is None or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root on Linux")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"mount refused: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_small_file_system_fills_up(small_disk):
    clock, told = Clock(), []
    host = Host(monotonic=clock, threaded=False)
    journal = Journal.create(
        small_disk / "run",
        "r",
        segment_bytes=16 << 20,
        host=host,
        notify=lambda state, space: told.append((state, space)),
    )
    big, count = block(1, rows=20_000), 0

    def fill_up() -> None:
        nonlocal count
        while True:
            journal.append(big)
            count += 1
            clock.now += 2
            journal.tick()

    with pytest.raises(JournalError, match="No space left on device"):
        fill_up()
    assert told == [(State.RUNNING, Space.ENTRIES_OFF), (State.RUNNING, Space.NO_SPARE)]
    durable = journal.durable
    assert count == 3 * 20  # the lock file takes a page, so there was no room for a fourth segment
    journal.close()
    with pytest.raises(JournalError) as caught:
        Journal.open(small_disk / "run", segment_bytes=16 << 20)
    assert caught.value.code == "journal-disk-full"
    subprocess.run(["mount", "-o", "remount,size=128m", str(small_disk)], check=True)
    reopened, recovery = Journal.open(small_disk / "run", segment_bytes=16 << 20)
    reopened.close()
    assert recovery.closed  # the full segment was sealed before its successor was asked for
    assert recovery.next_seq - 1 == durable == count * 20_000
    assert sum(len(one) for _, one in read(small_disk / "run")) == count * 20_000


def test_a_file_system_that_cannot_be_written():
    disk = SimDisk()
    fault = Fault(disk, "claim", "EROFS", 1, sticky=True)
    with pytest.raises(JournalError) as caught:
        Journal.create(FOLDER, "r", host=sim_host(disk))
    assert fault.hit
    assert caught.value.code == "journal-read-only"
    assert "Read-only file system" in str(caught.value)


def test_a_folder_that_cannot_be_written(tmp_path):
    with Journal.create(tmp_path / "kept", "r", segment_bytes=SMALL) as journal:
        seq = journal.append(block(1))
    with read_only_folder(tmp_path / "kept") as folder:
        for write in (lambda: Journal.create(folder / "new", "r"), lambda: Journal.open(folder / "kept")):
            with pytest.raises(JournalError, match="cannot be written: Permission denied") as caught:
                write()
            assert caught.value.code == "journal-read-only"
        assert [(s, b.to_bytes()) for s, b in read(folder / "kept")] == [(seq, block(1).to_bytes())]
        assert verify(folder / "kept").verdict is Verdict.SOUND
