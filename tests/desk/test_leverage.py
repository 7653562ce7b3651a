"""C3, F2, F3: a setup's own leverage: who holds it down, what goes by it, and which limits stand above."""

from __future__ import annotations

from math import inf, nan

import pytest
from desks import CASH, SPOT, UNIT, desk, facts, gate, grid, judge, judge_hedged, proposal, setup
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tickerml.account.contract import RATE
from tickerml.desk.approved import Approved, Refusal
from tickerml.desk.case import Case
from tickerml.desk.exposure import Exposure
from tickerml.desk.facts import Tier
from tickerml.desk.gates import ABSENT, PASSED
from tickerml.desk.leverage import leverage_of, tier_of
from tickerml.desk.limits import Limits, Refused
from tickerml.desk.sizing import size

TIERS = (Tier(5_000 * UNIT, 0.004, 125), Tier(50_000 * UNIT, 0.01, 50), Tier(10**7 * UNIT, 0.025, 20))
OPEN = {"risk_per_trade": 0.05, "max_heat": 1.0, "max_position": 1.0, "max_in_use": 1.0, "order_share": 1.0}


def at(money=10_000, tiers=TIERS, **more):
    return facts(equity=money * UNIT, cash=money * UNIT, at={"tiers": tiers, **more.pop("at", {})}, **more)


def sizes(one, moment, of=None):
    of = of or desk(**OPEN, names=("x",))
    return {
        rule: money / moment.accounts[0].equity for rule, money in size(Case(of._desktop(moment), one)).sizes.items()
    }


def wish(times, *, stop=0.001, target=0.02, **more):
    return proposal(1, name="x", leverage=times, stop=stop, target=target, **more)


def test_a_wish_is_kept_and_its_orders_name_it():
    """C3: 50x in simulation; the order carries it to the venue."""
    verdict = judge(wish(50.0, size=0.01), at())
    assert isinstance(verdict, Approved)
    assert verdict.leverage[:3] == (50.0, "wish", 50.0)
    assert {o.leverage for o in verdict.orders} == {50.0}
    assert verdict.told(str)["leverage"] == 50.0
    assert verdict.told(str)["leverage_bound"] == "wish"
    resting = judge(wish(7.0, entries=grid(0.5, 0.5, prices=[99.0, 98.0])), at())
    assert [o.leverage for o in resting.orders] == [7.0, 7.0]


def test_a_setup_that_names_none_trades_at_the_usual():
    verdict = judge(proposal(1), at())
    assert verdict.leverage[:3] == (10.0, "usual", 0.0)
    assert {o.leverage for o in verdict.orders} == {0.0}


@pytest.mark.parametrize(
    ("times", "stop", "changed", "tiers", "held", "bound"),
    [
        (90.0, 0.001, {"max_leverage": 125.0}, TIERS, 90, "wish"),
        (90.0, 0.001, {}, TIERS, 50, "largest leverage"),
        (30.7, 0.001, {}, TIERS, 30, "wish"),
        (0.3, 0.001, {}, TIERS, 1, "wish"),
        (50.0, 0.01, {}, TIERS, 29, "liquidation distance"),  # 1 / (0.4 % + 3 x 1 %)
        (50.0, 0.01, {"liquidation_stops": 1.0}, TIERS, 50, "wish"),
        (50.0, 0.001, {}, (Tier(inf, 0.03, 12),), 12, "margin tier"),
        (50.0, 0.02, {}, (), 16, "liquidation distance"),
        (50.0, None, {}, TIERS, 50, "wish"),
    ],
)
def test_who_holds_a_wish_down(times, stop, changed, tiers, held, bound):
    """F3: the lowest of the wish, limits.max_leverage, the margin tier and the liquidation distance; whole times."""
    one = wish(times, stop=stop, substitute="" if stop else "hedge")
    verdict = (judge if stop else judge_hedged)(one, at(4_000, tiers), desk(**changed, names=("x",)))
    assert isinstance(verdict, Approved)
    assert verdict.leverage[:2] == (held, bound)


def test_the_liquidation_distance_holds_a_wish_down():
    """Liquidation distance >= 3x the stop distance: the own leverage is lowered, the account's usual one refused."""
    for stop in (0.003, 0.006, 0.01, 0.05, 0.2):
        verdict = judge(wish(50.0, stop=stop, target=0.5), at())
        asked = gate(verdict, "liquidation distance")
        assert asked.state == PASSED
        assert asked.value >= 3 * stop
        times = verdict.leverage.times
        assert times == 50 or 1 / (times + 1) - verdict.leverage.maintenance < 3 * stop + 1e-7
    assert judge(wish(50.0, stop=0.4, target=0.5), at()).reason is Refused.LIQUIDATION  # not even without leverage
    assert judge(proposal(1, stop=0.04, target=0.5), at()).reason is Refused.LIQUIDATION


