"""Spot wallets and fees at the venue: what may be sold, what is dust, which wallet pays, which tier counts."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from venue_driver import Venue, snapshot, trade

from account_oracle import half_up
from tickerml.account.wallets import OTHER, OWN, RECEIVED, sellable
from tickerml.sim.fees.tiered import Params, fee, tier_of
from tickerml.tape.orders import AnswerKind as A
from tickerml.tape.orders import OrderFlag
from tickerml.tape.orders import OrderType as T
from tickerml.tape.orders import Reject as R
from tickerml.tape.params import params_record
from tickerml.tape.rows import BUY, DAY, SELL

QUOTE, BASE, THIRD = range(3)


def venue(fee_in=RECEIVED, third=0, fees="tickerml.sim.fees.flat", **changes):
    """Instrument 0: BTC/USDT; 1: BNB/USDT, which prices the third currency. 1,000 units a lot."""
    v = Venue(queue="tickerml.sim.queue.back", n=2, fees=fees, spot=1, check_coins=1, lot_units=1000, cash=3_000_000,
              taker_rate=100_000, maker_rate=100_000, margin_rate=10**8, **changes)  # fmt: skip
    v.rules["base_wallet"] = (BASE, THIRD)
    v.rules["fee_in"], v.rules["fee_inst"], v.rules["fee_discount"] = fee_in, 1, 75_000_000
    v.mail["cash"][THIRD] = third
    v.feed(snapshot(0, {99: 50}, {101: 50}), snapshot(0, {49: 50}, {51: 50}, inst=1), trade(1, BUY, 50, 1, inst=1))
    return v


def cash(v):
    return [int(x) for x in v.mail["cash"][:3]]


def test_a_base_fee_leaves_dust_and_dust_cannot_be_sold():
    v = venue()
    v.send(10, BUY, qty=10, type=T.MARKET)  # 101,000; fee 101 = 10 units of 10.1
    v.send(20, SELL, qty=10, type=T.MARKET)
    v.send(30, SELL, qty=9, type=T.MARKET)
    v.send(40, SELL, qty=1, type=T.MARKET)
    bought, refused, sold, dust = v.run()
    assert (bought["fee"], bought["wallet"], bought["paid"]) == (101, BASE, 10)
    assert [(A(a["kind"]), R(a["reason"])) for a in (refused, dust)] == [(A.REJECT, R.BALANCE)] * 2
    assert (sold["wallet"], sold["paid"], sold["fee"]) == (QUOTE, 89, 89)
    assert cash(v) == [3_000_000 - 101_000 + 89_100 - 89, 990, 0]
    assert sellable(990, 1000) == 0


def test_fees_in_quote():
    v = venue(OWN)
    v.send(10, BUY, qty=10, type=T.MARKET)
    (a,) = v.run()
    assert (a["wallet"], a["paid"]) == (QUOTE, 101)
    assert cash(v) == [3_000_000 - 101_101, 10_000, 0]


def test_a_third_currency_at_its_discount_until_it_runs_out():
    v = venue(OTHER, third=20)
    for time in (10, 20):
        v.send(time, BUY, qty=10, type=T.MARKET)
    first, second = v.run()
    assert (first["fee"], first["wallet"], first["paid"]) == (76, THIRD, 15)  # 75.75 half up; 5 a unit at 50
    assert (second["fee"], second["wallet"], second["paid"]) == (101, QUOTE, 101)
    assert cash(v) == [3_000_000 - 202_000 - 101, 20_000, 5]
    assert v.venues[0]["fees"] == 76 + 101


def test_coins_that_are_sold_or_promised_pay_no_fees():
    v = venue(OTHER, third=10_000)
    v.send(10, SELL, qty=10, type=T.MARKET, inst=1)  # all of them: at 49, in one level
    (a,) = v.run()
    assert (a["fee"], a["wallet"], a["paid"]) == (49, QUOTE, 49)
    assert cash(v) == [3_000_000 + 49_000 - 49, 0, 0]
    for sold, wallet in ((10, QUOTE), (9, THIRD)):
        v = venue(OTHER, third=10_000)
        v.send(10, SELL, 60, sold, inst=1)
        v.send(20, BUY, qty=10, type=T.MARKET)
        assert [int(a["wallet"]) for a in v.run() if a["kind"] == A.FILL] == [wallet]


@pytest.mark.parametrize(("held", "wallet"), [(9, QUOTE), (12, QUOTE), (18, QUOTE), (19, THIRD)])
def test_exits_promise_their_coins_and_together_no_more_than_the_position(held, wallet):
    v = venue(OTHER, third=0)
    v.send(5, BUY, qty=held, type=T.MARKET, inst=1)
    v.send(10, SELL, 60, 9, inst=1, flags=OrderFlag.REDUCE_ONLY)
    v.send(11, SELL, qty=9, type=T.STOP, trigger=40, inst=1, flags=OrderFlag.REDUCE_ONLY)
    v.send(20, BUY, qty=10, type=T.MARKET)
    assert [int(a["wallet"]) for a in v.run() if a["kind"] == A.FILL] == [QUOTE, wallet]


def test_the_third_currency_needs_a_price():
    v = venue(OTHER, third=20)
    v.rows = v.rows[:-1]  # no trade of it yet
    v.send(10, BUY, qty=10, type=T.MARKET)
    (a,) = v.run()
    assert (a["fee"], a["wallet"]) == (101, QUOTE)


def test_sells_hold_coins_back_and_buys_money():
    v = venue(OWN)
    v.mail["cash"][BASE] = 5_500
    v.send(10, SELL, 120, 3)
    v.send(11, SELL, 120, 2)
    v.send(12, SELL, 120, 1)
    v.send(13, BUY, 90, 300)  # 2,700,000
    v.send(14, BUY, 90, 40)
    assert [R(a["reason"]) for a in v.run()] == [R.NONE, R.NONE, R.BALANCE, R.NONE, R.BALANCE]


def test_a_change_is_judged_by_the_coins_too():
    v = venue(OWN)
    v.mail["cash"][BASE] = 5_500
    v.send(10, SELL, 120, 3)
    v.amend(20, 1, qty=5)
    v.amend(30, 1, qty=6)
    assert [A(a["kind"]) for a in v.run()] == [A.ACK, A.AMENDED, A.AMEND_REJECT]


@given(st.integers(1, 60), st.integers(0, 3_000_000), st.sampled_from([OWN, RECEIVED, OTHER]), st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_paid_exactly(lots, rate, fee_in, third):
    v = venue(fee_in, third=third)
    v.rules["taker_rate"] = rate
    v.send(10, BUY, qty=min(lots, 50), type=T.MARKET)
    a = v.run()[0]
    full = half_up(Fraction(101 * 100 * int(a["qty"]) * rate, 10**8))
    less = half_up(Fraction(full * 75, 100))
    if fee_in == RECEIVED and full:
        assert (a["fee"], a["wallet"], a["paid"]) == (full, BASE, half_up(Fraction(full * 1000, 101 * 100)))
    elif fee_in == OTHER and full and half_up(Fraction(less * 1000, 50 * 100)) <= third:
        assert (a["fee"], a["wallet"], a["paid"]) == (less, THIRD, half_up(Fraction(less * 1000, 50 * 100)))
    else:
        assert (a["fee"], a["wallet"], a["paid"]) == (full, QUOTE, full)


TIERED = "tickerml.sim.fees.tiered"


def test_the_default_table_and_its_edges():
    rule, fees = np.zeros(1, [("volume", "i8"), ("one", "i8")])[0], params_record(Params())
    rule["one"] = 10**8
    for volume, tier in ((0, 0), (14_999_999, 0), (15_000_000, 1), (99_999_999, 2), (25_000_000_000, 9), (10**10, 7)):
        rule["volume"] = volume * 10**8
        assert tier_of(fees, rule) == tier
    rule["volume"] = 15_000_000 * 10**8 - 1
    assert tier_of(fees, rule) == 0
    assert [fee(fees, rule, 10**8, m) for m in (0, 1)] == [50_000, 20_000]
    rebate = params_record(Params(maker=(-10_000, *Params().maker[1:])))
    assert fee(rebate, rule, 10**8, 1) == -10_000


@pytest.mark.parametrize("days", [1, 29, 30, 31, 45])
def test_the_tier_of_a_day_is_that_of_the_thirty_days_before_it(days):
    v = venue(OWN, fees=TIERED, one=100)
    v.fees["volume"][1:] = [20_000, *[10**9 + k for k in range(8)]]
    v.rules["one"] = 100  # 20,000 whole units = 2,000,000 money
    v.send(10, BUY, qty=1, type=T.MARKET)
    for k in range(2):
        v.send(20 + k, BUY, qty=10, type=T.MARKET)
        v.send(30 + k, SELL, qty=10, type=T.MARKET)
    for k in range(9):
        v.send(40 + k, BUY, qty=9, type=T.MARKET)
        v.send(60 + k, SELL, qty=9, type=T.MARKET)
    v.send(100, BUY, qty=1, type=T.MARKET)
    v.send(days * DAY + 5, BUY, qty=1, type=T.MARKET)
    answers = [a for a in v.run() if a["kind"] == A.FILL]
    before = sum(int(a["price"]) * int(a["qty"]) * 100 for a in answers[:-1])
    rate = 40_000 if days <= 30 else 50_000
    assert before >= 2_000_000
    assert answers[-2]["fee"] == half_up(Fraction(10_100 * 50_000, 10**8))
    assert answers[-1]["fee"] == half_up(Fraction(10_100 * rate, 10**8))
