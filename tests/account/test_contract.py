"""From ticks and lots to money: exact against Fractions, refused beyond int64, and each limit at its last unit."""

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
    MOST,
    base_decimals,
    contract_record,
    from_money,
    held_money,
    money_decimals,
    scaled,
    share,
    to_money,
    value,
)
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


def contract(unit=7, inverse=0):
    c = np.zeros(1, CONTRACT)[0]
    c["unit_value"], c["inverse"] = unit, inverse
    return c


def spot(tick, lot="1", base="X"):
    """A spot instrument whose money unit is tick x lot of Y."""
    return Instrument(9, "v", f"{base}/Y", "XY", Decimal(tick), Decimal(lot), base, "Y", "Y")


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


def test_the_finest_unit_there_may_be_has_18_decimals():
    assert money_decimals([spot("1e-18")]) == {"Y": 18}
    with pytest.raises(ConfigError, match="over 18 decimals of Y"):
        money_decimals([spot("1e-19")])
    assert money_decimals([spot("1e-17", "0.1"), spot("0.01")]) == {"Y": 18}


def test_the_unit_of_a_coin_is_at_least_a_hundred_millionth_and_as_fine_as_its_lots():
    found = base_decimals([spot("0.01", "10", "A"), spot("0.01", "1e-8", "B"), spot("0.01", "1e-9", "C")])
    assert found == {"A": 8, "B": 8, "C": 9}
    assert base_decimals([spot("0.01", "1e-12"), spot("0.01", "0.1")]) == {"X": 12}


def test_a_unit_is_from_one_to_what_int64_holds():
    assert contract_record(spot("1e-8"), 8)["unit_value"] == 1
    assert contract_record(spot("9.1e10"), 8)["unit_value"] == 91 * 10**17
    for tick in ("9.2e10", "0", "-0.01", "1e-9"):
        with pytest.raises(ConfigError, match="money-unit"):
            contract_record(spot(tick), 8)


def test_money_rounds_half_to_even_in_decimals_of_any_number():
    assert [to_money(x, 2) for x in ("0.125", "0.135", "-0.125", "1")] == [12, 14, -12, 100]
    assert to_money("1.5") == 150_000_000
    assert (from_money(150, 2), from_money(-1)) == (Decimal("1.5"), Decimal("-1e-8"))


def test_the_largest_value_there_may_be():
    """9.2e18 is the last that is given; what lies between it and the end of int64 is refused as what lies behind it."""
    largest = 92 * 10**17
    assert value(contract(largest), 1, 1) == largest
    assert value(contract(largest // 8), 8, 1) == value(contract(largest // 8), 2, 4) == largest
    assert value(contract(largest, inverse=1), 4, 1) == largest // 4
    for c, price, qty in (
        (contract(largest + 10**16), 1, 1),
        (contract(largest // 8), 9, 1),
        (contract(largest // 8), 3, 3),
        (contract(largest + 10**16, inverse=1), 4, 1),
        (contract(largest // 2, inverse=1), 4, 3),
        (contract(10**6), 2**31 - 1, 10**6),
    ):
        with pytest.raises(OverflowError):
            value(c, price, qty)


@pytest.mark.parametrize("inverse", [0, 1])
def test_a_price_is_at_least_one_tick(inverse):
    assert value(contract(inverse=inverse), 1, 5) == 35
    for price in (0, -1):
        with pytest.raises(OverflowError):
            value(contract(inverse=inverse), price, 5)


@given(st.integers(1, 10**7), st.integers(0, 10**6), st.integers(1, 10**12))
@settings(deadline=None)
def test_a_value_is_exact_and_that_of_an_inverse_contract_rounds_half_up_once(price, qty, unit):
    assert value(contract(unit % 1000 + 1), price, qty) == (unit % 1000 + 1) * price * qty
    assert value(contract(unit, inverse=1), price, qty) == math.floor(Fraction(unit * qty, price) + Fraction(1, 2))


def test_the_largest_share_there_may_be():
    largest = 92 * 10**17
    assert share(largest, 10**8) == share(-largest, -(10**8)) == largest
    assert share(largest // 8, 8 * 10**8) == share(-largest // 8, -8 * 10**8) == largest
    for money, rate in ((largest + 10**16, 10**8), (-largest - 10**16, 10**8), (largest // 4, -5 * 10**8)):
        with pytest.raises(OverflowError):
            share(money, rate)


def test_the_largest_rate_there_may_be():
    """900 times: beyond it the part of a share below one unit of money would leave int64 inside the product."""
    most = 90_000_000_000
    assert share(99_999_999, most) == 99_999_999 * 900
    assert share(99_999_999, -most) == -99_999_999 * 900
    for rate in (most + 1, -most - 1):
        with pytest.raises(OverflowError):
            share(1, rate)


def test_a_part_is_from_nothing_to_the_whole():
    assert [scaled(7, part, 3) for part in (0, 1, 2, 3)] == [0, 2, 4, 7]
    assert [scaled(-7, part, 3) for part in (0, 1, 2, 3)] == [0, -2, -4, -7]
    assert scaled(0, 1, 3) == 0
    assert scaled(10**18, 2_300_000_000, 4_000_000_000) == 575 * 10**15  # parts times whole are exactly the limit
    for part, whole in ((-1, 3), (4, 3), (2_300_000_001, 4_000_000_000), (3 * 10**9, 4 * 10**9)):
        with pytest.raises(OverflowError):
            scaled(5, part, whole)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_wallet_holds_what_fits_and_names_the_most_that_does(sign):
    assert held_money(sign * Decimal(10_000), 8, "USDT") == sign * 10**12
    most = Decimal(MOST).scaleb(-16)
    assert held_money(sign * most, 16, "USDT") == sign * MOST
    with pytest.raises(ConfigError, match=f"at most {most.normalize():,f}") as told:
        held_money(sign * (most + Decimal("1e-16")), 16, "USDT")
    assert told.value.code == "money-unit"
