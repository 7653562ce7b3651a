"""Money is exact: against Fractions, and conserved whatever the fills."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickerml.account.contract import (
    CONTRACT,
    contract_record,
    from_money,
    money_decimals,
    scaled,
    share,
    to_money,
    value,
)
from tickerml.account.position import POSITION, apply_fill, entry_price, holding, margin_needed, pay_funding, unrealised
from tickerml.tape.errors import ConfigError
from tickerml.tape.instruments import Instrument

PERP = Instrument(0, "v", "BTC/USDT:USDT", "BTCUSDT", Decimal("0.1"), Decimal("0.001"), "BTC", "USDT", "USDT")
SPOT = Instrument(1, "v", "BTC/USDT", "BTCUSDT", Decimal("0.01"), Decimal("0.00001"), "BTC", "USDT", "USDT")
COIN = Instrument(
    2,
    "v",
    "BTC/USD:BTC",
    "X",
    Decimal("0.1"),
    Decimal(1),
    "BTC",
    "USD",
    "BTC",
    contract_size=Decimal(100),
    inverse=True,
)
PEPE = Instrument(
    3, "v", "1000PEPE/USDT:USDT", "X", Decimal("0.0000001"), Decimal(1), "1000PEPE", "USDT", "USDT", Decimal(1000)
)
FINE = Instrument(4, "v", "X/USDT", "X", Decimal("1e-9"), Decimal("0.1"), "X", "USDT", "USDT")


def contract(unit=7, inverse=0, spot=0):
    c = np.zeros(1, CONTRACT)[0]
    c["unit_value"], c["inverse"], c["spot"] = unit, inverse, spot
    return c


def position():
    return np.zeros(1, POSITION)[0]


def test_contracts_of_real_instruments():
    decimals = money_decimals([PERP, SPOT, COIN, PEPE])
    assert decimals == {"USDT": 8, "BTC": 8}
    perp, spot, coin, pepe = (contract_record(i, 8) for i in (PERP, SPOT, COIN, PEPE))
    assert value(perp, 607_125, 250) == to_money("15178.125")  # 60712.5 x 0.25
    assert value(spot, 6_071_250, 25_000) == to_money("15178.125")
    assert value(coin, 607_125, 3) == round(Fraction(300 * 10**8 * 10, 607_125))  # 300 USD / 60712.5
    assert value(pepe, 101_000, 500) == to_money("5.05")  # 0.0101 per 1000 PEPE x 500
    assert (perp["spot"], spot["spot"], coin["inverse"]) == (0, 1, 1)
    assert from_money(to_money("-1.23456789")) == Decimal("-1.23456789")


def test_a_finer_unit_where_the_instrument_needs_it():
    assert money_decimals([PERP, FINE]) == {"USDT": 10}
    with pytest.raises(ConfigError, match="money-unit"):
        contract_record(FINE, 8)
    with pytest.raises(ConfigError, match="money-unit"):
        money_decimals([Instrument(5, "v", "X/Y", "X", Decimal("1e-12"), Decimal("1e-8"), "X", "Y", "Y")])


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


def test_fees_round_half_up_and_rebates_are_negative():
    assert [share(m, 10_000_000) for m in (4, 5, 14, 15, -5, -6)] == [0, 1, 1, 2, 0, -1]
    assert share(10**12, -2000) == -20_000_000
    assert share(9 * 10**18, 100_000_000) == 9 * 10**18


@given(st.integers(-(10**17), 10**17), st.integers(-(10**8), 10**8))
@settings(deadline=None)
def test_share_is_exact(money, rate):
    assert share(money, rate) == math.floor(Fraction(money * rate, 10**8) + Fraction(1, 2))


@given(st.integers(-(10**18), 10**18), st.integers(0, 10**9), st.integers(1, 10**9))
@settings(deadline=None)
def test_scaled_is_exact(money, part, whole):
    part = min(part, whole)
    assert scaled(money, part, whole) == int(Fraction(money * part, whole))


def test_overflow_is_raised_never_wrapped():
    with pytest.raises(OverflowError):
        value(contract(10**6), 2**31 - 1, 10**6)
    with pytest.raises(OverflowError):
        value(contract(), 0, 5)
    with pytest.raises(OverflowError):
        share(9 * 10**18, 200_000_000)
    with pytest.raises(OverflowError):
        scaled(5, 2 * 10**9, 5 * 10**9)


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
