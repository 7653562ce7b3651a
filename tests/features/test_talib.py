"""B1: what TA-Lib defines is what TA-Lib says, on real candles, from the first value on.

Differences of prices (macd) and indices around zero (cci) are compared on the scale that they are made of. TA-Lib sums
squares of prices in its deviation, which costs it digits; ours does not, so the bands are compared as prices.
"""

from __future__ import annotations

import numpy as np
import pytest
import talib
from candle_feed import fields, real, same, walk

from tickerml.features.smoothing import MACHINE_ZERO
from tickerml.tape.rows import HOUR, MINUTE

MARKETS = (
    ("binance_spot_5m_2024", "BTCUSDT", 5 * MINUTE),
    ("binance_spot_5m_2024", "PEPEUSDT", 5 * MINUTE),
    ("binance_spot_5m_2024", "DOGEUSDT", 5 * MINUTE),
    ("binance_perp_1h", "ETHUSDT", HOUR),
    ("binance_perp_1h", "1000SHIBUSDT", HOUR),
)
pytestmark = pytest.mark.real


@pytest.fixture(scope="module", params=MARKETS, ids=lambda m: f"{m[1]}-{m[2] // MINUTE}m")
def market(request, real_data):
    folder, symbol, step = request.param
    return real(real_data, folder, symbol, 3000, step)


@pytest.mark.parametrize("n", [2, 14, 100])
def test_rsi(market, n):
    candles, table, inst = market
    wanted = talib.RSI(candles["close"], n)
    moved = np.array([np.ptp(candles["close"][max(0, k - n) : k + 1]) > 0 for k in range(len(wanted))])
    got = fields("rsi", table, inst, n=n)["rsi"]
    same(got[moved | np.isnan(wanted)], wanted[moved | np.isnan(wanted)], atol=1e-9, first=n)


def test_rsi_of_a_price_that_does_not_move_is_in_the_middle():
    table = walk(1, 40, flat=1.0)
    assert fields("rsi", table, n=14)["rsi"][-1] == 50
    assert talib.RSI(table["close"].astype(float), 14)[-1] == 0


@pytest.mark.parametrize("n", [2, 20, 200])
def test_averages(market, n):
    candles, table, inst = market
    got = fields("averages", table, inst, n=n)
    same(got["sma"], talib.SMA(candles["close"], n), first=n - 1)
    same(got["ema"], talib.EMA(candles["close"], n), first=n - 1)


@pytest.mark.parametrize(("fast", "slow", "signal"), [(12, 26, 9), (5, 35, 5), (3, 10, 2)])
def test_macd(market, fast, slow, signal):
    candles, table, inst = market
    got = fields("macd", table, inst, fast=fast, slow=slow, signal=signal)
    scale = 1e-12 * candles["close"].max()
    for name, wanted in zip(got, talib.MACD(candles["close"], fast, slow, signal), strict=True):
        same(got[name], wanted, atol=scale, first=slow + signal - 2)


@pytest.mark.parametrize(("n", "k"), [(20, 2.0), (5, 1.5), (100, 3.0)])
def test_bollinger(market, n, k):
    candles, table, inst = market
    got = fields("bollinger", table, inst, n=n, k=k)
    for name, wanted in zip(("upper", "middle", "lower"), talib.BBANDS(candles["close"], n, k, k), strict=True):
        same(got[f"bollinger_{name}"], wanted, first=n - 1)


@pytest.mark.parametrize("n", [2, 14, 50])
def test_atr(market, n):
    candles, table, inst = market
    bars = [candles[name] for name in ("high", "low", "close")]
    got = fields("atr", table, inst, n=n)
    scale = 1e-12 * candles["close"].max()
    same(got["atr"], talib.ATR(*bars, n), atol=scale, first=n)
    same(got["true_range"], talib.TRANGE(*bars), atol=scale, first=1)
    same(100 * got["atr_fraction"], talib.NATR(*bars, n), atol=1e-10, first=n)


@pytest.mark.parametrize("n", [2, 14, 20, 100])
def test_cci(market, n):
    candles, table, inst = market
    wanted = talib.CCI(*(candles[name] for name in ("high", "low", "close")), n)
    got = fields("cci", table, inst, n=n)["cci"]
    typical = (candles["high"] + candles["low"] + candles["close"]) / 3
    moved = np.array([np.ptp(typical[max(0, k - n + 1) : k + 1]) > 1e-9 * typical[k] for k in range(len(typical))])
    kept = moved | np.isnan(wanted)  # of equal prices TA-Lib makes noise of its rounding, ours are exact zeros
    same(got[kept], wanted[kept], atol=1e-6, first=n - 1)
    assert (got[~kept] == 0).all()


@pytest.mark.parametrize("n", [2, 14, 40])
def test_directional_movement(market, n):
    """TA-Lib is given whole ticks: of rounded prices it takes a rise and a fall of equal size for unequal ones."""
    _, table, inst = market
    bars = [table[name].astype(float) for name in ("high", "low", "close")]
    got = fields("trend", table, inst, n=n)
    start = 2 * n - 1
    same(got["adx"], talib.ADX(*bars, n), atol=1e-9, first=start)
    for name, wanted in (("plus_di", talib.PLUS_DI(*bars, n)), ("minus_di", talib.MINUS_DI(*bars, n))):
        same(got[name][start:], wanted[start:], atol=1e-9)
    assert MACHINE_ZERO == 1e-14
