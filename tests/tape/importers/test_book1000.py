from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tickerml.tape.block import concat
from tickerml.tape.errors import InputError
from tickerml.tape.importers import book1000
from tickerml.tape.importers.book1000 import level_changes
from tickerml.tape.rows import Flag, Kind

START = 1_771_214_400_000
NAME = "lobdeep_btc_fut_x.parquet"


def write(path: Path, books, reconnect=None, times=None) -> Path:
    """Books as [(bids, asks)], each side [(price, size)], 100 ms apart."""
    n = len(books)
    columns = {"ts_ms": times or [START + 100 * i for i in range(n)]}
    columns["exch_ts_ms"] = [t - 20 for t in columns["ts_ms"]]
    columns |= {"venue": ["Binance"] * n, "market_type": ["fut"] * n, "symbol": ["BTCUSDT"] * n}
    columns["seq"] = [1000 + 10 * i for i in range(n)]
    for side, name in ((0, "bids"), (1, "asks")):
        columns[f"{name}_px"] = [[float(p) for p, _ in b[side]] for b in books]
        columns[f"{name}_qty"] = [[float(q) for _, q in b[side]] for b in books]
    columns["reconnect_flag"] = reconnect or [0] * n
    pl.DataFrame(columns).write_parquet(path)
    return path


def read(path: Path):
    tape = book1000.read(path)
    return tape, concat(list(tape.blocks()))


def levels(rows):
    return [(int(r["side"]), int(r["price"]), int(r["qty"])) for r in rows if r["kind"] == Kind.DEPTH]


ONE = ([(10.0, 1.0), (9.5, 2.0)], [(10.5, 3.0), (11.0, 4.0)])
TWO = ([(10.0, 1.5), (9.0, 5.0)], [(10.5, 3.0), (12.0, 1.0)])


def test_a_snapshot_then_changes(tmp_path):
    tape, block = read(write(tmp_path / NAME, [ONE, TWO, TWO]))
    instrument = tape.header.instruments[0]
    assert (instrument.symbol, instrument.tick, instrument.max_levels) == ("BTC/USDT:USDT", Decimal("0.1"), 2)
    rows = block.rows
    assert rows["kind"][:2].tolist() == [Kind.INSTRUMENT, Kind.CLEAR]
    snapshot = rows[(rows["flags"] & Flag.SNAPSHOT) != 0]
    assert levels(snapshot) == [(1, 100, 10), (1, 95, 20), (-1, 105, 30), (-1, 110, 40)]
    after = rows[1 + len(snapshot) :]
    assert levels(after) == [(1, 100, 15), (1, 95, 0), (1, 90, 50), (-1, 110, 0), (-1, 120, 10)]
    assert after["flags"].tolist() == [0, 0, 0, 0, Flag.END]
    assert block.messages[["first_id", "last_id", "prev_id"]].tolist() == [(0, 1000, 0), (1001, 1010, 1000)]
    assert (after["recv"] - after["exch"] == 20_000_000).all()


def test_a_reconnect_is_a_gap_and_a_snapshot(tmp_path):
    tape, block = read(write(tmp_path / NAME, [ONE, ONE, TWO], reconnect=[0, 0, 1]))
    assert dict(tape.header.problems) == {"reconnect": 1}
    kinds = block.rows["kind"].tolist()
    at = kinds.index(Kind.GAP)
    assert kinds[at + 1] == Kind.CLEAR
    assert levels(block.rows[at:]) == [(1, 100, 15), (1, 90, 50), (-1, 105, 30), (-1, 120, 10)]


@pytest.mark.parametrize(
    ("book", "reason"),
    [
        (([(10.0, float("nan"))], [(10.5, 1.0)]), "not-a-number"),
        (([(float("inf"), 1.0)], [(10.5, 1.0)]), "not-a-number"),
        (([(10.0, 1.0), (-1.0, 1.0)], [(10.5, 1.0)]), "price-not-positive"),
        (([(10.0, -1.0)], [(10.5, 1.0)]), "negative-quantity"),
        (([(10.0, 1.0)], [(1e300, 1.0)]), "price-implausible"),
        (([(10.0, 1e300)], [(10.5, 1.0)]), "quantity-implausible"),
        (([(9.0, 1.0), (10.0, 1.0)], [(10.5, 1.0)]), "levels-unsorted"),
        (([(10.0, 1.0)], [(10.5, 1.0), (10.5, 1.0)]), "levels-unsorted"),
        (([], [(10.5, 1.0)]), "empty-book"),
        (([(11.0, 1.0)], [(10.5, 1.0)]), "crossed-book"),
    ],
)
def test_books_that_cannot_be_true_are_refused(tmp_path, book, reason):
    tape, block = read(write(tmp_path / NAME, [ONE, book, TWO]))
    clean_tape, clean = read(write(tmp_path / "clean.parquet", [ONE, TWO], times=[START, START + 200]))
    assert dict(tape.header.problems) == {reason: 1}
    assert tape.problems.places(reason)[0].line == 2
    assert levels(block.rows) == levels(clean.rows)
    assert clean_tape.header.problems == ()