def test_the_tier_is_that_of_the_largest_position_that_the_limits_allow():
    """A position of 25 % of equity, or one that loses 2 % of it at its stop: whichever is smaller."""
    wide = {"liquidation_stops": 1.0, "max_leverage": 125.0}
    for money, stop, held in [
        (19_000, 0.001, 125),  # 25 % are 4,750: the first tier
        (21_000, 0.001, 50),
        (21_000, 0.2, 4),  # a tenth of it is all that may be lost: the first tier, and the stop holds it down
        (210_000, 0.001, 20),
    ]:
        verdict = judge(wish(125.0, stop=stop, target=0.5), at(money), desk(**wide, names=("x",)))
        assert verdict.leverage.times == held
    assert judge(wish(125.0, stop=0.001), at(100_000_000), desk(**wide, names=("x",))).leverage.times == 20


def test_the_usual_leverage_is_held_down_by_the_tier_too():
    verdict = judge(proposal(1), at(tiers=(Tier(inf, 0.05, 5),)))
    assert verdict.leverage[:3] == (5.0, "margin tier", 5.0)
    assert judge(proposal(1), at(tiers=(Tier(inf, 0.05, 10),))).leverage[:3] == (10.0, "usual", 0.0)


def test_spot_has_no_leverage():
    """The desk lowers a wish to 1 and says why; the venue would refuse it (tests/sim/test_margin_venue.py)."""
    verdict = judge(proposal(inst=SPOT[1], leverage=50.0, name="x"), facts(at={"margin": 1.0}))
    assert isinstance(verdict, Approved)
    assert verdict.leverage == (1.0, "spot", 0.0, 1.0, 0.0)
    assert {o.leverage for o in verdict.orders} == {0.0}
    assert verdict.worst.margin == verdict.worst.notional
    assert gate(verdict, "liquidation distance").state == ABSENT
    plain = judge(proposal(inst=SPOT[1], leverage=1.0, name="x"), facts(at={"margin": 1.0}))
    assert plain.leverage.bound == "usual"


@pytest.mark.parametrize(("times", "bound"), [(None, "usual"), (0.5, "usual"), (1.0, "usual"), (1.5, "spot")])
def test_a_wish_of_spot_is_lowered_only_where_it_is_above_one(times, bound):
    c = Case(desk()._desktop(facts(at={"margin": 1.0})), proposal(inst=SPOT[1], leverage=times))
    assert leverage_of(c) == (1.0, bound, 0.0, 1.0, 0.0)


@pytest.mark.parametrize(("times", "held"), [(200.0, 200.0), (0.5, 0.5), (None, 1.0)])
def test_a_superp_position_has_the_leverage_it_names_and_ties_up_its_stake(times, held):
    """No control holds it down: its stake is all that can be lost, and nothing liquidates it."""
    one = wish(times, superp=True, stake=5.0, stop=None, substitute="stake")
    assert leverage_of(Case(desk()._desktop(at()), one)) == (held, "wish", held, 1.0, 0.0)


def test_a_position_at_the_cap_of_a_tier_is_in_it():
    first, second = Tier(100, 0.01, 50), Tier(200, 0.02, 20)
    found = [tier_of((first, second), worth) for worth in (100, 100.5, 200, 201)]
    assert found == [first, second, second, second]
    assert tier_of((), 1e30)[1:] == (0.0, inf)


def test_every_size_by_margin_goes_by_the_own_leverage():
    """F2: capital, cash, portfolio, tiers and a wished share of margin, at 50 times instead of the usual 10."""
    one = wish(50.0, size=0.3, info={"tier": "A"})
    found, usual = sizes(one, at(tiers=())), sizes(wish(None, size=0.3, info={"tier": "A"}), at(tiers=()))
    assert found["capital in use"] == pytest.approx(50.0)
    assert usual["capital in use"] == pytest.approx(10.0)
    assert found["capital share"] == pytest.approx(50.0)
    assert found["cash"] == pytest.approx(50.0)
    assert found["tier"] == pytest.approx(15.0)
    assert found["size"] == pytest.approx(15.0)  # 30 % of the margin
    assert usual["size"] == pytest.approx(0.3)  # without a leverage: of equity
    for rule in ("largest position", "order notional", "risk per trade", "heat"):
        assert found[rule] == usual[rule]


def test_worst_case_and_capital_in_use_count_the_margin_at_the_own_leverage():
    """F3: margin = notional / leverage; several trades together keep within max_in_use."""
    of = desk(names=("x",), max_position=1.0, order_share=1.0, max_in_use=0.01, risk_per_trade=0.05, max_heat=1.0)
    moment = at(tiers=())
    verdicts = [judge(structs.replace(wish(40.0), inst=i), moment, of) for i in _coins(3)]
    first, second, third = verdicts
    assert first.bound == "capital in use"
    assert first.worst.margin == pytest.approx(0.01 * CASH, rel=1e-3)
    assert first.worst.notional == pytest.approx(0.4 * CASH, rel=1e-3)
    assert first.worst.margin >= first.worst.notional / 40
    assert all(isinstance(one, Refusal) for one in (second, third))
    assert moment.exposure.in_use[0] == first.worst.margin <= 0.01 * CASH


