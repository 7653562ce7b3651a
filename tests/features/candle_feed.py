"""Candles for the tests of indicators: random ones and real ones, and an indicator's fields over them as arrays."""

from __future__ import annotations

import importlib
import inspect
import math

import numpy as np
import polars as pl
from feature_feed import instrument

from tickerml.tape.params import params_record
from tickerml.tape.rows import DAY, MILLISECOND, MINUTE, ROW, Flag, Kind
from tickerml.tape.tables import BAR

PRICES = ("open", "high", "low", "close")


def rows_for(table, inst=0):
    """A BAR row for each bar, received 100 ms after its close."""
    rows = np.zeros(len(table), ROW)
    rows["exch"] = table["open_time"] + table["duration"]
    rows["recv"] = rows["exch"] + 100 * MILLISECOND
    rows["price"], rows["qty"], rows["inst"] = table["close"], table["volume"], inst
    rows["ref"], rows["kind"], rows["flags"] = np.arange(len(table)), Kind.BAR, Flag.END
    return rows


def walk(seed, n, *, step=5 * MINUTE, start=20_000 * DAY, price=10_000, volatility=0.002, flat=0.1):
    """Bars of a random walk: ticks and lots, some without any move and volume."""
    r = np.random.default_rng(seed)
    quiet = r.random(n) < flat
    moves = np.where(quiet, 0.0, r.normal(0, volatility, n))
    close = np.maximum(50, np.rint(price * np.exp(np.cumsum(moves)))).astype("i8")
    table = np.zeros(n, BAR)
    table["open_time"], table["duration"] = start + step * np.arange(n), step
    table["close"], table["open"] = close, np.concatenate([[price], close[:-1]])
    reach = np.where(quiet, 0, r.integers(0, 1 + max(1, int(price * volatility)), (2, n)))
    table["high"] = np.maximum(table["open"], close) + reach[0]
    table["low"] = np.maximum(1, np.minimum(table["open"], close) - reach[1])
    table["volume"] = np.where(quiet, 0, r.integers(1, 10_000, n))
    table["buy_volume"] = table["trades"] = table["corrects"] = -1
    return table


def real(real_data, folder, symbol, n, step):
    """The last `n` candles of a file: (floats by name, BAR table, instrument)."""
    frame = pl.read_parquet(real_data / "candles" / folder / f"{symbol}.parquet").tail(n)
    candles = {name: frame[name].to_numpy() for name in (*PRICES, "volume")}
    prices = np.concatenate([candles[name] for name in PRICES])
    tick = next(t for t in 10.0 ** -np.arange(0, 12) if np.allclose(prices, np.rint(prices / t) * t, 1e-12, 0))
    table = np.zeros(len(frame), BAR)
    for name in PRICES:
        table[name] = np.rint(candles[name] / tick)
    table["volume"] = np.rint(candles["volume"] * 1000)
    table["open_time"], table["duration"] = frame["date"].dt.epoch("ns").to_numpy(), step
    table["buy_volume"] = table["trades"] = table["corrects"] = -1
    return candles, table, instrument(tick, 0.001)


def fields(name, table, inst=None, **params):
    """The fields of family `name` after each bar, as arrays by field."""
    module = importlib.import_module(f"tickerml.features.{name}")
    state = np.zeros(1, module.State)
    one = np.full(1, math.nan, np.dtype([(field, "f8") for field in module.FIELDS]))
    rows, found = rows_for(table), np.zeros(len(table), one.dtype)
    given = {
        "p": params_record(module.Params(**params)),
        "s": state[0],
        "f": one[0],
        "i": instrument() if inst is None else inst,
    }
    on_bar = module.on_bar
    asked = inspect.signature(getattr(on_bar, "py_func", on_bar)).parameters
    for k in range(len(table)):
        given["row"], given["bar"] = rows[k], table[k]
        on_bar(*(given[a] for a in asked))
        found[k] = one[0]
    return {field: found[field] for field in module.FIELDS}


def same(got, wanted, *, rtol=1e-9, atol=0.0, first=None):
    """NaN at the same bars (the first value at bar `first`), and equal elsewhere."""
    wanted = np.asarray(wanted, float)
    known = np.flatnonzero(~np.isnan(wanted))
    assert len(known), "the oracle has no value at all"
    if first is not None:
        assert known[0] == first
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=atol)
