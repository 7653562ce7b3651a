"""The orders of a setup whose size is known, and the controls that need them: to the last lot and unit of money."""

from __future__ import annotations

from math import nan

import pytest
from desks import CASH, NOW, UNIT, desk, facts, figures_of, grid, instrument, judge, market, proposal, setup
from msgspec import structs

from tickerml.desk.approved import Approved, Refusal
from tickerml.desk.case import Case
from tickerml.desk.exposure import Exposure, Worst
from tickerml.desk.gates import ABSENT, FAILED, PASSED
from tickerml.desk.limits import Refused
from tickerml.desk.order import Order
from tickerml.desk.sized import AFTER, AFTER_STAKE, orders_of, stake_order, worst_of_orders
from tickerml.desk.sizing import Sized
from tickerml.tape.intents import Entry
from tickerml.tape.orders import OrderType, TimeInForce

LIMIT, SUPERP = int(OrderType.LIMIT), int(OrderType.SUPERP)
GTC, IOC, GTX, GTD = (int(x) for x in (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.GTX, TimeInForce.GTD))
LOT = 1000  # money of one lot at one tick: 0.01 x 0.001, of 8 decimals
NOTHING = Worst(0, 0, 0)


def case(one=None, at=None, **more):
    return Case(desk()._desktop(at or facts(at=more)), one or proposal(1))


def asked(name, c, orders=(), worst=NOTHING):
    """The gate of this name."""
    return figures_of(name, (gate for check in (*AFTER, *AFTER_STAKE) for gate in check(c, orders, worst)))


def limit(qty, price, tif=GTC, side=1):
    return Order(1, side, LIMIT, tif, qty, price=price)


TOO_LARGE = [  # what a wrong size would be, limits, the market, the refusal, the gate that finds it
    (0.101, {}, {}, Refused.ORDER_SIZE, "order notional"),
    (0.251, {"order_share": 1.0}, {}, Refused.POSITION_SIZE, "position"),
    (0.05, {}, {"depth_ask": 9_000 * UNIT}, Refused.ORDER_SIZE, "depth"),
    (0.09, {"risk_per_trade": 0.0005}, {}, Refused.ORDER_SIZE, "risk per trade"),
]


@pytest.mark.parametrize(("share", "limits", "at", "reason", "name"), TOO_LARGE, ids=str)
def test_f2_f3_an_order_that_came_out_too_large_is_refused_whatever_sized_it(
    share, limits, at, reason, name, monkeypatch
):
    """Every limit is held once more with the orders as they will leave: a fault in the sizes passes none of them."""
    wrong = Sized(round(share * CASH), "size", {}, {})
    monkeypatch.setattr("tickerml.desk.desk.size", lambda c: wrong)
    verdict = judge(proposal(1), facts(at=at), of=desk(**limits))
    assert isinstance(verdict, Refusal)
    assert (verdict.reason, verdict.gates[-1][0]) == (reason, name)


@pytest.mark.parametrize(
    ("least", "good"), [(None, True), (5.0, True), (99.9, True), (1_000.1, False), (nan, False), ("much", False)]
)
def test_c3_the_smallest_entry_of_a_strategy_holds_beside_the_venues(least, good):
    """1,000 of notional, a tenth of the equity; the venue itself asks for 5."""
    info = {} if least is None else {"min_notional": least}
    verdict = judge(proposal(1, info=info), of=desk())
    assert isinstance(verdict, Approved if good else Refusal)
    assert good or verdict.reason is Refused.BELOW_MIN_NOTIONAL


def test_c3_a_smaller_wish_of_a_strategy_does_not_lower_the_venues_minimum():
    assert asked("minimum notional", case(proposal(1, info={"min_notional": 1.0}))).limit == 5.0


def test_an_entry_of_one_lot_is_an_order_and_one_of_less_is_none():
    c = case(proposal(1, entries=grid(0.75, 0.25, prices=[99.0, 98.0])))
    assert [(o.qty, o.price) for o in orders_of(c, 4)] == [(3, 9_900), (1, 9_800)]
    assert [(o.qty, o.price) for o in orders_of(c, 3)] == [(2, 9_900)]


def test_an_entry_lives_as_long_as_it_says():
    entries = (Entry(99.0, 0.4, ttl_ns=7), Entry(98.0, 0.3), Entry(97.0, 0.3, post_only=True, ttl_ns=9))
    made = orders_of(case(proposal(1, entries=entries)), 10)
    assert [(o.tif, o.expiry) for o in made] == [(GTD, NOW + 7), (GTC, 0), (GTX, NOW + 9)]


