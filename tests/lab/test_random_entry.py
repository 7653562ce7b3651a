"""H3: the same trades at random moments."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickerml.lab.random_entry import Closes, Trades, random_entry, stretch
from tickerml.tape.rows import MINUTE


def market(n=2000, coins=3, seed=1, sigma=0.002):
    steps = np.random.Generator(np.random.PCG64(seed)).normal(0, sigma, (coins, n))
    at = np.arange(n, dtype=np.int64) * MINUTE
    return [Closes(at, 100.0 * np.exp(np.cumsum(row))) for row in steps]


def trades(closes, entry, bars, side=1, coin=0, cost=0.0):
    entry, bars, side, coin, cost = np.broadcast_arrays(np.asarray(entry), bars, side, coin, cost)
    begin = entry * MINUTE
    return Trades(
        coin.astype(np.int64),
        side.astype(np.int64),
        begin.astype(np.int64),
        (begin + bars * MINUTE).astype(np.int64),
        np.full(len(entry), 1000.0),
        cost.astype(np.float64),
    )


def net_of(some, closes):
    """Priced one by one from the closes."""
    total = 0.0
    for k in range(len(some)):
        close = closes[some.coin[k]].close
        first, last = some.entry[k] // MINUTE, some.exit[k] // MINUTE
        total += some.side[k] * some.notional[k] * (close[last] / close[first] - 1) - some.cost[k]
    return total


def test_the_run_at_closes_is_priced_as_by_hand():
    closes = market()
    some = trades(closes, [10, 500, 1200], [5, 60, 7], [1, -1, 1], [0, 1, 2], [0.5, 0.25, 2.0])
    found = random_entry(0.0, some, closes, seed=1, redraws=10)
    assert found.at_closes == pytest.approx(net_of(some, closes))
    assert found.episodes == 3


def test_trades_shorter_than_a_step_are_stretched_by_redraws():
    closes = market(n=100)
    assert stretch(trades(closes, [10, 40, 70], [1, 5, 9], coin=[0, 1, 2]), closes) == pytest.approx(1)
    coarse = [Closes(one.time[::4], one.close[::4]) for one in closes]
    assert stretch(trades(closes, [10, 40, 70], 1), coarse) == pytest.approx(4)
    assert stretch(trades(closes, [10, 40, 70], 0), closes) == math.inf


def test_every_redraw_is_a_shift_of_each_trade():
    """One trade: the redraws are exactly the returns of all windows of its length on the ring."""
    closes = market(n=30, coins=1)
    found = random_entry(0.0, trades(closes, [3], 4, -1, 0, 0.5), closes, seed=1, redraws=3000)
    moves = np.diff(np.log(closes[0].close))
    windows = [-1000 * math.expm1(sum(moves[(k + j) % 29] for j in range(4))) - 0.5 for k in range(29)]
    assert np.unique(found.nets.round(9)) == pytest.approx(np.unique(np.round(windows, 9)))
    assert found.nets.mean() == pytest.approx(np.mean(windows), abs=3 * np.std(windows) / math.sqrt(3000))


def test_p_is_even_for_trades_at_random_moments():
    closes = market(seed=2)
    rng = np.random.Generator(np.random.PCG64(3))
    found = []
    for seed in range(200):
        entry = np.sort(rng.choice(190, 40, replace=False)) * 10
        some = trades(closes, entry, 8, rng.choice([1, -1], 40), rng.integers(0, 3, 40), 0.1)
        found.append(random_entry(net_of(some, closes), some, closes, seed=seed, redraws=199).chance.p)
    assert np.mean(found) == pytest.approx(0.5, abs=0.07)
    assert np.mean(np.array(found) <= 0.1) == pytest.approx(0.1, abs=0.06)


def test_who_knows_when_is_told_apart_whatever_the_market_did():
    closes = market(seed=4)
    close = closes[0].close
    rises = [k for k in range(0, 1990, 10) if close[k + 8] > close[k]][:50]
    some = trades(closes, rises, 8)
    assert random_entry(net_of(some, closes), some, closes, seed=1, redraws=999).chance.p == 0.001
    rising = [Closes(c.time, c.close * np.exp(0.001 * np.arange(2000))) for c in closes]
    always = trades(rising, np.arange(0, 1900, 10), 9)
    assert random_entry(net_of(always, rising), always, rising, seed=1, redraws=999).chance.p > 0.05


def test_trades_that_were_open_together_move_together():
    """Ten coins that move as one, bought at once: chance is ten times one coin's, not the root of ten."""
    one = market(coins=1, seed=5)[0]
    closes = [one] * 10
    together = trades(closes, [100] * 10, 20, 1, np.arange(10))
    apart = trades(closes, 100 + 30 * np.arange(10), 20, 1, np.arange(10))
    found, spread_out = (random_entry(0.0, t, closes, seed=1, redraws=1000) for t in (together, apart))
    assert (found.episodes, spread_out.episodes) == (1, 10)
    assert found.nets.std() > 2.5 * spread_out.nets.std()


