from decimal import Decimal

import numpy as np
from run_tapes import BTC, ETH, T0

from tickerml.tape.block import Block
from tickerml.tape.rows import SECOND, Flag, Kind, empty
from tickerml.tape.tape import Header, MemoryTape
from tickerml.views import prices as module
from tickerml.views.prices import prices


def rows(inst, kind, ticks, start=0, side=0, flags=int(Flag.END)):
    found = empty(len(ticks))
    found["recv"] = T0 + (start + np.arange(len(ticks))) * SECOND
    found["inst"], found["kind"], found["price"], found["side"], found["flags"] = inst, int(kind), ticks, side, flags
    return found


def tape(*blocks):
    return MemoryTape(Header("t", (BTC, ETH)), tuple(Block(b) for b in blocks))


def test_trades_give_the_price_in_quote():
    found = prices(tape(rows(0, Kind.TRADE, [640_000, 640_005]), rows(1, Kind.BAR, [310_000], 5)))
    assert found["BTC/USDT:USDT"].close.tolist() == [64_000.0, 64_000.5]
    assert found["ETH/USDT:USDT"].close.tolist() == [3_100.0]
    assert found["BTC/USDT:USDT"].time.tolist() == [T0, T0 + SECOND]


def test_quotes_and_snapshots_stand_in_where_nothing_was_printed():
    quotes = np.concatenate((rows(0, Kind.BBO, [639_999], side=1), rows(0, Kind.BBO, [640_001], side=-1)))
    assert prices(tape(quotes))["BTC/USDT:USDT"].close.tolist() == [63_999.9]
    flags = int(Flag.SNAPSHOT)
    book = rows(0, Kind.DEPTH, [639_990, 639_999, 639_980], side=1, flags=flags)
    book["recv"] = T0
    later = rows(0, Kind.DEPTH, [639_000], 60, side=1, flags=flags)
    assert prices(tape(np.concatenate((book, later))))["BTC/USDT:USDT"].close.tolist() == [63_999.9, 63_900.0]


def test_a_tape_without_prices_has_none():
    assert prices(tape(rows(0, Kind.TIMER, [0, 0]))) == {}


def test_thinning_keeps_extremes_in_bounded_memory_and_windows_whole(monkeypatch):
    monkeypatch.setattr(module, "KEEP", 50)
    monkeypatch.setattr(module, "HELD", 2_000)
    ticks = 640_000 + np.cumsum(np.random.default_rng(1).integers(-3, 4, 30_000))
    blocks = [rows(0, Kind.TRADE, ticks[i : i + 500], i) for i in range(0, 30_000, 500)]
    whole = prices(tape(*blocks))["BTC/USDT:USDT"]
    assert len(whole.time) <= 4 * 51
    assert (whole.close.max(), whole.close.min()) == (float(ticks.max()) * 0.1, float(ticks.min()) * 0.1)
    window = ("BTC/USDT:USDT", T0 + 10_000 * SECOND, T0 + 10_300 * SECOND)
    fine = prices(tape(*blocks), [window])["BTC/USDT:USDT"]
    inside = (fine.time >= window[1]) & (fine.time <= window[2])
    assert inside.sum() >= 290
    assert (np.diff(fine.time) >= 0).all()


def test_prices_of_a_tick_of_a_thousandth():
    small = tape(rows(0, Kind.TRADE, [7]))
    instrument = type(BTC)(0, "x", "PEPE/USDT", "PEPEUSDT", Decimal("0.00000001"), Decimal(1), "PEPE", "USDT", "USDT")
    found = prices(MemoryTape(Header("t", (instrument,)), small.held))
    assert found["PEPE/USDT"].close.tolist() == [7e-8]
