from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tickerml.tape.block import concat
from tickerml.tape.errors import InputError
from tickerml.tape.importers import candles
from tickerml.tape.importers.frames import PIECE
from tickerml.tape.importers.options import Options
from tickerml.tape.rows import HOUR, MINUTE, SECOND, Flag, Kind

START = 1_704_067_200_000  # 2024-01-01 UTC, ms
BAR = (1.0, 3.0, 0.5, 2.0, 7.5)


def frame(bars, times=None, step=300_000) -> pl.DataFrame:
    times = [START + step * i for i in range(len(bars))] if times is None else times
    columns = dict(zip(("open", "high", "low", "close", "volume"), zip(*bars, strict=True), strict=True))
    date = pl.Series("date", times, dtype=pl.Int64).cast(pl.Datetime("ms", "UTC"))
    return pl.DataFrame({"date": date, **columns})


def parquet(folder: Path, bars, name="BTCUSDT.parquet", **how) -> Path:
    path = folder / name
    frame(bars, **how).write_parquet(path)
    return path


def rows_of(path: Path, options=None):
    tape = candles.read(path, options or Options())
    block = concat(list(tape.blocks()))
    return tape, block, block.rows[block.rows["kind"] == Kind.BAR]


def test_bars_are_known_after_their_close(tmp_path):
    path = parquet(tmp_path, [(100.5, 101.25, 99.0, 100.75, 12.345), (100.75, 100.75, 100.0, 100.0, 0.0)])
    tape, block, rows = rows_of(path, Options(delay=2 * SECOND))
    instrument = tape.header.instruments[0]
    assert (instrument.symbol, instrument.tick, instrument.lot) == ("BTC/USDT", Decimal("0.01"), Decimal("0.001"))
    close = START * 1_000_000 + 5 * MINUTE
    assert rows["exch"].tolist() == [close, close + 5 * MINUTE]
    assert (rows["recv"] - rows["exch"] == 2 * SECOND).all()
    assert (rows["flags"] == Flag.END | Flag.ASSUMED).all()
    first = block.bars[rows["ref"][0]]
    assert [int(first[k]) for k in ("open", "high", "low", "close", "volume")] == [10050, 10125, 9900, 10075, 12345]
    assert int(first["open_time"]) + int(first["duration"]) == close
    assert tape.header.bar_only
    assert tape.header.assumed_clock
    assert block.rows["kind"][0] == Kind.INSTRUMENT


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "date,open,high,low,close,volume\n2024-01-01 00:00:00,1,3,0.5,2,7.5\n2024-01-01 00:05:00,1,3,0.5,2,7.5\n",
            "names",
        ),
        ("Timestamp,Open,High,Low,Close,Volume\n1704067200,1,3,0.5,2,7.5\n1704067500,1,3,0.5,2,7.5\n", "seconds"),
        ("time,o,h,l,c,v\n1704067200000,1,3,0.5,2,7.5\n1704067500000,1,3,0.5,2,7.5\n", "letters"),
        (
            "Open time,Open,High,Low,Close,Volume\n1704067200000000,1,3,0.5,2,7.5\n1704067500000000,1,3,0.5,2,7.5\n",
            "us",
        ),
        ("1704067200000,1,3,0.5,2,7.5\n1704067500000,1,3,0.5,2,7.5\n", "six columns, no header"),
        (
            "1704067200000,1,3,0.5,2,7.5,1704067499999,15,42,5.5,11,0\n"
            "1704067500000,1,3,0.5,2,7.5,1704067799999,15,42,5.5,11,0\n",
            "Binance klines, no header",
        ),
    ],
)
def test_header_variants(tmp_path, text, why):
    path = tmp_path / "ETHUSDT-5m-2024-01.csv"
    path.write_text(text)
    tape, block, rows = rows_of(path)
    assert rows["exch"].tolist() == [START * 1_000_000 + 5 * MINUTE, START * 1_000_000 + 10 * MINUTE], why
    assert block.bars["close"].tolist() == [20, 20]
    assert tape.header.problems == ()
    if "klines" in why:
        assert block.bars["buy_volume"].tolist() == [55, 55]
        assert block.bars["trades"].tolist() == [42, 42]