def test_a_reconnect_on_a_refused_book_is_not_forgotten(tmp_path):
    broken = ([(11.0, 1.0)], [(10.5, 1.0)])
    _, block = read(write(tmp_path / NAME, [ONE, broken, TWO], reconnect=[0, 1, 0]))
    assert Kind.GAP in block.rows["kind"].tolist()


def test_pieces_do_not_change_the_tape(tmp_path, monkeypatch):
    books = [ONE, TWO, ONE, ONE, TWO, TWO, ONE]
    path = write(tmp_path / NAME, books, reconnect=[0, 0, 0, 1, 0, 0, 0])
    digest = book1000.read(path).content_hash()
    monkeypatch.setattr(book1000, "_PIECE", 2)
    assert book1000.read(path).content_hash() == digest


def test_trades_beside_are_joined_by_receive_time(tmp_path):
    path = write(tmp_path / NAME, [ONE, TWO])
    pl.DataFrame(
        {"ts_ms": [START + 50], "exch_ts_ms": [START + 40], "price": [10.25], "qty": [0.125], "side": ["sell"]}
    ).write_parquet(tmp_path / "trades_btc_fut_x.parquet")
    tape, block = read(path)
    assert tape.header.instruments[0].tick == Decimal("0.01")
    assert tape.header.instruments[0].lot == Decimal("0.001")
    kinds = [k for k in block.rows["kind"].tolist() if k != Kind.DEPTH]
    assert kinds == [Kind.INSTRUMENT, Kind.CLEAR, Kind.TRADE]
    assert (np.diff(block.rows["recv"]) >= 0).all()


def test_level_changes_against_sets():
    rng = np.random.default_rng(3)
    for _ in range(200):
        old, new = ({int(t): int(rng.integers(1, 4)) for t in rng.integers(0, 20, 8)} for _ in range(2))
        for way in (1, -1):
            (a, b), (c, d) = (
                (np.array(sorted(x, reverse=way < 0)), np.array([x[t] for t in sorted(x, reverse=way < 0)]))
                for x in (old, new)
            )
            got = {int(t): int(q) for t, q in level_changes(a, b, c, d, way)}
            want = {t: new.get(t, 0) for t in old.keys() | new.keys() if old.get(t) != new.get(t)}
            assert got == want
            assert list(got) == sorted(got, reverse=way < 0)


def test_other_tables_are_named(tmp_path):
    pl.DataFrame(
        {"ts_ms": [START], "bids_px": [1.0], "bids_qty": [1.0], "asks_px": [1.0], "asks_qty": [1.0]}
    ).write_parquet(tmp_path / NAME)
    with pytest.raises(InputError) as error:
        book1000.read(tmp_path / NAME)
    assert error.value.code == "unknown-columns"


@pytest.mark.real
def test_replaying_the_changes_gives_every_recorded_book(real_data):
    path = real_data / "l2" / "binance_book1000_100ms_20260216" / "lobdeep_btc_fut_2026-02-16_04.parquet"
    tape, block = read(path)
    assert tape.header.problems == ()
    assert int((block.rows["kind"] == Kind.TRADE).sum()) == 11_947
    source = pl.read_parquet(path, columns=["ts_ms", "bids_px", "bids_qty", "asks_px", "asks_qty"])
    book: dict[int, dict[int, int]] = {1: {}, -1: {}}
    books = dict.fromkeys(source["ts_ms"].to_list())
    depth = block.rows[np.isin(block.rows["kind"], (Kind.DEPTH, Kind.CLEAR))]
    compared = 0
    for recv, kind, side, price, qty, flags in depth[["recv", "kind", "side", "price", "qty", "flags"]].tolist():
        if kind == Kind.DEPTH:
            book[side][price] = qty
            if not qty:
                del book[side][price]
        if flags & Flag.END:
            assert recv // 1_000_000 in books
            compared += 1
            if compared % 250 == 1:
                row = source.row(by_predicate=pl.col("ts_ms") == recv // 1_000_000, named=True)
                assert sorted(book[1].items(), reverse=True) == [
                    (round(p * 10), round(q * 1000)) for p, q in zip(row["bids_px"], row["bids_qty"], strict=True)
                ]
                assert sorted(book[-1].items()) == [
                    (round(p * 10), round(q * 1000)) for p, q in zip(row["asks_px"], row["asks_qty"], strict=True)
                ]
    assert compared > 2500
