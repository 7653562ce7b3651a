"""F2, F3: what adds to a position is judged as what it adds: with what is held it keeps every limit of the whole."""

from __future__ import annotations

import pytest
from desks import COINS, NOW, UNIT, desk, facts, gate, instrument, judge, proposal, setup
from msgspec import structs

from tickerml.desk.approved import Approved, Refusal
from tickerml.desk.case import Case
from tickerml.desk.exposure import Exposure, Worst, rest
from tickerml.desk.gates import ABSENT
from tickerml.desk.limits import Refused
from tickerml.desk.sizing import size
from tickerml.tape.intents import Reach, Target

WIDE = {"order_share": 1.0, "max_position": 1.0, "max_in_use": 1.0, "risk_per_trade": 0.05, "max_heat": 1.0}
HELD = Worst(1_000 * UNIT, 100 * UNIT, 10 * UNIT)  # worth, margin, lost at the stop


def reach(exposure, stop=0.01, **more):
    target = Target(exposure, stop=stop, substitute="" if stop else "envelope")
    return structs.replace(proposal(setup=Reach.of(target, stop)), **more)


def under_way(held=HELD, **more):
    """What the account has under way: that alone, on the first coin."""
    found = Exposure(positions=1, room=63)
    found.count(0, 0, 0, 1, held)
    return structs.replace(found, **more)


def further(exposure, held=HELD, at=None, of=None, **limits):
    """The verdict on more of what is held."""
    at = at or facts(exposure=under_way(held))
    return judge(reach(exposure, held=held), at, of or desk(**{**WIDE, **limits}))


def worth(verdict):
    return verdict.worst.notional / UNIT


def test_f2_it_adds_what_is_missing():
    verdict = further(0.3)
    assert isinstance(verdict, Approved)
    assert worth(verdict) == pytest.approx(2_000, rel=0.01)
    assert verdict.bound == "size"
    assert worth(judge(reach(0.3), of=desk(**WIDE))) == pytest.approx(3_000, rel=0.01)


def test_f3_risk_per_trade_is_that_of_the_whole():
    held = structs.replace(HELD, risk=90 * UNIT)
    verdict = further(0.9, held, risk_per_trade=0.01)
    assert verdict.bound == "risk per trade"
    assert worth(verdict) == pytest.approx(1_000, rel=0.01)  # 100 may be lost, 90 would be: 10 at a stop of a hundredth
    assert gate(verdict, "risk per trade").value <= 100 * UNIT
    assert gate(verdict, "risk per trade").value == pytest.approx(100 * UNIT, rel=0.01)
    assert further(0.9, structs.replace(HELD, risk=100 * UNIT), risk_per_trade=0.01).reason == Refused.SMALL_CHANGE


def test_f3_the_largest_position_is_that_of_the_whole():
    verdict = further(0.9, max_position=0.15)
    assert verdict.bound == "largest position"
    assert worth(verdict) == pytest.approx(500, rel=0.01)


@pytest.mark.parametrize(("info", "bound"), [({"signal": 2.0}, "signal"), ({}, "portfolio")])
def test_f2_a_models_signal_and_the_portfolio_are_of_the_whole(info, bound):
    one = reach(0.9, held=HELD)
    one = structs.replace(one, setup=Reach.of(Target(0.9, stop=0.01, info=info), 0.01))
    of = desk(**{**WIDE, "signal_base": 0.05, "signal_most": 0.05, "signal_volatility": 10.0})
    at = facts(exposure=under_way(), at={"volatility": 0.01})
    if bound == "portfolio":
        known = structs.replace(of._desktop(at), weights={0: 0.015})
        verdict = of._judge(known, one, 0.0)
        assert worth(verdict) == pytest.approx(500, rel=0.01)  # of 1,500 at a margin of a tenth
    else:
        verdict = judge(one, at, of)
        assert isinstance(verdict, Refusal)  # 500 in all, and more is held
    assert min(verdict.sizes, key=verdict.sizes.get) == bound


def test_f3_a_further_entry_adds_at_least_the_least_change():
    few, more = further(0.12, least_change=0.2), further(0.14, least_change=0.2)
    assert few.reason == Refused.SMALL_CHANGE
    assert gate(few, "change").value / UNIT == pytest.approx(200, rel=0.01)
    assert gate(few, "change").limit / UNIT == pytest.approx(0.2 * 1_200, rel=0.01)
    assert isinstance(more, Approved)
    assert gate(judge(reach(0.1), of=desk(**WIDE)), "change").state == ABSENT


def test_f3_what_is_held_already_leaves_nothing_to_add():
    verdict = further(0.09)
    assert verdict.reason == Refused.SMALL_CHANGE
    assert verdict.sizes


