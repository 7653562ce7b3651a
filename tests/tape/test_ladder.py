"""The ladder against two dicts: any sequence of rows gives the same touch, levels and order of levels."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickerml.tape.kernel import kernel
from tickerml.tape.ladder import FAR_CAPACITY, MARGIN, NO_ASK, NO_BID, WINDOW, apply, level, new_ladders, next_level
from tickerml.tape.rows import BUY, SELL, Flag, Kind, empty


class DictBook:
    """The oracle: what a book is, without any care for speed."""

    def __init__(self):
        self.sides = {BUY: {}, SELL: {}}
        self.valid = 0
        self.crossed = 0

    def apply(self, row):
        if row["kind"] == Kind.CLEAR:
            self.sides = {BUY: {}, SELL: {}}
            self.valid = 0
        elif row["kind"] == Kind.GAP:
            self.valid = 0
        elif row["kind"] == Kind.DEPTH:
            levels = self.sides[int(row["side"])]
            levels.pop(int(row["price"]), None)
            if row["qty"]:
                levels[int(row["price"])] = int(row["qty"])
            if row["flags"] & Flag.END:
                self.valid |= int(bool(row["flags"] & Flag.SNAPSHOT))
                self.crossed += self.valid and max(self.sides[BUY], default=NO_BID) >= min(
                    self.sides[SELL], default=NO_ASK
                )

    def walk(self, side):
        return sorted(self.sides[side].items(), reverse=side == BUY)


def assert_same(b, book):
    bids, asks = book.walk(BUY), book.walk(SELL)
    assert (b["best_bid"], b["bid_qty"]) == (bids[0] if bids else (NO_BID, 0))
    assert (b["best_ask"], b["ask_qty"]) == (asks[0] if asks else (NO_ASK, 0))
    assert (b["valid"], b["crossed"], b["spilled"]) == (book.valid, book.crossed, 0)
    for side, best, none in ((BUY, b["best_bid"], NO_BID), (SELL, b["best_ask"], NO_ASK)):
        seen, tick = [], int(best)
        while tick != none:
            seen.append((tick, int(level(b, side, tick))))
            tick = int(next_level(b, side, tick))
        assert seen == book.walk(side)


def row_of(kind, side=0, price=0, qty=0, flags=0):
    row = empty(1)
    row["kind"], row["side"], row["price"], row["qty"], row["flags"] = kind, side, price, qty, flags
    return row[0]


def run(rows, check_every=1):
    b, book = new_ladders(1)[0], DictBook()
    for n, row in enumerate(rows):
        apply(b, row)
        book.apply(row)
        if n % check_every == 0:
            assert_same(b, book)
    assert_same(b, book)
    return b


anchors = st.sampled_from([0, 5, MARGIN, WINDOW // 2, WINDOW, 3 * WINDOW, 40 * WINDOW, (1 << 31) - 200])
prices = st.builds(lambda a, d: a + d, anchors, st.integers(0, 130))
rows_of_any_kind = st.one_of(
    st.builds(
        row_of,
        st.just(Kind.DEPTH),
        st.sampled_from([BUY, SELL]),
        prices,
        st.sampled_from([0, 0, 1, 7, 1 << 50]),
        st.sampled_from([0, 0, Flag.END, Flag.END | Flag.SNAPSHOT]),
    ),
    st.builds(row_of, st.sampled_from([Kind.CLEAR, Kind.GAP, Kind.TRADE, Kind.BBO]), st.just(BUY), prices, st.just(3)),
)
mostly_depth = st.lists(st.one_of(*[rows_of_any_kind.filter(lambda r: r["kind"] == Kind.DEPTH)] * 9, rows_of_any_kind))


@given(mostly_depth)
@settings(max_examples=300, deadline=None)
def test_any_rows_give_the_dict_book(rows):
    run(rows)


def wandering_rows(seed, n, step, spread):
    """A book whose mid drifts by up to `step` ticks a row, with levels up to `spread` from it, some far away."""
    rng = np.random.default_rng(seed)
    rows = empty(n)
    side = rng.choice([BUY, SELL], n)
    mid = np.maximum(np.cumsum(rng.integers(-step, step + 1, n)) + 50 * WINDOW, 10)
    away = np.where(rng.random(n) < 0.05, rng.integers(0, 20 * WINDOW, n), rng.integers(-3, spread, n))
    rows["kind"], rows["side"] = Kind.DEPTH, side
    rows["price"] = np.clip(mid - side * away, 0, (1 << 31) - 1)
    rows["qty"] = np.where(rng.random(n) < 0.2, 0, rng.integers(1, 1000, n))
    for k in rng.integers(1, n, n // 2):  # half of the rows remove something that an earlier row may have set
        j = rng.integers(0, k)
        rows[k]["price"], rows[k]["side"], rows[k]["qty"] = rows[j]["price"], rows[j]["side"], 0
    rows["flags"] = np.where(rng.random(n) < 0.3, Flag.END, 0) | np.where(np.arange(n) == 50, 3, 0)
    return rows


@pytest.mark.parametrize(("step", "spread"), [(0, 50), (3, 200), (2000, 20_000), (40_000, 90_000), (200_000, 400_000)])
def test_wandering_book_re_centres_without_losing_a_level(step, spread):
    b = run(wandering_rows(7, 3000, step, spread), check_every=97)
    assert b["n_far"].sum() > 0


def test_the_window_follows_the_touch():
    b = new_ladders(1)[0]
    apply(b, row_of(Kind.DEPTH, BUY, 1_000_000, 5))
    apply(b, row_of(Kind.DEPTH, SELL, 1_000_010, 5))
    first = int(b["base"])
    apply(b, row_of(Kind.DEPTH, BUY, 1_000_000 + 10 * WINDOW, 5))  # crossed by far: window cannot hold both
    apply(b, row_of(Kind.DEPTH, SELL, 1_000_010, 0))
    apply(b, row_of(Kind.DEPTH, SELL, 1_000_010 + 10 * WINDOW, 6))
    assert b["base"] != first
    assert MARGIN <= b["best_bid"] - b["base"] < WINDOW - MARGIN
    assert MARGIN <= b["best_ask"] - b["base"] < WINDOW - MARGIN
    assert level(b, BUY, 1_000_000) == 5
    assert next_level(b, BUY, 1_000_000 + 10 * WINDOW) == 1_000_000


def test_snapshot_makes_valid_and_gap_and_clear_do_not():
    b = new_ladders(1)[0]
    assert b["valid"] == 0
    for row, valid in (
        (row_of(Kind.CLEAR), 0),
        (row_of(Kind.DEPTH, BUY, 10, 1, Flag.SNAPSHOT), 0),
        (row_of(Kind.DEPTH, SELL, 11, 1, Flag.SNAPSHOT | Flag.END), 1),
        (row_of(Kind.DEPTH, BUY, 9, 1, Flag.END), 1),
        (row_of(Kind.GAP), 0),
        (row_of(Kind.DEPTH, BUY, 8, 1, Flag.END), 0),
        (row_of(Kind.CLEAR), 0),
        (row_of(Kind.DEPTH, BUY, 10, 1, Flag.SNAPSHOT | Flag.END), 1),
    ):
        apply(b, row)
        assert b["valid"] == valid
    assert b["gaps"] == 1
    assert next_level(b, BUY, 10) == NO_BID


def test_crossed_is_counted_at_the_end_of_a_message_only():
    b = new_ladders(1)[0]
    for price, side, flags in ((10, BUY, 2), (11, SELL, 3), (12, BUY, 0), (11, SELL, 0), (13, SELL, 1)):
        apply(b, row_of(Kind.DEPTH, side, price, 0 if (price, side, flags) == (11, SELL, 0) else 1, flags))
    assert b["crossed"] == 0
    apply(b, row_of(Kind.DEPTH, BUY, 13, 1, Flag.END))
    assert b["crossed"] == 1


def test_more_far_levels_than_there_is_room_for_are_counted():
    b = new_ladders(1)[0]
    apply(b, row_of(Kind.DEPTH, BUY, 1 << 30, 1))
    for k in range(FAR_CAPACITY):
        apply(b, row_of(Kind.DEPTH, BUY, 1 + k, 1))
    assert b["spilled"] == 0
    apply(b, row_of(Kind.DEPTH, BUY, FAR_CAPACITY + 1, 1))
    assert b["spilled"] == 1
    apply(b, row_of(Kind.DEPTH, BUY, 5, 9))  # known levels can still change
    assert (b["spilled"], level(b, BUY, 5)) == (1, 9)


@kernel
def fold_all(b, rows):
    for k in range(len(rows)):
        apply(b, rows[k])


SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import test_ladder as t
b = t.new_ladders(1)[0]
t.fold_all(b, t.wandering_rows(3, 1500, 20_000, 60_000))
print(hashlib.sha256(b.tobytes()).hexdigest())
"""


@pytest.mark.parametrize("flag", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_same_bytes_without_jit_and_with_bounds_checks(flag, tmp_path):
    here = os.path.dirname(__file__)  # noqa: PTH120 - passed to a script
    out = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT, here], env={**os.environ, **more}, capture_output=True, text=True, check=True
        ).stdout
        for more in ({}, {flag: "1"})
    ]
    assert out[0] == out[1]
    assert len(out[0].strip()) == 64