@pytest.mark.parametrize(("side", "trigger", "target"), [(1, 7_501, 15_002), (-1, 12_499, 5_000)])
def test_a_stake_order_says_where_it_ends(side, trigger, target):
    """SuperP: levels are of the price that taking gets; the horizon is the order's own."""
    of = {"superp": True, "stake": 5.0, "leverage": 200.0, "horizon_ns": 9}
    whole = stake_order(case(proposal(1, setup=setup(side, **of, stop=0.25, target=0.5))), 77)
    assert whole == Order(1, side, SUPERP, GTC, 77, trigger=trigger, target=target, expiry=NOW + 9, leverage=200.0)
    bare = {**of, "stop": None, "target": None, "leverage": None, "substitute": "stake"}
    assert stake_order(case(proposal(1, setup=setup(side, **bare))), 77) == Order(
        1, side, SUPERP, GTC, 77, expiry=NOW + 9, leverage=1.0
    )


def test_a_level_of_a_stake_order_is_a_price():
    """0 would mean that there is none."""
    low = {"superp": True, "stake": 5.0, "stop": 0.9, "target": 0.9}
    long, short = (stake_order(case(proposal(1, setup=setup(side, **low)), bid=2, ask=2), 7) for side in (1, -1))
    assert (long.trigger, long.target) == (1, 4)
    assert (short.trigger, short.target) == (4, 1)


def test_the_worst_case_is_rounded_up_and_no_further():
    """F3: margin and risk in whole money; a product that is whole stays what it is."""
    for margin, stop, qty, wanted in [
        (0.1, 0.01, 7, (70_000_000, 7_000_000, 700_000)),
        (0.1, 0.3, 1, (10_000_000, 1_000_000, 3_000_000)),
        (0.12345678, 0.00000012, 1, (10_000_000, 1_234_568, 2)),
        (0.12345678, None, 1, (10_000_000, 1_234_568, 10_000_000)),
    ]:
        wish = proposal(1, stop=stop, substitute="" if stop else "hedge", entries=(Entry(100.0),))
        found = worst_of_orders(case(wish, bid=10_000, ask=10_000, margin=margin), (limit(qty, 10_000),))
        assert (found.notional, found.margin, found.risk) == wanted
    stake = case(proposal(1, superp=True, stake=5.0, stop=None, substitute="stake"))
    assert worst_of_orders(stake, (stake_order(stake, 9),)) == Worst(0, 9, 9)


@pytest.mark.parametrize(
    ("name", "share", "held"),
    [
        ("position", 0.25, {"notional": {1: 100}}),
        ("capital in use with it", 0.5, {"in_use": {0: 100}}),
        ("capital share with it", 0.4, {"by_strategy": {(0, 0): 100}}),
        ("risk per trade", 0.02, None),
        ("heat with it", 0.06, {"heat": {0: 100}}),
    ],
)
def test_what_an_approval_adds_is_held_to_its_limit_with_what_is_under_way(name, share, held):
    """F3: at the limit it passes, one unit of money beyond it does not; where nothing is under way nothing counts."""
    most, bare = int(share * CASH), {"notional": {}, "in_use": {}, "by_strategy": {}, "heat": {}}
    for before, under_way in ((0, {}), (100, held)) if held else ((0, {}),):
        c = case(at=facts(exposure=Exposure(**{**bare, **under_way})))
        for beyond, state in ((0, PASSED), (1, FAILED)):
            added = most - before + beyond
            assert asked(name, c, worst=Worst(added, added, added))[1:4] == (state, most + beyond, share * CASH)


def test_the_largest_order_is_held_to_its_limit():
    c = case(proposal(1, entries=(Entry(100.0),)), bid=10_000, ask=10_000)
    for qty, state in [(10_000, PASSED), (10_001, FAILED)]:
        orders = (limit(5, 10_000), limit(qty, 10_000))
        assert asked("order notional", c, orders)[1:4] == (state, qty * 10_000 * LOT, 0.1 * CASH)
    assert asked("order notional", c)[1:3] == (PASSED, 0)


@pytest.mark.parametrize("side", [1, -1])
def test_depth_counts_what_takes(side):
    """Order notional: 5 % of the book that is met: by a market entry, or a limit at the touch that may take."""
    touch, deep = (10_001, 9_000) if side > 0 else (9_999, 11_000)
    depth = {"depth_ask": 1e12, "depth_bid": 3e12} if side > 0 else {"depth_ask": 3e12, "depth_bid": 1e12}
    c = case(proposal(1, setup=setup(side)), **depth)
    for orders, largest in [
        ((limit(3, touch + side * 50, IOC, side), limit(9, deep, GTC, side)), 3),
        ((limit(3, touch, GTC, side), limit(9, touch - side, GTC, side)), 3),
        ((limit(3, touch, GTD, side), limit(9, touch, GTX, side)), 3),
        ((limit(9, deep, GTC, side),), 0),
    ]:
        assert asked("depth", c, orders)[1:4] == (PASSED, largest * touch * LOT, 0.05e12)
    assert asked("depth", c, (limit(4_999, touch, IOC, side),)).state == PASSED
    assert asked("depth", c, (limit(5_001, touch, IOC, side),)).state == FAILED


