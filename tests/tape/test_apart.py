"""Rows that one tape has and another has not: counted against a multiset, row by row, and named by coin and span."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from small_bars import minutes
from small_runs import joined, market
from tickerml.tape.apart import apart, by_coin
from tickerml.tape.block import Block, cut
from tickerml.tape.rows import MINUTE, Kind
from tickerml.tape.tape import MemoryTape


def side(tape):
    return tape.header, tape.blocks


def without(tape, gone):
    """The tape without the rows where `gone` is true, in blocks of another size."""
    block = joined(tape)
    kept = Block(block.rows[~gone], block.messages, block.orders, block.bars, block.values, block.blobs)
    size = 1000
    return MemoryTape(tape.header, tuple(cut(kept, n, min(n + size, len(kept))) for n in range(0, len(kept), size)))


def facts_of(tape):
    """What rows say, apart from when they were received: the plain oracle."""
    found = Counter()
    for block in tape.blocks():
        for row in block.rows[~np.isin(block.rows["kind"], (Kind.CLOCK, Kind.INSTRUMENT, Kind.PARAMS))]:
            table = {Kind.BAR: block.bars, Kind.VALUE: block.values}.get(int(row["kind"]))
            more = table[row["ref"]].tobytes() if table is not None else b""
            told = tuple(int(row[name]) for name in ("exch", "qty", "price", "inst", "kind", "side"))
            found[told, more] += 1
    return found


@pytest.fixture(scope="module")
def books():
    return market("busy", minutes=3)


def test_equal_tapes_are_the_same_however_they_are_cut(books):
    again = without(books, np.zeros(len(books), bool))
    found = apart(side(books), side(again))
    assert found.same
    assert not found.other_times
    assert found.rows_a == found.rows_b == sum(facts_of(books).values())


def test_rows_left_out_are_counted_and_the_gap_is_named(books):
    rows = joined(books).rows
    start, stop = np.quantile(rows["recv"], (0.4, 0.6)).astype(np.int64)
    gone = (rows["recv"] >= start) & (rows["recv"] < stop) & (rows["inst"] == 0) & (rows["kind"] == Kind.DEPTH)
    shorter = without(books, gone)
    found = apart(side(books), side(shorter))
    missing = facts_of(books) - facts_of(shorter)
    assert found.only() == (sum(missing.values()), 0) == (int(gone.sum()), 0)
    assert {g.symbol for g in found.gaps} == {books.header.instruments[0].symbol}
    assert min(g.start for g in found.gaps) == rows["exch"][gone].min()
    assert max(g.end for g in found.gaps) == rows["exch"][gone].max()
    assert apart(side(shorter), side(books)).only() == (0, int(gone.sum()))


@pytest.mark.parametrize("seed", range(5))
def test_any_rows_of_both_against_the_multiset(books, seed):
    rng = np.random.Generator(np.random.PCG64(seed))
    one, two = (without(books, rng.random(len(books)) < share) for share in (0.01, 0.2))
    found = apart(side(one), side(two))
    first, second = facts_of(one), facts_of(two)
    assert found.only() == (sum((first - second).values()), sum((second - first).values()))
    assert by_coin(found.gaps).keys() == {g.symbol for g in found.gaps}


def test_bars_are_compared_by_all_their_prices():
    tape = minutes(300)
    block = joined(tape)
    bars = block.bars.copy()
    bars["high"][100] += 1
    other = MemoryTape(tape.header, (Block(block.rows, bars=bars),))
    found = apart(side(tape), side(other))
    assert found.only() == (1, 1)
    assert [(g.start, g.end) for g in found.gaps] == [(bars["open_time"][100], block.rows["exch"][100])]


def test_three_bars_that_were_missed_are_one_gap_of_three_minutes():
    tape = minutes(300)
    gone = np.zeros(300, bool)
    gone[[40, 41, 42, 200]] = True
    found = apart(side(tape), side(without(tape, gone)), span=300 * MINUTE)
    assert [(g.only_a, g.end - g.start) for g in found.gaps] == [(3, 3 * MINUTE), (1, MINUTE)]


def test_the_same_rows_received_later_are_the_same_and_it_is_said():
    tape = minutes(50)
    rows = joined(tape).rows.copy()
    rows["recv"] += 5
    found = apart(side(tape), side(MemoryTape(tape.header, (Block(rows, bars=joined(tape).bars),))))
    assert found.same
    assert found.other_times


def test_the_same_prices_in_finer_ticks_are_the_same():
    tape = minutes(50)
    block = joined(tape)
    rows, bars = block.rows.copy(), block.bars.copy()
    rows["price"] *= 10
    for name in ("open", "high", "low", "close"):
        bars[name] *= 10
    finer = tuple(replace(i, tick=i.tick / Decimal(10)) for i in tape.header.instruments)
    other = MemoryTape(replace(tape.header, instruments=finer), (Block(rows, bars=bars),))
    assert apart(side(tape), side(other)).same
