"""The venue's feed against a list into which each row is put behind all that are not later."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickerml.tape.block import Block
from tickerml.tape.rows import Flag, Kind, empty
from tickerml.tape.venue_time import VenueFeed

BOUND = 50
KINDS = (Kind.DEPTH, Kind.TRADE, Kind.CLEAR)


def rows_of(drawn):
    """Rows of depth, trades and snapshots, received in order; their quantity numbers them."""
    rows = empty(len(drawn))
    recv = 1_000
    for n, (kind, wait, delay) in enumerate(drawn):
        recv += wait
        rows["recv"][n], rows["exch"][n], rows["qty"][n] = recv, recv - delay, n
        rows["kind"][n], rows["flags"][n] = KINDS[kind], Flag.END
    return rows


def expected(rows):
    """(time at the venue, number of the row), by one insertion after the other."""
    held: list[tuple[int, int]] = []
    last = {Kind.DEPTH: -1, Kind.TRADE: -1}
    for row in rows:
        stream = Kind.TRADE if row["kind"] == Kind.TRADE else Kind.DEPTH
        at = max(min(max(int(row["exch"]), int(row["recv"]) - BOUND), int(row["recv"])), last[stream])
        last[stream] = at
        place = len(held)
        while place and held[place - 1][0] > at:
            place -= 1
        held.insert(place, (at, int(row["qty"])))
    return held


def fed(rows, chunk):
    feed = VenueFeed(1, BOUND)
    for start in range(0, len(rows), chunk):
        feed.push(Block(rows[start : start + chunk]))
    found = feed.rows[feed.start : feed.stop]
    return list(zip(found["exch"].tolist(), found["qty"].tolist(), strict=True))


@pytest.mark.parametrize("chunk", [1, 7, 40, 1000])
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(-5, 70)), min_size=1, max_size=200))
@settings(max_examples=60, deadline=None)
def test_rows_stand_in_venue_order_however_they_are_cut(chunk, drawn):
    rows = rows_of(drawn)
    assert fed(rows, chunk) == expected(rows)


@pytest.mark.parametrize("chunk", [7, 500])
def test_streams_that_run_far_apart(chunk):
    """Hundreds of rows of one stream overtake those of the other: beyond what steps back one by one."""
    rng = np.random.default_rng(5)
    drawn = [
        (int(k), 0 if n % 9 else 1, 45 if k == 1 else int(rng.integers(0, 3)))
        for n, k in enumerate(rng.integers(0, 2, 400))
    ]
    rows = rows_of(drawn)
    assert fed(rows, chunk) == expected(rows)
