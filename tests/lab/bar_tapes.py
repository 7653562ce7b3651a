"""Tapes of bars for tests: trending, with holes, with several instruments."""

from decimal import Decimal

import numpy as np

from tickerml.tape.build import Builder
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import HOUR, SECOND, Flag, Kind
from tickerml.tape.tape import Header, MemoryTape

START = 1_704_067_200 * SECOND  # 2024-01-01
DELAY = 2 * SECOND


def instrument(number):
    base = ("BTC", "ETH", "SOL", "XRP")[number]
    tick, lot = Decimal("0.01"), Decimal("0.001")
    return Instrument(number, "binance-usdm", f"{base}/USDT:USDT", f"{base}USDT", tick, lot, base, "USDT", "USDT")


def trending(n, rho, seed, sigma=0.01, drift=0.0, tails=None):
    """Log returns r[t] = rho r[t - 1] + noise."""
    rng = np.random.Generator(np.random.PCG64(seed))
    x = sigma * (rng.standard_normal(n) if tails is None else rng.standard_t(tails, n))
    for t in range(1, n):
        x[t] += rho * x[t - 1]
    return x + drift


def bars_of(returns, seed, start):
    """Opens, highs, lows, closes in ticks and volumes in lots; each bar opens where the one before closed."""
    rng = np.random.Generator(np.random.PCG64([seed, 99]))
    close = start * np.exp(np.cumsum(returns))
    opened = np.concatenate(([start], close[:-1]))
    reach = np.abs(rng.standard_normal((2, len(returns)))) * 0.002
    prices = np.stack(
        [opened, np.maximum(opened, close) * (1 + reach[0]), np.minimum(opened, close) / (1 + reach[1]), close]
    )
    return np.rint(prices).astype(np.int64), rng.integers(1000, 9000, len(returns))


def bar_tape(series, *, missing=(), duration=HOUR, values=(), title="candles", start=2_000_000):
    """A tape of `series`: per instrument (first slot, log returns). `missing` holds (instrument, slot) left out.

    `values` holds (instrument, slot, name, value), known when the bar of that slot is.
    """
    builder = Builder(names=("funding", "mark"))
    told = [(first, *bars_of(returns, number, start)) for number, (first, returns) in enumerate(series)]
    last = max(first + len(volume) for first, _, volume in told)
    for number in range(len(told)):
        builder.instrument(START + duration + DELAY, instrument(number))
    for slot in range(last):
        opened = START + slot * duration
        for number, at, name, value in values:
            if at == slot:
                builder.value(opened + duration + DELAY, opened + duration, number, name, value)
        for number, (first, prices, volume) in enumerate(told):
            if first <= slot < first + len(volume) and (number, slot) not in missing:
                builder.bar(
                    opened + duration + DELAY,
                    number,
                    opened,
                    duration,
                    tuple(prices[:, slot - first].tolist()),
                    int(volume[slot - first]),
                    buy_volume=int(volume[slot - first]) // 3,
                    flags=int(Flag.ASSUMED),
                )
    header = Header(
        title,
        tuple(instrument(k) for k in range(len(told))),
        names=builder.names,
        assumed_clock=True,
        bar_only=True,
        notes=("kept",),
    )
    return MemoryTape(header, (builder.take(),))


def table(tape, number=0):
    """All bars of an instrument, in row order."""
    blocks = list(tape.blocks())
    return np.concatenate(
        [b.bars[b.rows["ref"][(b.rows["kind"] == Kind.BAR) & (b.rows["inst"] == number)]] for b in blocks]
    )


def log_returns(tape, number=0):
    """Close over close before, the first over its own open."""
    bars = table(tape, number)
    return np.diff(np.log(np.concatenate((bars["open"][:1], bars["close"])).astype(float)))
