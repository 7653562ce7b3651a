"""The journal as its callers see it, on a simulated disk: order, syncs, marks, rotation, spare, space, close."""

from __future__ import annotations

import errno
import itertools

import numpy as np
import pytest
from journal_blocks import FOLDER, SMALL, Clock, block, contents, fill, sim_host
from sim_disk import SimDisk

from tickerml.tape.block import Block
from tickerml.tape.errors import JournalError
from tickerml.tape.journal import Journal, Space, State, Sync, Verdict, read, verify
from tickerml.tape.journal.record import COPIED, MARK, SEAL
from tickerml.tape.journal.settings import MARK_DELAY
from tickerml.tape.journal.survey import Folder
from tickerml.tape.rows import Kind, empty


def start(disk: SimDisk, clock: Clock | None = None, **kwargs) -> Journal:
    return Journal.create(FOLDER, "run-1", segment_bytes=SMALL, host=sim_host(disk, clock), **kwargs)


def reopen(disk: SimDisk, salt: int = 2, **kwargs):
    return Journal.open(FOLDER, segment_bytes=SMALL, host=sim_host(disk, salt=salt), **kwargs)


def records(disk: SimDisk) -> list:
    return [record for piece in Folder.of(disk, FOLDER).pieces() for record in piece.records()]


def code_of(call) -> str:
    with pytest.raises(JournalError) as caught:
        call()
    return caught.value.code


def test_rows_come_back_in_order_with_their_sequences():
    disk = SimDisk()
    with start(disk) as journal:
        written = fill(journal, range(200))
        assert written[0][0] == 1
        assert [b - a for (a, _), (b, _) in itertools.pairwise(written)] == [i % 5 + 1 for i in range(199)]
        assert journal.next_seq == written[-1][0] + 5
    assert contents(disk) == written
    report = verify(FOLDER, disk=disk)
    assert (report.verdict, report.closed, report.run_id) == (Verdict.SOUND, True, "run-1")
    assert report.rows == report.last_seq == report.proven == 600
    assert len(report.segments) > 5
    assert FOLDER / "spare" not in disk.names_now


def test_read_from_a_sequence_skips_whole_segments():
    disk = SimDisk()
    with start(disk) as journal:
        written = fill(journal, range(200))
    assert contents(disk, start=301) == [one for one in written if one[0] >= 299]  # 299 + 4 rows holds 301
    before = disk.count
    list(read(FOLDER, start=599, disk=disk))
    late = disk.count - before
    before = disk.count
    list(read(FOLDER, disk=disk))
    assert late < disk.count - before


def test_append_is_in_the_file_and_sync_is_on_the_disk():
    disk = SimDisk()
    journal = start(disk)
    one = journal.append(block(0))
    assert contents(disk) == [(one, block(0).to_bytes())]
    assert contents(disk.after_power_cut(1)) in ([], contents(disk))
    assert journal.durable == 0
    journal.sync(one)
    assert journal.durable == 1
    for seed in range(20):
        assert contents(disk.after_power_cut(seed)) == contents(disk)


def test_sync_waits_for_nothing_that_is_durable_already_and_for_nothing_to_come():
    disk = SimDisk()
    journal = start(disk)
    seq = journal.append(block(1))
    journal.sync(seq)
    before = disk.count
    journal.sync(seq)
    journal.sync()
    assert disk.count == before
    with pytest.raises(ValueError, match="not appended yet"):
        journal.sync(journal.next_seq)


@pytest.mark.parametrize(("sync", "due"), [(Sync.MARKET, 0.2), (Sync.FACT, 0.01), (Sync.ORDER, 0.01)])
def test_each_class_is_synced_in_time(sync, due):
    disk, clock = SimDisk(), Clock()
    journal = start(disk, clock)
    journal.append(block(0), sync)
    wait = journal.tick()
    assert 0 < wait <= due
    clock.now += wait - 1e-6
    journal.tick()
    assert journal.durable == 0
    clock.now += 1e-5
    journal.tick()
    assert journal.durable == 1


def test_a_fact_hurries_the_sync_of_the_market_rows_before_it():
    disk, clock = SimDisk(), Clock()
    journal = start(disk, clock)
    journal.append(block(0), Sync.MARKET)
    journal.append(block(1), Sync.FACT)
    clock.now += 0.01
    journal.tick()
    assert journal.durable == journal.next_seq - 1


