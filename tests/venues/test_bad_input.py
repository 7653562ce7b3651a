"""Whatever a file holds, there is a clear error or a counted problem with its place, and never a wrong book."""

import gzip
import os
from pathlib import Path

import pytest
from binance_lines import BOOK, T0, diff, line, snapshot, ticker, trade, write

from tickerml.tape.block import concat
from tickerml.tape.check import check
from tickerml.tape.errors import InputError
from tickerml.tape.problems import Problems
from tickerml.tape.rows import Kind
from tickerml.venues.captures import open_captures

GOOD = [snapshot(100, *BOOK), diff(101, 101, [("99.0", "1")], at=1), diff(102, 102, [("98.0", "1")], at=2)]
AFTER = [diff(103, 103, [("97.0", "1")], at=3)]


def imported(tmp_path, *messages, name="btcusdt.gz"):
    problems = Problems()
    tape = open_captures([write(tmp_path / name, messages)], problems=problems)
    rows = concat(list(tape.blocks())).rows
    return rows[rows["kind"] != Kind.CLOCK], problems


def bad(**changed):
    message = diff(103, 103, [("99.5", "1")], at=3)
    message["data"] |= changed
    return message


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (b"", None),
        (b"   ", None),
        (b'1723161255000000000 {"stream":', "not-json"),
        (b'1723161255000000000 {"a":NaN}', "not-json"),
        (b'{"stream":"x"}', "no-receive-time"),
        (b"hello", "not-json"),
        (b"hello world", "not-json"),
        (b'12345 {"stream":"x","data":{"s":"BTCUSDT"}}', "no-receive-time"),
        (b'x23 {"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT"}}', "no-receive-time"),
        (b'1723161255000000000 {"stream":"caf\xe9"}', "not-utf8"),
        (b"1723161255000000000 [1,2]", "unknown-message"),
        (b'1723161255000000000 {"stream":7}', "unknown-message"),
        (line(3, {"stream": "btcusdt@ticker", "data": {"e": "24hrTicker", "s": "BTCUSDT"}}), "unknown-stream"),
        (line(3, trade(1, "1", "1", symbol="HELLO")), "unknown-instrument"),
    ],
)
def test_lines_of_no_use_are_counted_and_the_rest_is_imported(tmp_path, broken, reason):
    rows, problems = imported(tmp_path, *GOOD, broken, *AFTER)
    assert len(rows) == 8
    assert problems.counts == ({reason: 1} if reason else {})
    if reason:
        place = problems.places(reason)[0]
        assert (Path(place.file).name, place.line) == ("btcusdt.gz", 4)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (bad(b=[["NaN", "1"]]), "bad-number"),
        (bad(b=[["99.5", "NaN"]]), "bad-number"),
        (bad(b=[["-99.5", "1"]]), "bad-number"),
        (bad(b=[["0.0", "1"]]), "bad-number"),
        (bad(a=[["100.5", "-1"]]), "bad-number"),
        (bad(a=[["100.5", ""]]), "bad-number"),
        (bad(b=[["100.5"]]), "unknown-message"),
        (bad(b=[[["100.5", "1"]]]), "unknown-message"),
        (bad(a="100.5"), "unknown-message"),
        (diff(103, 103, [("100.2", "1")], at=3), "crossed-book"),
        (diff(103, 103, [("101", "1")], [("100", "1")], at=3), "crossed-book"),
        (diff(104, 104, [("99.5", "1")], at=3), "book-gap"),
    ],
)
def test_a_depth_message_that_cannot_be_true_makes_the_book_unknown(tmp_path, broken, reason):
    later = [diff(104, 105, [("97.0", "1")], at=4), snapshot(105, *BOOK), diff(106, 106, [("96.0", "1")], at=5)]
    rows, problems = imported(tmp_path, *GOOD, broken, *later)
    assert problems.counts == {reason: 1}
    assert problems.places(reason)[0].line == 4
    kinds = rows["kind"].tolist()
    assert kinds.count(Kind.GAP) == 1
    gap = kinds.index(Kind.GAP)
    assert rows["recv"][gap] == (T0 + 3) * 1_000_000
    assert kinds[gap + 1] == Kind.CLEAR  # nothing touches the unknown book before the next snapshot
    assert kinds[gap + 2 :] == [Kind.DEPTH] * 5


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (trade(5, "NaN", "1"), "bad-number"),
        (trade(5, "0", "1"), "bad-number"),
        (trade(5, "-1", "1"), "bad-number"),
        (trade(5, "100.1", "0"), "bad-number"),
        (trade(5, "100.1", "-2"), "bad-number"),
        (trade(5, "99999999999", "1"), "price-too-far"),
        (ticker(103, "NaN", "1", "100.2", "1"), "bad-number"),
        (ticker(103, "0.00000000", "0.00000000", "100.2", "1"), "bad-number"),
    ],
)
def test_bad_trades_and_quotes_are_refused_and_the_book_stays(tmp_path, broken, reason):
    rows, problems = imported(tmp_path, *GOOD, broken, *AFTER)
    assert len(rows) == 8
    assert problems.counts == {reason: 1}
    assert problems.places(reason)[0].line == 4


