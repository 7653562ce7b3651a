"""F2: how large. Each rule binds at its own figure; the smallest wins and is named; limits hold on both sides."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import nan, sqrt

import numpy as np
import pytest
from desks import CASH, UNIT, desk, facts, grid, instrument, judge, judge_hedged, market, proposal, setup
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tickerml.desk.approved import Approved, Refusal
from tickerml.desk.case import Case, lost
from tickerml.desk.exposure import Exposure
from tickerml.desk.limits import Limits, Refused
from tickerml.desk.sizing import lots_of, multiplier, size
from tickerml.tape.intents import Entry

OPEN = {  # every rule wide open: each test closes one
    "risk_per_trade": 0.05,
    "max_heat": 1.0,
    "max_position": 1.0,
    "max_in_use": 1.0,
    "order_share": 1.0,
    "depth_share": 1.0,
}
WHOLE = {"names": ("dca",)}


def sized(one, at=None, of=None):
    of = of or desk(**OPEN, **WHOLE)
    return size(Case(of._desktop(at or facts()), one))


def rules(found):
    return {rule: money / CASH for rule, money in found.sizes.items()}


def test_every_rule_that_applies_is_listed():
    """F2: the decision names which rule bound, and lists all."""
    found = sized(proposal(info={"signal": 2, "confidence": 1.0, "tier": "A"}, size=0.2, stake=500.0))
    assert set(rules(found)) == {
        *("largest position", "order notional", "risk per trade", "heat", "capital in use", "capital share", "cash"),
        *("size", "stake", "tier", "signal"),
    }


@pytest.mark.parametrize(
    ("rule", "changed", "more", "share"),
    [
        ("largest position", {"max_position": 0.25}, {}, 0.25),
        ("order notional", {"order_share": 0.1}, {}, 0.1),
        ("risk per trade", {"risk_per_trade": 0.0002}, {"stop": 0.01}, 0.02),
        ("heat", {"max_heat": 0.0002}, {"stop": 0.01}, 0.02),
        ("capital in use", {"max_in_use": 0.01}, {}, 0.1),  # at a margin of 10 %
        ("size", {}, {"size": 0.07}, 0.07),
        ("stake", {}, {"stake": 300.0}, 0.03),
    ],
)
def test_the_rule_that_is_smallest_binds_and_is_named(rule, changed, more, share):
    found = sized(proposal(**more), of=desk(**{**OPEN, **changed}, **WHOLE))
    assert found.bound == rule
    assert found.money / CASH == pytest.approx(share)
    assert found.money <= share * CASH


def test_what_is_under_way_is_taken_off():
    held = Exposure()
    held.in_use[0], held.heat[0], held.notional[0] = int(0.3 * CASH), int(0.02 * CASH), int(0.1 * CASH)
    held.by_strategy[0, 0], held.reserved[0] = int(0.25 * CASH), int(0.2 * CASH)  # a third of it has been paid
    found = rules(sized(proposal(), facts(exposure=held), desk(names=("dca", "swing", "channel"))))
    assert found["capital in use"] == pytest.approx((0.5 - 0.3) / 0.1)
    assert found["capital share"] == pytest.approx((0.4 - 0.25) / 0.1)
    assert found["cash"] == pytest.approx((1 - 0.2) / 0.1)
    assert found["heat"] == pytest.approx((0.06 - 0.02) / 0.01)
    assert found["largest position"] == pytest.approx(0.25 - 0.1)


def test_capital_of_a_strategy_is_its_weight_among_those_that_are_on():
    """F1: 40/30/30, normalised over the enabled strategies."""
    for names, shares in [
        (("dca", "swing", "channel"), (0.4, 0.3, 0.3)),
        (("dca", "swing"), (4 / 7, 3 / 7)),
        (("psc",), (1.0,)),
        (("psc", "dca"), (3 / 7, 4 / 7)),
    ]:
        assert desk(names=names).manager.shares == pytest.approx(dict(enumerate(shares)))


def test_s2_formula():
    """F2: 2 % x |signal| / 2 x confidence x min(1, 0.2 / volatility), never above 5 %."""

    def share(signal, confidence, daily, **limits):
        info = {"signal": signal, "confidence": confidence}
        at = facts(at={"volatility": daily})
        return rules(sized(proposal(info=info), at, desk(**OPEN, **limits, names=("x",))))["signal"]

    calm = 0.2 / sqrt(365)
    assert share(2, 1.0, calm) == pytest.approx(0.02)
    assert share(-2, 1.0, calm) == pytest.approx(0.02)
    assert share(1, 0.5, calm) == pytest.approx(0.005)
    assert share(2, 1.0, 2 * calm) == pytest.approx(0.01)
    assert share(2, 1.0, 0.5 * calm) == pytest.approx(0.02)
    assert share(2, 1.0, 0.0) == pytest.approx(0.02)
    assert share(2, None, calm) == pytest.approx(0.02)
    assert share(2, 1.0, calm, signal_base=0.05, signal_most=0.03) == pytest.approx(0.03)
    for unknown in (nan, None):
        verdict = judge(proposal(info={"signal": 2, "confidence": 1.0}), facts(at={"volatility": unknown}))
        assert isinstance(verdict, Refusal)
        assert verdict.text.endswith("(size by signal)")


@pytest.mark.parametrize(
    ("confidence", "volatility", "factor"),
    [
        *((None, 0.5, 1.0), (0.5, None, 1.0), (0.5, 0.05, 1.0), (1.0, 0.05, 1.5), (0.0, 0.05, 0.5), (0.9, 0.1, 0.7)),
        *((0.2, 0.2, 0.5), (1.0, nan, 0.5), (0.75, 0.0, 1.25)),
        (0.25, 0.01, 0.75),  # calmer than usual is no reason to be larger
    ],
)
def test_s1_multiplier(confidence, volatility, factor):
    """F2: S1's multiplier 0.5-1.5 by confidence and volatility; 1 until a model gives a confidence (F1)."""
    one = proposal(info={"confidence": confidence}, size=0.1, name="x")
    at = facts(at={"volatility": volatility})
    of = desk(**OPEN, names=("x",))
    assert multiplier(Case(of._desktop(at), one)) == pytest.approx(factor)
    assert rules(sized(one, at, of))["size"] == pytest.approx(0.1 * factor)


