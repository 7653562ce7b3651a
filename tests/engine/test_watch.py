"""What the desk is told of the market, against plain numpy over the same prices, and what it does in whole runs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from bar_path_tape import bars
from hypothesis import given
from hypothesis import strategies as st

from small_runs import market, run, settings
from small_strategies import Churn
from tickerml.account.contract import CONTRACT
from tickerml.engine import look, pairs, watch
from tickerml.engine.marks import MARK
from tickerml.tape.ladder import new_ladders, set_level
from tickerml.tape.rows import BUY, MINUTE, ROW, SECOND, SELL, Flag, Kind

START = 1_700_000_000


def fed(path):
    """A watch after messages of (second, bid, ask), and the mark after the last."""
    w, m = np.zeros(1, watch.WATCH)[0], np.zeros(1, MARK)[0]
    row = np.zeros(1, ROW)[0]
    row["kind"], row["flags"] = Kind.DEPTH, Flag.END
    for second, bid, ask in path:
        row["recv"] = round((START + second) * SECOND)
        m["bid"], m["ask"], m["price2"] = bid, ask, bid + ask
        watch.on_row(w, m, row)
    return w, m


def seen(path, now, halt=300, collar=0.01, book=None):
    w, m = fed(path)
    out = np.zeros(1, look.LOOK)[0]
    rule, scratch = np.zeros(1, CONTRACT)[0], np.zeros(1, look.SCRATCH)[0]
    rule["unit_value"] = 1
    look.look(
        w, m, new_ladders(1)[0] if book is None else book, rule, (START + now) * SECOND, halt, collar, out, scratch
    )
    return out


steps = st.lists(st.tuples(st.floats(0.05, 90), st.integers(-40, 40), st.integers(1, 60)), min_size=1, max_size=400)


@given(steps, st.integers(0, 400))
def test_f3_median_move_and_spread_are_those_of_the_prices(moves, later):
    time, mid, path = 0.0, 20_000, []
    for wait, by, wide in moves:
        time, mid = round(time + wait, 3), mid + by
        path.append((time, mid - wide, mid + wide))
    now = int(time) + later
    out = seen(path, now)
    first = {}
    for second, bid, ask in path:
        first.setdefault(int(second), (bid + ask) / 2)
    at, price = np.array(list(first)), np.array(list(first.values()))
    recent = price[at > now - 300]
    assert out["median"] == (np.median(recent) if len(recent) else price[-1])
    minute = (START + now) // 60 - 5
    moved = [
        abs(p / price[np.flatnonzero(at <= a - 60)[-1]] - 1)
        for a, p in zip(at, price, strict=True)
        if (START + a) // 60 >= minute and (at <= a - 60).any()
    ]
    assert out["move"] == pytest.approx(max(moved, default=0.0), rel=1e-12)
    slots = {}
    for second, bid, ask in path:
        slots.setdefault(int(START + second) // 300, ask - bid)
    wide, samples = {}, {}
    for second, bid, ask in path:
        samples.setdefault(int(second), ask - bid)
    for second, spread in samples.items():
        wide.setdefault((START + second) // 60, []).append(spread)
    widest = max((sum(x) / max(10, len(x)) for at, x in wide.items() if at >= minute), default=0)
    assert out["spread_ratio"] == pytest.approx(widest / np.median(list(slots.values())[-288:]))


def test_before_the_first_price_nothing_is_known():
    out = seen([], 0)
    for name in ("median", "move", "spread_ratio", "volatility", "depth_bid"):
        assert np.isnan(out[name]), name


def walk(seed, n=400, tie=0.0, base=None):
    """A price each five minutes, as log returns; `tie` of them shared with `base`."""
    made = np.random.default_rng(seed).normal(0, 0.002, n)
    return made if base is None else tie * base + (1 - tie) * made


def path_of(returns):
    mids = np.rint(50_000 * np.exp(np.cumsum(returns))).astype(int)
    return [(300 * k, m - 1, m + 1) for k, m in enumerate(mids.tolist())]


def test_volatility_and_correlation_are_those_of_the_last_day():
    base = walk(1)
    one, other = path_of(base), path_of(walk(2, tie=0.8, base=base))
    logs = [np.diff(np.log([bid + ask for _, bid, ask in p]))[-288:] for p in (one, other)]
    assert seen(one, 300 * 400)["volatility"] == pytest.approx(np.sqrt(np.sum(logs[0] ** 2)), rel=1e-12)
    told = pairs.correlation(fed(one)[0], fed(other)[0])
    assert told == pytest.approx(np.corrcoef(*logs)[0, 1], rel=1e-9)
    assert told > 0.9
    assert np.isnan(pairs.correlation(fed(one)[0], fed(other[:10])[0]))
    assert np.isnan(seen(one[:10], 3000)["volatility"])


def test_a_silence_repeats_the_price_before_it():
    path = [(0, 99, 101), (300, 109, 111), (3000, 119, 121), (3300, 99, 101)]
    w, _ = fed(path)
    closes = [int(w["closes"][(int(w["slot"]) - k) % (watch.SLOTS + 1)]) // 2 for k in range(12)]
    assert closes == [100, 120, *[110] * 9, 100]
    assert w["slots"] == 12


def test_depth_is_the_money_within_the_collar():
    book = new_ladders(1)[0]
    for side, price, lots in [(BUY, 999, 3), (BUY, 995, 5), (BUY, 900, 7), (SELL, 1001, 2), (SELL, 1100, 9)]:
        set_level(book, side, price, lots)
    book["valid"] = 1
    out = seen([(0, 999, 1001)], 1, book=book, collar=0.01)
    assert (out["depth_bid"], out["depth_ask"]) == (3 * 999 + 5 * 995, 2 * 1001)
    assert seen([(0, 999, 1001)], 1, book=book, collar=0.2)["depth_bid"] == 3 * 999 + 5 * 995 + 7 * 900


def test_a_second_source_is_told_with_how_long_it_has_been_apart():
    near = [(k, 999, 1001) for k in range(40)]
    off = [(k, 999, 1001) if k < 20 else (k, 1019, 1021) for k in range(40)]
    gap, seconds = pairs.apart(fed(off)[0], fed(near)[0], 1.0, (START + 40) * SECOND, 0.01)
    assert (gap, seconds) == (pytest.approx(0.02), 20)
    assert pairs.apart(fed(near)[0], fed(near)[0], 1.0, (START + 40) * SECOND, 0.01) == (0.0, 0)
    assert np.isnan(pairs.apart(fed(near)[0], fed([])[0], 1.0, (START + 40) * SECOND, 0.01)[0])


def refusals(made):
    return [
        (int(r["recv"]), json.loads(b.blobs[int(r["ref"])])["code"])
        for b in made
        for r in b.rows
        if r["kind"] == Kind.REFUSAL
    ]


EAGER = Churn(style="market", stop=0.05, target=0.06, horizon_s=20.0, size=0.01, every=1.0)


def test_f3_after_a_fast_move_entries_wait_five_minutes():
    tape = market("flash-crash", minutes=15)
    _, made = run(EAGER, tape, config=settings(limits={"halt_move_major": 0.01, "halt_move": 0.01}))
    _, free = run(EAGER, tape, config=settings())
    halted = [at for at, code in refusals(made) if code == "volatility_halt"]
    assert len(halted) > 100
    assert not [1 for _, code in refusals(free) if code == "volatility_halt"]
    assert (halted[-1] - halted[0]) >= 5 * MINUTE


def test_f3_coins_that_move_together_are_one_position():
    base = walk(5)
    same, other = (100 * np.exp(np.cumsum(x)) for x in (base, walk(6)))
    tape = bars(same, same * 1.001, other)
    slow = replace(EAGER, horizon_s=300.0)
    _, made = run(slow, tape, config=settings(limits={"max_correlation": 0.7}))
    assert "correlated" in {code for _, code in refusals(made)}
    held, both = {}, set()
    for block in made:
        for row in block.rows[block.rows["kind"] == Kind.FILL]:
            inst = int(row["inst"])
            held[inst] = held.get(inst, 0) + int(row["side"]) * int(row["qty"])
            sides = {k: lots > 0 for k, lots in held.items() if lots}
            both |= {(a, b) for a in sides for b in sides if a < b and sides[a] == sides[b]}
    assert both == {(0, 2), (1, 2)}  # a long and a short of the two are no bet twice
