from __future__ import annotations

import gzip
from decimal import Decimal

import numpy as np
import polars as pl
import pytest

from tickerml.tape.block import concat
from tickerml.tape.build import Builder
from tickerml.tape.errors import InputError
from tickerml.tape.importers.detect import FORMATS, detect
from tickerml.tape.importers.options import Options
from tickerml.tape.importers.sources import files_of, import_paths, open_paths
from tickerml.tape.instruments import Instrument
from tickerml.tape.merge import merge
from tickerml.tape.rows import Kind
from tickerml.tape.store import StoredTape, write_store
from tickerml.tape.tape import Header, MemoryTape

START = 1_704_067_200_000


def candles(path, price=1.0, volume=1.0, n=3, step=300_000, **extra):
    path.parent.mkdir(exist_ok=True, parents=True)
    date = pl.Series([START + step * i for i in range(n)], dtype=pl.Int64).cast(pl.Datetime("ms", "UTC"))
    pl.DataFrame(
        {"date": date, "open": [price] * n, "high": [price] * n, "low": [price] * n, "close": [price] * n} | extra
    ).with_columns(*([] if volume is None else [pl.lit(volume).alias("volume")])).write_parquet(path)
    return path


def funding(path, n=3):
    path.parent.mkdir(exist_ok=True, parents=True)
    date = pl.Series([START + 300_000 * i for i in range(n)], dtype=pl.Int64).cast(pl.Datetime("ms", "UTC"))
    pl.DataFrame({"date": date, "funding_rate": [0.001] * n}).write_parquet(path)
    return path


@pytest.mark.parametrize(
    ("name", "content", "format_"),
    [
        ("a.gz", gzip.compress(b'1723161255030314667 {"stream":"x"}\n', mtime=0), "binance-raw"),
        ("a.dat", b'1721749182850494 {"lastUpdateId": 1}\n', "binance-raw"),
        ("BTCUSDT.csv", b"date,open,high,low,close,volume\n1704067200,1,1,1,1,1\n", "candles"),
        ("BTCUSDT-mark.csv", b"date,open,high,low,close\n1704067200,1,1,1,1\n", "mark"),
        ("BTCUSDT.csv", b"timestamp,price,amount,side\n1704067200,1,1,buy\n", "trades"),
        ("BTCUSDT.csv", b"date,funding_rate\n1704067200,0.001\n", "funding"),
        ("oi.csv", b"date,open_interest\n1704067200,5\n", "values"),
        ("x.npz", b"PK\x03\x04", "hftbacktest-npz"),
    ],
)
def test_formats_are_found_out(tmp_path, name, content, format_):
    path = tmp_path / name
    path.write_bytes(content)
    assert detect(path) == format_


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.bin", b"\x00\x01\x02"),
        ("a.txt", b"hello world\n"),
        ("l3.csv", b"id,timestamp,price,volume,action\n1,1704067200,1,2,created\n"),
        ("a.gz", gzip.compress(b"hello", mtime=0)),
    ],
)
def test_an_unknown_file_is_told_all_formats(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        detect(path)
    assert error.value.code == "unknown-format"
    assert all(f in error.value.means for f in FORMATS)


def test_a_folder_is_all_its_files_merged(tmp_path):
    candles(tmp_path / "binance_perp_5m" / "BTCUSDT.parquet")
    candles(tmp_path / "binance_perp_5m" / "ETHUSDT.parquet")
    funding(tmp_path / "binance_funding" / "BTCUSDT.parquet")
    (tmp_path / "README.md").write_text("about")
    tape = open_paths([tmp_path])
    rows = concat(list(tape.blocks())).rows
    assert [i.symbol for i in tape.header.instruments] == ["BTC/USDT:USDT", "ETH/USDT:USDT"]
    assert sorted(rows["recv"].tolist()) == rows["recv"].tolist()
    values = rows[rows["kind"] == Kind.VALUE]
    assert values["inst"].tolist() == [0, 0, 0]  # funding is of the instrument that the candles define
    assert (rows["kind"] == Kind.BAR).sum() == 6
    assert tape.header.bar_only


def test_files_of_one_symbol_agree_on_its_steps(tmp_path):
    a = candles(tmp_path / "binance_5m" / "BTCUSDT.parquet", price=1.5, volume=0.25)
    b = candles(tmp_path / "binance_1h" / "BTCUSDT.parquet", price=1.125, volume=1.0, step=3_600_000)
    tape = open_paths([a, b])
    assert [(i.tick, i.lot) for i in tape.header.instruments] == [(Decimal("0.001"), Decimal("0.01"))]
    assert set(concat(list(tape.blocks())).bars["close"].tolist()) == {1500, 1125}


def test_unknown_files_in_a_folder_are_named(tmp_path):
    candles(tmp_path / "binance_5m" / "BTCUSDT.parquet")
    (tmp_path / "x.bin").write_bytes(b"\0\1\2")
    assert open_paths([tmp_path]).header.problems == (("unknown-format", 1),)
    report = import_paths([tmp_path], tmp_path / "store")
    assert report.rows == 4
    assert report.places["unknown-format"][0].startswith(f"{tmp_path / 'x.bin'} x.bin is of no format that can be read")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "x.bin", tmp_path / "empty"):
        with pytest.raises(InputError) as error:
            open_paths([path])
        assert error.value.code == "unknown-format"
    with pytest.raises(InputError) as error:
        files_of(tmp_path / "nowhere")
    assert error.value.code == "file-missing"


