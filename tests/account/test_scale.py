"""Grids and scale-outs: every lot once, and the average price exactly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickerml.account.contract import CONTRACT
from tickerml.account.position import POSITION, apply_fill
from tickerml.account.scale import average_ticks, parts


@given(st.integers(0, 10**9), st.lists(st.integers(0, 100), min_size=1, max_size=12).filter(any))
@settings(max_examples=200, deadline=None)
def test_shares_of_the_whole_take_every_lot_once(lots, weights):
    shares = [Fraction(w, sum(weights)) for w in weights]
    for split in (parts(lots, shares), parts(lots, [float(s) for s in shares])):
        assert sum(split) == lots
        assert all(p >= 0 and abs(p - lots * s) < 1.000001 for p, s in zip(split, shares, strict=True))


def test_less_than_the_whole_leaves_the_rest():
    assert parts(10, [0.25, 0.25]) == [2, 3]
    assert parts(10, [0.1, 0.1, 0.1]) == [1, 1, 1]
    assert parts(1, [0.3, 0.3, 0.4]) == [0, 0, 1]
    assert parts(3, [1 / 3, 1 / 3, 1 / 3]) == [1, 1, 1]
    assert parts(7, []) == []
    assert [parts(10, [1 - Fraction(k, 2 * 10**9)]) for k in (1, 2, 3)] == [[10], [9], [9]]  # the whole, to 1e-9
    assert [parts(10, [(3 - Fraction(k, 10**10)) / 10]) for k in (8, 15)] == [[3], [2]]  # a lot, to 1e-9


@pytest.mark.parametrize("shares", [[-0.1, 0.5], [0.6, 0.6], [1.0, 0.1]])
def test_impossible_shares(shares):
    with pytest.raises(ValueError, match="share"):
        parts(10, shares)


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(1, 50)), min_size=1, max_size=20), st.sampled_from([1, -1]))
@settings(max_examples=100, deadline=None)
def test_the_average_of_a_scale_in_is_exact(entries, side):
    c, p = np.zeros(1, CONTRACT)[0], np.zeros(1, POSITION)[0]
    c["unit_value"] = 7
    assert average_ticks(p, c) is None
    for price, qty in entries:
        apply_fill(p, c, side, price, qty, 0)
    average = Fraction(sum(p * q for p, q in entries), sum(q for _, q in entries))
    assert average_ticks(p, c) == average
    apply_fill(p, c, -side, 500, int(abs(p["position"])), 0)
    assert average_ticks(p, c) is None


def test_the_average_of_an_inverse_contract():
    c, p = np.zeros(1, CONTRACT)[0], np.zeros(1, POSITION)[0]
    c["unit_value"], c["inverse"] = 10**11, 1
    apply_fill(p, c, 1, 500, 3, 0)
    assert average_ticks(p, c) == 500


def test_an_average_needs_lots_and_a_cost():
    c, p = np.zeros(1, CONTRACT)[0], np.zeros(1, POSITION)[0]
    c["unit_value"], p["position"] = 1, 1
    assert average_ticks(p, c) is None  # worth less than half a unit
    p["cost"] = 1
    assert average_ticks(p, c) == 1


def test_realised_profit_of_a_scale_out_is_average_cost():
    c, p = np.zeros(1, CONTRACT)[0], np.zeros(1, POSITION)[0]
    c["unit_value"] = 1
    for price, qty in ((100, 10), (110, 10)):
        apply_fill(p, c, 1, price, qty, 0)
    for qty in parts(20, [0.5, 0.3, 0.2]):
        apply_fill(p, c, -1, 120, qty, 0)
        assert p["cost"] == 105 * p["position"]
    assert (p["realised"], p["position"]) == (20 * 15, 0)
