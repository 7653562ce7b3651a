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
from tickerml.desk.universe import Listing, Universe
from tickerml.tape.rows import DAY, HOUR, MINUTE


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


def test_weights_are_renewed_once_a_day_and_until_some_are_known():
    one = Portfolio("inverse_volatility", 2)
    assert one.due(NOW)
    assert one.observe(NOW, {0: nan, 1: nan}) == []
    assert one.due(NOW + MINUTE)
    assert one.observe(NOW + MINUTE, {0: 0.1, 1: 0.3})
    assert not one.due(NOW + 2 * MINUTE)
    assert one.due(NOW + DAY + MINUTE)
    assert not Portfolio("given", 2).due(NOW)


def test_weights_of_the_tape_are_judged_once():
    one = Portfolio("given", 3)
    assert one.follow(NOW, {0: nan, 1: nan, 2: nan}) == []
    assert [c.what for c in one.follow(NOW, {0: 0.4, 1: 0.6, 2: nan})] == ["weights"]
    assert one.follow(NOW + 1, {0: 0.4, 1: 0.6, 2: nan}) == []
    assert [c.what for c in one.follow(NOW + 2, {0: 0.9, 1: 0.6, 2: nan})] == ["weights refused"]
    assert one.follow(NOW + 3, {0: 0.9, 1: 0.6, 2: nan}) == []
    assert one.weights() == {0: 0.4, 1: 0.6, 2: 0.0}
    assert [c.what for c in one.follow(NOW + 4, {0: 0.9, 1: 0.0, 2: 0.1})] == ["weights"]
    assert one.weights() == {0: 0.9, 1: 0.0, 2: 0.1}


RULES = Manager(top=2, min_age_days=3.0, max_spread_bps=10.0)
VOLUMES = (5.0, 50.0, 40.0, 60.0)
SPREADS = (1.0, 9.0, 2.0, 30.0)


def lived(days, rules=RULES, *, bar_only=(), spreads=SPREADS, coins=COINS[:4]):
    one, told = Universe(rules, coins, bar_only), []
    for day in range(days + 1):
        if one.due(NOW + day * DAY):
            listings = [Listing(VOLUMES[k] if day else nan, day or nan, spreads[k]) for k in range(4)]
            told += one.decide(NOW + day * DAY, listings)
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
    assert lived(1, coins=coins)[0].allowed() == {1, 2}


def test_a_spread_that_is_not_known_keeps_a_coin_out_but_bars_have_none():
    unknown = (nan,) * 4
    assert lived(3, spreads=unknown)[0].allowed() == frozenset()
    assert lived(3, spreads=unknown, bar_only=[True] * 4)[0].allowed() == {1, 3}


def test_it_decides_once_a_day_at_one_in_the_morning():
    one = Universe(RULES, COINS[:4])
    midnight = NOW // DAY * DAY + DAY
    assert one.due(midnight + HOUR)
    one.decide(midnight + HOUR, [Listing(1.0, 9.0, 1.0)] * 4)
    assert not one.due(midnight + DAY + HOUR - 1)
    assert one.due(midnight + DAY + HOUR)
    assert not Universe(replace(RULES, symbols=("ETH",)), COINS[:4]).due(NOW)
    assert not Universe(Manager(), COINS[:4]).due(NOW)


def test_lists():
    """A3: or a list; S1's 24 coins."""
    assert Universe(Manager(symbols=("ETH", "DOGE")), COINS).allowed() == {2, 4}
    assert Universe(Manager(), COINS).allowed() is None


def test_a3_the_word_monitored_stands_for_the_24_coins_of_s1():
    """Of these instruments BTC, ETH, SOL, DOGE, ADA and DOT are among them; XYZ and LTC are not."""
    assert len(set(MONITORED)) == 24
    of_s1 = {k for k, one in enumerate(COINS) if one.base not in ("XYZ", "LTC")}
    assert Universe(Manager(symbols=("monitored",)), COINS).allowed() == of_s1
    assert Universe(Manager(symbols=("monitored", "LTC")), COINS).allowed() == of_s1 | {6}
    thousands = (replace(COINS[1], id=0, base="1000PEPE", multiplier=1000),)
    assert thousands[0].coin == "PEPE"
    for symbols in (("monitored",), ("PEPE",), ("1000PEPE",)):
        assert Universe(Manager(symbols=symbols), thousands).allowed() == {0}