@pytest.mark.parametrize(
    ("tier", "confidence", "share"),
    [
        ("A", None, 0.3),
        ("A", 0.5, 0.3),
        ("A", 0.75, 0.4),
        ("A", 1.0, 0.5),
        ("A", 1.2, 0.5),
        ("A", 0.1, 0.3),
        ("B", None, 0.1),
        ("B", 1.0, 0.15),
    ],
)
def test_s4_tiers(tier, confidence, share):
    """F2: A-trades 30-50 %, B-trades 10-15 % of the free margin."""
    held = Exposure()
    held.in_use[0] = held.reserved[0] = int(0.2 * CASH)
    one = proposal(info={"tier": f"{tier}_TRADE", "confidence": confidence}, name="x")
    found = rules(sized(one, facts(exposure=held), desk(**OPEN, names=("x",))))
    assert found["tier"] == pytest.approx(share * 0.8 / 0.1)


def test_the_turbo_profile_holds_for_small_accounts_only():
    """[ours] 10 % risk and 60 % margin hold below a balance of 100; above it 2 % and 6 % do."""
    info = {"tier": "A", "turbo": True}

    def at(money):
        return facts(equity=money * UNIT, cash=money * UNIT, at={"margin": 0.02, "maintenance": 0.004})

    tiny = judge(proposal(1, info=info, stop=0.004, target=0.01), at(99))
    assert isinstance(tiny, Approved)
    assert tiny.worst.margin <= 0.6 * 99 * UNIT
    assert tiny.worst.notional > 10 * 99 * UNIT  # 30 % of the margin at 50 times
    assert tiny.worst.risk <= 0.1 * 99 * UNIT
    grown = judge(proposal(1, info=info, stop=0.004, target=0.01), at(100))
    assert isinstance(grown, Approved)
    assert grown.worst.notional <= 0.1 * 100 * UNIT
    calm = judge(proposal(1, info={"tier": "A"}, stop=0.004, target=0.01), at(99))
    assert calm.worst.notional <= 0.1 * 99 * UNIT


def test_order_notional_holds_order_by_order():
    """Order notional: a grid of five may be five times as large as one order, within the position."""
    one = judge(proposal(1))
    five = judge(proposal(1, entries=grid(*[0.2] * 5, prices=[99.9, 99, 98, 97, 96])))
    assert one.bound == "order notional"
    assert five.bound == "largest position"
    assert len(five.orders) == 5
    assert 0.099 * CASH < one.worst.notional <= 0.1 * CASH
    assert 0.249 * CASH < five.worst.notional <= 0.25 * CASH


