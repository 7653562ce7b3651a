from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickerml.tape.block import concat
from tickerml.tape.build import Builder
from tickerml.tape.errors import InputError
from tickerml.tape.importers import hftbacktest as hft
from tickerml.tape.importers.hftbacktest_write import in_both_orders, to_events, write
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import Flag, Kind
from tickerml.tape.tape import Header, MemoryTape

START = 1_704_067_200_000_000_000
BOTH = hft.EXCH | hft.LOCAL
COIN = Instrument(0, "unknown", "BTC/USDT", "BTCUSDT", Decimal("0.1"), Decimal("0.001"), "BTC", "USDT", "USDT")


def market(seed: int, messages: int) -> MemoryTape:
    """Depth, trades and best bid and ask with exchange stamps that overtake each other."""
    rng = np.random.default_rng(seed)
    b = Builder()
    b.instrument(START, COIN)
    recv = START
    for k in range(messages):
        recv += int(rng.integers(1, 50)) * 1000
        exch = recv - int(rng.integers(0, 200)) * 1000
        mid = 1000 + int(rng.integers(-9, 9))
        match k % 5:
            case 0:
                b.depth(recv, exch, 0, [(mid, 5), (mid - 1, int(rng.integers(0, 3)))], [(mid + 2, 7)], snapshot=k == 0)
            case 1:
                b.bbo(recv, exch, 0, (mid, 1001), (mid + 1, 3))
            case 2:
                b.depth(recv, exch, 0, [], [(mid + 3, 1)], snapshot=k % 3 == 0)
            case _:
                b.row(recv, exch, 0, Kind.TRADE, side=1 - 2 * (k % 2), price=mid, qty=int(rng.integers(1, 9)))
    return MemoryTape(Header("market", (COIN,)), (b.take(),))


def market_rows(tape):
    rows = concat(list(tape.blocks())).rows
    return rows[np.isin(rows["kind"], (Kind.DEPTH, Kind.TRADE, Kind.BBO, Kind.CLEAR, Kind.GAP))]


def same(a, b) -> bool:
    fields = ["recv", "exch", "qty", "price", "kind", "side", "flags"]
    return len(a) == len(b) and all(np.array_equal(a[f], b[f]) for f in fields)


def test_written_and_read_is_the_same(tmp_path):
    tape = market(1, 300)
    path = tmp_path / "BTCUSDT.npz"
    n = write(tape, path, bbo=True)
    events = np.load(path)["data"]
    assert n == len(events) > len(market_rows(tape))  # some were split
    back = hft.read(path)
    assert same(market_rows(tape), market_rows(back))
    assert back.header.problems == ()
    assert back.header.instruments == (COIN,)
    write(back, tmp_path / "again.npz", "BTC/USDT", bbo=True)
    assert np.load(tmp_path / "again.npz")["data"].tobytes() == events.tobytes()


@given(st.integers(0, 100), st.integers(1, 60))
def test_both_orders_hold_and_nothing_is_lost(seed, messages):
    rows = to_events(market(seed, messages).held[0], COIN, bbo=True)
    events = in_both_orders(rows)
    exchange, local = (events[(events["ev"] & bit) != 0] for bit in (hft.EXCH, hft.LOCAL))
    assert (np.diff(exchange["exch_ts"]) >= 0).all()
    assert (np.diff(local["local_ts"]) >= 0).all()
    for part in (exchange, local):
        part["ev"] |= np.uint64(BOTH)
    assert local.tobytes() == rows.tobytes()
    assert sorted(exchange.tolist()) == sorted(rows.tolist())


def test_equal_orders_are_not_split():
    tape = market(2, 50)
    rows = tape.held[0].rows
    rows["exch"] = rows["recv"]
    assert len(in_both_orders(to_events(tape.held[0], COIN))) == len(to_events(tape.held[0], COIN))


def test_pieces_do_not_change_the_tape(tmp_path, monkeypatch):
    path = tmp_path / "BTCUSDT.npz"
    write(market(3, 120), path, bbo=True)
    digest = hft.read(path).content_hash()
    for size in (1, 7):
        monkeypatch.setattr(hft, "_PIECE", size)
        tape = hft.read(path)
        assert tape.content_hash() == digest
        assert tape.header.problems == ()


def saved(tmp_path, events) -> hft.SourceTape:
    array = np.zeros(len(events), hft.EVENT)
    for i, (kind, side, local, px, qty, who) in enumerate(events):
        array[i]["ev"] = kind | {1: hft.BUY, -1: hft.SELL, 0: 0}[side] | who
        array[i]["local_ts"], array[i]["exch_ts"] = START + local, START + local - 1
        array[i]["px"], array[i]["qty"] = px, qty
    np.savez_compressed(tmp_path / "BTCUSDT.npz", data=array)
    return hft.read(tmp_path / "BTCUSDT.npz")


