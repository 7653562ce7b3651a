"""Spot wallets, dust, and fees in other currencies: exact, against Fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from account_oracle import half_up, toward_zero
from tickerml.account.wallets import OTHER, OWN, RECEIVED, WALLET, move, sellable, units_worth, worth_of_units

HOLDER = np.dtype([("cash", "i8", (4,))])


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6), st.integers(1, 10**4), st.integers(1, 10**6))
@settings(max_examples=200, deadline=None)
def test_money_to_units_and_back(money, price, unit, lot_units):
    assert units_worth(money, price, unit, lot_units) == half_up(Fraction(money * lot_units, price * unit))


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**3), st.integers(1, 10**2), st.integers(1, 10**6))
@settings(max_examples=200, deadline=None)
def test_what_units_are_worth(units, price, unit, lot_units):
    assert worth_of_units(units, price, unit, lot_units) == toward_zero(Fraction(units * price * unit, lot_units))


def test_half_a_unit_goes_up_and_dust_is_no_lot():
    assert [units_worth(m, 2, 5, 5) for m in (0, 1, 2, 3, -1, -2)] == [0, 1, 1, 2, 0, -1]
    assert [sellable(u, 1000) for u in (-5, 0, 999, 1000, 2999)] == [0, 0, 0, 1, 2]
    assert sellable(0, 1) == 0
    assert (OWN, RECEIVED, OTHER) == (0, 1, 2)


def test_overflow_is_raised_never_wrapped():
    for function, arguments in (
        (units_worth, (10**15, 1, 1, 10**6)),
        (units_worth, (1, 2**31 - 1, 2**33, 1)),
        (units_worth, (1, 0, 1, 1)),
        (units_worth, (10**13, 1, 1, 10**6)),
        (worth_of_units, (920_000, 10**6, 10**7, 1)),
        (worth_of_units, (930_000, 10**6, 10**7, 10**6)),
        (worth_of_units, (10**18, 10**6, 10**6, 1)),
        (worth_of_units, (10**9 - 1, 10**6, 10**6, 10**9)),
        (worth_of_units, (1, 0, 1, 1)),
    ):
        with pytest.raises(OverflowError):
            function(*arguments)
    assert units_worth(9_200_000_000_000 - 1, 1, 10**6, 10**6) == 9_200_000_000_000 - 1
    assert worth_of_units(920_000 - 1, 10**6, 10**7, 1) == (920_000 - 1) * 10**13
    assert worth_of_units(920_000, 10**6, 10**7, 10**6) == 9_200_000_000_000


def test_what_an_execution_moves():
    rules, holder = np.zeros(1, WALLET)[0], np.zeros(1, HOLDER)[0]
    rules["wallet"], rules["base_wallet"], rules["lot_units"] = 0, 1, 1000
    holder["cash"] = (500, 0, 70, 0)
    move(holder, rules, 1, 3, 9, 0, 9)  # paid in quote: booked there already
    assert holder["cash"].tolist() == [500, 3000, 70, 0]
    move(holder, rules, 1, 2, 9, 1, 4)  # paid in base: quote gets its fee back
    assert holder["cash"].tolist() == [509, 4996, 70, 0]
    move(holder, rules, -1, 4, 9, 2, 6)  # in a third currency
    assert holder["cash"].tolist() == [518, 996, 64, 0]
    rules["base_wallet"], rules["wallet"] = 0, 1
    move(holder, rules, 1, 3, 0, 1, 0)
    assert holder["cash"].tolist() == [3518, 996, 64, 0]
    rules["base_wallet"], rules["wallet"] = -1, 0
    holder["cash"][0] = 518
    move(holder, rules, 1, 3, 0, 0, 0)
    assert holder["cash"].tolist() == [518, 996, 64, 0]