def test_depth_bounds_what_takes():
    """Order notional: 5 % of the depth within the collar."""
    money = 5_000 * UNIT
    for side, fact in [(1, "depth_ask"), (-1, "depth_bid")]:
        other = "depth_bid" if side > 0 else "depth_ask"
        verdict = judge(proposal(1, setup=setup(side)), facts(at={fact: money, other: 1e18}))
        assert verdict.bound == "depth"
        assert 0.049 * money < verdict.worst.notional <= 0.05 * money
        resting = setup(side, entries=(Entry(100 - side, post_only=True),))
        assert judge(proposal(1, setup=resting), facts(at={fact: money, other: 1e18})).bound == "order notional"
    unknown = judge(proposal(1), facts(at={"depth_ask": nan, "depth_bid": nan}))
    assert isinstance(unknown, Refusal)
    assert judge(proposal(1), facts(at={"depth_ask": 0.0})).reason is Refused.BELOW_MIN_NOTIONAL


@pytest.mark.parametrize("side", [1, -1])
def test_depth_bounds_the_largest_entry_that_takes(side):
    """Of a grid the setup may be so much larger; entries that rest meet nothing."""
    prices = [None, round(100 + side * 0.01, 2), round(100 - side * 2, 2)]
    fact = {"depth_ask": 200.0, "depth_bid": 600.0} if side > 0 else {"depth_ask": 600.0, "depth_bid": 200.0}
    one = proposal(1, setup=setup(side, entries=grid(0.1, 0.25, 0.65, prices=prices)))
    depth = sized(one, facts(at=fact), desk()).sizes["depth"]
    assert depth == pytest.approx(0.05 * 200 / 0.25)


def test_where_nothing_is_under_way_nothing_is_taken_off():
    """To the unit of money: what the exposure has no entry for is 0, for a notional and for a stake."""
    bare = Exposure(in_use={}, by_strategy={}, heat={}, notional={})
    info = {"tier": "A"}
    notional = sized(proposal(1, info=info, stop=1.0), facts(exposure=bare, at={"margin": 1.0}), desk())
    found = notional.sizes
    whole = {
        "largest position": 0.25,
        "heat": 0.06,
        "capital in use": 0.5,
        "capital share": 0.4,
        "cash": 1.0,
        "tier": 0.3,
    }
    assert {rule: found[rule] for rule in whole} == {rule: share * CASH for rule, share in whole.items()}
    stake = sized(
        proposal(1, superp=True, stake=5.0 / UNIT, stop=None, substitute="stake"),
        facts(exposure=bare),
        desk(superp=True),
    )
    shares = {"risk per trade": 0.02, "heat": 0.06, "capital in use": 0.5, "capital share": 0.4, "cash": 1.0}
    assert list(stake.sizes.items()) == [("stake", 5.0), *((r, x * CASH) for r, x in shares.items())]


def test_a_rule_that_cannot_be_computed_leaves_nothing():
    found = sized(proposal(1), facts(at={"depth_ask": nan}))
    assert (found.money, found.bound) == (0, "depth")


def test_a_lot_is_worth_one_unit_of_money_at_least():
    """So that no number of lots is unlimited."""
    small, inverse = instrument(1, lot="0.000001"), instrument(1, inverse=True)  # 1 money a tick; 1e11 / tick
    for inst, tick, worth in [(small, 1, 1), (small, 3, 3), (inverse, 10**11, 1)]:
        at = facts(at={"bid": tick, "ask": tick, "bar_only": True})
        assert lots_of(Case(desk()._desktop(at), proposal(inst=inst)), 12) == 12 // worth
    at = facts(at={"bid": 10**12, "ask": 10**12, "bar_only": True})
    assert lots_of(Case(desk()._desktop(at), proposal(inst=inverse)), 12) == 120  # of a tenth each


@pytest.mark.parametrize("tick", [7 * 10**9, 3 * 10**10, 6 * 10**10, 10**11])
@pytest.mark.parametrize("money", [0, 1, 13, 14, 15, 1_000, 123_457])
def test_the_lots_of_an_inverse_contract_are_worth_no_more_than_their_money(tick, money):
    """The worth of one is rounded, that of many is not the same so many times; and one more would be worth more."""
    inst = instrument(1, inverse=True)
    c = Case(desk()._desktop(facts(at={"bid": tick, "ask": tick, "bar_only": True})), proposal(inst=inst))
    lots = lots_of(c, money)
    assert lots == 0 or c.worth(tick, lots) <= money
    assert (lots + 1) * 10**11 > money * tick


