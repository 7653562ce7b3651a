"""Strategies that look ahead are caught with column, bar and line; honest ones are not accused."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

import numpy as np
import polars as pl
import pytest

from leaking import HONEST, LEAKS, candles, line_with, written
from small_bars import minutes
from small_runs import machine, settings
from tickerml.config import from_mapping
from tickerml.engine.machine import drive
from tickerml.run.backtest import backtest
from tickerml.run.judge import judge
from tickerml.run.leaks.check import check
from tickerml.run.leaks.files import Change, opened
from tickerml.run.leaks.found import outcome_of
from tickerml.run.leaks.looks import looking
from tickerml.run.setup import Setting
from tickerml.run.sources import open_source
from tickerml.run.strategies import choose
from tickerml.strategies.wake import Bars
from tickerml.tape.intents import Long, Pass
from tickerml.tape.rows import MINUTE
from tickerml.tape.timerange import time_range

CONFIG = settings(data={"bar_delay_ms": 2000.0})


@pytest.fixture(scope="module")
def tape():
    return minutes(400)


def judged(spec, tape):
    """The outcome for a run without a folder, and how many intents it had."""
    one, _ = machine(spec, tape, CONFIG)
    looks = looking(one)
    drive(one, tape.blocks())
    setting = Setting(CONFIG, Decimal(10_000))
    return check([choose(spec, CONFIG)], looks, tape, setting, rows=2000, run_seconds=2.0), sum(
        look.traded for look in looks[0].all()
    )


@pytest.mark.parametrize("name", LEAKS)
def test_a_look_ahead_is_named(tape, tmp_path, name):
    head, decide, column, text = LEAKS[name]
    found, intents = judged(written(tmp_path, head, decide, tape), tape)
    assert intents > 3
    assert not found.clean
    assert {leak.column for leak in found.leaks} == {column}, found.lines()
    first = found.leaks[0]
    assert first.line == line_with(tmp_path / "mine.py", text), found.lines()
    assert text in first.text
    assert first.bar.startswith("2024-01-01T0")
    assert first.table == ("tape.columns" if "columns of the tape" in name else "candles.csv")


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_strategy_is_not_accused(tape, tmp_path, name):
    found, intents = judged(written(tmp_path, *HONEST[name], tape), tape)
    assert intents > 3
    assert found.clean, found.lines()
    assert found.decisions >= 3
    assert not found.notes


@dataclass(frozen=True)
class Holder:
    """Was handed a table before the run."""

    frame: pl.DataFrame
    ahead: int = 3

    wake: ClassVar = Bars("1m")
    sees: ClassVar = ()

    def decide(self, view):
        if view.position is not None:
            return Pass("held")
        rows = self.frame.filter(pl.col("time") <= view.now + (self.ahead - 1) * MINUTE)
        good = rows["close"][-1] > 1.002 * view.close if self.ahead else rows["close"][-1] > 1.0005 * rows["open"][-1]
        return Long(target=0.004, stop=0.004, horizon="20m") if good else Pass("no")


@pytest.mark.parametrize("ahead", [3, 0])
def test_a_table_that_was_handed_over_is_cut_in_memory(tape, tmp_path, ahead):
    candles(tape, tmp_path / "c.csv")
    strategy = Holder(pl.read_csv(tmp_path / "c.csv"), ahead)
    found, _ = judged(strategy, tape)
    assert strategy.frame.height == 400  # whole again
    assert found.notes == (
        "holder holds field frame, made before the run: how it was made is not judged; as file.py:Class all of it "
        "would be",
    )
    assert {(leak.column, leak.table) for leak in found.leaks} == ({("close", "field frame")} if ahead else set())
    if ahead:
        assert "rows" in found.leaks[0].text


@dataclass(frozen=True)
class Anchored:
    """Leans on a feature that never forgets where the tape began."""

    bars: int = 200

    wake: ClassVar = Bars("1m")

    @property
    def sees(self):
        return (f"ema({self.bars}, 1m)", "sma(7, 1m)")

    def decide(self, view):
        if view.position is not None:
            return Pass("held")
        if not view[self.sees[0]] > view["sma(7, 1m)"]:
            return Pass("below")
        return Long(target=0.004, stop=0.004, horizon="2m")


def test_the_warm_up_is_measured_feature_by_feature(tape):
    found, _ = judged(Anchored(10), tape)
    warm = {one.feature: one for one in found.warmup}
    assert warm["sma(7, 1m)"].first == warm["sma(7, 1m)"].settled == 7 * MINUTE
    assert warm["ema(10, 1m)"].first == 10 * MINUTE
    assert 13 * MINUTE < warm["ema(10, 1m)"].settled < 60 * MINUTE  # (9 / 11) ** n falls below a fiftieth
    assert found.warmup_ns == warm["ema(10, 1m)"].settled
    assert not found.unsettled
    assert any(line.startswith("  warm-up     ") for line in found.lines())


def test_what_has_not_settled_is_named_where_it_changes_a_decision():
    tape = minutes(700, seed=1, sigma=0.01)
    found, _ = judged(Anchored(200), tape)
    warm = {one.feature: one for one in found.warmup}
    assert warm["ema(200, 1m)"].settled == -1
    assert found.warmup_ns == 0
    assert {one.feature for one in found.unsettled} == {"ema(200, 1m)"}
    assert all(one.whole != one.short for one in found.unsettled)


def test_a_clock_is_no_leak_and_is_said(tape, tmp_path):
    head = "import itertools\nCOUNT = itertools.count()"
    found, _ = judged(written(tmp_path, head, "good = next(COUNT) % 5 == 0", tape), tape)
    assert not found.leaks
    assert "remembers outside view.state" in found.notes[0]


def test_memory_of_its_own_does_not_hide_a_leak(tape, tmp_path):
    head, decide, column, _ = LEAKS["the next row of a file"]
    found, _ = judged(written(tmp_path, head + "\nSEEN = []", "SEEN.append(view.now)\n" + decide, tape), tape)
    assert {leak.column for leak in found.leaks} == {column}


def test_what_it_prints_is_printed_once(tape, tmp_path, capsys):
    head, decide, *_ = LEAKS["the next row of a file"]
    spec = written(tmp_path, head + '\nprint("loaded")', decide, tape)
    judged(spec, tape)
    assert capsys.readouterr().out.count("loaded") <= 2  # the machine of the run, and its own


def test_a_check_that_fails_does_not_take_the_run_with_it(tape, tmp_path, monkeypatch):
    def fails(*args, **more):
        raise ZeroDivisionError("of the check")

    monkeypatch.setattr("tickerml.run.backtest.check", fails)
    spec = written(tmp_path, *HONEST["nothing but the view"], tape)
    run = backtest(spec, tape, config=CONFIG, run_dir=tmp_path / "run")
    assert outcome_of(run.path).line() == "look-ahead not checked: ZeroDivisionError: of the check"
    assert len(run.trades) > 3


def test_a_file_without_times_is_named_as_not_judged(tape, tmp_path):
    head = 'NOTES = (Path(__file__).parent / "weights.csv").read_text().split()'
    (tmp_path / "weights.csv").write_text("weight\n0.5\n1.5\n")
    found, _ = judged(written(tmp_path, head, "good = float(NOTES[1]) < 1", tape), tape)
    assert found.clean
    assert "weights.csv was read and cannot be cut" in found.notes[0]


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".npz", ".npy", ".jsonl", ".json", ".csv.gz", ".tsv"])
def test_every_format_is_cut_and_altered(tmp_path, suffix):
    times = np.arange(10, dtype=np.int64) * MINUTE + 1_704_067_200_000_000_000
    frame = pl.DataFrame({"time": times, "score": np.arange(10.0), "word": [f"w{n}" for n in range(10)]})
    path = tmp_path / f"data{suffix}"
    write(frame, path)
    file = opened(path, None)
    at = int(times[5])
    kept, other = tmp_path / f"kept{suffix}", tmp_path / f"other{suffix}"
    file.write(kept, at, None)
    file.write(other, at, Change(str(path), "score", "raised"))
    assert read(kept)["score"].to_list() == [0, 1, 2, 3, 4, 5]
    assert read(other)["score"].to_list() == [0, 1, 2, 3, 4, 5, 9, 10.5, 12, 13.5]
    assert read(other)["time"].to_list() == times.tolist()


def write(frame, path):
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".feather":
        frame.write_ipc(path)
    elif path.suffix == ".npz":
        np.savez(path, **{name: frame[name].to_numpy() for name in ("time", "score")})
    elif path.suffix == ".npy":
        np.save(path, np.rec.fromarrays([frame["time"].to_numpy(), frame["score"].to_numpy()], names="time,score"))
    elif path.suffix == ".json":
        path.write_text(json.dumps(frame.to_dicts()))
    elif path.suffix == ".jsonl":
        frame.write_ndjson(path)
    else:
        text = frame.write_csv(separator="\t" if path.suffix == ".tsv" else ",")
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def read(path):
    if path.suffix in (".npz", ".npy"):
        held = np.load(path)
        return pl.DataFrame({name: np.asarray(held[name]) for name in ("time", "score")})
    if path.suffix == ".json":
        return pl.DataFrame(json.loads(path.read_text()))
    reader = {".parquet": pl.read_parquet, ".feather": pl.read_ipc, ".jsonl": pl.read_ndjson}
    if path.suffix in reader:
        return reader[path.suffix](path)
    return pl.read_csv(path, separator="\t" if path.suffix == ".tsv" else ",")


def test_a_backtest_judges_unless_it_is_told_not_to(tape, tmp_path):
    head, decide, column, _ = LEAKS["the next row of a file"]
    spec = written(tmp_path, head, decide, tape)
    backtest(spec, tape, config=CONFIG, run_dir=tmp_path / "a")
    found = outcome_of(tmp_path / "a")
    assert [leak.column for leak in found.leaks] == [column]
    assert found.line().startswith(f"LOOKS AHEAD: {column} at mine.py:")
    assert json.loads((tmp_path / "a" / "leaks.json").read_text()) == found.plain()
    backtest(spec, tape, config=CONFIG, run_dir=tmp_path / "b", leaks=False)
    other = outcome_of(tmp_path / "b")
    assert (other.checked, other.line()) == (False, "look-ahead not checked: --no-leak-check")
    assert outcome_of(tmp_path / "c") is None


@pytest.mark.real
@pytest.mark.slow  # five strategies on weeks of candles
def test_honest_strategies_pass_on_real_candles(real_data):
    tape = open_source(
        str(real_data / "candles" / "binance_spot_5m_2024"),
        pairs=["BTC/USDT", "SOL/USDT"],
        timerange=time_range("20240101-20240120"),
    )
    found = judge(("dca", "swing", "channel", "five_signal", "ma_cross"), tape, config=from_mapping({}))
    assert found.clean, found.lines()
    assert found.decisions > 20
    assert not found.unsettled, found.lines()
    assert {"rsi(14, 5m)", "high(240m, 5m)"} <= {one.feature for one in found.warmup}
    assert not found.notes


@pytest.mark.parametrize("ahead", [3, -3])
def test_a_column_that_was_made_from_the_future_is_named(tape, tmp_path, ahead):
    """The file is older than the run, so that cutting it changes nothing; what it holds gives it away."""
    candles(tape, tmp_path / "c.csv")
    frame = pl.read_csv(tmp_path / "c.csv")
    noise = np.random.default_rng(1).normal(0, 0.001, len(frame))
    frame = frame.select("time", score=(pl.col("close").shift(-ahead) / pl.col("close") - 1).fill_null(0) * ahead)
    frame = frame.with_columns(time=pl.col("time") + MINUTE, score=pl.col("score") + noise)
    head = 'SCORES = pl.read_parquet(CANDLES.with_name("scores.parquet"))\nTIMES = SCORES["time"].to_list()'
    decide = "i = bisect_right(TIMES, view.now) - 1\ngood = i >= 0 and SCORES['score'][i] > 0.002"
    spec = written(tmp_path, head, decide, tape)
    frame.write_parquet(tmp_path / "scores.parquet")
    found, intents = judged(spec, tape)
    assert intents > 3
    if ahead < 0:
        assert found.clean, found.lines()
        return
    (leak,) = found.leaks
    assert (leak.column, leak.table) == ("score", "scores.parquet")
    assert leak.line == line_with(tmp_path / "mine.py", "SCORES['score'][i]")
    assert "made from what came later" in leak.why
    assert any(leak.why in line for line in found.lines())
