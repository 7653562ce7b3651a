"""Money is exact: against Fractions, and conserved whatever the fills."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickerml.account.contract import (
    CONTRACT,
    share,
    value,
)
from tickerml.account.position import POSITION, apply_fill, entry_price, holding, margin_needed, pay_funding, unrealised


def contract(unit=7, inverse=0, spot=0):
    c = np.zeros(1, CONTRACT)[0]
    c["unit_value"], c["inverse"], c["spot"] = unit, inverse, spot
    return c


def position():
    return np.zeros(1, POSITION)[0]


fills = st.lists(st.tuples(st.sampled_from([1, -1]), st.integers(1, 10**6), st.integers(1, 10**5)), min_size=1)


@given(fills, st.integers(1, 10**6), st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_money_appears_or_disappears(orders, mark, spot):
    p, c, cash, flow, fees = position(), contract(spot=int(spot)), 0, 0, 0
    for side, price, qty in orders:
        fee = share(value(c, price, qty), 5_000_000)
        cash += apply_fill(p, c, side, price, qty, fee)
        flow -= side * price * qty * 7
        fees += fee
    assert p["realised"] - p["cost"] == flow
    assert cash + holding(p, c, mark) == flow + int(p["position"]) * mark * 7 - fees
    assert p["realised"] + unrealised(p, c, mark) == flow + int(p["position"]) * mark * 7
    assert p["position"] == sum(side * qty for side, _, qty in orders)
    assert (p["position"] == 0) <= (p["cost"] == 0)


@given(fills, st.integers(1, 10**6))
@settings(max_examples=200, deadline=None)
def test_inverse_profit_is_the_sum_of_reciprocals(orders, mark):
    unit = 10**11
    p, c, exact = position(), contract(unit, inverse=1), Fraction(0)
    for side, price, qty in orders:
        apply_fill(p, c, side, price, qty, 0)
        exact += side * Fraction(qty * unit, price)
    exact -= Fraction(int(p["position"]) * unit, mark)  # long gains 1/entry - 1/exit
    assert abs(p["realised"] + unrealised(p, c, mark) - exact) <= 2 * len(orders) + 1


def test_average_entry_price():
    p, c = position(), contract()
    assert math.isnan(entry_price(p, c))
    apply_fill(p, c, 1, 100, 10, 0)
    apply_fill(p, c, 1, 200, 30, 0)
    assert entry_price(p, c) == 175
    apply_fill(p, c, -1, 300, 20, 0)
    assert (entry_price(p, c), p["realised"]) == (175, 20 * 125 * 7)
    apply_fill(p, c, -1, 150, 50, 0)  # through zero
    assert (entry_price(p, c), p["position"], p["realised"]) == (150, -30, (20 * 125 - 20 * 25) * 7)
    q, inverse = position(), contract(10**11, inverse=1)
    apply_fill(q, inverse, -1, 607_125, 3, 0)
    assert entry_price(q, inverse) == pytest.approx(607_125, rel=1e-5)


def test_funding_longs_pay_when_the_rate_is_positive():
    p, c = position(), contract()
    assert pay_funding(p, c, 1000, 10_000) == 0
    apply_fill(p, c, 1, 1000, 1_000_000, 0)
    assert pay_funding(p, c, 1000, 10_000) == -700_000  # 0.01 % of 7e9
    apply_fill(p, c, -1, 1000, 2_000_000, 0)
    assert pay_funding(p, c, 1000, 10_000) == 700_000
    assert p["funding"] == 0


def test_margin():
    assert margin_needed(contract(), 1000, 100, 10_000_000) == 70_000  # 10x
    assert margin_needed(contract(spot=1), 1000, 100, 10_000_000) == 700_000


def test_what_a_spot_position_is_worth():
    p, c = position(), contract(spot=1)
    assert holding(p, c, 120) == 0
    apply_fill(p, c, 1, 100, 1, 0)
    assert holding(p, c, 120) == 840
    apply_fill(p, c, 1, 100, 2, 0)
    assert holding(p, c, 120) == 3 * 840


def test_an_entry_price_needs_lots_and_a_cost():
    p, c = position(), contract(unit=1)
    p["position"] = 1
    assert math.isnan(entry_price(p, c))
    p["cost"] = 1
    assert entry_price(p, c) == 1
    p["position"], p["cost"] = 0, 1
    assert math.isnan(entry_price(p, c))


def test_funding_of_a_single_lot():
    p, c = position(), contract()
    apply_fill(p, c, 1, 1000, 1, 0)
    assert pay_funding(p, c, 1000, 1_000_000) == -70
