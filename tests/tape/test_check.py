import numpy as np
import pytest

from tickerml.tape.block import Block, concat, part
from tickerml.tape.build import Builder
from tickerml.tape.check import check
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import MILLISECOND, SECOND, Kind
from tickerml.tape.tape import Header, MemoryTape

T0 = 1_723_161_240 * SECOND
BTC = Instrument(0, "binance", "BTC/USDT", "BTCUSDT", 1, 1, "BTC", "USDT", "USDT")
ETH = Instrument(1, "binance", "ETH/USDT", "ETHUSDT", 1, 1, "ETH", "USDT", "USDT")
BOOK = ([(100, 2), (99, 3)], [(101, 1), (102, 4)])


def tape(builder, *, size=10**9):
    block = builder.take()
    parts = [part(block, i, i + size) for i in range(0, len(block), size)] or [block]
    return MemoryTape(Header("made", (BTC, ETH)), tuple(parts))


def book(builder=None, *, inst=0, recv=T0):
    builder = builder or Builder()
    builder.depth(recv, recv - MILLISECOND, inst, *BOOK, (0, 10, 0), snapshot=True)
    return builder


def at(i):
    return T0 + i * SECOND


def test_a_healthy_tape():
    made = book()
    for i in range(1, 20):
        made.bbo(at(i) - MILLISECOND, at(i) - 5 * MILLISECOND, 0, (100, 2 + i), (101, 1), 10 + i)
        made.depth(at(i), at(i) - 5 * MILLISECOND, 0, [(100, 2 + i)], [], (10 + i, 10 + i, 0))
    btc, eth = check(tape(made))
    assert (btc.gaps, btc.crossed, btc.duplicates, btc.backwards) == (0, 0, 0, 0)
    assert (btc.compared, btc.matched, btc.late_compared) == (19, 19, 0)
    assert (btc.rows, btc.start, btc.end) == (5 + 19 * 3, T0, at(19))
    assert btc.clock_offset_ns == 3 * MILLISECOND + MILLISECOND // 2 - MILLISECOND or btc.clock_offset_ns > 0
    assert eth.rows == 0
    assert eth.as_json()["start"] is None
    assert btc.as_json() == {
        "symbol": "BTC/USDT",
        "venue": "binance",
        "rows": 62,
        "start": "2024-08-08T23:54:00.000000000Z",
        "end": "2024-08-08T23:54:19.000000000Z",
        "gaps": 0,
        "crossed": 0,
        "duplicates": 0,
        "backwards": 0,
        "clock_offset_ns": btc.clock_offset_ns,
        "top_of_book": {"compared": 19, "matched": 19},
        "top_of_book_late": {"compared": 0, "matched": 0},
    }


@pytest.mark.parametrize(
    ("bid", "ask", "matched"), [((100, 7), (101, 1), 1), ((100, 6), (101, 1), 0), ((100, 7), (102, 1), 0)]
)
@pytest.mark.parametrize("late", [False, True])
def test_price_and_size_of_both_sides_are_compared(bid, ask, matched, late):
    made = book()
    if not late:
        made.bbo(at(1), 0, 0, bid, ask, 11)
    made.depth(at(2), at(2), 0, [(100, 7)], [], (11, 11, 0))
    if late:
        made.bbo(at(3), 0, 0, bid, ask, 11)
    btc, _ = check(tape(made))
    counts = (btc.late_compared, btc.late_matched) if late else (btc.compared, btc.matched)
    assert counts == (1, matched)


def test_a_quote_of_an_older_depth_update_is_compared_with_that_one():
    made = book()
    made.depth(at(1), at(1), 0, [(100, 7)], [], (11, 11, 0))
    made.depth(at(2), at(2), 0, [(100, 8)], [], (12, 13, 0))
    made.bbo(at(3), 0, 0, (100, 7), (101, 1), 11)
    made.bbo(at(3), 0, 0, (100, 9), (101, 1), 12)  # between two updates: cannot be compared
    btc, _ = check(tape(made))
    assert (btc.late_compared, btc.late_matched) == (1, 1)


def test_nothing_is_compared_while_the_book_is_unknown():
    made = book()
    made.row(at(1), 0, 0, Kind.GAP, qty=3)
    made.bbo(at(2), 0, 0, (100, 7), (101, 1), 20)
    made.depth(at(3), at(3), 0, [(100, 5)], [], (15, 20, 0))
    btc, _ = check(tape(made))
    assert (btc.gaps, btc.compared) == (1, 0)


def test_crossed_duplicates_and_backwards_are_counted_by_instrument():
    made = book(book(), inst=1)
    made.depth(at(1), at(1), 1, [(101, 1)], [], (11, 11, 0))  # crossed
    made.depth(at(2), at(2), 0, [(98, 1)], [], (11, 11, 0))
    made.depth(at(3), at(3), 0, [(98, 1)], [], (11, 11, 0))  # there before
    made.bbo(at(4), 0, 0, (100, 2), (101, 1), 12)
    made.bbo(at(4), 0, 0, (100, 2), (101, 1), 12)  # there before
    made.row(at(3), at(3), 0, Kind.TRADE, side=1, price=100, qty=1)  # received before the row before it
    made.row(at(5), at(2), 0, Kind.TRADE, side=1, price=100, qty=1)  # stamped before its stream's newest
    btc, eth = check(tape(made))
    assert (btc.crossed, btc.duplicates, btc.backwards) == (0, 2, 2)
    assert (eth.crossed, eth.duplicates, eth.backwards) == (1, 0, 0)


def test_a_new_snapshot_starts_the_ids_anew():
    made = book()
    made.depth(at(1), at(1), 0, [(98, 1)], [], (11, 900, 0))
    book(made, recv=at(2))
    made.bbo(at(3), 0, 0, (100, 7), (101, 1), 11)
    made.depth(at(4), at(4), 0, [(100, 7)], [], (11, 11, 0))
    btc, _ = check(tape(made))
    assert (btc.duplicates, btc.compared + btc.late_compared, btc.matched + btc.late_matched) == (0, 1, 1)


def test_more_quotes_than_can_wait_drop_the_oldest():
    made = book()
    for i in range(9000):
        made.bbo(at(1), 0, 0, (100, i + 1), (101, 1), 11 + i)
    made.depth(at(2), at(2), 0, [(100, 9000)], [], (11, 11 + 8999, 0))
    btc, _ = check(tape(made))
    assert (btc.compared, btc.matched) == (1, 1)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_chunks_do_not_matter(size):
    rng = np.random.default_rng(5)
    made = book()
    for i in range(1, 200):
        tick, lots = int(rng.integers(90, 101)), int(rng.integers(0, 9))
        made.depth(at(i), at(i), 0, [(tick, lots)], [(int(rng.integers(101, 110)), lots)], (10 + i, 10 + i, 0))
        made.bbo(at(i), at(i), 0, (100, 1), (101, 1), 10 + i)
    block = made.take()
    whole = MemoryTape(Header("made", (BTC,)), (block,))
    parts = MemoryTape(Header("made", (BTC,)), tuple(part(block, i, i + size) for i in range(0, len(block), size)))
    assert check(parts) == check(whole)


def test_clock_offset_is_that_of_the_fit():
    made = Builder()
    for i in range(300):
        made.row(at(i), at(i) + 1270 * MILLISECOND - (i % 7) * MILLISECOND, 0, Kind.TRADE, side=1, price=1, qty=1)
    btc, _ = check(tape(made))
    assert btc.clock_offset_ns == -1271 * MILLISECOND
    assert check(MemoryTape(Header("empty", (BTC,)), (Block(concat([]).rows),)))[0].rows == 0
