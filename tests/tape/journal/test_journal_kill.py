"""T4, the journal's share: 20 real kill -9 of a process that appends; and the real disk under it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from journal_blocks import SMALL, Clock, block

from tickerml.tape.errors import JournalError
from tickerml.tape.journal import Host, Journal, OsDisk, Space, State, Sync, Verdict, read, verify
from tickerml.tape.journal.disk import put_file, write_all, zero_fill
from tickerml.tape.rows import Kind

KILLS = 20
WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from journal_blocks import block
from tickerml.tape.journal import Journal, Sync
journal = Journal.open(sys.argv[1], segment_bytes=65536)[0]
number = int(sys.argv[3])
while True:
    seq = journal.append(block(number), Sync(number % 3 + 1))
    if number % 50 == 0:
        journal.sync(seq)
    print(number, seq, flush=True)
    number += 1
"""


def test_20_times_kill_9(tmp_path, capsys):
    rng, folder, told = random.Random(4), tmp_path / "run", {}
    Journal.create(folder, "run", segment_bytes=65536).close()
    for life in range(KILLS):
        command = [sys.executable, "-c", WRITER, str(folder), str(Path(__file__).parent), str(life * 100_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            lines = [child.stdout.readline()]
            time.sleep(rng.uniform(0, 0.08))
            child.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
            lines += child.stdout.readlines()
        whole = [line.split() for line in lines if line.endswith("\n")]
        told |= {int(seq): int(number) for number, seq in whole}
    found = {seq: one.to_bytes() for seq, one in read(folder) if one.rows["kind"][0] != Kind.RECOVERED}
    for seq, number in told.items():
        assert found[seq] == block(number).to_bytes()
    assert len(told) > KILLS * 3
    assert len(found) - len(told) <= KILLS  # at most one append a life did not live to tell
    assert verify(folder).verdict is Verdict.SOUND
    with capsys.disabled():
        print(f"\nT4: {KILLS} kill -9, {len(told)} appends told, 0 lost")


def test_two_processes_refuse_each_other(tmp_path):
    with Journal.create(tmp_path / "run", "r", segment_bytes=SMALL):
        command = [
            sys.executable,
            "-c",
            "import sys\nfrom tickerml.tape.journal import Journal\nJournal.open(sys.argv[1])",
        ]
        other = subprocess.run([*command, str(tmp_path / "run")], capture_output=True, text=True)
    assert other.returncode == 1
    assert "journal-locked" in other.stderr
    assert f"process {os.getpid()}" in other.stderr


def test_the_thread_syncs_marks_and_fetches_the_spare(tmp_path):
    seen = threading.Event()
    with Journal.create(tmp_path, "r", segment_bytes=SMALL, fsync_interval=0.02) as journal:
        last = journal.append(block(0))
        deadline = time.monotonic() + 10
        while journal.durable < last and time.monotonic() < deadline:
            seen.wait(0.005)
        assert journal.durable == last
        while (tmp_path / "00000001.seg").exists() and not (tmp_path / "00000002.seg").exists():
            journal.append(block(1), Sync.FACT)
        while not (tmp_path / "spare").exists() and time.monotonic() < deadline:
            seen.wait(0.005)
        assert (tmp_path / "spare").stat().st_size == SMALL
    assert verify(tmp_path).verdict is Verdict.SOUND


def test_many_threads_share_syncs(tmp_path):
    class Counting(OsDisk):
        syncs = 0

        def sync(self, handle):
            self.syncs += 1
            time.sleep(0.002)
            super().sync(handle)

    disk, per_thread = Counting(), 40
    with Journal.create(tmp_path, "r", host=Host(disk)) as journal:

        def work() -> None:
            for number in range(per_thread):
                journal.sync(journal.append(block(number), Sync.ORDER))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert journal.durable == journal.next_seq - 1
    assert disk.syncs < 8 * per_thread * 0.75
    assert sum(1 for _ in read(tmp_path)) == 8 * per_thread


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), MemoryError("no memory")])
def test_whatever_goes_wrong_in_the_thread_halts_the_journal(tmp_path, error):
    class Failing(OsDisk):
        fail = False

        def sync(self, handle):
            if self.fail:
                raise error
            super().sync(handle)

    disk, told = Failing(), threading.Event()
    journal = Journal.create(tmp_path, "r", host=Host(disk), fsync_interval=0.01, notify=lambda *_: told.set())
    told.clear()
    disk.fail = True
    seq = journal.append(block(1))
    assert told.wait(10)
    assert journal.state is State.HALTED
    with pytest.raises(JournalError, match=str(error.args[-1])):
        journal.sync(seq)
    journal.close()


