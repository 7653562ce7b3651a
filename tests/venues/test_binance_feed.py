"""The book on the tape is the venue's book, or it says that it is unknown: whatever the recorder lost or saw twice."""

import json
import random

import numpy as np
import pytest
from binance_lines import T0, diff, line, snapshot, ticker, trade
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tickerml.tape.ladder import NO_ASK, NO_BID, apply, level, new_ladders, next_level
from tickerml.tape.problems import Problems
from tickerml.tape.rows import BUY, SELL, Flag, Kind
from tickerml.tape.tape import content_hash
from tickerml.venues.binance.columns import Columns
from tickerml.venues.binance.decoder import Decoder
from tickerml.venues.binance.feed import Feed
from tickerml.venues.binance.instruments import SPOT, USDM, Grid, instrument
from tickerml.venues.recorder import Lines


class Venue:
    """A made-up venue: random changes of a book around 100, summed up into diffs, as Binance does."""

    def __init__(self, seed, futures):
        self.random = random.Random(seed)
        self.futures = futures
        self.id, self.last = 100, 100
        self.book = {1: {990 - i: i + 1 for i in range(5)}, -1: {1010 + i: i + 1 for i in range(5)}}
        self.books = {}  # update id of a diff -> (bids, asks)

    def diff(self, at):
        first = self.id + 1
        changed = {1: {}, -1: {}}
        for _ in range(self.random.randint(1, 4)):
            self.id += self.random.randint(1, 3) if self.futures else 1  # futures ids count other books too
            side = self.random.choice((1, -1))
            tick = self.random.randint(980, 999) if side > 0 else self.random.randint(1001, 1020)
            lots = self.random.choice((0, 0, 1, 5, 9))
            changed[side][tick] = lots
            self.book[side][tick] = lots
        self.book = {side: {t: q for t, q in levels.items() if q} for side, levels in self.book.items()}
        self.books[self.id] = (dict(self.book[1]), dict(self.book[-1]))
        prev, self.last = self.last, self.id
        sides = [[(t / 10, q) for t, q in changed[side].items()] for side in (1, -1)]
        return diff(first, self.id, *sides, at=at, prev=prev if self.futures else None)

    def snapshot(self):
        return snapshot(self.id, *([(t / 10, q) for t, q in self.book[side].items()] for side in (1, -1)))


def messages(seed, futures):
    """What a recorder wrote: it loses and repeats messages, and its snapshots come late."""
    venue = Venue(seed, futures)
    rare = venue.random.random
    lines, late = [], []
    for i in range(120):
        if rare() < 0.08:
            late.append((i + venue.random.randint(0, 3), venue.snapshot()))
        message = venue.diff(i)
        if rare() > 0.05:
            lines.append(message)
            if rare() < 0.05:
                lines.append(message)
        lines += [m for at, m in late if at == i]
    return lines, venue


def columns_of(lines):
    decoder = Decoder()
    made = decoder.columns(Lines(1, [line(i, m) for i, m in enumerate(lines)]))
    made.heads["inst"] = 0  # a snapshot names no symbol
    return made


def pushed(columns, market, size=10**9, problems=None):
    feed = Feed([instrument("BTCUSDT", market, Grid(1, 0))], Problems() if problems is None else problems)
    for start in range(0, len(columns), size):
        yield feed.push(Columns(columns.heads[start : start + size], columns.mantissa, columns.decimals))
    yield feed.close(0)


def side_of(b, side):
    tick, end = (b["best_bid"], NO_BID) if side > 0 else (b["best_ask"], NO_ASK)
    found = {}
    while tick != end:
        found[int(tick)] = int(level(b, side, tick))
        tick = next_level(b, side, tick)
    return found


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.booleans())
def test_a_book_that_is_called_true_is_true(seed, futures):
    lines, venue = messages(seed, futures)
    books = new_ladders(1)
    true = 0
    for block in pushed(columns_of(lines), USDM if futures else SPOT):
        for row in block.rows:
            apply(books[0], row)
            if row["kind"] == Kind.DEPTH and row["flags"] & Flag.END and books[0]["valid"]:
                last = int(block.messages[row["ref"]]["last_id"])
                if last in venue.books:
                    assert (side_of(books[0], BUY), side_of(books[0], SELL)) == venue.books[last]
                    true += 1
    snapshots = [m for m in lines if "lastUpdateId" in m]
    assert true > 0 or len(snapshots) < 3


LIES = st.tuples(st.integers(0, 119), st.sampled_from(["b", "a"]), st.integers(975, 1025))  # diff, side, tick


