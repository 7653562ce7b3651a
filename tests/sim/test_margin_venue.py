"""Margined positions at the venue: when they are liquidated and at which price, modes, leverage, funding."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from venue_driver import Venue, bars, depth, row, snapshot

from account_oracle import Account, Instrument, half_up
from tickerml.account.brackets import Tier, put_tiers
from tickerml.sim.orders import Cause
from tickerml.tape.orders import AnswerKind as A
from tickerml.tape.orders import OrderFlag, OrderState
from tickerml.tape.orders import OrderType as T
from tickerml.tape.orders import Reject as R
from tickerml.tape.rows import BUY, SELL, Kind
from tickerml.tape.tables import VALUE

TIERS = tuple(
    Tier(Decimal(cap), Decimal(rate), most)
    for cap, rate, most in ((200_000, "0.01", 50), (500_000, "0.025", 20), (5_000_000, "0.1", 5))
)
BOOK = {"bids": {99: 500, 98: 500}, "asks": {101: 500, 103: 500}}
LONG, SHORT = OrderFlag.LONG, OrderFlag.SHORT
LIQUIDATED = int(Cause.LIQUIDATION)


def venue(n=1, **changes):
    """Perpetuals with 10x by default, no fees; one lot at 100 ticks is worth 10,000."""
    free = {"maker_rate": 0, "taker_rate": 0, "check_balance": 1, "cash": 100_000, **changes}
    v = Venue(queue="tickerml.sim.queue.back", n=n, margined=1, liquidation_rate=1_000_000, **free)
    for r in v.rules:
        put_tiers(r, TIERS, 0)
    for inst in range(n):
        v.feed(snapshot(0, **BOOK, inst=inst))
    return v


def marks(v, *told, inst=0):
    """(time, mark in ticks) as VALUE rows; (time, "funding", rate) too."""
    at = len(v.values)
    known = [(1, one[1] / 10) if len(one) == 2 else (0, one[2]) for one in told]
    v.values = np.concatenate([v.values, np.array(known, VALUE)])
    v.feed(*(row(Kind.VALUE, one[0], ref=at + k, inst=inst) for k, one in enumerate(told)))


def said(answers):
    return [(A(a["kind"]), int(a["side"]), int(a["price"]), int(a["qty"]), R(a["reason"])) for a in answers]


def test_isolated_a_long_is_liquidated_at_the_mark_and_the_rest_is_its_fee():
    v = venue(isolated=1)
    marks(v, (20, 100), (30, 93), (40, 92), (50, 50))
    v.send(10, BUY, qty=10, type=T.MARKET)  # 101,000; margin 10,100
    v.send(11, SELL, 110, 10, flags=OrderFlag.REDUCE_ONLY)
    answers = v.run()
    # at 92: 10,100 - 9,000 = 1,100 > 920; at 91 it would be 100 < 910: 92 holds, the mark of 50 does not
    assert said(answers)[2:] == [
        (A.FILL, SELL, 50, 10, R.LIQUIDATION), (A.CANCELED, SELL, 110, 0, R.LIQUIDATION),
    ]  # fmt: skip
    fill = answers[2]
    assert (fill["id"], fill["cause"], fill["state"], fill["at"]) == (0, LIQUIDATED, OrderState.FILLED, 50)
    assert (fill["fee"], fill["amount"]) == (0, 51_000 - 10_100)  # insurance bears what the margin does not
    assert (v.mail["cash"][0], v.v["net"], v.v["margin"]) == (100_000 - 10_100, 0, 0)


def test_isolated_what_is_left_goes_back_after_the_liquidation_fee():
    v = venue(isolated=1)
    marks(v, (20, 91))
    v.send(10, BUY, qty=10, type=T.MARKET)
    fill = v.run()[1]
    assert (fill["price"], fill["fee"], fill["amount"]) == (91, 100, 0)  # 1 % of 91,000 would be 910; 100 were left
    assert v.mail["cash"][0] == 100_000 - 10_100


def test_a_short_and_its_price():
    v = venue(isolated=1)
    marks(v, (20, 107), (30, 108))
    v.send(10, SELL, qty=10, type=T.MARKET)  # at 99: margin 9,900; at 108: 900 < 1,080
    assert said(v.run())[1:] == [(A.FILL, BUY, 108, 10, R.LIQUIDATION)]


def test_cross_every_position_of_the_wallet_together():
    v = venue(n=2, cash=25_000)
    v.send(10, BUY, qty=10, type=T.MARKET, inst=0)
    v.send(11, SELL, qty=10, type=T.MARKET, inst=1)
    v.send(12, BUY, 90, 1, inst=1)
    marks(v, (20, 90), (40, 80))
    marks(v, (30, 105), inst=1)
    answers = v.run()
    # 25,000 - 11,000 - 6,000 > 900 + 1,050 at 30; at 40: 25,000 - 21,000 - 6,000 < 0
    assert [(int(a["inst"]), *one) for a, one in zip(answers, said(answers), strict=True)][3:] == [
        (0, A.FILL, SELL, 80, 10, R.LIQUIDATION), (1, A.FILL, BUY, 105, 10, R.LIQUIDATION),
        (1, A.CANCELED, BUY, 90, 0, R.LIQUIDATION),
    ]  # fmt: skip
    assert [int(a["amount"]) for a in answers[3:5]] == [0, 2_800]  # and the first one's fee of 1 %
    assert v.mail["cash"][0] == 0


def test_without_marks_the_mid_liquidates_at_the_end_of_a_message():
    v = venue(isolated=1, mark_name=-1)
    v.send(10, BUY, qty=10, type=T.MARKET)
    v.feed(depth(20, BUY, 99, 0, flags=0), depth(20, BUY, 98, 0, flags=0), depth(20, BUY, 80, 9))
    answers = v.run()
    assert said(answers)[1:] == [(A.FILL, SELL, 90, 10, R.LIQUIDATION)]  # mid of 80 and 101
    assert v.v["net"] == v.v["position"] == 0


def test_while_marks_come_the_mid_liquidates_nobody():
    v = venue(isolated=1)
    marks(v, (15, 100))
    v.send(10, BUY, qty=10, type=T.MARKET)
    v.feed(depth(20, BUY, 99, 0, flags=0), depth(20, BUY, 98, 0, flags=0), depth(20, BUY, 60, 9))
    assert len(v.run()) == 1


def on_bars(*candles, **changes):
    v = Venue(
        queue="tickerml.sim.queue.back", margined=1, bar_only=1, liquidation_rate=0, maker_rate=0, taker_rate=0,
        check_balance=1, cash=100_000, **changes,
    )  # fmt: skip
    put_tiers(v.rules[0], TIERS, 0)
    bars(v, *candles)
    return v


def test_on_bars_a_stop_comes_first_then_liquidation_at_its_price_or_the_open():
    calm, crash = (60, 100, 101, 99, 100, 50), (120, 100, 100, 100, 100, 50)
    for last, level in (((180, 97, 99, 60, 98, 50), 90), ((180, 80, 99, 60, 98, 50), 80)):
        v = on_bars(calm, crash, last, isolated=1)
        v.send(61, BUY, qty=10, type=T.MARKET)
        assert said(v.run())[-1] == (A.FILL, SELL, level, 10, R.LIQUIDATION)  # 10,000 - 10,000 < 900 at 90
    v = on_bars(calm, crash, (180, 97, 99, 60, 98, 50), isolated=1)
    v.send(61, BUY, qty=10, type=T.MARKET)
    v.send(121, SELL, qty=10, type=T.STOP, trigger=95, flags=OrderFlag.REDUCE_ONLY)
    assert said(v.run())[-1] == (A.FILL, SELL, 95, 10, R.NONE)
    v = on_bars(calm, crash, (180, 97, 99, 60, 98, 50))
    v.send(61, BUY, qty=40, type=T.MARKET, leverage=20.0)
    assert said(v.run())[-1][:3] == (A.FILL, SELL, 60)  # cross: at the bar's worst price


def test_hedge_mode_two_legs_and_closing_orders_no_larger_than_theirs():
    v = venue(hedge=1, cash=10**6)
    v.send(10, BUY, qty=10, type=T.MARKET, flags=LONG)
    v.send(11, SELL, qty=6, type=T.MARKET, flags=SHORT)
    v.send(12, SELL, qty=25, type=T.MARKET, flags=LONG)
    v.send(13, SELL, qty=1, type=T.MARKET, flags=LONG)
    v.send(14, BUY, qty=2, type=T.MARKET, flags=SHORT)
    v.send(15, BUY, qty=2, type=T.MARKET)
    v.send(16, BUY, qty=2, type=T.MARKET, flags=LONG | SHORT)
    assert said(v.run()) == [
        (A.FILL, BUY, 101, 10, R.NONE), (A.FILL, SELL, 99, 6, R.NONE),
        (A.FILL, SELL, 99, 10, R.NONE), (A.CANCELED, SELL, 0, 0, R.REDUCE_ONLY),
        (A.REJECT, SELL, 0, 0, R.REDUCE_ONLY),
        (A.FILL, BUY, 101, 2, R.NONE),
        (A.REJECT, BUY, 0, 0, R.POSITION_SIDE), (A.REJECT, BUY, 0, 0, R.POSITION_SIDE),
    ]  # fmt: skip
    assert (v.v["net"], v.v["long"], v.v["short"]) == (-4, 0, 4)
    assert [int(x["position"]) for x in v.v["legs"]] == [0, -4]


def test_a_hedged_pair_is_looked_at_although_its_net_is_nothing():
    v = venue(hedge=1, isolated=1, cash=10**6)
    v.send(10, BUY, qty=10, type=T.MARKET, flags=LONG)
    v.send(11, SELL, qty=10, type=T.MARKET, flags=SHORT)
    marks(v, (20, 110))
    assert said(v.run())[2:] == [(A.FILL, BUY, 110, 10, R.LIQUIDATION)]
    assert (v.v["long"], v.v["short"], v.v["net"]) == (10, 0, 10)


def test_one_way_mode_knows_no_legs_and_reduce_only_never_turns_round():
    v = venue()
    v.send(10, BUY, qty=5, type=T.MARKET, flags=LONG)
    v.send(11, BUY, qty=5, type=T.MARKET)
    v.send(12, SELL, qty=9, type=T.MARKET, flags=OrderFlag.REDUCE_ONLY)
    assert [R(a["reason"]) for a in v.run()] == [R.POSITION_SIDE, R.NONE, R.NONE, R.REDUCE_ONLY]
    assert v.v["net"] == 0


def test_leverage_is_capped_by_the_tier_of_what_the_position_would_be():
    v = venue(cash=10**7)
    for k, (lots, leverage) in enumerate(((10, 51.0), (10, 50.0), (10, 21.0), (25, 20.0), (15, 6.0), (15, 5.0))):
        v.send(10 + k, BUY, 90, lots, leverage=leverage)
    reasons = [R(a["reason"]) for a in v.run()]
    assert reasons == [R.LEVERAGE, R.NONE, R.NONE, R.NONE, R.LEVERAGE, R.NONE]


def test_leverage_on_spot_is_refused():
    """C3: spot has none; a leverage of at most 1 asks for nothing."""
    v = Venue(queue="tickerml.sim.queue.back", spot=1, margin_rate=10**8, check_balance=1, cash=10**6, taker_rate=0)
    v.feed(snapshot(0, **BOOK))
    for k, leverage in enumerate((0.0, 0.5, 1.0, 1.5, 50.0)):
        v.send(10 + k, BUY, qty=1, type=T.MARKET, leverage=leverage)
    assert [R(a["reason"]) for a in v.run()] == [R.NONE, R.NONE, R.NONE, R.LEVERAGE, R.LEVERAGE]


def test_a_derivative_that_is_not_kept_in_legs_knows_its_usual_leverage_alone():
    v = Venue(queue="tickerml.sim.queue.back", margined=0, cash=10**6)
    v.feed(snapshot(0, **BOOK))
    for k, leverage in enumerate((0.0, 1.0, 10.0)):
        v.send(10 + k, BUY, qty=1, type=T.MARKET, leverage=leverage)
    v.send(20, BUY, qty=1000, type=T.SUPERP, leverage=100.0)
    assert [R(a["reason"]) for a in v.run()] == [R.NONE, R.LEVERAGE, R.LEVERAGE, R.NONE]


@pytest.mark.parametrize("isolated", [0, 1])
def test_without_tiers_an_order_has_the_margin_that_it_names(isolated):
    """C3: initial margin = value / leverage, rounded up; nothing is liquidated where the venue states no tiers."""
    v = venue(isolated=isolated, cash=2_000)
    v.rules["n_tiers"] = 0
    marks(v, (5, 100), (30, 60))
    v.send(10, BUY, qty=2, type=T.MARKET, leverage=3.0)  # 20,200: 6,733.34 are too much
    v.send(11, BUY, qty=2, type=T.MARKET, leverage=30.0)  # 673.34
    refused, filled = v.run()
    assert R(refused["reason"]) == R.BALANCE
    assert (int(filled["qty"]), float(filled["leverage"])) == (2, 30.0)
    assert int(v.v["margin" if isolated else "tied"]) == 673
    assert v.v["net"] == 2


def test_the_wallet_carries_an_order_by_its_own_leverage():
    for isolated in (0, 1):
        v = venue(cash=10_500, isolated=isolated)
        v.send(10, BUY, qty=10, type=T.MARKET, leverage=5.0)  # 20,200 on the mark of 100: 20,000
        v.send(11, BUY, qty=10, type=T.MARKET)  # 10,000
        v.send(12, BUY, qty=1, type=T.MARKET)
        v.send(13, SELL, qty=10, type=T.MARKET)
        answers = v.run()
        assert [R(a["reason"]) for a in answers] == [R.BALANCE, R.NONE, R.BALANCE, R.NONE]
        assert v.mail["cash"][0] == 10_500 - 2_000


@pytest.mark.parametrize("isolated", [0, 1])
def test_funding_comes_out_of_isolated_margin(isolated):
    v = venue(isolated=isolated, cash=100_000)
    marks(v, (20, 100), (30, "funding", 0.01))
    v.send(10, BUY, qty=10, type=T.MARKET)
    (paid,) = (a for a in v.run() if a["kind"] == A.FUNDING)
    assert paid["amount"] == -1_000
    assert v.v["margin"] == (9_100 if isolated else 0)
    assert v.mail["cash"][0] == (89_900 if isolated else 99_000)


def kept(worth):
    amount = cap = rate = 0
    for tier in TIERS:
        amount += cap * (tier.rate - rate)
        cap, rate = tier.cap, tier.rate
        if worth <= cap:
            break
    return half_up(worth * rate) - amount


@given(st.integers(0, 2**48), st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_liquidated_exactly_when_the_rules_say_so(seed, isolated, hedge):
    """Random trades and marks: at each mark the oracle says which legs are broke, and only those are closed."""
    rng = np.random.default_rng(seed)
    v = venue(isolated=int(isolated), hedge=int(hedge), cash=300_000, check_balance=0)
    account = Account([300_000], [Instrument(100, 0, margined=True, isolated=isolated)])
    told = [(100 * k + 50, int(rng.integers(80, 121))) for k in range(20)]
    marks(v, *told)
    for k in range(20):
        flags = int(rng.choice([LONG, SHORT])) if hedge else 0
        leverage = float(rng.choice([0.0, 2.0, 5.0]))
        v.send(100 * k + 10, int(rng.choice([BUY, SELL])), qty=int(rng.integers(1, 40)), type=T.MARKET, flags=flags,
               leverage=leverage)  # fmt: skip
    waiting = v.run()
    for time, mark in told:
        while waiting and waiting[0]["at"] < time:
            assert waiting[0]["cause"] == 0
            account.take(waiting.pop(0))
        legs = account.instruments[0].legs
        profit = [leg.lots * mark * 100 - leg.cost for leg in legs]
        needed = [kept(abs(leg.lots) * mark * 100) if leg.lots else 0 for leg in legs]
        if isolated:
            broke = [k for k in (0, 1) if legs[k].lots and legs[k].margin + profit[k] <= needed[k]]
        else:
            all_of_them = sum(needed) > 0 and account.cash[0] + sum(profit) <= sum(needed)
            broke = [k for k in (0, 1) if all_of_them and legs[k].lots]
        now = [a for a in waiting if a["at"] == time]
        del waiting[: len(now)]
        assert [(int(a["price"]), int(a["side"]) * int(a["qty"])) for a in now] == [
            (mark, -legs[k].lots) for k in broke
        ]
        for a in now:
            account.take(a)
        if isolated:
            assert all(leg.margin >= 0 or leg.lots for leg in legs)
        assert not broke or account.cash[0] >= 0 or isolated
    for a in waiting:
        account.take(a)
    assert int(v.mail["cash"][0]) == account.cash[0]
