"""The window against a list of everything that was added to it."""

from __future__ import annotations

import numpy as np
import pytest

from tickerml.features.window import (
    BUCKETS,
    add,
    empty_column,
    end_mask,
    ends,
    full,
    restart,
    total,
    turn,
    window_fields,
)
from tickerml.tape.rows import Flag, Kind, empty

WINDOW = 64_000
WIDTH = WINDOW // BUCKETS
STATE = np.dtype([("before", "i8"), *window_fields(2), ("after", "i8")])  # neighbours that must stay as they are


@pytest.mark.parametrize("pause", [WIDTH // 10, WIDTH * 2, WINDOW, WINDOW * 3])
def test_sums_are_those_of_the_last_64_buckets(pause):
    """Steps shorter and longer than a bucket and than the window, with restarts: exact at every step, no drift."""
    r = np.random.default_rng(pause)
    s, now = np.zeros(1, STATE)[0], 1_767_000_000_000_000_123
    added, first = [], None
    for _ in range(2_000):
        now += int(r.integers(0, pause)) if r.random() < 0.9 else 0
        if r.random() < 0.002:
            restart(s)
            added, first = [], None
        bucket = now // WIDTH
        before = added[-1][0] if added else None
        assert turn(s, now, WINDOW) == (before != bucket)
        first = bucket if first is None else first
        amounts = r.integers(-(10**12), 10**12, 2)
        for column in (0, 1):
            add(s, column, int(amounts[column]))
        added.append((bucket, amounts))
        for column in (0, 1):
            assert total(s, column) == sum(int(a[column]) for b, a in added if b > bucket - BUCKETS)
        assert full(s) == (bucket - first >= BUCKETS)
        assert (s["edge"], s["bucket"]) == ((bucket + 1) * WIDTH, bucket)
    assert (s["before"], s["after"]) == (0, 0)


def test_one_sum_can_start_anew_alone():
    s = np.zeros(1, STATE)[0]
    for now in range(WINDOW, 3 * WINDOW, WIDTH):
        turn(s, now, WINDOW)
        add(s, 0, 3)
        add(s, 1, 5)
    empty_column(s, 1)
    assert (total(s, 0), total(s, 1)) == (3 * BUCKETS, 0)
    turn(s, 3 * WINDOW, WINDOW)
    add(s, 1, 7)
    assert (total(s, 0), total(s, 1)) == (3 * (BUCKETS - 1), 7)


def test_folds_may_emit_at_message_ends_timers_and_gaps():
    row = empty(1)[0]
    for kind in Kind:
        for flags in (0, Flag.SNAPSHOT, Flag.END, Flag.END | Flag.SNAPSHOT, Flag.ESTIMATED):
            row["kind"], row["flags"] = kind, flags
            expected = bool(flags & Flag.END) or kind in (Kind.GAP, Kind.TIMER)
            assert ends(row) == expected
            assert end_mask(row) == (-1 if expected else 0)
