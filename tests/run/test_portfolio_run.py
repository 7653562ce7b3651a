"""A3 and F6 in whole runs: the universe refuses what is not in it, weights of the tape are followed, replay agrees."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import ClassVar

import numpy as np
import polars as pl
import pytest

import tickerml as tml
from small_runs import command, print_of, run, settings
from tickerml.run.portfolio import weigh
from tickerml.run.record import RunTape
from tickerml.run.sources import open_source
from tickerml.strategies.wake import Bars
from tickerml.tape.build import Builder
from tickerml.tape.errors import InputError
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Pass, Setup
from tickerml.tape.rows import DAY, HOUR, MINUTE, SECOND, Kind
from tickerml.tape.tape import Header, MemoryTape

START = 20_000 * DAY
COINS = ("BTC", "ETH", "SOL")
VOLUMES = (50, 100, 5)


def candles(days=6):
    """15m candles of three coins as a frame each."""
    r, frames = np.random.default_rng(5), {}
    for k, coin in enumerate(COINS):
        n = days * 96
        close = 100 * np.exp(np.cumsum(r.normal(0, 0.002 * (k + 1), n)))
        opened = np.concatenate([[100.0], close[:-1]])
        date = pl.datetime_range(
            pl.datetime(2024, 10, 4), pl.datetime(2024, 10, 4 + days), "15m", time_zone="UTC", closed="left", eager=True
        )
        volume = np.full(n, VOLUMES[k] * 10.0)
        columns = {"open": opened, "high": np.maximum(opened, close), "low": np.minimum(opened, close), "close": close}
        rounded = {name: np.round(values, 2) for name, values in columns.items()}
        frames[coin] = pl.DataFrame({"date": date, **rounded, "volume": volume})
    return frames


@cache
def tape():
    """The same as a tape in memory."""
    b, frames = Builder(), candles()
    cent, small = Decimal("0.01"), Decimal("0.001")
    coins = tuple(
        Instrument(n, "binance", f"{c}/USDT", f"{c}USDT", cent, small, c, "USDT", "USDT") for n, c in enumerate(COINS)
    )
    for coin in coins:
        b.instrument(START, coin)
    for k in range(6 * 96):
        for n, coin in enumerate(COINS):
            row = frames[coin].row(k, named=True)
            prices = [round(row[name] * 100) for name in ("open", "high", "low", "close")]
            begin = START + k * 15 * MINUTE
            b.bar(begin + 15 * MINUTE + SECOND, n, begin, 15 * MINUTE, tuple(prices), round(row["volume"] * 1000))
    return MemoryTape(Header("days", coins, b.names, assumed_clock=True, bar_only=True), (b.take(),))


@dataclass(frozen=True)
class Eager:
    """Always wants in, on bars."""

    wake: ClassVar = Bars("15m")
    sees: ClassVar = ("rsi(14)",)

    def decide(self, view):
        return Pass("in a trade") if view.position is not None else Setup(1, HOUR, 0.01, 0.01, size=0.05)


def rows_of(made, kind):
    return [
        (int(row["recv"]), int(row["inst"]), json.loads(block.blobs[row["ref"]]))
        for block in made
        for row in block.rows[block.rows["kind"] == kind]
    ]


UNIVERSE = {"top": 2, "min_age_days": 1.0}


def test_a3_the_universe_is_chosen_each_day_and_refuses_the_rest():
    one, made = run(Eager(), tape(), settings(manager=UNIVERSE))
    told = [(time, row) for time, _, row in rows_of(made, Kind.DESK) if row.get("what") == "universe"]
    assert [row["coins"] for _, row in told] == ["BTC/USDT, ETH/USDT"]
    assert all(HOUR <= time % DAY < HOUR + 20 * MINUTE for time, _ in told)
    first = told[0][0]
    refused = [(time, inst) for time, inst, row in rows_of(made, Kind.REFUSAL) if row["code"] == "universe"]
    entered = {int(row["inst"]) for block in made for row in block.rows if row["kind"] == Kind.FILL}
    assert {inst for time, inst in refused if time < first} == {0, 1, 2}  # nothing is known of any
    assert {inst for time, inst in refused if time > first} == {2}
    assert entered == {0, 1}
    assert one.trader.desk.universe.allowed() == {0, 1}


def test_a3_and_f6_do_not_depend_on_chunks():
    config = settings(manager={**UNIVERSE, "portfolio": "inverse_volatility"})
    runs = [print_of(*run(Eager(), tape(), config, chunk=chunk)) for chunk in (None, 7)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("mode", ["equal", "inverse_volatility"])
def test_f6_the_desk_weighs_the_coins_of_the_universe(mode):
    _, made = run(Eager(), tape(), settings(manager={**UNIVERSE, "portfolio": mode}))
    told = [row["weights"] for _, _, row in rows_of(made, Kind.DESK) if row.get("what") == "weights"]
    assert told
    assert all(sum(weights.values()) == pytest.approx(1) for weights in told)
    assert all(set(weights) == {"0", "1"} for weights in told)
    if mode == "inverse_volatility":
        assert all(weights["0"] > 0.55 for weights in told)  # it moves half as much
    else:
        assert told == [{"0": 0.5, "1": 0.5}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("candles")
    for coin, frame in candles().items():
        frame.write_parquet(place / f"{coin}_USDT-15m.parquet")
    return place


def test_f6_weights_are_made_from_the_past_alone():
    whole = weigh(tape(), method="inverse_volatility", every="1d", lookback="2d", timeframe="15m")
    assert whole.table.columns == ["date", "symbol", "weight"]
    assert whole.table.group_by("date").agg(pl.col("weight").sum())["weight"].to_list() == pytest.approx([1.0] * 6)
    b = tape().blocks()
    rows = next(iter(b))
    early = MemoryTape(tape().header, (type(rows)(rows.rows[: 3 * 96 * 4], bars=rows.bars, blobs=rows.blobs),))
    part = weigh(early, method="inverse_volatility", every="1d", lookback="2d", timeframe="15m")
    shared = part.table.filter(pl.col("date") < part.table["date"].max())
    assert shared.equals(whole.table.head(len(shared)))
    with pytest.raises(InputError, match="no date has 30 bars"):
        weigh(tape(), method="equal", timeframe="1d")


@pytest.mark.slow  # processes of their own load the optimiser
def test_f6_the_optimisers_answer_is_on_the_tape_and_replay_needs_none(folder, tmp_path, monkeypatch):
    made = command("portfolio", "--source", folder, "--every", "1d", "--lookback", "2d", "-i", "15m", "--json",
                   "--out", folder / "weights.parquet", cwd=tmp_path)  # fmt: skip
    assert made.returncode == 0, made.stderr
    found = json.loads(made.stdout)
    assert found["dates"] >= 5
    assert sum(found["weights"].values()) == pytest.approx(1)
    again = command("portfolio", "--source", folder, "--out", folder / "weights.parquet", "--json", cwd=tmp_path)
    assert again.returncode == 2
    assert "file-exists" in again.stdout
    source = open_source(str(folder))
    done = tml.backtest(Eager(), source, run_dir=tmp_path / "run", config=settings(manager={"portfolio": "given"}))
    told = [row for _, _, row in rows_of(RunTape(tmp_path / "run", source.header).blocks(), Kind.DESK)]
    followed = [row["weights"] for row in told if row.get("what") == "weights"]
    table = pl.read_parquet(folder / "weights.parquet")
    symbols = [one.symbol for one in source.header.instruments]
    assert len(followed) == found["dates"] - 1  # the last date lies behind the last bar
    for weights, (_, frame) in zip(followed, table.group_by("date", maintain_order=True), strict=False):
        named = {symbols[int(inst)]: weight for inst, weight in weights.items()}
        assert named == dict(zip(frame["symbol"], frame["weight"], strict=True))
    monkeypatch.setattr("tickerml.lab.portfolio.weights_of", None)
    assert tml.replay(done).identical
