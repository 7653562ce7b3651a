"""Sealed segments as Parquet, damaged journals salvaged, and single findings that T1 reaches only by chance."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from journal_blocks import FOLDER, SMALL, Clock, PlainEncoder, block, contents, fill, sim_host
from msgspec.structs import replace as change
from sim_disk import SimDisk

from tickerml.tape.block import Block, concat
from tickerml.tape.errors import JournalError
from tickerml.tape.journal import Journal, OsDisk, ParquetEncoder, Verdict, archive, read, salvage, verify
from tickerml.tape.journal.archive import fingerprint
from tickerml.tape.journal.manifest import MANIFEST, read_manifest, write_manifest
from tickerml.tape.journal.parquet import batches
from tickerml.tape.journal.record import SEAL, block_of, decode, encode, record_salt
from tickerml.tape.journal.scan import scan
from tickerml.tape.journal.segment import HEADER_BYTES, SegmentHeader
from tickerml.tape.rows import ROW, Kind, empty
from tickerml.tape.tables import BAR, MESSAGE, ORDER, VALUE

OUT = Path("/sim/salvaged")


def rows_of(found) -> bytes:
    return concat([one for _, one in found]).to_bytes()


def closed(disk: SimDisk, blocks: int = 82) -> list[tuple[int, bytes]]:
    with Journal.create(FOLDER, "run", segment_bytes=SMALL, host=sim_host(disk)) as journal:
        return fill(journal, range(blocks))


def archived(disk: SimDisk, snapshot: int = 0):
    return archive(FOLDER, snapshot=snapshot, encoder=PlainEncoder(), host=sim_host(disk))


def random_block(rng: np.random.Generator, rows: int) -> Block:
    def noise(dtype: np.dtype, count: int):
        return np.frombuffer(rng.bytes(dtype.itemsize * count), dtype).copy()

    out = noise(ROW, rows)
    out["kind"], out["ref"] = rng.integers(0, 46, rows), rng.integers(-1, 3, rows)
    blobs = tuple(rng.bytes(int(size)) for size in rng.integers(0, 40, 3))
    return Block(out, noise(MESSAGE, 3), noise(ORDER, 3), noise(BAR, 3), noise(VALUE, 3), blobs)


def test_every_bit_of_every_table_survives_parquet():
    rng = np.random.default_rng(8)
    parts, seq = [], 1
    for rows in (1, 5, 200, 3):
        parts.append((seq, random_block(rng, rows)))
        seq += rows
    parts.append((seq, Block(empty(2))))
    back = list(ParquetEncoder().decode(ParquetEncoder().encode(parts)))
    assert [first for first, _ in back] == [1]
    assert rows_of(back) == rows_of(parts)
    assert fingerprint(back) == fingerprint(parts) == fingerprint(batches(parts, rows=6))
    changed = parts[1][1].blobs[0]
    other = Block(
        *(getattr(parts[1][1], name) for name in ("rows", "messages", "orders", "bars", "values")), (changed + b"x",)
    )
    assert fingerprint([parts[0], (parts[1][0], other), *parts[2:]]) != fingerprint(parts)
    assert list(ParquetEncoder().decode(ParquetEncoder().encode([]))) == []


def test_batches_keep_blocks_whole():
    parts = [(1, block(4)), (6, block(9)), (11, block(0))]
    assert [(seq, len(one)) for seq, one in batches(parts, rows=6)] == [(1, 10), (11, 1)]


def test_a_closed_run_on_the_real_disk_becomes_parquet(tmp_path):
    with Journal.create(tmp_path, "run", segment_bytes=SMALL) as journal:
        written = fill(journal, range(82))
    first = archive(tmp_path)
    assert len(first.written) == len(list(tmp_path.glob("*.seg"))) > 4
    assert first.removed == ()
    assert archive(tmp_path, snapshot=written[30][0]).removed == ("00000001.seg",)
    done = archive(tmp_path, snapshot=10**9)
    assert len(list(tmp_path.glob("*.seg"))) == 2
    assert done.written == ()
    assert verify(tmp_path).verdict is Verdict.SOUND
    assert rows_of(read(tmp_path)) == concat([Block.from_bytes(data) for _, data in written]).to_bytes()
    journal, recovery = Journal.open(tmp_path, segment_bytes=SMALL)
    assert recovery.closed
    written += fill(journal, range(82, 99))
    journal.close()
    assert rows_of(read(tmp_path)) == concat([Block.from_bytes(data) for _, data in written]).to_bytes()
    assert verify(tmp_path).rows == written[-1][0] + 98 % 5


def test_an_open_segment_is_not_archived():
    disk = SimDisk()
    journal = Journal.create(FOLDER, "run", segment_bytes=SMALL, host=sim_host(disk))
    fill(journal, range(40))
    number = journal._writer.header.number
    assert archived(disk).written == tuple(f"{n:08d}.parquet" for n in range(1, number))
    assert archived(disk).written == ()


def test_a_run_of_which_only_parquet_is_left_goes_on():
    disk = SimDisk()
    written = closed(disk)
    archived(disk)
    for path in list(disk.names_now):
        if path.suffix == ".seg":
            disk.remove(path)
    journal, recovery = Journal.open(FOLDER, segment_bytes=SMALL, host=sim_host(disk, salt=5))
    # the encoder of `Journal.open` is not asked: the chain is in the manifest
    assert recovery.closed
    written += fill(journal, range(5))
    assert contents(disk, encoder=PlainEncoder()) == written
    assert verify(FOLDER, disk=disk, encoder=PlainEncoder()).verdict is Verdict.SOUND


def test_an_encoder_that_loses_a_bit_is_caught():
    class Lossy(PlainEncoder):
        def decode(self, data):
            for seq, one in super().decode(data):
                one.rows["qty"] &= ~np.int64(1)
                yield seq, one

    disk = SimDisk()
    closed(disk)
    with pytest.raises(JournalError, match="does not decode to the rows") as caught:
        archive(FOLDER, encoder=Lossy(), host=sim_host(disk))
    assert caught.value.code == "journal-archive"
    assert FOLDER / MANIFEST not in disk.names_now


def test_a_segment_stays_while_its_parquet_is_damaged():
    disk = SimDisk()
    closed(disk)
    archived(disk)
    disk.names_now[FOLDER / "00000001.parquet"].cache[5] ^= 1
    assert archived(disk, snapshot=10**9).removed == ()
    disk.remove(FOLDER / "00000001.parquet")
    assert archived(disk, snapshot=10**9).removed == ()


def test_archive_refuses_damage_a_second_archiver_and_nothing():
    disk = SimDisk()
    with pytest.raises(JournalError) as caught:
        archived(disk)
    assert caught.value.code == "journal-missing"
    closed(disk)
    disk.claim(FOLDER, "archive.lock")
    with pytest.raises(JournalError) as caught:
        archived(disk)
    assert caught.value.code == "journal-locked"
    disk.kill()
    disk.names_now[FOLDER / "00000003.seg"].cache[5000] ^= 1
    with pytest.raises(JournalError, match=r"00000003.seg at byte \d+, sequence \d+"):
        archived(disk)
    assert archived_files(disk) == {"00000001.parquet", "00000002.parquet"}
    disk.names_now[FOLDER / MANIFEST].cache[3] ^= 1
    for call in (archived, contents, lambda d: Journal.open(FOLDER, host=sim_host(d))):
        with pytest.raises(JournalError, match=r"manifest") as caught:
            call(disk)
        assert caught.value.code == "journal-damaged"


def archived_files(disk: SimDisk) -> set[str]:
    return {path.name for path in disk.names_now if path.suffix == ".parquet"}


def first_problem(disk: SimDisk) -> str:
    report = verify(FOLDER, disk=disk, encoder=PlainEncoder())
    assert report.verdict is Verdict.DAMAGED
    assert not report.closed
    return str(report.problems[0])


def test_each_finding_is_named():
    disk = SimDisk()
    closed(disk)
    names = dict(disk.names_now)
    del disk.names_now[FOLDER / "00000002.seg"]
    assert "00000002.seg at byte 0, sequence 0: the segment is missing" in first_problem(disk)
    disk.names_now = dict(names)
    disk.names_now[FOLDER / "00000002.seg"] = names[FOLDER / "00000003.seg"]
    assert "the header says segment 3" in first_problem(disk)
    other = SimDisk()
    with Journal.create(FOLDER, "other", segment_bytes=SMALL, host=sim_host(other, salt=9)) as journal:
        fill(journal, range(82))
    disk.names_now = {**names, FOLDER / "00000003.seg": other.names_now[FOLDER / "00000003.seg"]}
    assert "chain hash" in first_problem(disk)
    assert "belongs to run other, not run" in " ".join(map(str, verify(FOLDER, disk=disk).problems))
    disk.names_now = dict(names)
    archived(disk, snapshot=10**9)
    last = max(path for path in disk.names_now if path.suffix == ".seg")
    disk.names_now[FOLDER / "00000001.seg"] = disk.names_now[last]
    assert f"00000001.seg at byte 0, sequence 0: the header says segment {int(last.stem)}" in first_problem(disk)


def test_damage_that_only_reading_finds():
    disk = SimDisk()
    closed(disk)
    file = disk.names_now[FOLDER / "00000002.seg"]
    sound = bytes(file.cache)
    file.cache[100] ^= 1
    with pytest.raises(JournalError, match=r"00000002.seg at byte 0.*header page fails its checksum"):
        contents(disk)
    header = SegmentHeader.from_bytes(sound)
    file.cache[:HEADER_BYTES] = replace(header, first_seq=header.first_seq + 1).to_bytes()
    assert "00000001.seg" in first_problem(disk)
    assert "where the next one continues" in first_problem(disk)


def test_a_parquet_that_is_gone_or_of_another_chain():
    disk = SimDisk()
    closed(disk)
    archived(disk, snapshot=10**9)
    kept = disk.names_now.pop(FOLDER / "00000001.parquet")
    assert "00000001.parquet at byte 0, sequence 1: the file is missing" in first_problem(disk)
    disk.names_now[FOLDER / "00000001.parquet"] = kept
    last_gone = max(n for n in range(1, 9) if FOLDER / f"{n:08d}.seg" not in disk.names_now and n < 5)

    entries = read_manifest(disk, FOLDER, [MANIFEST])
    changed = {**entries, last_gone: change(entries[last_gone], segment_sha256="00" * 32)}
    write_manifest(disk, FOLDER, changed)
    assert "continues another file" in first_problem(disk)
    fewer = {**entries, 1: change(entries[1], next_seq=entries[1].next_seq + 5)}
    write_manifest(disk, FOLDER, fewer)
    assert "rows do not reach" in first_problem(disk)
    text = json.loads(disk.read(FOLDER / MANIFEST))
    assert [entry["number"] for entry in text["entries"]] == sorted(entries)


def header_of(size: int = SMALL) -> SegmentHeader:
    return SegmentHeader("r", 1, 1, 7, size, bytes(32), 0, bytes(32), 0)


def test_a_page_this_program_does_not_know():
    page = bytearray(header_of().to_bytes())
    assert SegmentHeader.from_bytes(bytes(page)) == header_of()
    page[8] = 9
    page[-4:] = struct.pack("<I", zlib.crc32(page[:-4]))
    with pytest.raises(ValueError, match="version 9"):
        SegmentHeader.from_bytes(bytes(page))


def test_records_that_are_none():
    good = encode(1, 5, 2, 1, b"x" * 10, salt=3)
    assert decode(good, 0, 3) is not None
    assert decode(good, 0, 4) is None
    assert decode(good[:31], 0, 3) is None
    for kind, seq, durable, rows in ((0, 5, 2, 1), (6, 5, 2, 0), (1, 5, 2, 0), (4, 5, 2, 1), (1, 5, 5, 1)):
        assert decode(encode(kind, seq, durable, rows, b"", salt=3), 0, 3) is None
    bad = encode(1, 5, 2, 9, block(0).to_bytes(), salt=3)
    with pytest.raises(ValueError, match="announces 9 rows and holds 1"):
        block_of(bad, decode(bad, 0, 3))
    cut = Block(empty(1), blobs=(b"abc",)).to_bytes()[:-7] + b"\xff"
    bad = encode(1, 5, 2, 1, cut, salt=3)
    with pytest.raises(ValueError, match="block"):
        block_of(bad, decode(bad, 0, 3))
    short = encode(1, 5, 2, 1, struct.pack("<6I", 1, 0, 0, 0, 0, 3) + bytes(40), salt=3)
    with pytest.raises(ValueError, match="is no block"):
        block_of(short, decode(short, 0, 3))


def test_a_seal_that_does_not_match():
    header = header_of()
    record = encode(1, 1, 0, 1, block(0).to_bytes(), salt=7)
    seal = encode(SEAL, 2, 1, 0, struct.pack("<QQ32s", 1, 1, bytes(32)), salt=7)
    data = (header.to_bytes() + record + seal).ljust(SMALL, b"\0")
    end, problem = scan(data, header, "f")
    assert end.sealed
    assert problem.offset == HEADER_BYTES + len(record)
    assert "SEAL does not match" in problem.what


def test_a_block_that_does_not_decode_is_named():
    disk = SimDisk()
    journal = Journal.create(FOLDER, "run", segment_bytes=SMALL, host=sim_host(disk))
    journal._writer.put(1, 1, 0, 7, block(0).to_bytes())
    assert "announces 7 rows" in first_problem(disk)


def test_a_writer_seen_in_the_middle_of_a_page_is_not_called_damaged():
    disk, clock = SimDisk(), Clock()
    journal = Journal.create(FOLDER, "run", segment_bytes=SMALL, host=sim_host(disk, clock))
    written = fill(journal, range(6), sync_every=1)
    file = disk.names_now[FOLDER / "00000001.seg"]
    sound, reads = bytes(file.cache), []

    def before(op: str, path: Path) -> None:
        if op == "read" and path.name == "00000001.seg":
            reads.append(path)
            file.cache[:] = sound
            if len(reads) in (2, 3):  # after the header: a record is not there yet, the next one is
                hidden = HEADER_BYTES + (len(reads) - 2) * 88
                assert file.cache[hidden : hidden + 8] != bytes(8)
                file.cache[hidden : hidden + 8] = bytes(8)

    disk.before = before
    assert contents(disk) == written


# --- salvage ---------------------------------------------------------------------------------------------------------


def saved(disk: SimDisk):
    return salvage(FOLDER, OUT, encoder=PlainEncoder(), host=sim_host(disk, salt=77))


def opens(disk: SimDisk) -> list[tuple[int, bytes]]:
    journal, _ = Journal.open(OUT, segment_bytes=SMALL, host=sim_host(disk, salt=78))
    journal.append(block(1))
    journal.close()
    assert verify(OUT, disk=disk, encoder=PlainEncoder()).verdict is Verdict.SOUND
    return contents(disk, folder=OUT, encoder=PlainEncoder())[:-1]


def test_rows_before_the_damage_open_again_and_rows_behind_it_lie_beside():
    disk = SimDisk()
    written = closed(disk)
    before = {path: bytes(file.cache) for path, file in disk.names_now.items()}
    file = disk.names_now[FOLDER / "00000003.seg"]
    file.cache[5200] ^= 1
    result = saved(disk)
    file.cache[5200] ^= 1
    assert {path: bytes(disk.names_now[path].cache) for path in before} == before
    assert result.problem.file == "00000003.seg"
    kept = opens(disk)
    assert kept == written[: len(kept)]
    assert kept[-1][0] <= result.last_seq < written[len(kept)][0]
    runs = [one for run in result.runs for one in PlainEncoder().decode(disk.read(OUT / run.file))]
    assert [(seq, one.to_bytes()) for seq, one in runs] == written[len(kept) + 1 :]
    lost_seq, lost = written[len(kept)]
    assert result.missing == ((lost_seq, lost_seq + len(Block.from_bytes(lost)) - 1),)
    told = [one for _, one in read(OUT, disk=disk, encoder=PlainEncoder()) if one.rows["kind"][0] == Kind.RECOVERED]
    assert b'"verdict":"damaged"' in told[0].blobs[0]


def test_a_sound_journal_is_copied_whole():
    disk = SimDisk()
    written = closed(disk)
    archived(disk, snapshot=10**9)
    result = saved(disk)
    assert (result.problem, result.runs, result.missing) == (None, (), ())
    assert result.last_seq == verify(FOLDER, disk=disk, encoder=PlainEncoder()).last_seq
    assert opens(disk) == written


def test_a_damaged_header_costs_no_row_and_parquet_heals_it():
    """The salt that stood in the header is found from the checksums of two records that follow each other."""
    for also in (None, HEADER_BYTES + 40):  # the first record damaged as well
        disk = SimDisk()
        written = closed(disk)
        second = disk.names_now[FOLDER / "00000002.seg"].cache
        second[100] ^= 1
        if also is not None:
            second[also] ^= 1
        result = saved(disk)
        kept = opens(disk)
        assert kept == written[: len(kept)]
        found = [one for run in result.runs for one in PlainEncoder().decode(disk.read(OUT / run.file))]
        lost = len(written) - len(kept) - len(found)
        assert lost == (also is not None)
        assert [(seq, one.to_bytes()) for seq, one in found] == written[len(kept) + lost :]
        assert len(result.missing) == lost
    disk = SimDisk()
    written = closed(disk)
    archived(disk)
    disk.names_now[FOLDER / "00000002.seg"].cache[100] ^= 1
    assert saved(disk).problem is None
    assert opens(disk) == written


@pytest.mark.parametrize("salt", [0, 1, 0xFFFFFFFF, 0x12345678])
def test_a_record_tells_its_salt(salt):
    data = bytes(24) + encode(1, 7, 3, 2, b"x" * 1001, salt)
    assert record_salt(data, 24) == salt


def test_with_the_first_segment_gone_the_rest_lies_beside():
    disk = SimDisk()
    written = closed(disk)
    archived(disk)
    disk.names_now[FOLDER / "00000001.seg"].cache[100] ^= 1
    disk.names_now[FOLDER / "00000001.parquet"].cache[100] ^= 1
    disk.remove(FOLDER / "00000003.seg")
    result = saved(disk)
    assert result.last_seq == 0
    found = [one for run in result.runs for one in PlainEncoder().decode(disk.read(OUT / run.file))]
    assert [(seq, one.to_bytes()) for seq, one in found] == written[-len(found) :]
    with pytest.raises(JournalError) as caught:
        verify(OUT, disk=disk)
    assert caught.value.code == "journal-missing"


def test_salvage_without_a_readable_manifest_and_into_a_journal():
    disk = SimDisk()
    written = closed(disk)
    archived(disk)
    disk.names_now[FOLDER / MANIFEST].cache[3] ^= 1
    result = saved(disk)
    assert result.problem.file == MANIFEST
    assert opens(disk) == written
    with pytest.raises(JournalError) as caught:
        saved(disk)
    assert caught.value.code == "journal-exists"


def test_salvage_on_the_real_disk(tmp_path):
    with Journal.create(tmp_path / "run", "r", segment_bytes=SMALL) as journal:
        written = fill(journal, range(60))
    path = tmp_path / "run" / "00000002.seg"
    data = bytearray(path.read_bytes())
    data[6000] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalError) as caught:
        Journal.open(tmp_path / "run")
    assert caught.value.code == "journal-damaged"
    assert "00000002.seg" in caught.value.where.file
    result = salvage(tmp_path / "run", tmp_path / "out")
    journal, _ = Journal.open(tmp_path / "out")
    journal.close()
    kept = [seq for seq, one in read(tmp_path / "out") if one.rows["kind"][0] != Kind.RECOVERED]
    assert kept == [seq for seq, _ in written if seq <= result.last_seq]
    again = [one for run in result.runs for one in ParquetEncoder().decode(OsDisk().read(tmp_path / "out" / run.file))]
    assert again[-1][0] + len(again[-1][1]) == journal_end(written)


def journal_end(written: list[tuple[int, bytes]]) -> int:
    return written[-1][0] + len(Block.from_bytes(written[-1][1]))