def test_smaller_after_three_losses():
    """F3: smaller size after 3 losses."""
    one = desk()
    usual = judge(proposal(1), of=desk())
    one.memory.latch["losses"] = 2
    assert judge(proposal(1), of=one).orders == usual.orders
    one = desk()
    one.memory.latch["losses"] = 3
    smaller = judge(proposal(1), of=one)
    assert smaller.orders[0].qty == pytest.approx(usual.orders[0].qty / 2, abs=1)
    assert list(smaller.factors) == ["losses in a row"]


@pytest.mark.parametrize(("minimum", "good"), [("994", True), ("996", False)])
def test_minimum_notional_at_the_touch(minimum, good):
    """The order is worth 994.9 at the bid; its exit at the stop must be worth 1.1 times the minimum."""
    wish = proposal(inst=instrument(1, min_notional=minimum), stop=0.01)
    verdict = judge(wish, of=desk(min_exit=1.0))
    assert isinstance(verdict, Refusal)
    assert verdict.reason is (Refused.NO_EXIT if good else Refused.BELOW_MIN_NOTIONAL)


def test_exit_possible():
    """Control exit possible: worth at the stop, after the fee, at least 1.1 times the minimum notional."""
    worth = 9949 * 0.001 * 100.01 * 0.9995 * 0.99
    for minimum, good in [(worth / 1.1 - 0.01, True), (worth / 1.1 + 0.01, False)]:
        verdict = judge(proposal(inst=instrument(1, min_notional=f"{minimum:.6f}")))
        assert isinstance(verdict, Approved) if good else verdict.reason is Refused.NO_EXIT
    short = judge(proposal(inst=instrument(1, min_notional=f"{worth / 1.1 + 0.01:.6f}"), setup=setup(-1)))
    assert isinstance(short, Approved)  # a short's stop is dearer than its entry


def test_a_share_below_a_lot_is_left_out():
    verdict = judge(proposal(inst=instrument(1, lot="0.5"), entries=grid(0.96, 0.04, prices=[99.0, 98.0])))
    assert [o.qty for o in verdict.orders] == [19]
    assert judge(proposal(inst=instrument(1, lot="50"))).reason is Refused.BELOW_MIN_NOTIONAL


def test_superp_stakes():
    """A stake is what can be lost: it is held to the risk, the heat and the cash, not to notional rules."""
    stake = {"superp": True, "stop": None, "substitute": "stake", "leverage": 1000.0}

    def verdict(money, **held):
        exposure = Exposure()
        for field, used in held.items():
            getattr(exposure, field)[0] = used
        wish = setup(**stake, stake=money / UNIT)
        return judge(proposal(1, name="psc", setup=wish), facts(exposure=exposure), desk(superp=True, names=("psc",)))

    assert verdict(100 * UNIT).orders[0].qty == 100 * UNIT
    assert verdict(100 * UNIT).bound == "stake"
    assert verdict(300 * UNIT).orders[0].qty == 0.02 * CASH
    assert verdict(300 * UNIT).bound == "risk per trade"
    assert verdict(300 * UNIT, heat=int(0.05 * CASH)).orders[0].qty == 0.01 * CASH
    assert verdict(300 * UNIT, in_use=int(0.495 * CASH)).bound == "capital in use"
    assert verdict(300 * UNIT, in_use=int(0.5 * CASH)).reason is Refused.CAPITAL_IN_USE
    assert verdict(0.5).reason is Refused.NO_CASH
    assert verdict(100 * UNIT).worst.notional == 0


def test_portfolio_weights_bound_a_coin():
    """F6: a coin gets its weight of the capital; none without one."""
    from tickerml.desk.settings import Manager

    of = desk(**OPEN, names=("x",), manager=Manager(portfolio="given"))
    assert judge(proposal(1, name="x"), of=of).reason is Refused.BELOW_MIN_NOTIONAL
    of.portfolio.take(1, {1: 0.004, 2: 0.996})
    verdict = judge(proposal(1, name="x"), of=of)
    assert verdict.bound == "portfolio"
    assert verdict.worst.margin == pytest.approx(0.004 * CASH, rel=0.01)
    missing = structs.replace(of._desktop(facts()), weights={2: 1.0})
    assert rules(size(Case(missing, proposal(1, name="x"))))["portfolio"] == 0


MONEY = st.floats(0.0005, 1.0)


