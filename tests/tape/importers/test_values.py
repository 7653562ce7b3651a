from __future__ import annotations

import polars as pl
import pytest

from tickerml.tape.block import concat
from tickerml.tape.errors import InputError
from tickerml.tape.importers import values
from tickerml.tape.importers.frames import PIECE
from tickerml.tape.importers.options import Options
from tickerml.tape.rows import HOUR, SECOND, Flag, Kind

START = 1_704_067_200_000


def write(path, **columns):
    n = len(next(iter(columns.values())))
    date = pl.Series([START + 3_600_000 * i for i in range(n)], dtype=pl.Int64).cast(pl.Datetime("ms", "UTC"))
    pl.DataFrame({"date": date, **columns}).write_parquet(path)
    return path


def told(tape):
    names = tape.header.names
    out = []
    for block in tape.blocks():
        for row in block.rows:
            value = block.values[row["ref"]]
            assert row["kind"] == Kind.VALUE
            out.append((names[value["name"]], float(value["value"]), int(row["exch"]), int(row["recv"] - row["exch"])))
    return out


def test_funding_is_known_after_settlement(tmp_path):
    tape = values.funding(write(tmp_path / "BTCUSDT.parquet", funding_rate=[0.0001, -0.015]))
    at = START * 1_000_000
    assert told(tape) == [("funding", 0.0001, at, SECOND), ("funding", -0.015, at + HOUR, SECOND)]
    instrument = tape.header.instruments[0]
    assert (instrument.symbol, instrument.values_only) == ("BTC/USDT:USDT", True)


def test_freqtrade_keeps_funding_in_open(tmp_path):
    path = tmp_path / "ETH_USDT_USDT-1h-funding_rate.feather"
    pl.read_parquet(write(tmp_path / "x.parquet", open=[0.5], high=[0.0])).write_ipc(path)
    assert told(values.funding(path))[0][:2] == ("funding", 0.5)


def test_mark_is_the_close_once_the_bar_has_closed(tmp_path):
    path = write(tmp_path / "SOLUSDT.parquet", open=[1.0, 2.0], high=[9.0, 9.0], low=[1.0, 1.0], close=[2.0, 3.5])
    at = START * 1_000_000
    assert told(values.mark(path, Options(delay=0))) == [("mark", 2.0, at + HOUR, 0), ("mark", 3.5, at + 2 * HOUR, 0)]


def test_every_number_of_a_dated_table(tmp_path):
    path = write(tmp_path / "sentiment.parquet", a=[1.0, None, 3.0], b=[4, 5, 6], text=["x", "y", "z"])
    tape = values.values(path)
    assert [(n, v) for n, v, _, _ in told(tape)] == [("a", 1.0), ("b", 4.0), ("b", 5.0), ("a", 3.0), ("b", 6.0)]
    assert tape.header.instruments[0].symbol == "sentiment"
    assert tape.header.instruments[0].values_only


def test_series_of_several_venues_stay_apart(tmp_path):
    path = write(tmp_path / "oi.parquet", exchange=["okx", "gate", "okx"], oi=[1.0, 2.0, 3.0])
    assert [(n, v) for n, v, _, _ in told(values.values(path))] == [("okx.oi", 1.0), ("gate.oi", 2.0), ("okx.oi", 3.0)]


def test_times_without_zone_are_noted(tmp_path):
    path = tmp_path / "x.parquet"
    pl.DataFrame({"date": pl.Series([START], dtype=pl.Int64).cast(pl.Datetime("ms")), "v": [1.0]}).write_parquet(path)
    assert any("no time zone" in note for note in values.values(path).header.notes)


def test_what_cannot_be_true_is_counted(tmp_path):
    tape = values.mark(write(tmp_path / "BTCUSDT.parquet", close=[1.0, -1.0, float("nan"), 2.0]))
    assert len(told(tape)) == 2
    assert dict(tape.header.problems) == {"price-not-positive": 1, "not-a-number": 1}


def test_wrong_tables_are_named(tmp_path):
    path = write(tmp_path / "BTCUSDT.parquet", x=["a"])
    for reader in (values.funding, values.mark, values.values):
        with pytest.raises(InputError) as error:
            reader(path)
        assert error.value.code == "unknown-columns"


@pytest.mark.real
def test_real_funding(real_data):
    path = real_data / "derivs" / "binance_funding" / "BTCUSDT.parquet"
    tape = values.funding(path)
    source = pl.read_parquet(path)
    block = concat(list(tape.blocks()))
    assert block.values["value"].tolist() == source["funding_rate"].to_list()
    assert (block.rows["flags"] == Flag.END | Flag.ASSUMED).all()
    assert tape.header.problems == ()


@pytest.mark.parametrize("name", ["BTCUSDT.csv", "BTCUSDT.parquet"])
@pytest.mark.parametrize("form", ["funding", "mark", "values"])
def test_newest_first_is_read_from_its_end(tmp_path, form, name):
    n = 3 * PIECE + 5
    times = [START // 1000 + 3600 * i for i in range(n)]
    prices = [float(i % 50 + 1) for i in range(n)]
    prices[0], times[7] = float("nan"), None  # refused: the rows at the end of the file when it is turned
    columns = {
        "funding": {"funding_rate": prices},
        "mark": {"open": prices, "high": prices, "low": prices, "close": prices},
        "values": {"a": prices, "b": [None, *range(1, n)]},
    }[form]
    table = pl.DataFrame({"date": times, **columns}, strict=False)
    for folder, made in (("straight", table), ("turned", table.reverse())):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / name
        made.write_csv(path) if name.endswith("csv") else made.write_parquet(path)
    read = getattr(values, form)
    wanted, tape = read(tmp_path / "straight" / name), read(tmp_path / "turned" / name)
    assert tape.content_hash() == wanted.content_hash()
    assert wanted.problems.counts == {"not-a-number": 1, "time-missing": 1}
    assert tape.problems.counts == wanted.problems.counts | {"reversed-file": 1}
    assert tape.problems.places("not-a-number")[0].line == n + name.endswith("csv")