def test_close_from_the_watcher_does_not_wait_for_itself(tmp_path):
    done = threading.Event()

    class Failing(OsDisk):
        fail = False

        def sync(self, handle):
            if self.fail:
                raise OSError(5, "Input/output error")
            super().sync(handle)

    def watch(state: State, space: Space) -> None:
        if state is State.HALTED:
            journal.close()
            done.set()

    disk = Failing()
    journal = Journal.create(tmp_path, "r", host=Host(disk), fsync_interval=0.01, notify=watch)
    disk.fail = True
    journal.append(block(1))
    assert done.wait(10)


def test_the_real_disk(tmp_path):
    disk, folder = OsDisk(), tmp_path / "a" / "b"
    lock = disk.claim(folder, "lock")
    with pytest.raises(BlockingIOError):
        disk.claim(folder, "lock")
    disk.close(lock)
    disk.close(disk.claim(folder, "lock"))
    handle = disk.open(folder / "f", create=True)
    with pytest.raises(FileExistsError):
        disk.open(folder / "f", create=True)
    disk.resize(handle, 10_000)
    assert disk.read(folder / "f") == bytes(10_000)
    write_all(disk, handle, b"abc", 9_999)
    disk.resize(handle, 10_001)
    disk.sync(handle)
    zero_fill(handle, 10_001, 3_000_000)
    assert disk.read(folder / "f", 10_002)[9_998:] == b"\0ab\0"
    assert len(disk.read(folder / "f")) == 3_000_000
    disk.rename(folder / "f", folder / "g")
    disk.sync_dir(folder)
    assert disk.names(folder) == ["g", "lock"]
    assert disk.free(folder) > 0
    disk.close(handle)
    put_file(disk, folder / "g", b"new")
    (folder / "h.tmp").write_bytes(b"left by a crash")
    put_file(disk, folder / "h", b"also new")
    assert [disk.read(folder / name) for name in ("g", "h")] == [b"new", b"also new"]
    disk.remove(folder / "g")
    assert disk.names(folder) == ["h", "lock"]


def test_a_file_that_does_not_read_back_is_not_put(tmp_path):
    class Forgetful(OsDisk):
        def read(self, path, count=-1):
            return super().read(path, count)[:-1]

    with pytest.raises(OSError, match="does not read back"):
        put_file(Forgetful(), tmp_path / "f", b"data")
    assert not (tmp_path / "f").exists()


def test_a_lock_whose_holder_cannot_be_read(tmp_path):
    class Secretive(OsDisk):
        def read(self, path, count=-1):
            raise PermissionError(13, "Permission denied")

    with (
        Journal.create(tmp_path, "r", segment_bytes=SMALL),
        pytest.raises(JournalError, match="in use by another process"),
    ):
        Journal.create(tmp_path, "r", host=Host(Secretive()))


def test_a_path_that_is_a_file(tmp_path):
    (tmp_path / "f").write_bytes(b"")
    with pytest.raises(JournalError) as caught:
        Journal.open(tmp_path / "f")
    assert caught.value.code == "journal-missing"
    with pytest.raises(JournalError) as caught:
        verify(tmp_path / "f")
    assert caught.value.code == "journal-missing"


def test_time_stands_still_in_a_simulation(tmp_path):
    clock = Clock()
    with Journal.create(tmp_path, "r", host=Host(monotonic=clock, threaded=False), segment_bytes=SMALL) as journal:
        journal.append(block(0))
        time.sleep(0.01)
        assert journal.durable == 0
        assert threading.active_count() == 1 or not any(t.name == "journal-sync" for t in threading.enumerate())
