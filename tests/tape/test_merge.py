from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mixed_tapes import coin, cut_in, mixed_tape

from tickerml.tape import merge as merging
from tickerml.tape.block import Block, concat
from tickerml.tape.build import Builder, cut
from tickerml.tape.merge import merge, message_times
from tickerml.tape.rows import Flag, Kind
from tickerml.tape.tape import Header, MemoryTape, content_hash


def trades(name: str, base: str, stamps: list[int], blocks: int = 1) -> MemoryTape:
    """One trade a stamp; qty counts them, so that the order within the source can be seen."""
    b = Builder()
    for i, recv in enumerate(stamps):
        b.row(recv, recv, 0, Kind.TRADE, side=1, price=5, qty=i)
    block = b.take()
    held = tuple(cut_in(block, blocks)) if stamps else ()
    return MemoryTape(Header(name, (coin(0, base),)), held)


def told(tape) -> list[tuple[int, int, int]]:
    rows = concat(list(tape.blocks())).rows
    return [(int(r["recv"]), int(r["inst"]), int(r["qty"])) for r in rows]


def oracle(sources: list[list[int]]) -> list[tuple[int, int, int]]:
    """(receive time, rank, sequence), where a time that runs backwards counts as the latest before it."""
    keyed = []
    for rank, stamps in enumerate(sources):
        latest = 0
        for sequence, recv in enumerate(stamps):
            latest = max(latest, recv)
            keyed.append(((latest, rank, sequence), (recv, rank, sequence)))
    return [row for _, row in sorted(keyed)]


@given(
    st.lists(st.lists(st.integers(1, 12), max_size=12), min_size=1, max_size=4),
    st.integers(1, 4),
    st.integers(1, 5),
)
def test_order_is_time_rank_sequence(sources, blocks, fill):
    tapes = [trades(f"t{i}", f"C{i}", stamps, min(blocks, max(1, len(stamps)))) for i, stamps in enumerate(sources)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "_FILL", fill)
        patch.setattr(merging, "_STEP", 2)
        assert told(merge(tapes, "all")) == oracle(sources)


def test_messages_stay_whole_and_keep_their_side_tables():
    one, two = mixed_tape(1, 300), mixed_tape(2, 300)
    merged = merge([one, two])
    blocks = list(merged.blocks())
    assert all(b.rows["flags"][-1] & Flag.END for b in blocks)
    joined = concat(blocks)
    for kind, table in ((Kind.BAR, "bars"), (Kind.VALUE, "values"), (Kind.DEPTH, "messages")):
        here = joined.rows[joined.rows["kind"] == kind]
        want = sorted(
            (int(row["recv"]), getattr(block, table)[row["ref"]].tobytes())
            for tape in (one, two)
            for block in tape.blocks()
            for row in block.rows[block.rows["kind"] == kind]
        )
        got = sorted((int(row["recv"]), getattr(joined, table)[row["ref"]].tobytes()) for row in here)
        if table != "values":  # names are joined, so their indices may differ
            assert got == want
    inside = np.flatnonzero((joined.rows["flags"] & Flag.END) == 0)
    assert len(inside) > 100
    assert (joined.rows["recv"][inside] == joined.rows["recv"][inside + 1]).all()
    assert (joined.rows["inst"][inside] == joined.rows["inst"][inside + 1]).all()


def test_equal_instruments_become_one_and_others_get_new_ids():
    one, two = mixed_tape(1, 80, ("BTC", "ETH")), mixed_tape(2, 80, ("ETH", "SOL", "BTC"))
    merged = merge([one, two])
    assert [(i.id, i.symbol) for i in merged.header.instruments] == [(0, "BTC/USDT"), (1, "ETH/USDT"), (2, "SOL/USDT")]
    joined = concat(list(merged.blocks()))
    definitions = joined.rows[joined.rows["kind"] == Kind.INSTRUMENT]
    for row in definitions:
        assert joined.blobs[row["ref"]] == merged.header.instruments[row["inst"]].to_json()


def test_a_changed_tick_is_another_instrument():
    one, two = trades("a", "BTC", [1]), trades("b", "BTC", [2])
    finer = replace(coin(0, "BTC"), tick=coin(0).tick / 10, previous=0)
    two = MemoryTape(replace(two.header, instruments=(finer,)), two.held)
    merged = merge([one, two])
    assert [i.id for i in merged.header.instruments] == [0, 1]
    assert told(merged) == [(1, 0, 0), (2, 1, 0)]


def test_names_are_joined_by_name():
    tapes = []
    for name in ("funding", "mark"):
        b = Builder()
        b.value(5, 5, 0, name, 1.5)
        tapes.append(MemoryTape(Header(name, (coin(0),), b.names), (b.take(),)))
    merged = merge(tapes)
    joined = concat(list(merged.blocks()))
    assert merged.header.names == ("funding", "mark")
    assert [merged.header.names[v["name"]] for v in joined.values[joined.rows["ref"]]] == ["funding", "mark"]


def test_headers_say_what_is_true_of_any():
    a = MemoryTape(Header("a", (coin(0),), bar_only=True, notes=("x",), problems=(("gap", 2),)), ())
    b = MemoryTape(Header("b", (coin(0),), assumed_clock=True, notes=("x", "y"), problems=(("gap", 1), ("nan", 1))), ())
    header = merge([a, b]).header
    assert (header.title, header.assumed_clock, header.bar_only) == ("a + b", True, False)
    assert header.notes == ("x", "y")
    assert header.problems == (("gap", 3), ("nan", 1))


def test_a_row_of_an_unknown_instrument_is_refused():
    tape = trades("a", "BTC", [1, 2])
    tape.held[0].rows["inst"][1] = 7
    with pytest.raises(ValueError, match="instrument 7"):
        list(merge([tape, tape]).blocks())


def test_block_sizes_do_not_change_the_result():
    one, two = mixed_tape(1, 300), mixed_tape(2, 300)
    fine = [MemoryTape(t.header, tuple(p for b in t.blocks() for p in cut_in(b, 20))) for t in (one, two)]
    assert merge(fine).content_hash() == merge([one, two]).content_hash()


def test_memory_holds_a_block_of_each_source():
    """A source of many blocks is read as it is needed, not ahead."""
    read = [0, 0]

    def blocks(which: int, count: int):
        for i in range(count):
            read[which] += 1
            b = Builder()
            for j in range(100):
                b.row(i * 1000 + j, 0, 0, Kind.TRADE, qty=1)
            yield b.take()

    seen = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "_FILL", 100)
        for block in merging.merge_blocks([blocks(0, 50), blocks(1, 50)]):
            seen += len(block)
            assert max(read) * 100 - seen // 2 <= 300
    assert seen == 10_000


def test_cut_takes_only_the_tables_it_needs():
    block = concat(list(mixed_tape(1, 300).blocks()))
    ends = np.flatnonzero(block.rows["flags"] & Flag.END) + 1
    a, b = int(ends[100]), int(ends[120])
    piece = cut(block, a, b)
    assert len(piece.messages) < 25
    assert content_hash([cut(block, 0, a), piece, cut(block, b, len(block))]) == content_hash([block])


def test_message_times_never_run_backwards():
    rows = concat(list(trades("a", "BTC", [5, 3, 9, 2]).blocks()))
    assert message_times(rows).tolist() == [5, 5, 9, 9]
    assert message_times(Block(rows.rows[:0])).tolist() == []
