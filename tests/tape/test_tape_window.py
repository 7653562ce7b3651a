from __future__ import annotations

import numpy as np
import pytest
from mixed_tapes import START, mixed_tape

from tickerml.tape.block import concat
from tickerml.tape.build import Builder
from tickerml.tape.rows import DAY, Flag, Kind
from tickerml.tape.store import StoredTape, write_store
from tickerml.tape.window import window


def fold(rows) -> dict[int, dict[tuple[int, int], int] | None]:
    """Plain-Python books by instrument: None from GAP to CLEAR."""
    books: dict[int, dict[tuple[int, int], int] | None] = {}
    for row in rows:
        inst, level = int(row["inst"]), (int(row["side"]), int(row["price"]))
        if row["kind"] == Kind.GAP:
            books[inst] = None
        elif row["kind"] == Kind.CLEAR:
            books[inst] = {}
        elif row["kind"] == Kind.DEPTH and books.get(inst) is not None:
            books[inst][level] = int(row["qty"])  # type: ignore[index]
            if row["qty"] == 0:
                del books[inst][level]  # type: ignore[union-attr]
    return {inst: book for inst, book in books.items() if book is not None}


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_books_are_whole_at_the_start(share):
    whole = concat(list(mixed_tape(3, 600).blocks()))
    start = START + int(3 * DAY * share)
    first, *rest = window([whole], start, None, ())
    before = whole.rows[whole.rows["recv"] < start]
    assert fold(first.rows) == fold(before)
    assert fold(before)
    after = concat(rest).rows
    assert np.array_equal(after["recv"], whole.rows["recv"][whole.rows["recv"] >= start])
    books = {i: b for i, b in fold(np.concatenate([first.rows, after])).items() if i in fold(whole.rows)}
    assert books == fold(whole.rows)


def test_lasting_facts_are_repeated_once():
    b = Builder()
    b.value(1, 1, 0, "funding", 0.5)
    b.value(2, 2, 0, "funding", 0.25)
    b.row(3, 3, 0, Kind.CLOCK, side=1, qty=7)
    b.value(9, 9, 0, "funding", 0.125)
    first, rest = window([b.take()], 5, None, ())
    assert first.rows["recv"].tolist() == [5, 5]
    assert first.rows["exch"].tolist() == [2, 3]
    assert first.values["value"][first.rows["ref"][first.rows["kind"] == Kind.VALUE]].tolist() == [0.25]
    assert rest.rows["recv"].tolist() == [9]


def test_what_happens_once_is_not_repeated():
    b = Builder(("funding", "liquidation", "BTC/USDT.sentiment"))
    for time, name in ((1, "liquidation"), (2, "BTC/USDT.sentiment"), (3, "funding"), (6, "liquidation")):
        b.value(time, 0, 0, name, 1.0)
    held, rest = window([b.take()], 5, None, b.names)
    assert held.values["name"][held.rows["ref"]].tolist() == [0]
    assert held.rows["flags"].tolist() == [Flag.HELD | Flag.END]
    assert held.rows["exch"].tolist() == [3], "of a value that nobody has stamped: when it was received"
    assert rest.rows["flags"].tolist() == [Flag.END]


def test_a_snapshot_message_names_the_last_update():
    b = Builder()
    b.depth(1, 1, 0, [(10, 1), (9, 2)], [(11, 3)], (0, 7, 0), snapshot=True)
    b.depth(2, 2, 0, [(9, 0), (8, 4)], [], (8, 9, 7))
    b.row(5, 5, 0, Kind.TRADE, qty=1)
    first = next(iter(window([b.take()], 4, None, ())))
    assert [(r["kind"], r["side"], r["price"], r["qty"], r["flags"]) for r in first.rows] == [
        (Kind.CLEAR, 0, 0, 0, Flag.HELD | Flag.SNAPSHOT),
        (Kind.DEPTH, 1, 10, 1, Flag.HELD | Flag.SNAPSHOT),
        (Kind.DEPTH, 1, 8, 4, Flag.HELD | Flag.SNAPSHOT),
        (Kind.DEPTH, -1, 11, 3, Flag.HELD | Flag.SNAPSHOT | Flag.END),
    ]
    assert first.messages["last_id"].tolist() == [9]
    assert first.rows["recv"].tolist() == [4] * 4
    assert first.rows["exch"].tolist() == [2] * 4


def test_stop_is_exclusive_and_stops_reading():
    def blocks():
        for i in range(3):
            b = Builder()
            b.row(i, i, 0, Kind.TRADE, qty=1)
            yield b.take()
        raise AssertionError("read beyond the stop")

    got = list(window(blocks(), None, 2, ()))
    assert [int(r) for b in got for r in b.rows["recv"]] == [0, 1]


def test_a_range_of_a_store(tmp_path):
    tape = mixed_tape()
    write_store(tape, tmp_path)
    a, b = START + DAY, START + 2 * DAY
    part = StoredTape(tmp_path, start=a, stop=b)
    recv = np.concatenate([x.rows["recv"] for x in part.blocks()])
    whole = concat(list(tape.blocks())).rows["recv"]
    within = whole[(whole >= a) & (whole < b)]
    assert np.array_equal(recv[-len(within) :], within)
    assert set(recv[: -len(within)].tolist()) == {a}  # what held at the start
    assert part.content_hash() != StoredTape(tmp_path).content_hash()
