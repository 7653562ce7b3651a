from __future__ import annotations

import pickle
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickerml.tape.block import TABLE_OF, TABLES, Block, concat
from tickerml.tape.rows import ROW, Flag, Kind
from tickerml.tape.store_columns import encode, gather
from tickerml.tape.store_decode import PartReader, read_pieces
from tickerml.tape.tables import BAR, MESSAGE, ORDER, VALUE
from tickerml.tape.tape import content_hash

BIG = (1 << 62) - 1
wide = st.one_of(st.integers(-5, 5), st.integers(-BIG, BIG))
KINDS = [int(k) for k in Kind]


@st.composite
def blocks(draw) -> Block:
    """Any rows of one instrument with any stamps and flags; the rows of a message share their message."""
    n = draw(st.integers(1, 40))
    rows = np.zeros(n, ROW)
    for field in ("recv", "exch", "qty"):
        rows[field] = draw(st.lists(wide, min_size=n, max_size=n))
    rows["price"] = draw(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=n, max_size=n))
    rows["kind"] = draw(st.lists(st.sampled_from(KINDS), min_size=n, max_size=n))
    rows["side"] = draw(st.lists(st.integers(-128, 127), min_size=n, max_size=n))
    rows["flags"] = draw(st.lists(st.integers(0, 255), min_size=n, max_size=n))
    rows["inst"] = 3
    size = 6
    message = draw(st.integers(0, size - 1))
    for i in range(n):
        table = TABLE_OF.get(int(rows["kind"][i]))
        rows["ref"][i] = message if table == "messages" else draw(st.integers(-1, size - 1))
        if table == "messages" and draw(st.booleans()) and not rows["flags"][i] & Flag.END:
            rows["ref"][i] = -1
        if table == "messages" and rows["flags"][i] & Flag.END:
            message = draw(st.integers(0, size - 1))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    tables = []
    for dtype in (MESSAGE, ORDER, BAR):
        table = np.zeros(size, dtype)
        for name in dtype.names or ():
            limit = min(BIG, np.iinfo(dtype[name]).max)
            table[name] = rng.integers(-limit, limit, size)
        tables.append(table)
    values = np.zeros(size, VALUE)
    values["name"], values["value"] = rng.integers(0, 9, size), rng.normal(size=size)
    return Block(rows, *tables, values, tuple(bytes([i]) * i for i in range(size)))


def part(block: Block, spans: np.ndarray) -> PartReader:
    """The block's columns as they are stored, and their reader."""
    held = gather(block, np.arange(len(block)))
    return PartReader(3, spans, encode(held), held.blobs)


def unfit(inst: int, what: str) -> Exception:
    return ValueError(f"{inst} {what}")


def whole(block: Block) -> np.ndarray:
    return np.array([[0, len(block)]], np.int64)


def same(was: Block, now: Block) -> None:
    """The same rows, each with the same row of its side table."""
    for field in set(ROW.names or ()) - {"ref"}:
        assert np.array_equal(was.rows[field], now.rows[field]), field
    for a, b in zip(was.rows, now.rows, strict=True):
        table = TABLE_OF.get(int(a["kind"]))
        if a["ref"] < 0 or table is None:
            assert (a["ref"] >= 0) == (b["ref"] >= 0)
        else:
            assert getattr(was, table)[a["ref"]] == getattr(now, table)[b["ref"]]


@given(blocks())
def test_any_rows_survive(block):
    half = len(block) // 2
    spans = np.array([[0, half], [half, len(block) - half]], np.int64)[0 if half else 1 :]
    (back,) = read_pieces([part(block, spans)], unfit)
    same(block, back)


@given(blocks(), st.integers(1, 9))
def test_pieces_are_the_same_rows_and_end_with_messages(block, size):
    with mock.patch("tickerml.tape.store_decode.PIECE", size), mock.patch("tickerml.tape.store_decode._EACH", 1):
        pieces = list(read_pieces([part(block, whole(block))], unfit))
    same(block, concat(pieces))
    ends = (block.rows["flags"] & Flag.END) != 0
    sizes = [len(piece) for piece in pieces]
    for stop, piece in zip(np.cumsum(sizes)[:-1].tolist(), sizes[:-1], strict=True):
        assert ends[stop - 1]
        assert piece <= size or not ends[stop - piece : stop - 1].any()
    assert content_hash(pieces) == content_hash([block])


