"""Every fold that the features room holds, found by itself, in the loop that trades: over a book and over candles."""

from __future__ import annotations

import hashlib
import json
import math
import random
import tempfile
from decimal import Decimal
from functools import cache
from pathlib import Path

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

ROWS = {"busy": 9000, "candles": 1500}
FOLDS = tuple(families())
MARKETS = tuple(ROWS)


def watcher():
    """Looks at one field of each fold, so that each is in the loop."""
    return Watcher(tuple(next(iter(module.FIELDS)) for module in families().values()))


@cache
def candles():
    """A coin's 5m bars, a random walk with quiet stretches and holes, and its funding every 8 hours."""
    r, b, price = random.Random(4), Builder(), 100_000
    coin = Instrument(0, "binance", "BTC/USDT", "BTCUSDT", Decimal("0.01"), Decimal("0.001"), "BTC", "USDT", "USDT")
    b.instrument(START, coin)
    for k in range(ROWS["candles"]):
        begin, opened = START + k * 5 * MINUTE, price
        price += round(r.gauss(0, 150)) if r.random() < 0.9 else 0
        reach = max(opened, price) + r.randrange(40), min(opened, price) - r.randrange(40)
        if r.random() > 0.01:
            close = begin + 5 * MINUTE + SECOND
            b.bar(close, 0, begin, 5 * MINUTE, (opened, *reach, price), r.randrange(1, 900))
        if k % 96 == 95:
            b.value(begin + 5 * MINUTE + 2 * SECOND, begin + 5 * MINUTE, 0, "funding", 1e-4)
    return MemoryTape(Header("candles", (coin,), b.names), (b.take(),))


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
    fresh = bytes_of(machine(watcher(), tape("busy"))[0])[name]
    of_values_alone = not any(hasattr(families()[name], handler) for handler in ("on_row", "on_bar"))
    if not of_values_alone:  # the busy market has no funding
        assert folded("busy")[name] != fresh
    if of_values_alone or hasattr(families()[name], "on_bar"):
        assert folded("candles")[name] != fresh


@pytest.mark.parametrize("name", [n for n, module in families().items() if "FRAME" in vars(module)])
def test_it_says_something_of_candles(name):
    one, _ = run(watcher(), tape("candles"))
    k = [fold.module.__name__.rpartition(".")[2] for fold in one.loop.plan.folds].index(name)
    values = one.loop.states[f"f{k}"][0]
    assert not all(math.isnan(values[field]) for field in values.dtype.names)


@cache
def digests_here(kind, rows):
    return digests(kind, rows)