def test_a_level_beyond_the_largest_price_is_left_out_and_counted(tmp_path):
    rows, problems = imported(tmp_path, *GOOD, diff(103, 103, [], [("100.4", "1"), ("99999999999", "1")], at=3))
    assert rows["price"][-1] == 1004
    assert rows["flags"][-1] & 1
    assert problems.counts == {"price-too-far": 1}


def test_what_was_sent_twice_is_taken_once(tmp_path):
    twice = [GOOD[1], trade(7, "100.1", "1"), trade(7, "100.1", "1"), ticker(102, "100.1", "2.0", "100.2", "1.0")]
    rows, problems = imported(tmp_path, *GOOD, *twice, twice[-1], *AFTER)
    assert problems.counts == {"duplicate": 3, "exchange-time-backwards": 1}
    assert sorted(p.line for p in problems.places("duplicate")) == [4, 6, 8]
    assert rows["kind"].tolist() == [4, 1, 1, 1, 1, 1, 1, 2, 3, 3, 1]


def test_missing_trades_are_counted(tmp_path):
    _, problems = imported(tmp_path, trade(7, "100.1", "1"), trade(11, "100.1", "1"))
    assert problems.counts == {"trades-lost": 3}


def test_time_that_runs_backwards_is_counted_and_kept_as_it_is(tmp_path):
    lines = [line(0, GOOD[0]), line(50, GOOD[1]), line(20, GOOD[2]), line(60, AFTER[0])]
    rows, problems = imported(tmp_path, *lines)
    assert problems.counts == {"time-backwards": 1}
    assert problems.places("time-backwards")[0].line == 3
    assert (rows["recv"][5:] - T0 * 1_000_000).tolist() == [50_000_000, 20_000_000, 60_000_000]


def test_no_snapshot_is_no_book(tmp_path):
    rows, problems = imported(tmp_path, *GOOD[1:], trade(1, "100.1", "1"))
    assert problems.counts == {"no-snapshot": 2}
    assert problems.places("no-snapshot")[0].line == 1
    assert rows["kind"].tolist() == [Kind.TRADE, Kind.GAP]


def test_a_snapshot_too_old_is_not_used(tmp_path):
    rows, problems = imported(tmp_path, diff(110, 111, [("99", "1")]), snapshot(100, *BOOK))
    assert problems.counts == {"no-snapshot": 1, "snapshot-too-old": 1}
    assert rows["kind"].tolist() == [Kind.GAP]


def test_a_snapshot_of_an_unnamed_symbol_among_several(tmp_path):
    other = diff(1, 1, [("9", "1")], symbol="ETHUSDT")
    rows, problems = imported(tmp_path, *GOOD, other)
    assert problems.counts == {"no-snapshot": 3, "snapshot-unassigned": 1}
    assert set(rows["kind"].tolist()) == {Kind.GAP}


def test_a_truncated_file_keeps_its_lines_and_ends_in_a_gap(tmp_path):
    messages = [GOOD[0], *(diff(101 + i, 101 + i, [("99.0", str(i + 1))], at=i) for i in range(5000))]
    path = write(tmp_path / "a.gz", messages)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    problems = Problems()
    tape = open_captures([path], problems=problems)
    rows = concat(list(tape.blocks())).rows
    assert problems.counts == {"file-truncated": 1}
    place = problems.places("file-truncated")[0]
    depth = int((rows["kind"] == Kind.DEPTH).sum())
    assert place.line == depth - 4 + 1  # the snapshot has four levels and one line
    assert depth > 1500
    assert rows["kind"][-1] == Kind.GAP
    assert check(tape)[0].gaps == 1


def test_a_last_line_broken_off_in_a_plain_file(tmp_path):
    path = write(tmp_path / "a.txt", [*GOOD, *AFTER], end=b"")
    path.write_bytes(path.read_bytes()[:-20])
    problems = Problems()
    rows = concat(list(open_captures([path], problems=problems).blocks())).rows
    assert problems.counts == {"file-truncated": 1}
    assert problems.places("file-truncated")[0].line == 4
    assert (rows["kind"] == Kind.DEPTH).sum() == 6