def test_a_piece_lists_its_messages_when_asked_once_and_travels_as_a_plain_block():
    block = depth(6)
    block.rows["inst"], block.messages["last_id"] = 3, [5, 9, 10, 11, 40, 41]
    with mock.patch.multiple("tickerml.tape.store_decode", PIECE=2, _EACH=1):
        pieces = list(read_pieces([part(block, whole(block))], unfit))
    assert len(pieces) == 3
    sent = [pickle.loads(pickle.dumps(piece)) for piece in reversed(pieces)]
    assert {type(one) for one in sent} == {Block}
    same(block, concat(sent[::-1]))
    assert all(piece.messages is piece.messages for piece in pieces)


@given(blocks(), blocks(), st.integers(1, 9), st.randoms(use_true_random=False))
def test_pieces_of_two_instruments_whose_rows_alternate(one, two, size, random):
    turns = [0] * len(one) + [1] * len(two)
    random.shuffle(turns)
    at = [np.flatnonzero(np.array(turns) == k) for k in (0, 1)]
    readers = [
        part(b, np.stack([mine, np.ones(len(mine), np.int64)], axis=1)) for b, mine in zip((one, two), at, strict=True)
    ]
    with mock.patch("tickerml.tape.store_decode.PIECE", size), mock.patch("tickerml.tape.store_decode._EACH", 1):
        back = concat(list(read_pieces(readers, unfit)))
    tables = {name: getattr(back, name) for name in TABLES}
    for was, mine in zip((one, two), at, strict=True):
        same(was, Block(back.rows[mine], **tables))


def test_rows_of_one_part_may_lie_apart():
    rows = np.zeros(4, ROW)
    rows["kind"], rows["flags"], rows["ref"], rows["qty"] = Kind.TRADE, Flag.END, -1, [1, 2, 3, 4]
    other = np.zeros(3, ROW)
    other["kind"], other["flags"], other["ref"], other["qty"] = Kind.TRADE, Flag.END, -1, [7, 8, 9]
    mine = part(Block(rows), np.array([[1, 1], [3, 2], [6, 1]], np.int64))
    theirs = part(Block(other), np.array([[0, 1], [2, 1], [5, 1]], np.int64))
    (back,) = read_pieces([mine, theirs], unfit)
    assert back.rows["qty"].tolist() == [7, 1, 8, 2, 3, 9, 4]


def depth(n: int) -> Block:
    rows = np.zeros(n, ROW)
    rows["kind"], rows["flags"], rows["ref"] = Kind.DEPTH, Flag.END, np.arange(n)
    return Block(rows, np.zeros(n, MESSAGE))


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("runs", "does not hold the 3 rows that were written"),
        ("rows", "does not hold the 3 rows that were written"),
        ("messages", "refers to other rows of messages than are stored"),
    ],
)
def test_columns_that_do_not_fit_together_are_not_read(file, what):
    block = depth(3)
    columns = encode(gather(block, np.arange(3)))
    columns[file] = {name: np.append(column, column[-1:]) for name, column in columns[file].items()}
    with pytest.raises(ValueError, match=what):
        list(read_pieces([PartReader(3, whole(block), columns, ())], unfit))


@pytest.mark.parametrize("count", [[1, 1 << 30], [1, 0], [2, -1]])
def test_runs_of_other_lengths_are_refused(count):
    block = depth(2)
    columns = encode(gather(block, np.arange(2)))
    columns["runs"]["n"] = np.array(count, np.int32)
    with pytest.raises(ValueError, match="does not hold the 2 rows that were written"):
        list(read_pieces([PartReader(3, whole(block), columns, ())], unfit))


def trades(recv: list[int]) -> Block:
    rows = np.zeros(len(recv), ROW)
    rows["kind"], rows["flags"], rows["ref"], rows["recv"] = Kind.TRADE, Flag.END, -1, recv
    rows["inst"], rows["exch"] = 3, rows["recv"] + 7
    return Block(rows)


def test_columns_of_zeros_are_left_out():
    runs = encode(trades([0, 5, 9]))["runs"]
    widths = {name: column.dtype.itemsize for name, column in runs.items()}
    assert widths == {"n": 4, "kind": 1, "flags": 2, "recv_0": 2, "exch_0": 4}
    block = depth(3)
    assert "odd" not in encode(block)["runs"]
    block.rows["ref"] = -1
    assert encode(gather(block, np.arange(3)))["runs"]["odd"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("late", [None, 3, 4, 5, 9])
def test_high_planes_of_the_first_values_alone_are_cut_short(late):
    start = 1_700_000_000_000_000_000
    recv = start + np.arange(10)
    if late is not None:
        recv[late:] += start
    block = trades(recv.tolist())
    with mock.patch.multiple("tickerml.tape.store_decode", _HEAD=4, PIECE=3, _EACH=1):
        back = concat(list(read_pieces([part(block, whole(block))], unfit)))
    same(block, back)
