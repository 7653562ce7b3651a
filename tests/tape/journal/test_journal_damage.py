"""T1: every truncation and a flip in every byte of every file of three journals, against an oracle.

The oracle knows each file's records from the undamaged journal and says, for a damage at byte x, what the verdict must
be and which rows must still be read: never a wrong row, and synced rows are never dropped in silence.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from journal_blocks import FOLDER, SMALL, Clock, PlainEncoder, contents, fill, sim_host
from sim_disk import SimDisk

from tickerml.tape.errors import JournalError
from tickerml.tape.journal import Journal, Verdict, archive, read, verify
from tickerml.tape.journal.record import Record
from tickerml.tape.journal.survey import Folder, Piece
from tickerml.tape.rows import Kind

PLAIN = PlainEncoder()
STRIDE = 23  # prime; every case is in the run marked slow


def open_journal(disk: SimDisk) -> None:
    """One segment of 16 KiB, killed: synced, marked and unsynced records, and a torn one at the end."""
    clock = Clock()
    journal = Journal.create(FOLDER, "run-1", segment_bytes=2 * SMALL, host=sim_host(disk, clock))
    for life in range(12):
        fill(journal, range(life * 3, life * 3 + 3))
        journal.sync() if life % 3 == 0 else None
        clock.now += 0.08
        journal.tick()
    writer = journal._writer
    disk.write(writer.handle, b"\x77" * 60, writer.offset)
    disk.kill()


def closed_journal(disk: SimDisk) -> None:
    """Four full segments and a short one, closed; the two oldest are Parquet only."""
    with Journal.create(FOLDER, "run-2", segment_bytes=SMALL, host=sim_host(disk)) as journal:
        fill(journal, range(68))
    archive(FOLDER, snapshot=200, encoder=PLAIN, host=sim_host(disk))


def recovered_journal(disk: SimDisk) -> None:
    """Killed twice and recovered: two segments that others took over from, and an open one."""
    journal = Journal.create(FOLDER, "run-3", segment_bytes=SMALL, host=sim_host(disk))
    for life in range(2):
        fill(journal, range(9), sync_every=5)
        disk.kill()
        journal, _ = Journal.open(FOLDER, segment_bytes=SMALL, host=sim_host(disk, salt=life + 2))
    fill(journal, range(14), sync_every=4)
    journal.sync()
    fill(journal, range(2))
    disk.kill()


@dataclass(frozen=True)
class Expected:
    verdict: Verdict
    rows: int | None  # that come before the damage; None: whatever comes must only be right


class Oracle:
    """What must be found for a damage at one byte of one file."""

    def __init__(self, disk: SimDisk) -> None:
        self.folder = Folder.of(disk, FOLDER)
        self.pieces = {piece.file: piece for piece in self.folder.pieces()}
        self.records = {name: list(piece.records()) for name, piece in self.pieces.items()}
        self.last = list(self.pieces)[-1]
        self.base = verify(FOLDER, disk=disk, encoder=PLAIN)

    def before(self, piece: Piece, records: list[Record]) -> int:
        return (records[-1].seq + records[-1].rows if records else piece.first_seq) - 1

    def flip(self, name: str, at: int) -> Expected:
        if name == "manifest.json":
            return Expected(Verdict.DAMAGED, None)
        if name not in self.pieces:
            present = name.endswith(".parquet")  # of a segment whose file is there as well: not needed, not read
            return Expected(self.base.verdict, self.base.rows) if present else Expected(Verdict.SOUND, None)
        piece, records = self.pieces[name], self.records[name]
        if piece.header is None or at < 4096:
            return Expected(Verdict.DAMAGED, None)
        whole = [record for record in records if record.end <= at]
        if name != self.last:
            damaged = at < piece.end.stop
            return Expected(Verdict.DAMAGED, self.before(piece, whole)) if damaged else self.unchanged()
        hit = next((record for record in records if record.offset <= at < record.end), None)
        if hit is None:
            return Expected(Verdict.TORN, self.base.rows)
        bad = hit.seq
        proof = any(record.durable >= bad for record in records if record.offset > hit.offset)
        cut = len(piece.data) != piece.header.size and hit.kind == 5
        return Expected(Verdict.DAMAGED if proof or cut else Verdict.TORN, self.before(piece, whole))

    def unchanged(self) -> Expected:
        return Expected(self.base.verdict, self.base.rows)

    def cut(self, name: str, size: int) -> Expected:
        if name == "manifest.json" or (name in self.pieces and (self.pieces[name].header is None or size < 4096)):
            return Expected(Verdict.DAMAGED, None)
        if name not in self.pieces:
            return self.unchanged()
        piece = self.pieces[name]
        whole = [record for record in self.records[name] if record.end <= size]
        if name != self.last:
            damaged = size < piece.end.stop
            return Expected(Verdict.DAMAGED, self.before(piece, whole)) if damaged else self.unchanged()
        if size == piece.end.stop and piece.end.sealed:
            return self.unchanged()
        return Expected(Verdict.DAMAGED, self.before(piece, whole))


def judge(disk: SimDisk, truth: list[tuple[int, bytes]], expected: Expected, deep: bool) -> Verdict:
    report = verify(FOLDER, disk=disk, encoder=PLAIN)
    assert report.verdict is expected.verdict
    assert expected.rows is None or report.last_seq == expected.rows
    assert report.last_seq <= max(seq + 5 for seq, _ in truth)
    if report.verdict is Verdict.DAMAGED:
        assert report.problems[0].file
    if deep:
        got: list[tuple[int, bytes]] = []
        if report.verdict is Verdict.DAMAGED:
            with pytest.raises(JournalError, match="damaged") as caught:
                collect(disk, got)
            assert "byte" in caught.value.where.note
        else:
            collect(disk, got)
        assert got == truth[: len(got)]
    return report.verdict


def collect(disk: SimDisk, got: list[tuple[int, bytes]]) -> None:
    for seq, one in read(FOLDER, disk=disk, encoder=PLAIN):
        if one.rows["kind"][0] != Kind.RECOVERED:
            got.append((seq, one.to_bytes()))


MAKERS = {"open": open_journal, "closed": closed_journal, "recovered": recovered_journal}


BYTES = {"open": 16_384, "closed": 31_734, "recovered": 26_544}  # of their files: 149,324 damages in all


def files(disk: SimDisk) -> list[Path]:
    return [path for path in sorted(disk.names_now) if path.suffix in {".seg", ".parquet", ".json"}]


def damage_all(make: str, stride: int, first: int) -> Counter[str]:
    disk = SimDisk()
    MAKERS[make](disk)
    oracle, truth, counts = Oracle(disk), contents(disk, encoder=PLAIN), Counter[str]()
    for path in files(disk):
        file = disk.names_now[path]
        sound = bytes(file.cache)
        for at in range(first % stride, len(sound), stride):
            file.cache = bytearray(sound[:at])
            verdict = judge(disk, truth, oracle.cut(path.name, at), at % 509 == 0)
            counts["truncations"] += 1
            counts[verdict.name] += 1
            file.cache = bytearray(sound)
            file.cache[at] ^= 1 << (at % 8)
            verdict = judge(disk, truth, oracle.flip(path.name, at), at % 509 == 0)
            counts["flips"] += 1
            counts[verdict.name] += 1
        file.cache = bytearray(sound)
    return counts


@pytest.mark.parametrize("make", MAKERS)
def test_damage_is_named_and_no_row_is_ever_wrong(make, capsys):
    counts = damage_all(make, STRIDE, first=7)
    with capsys.disabled():
        print(f"\nT1 {make} (every {STRIDE}th byte): {dict(counts)}")
    assert counts["DAMAGED"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKERS)
def test_damage_of_every_byte(make, capsys):
    counts = damage_all(make, 1, first=0)
    with capsys.disabled():
        print(f"\nT1 {make}, every byte: {dict(counts)}")
    assert counts["truncations"] == counts["flips"] == BYTES[make]
    assert counts["DAMAGED"] > 1000
    assert counts["TORN" if make == "open" else "SOUND"] > 1000