def test_a_lone_sync_is_followed_by_one_mark():
    disk, clock = SimDisk(), Clock()
    journal = start(disk, clock)
    journal.sync(journal.append(block(0)))
    clock.now += journal.tick()
    assert clock.now <= 1000 + MARK_DELAY <= 1000.1
    for _ in range(3):
        journal.tick()
        clock.now += 1
    found = records(disk)
    assert [(r.kind, r.seq, r.durable, r.rows) for r in found] == [(1, 1, 0, 1), (MARK, 2, 1, 0)]
    syncs = disk.count
    clock.now += 1
    journal.tick()
    assert disk.count - syncs <= 1  # free space at most: a mark asks for no sync of its own


def test_a_record_after_the_sync_makes_the_mark_needless():
    disk, clock = SimDisk(), Clock()
    journal = start(disk, clock)
    journal.sync(journal.append(block(0)))
    journal.append(block(1))
    clock.now += 0.1
    journal.tick()
    assert [(r.kind, r.durable) for r in records(disk)] == [(1, 0), (1, 1)]


def test_a_mark_that_does_not_fit_is_left_to_the_seal():
    disk, clock = SimDisk(), Clock()
    journal = start(disk, clock)
    while journal._writer.fits(500):
        journal.append(block(0))
    filler = journal._writer
    while filler.fits(len(block(0).to_bytes())):
        journal.append(block(0))
    room = filler.header.size - filler.offset - 88
    if room >= 32:  # pad to the last byte
        filler.put(MARK, journal.next_seq, journal.durable, 0, bytes(room - 32))
    assert not filler.fits(0)
    journal.sync()
    clock.now += 1
    journal.tick()
    assert records(disk)[-1].kind == MARK
    assert records(disk)[-1].durable == 0
    journal.append(block(1))
    assert verify(FOLDER, disk=disk).verdict is Verdict.SOUND


