"""Stories of made-up runs, drawn from a seeded random walk: what the tests of this folder look at."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np

from tickerml.tape.rows import DAY, HOUR, MINUTE, SECOND
from tickerml.views.story import (
    Count,
    Curve,
    Decisions,
    Head,
    Health,
    Layer,
    Outcome,
    Prices,
    Recipe,
    Story,
    Trade,
    Twins,
)

START = 1_767_484_800 * SECOND  # 2026-01-04 00:00 UTC
COINS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "XRP/USDT:USDT", "DOGE/USDT:USDT", "SUI/USDT:USDT")
FIRST = (64_000.0, 3_140.0, 140.0, 0.61, 0.131, 1.87)
CENT = Decimal("0.01")


def walk(rng, first, n, step=0.0006):
    return first * np.exp(np.cumsum(rng.standard_t(4, n)) * step)


def prices(rng, coins, length, n):
    time = START + np.linspace(0, length, n).astype(np.int64)
    return {c: Prices(time, walk(rng, FIRST[COINS.index(c)], n)) for c in coins}


def trade(rng, coins, series, length, fee=0.001):
    coin = coins[int(rng.integers(len(coins)))]
    entry_time = START + int(rng.uniform(0.01, 0.97) * length)
    exit_time = min(entry_time + int(rng.exponential(length / 60)) + 20 * SECOND, START + length - SECOND)
    side = 1 if rng.random() < 0.55 else -1
    at = lambda t: float(np.interp(t, series[coin].time, series[coin].close))  # noqa: E731
    digits = Decimal("0.1") if FIRST[COINS.index(coin)] > 1000 else Decimal("0.0001")
    entry, exit_ = (Decimal(str(at(t))).quantize(digits) for t in (entry_time, exit_time))
    notional = Decimal(1600)
    qty = (notional / entry).quantize(Decimal("0.0001"))
    gross = ((exit_ - entry) * qty * side).quantize(CENT)
    fees = (notional * Decimal(str(fee))).quantize(CENT)
    span = series[coin].close[(series[coin].time >= entry_time) & (series[coin].time <= exit_time)] / float(entry) - 1
    span = np.append(span, 0.0) * side
    raw = float(np.clip(rng.beta(3, 5), 0.02, 0.98))
    return Trade(
        coin, side, entry_time, exit_time, entry, exit_, qty, gross, fees, Decimal(0), gross - fees, entry * qty,
        reason=("target", "stop", "horizon")[int(rng.integers(3))],
        mae=float(-span.min()), mfe=float(span.max()), confidence_raw=raw, leverage=3.0,
        stop=(entry * (1 - side * Decimal("0.004"))).quantize(digits),
        target=(entry * (1 + side * Decimal("0.008"))).quantize(digits), strategy="psc",
    )  # fmt: skip


def story(
    n=81, *, days=210.0, coins=COINS[:1], seed=7, synthetic="", twins=False, cash=10_000, points=6_000,
    waterfall=True, trials=144, edge=0.0,
):  # fmt: skip
    rng = np.random.default_rng(seed)
    length = int(days * DAY)
    series = prices(rng, coins, length, points)
    trades = tuple(sorted((trade(rng, coins, series, length) for _ in range(n)), key=lambda t: t.exit_time))
    if edge:
        trades = tuple(replace(t, pnl=t.pnl + Decimal(edge), gross=t.gross + Decimal(edge)) for t in trades)
    pnl = [t.pnl for t in trades]
    time = START + np.linspace(0, length, 1_500 if n else 2).astype(np.int64)
    done = np.array([t.exit_time for t in trades], np.int64)
    ledger = np.concatenate(([0.0], np.cumsum([float(p) for p in pnl])))
    held = np.array([sum(t.entry_time <= at < t.exit_time for t in trades) for at in time], float)
    noise = np.cumsum(rng.normal(0, 0.4, len(time))) * (held > 0)
    equity = cash + ledger[np.searchsorted(done, time, "right")] + noise
    equity[-1] = cash + ledger[-1]
    net = sum(pnl, Decimal(0))
    fees = sum((t.fees for t in trades), Decimal(0))
    costs = (("spread", "0.6"), ("fees", "1"), ("latency", "0.1"), ("queue", "0.04"), ("rejects", "0"))
    layers = [Layer(name, (-fees * Decimal(share)).quantize(CENT)) for name, share in costs]
    layers = [Layer("at mid", net - sum((x.money for x in layers), Decimal(0))), *layers]
    passes = [Count("ratio-neutral", c, int(rng.integers(4_000, 17_000))) for c in coins]
    passes += [Count("spread-too-wide", c, int(rng.integers(10, 90))) for c in coins]
    refusals = [
        Count(code, c, int(k))
        for c in coins
        for code, k in zip(
            ("edge-below-cost", "confidence-low", "timer-exit-window", "cooldown"), rng.integers(1, 40, 4), strict=False
        )
    ]
    orders = n * 2
    signals = n + sum(c.n for c in refusals)
    return Story(
        Head("8f3a21", "paper", "psc", coins, "USDT", "synthetic:calm:7" if synthetic else "store/2026", START,
             START + length, synthetic, (), trials),
        Decimal(cash), Decimal(cash) + net,
        Curve(time, equity, equity.copy(), held * 1600.0),
        trades,
        tuple(Outcome(t.confidence_raw, None, t.pnl > 0) for t in trades),
        series,
        tuple(layers) if waterfall and n else (),
        _twins(rng, START, length, cash) if twins else None,
        Decisions(tuple(passes), tuple(refusals), {
            "edge-below-cost": "edge below cost (0.06 % < 0.10 %)", "confidence-low": "confidence 0.24 raw < 0.30"},
            signals, orders, orders, 0),
        Health(4_770_000, 0, 0, 0, 0, 0, {}, {"binance-usdm depth": 1_270_000_000},
               leak_check="no look-ahead in 48 decisions", leaks=(),
               visibility="watermark", latency="constant 20 ms"),
        Recipe("tickerml paper --source store/2026 -s psc --seed 7", {"psc.mode": "absolute", "psc.long_above": "7.0"},
               {"decisions": "8f3a21" + "0" * 58, "kernels": "4be1c9" + "0" * 58}, {"tickerml": "0.1.0"}),
        22.3, "runs/8f3a21/report.html",
    )  # fmt: skip


def _twins(rng, start, length, cash):
    paths = np.cumsum(rng.normal(-0.0002, 0.004, (300, 200)), axis=1)
    low, median, high = np.quantile(paths, (0.05, 0.5, 0.95), axis=0)
    return Twins(paths[:, -1] * cash, start + np.linspace(0, length, 200).astype(np.int64), low, median, high)


def short_run(n=23, **kw):
    """19 hours on six coins: the run of the summary's example."""
    return story(n, **{"days": 19 / 24, "coins": COINS, "synthetic": "calm, seed 7", "trials": 1, "seed": 3, **kw})


def idle():
    """A run that looked and never traded."""
    run = short_run(0)
    return replace(run, head=replace(run.head, synthetic=""))


__all__ = ["COINS", "HOUR", "MINUTE", "START", "idle", "short_run", "story"]
