"""Margin: the published examples, an oracle in plain Python, and each rule by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from account_oracle import Account, Instrument, half_up
from tickerml.account.brackets import BTCUSDT, ETHUSDT, MARGIN, TIERS, Tier, put_tiers
from tickerml.account.contract import CONTRACT, to_money
from tickerml.account.margin import (
    book_fill,
    book_funding,
    initial_rate,
    insure,
    is_broke,
    leg_index,
    liquidation_price,
    maintenance,
    needs,
    tier_of,
    told_fill,
    told_funding,
    too_much_leverage,
)
from tickerml.account.position import LEG, POSITION, entry_price, holding, unrealised
from tickerml.tape.errors import ConfigError
from tickerml.tape.rows import MAX_TICKS

RULES = np.dtype([*((n, CONTRACT[n]) for n in CONTRACT.names), *((n, MARGIN[n]) for n in MARGIN.names)])
FILL = np.dtype([(n, "i8") for n in ("kind", "inst", "side", "price", "qty", "fee", "leg", "wallet", "paid", "amount")]
                + [("leverage", "f8")])  # fmt: skip
SMALL = tuple(
    Tier(Decimal(cap), Decimal(rate), most)
    for cap, rate, most in ((1_000, "0.01", 50), (5_000, "0.03", 20), (50_000, "0.1", 5))
)


def rules(tiers=SMALL, unit=7, inverse=0, decimals=0, **more):
    c = np.zeros(1, RULES)[0]
    c["unit_value"], c["inverse"], c["margined"], c["margin_rate"] = unit, inverse, 1, 10_000_000
    put_tiers(c, tiers, decimals)
    for name, value in more.items():
        c[name] = value
    return c


def leg(lots=0, cost=0, margin=0):
    p = np.zeros(1, LEG)[0]
    p["position"], p["cost"], p["margin"] = lots, cost, margin
    return p


def position():
    return np.zeros(1, POSITION)[0]


def test_maintenance_amounts_are_the_published_ones():
    for table, amounts in (
        (BTCUSDT, [0, 50, 1_300, 16_300, 266_300, 1_266_300, 2_516_300, 5_016_300, 25_016_300, 100_016_300]),
        (ETHUSDT, [0, 15, 365, 5_365, 35_365, 135_365, 260_365, 510_365]),
    ):
        c = rules(table, decimals=2)
        assert int(c["n_tiers"]) == len(table)
        assert [int(x) // 100 for x in c["tier_amount"][: len(amounts)]] == amounts


def test_liquidation_prices_are_the_published_ones():
    """Binance, "How to Calculate Liquidation Price of USD-M Futures Contracts": cross, BTC 109.488 and ETH 3683.979."""
    cash = Decimal("1535443.01")
    cases = (
        (BTCUSDT, "109.488", "32481.98", "-448192.89", "356512.508", 26316.89),
        (ETHUSDT, "3683.979", "1456.84", "-56354.57", "71200.81144", 1153.26),
    )
    for table, lots, entry, profit, kept, published in cases:
        c = rules(table, unit=1000, decimals=8)  # tick 0.01, lot 0.001, money in 1e-8
        held = leg(int(Decimal(lots) * 1000), to_money(Decimal(lots) * Decimal(entry)))
        purse = to_money(cash + Decimal(profit) - Decimal(kept))
        ticks = liquidation_price(held, c, purse)
        assert abs(ticks / 100 - published) <= 0.01
        tier = table[int(tier_of(c, ticks * held["position"] * 1000))]
        amount = Fraction(int(c["tier_amount"][table.index(tier)]), 10**8)
        numerator = Fraction(purse, 10**8) + amount - Fraction(Decimal(lots)) * Fraction(Decimal(entry))
        exact = numerator / (Fraction(Decimal(lots)) * (Fraction(tier.rate) - 1))
        assert ticks == exact * 100 // 1
        assert round(float(exact), 2) == published


def test_tiers():
    c = rules()
    assert [int(tier_of(c, w)) for w in (0, 1_000, 1_001, 5_000, 5_001, 10**9)] == [0, 0, 1, 1, 2, 2]
    assert [int(maintenance(c, w)) for w in (0, 100, 1_000, 1_001, 5_000, 5_001, 10_000)] == [
        0, 1, 10, 10, 130, 130, 630,
    ]  # fmt: skip
    assert maintenance(rules(()), 10**9) == 0
    assert needs(leg(), c, 5) == 0
    assert needs(leg(-10, -500), c, 20) == maintenance(c, 1_400)
    assert (tier_of(rules(()), 5), TIERS) == (0, 12)


def test_maintenance_never_jumps():
    for table in (BTCUSDT, ETHUSDT):
        c = rules(table, decimals=4)
        for tier in table[:-1]:
            cap = to_money(tier.cap, 4)
            assert abs(maintenance(c, cap + 1) - maintenance(c, cap)) <= 1


@pytest.mark.parametrize(
    "tiers",
    [
        (Tier(Decimal(0), Decimal("0.1"), 1),),
        (Tier(Decimal(10), Decimal("0.1"), 0),),
        (Tier(Decimal(10), Decimal(1), 1),),
        (Tier(Decimal(10), Decimal("0.1"), 10),),
        (Tier(Decimal(10), Decimal("0.1"), 5), Tier(Decimal(10), Decimal("0.2"), 4)),
        (Tier(Decimal(10), Decimal("0.1"), 5), Tier(Decimal(20), Decimal("0.1"), 4)),
        (*SMALL, *(Tier(Decimal(10**6 + k), Decimal("0.2") + Decimal(k) / 100, 2) for k in range(10))),
    ],
)
def test_impossible_tiers_are_refused(tiers):
    with pytest.raises(ConfigError, match="margin-tiers"):
        put_tiers(np.zeros(1, MARGIN)[0], tiers, 0)


def test_the_wrong_tier_is_named():
    with pytest.raises(ConfigError, match="tier 2: cap 5"):
        put_tiers(np.zeros(1, MARGIN)[0], [SMALL[0], Tier(Decimal(5), Decimal("0.1"), 2)], 0)


def test_most_tiers_there_may_be():
    put_tiers(np.zeros(1, MARGIN)[0], [Tier(Decimal(k + 1), Decimal(k + 1) / 100, 2) for k in range(TIERS)], 0)


def test_leverage():
    c = rules()
    assert [initial_rate(c, x) for x in (0.0, 1.0, 3.0, 10.0, 125.0)] == [
        10_000_000, 100_000_000, 33_333_334, 10_000_000, 800_000,
    ]  # fmt: skip
    assert [too_much_leverage(c, 1_000, x) for x in (0.0, 50.0, 51.0)] == [False, False, True]
    assert [too_much_leverage(c, 5_001, x) for x in (0.0, 5.0, 6.0)] == [True, False, True]
    assert not too_much_leverage(rules(()), 10**9, 1000.0)
    assert [leg_index(k) for k in (0, 1, 2)] == [0, 0, 1]


def kept(c, worth):
    """Maintenance margin from the table itself, once more."""
    amount, cap, rate = Fraction(0), Fraction(0), Fraction(0)
    for tier in SMALL:
        amount += cap * (Fraction(tier.rate) - rate)
        cap, rate = Fraction(tier.cap), Fraction(tier.rate)
        if worth <= cap:
            break
    return max(0, half_up(worth * rate) - amount)


@given(st.integers(-300, 300), st.integers(1, 400), st.integers(-2_000, 60_000), st.integers(1, 7))
@settings(max_examples=300, deadline=None)
def test_the_liquidation_price_is_the_first_that_breaks(lots, entry, purse, unit):
    c, held = rules(unit=unit), leg(lots, lots * entry * unit)
    price = liquidation_price(held, c, purse)

    def broke(p):
        worth = abs(lots) * p * unit
        return purse + lots * (p - entry) * unit <= kept(c, worth)

    if lots == 0:
        assert price == 0
    elif lots > 0:
        assert (price == 0) == (not broke(1))
        assert price == 0 or (broke(price) and not broke(price + 1))
        assert is_broke(held, c, purse, max(1, price)) == (price > 0)
    else:
        most = min(MAX_TICKS, int(9e18 / (-lots * unit)))
        assert (price == 0) == (not broke(most))
        assert price == 0 or (broke(price) and (price == 1 or not broke(price - 1)))


def test_nothing_is_liquidated_without_tiers():
    assert liquidation_price(leg(10, 7_000), rules(()), -(10**9)) == 0


def test_a_position_too_large_for_every_price():
    held = leg(10**12, 10**12 * 7 * 100)
    price = liquidation_price(held, rules(), -(10**15))
    assert 1 <= price <= 9e18 / (7 * 10**12)
    assert is_broke(held, rules(), -(10**15), price)


def test_a_short_too_large_for_every_price():
    """The highest price that is asked about is the last at which its worth can still be told."""
    held = leg(-(10**12), -(10**12) * 7 * 100)
    price = liquidation_price(held, rules(), 10**15)
    assert 100 < price <= 9e18 / (7 * 10**12)
    assert is_broke(held, rules(), 10**15, price)
    assert not is_broke(held, rules(), 10**15, price - 1)
    assert liquidation_price(leg(-5 * 10**18, -5 * 10**18), rules(unit=1), 0) == 1  # of two ticks it cannot


def test_inverse_contracts():
    c = rules((Tier(Decimal(10**9), Decimal("0.01"), 50),), unit=10**11, inverse=1)
    held = leg(3, 3 * 10**11 // 500)  # 3 lots bought at 500: worth 6e8 of base
    price = liquidation_price(held, c, 6 * 10**7)

    def broke(p):
        worth = half_up(Fraction(3 * 10**11, p))
        return 6 * 10**7 + (6 * 10**8 - worth) <= half_up(Fraction(worth, 100))

    assert broke(price)
    assert not broke(price + 1)
    short = leg(-3, -(3 * 10**11 // 500))
    assert liquidation_price(short, c, 6 * 10**8) == 0  # short with all of its value in the wallet: never


def test_isolated_margin_by_hand():
    c, p = rules(isolated=1, unit=1), position()
    assert book_fill(p, c, 0, 1, 100, 10, 3, 10_000_000) == -103  # 10 % of 1,000 and the fee
    assert (p["margin"], p["position"], p["tied"], p["legs"][0]["margin"]) == (100, 10, 0, 100)
    assert holding(p, c, 105) == 50 + 100
    assert book_fill(p, c, 0, -1, 110, 4, 0, 10_000_000) == 40 + 40  # 4 tenths of the margin, and the profit
    assert book_fill(p, c, 0, -1, 90, 3, 0, 10_000_000) == 30 - 30  # half of the rest pays the loss of 30
    assert (p["margin"], p["position"]) == (30, 3)
    assert book_fill(p, c, 0, -1, 85, 1, 0, 10_000_000) == 0  # a loss of 15 with a share of 10: 5 from the rest
    assert p["margin"] == 15
    assert book_fill(p, c, 0, -1, 80, 2, 1, 10_000_000) == -1  # a loss of 40 against 15: insurance bears 25
    assert (p["margin"], p["insured"], p["position"], p["cost"]) == (0, 25, 0, 0)
    assert p["realised"] == 40 - 30 - 15 - 40


def test_isolated_margin_turned_round():
    c, p = rules(isolated=1, unit=1), position()
    book_fill(p, c, 0, 1, 100, 10, 0, 10_000_000)
    assert book_fill(p, c, 0, -1, 110, 15, 0, 20_000_000) == 100 + 100 - 110  # margin, profit, and 20 % of 5 x 110
    assert (p["position"], p["margin"], entry_price(p, c)) == (-5, 110, 110)


def test_funding_told_of_an_empty_leg_stays_its_margin():
    """What is told late is no loss of the next position: neither cash nor insurance bears it when that is opened."""
    c, p = rules(isolated=1, unit=1), position()
    assert told_funding(p, c, 0, -30) == 0
    assert book_fill(p, c, 0, 1, 100, 10, 0, 10_000_000) == -100
    assert (p["margin"], p["insured"]) == (70, 0)
    assert book_fill(p, c, 0, -1, 100, 10, 0, 10_000_000) == 70


def test_cross_margin_ties_and_moves_nothing():
    c, p = rules(unit=1), position()
    assert book_fill(p, c, 0, -1, 100, 10, 3, 10_000_000) == -3
    assert (p["tied"], p["margin"]) == (100, 0)
    assert book_fill(p, c, 0, 1, 90, 4, 0, 10_000_000) == 40
    assert p["tied"] == 60
    assert book_fill(p, c, 0, 1, 90, 10, 0, 25_000_000) == 60
    assert (p["tied"], p["position"]) == (90, 4)
    assert insure(p, 0, 17) == 17
    assert (p["insured"], p["legs"][0]["insured"]) == (17, 17)


def test_hedge_legs_are_apart_and_their_sums_are_the_position():
    c, p = rules(unit=1), position()
    book_fill(p, c, 1, 1, 100, 10, 1, 10_000_000)
    book_fill(p, c, 2, -1, 120, 10, 2, 10_000_000)
    assert (p["position"], p["cost"], p["fees"], p["fills"], p["volume"], p["tied"]) == (0, -200, 3, 2, 20, 220)
    assert unrealised(p, c, 77) == 200 == holding(p, c, 500)
    assert unrealised(p["legs"][0], c, 110) + unrealised(p["legs"][1], c, 110) == 200
    assert book_fill(p, c, 2, 1, 100, 4, 0, 10_000_000) == 80
    assert (p["position"], p["realised"], p["legs"][1]["position"]) == (4, 80, -6)


@pytest.mark.parametrize("isolated", [0, 1])
def test_funding_of_both_legs(isolated):
    c, p = rules(unit=1, isolated=isolated), position()
    book_fill(p, c, 1, 1, 100, 100, 0, 10_000_000)
    book_fill(p, c, 2, -1, 100, 50, 0, 10_000_000)
    margin = int(p["margin"])
    assert book_funding(p, c, 0, 100, 1_000_000) == -100  # 1 % of 10,000
    assert book_funding(p, c, 1, 100, 1_000_000) == 50
    assert (p["funding"], p["margin"]) == (-50, margin - 50 * isolated)
    q = position()
    assert told_funding(q, c, 1, -100) == (-100, 0)[isolated]
    assert told_funding(q, c, 2, 50) == (50, 0)[isolated]
    assert (q["funding"], q["margin"]) == (-50, -50 * isolated)
    assert [int(x["funding"]) for x in q["legs"]] == [int(x["funding"]) for x in p["legs"]] == [-100, 50]


answers = st.lists(
    st.tuples(
        st.sampled_from([1, -1]), st.integers(1, 300), st.integers(1, 40), st.integers(-20, 60), st.integers(0, 2),
        st.sampled_from([0.0, 1.0, 3.0, 7.0, 20.0]), st.integers(0, 9),
    ),
    min_size=1,
)  # fmt: skip


@given(answers, st.booleans())
@settings(max_examples=200, deadline=None)
def test_same_as_the_oracle_whatever_the_fills(many, isolated):
    c, p = rules(unit=7, isolated=int(isolated)), position()
    account = Account([10**6], [Instrument(7, 0, margined=True, isolated=isolated)])
    one, cash = account.instruments[0], 10**6
    for side, price, qty, fee, which, leverage, insured in many:
        a = np.zeros(1, FILL)[0]
        a["kind"], a["side"], a["price"], a["qty"], a["fee"], a["leg"] = 2, side, price, qty, fee, which
        a["leverage"], a["amount"] = leverage, 0 if isolated else insured
        cash += told_fill(p, c, a)
        account.take(a)
        account.check()
        assert cash == account.cash[0]
        for k in range(2):
            mine = [int(p["legs"][k][n]) for n in ("position", "cost", "realised", "fees", "margin", "tied", "insured")]
            other = one.legs[k]
            assert mine == [
                other.lots, other.cost, other.realised, other.fees, other.margin, other.tied, other.insured,
            ]  # fmt: skip
        assert all(int(p[n]) == int(p["legs"][0][n]) + int(p["legs"][1][n]) for n in LEG.names)