@given(
    limits=st.builds(
        Limits,
        risk_per_trade=st.floats(0.0001, 0.05),
        max_heat=st.floats(0.0001, 0.3),
        max_position=MONEY,
        max_in_use=MONEY,
        order_share=MONEY,
        depth_share=MONEY,
    ),
    side=st.sampled_from([1, -1]),
    stop=st.sampled_from([None, 0.004, 0.01, 0.03]),
    shares=st.sampled_from([(1.0,), (0.5, 0.5), (0.2,) * 5, (0.1, 0.3, 0.6)]),
    margin=st.sampled_from([0.1, 0.5, 1.0]),
    depth=st.floats(1e9, 1e13),
    used=st.integers(0, CASH // 2),
    wish=st.sampled_from([None, 0.3, 0.9]),
    lot=st.sampled_from(["0.001", "0.1", "1"]),
    kind=st.sampled_from(["linear", "inverse"]),
)
def test_no_size_passes_any_limit(limits, side, stop, shares, margin, depth, used, wish, lot, kind):
    """T8: whatever the limits and the wish, the orders as sent keep every one of them."""
    held = Exposure()
    held.in_use[0], held.heat[0], held.by_strategy[0, 0] = used, used // 20, used
    prices = [None, *[round(100 - side * 0.5 * k, 2) for k in range(1, len(shares))]]
    wished = setup(side, stop=stop, entries=grid(*shares, prices=prices), size=wish, substitute="" if stop else "hedge")
    inst = instrument(1, inverse=True) if kind == "inverse" else instrument(1, lot=lot, min_notional="0")
    at = facts(exposure=held.copy(), at={"margin": margin, "maintenance": 0.0, "depth_ask": depth, "depth_bid": depth})
    of = desk(replace(limits, liquidation_stops=1.0), names=("dca",))
    verdict = (judge if stop else judge_hedged)(proposal(inst=inst, setup=wished), at, of)
    if isinstance(verdict, Refusal):
        return
    lots = sum(o.qty for o in verdict.orders)
    high = max([o.price for o in verdict.orders] + [market().ask])
    low = min([o.price for o in verdict.orders] + [market().bid])

    def worth(qty):  # in money, at the price at which it is worth most
        return qty * 10 / (low / 100) * UNIT if kind == "inverse" else high * 0.01 * float(inst.lot) * qty * UNIT

    slack = 2 + CASH * 1e-12
    assert all(worth(o.qty) <= limits.order_share * CASH + slack for o in verdict.orders)
    assert worth(lots) <= limits.max_position * CASH + slack
    assert worth(lots) * margin + used <= limits.max_in_use * CASH + slack
    at_stop = lost(stop, kind == "inverse", side)  # share of the notional: an inverse short loses less than its stop
    assert worth(lots) * at_stop <= limits.risk_per_trade * CASH + slack
    assert worth(lots) * at_stop + used // 20 <= limits.max_heat * CASH + slack
    touch = market().ask if side > 0 else market().bid
    taking = [o.qty for o in verdict.orders if o.tif == 2]
    assert all(worth(q) * touch / high <= limits.depth_share * depth * 1.02 + slack for q in taking)
    assert verdict.worst.notional >= worth(lots) - len(verdict.orders)  # an inverse value is rounded
    assert at.exposure.in_use[0] == used + verdict.worst.margin
    assert verdict.bound == min(verdict.sizes, key=verdict.sizes.get)


@pytest.mark.parametrize("unit", [10**8, 10**16, 10**18])
@pytest.mark.parametrize("stake", [1e-9, 0.29, 100.0, np.float64(2.5), np.int64(3), 2e7, 1e15])
def test_a_stake_is_what_it_says_in_every_unit_of_money(stake, unit):
    at = facts(equity=500 * unit, cash=500 * unit)
    at = structs.replace(at, accounts={0: structs.replace(at.accounts[0], unit=unit)})
    named = sized(proposal(stake=stake), at).sizes
    assert named["stake"] == float(round(Fraction(repr(float(stake))) * unit))


def test_a_factor_of_one_is_none():
    """F2: what shrinks nothing is not told as if it had."""
    of = desk(losses_size=1.0, warm_size=1.0)
    of.memory.latch["losses"] = of.limits.losses_smaller
    assert sized(proposal(1), facts(ready_ns=1), of).factors == {}
    shrunk = sized(proposal(1), facts(ready_ns=1), desk(warm_size=0.75)).factors
    assert shrunk == {"session start": 0.75}