def test_a_snapshot_with_a_clear_a_side(tmp_path):
    tape = saved(
        tmp_path,
        [
            (hft.DEPTH_CLEAR, 1, 5, 9.0, 0, BOTH),
            (hft.DEPTH_SNAPSHOT, 1, 5, 10.0, 1, BOTH),
            (hft.DEPTH_CLEAR, -1, 5, 12.0, 0, BOTH),
            (hft.DEPTH_SNAPSHOT, -1, 5, 11.0, 2, BOTH),
            (hft.DEPTH, -1, 5, 11.0, 3, BOTH),
        ],
    )
    rows = market_rows(tape)
    assert rows["kind"].tolist() == [Kind.CLEAR, Kind.DEPTH, Kind.DEPTH, Kind.DEPTH]
    assert rows["side"].tolist() == [0, 1, -1, -1]
    assert rows["flags"].tolist() == [Flag.SNAPSHOT, Flag.SNAPSHOT, Flag.SNAPSHOT | Flag.END, Flag.END]
    assert dict(tape.header.problems) == {"clear-to-depth": 1}


def test_a_clear_of_one_side_leaves_the_book_unknown(tmp_path):
    tape = saved(tmp_path, [(hft.DEPTH_CLEAR, 1, 5, 9.0, 0, BOTH), (hft.DEPTH_SNAPSHOT, 1, 5, 10.0, 1, BOTH)])
    assert market_rows(tape)["kind"].tolist() == [Kind.CLEAR, Kind.DEPTH, Kind.GAP]
    assert dict(tape.header.problems) == {"one-sided-clear": 1}


def test_what_cannot_be_used_is_counted(tmp_path):
    good = (hft.TRADE, 1, 9, 10.5, 1, BOTH)
    tape = saved(
        tmp_path,
        [
            good,
            (10, 1, 9, 10.0, 1, BOTH),
            (hft.TRADE, 1, 9, float("nan"), 1, BOTH),
            (hft.DEPTH, 1, 9, -10.0, 1, BOTH),
            (hft.DEPTH, 1, 9, 10.0, -1, BOTH),
            (hft.DEPTH, 1, 9, 1e300, 1, BOTH),
            (hft.DEPTH, 1, 9, 10.0, 1e300, BOTH),
            (hft.TRADE, 0, 9, 10.0, 1, BOTH),
            (hft.TRADE, 1, 8, 10.0, 1, BOTH),
            (hft.TRADE, 1, 9, 10.0, 1, hft.EXCH),
            good,
        ],
    )
    assert len(market_rows(tape)) == 2
    reasons = "unsupported-event not-a-number price-not-positive negative-quantity side-unknown time-backwards"
    reasons += " price-implausible quantity-implausible"
    assert dict(tape.header.problems) == dict.fromkeys([*reasons.split(), "unpaired-exchange-event"], 1)


def test_other_files_are_named(tmp_path):
    path = tmp_path / "BTCUSDT.npz"
    np.savez_compressed(path, other=np.zeros(3))
    codes = []
    for content in (path.read_bytes(), b"", b"no zip at all"):
        path.write_bytes(content)
        with pytest.raises(InputError) as error:
            hft.read(path)
        codes.append(error.value.code)
    np.savez_compressed(path, data=np.zeros(3))
    with pytest.raises(InputError) as error:
        hft.read(path)
    codes.append(error.value.code)
    write(market(1, 100), path)
    whole = path.read_bytes()
    for n in range(10, len(whole), len(whole) // 7):
        path.write_bytes(whole[:n])
        with pytest.raises(InputError) as error:
            list(hft.read(path).blocks())
        codes.append(error.value.code)
    assert set(codes) == {"unknown-columns", "file-truncated"}


def test_a_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / "BTCUSDT.npz"
    write(market(1, 100), path)
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 16
    path.write_bytes(bytes(whole))
    with pytest.raises(InputError):
        list(hft.read(path).blocks())


def test_one_instrument_must_be_meant(tmp_path):
    tape = market(1, 10)
    two = replace(tape.header, instruments=(COIN, replace(COIN, id=1, symbol="ETH/USDT", raw="ETHUSDT")))
    with pytest.raises(InputError, match="BTC/USDT, ETH/USDT"):
        write(MemoryTape(two, tape.held), tmp_path / "x.npz")
