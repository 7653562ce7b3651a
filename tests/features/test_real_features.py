"""The folds on recorded markets: the book's features against books of dicts, and all of them in plausible ranges."""

from __future__ import annotations

import math
from itertools import islice

import pytest
from feature_feed import DictBook, Player, Row, assert_close
from test_depth import depth_oracle, liquidity_oracle

from tickerml.features.catalog import families
from tickerml.tape.params import instrument_record
from tickerml.tape.rows import BUY, SELL, Kind
from tickerml.venues.captures import open_captures

pytestmark = pytest.mark.real
FILES = {
    "usdm": "l2/binance_raw_20240808/usdm/btcusdt_20240808.gz",
    "nexo": "l2/binance_spot_nexousdt/nexousdt_20240723.dat.gz",
}


def rows_of(real_data, name, n):
    tape = open_captures([real_data / FILES[name]])
    rows = islice((row for block in tape.blocks() for row in block.rows), n)
    return list(rows), instrument_record(tape.header.instruments[0])


@pytest.mark.parametrize("name", list(FILES))
def test_book_features_on_a_real_book(real_data, name):
    rows, inst = rows_of(real_data, name, 10_000)
    book, compared = DictBook(), 0
    touch, depth, liquidity = (Player(fold, inst=inst) for fold in ("touch", "depth", "liquidity"))
    for n, row in enumerate(rows):
        at_touch, at_depth, money = touch.step(row), depth.step(row), liquidity.step(row)
        plain = Row(row)
        book.apply(plain)
        if not plain.ends or plain["kind"] != Kind.DEPTH or n % 3:
            continue
        compared += book.usable
        bid, ask = book.best(BUY)[0], book.best(SELL)[0]
        mid = (bid + ask) / 2 * inst["tick"] if book.usable else math.nan
        assert_close(at_touch, {"mid": mid}, n)
        wanted = depth_oracle(book, 10)
        slopes = {key: value / 0.01 * inst["lot"] for key, value in wanted.items() if "slope" in key}
        assert_close(at_depth, wanted | slopes, n)
        assert_close(money, liquidity_oracle(book, 10.0, inst), n)
    assert compared > 20


def test_every_feature_is_finite_or_nan_and_inside_its_range(real_data):
    rows, inst = rows_of(real_data, "usdm", 12_000)
    for name, module in families().items():
        player = Player(name, inst=inst)
        for row in rows:
            fields = player.step(row)
        for field, text in module.FIELDS.items():
            value = float(fields[field])
            assert not math.isinf(value), field
            if not math.isnan(value) and text.startswith(("-1 to 1;", "0 to 1;")):
                assert -1 <= value <= 1, field