def with_lies(lines, lies):
    """The diffs with these levels put in, whatever they do to the book."""
    told = [one for one in lines if "stream" in one]
    for place, side, tick in lies:
        told[place % len(told)]["data"][side].append([str(tick / 10), "1"])
    return lines


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.booleans(), st.lists(LIES, min_size=1, max_size=12))
@example(1, False, [(60, "b", 1025)])
def test_a_book_never_crosses_in_silence(seed, futures, lies):
    """Whatever levels the venue sends: a message that ends with a crossed book is counted, and GAP is the next row."""
    lines, _ = messages(seed, futures)
    books, problems = new_ladders(1), Problems()
    crossed = said = 0
    for block in pushed(columns_of(with_lies(lines, lies)), USDM if futures else SPOT, problems=problems):
        for row in block.rows:
            assert said == crossed or row["kind"] == Kind.GAP
            said = crossed
            apply(books[0], row)
            if row["kind"] == Kind.DEPTH and row["flags"] & Flag.END and books[0]["valid"]:
                crossed += books[0]["best_bid"] >= books[0]["best_ask"]
    assert said == crossed == problems["crossed-book"]
    if (seed, lies) == (1, [(60, "b", 1025)]):
        assert crossed == 1


@pytest.mark.parametrize("size", [1, 7, 50])
@pytest.mark.parametrize("seed", range(6))
def test_the_size_of_the_pieces_does_not_matter(seed, size):
    lines, _ = messages(seed, seed % 2 == 0)
    lines[20:20] = [trade(i, "99.5", "3", at=i) for i in range(1, 9)] + [ticker(5, "99.5", "1", "99.6", "2")]
    lines[40] = diff(1, 10**9, [("500", "1")], at=40)  # crosses the book
    whole = list(pushed(columns_of(lines), SPOT))
    parts = list(pushed(columns_of(lines), SPOT, size))
    assert content_hash(parts) == content_hash(whole)
    assert all(not len(b) or b.rows["flags"][-1] & Flag.END for b in parts)


def test_a_crossed_book_is_unknown_until_the_next_snapshot():
    book = ([("99.9", 1)], [("100.1", 1)])
    lines = [
        diff(1, 2, [("99.8", 1)]),
        diff(3, 3, [("100.5", 7)], at=1),  # held, and crosses when it is applied behind the snapshot
        snapshot(2, *book),
        diff(4, 4, [("99.7", 1)], at=2),
        snapshot(4, *book),
        diff(5, 5, [("99.6", 1)], at=3),
    ]
    feed = Feed([instrument("BTCUSDT", SPOT, Grid(1, 0))], problems := Problems(), ["file"])
    block = feed.push(columns_of(lines))
    assert block.rows["kind"].tolist() == [4, 1, 1, 1, 8, 4, 1, 1, 1]
    assert problems.counts == {"crossed-book": 1}
    assert json.loads(block.blobs[0]) == {"code": "crossed-book", "from": 4}
    assert feed.waiting == ()


def test_a_live_session_is_told_which_snapshots_to_fetch():
    feed = Feed([instrument("BTCUSDT", SPOT, Grid(1, 0))], Problems())
    assert len(feed.push(columns_of([diff(1, 2, [("99.8", 1)])]))) == 0
    assert feed.waiting == (0,)
    feed.push(columns_of([snapshot(2, [("99.9", 1)], [("100.1", 1)])]))
    assert feed.waiting == ()


def test_a_number_off_the_grid_is_not_rounded():
    problems = Problems()
    feed = Feed([instrument("BTCUSDT", SPOT, Grid(1, 0))], problems, ["file"])
    lines = [snapshot(2, [("99.9", 1)], [("100.1", 1)]), diff(3, 3, [("99.85", 1)]), trade(1, "99.9", "0.5")]
    block = feed.push(columns_of(lines))
    assert block.rows["kind"].tolist() == [4, 1, 1, 8]
    assert problems.counts == {"off-grid": 2}


def test_empty_diffs_carry_the_ids_on():
    lines = [snapshot(2, [("99.9", 1)], [("100.1", 1)]), diff(3, 9), diff(10, 10, [("99.8", 1)])]
    block = next(iter(pushed(columns_of(lines), SPOT)))
    assert block.rows["kind"].tolist() == [4, 1, 1, 1]
    assert block.messages["last_id"].tolist()[:2] == [2, 10]


def test_held_diffs_are_bounded(monkeypatch):
    monkeypatch.setattr("tickerml.venues.binance.arrange.MOST_HELD", 10)
    problems = Problems()
    feed = Feed([instrument("BTCUSDT", SPOT, Grid(1, 0))], problems, ["file"])
    feed.push(columns_of([diff(i, i, [("99.8", 1)], at=i) for i in range(1, 31)]))
    block = feed.close(T0)
    assert problems.counts == {"no-snapshot": 30}
    assert problems.places("no-snapshot")[0].line == 1
    assert block.rows["kind"].tolist() == [Kind.GAP]


def test_scaled_memory_is_not_shared_with_blocks():
    first = columns_of([snapshot(2, [("99.9", 1)], [("100.1", 1)])])
    feed = Feed([instrument("BTCUSDT", SPOT, Grid(1, 0))], Problems())
    block = feed.push(first)
    before = block.to_bytes()
    feed.push(columns_of([diff(3, 3, [("98.0", 7)])]))
    assert block.to_bytes() == before
    assert np.array_equal(first.mantissa, columns_of([snapshot(2, [("99.9", 1)], [("100.1", 1)])]).mantissa)