def test_a_chain_of_overlaps_is_one_episode():
    closes = market()
    some = trades(closes, [0, 5, 9, 20, 12], [6, 5, 4, 3, 2])
    assert random_entry(0.0, some, closes, seed=1, redraws=1).episodes == 2


def test_a_trade_after_another_is_an_episode_of_its_own_and_one_within_a_bar_is_priced_over_it():
    closes = market()
    assert random_entry(0.0, trades(closes, [0, 5], 5), closes, seed=1, redraws=1).episodes == 2
    within = trades(closes, [700], 0)
    expected = 1000 * (closes[0].close[701] / closes[0].close[700] - 1)
    assert random_entry(0.0, within, closes, seed=1, redraws=1).at_closes == pytest.approx(expected)


def test_costs_are_paid_in_every_redraw():
    closes = market()
    free = trades(closes, [10, 700], 30)
    dear = replace(free, cost=np.array([3.0, 4.0]))
    one, other = (random_entry(0.0, t, closes, seed=1, redraws=50).nets for t in (free, dear))
    assert one - other == pytest.approx(np.full(50, 7.0))


@given(st.integers(0, 100), st.floats(0.01, 100), st.booleans())
def test_scale_and_unit_of_price_change_no_chance(seed, factor, turned):
    closes = market(n=300, seed=seed)
    some = trades(closes, [10, 80, 150, 220], 20, [1, -1, 1, 1], [0, 1, 2, 0])
    net = net_of(some, closes)
    larger = replace(some, notional=some.notional * factor)
    scaled = [Closes(c.time, c.close * factor) for c in closes]
    one = random_entry(net, some, closes, seed=seed, redraws=100)
    other = random_entry(net * factor, larger, scaled, seed=seed, redraws=100)
    assert one.nets * factor == pytest.approx(other.nets, rel=1e-6, abs=1e-9 * factor)
    order = np.array([2, 0, 3, 1] if turned else [3, 2, 1, 0])
    mixed = Trades(*(getattr(some, name)[order] for name in ("coin", "side", "entry", "exit", "notional", "cost")))
    assert random_entry(net, mixed, closes, seed=seed, redraws=100).nets == pytest.approx(one.nets)


def test_a_trade_longer_than_the_tape_goes_round():
    closes = market(n=11, coins=1)
    some = trades(closes, [0], 10)
    lap = 1000 * (closes[0].close[-1] / closes[0].close[0] - 1)
    assert random_entry(0.0, some, closes, seed=1, redraws=20).nets == pytest.approx(np.full(20, lap))


def test_2000_redraws_of_500_trades_take_less_than_a_second():
    closes = market(n=60_000, coins=8)
    rng = np.random.Generator(np.random.PCG64(6))
    some = trades(closes, np.arange(500) * 100, 60, rng.choice([1, -1], 500), rng.integers(0, 8, 500), 0.1)
    took = []
    for _ in range(3):
        begun = time.process_time()
        random_entry(0.0, some, closes, seed=1)
        took.append(time.process_time() - begun)
    assert min(took) < 1.0


def test_no_trades_have_no_chance():
    closes = market(n=10, coins=1)
    assert random_entry(0.0, trades(closes, np.zeros(0, np.int64), 1), closes, seed=1) is None


@pytest.mark.parametrize(
    "change",
    [
        {"side": np.array([0])},
        {"coin": np.array([3])},
        {"exit": np.array([0])},
        {"cost": np.zeros(2)},
        {"notional": np.array([math.nan])},
    ],
)
def test_what_are_no_trades_is_refused(change):
    closes = market(n=50)
    with pytest.raises(ValueError, match=r"trade|finite"):
        random_entry(0.0, replace(trades(closes, [10], 5), **change), closes, seed=1)


@pytest.mark.parametrize(
    "closes",
    [
        Closes(np.array([0]), np.array([1.0])),
        Closes(np.array([0, 1]), np.array([1.0, 0.0])),
        Closes(np.array([1, 1]), np.array([1.0, 1.0])),
        Closes(np.array([1]), np.array([1.0, 1.0])),
    ],
)
def test_what_are_no_closes_is_refused(closes):
    with pytest.raises(ValueError, match="closes"):
        random_entry(0.0, trades([closes], [0], 1), [closes], seed=1)