def test_freqtrade_feather(tmp_path):
    path = tmp_path / "BTC_USDT_USDT-1h-futures.feather"
    frame([BAR, BAR], step=3_600_000).write_ipc(path)
    tape, block, _ = rows_of(path)
    instrument = tape.header.instruments[0]
    assert (instrument.symbol, instrument.settle) == ("BTC/USDT:USDT", "USDT")
    assert block.bars["duration"].tolist() == [HOUR, HOUR]


@pytest.mark.parametrize(
    ("bar", "reason"),
    [
        ((float("nan"), 3.0, 0.5, 2.0, 1.0), "not-a-number"),
        ((1.0, float("inf"), 0.5, 2.0, 1.0), "not-a-number"),
        ((-1.0, 3.0, -2.0, 2.0, 1.0), "price-not-positive"),
        ((1.0, 3.0, 0.0, 2.0, 1.0), "price-not-positive"),
        ((1.0, 3.0, 0.5, 2.0, -1.0), "negative-quantity"),
        ((1.0, 1e300, 0.5, 2.0, 1.0), "price-implausible"),
        ((1.0, 3.0, 0.5, 2.0, 1e300), "quantity-implausible"),
        ((1.0, 0.5, 3.0, 2.0, 1.0), "high-below-low"),
        ((1.0, 1.5, 0.5, 2.0, 1.0), "price-outside-bar"),
    ],
)
def test_bars_that_cannot_be_true_are_refused_and_counted(tmp_path, bar, reason):
    path = parquet(tmp_path, [BAR, BAR, bar, BAR])
    tape, _, rows = rows_of(path)
    assert len(rows) == 3
    assert dict(tape.header.problems) == {reason: 1, "missing-bar": 1}
    place = tape.problems.places(reason)[0]
    assert (place.file, place.line) == (str(path), 3)