def test_a_damaged_file_keeps_what_came_before(tmp_path):
    messages = [GOOD[0], *(diff(101 + i, 101 + i, [("99.0", str(i * 7919 % 1000 + 1))], at=i) for i in range(5000))]
    path = write(tmp_path / "a.gz", messages)
    data = bytearray(path.read_bytes())
    data[-8:-4] = b"\0\0\0\0"  # the check sum
    path.write_bytes(data)
    problems = Problems()
    rows = concat(list(open_captures([path], problems=problems).blocks())).rows
    assert problems.counts == {"file-truncated": 1}
    assert rows["kind"][-1] == Kind.GAP


def test_every_truncation_of_a_small_file_is_survived(tmp_path):
    whole = write(tmp_path / "whole.gz", [*GOOD, *AFTER]).read_bytes()
    path = tmp_path / "cut.gz"
    codes = set()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        problems = Problems()
        try:
            assert all(len(block) for block in open_captures([path], problems=problems).blocks())
        except InputError as error:
            codes.add(error.code)
        else:
            assert problems["file-truncated"] == 1
    assert codes == {"file-empty", "no-market-data"}


def test_every_changed_byte_of_a_plain_file_is_survived(tmp_path):
    text = bytearray(write(tmp_path / "whole.txt", [*GOOD, trade(1, "100.1", "1"), *AFTER]).read_bytes())
    path = tmp_path / "changed.txt"
    for i in range(0, len(text), 5):
        for change in (0, 0xFF, ord("9")):
            changed = bytearray(text)
            changed[i] = change
            path.write_bytes(changed)
            try:
                health = check(open_captures([path]))
            except InputError:
                continue
            assert all(h.crossed <= h.gaps for h in health)


def test_several_members_in_one_gzip_file(tmp_path):
    one, two = write(tmp_path / "1.gz", GOOD), write(tmp_path / "2.gz", [line(9, AFTER[0])])
    both = tmp_path / "both.gz"
    both.write_bytes(one.read_bytes() + two.read_bytes() + b"\0" * 100)
    problems = Problems()
    rows = concat(list(open_captures([both], problems=problems).blocks())).rows
    assert (rows["kind"] == Kind.DEPTH).sum() == 7
    assert problems.counts == {}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file-empty"),
        (gzip.compress(b"", mtime=0), "file-empty"),
        (b"hello\nworld\n", "no-market-data"),
        (b"\x00\xff" * 5000, "no-market-data"),
        (line(0, snapshot(100, *BOOK)) + b"\n", "no-market-data"),
    ],
)
def test_files_of_no_use_have_their_error(tmp_path, content, code):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        open_captures([path])
    assert caught.value.code == code
    assert caught.value.where.file == str(path)
    assert caught.value.means
    assert caught.value.try_


def test_files_that_cannot_be_read(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    missing = tmp_path / "missing"
    for path in (loop, missing):
        with pytest.raises(InputError, match="file-unreadable"):
            open_captures([path])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path):
    path = write(tmp_path / "a.gz", GOOD)
    path.chmod(0)
    with pytest.raises(InputError, match="permission denied"):
        open_captures([path])


def test_one_bad_file_among_good_ones_is_counted(tmp_path):
    good = write(tmp_path / "a.gz", GOOD)
    empty = tmp_path / "b.gz"
    empty.write_bytes(b"")
    problems = Problems()
    assert len(concat(list(open_captures([empty, good], problems=problems).blocks())).rows) > 0
    assert problems.counts == {"file-empty": 1}


def test_a_line_without_end_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("tickerml.venues.recorder.LONGEST", 1 << 20)
    path = tmp_path / "binary"
    path.write_bytes(b"x" * (3 << 20))
    with pytest.raises(InputError, match="line-too-long"):
        open_captures([path])


def test_markets_that_contradict(tmp_path):
    path = write(tmp_path / "a.gz", [*GOOD, trade(1, "1", "1", X="MARKET")])
    with pytest.raises(InputError, match="mixed-markets"):
        open_captures([path])
    path = write(tmp_path / "b.gz", GOOD)
    with pytest.raises(InputError, match="venue-mismatch"):
        open_captures([path], venue="binance-usdm")
    with pytest.raises(InputError, match="unknown-venue"):
        open_captures([path], venue="kraken")