def test_full_segments_are_sealed_and_chained_and_a_spare_is_ready():
    disk, clock = SimDisk(), Clock()
    journal = start(disk, clock)
    written = fill(journal, range(30))
    assert FOLDER / "00000002.seg" in disk.names_now
    assert journal.tick() >= 0
    assert FOLDER / "spare" in disk.names_now
    assert len(disk.names_now[FOLDER / "spare"].cache) == SMALL
    pieces = list(Folder.of(disk, FOLDER).pieces())
    assert [piece.end.sealed for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    first = pieces[0]
    assert pieces[1].header.previous_bytes == first.end.stop
    assert first.data[first.end.stop + 24] == SEAL
    assert journal.durable == pieces[-1].first_seq - 1
    assert contents(disk) == written


def test_without_ticks_the_rotation_makes_its_own_spare():
    disk = SimDisk()
    with start(disk) as journal:
        written = fill(journal, range(100))
    assert contents(disk) == written


def test_after_kill_all_that_append_returned_for_is_there():
    disk = SimDisk()
    journal = start(disk)
    written = fill(journal, range(50), sync_every=7)
    last = journal.next_seq - 1
    disk.kill()
    journal, recovery = reopen(disk)
    assert (recovery.verdict, recovery.closed, recovery.dropped) == (Verdict.SOUND, False, 0)
    assert (recovery.seq, recovery.next_seq) == (last + 1, last + 2)
    assert recovery.copied == last - recovery.proven > 0
    assert journal.durable == last + 1
    assert contents(disk) == written
    told = [one for _, one in read(FOLDER, start=recovery.seq, disk=disk)]
    assert told[0].rows["kind"][0] == Kind.RECOVERED
    assert told[0].rows["qty"][0] == 0
    assert b'"verdict":"sound"' in told[0].blobs[0]
    copies = [record for record in records(disk) if record.flags & COPIED]
    assert sum(record.rows for record in copies) == recovery.copied
    for seed in range(20):
        assert contents(disk.after_power_cut(seed)) == written
    assert journal.append(block(3)) == last + 2
    assert verify(FOLDER, disk=disk).verdict is Verdict.SOUND


def test_kill_and_open_again_and_again():
    disk, written = SimDisk(), []
    journal = start(disk)
    for life in range(12):
        written += fill(journal, range(life * 11, life * 11 + life))
        disk.kill()
        journal, _ = reopen(disk, salt=life + 2)
    journal.close()
    assert contents(disk) == written
    assert verify(FOLDER, disk=disk).verdict is Verdict.SOUND


def test_a_closed_journal_goes_on_without_a_recovered_row():
    disk = SimDisk()
    with start(disk) as journal:
        written = fill(journal, range(9))
    assert len(disk.names_now[FOLDER / "00000001.seg"].cache) < SMALL
    journal, recovery = reopen(disk)
    assert (recovery.closed, recovery.seq, recovery.copied) == (True, 0, 0)
    written += fill(journal, range(9, 18))
    journal.close()
    assert contents(disk) == written


def test_copies_and_the_recovered_row_always_fit_the_new_segment():
    disk = SimDisk()
    journal = start(disk, fsync_interval=1e9)
    written = []
    while journal._writer.header.number == 1 and journal._writer.fits(len(block(0).to_bytes())):
        written += fill(journal, range(1))
    disk.kill()
    journal, recovery = reopen(disk)
    assert recovery.copied == len(written)
    assert journal._writer.header.size > SMALL
    journal.append(block(1))
    assert contents(disk)[:-1] == written


def test_one_writer():
    disk = SimDisk()
    journal = start(disk)
    assert code_of(lambda: reopen(disk)) == "journal-locked"
    assert code_of(lambda: start(disk)) == "journal-locked"
    journal.close()
    assert code_of(lambda: start(disk)) == "journal-exists"
    reopen(disk)[0].close()


def test_nothing_to_open():
    assert code_of(lambda: reopen(SimDisk())) == "journal-missing"
    assert code_of(lambda: verify(FOLDER, disk=SimDisk())) == "journal-missing"
    assert code_of(lambda: read(FOLDER, disk=SimDisk())) == "journal-missing"


def test_what_cannot_be_appended():
    disk = SimDisk()
    journal = start(disk)
    with pytest.raises(ValueError, match="without rows"):
        journal.append(Block(empty(0)))
    assert code_of(lambda: journal.append(Block(empty(100)))) == "journal-record-size"
    journal.append(Block(empty(99)))
    journal.append(Block(empty(99)))
    journal.close()
    assert code_of(lambda: journal.append(block(1))) == "journal-closed"
    journal.close()
    assert journal.state is State.CLOSED
    with Journal.create(FOLDER / "big", "r", segment_bytes=4 << 20, host=sim_host(disk)) as big:
        assert code_of(lambda: big.append(Block(empty(26214)))) == "journal-record-size"
        big.append(Block(empty(26213)))


@pytest.mark.parametrize(
    ("run_id", "kwargs"),
    [
        ("", {}),
        ("x" * 129, {}),
        ("r", {"segment_bytes": 8191}),
        ("r", {"segment_bytes": 9001}),
        ("r", {"fsync_interval": 0}),
    ],
)
def test_what_is_no_journal(run_id, kwargs):
    with pytest.raises(ValueError, match=r"run id|segment_bytes|fsync_interval"):
        Journal.create(FOLDER, run_id, host=sim_host(SimDisk()), **kwargs)


def test_an_io_error_halts_and_nothing_is_synced_again():
    disk, told = SimDisk(), []
    journal = start(disk, notify=lambda state, space: told.append((state, space)))
    written = fill(journal, range(5))
    journal.sync()
    fill(journal, range(5, 6))
    syncs = itertools.count()
    disk.before = lambda op, path: _raise(errno.EIO) if op == "sync" and next(syncs) >= 0 else None
    assert code_of(journal.sync) == "journal-halted"
    assert next(syncs) == 1
    disk.before = lambda op, path: pytest.fail(op) if op in {"sync", "write", "rename", "resize"} else None
    assert journal.state is State.HALTED
    assert "Input/output error" in journal.cause
    for call in (journal.sync, journal.tick, lambda: journal.append(block(1))):
        assert code_of(call) == "journal-halted"
    assert told == [(State.HALTED, Space.OK)]
    journal.close()
    assert journal.state is State.HALTED
    disk.before = lambda op, path: None
    journal, _ = reopen(disk)  # the lock was given back
    assert contents(disk)[:5] == written


def _raise(number: int):
    raise OSError(number, {errno.EIO: "Input/output error", errno.ENOSPC: "No space left on device"}[number])


def test_the_first_cause_is_told():
    disk = SimDisk()
    journal = start(disk)
    fill(journal, range(3))

    def before(op: str, path: object) -> None:
        if op == "sync":  # while one thread syncs, another appends, and both fail
            assert code_of(lambda: journal.append(block(1))) == "journal-halted"
            _raise(errno.EIO)
        if op == "write":
            _raise(errno.ENOSPC)

    disk.before = before
    assert code_of(journal.sync) == "journal-halted"
    assert "No space left" in journal.cause


def test_a_mark_that_fails_halts():
    disk, clock = SimDisk(), Clock()
    journal = start(disk, clock)
    journal.sync(journal.append(block(0)))
    disk.before = lambda op, path: _raise(errno.EIO) if op == "write" else None
    clock.now += 1
    assert code_of(journal.tick) == "journal-halted"


def test_a_full_disk_shows_before_it_hurts():
    disk, clock, told = SimDisk(room=2 * SMALL + 100), Clock(), []
    journal = start(disk, clock, notify=lambda state, space: told.append((state, space)))
    assert journal.space is Space.ENTRIES_OFF  # less than 2 GiB
    written = fill(journal, range(24))
    while journal._writer.header.number == 1:
        written += fill(journal, range(1))
    assert journal._writer.header.number == 2
    journal.tick()
    assert (journal.state, journal.space) == (State.RUNNING, Space.NO_SPARE)
    assert told == [(State.RUNNING, Space.ENTRIES_OFF), (State.RUNNING, Space.NO_SPARE)]
    tries = disk.count
    journal.tick()
    assert disk.count == tries  # asked again after a second, not at each tick
    with pytest.raises(JournalError) as caught:
        fill_up(journal, written)
    assert caught.value.code == "journal-halted"
    assert "No space left" in str(caught.value)
    assert code_of(journal.tick) == "journal-halted"
    assert told[-1] == (State.HALTED, Space.NO_SPARE)
    journal.close()
    assert code_of(lambda: reopen(disk)) == "journal-disk-full"
    disk.room = 1 << 40
    journal, recovery = reopen(disk)
    assert contents(disk) == written
    assert recovery.verdict is Verdict.SOUND


def fill_up(journal: Journal, written: list[tuple[int, bytes]]) -> None:
    while True:
        written += fill(journal, range(1))


def test_a_disk_that_was_made_free_gets_its_spare_and_is_told():
    disk, clock = SimDisk(room=SMALL + 100), Clock()
    journal = start(disk, clock)
    assert journal.space is Space.NO_SPARE
    disk.room = 1 << 40
    clock.now += 1
    journal.tick()
    assert journal.space is Space.OK
    assert FOLDER / "spare" in disk.names_now


def test_space_is_judged_by_the_present_rate():
    disk, clock = SimDisk(room=1 << 33), Clock()
    journal = start(disk, clock)
    assert journal.space is Space.OK
    for _ in range(3):
        clock.now += 1
        fill(journal, range(100))
        clock.now += 10
        journal.tick()
    assert journal.space is Space.OK  # 3 kB/s last for a month
    disk.room = disk.used() + (2 << 30) + (64 << 20)
    for _ in range(3):
        clock.now += 0.01
        fill(journal, range(3000))
        clock.now += 10
        journal.tick()
    assert journal.space is Space.WARN
    disk.before = lambda op, path: _raise(errno.EIO) if op == "free" else None
    clock.now += 10
    journal.tick()
    assert journal.space is Space.ENTRIES_OFF  # what cannot be computed counts as failed


def test_create_that_fails_gives_the_lock_back():
    disk = SimDisk(room=100)
    assert code_of(lambda: start(disk)) == "journal-disk-full"
    disk.room = 1 << 40
    disk.before = lambda op, path: _raise(errno.EIO) if op == "rename" else None
    assert code_of(lambda: start(disk)) == "journal-io"
    spares = iter(range(100))
    disk.before = lambda op, path: _raise(errno.EIO) if op == "open" and next(spares) else None
    assert code_of(lambda: start(disk)) == "journal-halted"  # the spare of the new journal
    disk.before = lambda op, path: None
    reopen(disk)[0].close()


def test_close_that_fails_says_so_and_unlocks():
    disk = SimDisk()
    journal = start(disk)
    written = fill(journal, range(4))
    disk.before = lambda op, path: _raise(errno.EIO) if op == "resize" else None
    assert code_of(journal.close) == "journal-halted"
    disk.before = lambda op, path: None
    journal, recovery = reopen(disk)
    assert recovery.closed  # the SEAL was synced before
    assert contents(disk) == written


def test_another_threads_rotation_is_enough():
    disk = SimDisk()
    journal = start(disk)
    journal._rotate(10)
    assert FOLDER / "00000002.seg" not in disk.names_now


def test_the_spare_is_made_once():
    disk = SimDisk()
    journal = start(disk)
    before = disk.count
    journal._fetch_spare(0.0)
    assert disk.count == before


def test_blocks_of_every_table_survive():
    disk = SimDisk()
    with start(disk) as journal:
        rows = empty(3)
        rows["kind"] = [Kind.VALUE, Kind.BAR, Kind.INTENT]
        full = Block(
            rows, *(np.frombuffer(bytes(range(t.itemsize)), t) for t in _tables()), blobs=(b"\0", b"", b"x" * 99)
        )
        journal.append(full)
    assert [one.to_bytes() for _, one in read(FOLDER, disk=disk)] == [full.to_bytes()]


def _tables():
    from tickerml.tape.tables import BAR, MESSAGE, ORDER, VALUE

    return MESSAGE, ORDER, BAR, VALUE