def test_depth_is_used_up_to_its_limit():
    c = case(bid=10_000, ask=10_000, depth_ask=1e12)
    for qty, state in [(5_000, PASSED), (5_001, FAILED)]:
        assert asked("depth", c, (limit(qty, 10_000, IOC),))[1:4] == (state, qty * 10_000 * LOT, 0.05e12)


def test_depth_is_of_no_matter_on_bars_and_to_entries_that_rest():
    orders = (limit(10**9, 10_001, IOC),)
    assert asked("depth", case(bar_only=True, depth_ask=1.0), orders).why == "bars have no book"
    resting = proposal(1, entries=(Entry(99.0, post_only=True),))
    assert asked("depth", case(resting, depth_ask=1.0), orders).why == "no entry takes"
    assert asked("depth", case(), orders).state == ABSENT
    assert asked("depth", case(at=facts(live=True)), orders).state == FAILED


@pytest.mark.parametrize(("inverse", "price", "worth"), [(False, 9_900, 0.495), (True, 9_900, 50.0)])
def test_the_minimum_is_held_against_the_smallest_order(inverse, price, worth):
    """In quote: of an inverse contract its face, of others what it is worth where it rests."""
    inst = instrument(1, inverse=inverse, min_notional=str(worth))
    orders = (limit(5, price), limit(9, price))
    for stated, state in [(worth, PASSED), (worth + 0.01, FAILED)]:
        inst = instrument(1, inverse=inverse, min_notional=f"{stated:.3f}")
        told = asked("minimum notional", case(proposal(inst=inst)), orders)
        assert (told.state, told.value) == (state, pytest.approx(worth))


def test_an_order_that_takes_is_worth_what_the_touch_gives():
    c = case(bid=9_000, ask=9_001)
    assert asked("minimum notional", c, (limit(5, 9_900, IOC),)).value == pytest.approx(5 * 9_001 * 1e-5)
    assert asked("minimum notional", c, (limit(5, 9_900, GTC),)).value == pytest.approx(5 * 9_900 * 1e-5)
    assert asked("minimum notional", c, (limit(5, 0, IOC),)).value == pytest.approx(5 * 9_001 * 1e-5)


@pytest.mark.parametrize(
    ("side", "stop", "kept"), [(1, 0.1, 0.9), (1, None, 1.0), (-1, 0.1, 1.0)], ids=["long", "hedged", "short"]
)
def test_an_exit_is_worth_what_the_stop_leaves(side, stop, kept):
    """Control exit possible: after the fee, at the stop of a long; a short's exit is dearer than its entry."""
    wish = proposal(1, setup=setup(side, stop=stop, substitute="" if stop else "hedge"))
    orders = (limit(1_000, 9_900, side=side), limit(2_000, 9_900, side=side))
    told = asked("exit possible", case(wish), orders)
    assert told[2:4] == (pytest.approx(99.0 * (1 - market().taker) * kept), pytest.approx(1.1 * 5))


def test_an_exit_of_just_the_minimum_is_possible():
    for least, state in [("0.495", PASSED), ("0.496", FAILED)]:
        wish = proposal(inst=instrument(1, min_notional=least), setup=setup(-1))
        c = Case(desk(min_exit=1.0)._desktop(facts(at={"taker": 0.0})), wish)
        assert asked("exit possible", c, (limit(5, 9_900, side=-1),))[1:] == (state, 0.495, float(least), "")


def test_a_change_of_just_the_least_share_is_made():
    """5 % of the larger of what is held and what there is then."""
    c = case(structs.replace(proposal(1), held=Worst(1_900, 0, 0)))
    for more, state in [(100, PASSED), (99, FAILED)]:
        told = asked("change", c, worst=Worst(more, 0, 0))
        assert told[1:4] == (state, more, pytest.approx(0.05 * (1_900 + more)))


def test_no_order_at_all_fails_even_where_there_is_no_minimum():
    c = case(proposal(inst=instrument(1, min_notional="0")))
    for name in ("minimum notional", "exit possible"):
        assert asked(name, c)[1:4] == (FAILED, "not one lot", 0.0)


def test_a_stake_is_no_order_notional():
    assert AFTER_STAKE[0](case(), (), NOTHING)[0][1] == ABSENT
