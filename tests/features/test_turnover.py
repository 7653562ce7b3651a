"""A3: turnover, age and spread of a coin by whole days, and the weights that the tape tells, against plain Python."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from candle_feed import rows_for, walk
from feature_feed import START, DictBook, Player, Row, instrument, random_rows

from tickerml.features import turnover
from tickerml.tape.instruments import Instrument
from tickerml.tape.params import VALUE_NAMES, instrument_record
from tickerml.tape.rows import DAY, HOUR, MINUTE, ROW, Flag, Kind
from tickerml.tape.tables import VALUE


def fields(player):
    return {name: float(player.out[name][0]) for name in player.out.dtype.names}


@pytest.mark.parametrize(("n", "inverse"), [(1, False), (3, True)])
def test_a3_turnover_of_prints_and_the_median_spread(n, inverse):
    rows = random_rows(21, 9000)
    rows["recv"] = START + (rows["recv"] - START) * 3000  # two minutes of market become days
    rows["exch"] = rows["recv"] - HOUR
    inst = instrument(inverse=inverse)
    player, book, worth, spreads = Player("turnover", turnover.Params(n), inst), DictBook(), {}, {}
    first = newest = sampled = told = 0
    for row in rows:
        plain = Row(row)
        book.apply(plain)
        player.step(row)
        day = plain["exch"] // DAY
        minute = plain["recv"] // MINUTE
        trade, spread = plain["kind"] == Kind.TRADE, plain.ends and book.usable and minute > sampled
        if not trade and not spread:
            continue
        first = first or plain["exch"]
        newest = max(newest, day)
        if trade:
            value = plain["qty"] * (1.0 if inverse else plain["price"] * 0.005)
            worth[newest] = worth.get(newest, 0.0) + value
        if spread:
            sampled = minute
            bid, ask = book.best(1)[0], book.best(-1)[0]
            spreads.setdefault(newest, []).append(20_000 * (ask - bid) / (ask + bid))
        got = fields(player)
        if newest == first // DAY:
            assert all(math.isnan(value) for value in got.values())
            continue
        whole = sum(worth.get(newest - 1 - k, 0.0) for k in range(n))
        assert got["turnover"] == pytest.approx(whole / n)
        over = [day for day in spreads if day < newest]
        middle = sorted(spreads[max(over)])
        edge = 0.1 * 2 ** ((int(4 * math.log2(middle[(len(middle) - 1) // 2] / 0.1)) + 1) / 4)
        assert got["day_spread"] == pytest.approx(edge)
        told += 1
    assert told > 500
    assert newest - first // DAY > 3


def test_a3_turnover_of_bars_counts_a_day_at_its_end():
    table = walk(3, 3 * 288 + 5)
    rows, player = rows_for(table), Player("turnover", turnover.Params(2))
    worth = {}
    for row, bar in zip(rows, table, strict=True):
        player.step(row, table)
        day = int(bar["open_time"]) // DAY
        before = [worth.get(day - 1 - k, 0.0) for k in range(2)]
        worth[day] = worth.get(day, 0.0) + float(bar["volume"] * bar["close"]) * 0.005
        got = fields(player)
        if len(worth) == 1:
            assert math.isnan(got["turnover"])
        else:
            assert got["turnover"] == pytest.approx(sum(before) / 2)
    assert math.isnan(got["day_spread"])
    assert 2.9 < got["listed_days"] < 3.1


def coin(n, symbol, names, *, priced=True):
    base, _, quote = symbol.partition("/")
    one = Decimal(1)
    return instrument_record(
        Instrument(n, "binance", symbol, symbol, one, one, base, quote, quote, values_only=not priced), names
    )


def test_f6_weights_that_the_tape_tells():
    names = ("BTC/USDT.weight", "funding", "ETH/USDT.weight")
    insts = [coin(0, "BTC/USDT", names), coin(1, "ETH/USDT", names), coin(2, "weights", names, priced=False)]
    assert insts[0]["names"][VALUE_NAMES.index("weight")] == 0
    assert insts[1]["names"][VALUE_NAMES.index("weight")] == 2
    rows, values = np.zeros(6, ROW), np.zeros(6, VALUE)
    rows["recv"], rows["kind"], rows["flags"], rows["ref"] = START + np.arange(6), Kind.VALUE, Flag.END, np.arange(6)
    rows["inst"] = (2, 2, 0, 2, 2, 2)
    values["name"], values["value"] = (0, 2, 1, 0, 2, 2), (0.25, 0.75, 0.5, 0.0, -0.5, math.nan)
    player, seen = Player("weights", insts=insts), []
    for row in rows:
        player.step(row, values=values)
        seen.append(player.out["weight"].tolist())
    assert seen[0][0] == 0.25
    assert math.isnan(seen[0][1])
    assert seen[1][:2] == seen[2][:2] == [0.25, 0.75]  # a funding rate is no weight
    assert seen[-1][:2] == [0.0, 0.75]  # nor is what is below 0 or no number
    assert math.isnan(seen[-1][2])
