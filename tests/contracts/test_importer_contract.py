"""Every format that can be imported, found by itself: the same rows and the same states however it is read."""

from __future__ import annotations

import itertools
import json
import random
from functools import cache

import numpy as np
import polars as pl
import pytest

from small_runs import joined, machine, market, print_of, python, run
from small_strategies import Watcher
from tickerml.engine import snapshot
from tickerml.engine.machine import drive, pieces
from tickerml.run.sources import open_source
from tickerml.tape.importers.detect import FORMATS
from tickerml.tape.importers.hftbacktest_write import write as write_npz
from tickerml.tape.store import write_store

START = 1_704_067_200_000  # ms
HOUR = 3_600_000


def dates(n, step=60_000):
    return pl.Series([START + step * i for i in range(n)], dtype=pl.Int64).cast(pl.Datetime("ms", "UTC"))


def walk(n, seed=3):
    return 100 + np.round(np.cumsum(np.random.default_rng(seed).normal(0, 0.05, n)), 2)


def bars(path, n=300, step=60_000):
    close = walk(n)
    columns = {"open": close, "high": close + 0.1, "low": close - 0.1, "close": close}
    pl.DataFrame({"date": dates(n, step), **columns, "volume": np.arange(1.0, n + 1)}).write_parquet(path)


def recorded(path):
    """A snapshot, diffs, tickers and trades, as a recorder of Binance's spot stream writes them."""
    rng, out = np.random.default_rng(4), []
    book = {"lastUpdateId": 10, "bids": [["100.00", "2.0"]], "asks": [["100.01", "1.0"]]}

    def say(ms, payload):
        out.append(f"{(START + ms) * 1_000_000} {json.dumps(payload)}")

    say(0, book)
    for k in range(200):
        at, u = START + 100 * k + 50, 11 + k
        bid, ask = f"{100 - int(rng.integers(0, 5)) / 100:.2f}", f"{100.01 + int(rng.integers(0, 5)) / 100:.2f}"
        diff = {"e": "depthUpdate", "E": at, "s": "BTCUSDT", "U": u, "u": u}
        diff |= {"b": [[bid, str(1 + k % 3)]], "a": [[ask, str(1 + k % 2)]]}
        say(100 * k + 60, {"stream": "btcusdt@depth@100ms", "data": diff})
        if k % 4 == 0:
            sold = {"e": "trade", "E": at, "T": at, "s": "BTCUSDT", "t": k, "p": bid, "q": "0.5", "m": True, "M": True}
            say(100 * k + 61, {"stream": "btcusdt@trade", "data": sold})
    path.write_text("\n".join(out) + "\n")


def books(path, n=60):
    rng, mid = np.random.default_rng(5), 10_000 + np.cumsum(np.random.default_rng(6).integers(-1, 2, n))
    ts = [START + 100 * i for i in range(n)]
    columns = {"ts_ms": ts, "exch_ts_ms": [t - 20 for t in ts], "venue": ["Binance"] * n, "market_type": ["fut"] * n}
    columns |= {"symbol": ["BTCUSDT"] * n, "seq": [1000 + 10 * i for i in range(n)], "reconnect_flag": [0] * n}
    for side, name in ((-1, "bids"), (1, "asks")):
        columns[f"{name}_px"] = [[(m + side * (1 + j)) / 10 for j in range(10)] for m in mid.tolist()]
        columns[f"{name}_qty"] = [rng.integers(1, 50, 10).astype(float).tolist() for _ in range(n)]
    pl.DataFrame(columns).write_parquet(path)


def prints(path, n=200):
    side = ["buy" if k % 3 else "sell" for k in range(n)]
    stamps = [START + 500 * k for k in range(n)]
    frame = {"timestamp": stamps, "id": [str(k) for k in range(n)], "side": side, "price": walk(n), "amount": [0.5] * n}
    pl.DataFrame(frame).write_ipc(path)


def rates(path, n=40, column="funding_rate", step=8 * HOUR):
    pl.DataFrame({"date": dates(n, step), column: np.arange(n) / 1e5}).write_parquet(path)


def marks(path, n=40):
    close = walk(n)
    columns = {"open": close, "high": close + 1, "low": close - 1, "close": close}
    pl.DataFrame({"date": dates(n, HOUR), **columns}).write_parquet(path)