def test_time_backwards_duplicates_and_holes(tmp_path):
    at = [START + 300_000 * i for i in (0, 1, 1, 2, 0, 6, 7)]
    tape, block, rows = rows_of(parquet(tmp_path, [BAR] * 7, times=at))
    assert dict(tape.header.problems) == {"duplicate-bar": 1, "time-backwards": 1, "missing-bar": 3}
    assert ((block.bars["open_time"] // 1_000_000 - START) // 300_000).tolist() == [0, 1, 2, 6, 7]
    assert len(rows) == 5


def test_csv_problems_name_the_line_of_the_file(tmp_path):
    path = tmp_path / "BTCUSDT.csv"
    path.write_text(
        "date,open,high,low,close,volume\n"
        + "".join(f"{START + i * 60_000},1,2,1,{c},1\n" for i, c in enumerate("112x1"))
    )
    tape, _, _ = rows_of(path)
    assert tape.problems.places("not-a-number")[0].line == 5


def test_problems_do_not_add_up_over_passes(tmp_path):
    tape, _, _ = rows_of(parquet(tmp_path, [BAR, BAR, (1.0, 0.5, 3.0, 2.0, 1.0)]))
    before = tape.header.problems
    list(tape.blocks())
    assert tape.header.problems == before == (("high-below-low", 1),)


def test_pieces_do_not_change_the_tape(tmp_path, monkeypatch):
    rng = np.random.default_rng(5)
    close = np.round(100 + rng.normal(size=100).cumsum(), 2)
    path = parquet(
        tmp_path,
        [(c, c + 1, c - 1, c, 1.5) for c in close.tolist()],
        times=[START + 60_000 * (i + i // 40) for i in range(100)],
    )
    whole = candles.read(path)
    digest = whole.content_hash()
    assert whole.header.problems == (("missing-bar", 2),)
    for size in (1, 7):
        monkeypatch.setattr("tickerml.tape.importers.frames.PIECE", size)
        monkeypatch.setattr("tickerml.tape.importers.frames.pieces.__defaults__", (size, 1))
        again = candles.read(path)
        assert again.content_hash() == digest
        assert again.header.problems == whole.header.problems


def test_coarsest_exact_tick_and_multiplier(tmp_path):
    path = parquet(tmp_path, [(0.0000123, 0.0000125, 0.0000121, 0.0000124, 1e9)] * 2, name="1000PEPEUSDT.parquet")
    instrument = candles.read(path).header.instruments[0]
    assert instrument.tick == Decimal("1e-7")
    assert instrument.multiplier == 1000
    assert candles.read(parquet(tmp_path, [BAR] * 2, name="1INCHUSDT.parquet")).header.instruments[0].multiplier == 1


def test_volume_noise_is_rounded_and_counted(tmp_path):
    bars = [(1.0, 2.0, 1.0, 2.0, v) for v in (0.1 + 0.2, 0.25, 0.5)]
    tape, block, _ = rows_of(parquet(tmp_path, bars))
    assert tape.header.instruments[0].lot == Decimal("0.01")
    assert block.bars["volume"].tolist() == [30, 25, 50]
    assert dict(tape.header.problems) == {"volume-rounded": 1}


def code_of(path: Path, options=None) -> InputError:
    with pytest.raises(InputError) as error:
        rows_of(path, options)
    assert error.value.means
    assert error.value.try_
    return error.value


def test_prices_without_a_step_name_the_option(tmp_path):
    path = parquet(tmp_path, [(1 / 3, 1.0, 0.1, 0.5, 1.0)] * 2)
    error = code_of(path)
    assert (error.code, error.key) == ("tick-unknown", "--tick")
    tape, block, _ = rows_of(path, Options(tick=Decimal("0.001")))
    assert block.bars["open"].tolist() == [333, 333]
    assert dict(tape.header.problems) == {"price-rounded": 2}


def test_too_many_ticks_name_the_option(tmp_path):
    path = parquet(tmp_path, [(100_000.12345678, 110_000.0, 90_000.0, 100_000.0, 1.0)] * 2)
    error = code_of(path)
    assert (error.code, error.key) == ("price-too-fine", "--tick")
    assert "--tick 0.0001" in error.try_


def test_sizes_that_do_not_fit_name_the_option(tmp_path):
    path = parquet(tmp_path, [BAR, (*BAR[:4], 1e30)])
    error = code_of(path)
    assert (error.code, error.key) == ("lot-too-fine", "--lot")
    assert "--lot 1000000000000" in error.try_
    _, block, _ = rows_of(path, Options(lot=Decimal(10) ** 12))
    assert block.bars["volume"].tolist() == [0, 10**18]


def test_what_a_bar_cannot_have_bought_is_not_told(tmp_path):
    path = tmp_path / "BTCUSDT-5m.csv"
    bought, trades = [0.25, float("nan"), 1e30, -1.0], [3.0, 1e30, float("nan"), -7.0]
    more = frame([(*BAR[:4], 1.0)] * 4).with_columns(taker_buy_volume=pl.Series(bought), count=pl.Series(trades))
    more.write_csv(path)
    _, block, _ = rows_of(path, Options(lot=Decimal("0.01")))
    assert block.bars["buy_volume"].tolist() == [25, -1, -1, -1]
    assert block.bars["trades"].tolist() == [3, -1, -1, -1]


def test_files_that_cannot_be_read(tmp_path):
    empty = tmp_path / "BTCUSDT.parquet"
    empty.write_bytes(b"")
    assert code_of(empty).code == "file-empty"
    whole = parquet(tmp_path, [BAR] * 50, name="ETHUSDT.parquet").read_bytes()
    for n in (5, len(whole) // 2, len(whole) - 1):
        empty.write_bytes(whole[:n])
        assert code_of(empty).code == "file-truncated"
    assert code_of(tmp_path / "none.parquet").code == "file-missing"
    assert code_of(parquet(tmp_path, [BAR] * 3, name="notes-5m.parquet")).code == "unknown-instrument"
    pl.DataFrame({"a": [1], "b": [2]}).write_csv(tmp_path / "BTCUSDT.csv")
    assert code_of(tmp_path / "BTCUSDT.csv").code == "unknown-columns"
    assert code_of(parquet(tmp_path, [(1.0, 0.5, 3.0, 2.0, 1.0)] * 3, name="XRPUSDT.parquet")).code == "nothing-valid"
    assert code_of(parquet(tmp_path, [BAR], name="XRPUSDT.parquet")).code == "timeframe-unknown"


def test_one_bar_with_a_name_that_says_its_length(tmp_path):
    _, block, _ = rows_of(parquet(tmp_path, [BAR], name="BTC_USDT-15m.parquet"))
    assert block.bars["duration"].tolist() == [15 * MINUTE]


@pytest.mark.real
@pytest.mark.parametrize(
    "name", ["binance_perp_1m_202601/1000PEPEUSDT", "binance_spot_5m_2024/TONUSDT", "binance_perp_1h/BTCUSDT"]
)
def test_real_files_say_the_same_prices(real_data, name):
    path = real_data / "candles" / f"{name}.parquet"
    source = pl.read_parquet(path)
    tape, block, rows = rows_of(path)
    instrument = tape.header.instruments[0]
    assert tape.header.problems == ()
    assert len(rows) == len(source)
    for column in ("open", "high", "low", "close"):
        exact = block.bars[column].astype(float) * float(instrument.tick)
        assert np.allclose(exact, source[column].to_numpy(), rtol=1e-12)
    assert np.array_equal(block.bars["open_time"] // 1_000_000, source["date"].dt.epoch("ms").to_numpy())
    assert np.allclose(block.bars["volume"].astype(float) * float(instrument.lot), source["volume"].to_numpy())


@pytest.mark.parametrize("name", ["BTCUSDT.csv", "BTCUSDT.parquet"])
def test_a_file_with_its_newest_row_first_is_read_from_its_end(tmp_path, name):
    start, n = 1_704_067_200, 2 * PIECE + 5
    closes = [10 + i % 7 for i in range(n)]
    closes[1] = -1  # in the file, oldest last, it is the last row but one
    frame = pl.DataFrame({"date": [start + 60 * i for i in range(n)]} | dict.fromkeys(("open", "high", "low"), closes))
    frame = frame.with_columns(pl.Series("close", closes), volume=1.0)
    straight, turned = tmp_path / "a" / name, tmp_path / "b" / name
    for path, table in ((straight, frame), (turned, frame.reverse())):
        path.parent.mkdir()
        table.write_csv(path) if name.endswith("csv") else table.write_parquet(path)
    wanted, tape = candles.read(straight), candles.read(turned)
    assert tape.content_hash() == wanted.content_hash()
    assert tape.problems.counts == wanted.problems.counts | {"reversed-file": 1}
    assert tape.problems.places("price-not-positive")[0].line == (n if name.endswith("csv") else n - 1)
    assert str(tape.problems.places("reversed-file")[0]).startswith(str(turned))


def test_a_file_that_does_not_run_backwards_to_its_end_is_no_reversed_file(tmp_path):
    path = tmp_path / "BTCUSDT-1m.csv"
    times = [*range(1_704_090_000, 1_704_080_000, -60), 1_704_090_060]
    path.write_text("date,open,high,low,close,volume\n" + "".join(f"{t},1,1,1,1,1\n" for t in times))
    tape = candles.read(path)
    assert len(concat(list(tape.blocks()))) == 3  # the instrument, and the bars that run forwards
    assert tape.problems.counts == {"time-backwards": len(times) - 2}