def _coins(n):
    from desks import COINS

    return COINS[1 : n + 1]


@pytest.mark.parametrize(
    ("changed", "bound", "share"),
    [
        ({}, "order notional", 0.1),
        ({"order_share": 1.0}, "largest position", 0.25),
        ({"order_share": 1.0, "max_position": 1.0, "risk_per_trade": 0.001}, "risk per trade", 0.25),
        ({"order_share": 1.0, "max_position": 1.0, "max_heat": 0.0004}, "heat", 0.1),
    ],
)
def test_limits_stand_above_the_leverage_and_the_one_that_bound_is_named(changed, bound, share):
    """F2: 30 % of the margin at 50 times would be 15 times the equity."""
    verdict = judge(wish(50.0, size=0.3, stop=0.004), at(tiers=()), desk(**changed, names=("x",)))
    assert verdict.bound == bound
    assert verdict.worst.notional == pytest.approx(share * CASH, rel=2e-3)
    assert verdict.worst.notional <= share * CASH


def test_turbo_small_accounts_trade_as_large_as_their_source_means():
    """C3: below 100, an A-trade takes 30 % of the margin at 50 times, whatever the account's usual leverage is."""
    info = {"tier": "A", "turbo": True}
    for usual in (1.0, 0.1):
        moment = at(18, at={"margin": usual})
        verdict = judge(wish(50.0, size=0.3, stop=0.004, target=0.01, info=info), moment, desk(names=("x",)))
        assert isinstance(verdict, Approved)
        assert verdict.leverage[:2] == (50.0, "wish")
        assert verdict.worst.notional == pytest.approx(0.3 * 50 * 18 * UNIT, rel=0.01)
        assert verdict.worst.margin <= 0.6 * 18 * UNIT
        assert verdict.worst.risk <= 0.1 * 18 * UNIT
    risky = judge(wish(50.0, size=0.5, stop=0.005, target=0.01, info=info), at(18), desk(names=("x",)))
    assert risky.worst.risk <= 0.1 * 18 * UNIT


def test_what_cannot_be_computed_is_refused():
    for unknown in ({"tiers": (Tier(inf, nan, 50),)}, {"tiers": (Tier(inf, 0.01, nan),)}):
        assert isinstance(judge(wish(50.0), facts(at=unknown)), Refusal)


@given(
    times=st.floats(0.1, 200),
    stop=st.floats(0.0005, 0.2),
    money=st.integers(20, 10**7),
    side=st.sampled_from([1, -1]),
    limits=st.builds(
        Limits,
        max_in_use=st.floats(0.01, 1.0),
        max_position=st.floats(0.01, 1.0),
        order_share=st.floats(0.01, 1.0),
        max_leverage=st.floats(1, 125),
        liquidation_stops=st.floats(1, 10),
    ),
    turbo=st.booleans(),
    used=st.floats(0, 0.5),
)
def test_no_leverage_passes_any_limit(times, stop, money, side, limits, turbo, used):
    """T8: whatever is wished, the orders keep to limits, tier and liquidation distance."""
    equity = money * UNIT
    held = Exposure()
    held.in_use[0] = int(used * equity)
    wished = setup(side, leverage=times, stop=stop, target=1.0, size=0.5, info={"tier": "A", "turbo": turbo})
    one = proposal(1, name="x", setup=wished)
    verdict = judge(one, at(money, exposure=held), desk(limits, names=("x",)))
    if isinstance(verdict, Refusal):
        return
    got = verdict.leverage
    small = turbo and money < limits.turbo_balance
    tier = next(t for t in TIERS if verdict.worst.notional <= t.cap)
    assert got.times == int(got.times) == got.order
    assert 1 <= got.times <= max(1, min(times + 1e-6, limits.max_leverage, tier.leverage))
    assert got.margin - tier.maintenance >= limits.liquidation_stops * stop
    assert verdict.worst.margin * got.times >= verdict.worst.notional * (1 - 1e-9)
    most = limits.turbo_in_use if small else limits.max_in_use
    assert held.in_use[0] <= most * equity + 2
    assert verdict.worst.notional * stop <= (limits.turbo_risk if small else limits.risk_per_trade) * equity + 2
    if not small:
        assert verdict.worst.notional <= min(limits.max_position, limits.order_share) * equity + 2
    for order in verdict.orders:  # the venue rounds the rate up: what it ties up is what we count
        assert -(-RATE // int(order.leverage)) / RATE == got.margin
