"""Every fold that the features room holds, found by itself, in the loop that trades: over a book and over candles."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from small_runs import machine, market, python, run, shortened
from small_strategies import Watcher
from tickerml.engine import snapshot
from tickerml.engine.machine import drive, pieces
from tickerml.features.catalog import families
from tickerml.tape.build import Builder
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import DAY, MINUTE, SECOND
from tickerml.tape.tape import Header, MemoryTape

START = 20_000 * DAY

ROWS = {"busy": 9000, "candles": 2400}  # 800 bars a coin: a regime of volatility needs 720
FOLDS = tuple(families())
MARKETS = tuple(ROWS)


def watcher():
    """Looks at one field of each fold, so that each is in the loop."""
    return Watcher(tuple(next(iter(module.FIELDS)) for module in families().values()))


COINS = (("binance", "ETH", "0.01"), ("binance", "BTC", "0.01"), ("okx", "BTC", "0.1"))


@cache
def candles():
    """5m bars of two coins, one on two venues: random walks with quiet stretches and holes, and what else is told."""
    r, b, price = random.Random(4), Builder(), [100_000, 200_000, 20_000]
    tick = [Decimal(one) for _, _, one in COINS]
    coins = tuple(
        Instrument(n, venue, f"{base}/USDT", f"{base}USDT", tick[n], Decimal("0.001"), base, "USDT", "USDT")
        for n, (venue, base, _) in enumerate(COINS)
    )
    for coin in coins:
        b.instrument(START, coin)
    for k in range(ROWS["candles"] // 3):
        begin = START + k * 5 * MINUTE
        for n in range(len(coins)):
            opened = price[n]
            price[n] += round(r.gauss(0, opened / 700)) if r.random() < 0.9 else 0
            reach = max(opened, price[n]) + r.randrange(40), min(opened, price[n]) - r.randrange(40)
            if r.random() > 0.01:
                close = begin + 5 * MINUTE + SECOND
                b.bar(close, n, begin, 5 * MINUTE, (opened, *reach, price[n]), r.randrange(1, 900))
        told(r, b, begin + 5 * MINUTE, k)
    return MemoryTape(Header("candles", coins, b.names), (b.take(),))


def told(r, b, time, k):
    """Funding, open interest, news, a weight; now and then a liquidation."""
    if k % 60 == 11:
        b.value(time + 2 * SECOND, time, 2, "weight", r.random())
    if k % 30 == 29:
        b.value(time + 2 * SECOND, time, 0, "funding", 1e-4)
    if k % 5 == 0:
        b.value(time + 2 * SECOND, time, 0, "open_interest", 1e6 + r.gauss(0, 1e4))
    if k % 50 == 7:
        b.value(time + 3 * SECOND, time, 1, "sentiment", r.uniform(-1, 1))
    if k % 20 == 3:
        b.name("liquidation")
        one = Builder(b.names)
        one.value(time + 4 * SECOND, time, 0, "liquidation", 1000.0)
        made = one.take()
        made.rows["qty"], made.rows["side"] = r.randrange(1, 90), r.choice((-1, 1))
        b.extend(made)


def tape(kind, rows=None):
    rows = ROWS[kind] if rows is None else rows
    return market("busy", minutes=3, rows=rows) if kind == "busy" else shortened(candles(), rows)


def bytes_of(one):
    """State and fields of each fold."""
    found = {}
    for k, fold in enumerate(one.loop.plan.folds):
        name = fold.module.__name__.rpartition(".")[2]
        found[name] = one.loop.states[f"s{k}"].tobytes() + one.loop.states[f"f{k}"].tobytes()
    return found


@cache
def folded(kind, chunk=None):
    one, _ = run(watcher(), tape(kind), chunk=chunk)
    return bytes_of(one)


@cache
def folded_again(kind):
    return bytes_of(run(watcher(), tape(kind))[0])


@cache
def restored(kind, at):
    first, _ = machine(watcher(), tape(kind))
    for piece in pieces(tape(kind, at).blocks(), 1013):
        first.push(piece)
    second, _ = machine(watcher(), tape(kind))
    with tempfile.TemporaryDirectory() as folder:
        snapshot.save(first, Path(folder) / "half.npz", at)
        snapshot.restore(second, Path(folder) / "half.npz")
    drive(second, tape(kind).blocks(), skip=at)
    return bytes_of(second)


@cache
def elsewhere(kind, rows, **environment):
    code = f"""
import json, sys; sys.path.insert(0, {str(Path(__file__).resolve().parent)!r})
from test_fold_contract import digests
print(json.dumps(digests({kind!r}, {rows})))
"""
    return python(code, **environment)


def digests(kind, rows):
    one, _ = run(watcher(), tape(kind, rows))
    return {name: hashlib.sha256(data).hexdigest()[:16] for name, data in bytes_of(one).items()}


def test_every_family_is_in_the_loop():
    assert set(folded("busy")) == set(folded("candles")) == set(FOLDS)
    assert len(FOLDS) > 10


@pytest.mark.parametrize("kind", MARKETS)
@pytest.mark.parametrize("name", FOLDS)
class TestFold:
    @pytest.mark.parametrize("chunk", [1, 7, 1000])
    def test_chunks_do_not_matter(self, name, kind, chunk):
        assert folded(kind, chunk)[name] == folded(kind)[name]

    def test_twice(self, name, kind):
        assert folded_again(kind)[name] == folded(kind)[name]

    def test_a_snapshot_goes_on(self, name, kind):
        at = random.Random(8).randrange(ROWS[kind] // 4, ROWS[kind])
        assert restored(kind, at)[name] == folded(kind)[name]

    def test_in_another_process(self, name, kind):
        assert json.loads(elsewhere(kind, ROWS[kind]))[name] == digests_here(kind, ROWS[kind])[name]

    def test_without_the_jit(self, name, kind):
        assert json.loads(elsewhere(kind, 900, NUMBA_DISABLE_JIT="1"))[name] == digests_here(kind, 900)[name]

    @pytest.mark.slow  # compiles everything anew, with checks
    def test_with_bounds_checks(self, name, kind):
        rows = ROWS[kind]
        assert json.loads(elsewhere(kind, rows, NUMBA_BOUNDSCHECK="1"))[name] == digests_here(kind, rows)[name]


@pytest.mark.parametrize("name", FOLDS)
def test_it_remembers_something(name):
    """A fold whose state or fields stay zero or NaN would pass everything else."""
    for kind in MARKETS:
        of_values = hasattr(families()[name], "on_value")  # the busy market has none
        if hasattr(families()[name], "on_bar") or of_values == (kind == "candles"):
            assert folded(kind)[name] != bytes_of(machine(watcher(), tape(kind))[0])[name]


@pytest.mark.parametrize("name", [n for n, one in families().items() if {"FRAME", "across"} & set(vars(one))])
def test_it_says_something_of_candles(name):
    one, _ = run(watcher(), tape("candles"))
    k = [fold.module.__name__.rpartition(".")[2] for fold in one.loop.plan.folds].index(name)
    values = one.loop.states[f"f{k}"]
    assert not all(np.isnan(values[field]).all() for field in values.dtype.names)


@cache
def digests_here(kind, rows):
    return digests(kind, rows)
