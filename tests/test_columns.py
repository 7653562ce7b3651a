"""Columns of a tape: the figures that a strategy reads at its wakes, sampled for people."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

import tickerml as tml
from tickerml.run import sources
from tickerml.run.research import MarketTape
from tickerml.run.sources import open_source, reopened
from tickerml.strategies.wake import Every
from tickerml.tape.errors import ConfigError, InputError
from tickerml.tape.intents import Pass
from tickerml.tape.rows import Kind

NAMES = ("microprice", "ofi", "ofi(30s)", "corr(BTC, 5s, 6)", "relative_strength(6, 5s)")


@pytest.fixture(scope="module")
def tape() -> MarketTape:
    return open_source("synthetic:calm:7", minutes=2, coins=("BTC", "TON"))


@pytest.fixture(scope="module")
def frame(tape) -> pl.DataFrame:
    return tape.columns(*NAMES, every="1s")


def test_a_row_a_second_and_instrument_with_the_names_that_were_asked_for(tape, frame):
    assert frame.columns == ["time", "symbol", *NAMES]
    assert frame.schema["time"] == pl.Datetime("ns", "UTC")
    assert frame["symbol"].unique(maintain_order=True).to_list() == ["BTC/USDT:USDT", "TON/USDT:USDT"]
    mine = frame.filter(pl.col("symbol") == "BTC/USDT:USDT")
    assert mine["time"].diff().drop_nulls().unique().to_list() == [timedelta(seconds=1)]
    assert 119 <= len(mine) <= 121
    assert mine["time"][0] == datetime(2026, 1, 4, 6, tzinfo=UTC)
    assert mine["microprice"].drop_nulls().len() > 110
    assert min(frame[name].drop_nulls().len() for name in NAMES[3:]) > 100


@dataclass(frozen=True)
class Watching:
    """Keeps what it sees, in a list of its own: only a test may."""

    wake: ClassVar[Every] = Every("1s")
    sees: ClassVar[tuple[str, ...]] = NAMES
    kept: ClassVar[list[tuple[int, str, list[float]]]] = []

    def decide(self, view: Any) -> Pass:
        self.kept.append((view.now, view.instrument.symbol, [view[name] for name in NAMES]))
        return Pass("watching")


def test_columns_hold_what_a_strategy_reads_at_the_same_moment_bit_for_bit(tape, frame, tmp_path):
    Watching.kept.clear()
    tml.backtest(Watching(), tape, run_dir=tmp_path / "run")
    assert len(Watching.kept) > 200
    seen = {(time, symbol): values for time, symbol, values in Watching.kept}
    rows = frame.with_columns(pl.col("time").cast(pl.Int64)).fill_null(float("nan")).rows()
    shared = [(seen[time, symbol], list(values)) for time, symbol, *values in rows if (time, symbol) in seen]
    assert len(shared) >= len(seen) - 2
    for read, sampled in shared:
        assert np.array(read).tobytes() == np.array(sampled).tobytes()


def test_named_pairs_are_shown_alone_and_without_a_symbol(tape):
    alone = MarketTape(tape.inner, pairs=("TON/USDT:USDT",)).columns("ofi", every="30s")
    assert alone.columns == ["time", "ofi"]
    assert len(alone) in {4, 5}


def test_what_cannot_be_sampled_is_said(tape):
    with pytest.raises(ConfigError, match='no feature is called "offi"'):
        tape.columns("offi")
    with pytest.raises(InputError, match='"soon" is no span of time'):
        tape.columns("ofi", every="soon")


def test_a_tape_draws_itself_and_says_that_it_is_made_up(tape):
    assert repr(tape) == "SYNTHETIC tape synthetic:calm:7: BTC/USDT:USDT, TON/USDT:USDT"
    assert "SYNTHETIC MARKET (calm, seed 7)" in tape._repr_html_()
    assert "<td>TON/USDT:USDT</td>" in tape._repr_html_()


CANDLES = "date,open,high,low,close,volume\n" + "".join(
    f"2024-01-01 00:{m:02d}:00+00:00,100,101,99,{100 + m % 2},5\n" for m in range(30)
)


def test_a_tape_tells_how_it_is_found_again_with_all_its_options(tmp_path, monkeypatch):
    monkeypatch.setenv("TICKERML_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "BTC_USDT-1m.csv"
    path.write_text(CANDLES)
    first = tml.read(path, timerange="20240101T0010-20240101T0020")
    again = reopened(first.found)
    assert first.found["spec"] == str(path)
    assert again.content_hash() == first.content_hash()
    assert sum(int((b.rows["kind"] == Kind.BAR).sum()) for b in again.blocks()) == 10


def test_files_are_imported_once_and_again_when_they_change(tmp_path, monkeypatch):
    monkeypatch.setenv("TICKERML_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "BTC_USDT-1m.csv"
    path.write_text(CANDLES)
    rows = sum(map(len, tml.read(path).blocks()))
    stored = sorted((tmp_path / "cache" / "sources").iterdir())
    assert sum(map(len, tml.read(path).blocks())) == rows
    assert sorted((tmp_path / "cache" / "sources").iterdir()) == stored
    monkeypatch.setattr(sources, "VERSION", -1)  # a store in another form than this program reads is left alone
    assert sum(map(len, tml.read(path).blocks())) == rows
    assert len(list((tmp_path / "cache" / "sources").iterdir())) == 2
    path.write_text(CANDLES + "2024-01-01 00:30:00+00:00,100,101,99,100,5\n")
    assert sum(map(len, tml.read(path).blocks())) == rows + 1


def test_without_a_place_for_the_cache_files_are_read_where_they_lie(tmp_path, monkeypatch):
    blocked = tmp_path / "cache"
    blocked.write_text("a file where the folder would be")
    monkeypatch.setenv("TICKERML_CACHE", str(blocked))
    path = tmp_path / "BTC_USDT-1m.csv"
    path.write_text(CANDLES)
    assert sum(map(len, tml.read(path).blocks())) >= 30