@pytest.mark.parametrize("held", [None, HELD])
def test_f3_a_coin_has_one_setup_and_more_adds_to_it(held):
    verdict = judge(reach(0.3, held=held), facts(exposure=under_way()), desk(**WIDE))
    if held is None:
        assert verdict.reason == Refused.POSITION_OPEN
    else:
        assert isinstance(verdict, Approved)
        assert gate(verdict, "positions").state == ABSENT


def test_f3_it_takes_no_further_place_and_correlates_with_no_position_of_its_own():
    at = facts(exposure=under_way(), correlation=lambda one, other: 1.0)
    verdict = further(0.3, at=at, max_open_positions=1, max_correlation=0.5)
    assert isinstance(verdict, Approved)
    assert at.exposure.positions == 1
    assert at.exposure.room == 63
    assert at.exposure.notional[0] == HELD.notional + verdict.worst.notional
    beside = under_way()
    beside.count(0, 0, 1, 1, HELD)
    at = facts(exposure=beside, correlation=lambda one, other: 1.0)
    assert further(0.3, at=at, max_correlation=0.5).reason == Refused.CORRELATED


def test_f1_on_one_coin_what_adds_to_the_position_goes_first():
    of = desk(**WIDE)
    rival = proposal(strategy=1, name="swing", seq=50, setup=setup(size=0.1, info={"confidence": 0.9}))
    mine = reach(0.3, held=HELD)
    for round_of in ([rival, mine], [mine, rival]):
        verdicts = of.round(round_of, facts(exposure=under_way()))
        told = dict(zip([p.seq for p in round_of], verdicts, strict=True))
        assert isinstance(told[mine.seq], Approved)
        assert told[50].reason == Refused.CONFLICT


def test_f5_without_a_stop_all_of_it_may_be_lost_and_the_size_says_so():
    verdict = judge(reach(0.9, stop=None), of=desk(**{**WIDE, "risk_per_trade": 0.02}))
    assert isinstance(verdict, Approved)
    assert gate(verdict, "stop").value == "envelope"
    assert verdict.bound == "risk per trade"
    assert worth(verdict) == pytest.approx(200, rel=0.01)
    assert verdict.worst.risk == verdict.worst.notional


def test_f3_our_own_stop_is_no_order_to_meet_and_a_resting_one_is():
    met = under_way()
    rest(met, 0, -1, 9_990)
    assert further(0.3, at=facts(exposure=met)).reason == Refused.SELF_TRADE
    assert isinstance(further(0.3), Approved)


def test_a_spot_coin_is_not_wished_short():
    spot = instrument(0, spot=True)
    one = structs.replace(proposal(inst=spot, setup=Reach.of(Target(-0.1, stop=0.01), 0.01)))
    assert judge(one, of=desk(**WIDE, instruments=(spot, *COINS[1:]))).reason == Refused.NO_SHORT


def test_the_horizon_of_a_wish_fits():
    assert NOW + reach(0.1).setup.horizon_ns < 2**63


def sized(exposure, held=HELD, *, at=None, info=None, **limits):
    """The size of more of what is held, after three losses: half of all there may be."""
    of = desk(**{**WIDE, "losses_smaller": 3, "losses_size": 0.5, **limits})
    at = at or facts(exposure=under_way(held))
    target = Target(exposure, stop=0.01, info=info or {})
    one = structs.replace(proposal(setup=Reach.of(target, 0.01)), held=held)
    return size(Case(structs.replace(of._desktop(at), losses=3), one))


def test_f2_factors_shrink_the_whole_and_what_is_held_of_it_is_there():
    found = sized(0.3)
    assert (found.money, found.bound) == (500 * UNIT, "size")
    assert list(found.factors) == ["losses in a row"]
    assert found.sizes["size"] == 2_000 * UNIT
    assert sized(0.15).money == 0


def test_f2_factors_shrink_what_is_of_one_order_as_such():
    found = sized(0.9, order_share=0.05)
    assert (found.money, found.bound) == (250 * UNIT, "order notional")


def test_f2_a_rule_that_cannot_be_computed_leaves_nothing_to_add():
    found = sized(0.9, at=facts(exposure=under_way(), at={"depth_ask": float("nan")}))
    assert (found.money, found.bound) == (0, "depth")


def test_f2_a_tier_is_a_share_of_the_margin_that_would_be_free_without_it():
    held = Worst(400 * UNIT, 300 * UNIT, UNIT)
    found = sized(0.9, held, info={"tier": "B"}, losses_size=1.0, tier_b_low=0.05)
    assert (found.money, found.bound) == (4_600 * UNIT, "tier")  # 500 at ten times, of which 400 are held