def values(path, n=40):
    pl.DataFrame({"date": dates(n, HOUR), "btc_oi": np.arange(n) * 1e6, "eth_oi": np.arange(n) * 1e5}).write_parquet(
        path
    )


SAMPLES = {  # format -> (file, who writes it)
    "tickerml-store": ("store", lambda p: write_store(market("busy", minutes=1, rows=2000), p)),
    "binance-raw": ("btcusdt_20240101.dat", recorded),
    "book1000": ("lobdeep_btc_fut_x.parquet", books),
    "candles": ("binance_perp_1m/BTCUSDT.parquet", bars),
    "trades": ("XRP_ETH-trades.feather", prints),
    "funding": ("binance_funding/BTCUSDT.parquet", rates),
    "mark": ("binance_perp_mark_1h/BTCUSDT.parquet", marks),
    "values": ("oi/open_interest_BTCUSDT.parquet", values),
    "hftbacktest-npz": ("BTCUSDT.npz", lambda p: write_npz(market("busy", minutes=1, rows=2000, coins=("BTC",)), p)),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Each sample's path by format."""
    root, found = tmp_path_factory.mktemp("samples"), {}
    for name, (file, write) in SAMPLES.items():
        path = root / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
        found[name] = path
    return found


@cache
def opened(path):
    tape = open_source(str(path))
    assert sum(map(len, tape.blocks())) >= 40
    return tape


@cache
def whole(path):
    return print_of(*run(Watcher(every=60.0), opened(path)))


@cache
def elsewhere(paths, **environment):
    code = """
import sys
from small_runs import print_of, run
from small_strategies import Watcher
from tickerml.run.sources import open_source
for path in sys.argv[1:]:
    tape = open_source(path)
    print(tape.content_hash(), print_of(*run(Watcher(every=60.0), tape))[2])
"""
    told = python(code, *paths, **environment).splitlines()
    return {path: tuple(line.split()) for path, line in zip(paths, told, strict=True)}


def here(path):
    return opened(path).content_hash(), whole(path)[2]


def test_every_format_has_a_sample():
    assert set(SAMPLES) == set(FORMATS)


@pytest.mark.parametrize("name", list(SAMPLES))
class TestFormat:
    def test_it_is_found_out(self, name, made):
        from tickerml.tape.importers.detect import detect

        assert detect(made[name]) == name

    def test_every_pass_gives_the_same_rows(self, name, made):
        tape, again = opened(made[name]), open_source(str(made[name]))
        first = joined(tape)
        assert first.to_bytes() == joined(tape).to_bytes() == joined(again).to_bytes()
        assert tape.content_hash() == again.content_hash()
        assert (np.diff(first.rows["recv"]) >= 0).all()

    def test_another_process_gives_the_same_rows(self, name, made):
        assert elsewhere(tuple(made.values()))[made[name]] == here(made[name])

    def test_without_the_jit(self, name, made):
        assert elsewhere(tuple(made.values()), NUMBA_DISABLE_JIT="1")[made[name]] == here(made[name])

    @pytest.mark.slow  # compiles everything anew, with checks
    def test_with_bounds_checks(self, name, made):
        assert elsewhere(tuple(made.values()), NUMBA_BOUNDSCHECK="1")[made[name]] == here(made[name])

    @pytest.mark.parametrize("chunk", [1, 7, 1000])
    def test_chunks_do_not_matter(self, name, chunk, made):
        assert print_of(*run(Watcher(every=60.0), opened(made[name]), chunk=chunk)) == whole(made[name])

    def test_a_snapshot_goes_on(self, name, made, tmp_path):
        tape = opened(made[name])
        at = random.Random(name).randrange(1, len(joined(tape)))
        first, before = machine(Watcher(every=60.0), tape)
        for piece in itertools.islice(pieces(tape.blocks(), 1), at):
            first.push(piece)
        snapshot.save(first, tmp_path / "half.npz", at)
        second, after = machine(Watcher(every=60.0), tape)
        snapshot.restore(second, tmp_path / "half.npz")
        drive(second, tape.blocks(), skip=at)
        assert print_of(second, before + after) == whole(made[name])