@pytest.mark.parametrize("name", ["ETHUSDT.parquet", "ETHUSDT.npz", "ETHUSDT.gz"])
@pytest.mark.parametrize("named", ["", "candles"])
def test_a_file_that_cannot_be_opened_is_a_problem_of_its_folder(tmp_path, name, named):
    """A link that leads nowhere was left out without a word."""
    good = candles(tmp_path / "d" / "BTCUSDT.parquet")
    (tmp_path / "d" / name).symlink_to("nope")
    assert files_of(tmp_path / "d") == [good, tmp_path / "d" / name]
    tape = open_paths([tmp_path / "d"], format=named)
    assert tape.header.problems == (("file-unreadable", 1),)
    report = import_paths([tmp_path / "d"], tmp_path / "store", format=named)
    assert (report.rows, report.problems) == (4, {"file-unreadable": 1})
    assert report.places["file-unreadable"] == (
        f"{tmp_path / 'd' / name} {name} is a link to nope, which is not there",
    )
    good.unlink()
    with pytest.raises(InputError, match="is a link to nope") as error:
        open_paths([tmp_path / "d"], format=named)
    assert error.value.code == "file-unreadable"


OPEN = "date,open,high,low,close,volume\n"
OF_NO_USE = {
    "unknown-instrument": ("rows.csv", OPEN + "1704067200,1,1,1,1,1\n1704067500,1,1,1,1,1\n"),
    "unknown-columns": ("l3.npz", b""),
    "tick-unknown": ("ETHUSDT.csv", OPEN + "".join(f"{1704067200 + n},1,{1e-13 + 1},1,1,1\n" for n in range(3))),
    "price-too-fine": ("SOLUSDT.csv", OPEN + "1704067200,1,90000000,0.0001,1,1\n1704067500,1,1,1,1,1\n"),
    "lot-too-fine": ("TONUSDT.csv", OPEN + "1704067200,1,1,1,1,1e20\n1704067500,1,1,1,1,1e-8\n"),
    "timeframe-unknown": ("XRPUSDT.csv", OPEN + "1704067200,1,1,1,1,1\n"),
    "unknown-format": ("ADAUSDT.bin", b"\0\1\2"),
    "file-truncated": ("DOTUSDT.parquet", b"PAR1abcdefgh"),
}


def of_no_use(folder, code):
    """A file in `folder` which is refused with `code`."""
    folder.mkdir(parents=True, exist_ok=True)
    name, content = OF_NO_USE[code]
    path = folder / name
    if code == "unknown-columns":
        np.savez(path, data=np.zeros(3, [("x", "f8")]))
    elif isinstance(content, str):
        path.write_text(content)
    else:
        path.write_bytes(content)
    return path


