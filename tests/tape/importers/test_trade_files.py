from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from tickerml.tape.block import concat
from tickerml.tape.errors import InputError
from tickerml.tape.importers import trades
from tickerml.tape.rows import BUY, SECOND, SELL, Flag, Kind

START = 1_704_067_200_000


def read(path):
    tape = trades.read(path)
    block = concat(list(tape.blocks()))
    return tape, block.rows[block.rows["kind"] == Kind.TRADE]


def test_freqtrade_frame(tmp_path):
    path = tmp_path / "XRP_ETH-trades.feather"
    pl.DataFrame(
        {
            "timestamp": [START, START],
            "id": ["1", "2"],
            "side": ["sell", "buy"],
            "price": [0.5, 0.25],
            "amount": [2.0, 1.5],
        }
    ).write_ipc(path)
    tape, rows = read(path)
    assert tape.header.instruments[0].symbol == "XRP/ETH"
    assert rows["side"].tolist() == [SELL, BUY]
    assert rows["price"].tolist() == [50, 25]
    assert rows["qty"].tolist() == [20, 15]
    assert (rows["recv"] - rows["exch"]).tolist() == [SECOND] * 2
    assert (rows["flags"] == Flag.END | Flag.ASSUMED).all()


def test_receive_times_are_used_where_recorded(tmp_path):
    path = tmp_path / "x.parquet"
    pl.DataFrame(
        {
            "ts_ms": [START + 7],
            "exch_ts_ms": [START],
            "venue": ["Binance"],
            "market_type": ["fut"],
            "symbol": ["ETHUSDT"],
            "price": [2.5],
            "qty": [1.0],
            "side": ["buy"],
        }
    ).write_parquet(path)
    tape, rows = read(path)
    assert (rows["recv"] - rows["exch"]).tolist() == [7_000_000]
    assert tape.header.instruments[0].venue == "binance-usdm"
    assert tape.header.instruments[0].symbol == "ETH/USDT:USDT"
    assert not tape.header.assumed_clock


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("11,1.5,2.0,3.0,1704067200000,true\n12,1.6,2.0,3.0,1704067200001,false\n", [SELL, BUY]),
        ("11,1.5,2.0,3.0,1704067200000,true,true\n12,1.6,2.0,3.0,1704067200001,false,true\n", [SELL, BUY]),
        ("11,1.5,2.0,5,6,1704067200000,true\n12,1.6,2.0,7,9,1704067200001,false\n", [SELL, BUY]),
        (
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n"
            "11,1.5,2.0,5,6,1704067200000,true\n12,1.6,2.0,7,9,1704067200001,false\n",
            [SELL, BUY],
        ),
    ],
)
def test_binance_archives(tmp_path, text, sides):
    path = tmp_path / "BTCUSDT-trades-2024-01-01.csv"
    path.write_text(text)
    tape, rows = read(path)
    assert rows["side"].tolist() == sides
    assert rows["exch"].tolist() == [START * 1_000_000, (START + 1) * 1_000_000]
    assert rows["price"].tolist() == [15, 16]
    assert tape.header.instruments[0].symbol == "BTC/USDT"


def test_what_cannot_be_true_is_counted(tmp_path):
    path = tmp_path / "BTCUSDT.csv"
    good = f"{START},1.5,2,buy"
    bad = [
        f"{START},nan,2,buy",
        f"{START},-1,2,buy",
        f"{START},1,-2,sell",
        f"{START},1e300,2,sell",
        f"{START},1,1e300,sell",
        f"{START},1,0,sell",
        f"{START},1,2,",
        "5,1,2,buy",
        f"{START - 1},1,2,buy",
    ]
    path.write_text("timestamp,price,amount,side\n" + "\n".join([good, *bad, good]) + "\n")
    tape, rows = read(path)
    reasons = (
        "not-a-number price-not-positive negative-quantity price-implausible quantity-implausible empty-trade "
        "side-unknown time-implausible time-backwards"
    )
    assert len(rows) == 2
    assert dict(tape.header.problems) == dict.fromkeys(reasons.split(), 1)
    assert [tape.problems.places(r)[0].line for r in reasons.split()] == [3, 4, 5, 6, 7, 8, 9, 10, 11]


def test_depth_updates_are_no_trades(tmp_path):
    path = tmp_path / "BTCUSDT.csv"
    path.write_text("symbol,timestamp,first_update_id,side,update_type,price,qty\nBTCUSDT,1704067200000,1,a,set,1,2\n")
    with pytest.raises(InputError) as error:
        read(path)
    assert error.value.code == "unknown-columns"


@pytest.mark.real
def test_real_frame(real_data):
    tape, rows = read(real_data / "trades" / "binance_XRPETH_trades.feather")
    source = pl.read_ipc(real_data / "trades" / "binance_XRPETH_trades.feather")
    instrument = tape.header.instruments[0]
    assert (instrument.venue, instrument.symbol, instrument.tick) == ("binance", "XRP/ETH", Decimal("1e-8"))
    assert len(rows) == len(source) == 12_477
    assert (rows["price"] / 1e8 == source["price"].to_numpy()).all()
    assert tape.header.problems == ()


@pytest.mark.parametrize("received", [False, True])
def test_trades_with_the_newest_first_keep_the_order_in_which_they_happened(tmp_path, received):
    rows = [(1_704_067_203, 4, "sell"), (1_704_067_202, 3, "buy"), (1_704_067_202, 2, "buy"), (1_704_067_201, 1, "buy")]
    path = tmp_path / "BTCUSDT.csv"
    head = "timestamp,price,amount,side" + (",local_timestamp\n" if received else "\n")
    path.write_text(head + "".join(f"{t},{p},1,{s}" + (f",{t + 1}\n" if received else "\n") for t, p, s in rows))
    tape = trades.read(path)
    found = concat(list(tape.blocks())).rows
    found = found[found["kind"] == Kind.TRADE]
    assert found["price"].tolist() == [1, 2, 3, 4]
    assert found["side"].tolist() == [1, 1, 1, -1]
    assert tape.problems.counts == {"reversed-file": 1}
