from decimal import Decimal

import pytest

from tickerml.venues.binance.instruments import COINM, SPOT, USDM, Grid, instrument, is_coinm, is_known


@pytest.mark.parametrize(
    ("raw", "market", "symbol", "settle"),
    [
        ("BTCUSDT", SPOT, "BTC/USDT", "USDT"),
        ("NEXOUSDT", SPOT, "NEXO/USDT", "USDT"),
        ("BTCFDUSD", SPOT, "BTC/FDUSD", "FDUSD"),
        ("ETHBTC", SPOT, "ETH/BTC", "BTC"),
        ("USDTTRY", SPOT, "USDT/TRY", "TRY"),
        ("BTCUSDT", USDM, "BTC/USDT:USDT", "USDT"),
        ("BTCUSDT_240927", USDM, "BTC/USDT:USDT-240927", "USDT"),
        ("1000PEPEUSDT", USDM, "1000PEPE/USDT:USDT", "USDT"),
        ("BTCUSD_PERP", COINM, "BTC/USD:BTC", "BTC"),
        ("ETHUSD_240927", COINM, "ETH/USD:ETH-240927", "ETH"),
    ],
)
def test_unified_symbols(raw, market, symbol, settle):
    made = instrument(raw, market, Grid(1, 3), number=4)
    assert (made.symbol, made.settle, made.raw, made.venue, made.id) == (symbol, settle, raw, market, 4)
    assert (made.tick, made.lot) == (Decimal("0.1"), Decimal("0.001"))
    assert made.inverse == (market == COINM)


def test_contract_sizes_and_multiples():
    assert instrument("BTCUSD_PERP", COINM, Grid(1, 0)).contract_size == 100
    assert instrument("ETHUSD_PERP", COINM, Grid(2, 0)).contract_size == 10
    assert instrument("BTCUSDT", USDM, Grid(1, 3)).contract_size == 1
    assert instrument("1000PEPEUSDT", USDM, Grid(7, 0)).multiplier == 1000
    assert instrument("1MBABYDOGEUSDT", USDM, Grid(7, 0)).multiplier == 1_000_000
    assert instrument("1MBABYDOGEUSDT", USDM, Grid(7, 0)).coin == "BABYDOGE"
    assert instrument("1INCHUSDT", USDM, Grid(4, 0)).multiplier == 1
    assert instrument("1INCHUSDT", USDM, Grid(4, 0)).coin == "1INCH"


@pytest.mark.parametrize("raw", ["", "USDT", "BTC", "BTC-USDT", "HELLO", "BTCUSD_SOON"])
def test_unknown_spellings(raw):
    assert not is_known(raw)
    assert instrument(raw, SPOT, Grid(0, 0)) is None


def test_coinm_is_known_by_its_spelling():
    assert is_coinm("BTCUSD_PERP")
    assert not is_coinm("BTCUSDT_240927")