@pytest.mark.parametrize("code", list(OF_NO_USE))
def test_each_kind_of_file_of_no_use_is_counted_and_named(tmp_path, code):
    folder = tmp_path / "d"
    bad = of_no_use(folder / "binance", code)
    for use in (lambda p: open_paths(p).header, lambda p: import_paths(p, tmp_path / "store")):
        with pytest.raises(InputError) as error:
            use([folder])  # nothing else is in it
        assert error.value.code == code
    assert not (tmp_path / "store").exists()
    good = candles(folder / "binance_5m" / "BTCUSDT.parquet")
    assert open_paths([folder]).header.problems == ((code, 1),)
    assert open_paths([folder]).content_hash() == open_paths([good]).content_hash()
    report = import_paths([folder], tmp_path / "store")
    assert (report.rows, report.problems) == (4, {code: 1})
    assert report.places[code][0].startswith(str(bad))
    assert len(report.places[code][0]) > len(str(bad)) + 20  # and says why
    for _ in range(2):  # it is never taken for stored: it is told each time, and what it needs may be named
        again = import_paths([folder], tmp_path / "store")
        assert (again.rows, again.skipped, again.problems) == (0, True, {code: 1})
    with pytest.raises(InputError) as error:
        import_paths([bad], tmp_path / "store")
    assert error.value.code == code


def test_what_was_missing_can_be_said_later(tmp_path):
    folder = tmp_path / "d"
    candles(folder / "binance_5m" / "BTCUSDT.parquet")
    bad = of_no_use(folder, "unknown-instrument")
    assert import_paths([folder], tmp_path / "store").rows == 4
    report = import_paths([bad], tmp_path / "store", options=Options(symbol="ETH/USDT"))
    assert (report.rows, report.instruments, report.problems) == (3, ("ETH/USDT",), {})


def test_a_symbol_that_cannot_be_read_is_no_fault_of_the_files(tmp_path):
    candles(tmp_path / "d" / "BTCUSDT.parquet")
    with pytest.raises(InputError, match="X is not a symbol") as error:
        import_paths([tmp_path / "d"], tmp_path / "store", options=Options(symbol="X"))
    assert error.value.key == "--symbol"


def test_a_file_that_the_steps_of_another_do_not_fit(tmp_path):
    candles(tmp_path / "d" / "1h" / "BTCUSDT.parquet", price=1e-9)
    dear = candles(tmp_path / "d" / "5m" / "BTCUSDT.parquet", price=60_000.0)
    report = import_paths([tmp_path / "d"], tmp_path / "store")
    assert (report.rows, report.problems) == (4, {"price-too-fine": 1})
    assert report.places["price-too-fine"][0].startswith(str(dear))


def test_a_file_of_no_use_in_a_folder_does_not_stop_the_others(tmp_path):
    good = candles(tmp_path / "binance_5m" / "BTCUSDT.parquet")
    header = "date,open,high,low,close,volume\n"
    bad = tmp_path / "binance_5m" / "ETHUSDT.csv"
    bad.write_text(header + "1704067200,1,1,1,-1,1\n")
    empty = tmp_path / "binance_5m" / "SOLUSDT.csv"
    empty.write_text("")
    rates = tmp_path / "binance_5m" / "TONUSDT-funding.csv"
    rates.write_text("date,funding_rate\n1704067200,x\n1704067201,nan\n")
    counts = {"file-empty": 1, "nothing-valid": 2}
    tape = open_paths([good.parent])
    assert dict(tape.header.problems) == counts
    assert tape.content_hash() == open_paths([good]).content_hash()
    report = import_paths([good.parent], tmp_path / "store")
    assert (report.rows, report.instruments, report.problems) == (4, ("BTC/USDT",), counts)
    assert report.places["file-empty"] == (f"{empty} SOLUSDT.csv is empty",)
    assert report.places["nothing-valid"][0].startswith(f"{bad} no row of ETHUSDT.csv can be used")
    again = import_paths([good.parent], tmp_path / "store")
    assert (again.rows, again.skipped, again.problems) == (0, True, counts)
    assert dict(StoredTape(tmp_path / "store").header.problems) == counts


def test_a_file_of_no_use_is_an_error_where_it_was_named_or_nothing_is_left(tmp_path):
    good = candles(tmp_path / "binance_5m" / "BTCUSDT.parquet")
    bad = tmp_path / "bad" / "ETHUSDT.csv"
    bad.parent.mkdir()
    bad.write_text("date,open,high,low,close,volume\n1704067200,1,1,1,-1,1\n")
    empty = tmp_path / "bad" / "SOLUSDT.csv"
    empty.write_text("")
    for paths, code in [
        ([good.parent, bad], "nothing-valid"),
        ([good.parent, empty], "file-empty"),
        ([bad.parent, good, empty], "file-empty"),
        ([bad.parent], "file-empty"),
    ]:
        for use in (open_paths, lambda p: import_paths(p, tmp_path / "store")):
            with pytest.raises(InputError) as error:
                use(paths)
            assert error.value.code == code
    assert not (tmp_path / "store" / "tickerml-store.json").exists()


