from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tickerml.venues.binance.columns import HEAD, Columns
from tickerml.venues.binance.merge import merged


@dataclass
class Made:
    """A source with given receive times, cut into batches of `size`; each message has one number, its own place."""

    rank: int
    recv: list
    size: int

    @property
    def first(self):
        return self.recv[0]

    def batches(self):
        for start in range(0, len(self.recv), self.size):
            part = self.recv[start : start + self.size]
            heads = np.zeros(len(part), HEAD)
            heads["recv"], heads["file"], heads["numbers"] = part, self.rank, 1
            heads["at"] = np.arange(len(part))[::-1]  # numbers need not stand in the order of messages
            yield Columns(heads, np.arange(start, start + len(part))[::-1].copy(), np.zeros(len(part), np.int8))


def order(sources):
    for columns in merged(sources):
        for head in columns.heads:
            yield int(head["file"]), int(columns.mantissa[head["at"]])


@given(st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=20), min_size=1, max_size=4), st.integers(1, 7))
def test_order_is_time_then_rank_then_place_for_any_batches(times, size):
    keyed = []
    for rank, recv in enumerate(times):
        key = np.maximum.accumulate(recv)
        keyed += [(int(k), rank, i) for i, k in enumerate(key)]
    expected = [(rank, i) for _, rank, i in sorted(keyed)]
    assert list(order([Made(rank, recv, size + rank) for rank, recv in enumerate(times)])) == expected


def test_files_are_opened_when_they_are_due():
    opened = []

    class Watched(Made):
        def batches(self):
            opened.append(self.rank)
            yield from super().batches()

    walk = order([Watched(0, [10, 20], 1), Watched(1, [500], 1)])
    next(walk)
    assert opened == [0]
    assert list(walk) == [(0, 1), (1, 0)]
    assert opened == [0, 1]


def test_no_sources():
    assert list(merged([])) == []
