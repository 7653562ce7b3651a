"""F6: weights of coins, as they stand on the tape. A3: which coins may be traded, by rule or by list."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import inf, nan

import pytest
from desks import COINS, NOW
from hypothesis import given
from hypothesis import strategies as st

from tickerml.desk.portfolio import Portfolio, equal, inverse_volatility
from tickerml.desk.settings import MONITORED, Manager
from tickerml.desk.universe import Universe
from tickerml.tape.rows import DAY


def test_equal_weights():
    assert equal({1: 0.1, 2: 0.3}) == {1: 0.5, 2: 0.5}


def test_inverse_volatility():
    assert inverse_volatility({1: 0.1, 2: 0.3}) == pytest.approx({1: 0.75, 2: 0.25})
    assert inverse_volatility({1: 0.1, 2: nan, 3: 0.0, 4: inf}) == {1: 1.0, 2: 0.0, 3: 0.0, 4: 0.0}
    assert inverse_volatility({1: nan}) == {}


def test_modes():
    for mode, weights in (("equal", {0: 0.5, 1: 0.5}), ("inverse_volatility", {0: 0.75, 1: 0.25})):
        one = Portfolio(mode, 2)
        assert one.weights() == {0: 0.0, 1: 0.0}
        (change,) = one.observe(NOW, {0: 0.1, 1: 0.3})
        assert change.figures["mode"] == mode
        assert one.weights() == pytest.approx(weights)
        assert one.observe(NOW + 1, {0: 0.1, 1: 0.3}) == []
    off = Portfolio("none", 2)
    assert (off.observe(NOW, {0: 0.1}), off.take(NOW, {0: 1.0}), off.weights()) == ([], [], None)
    given_ = Portfolio("given", 2)
    assert given_.observe(NOW, {0: 0.1}) == []
    assert [c.what for c in given_.take(NOW, {1: 0.9})] == ["weights"]
    assert given_.weights() == {0: 0.0, 1: 0.9}


@pytest.mark.parametrize("bad", [{0: -0.1, 1: 0.5}, {0: nan}, {0: 0.6, 1: 0.5}, {0: inf}, {}])
def test_weights_that_make_no_sense_change_nothing(bad):
    one = Portfolio("given", 2)
    one.take(NOW, {0: 0.25, 1: 0.75})
    before = one.table.tobytes()
    assert [c.what for c in one.take(NOW + 1, bad)] == ["weights refused"]
    assert one.table.tobytes() == before


@given(st.dictionaries(st.integers(0, 7), st.floats(1e-6, 10), min_size=1))
def test_weights_sum_to_one(volatility):
    weights = inverse_volatility(volatility)
    assert sum(weights.values()) == pytest.approx(1)
    order = sorted(volatility, key=volatility.__getitem__)
    assert all(weights[a] >= weights[b] - 1e-12 for a, b in pairwise(order))


RULES = Manager(top=2, min_age_days=3.0, max_spread_bps=10.0)
VOLUMES = (5.0, 50.0, 40.0, 60.0)
SPREADS = (1.0, 9.0, 2.0, 30.0)


def lived(days, rules=RULES, *, bar_only=(), spreads=SPREADS):
    coins = COINS[:4]
    one = Universe(rules, coins, bar_only)
    told = []
    for day in range(days + 1):
        for k in range(4):
            now = NOW + day * DAY
            told += one.on_bar(now, k, VOLUMES[k] / 2)
            told += one.on_bar(now, k, VOLUMES[k] / 2)
            if spreads:
                told += one.on_spread(now, k, spreads[k])
    return one, told


def test_the_top_by_volume_that_are_old_and_narrow_enough():
    """A3: top N by 30-day volume, minimum age, maximum spread."""
    assert lived(2)[0].allowed() == frozenset()  # nobody is three days old
    one, told = lived(3)
    assert one.allowed() == {1, 2}  # 3 is too wide, 0 too small
    assert [(c.what, c.figures["coins"]) for c in told] == [("universe", "XYZ/USDT:USDT, ETH/USDT:USDT")]
    assert lived(3, replace(RULES, top=3))[0].allowed() == {0, 1, 2}
    assert lived(3, replace(RULES, max_spread_bps=40.0))[0].allowed() == {1, 3}


def test_a_definition_is_older_than_the_tape():
    coins = tuple(replace(c, valid_from=NOW - 100 * DAY) for c in COINS[:4])
    one = Universe(RULES, coins)
    for k in range(4):
        one.on_bar(NOW, k, VOLUMES[k])
        one.on_spread(NOW, k, SPREADS[k])
    one.on_bar(NOW + DAY, 0, 1.0)
    assert one.allowed() == {1, 2}


def test_a_spread_that_is_not_known_keeps_a_coin_out_but_bars_have_none():
    assert lived(3, spreads=None)[0].allowed() == frozenset()
    assert lived(3, spreads=None, bar_only=[True] * 4)[0].allowed() == {1, 3}


def test_volume_is_of_thirty_days():
    one, _ = lived(3)
    for day in range(4, 40):
        one.on_bar(NOW + day * DAY, 0, 70.0)
        for k in range(3):
            one.on_spread(NOW + day * DAY, k, SPREADS[k])
    assert one.allowed() == {0}  # the others have traded nothing for a month


def test_lists():
    """A3: or a list; S1's 24 coins."""
    assert Universe(Manager(symbols=("ETH", "DOGE")), COINS).allowed() == {2, 4}
    assert Universe(Manager(), COINS).allowed() is None
    assert len(set(MONITORED)) == 24