def test_recorder_files_of_no_use_do_not_stop_the_candles_beside_them(tmp_path):
    def refused(paths, options):
        raise InputError("no-market-data", "no line names an instrument")

    good = candles(tmp_path / "d" / "BTCUSDT.parquet")
    lines = tmp_path / "d" / "a.dat"
    lines.write_text('1723161255030314667 {"a":1}\n')
    raw = {"binance-raw": refused}
    assert import_paths([good.parent], tmp_path / "store", raw=raw).problems == {"no-market-data": 1}
    with pytest.raises(InputError):
        import_paths([good.parent, lines], tmp_path / "other", raw=raw)


def test_a_named_format_and_option_count(tmp_path):
    path = candles(tmp_path / "prices.parquet")
    with pytest.raises(InputError) as error:
        open_paths([path])
    assert error.value.code == "unknown-instrument"
    tape = open_paths([path], format="mark", options=Options(symbol="ETH/USDT:USDT"))
    assert tape.header.names == ("mark",)
    with pytest.raises(InputError) as error:
        open_paths([path], format="candle")
    assert error.value.code == "unknown-format"


def test_a_store_is_a_source_too(tmp_path):
    one = open_paths([candles(tmp_path / "binance_5m" / "BTCUSDT.parquet")])
    write_store(one, tmp_path / "store")
    assert open_paths([tmp_path / "store"]).content_hash() == one.content_hash()


def test_an_import_is_resumed_and_extended(tmp_path):
    a = candles(tmp_path / "binance_5m" / "BTCUSDT.parquet")
    b = candles(tmp_path / "binance_5m" / "ETHUSDT.parquet")
    store = tmp_path / "store"
    first = import_paths([a], store)
    assert (first.rows, first.instruments, first.skipped) == (4, ("BTC/USDT",), False)
    again = import_paths([a], store)
    assert (again.rows, again.skipped) == (0, True)
    import_paths([a.parent], store)
    assert StoredTape(store).content_hash() == open_paths([a, b]).content_hash()
    candles(b, n=5)
    import_paths([a.parent], store)
    c = candles(tmp_path / "binance_5m" / "SOLUSDT.parquet")
    assert import_paths([b, c], store).rows == 4
    assert StoredTape(store).content_hash() == merge([open_paths([a, b]), open_paths([c])]).content_hash()


def raw_reader(paths, options):
    """Stands for a venue's reader of recorder lines: one trade a line, all files one after the other."""
    coin = Instrument(0, "binance", "BTC/USDT", "BTCUSDT", Decimal(1), Decimal(1), "BTC", "USDT", "USDT")
    b = Builder()
    for path in paths:
        for line in path.read_bytes().splitlines():
            b.row(int(line.split()[0]), 0, 0, Kind.TRADE, side=1, price=1, qty=1)
    return MemoryTape(Header("raw", (coin,)), (b.take(),))


def test_recorder_files_are_read_together_and_grow(tmp_path):
    raw = {"binance-raw": raw_reader}
    one, two = tmp_path / "r" / "1.dat", tmp_path / "r" / "2.dat"
    one.parent.mkdir()
    one.write_text('1723161255030314667 {"a":1}\n')
    two.write_text('1723161255030314668 {"a":1}\n')
    store = tmp_path / "store"
    assert import_paths([one.parent], store, raw=raw).rows == 2
    two.write_text(two.read_text() + '1723161255030314669 {"a":1}\n')
    with pytest.raises(InputError) as error:
        import_paths([two], store, raw=raw)
    assert error.value.code == "store-overlap"
    import_paths([one.parent], store, raw=raw)
    assert concat(list(StoredTape(store).blocks())).rows["recv"].tolist() == [1723161255030314667 + i for i in range(3)]


def test_without_a_reader_recorder_files_are_refused(tmp_path):
    path = tmp_path / "a.dat"
    path.write_text('1723161255030314667 {"a":1}\n')
    with pytest.raises(InputError) as error:
        open_paths([path])
    assert error.value.code == "unknown-format"
