"""F1: whose turn it is, who wins a coin, and that a round counts each approval before the next is judged."""

from __future__ import annotations

import pytest
from desks import CASH, COINS, UNIT, desk, facts, grid, judge, market, proposal, setup
from hypothesis import given
from hypothesis import strategies as st

from tickerml.desk.approved import Approved, Refusal
from tickerml.desk.limits import Limits, Refused
from tickerml.desk.regime import Stance
from tickerml.desk.settings import Manager
from tickerml.tape.errors import ConfigError

NAMES = ("dca", "swing", "channel")


def wish(k, strategy, *, seq=0, confidence=None, **more):
    info = {"confidence": confidence} if confidence is not None else {}
    return proposal(k, seq=seq, strategy=strategy, name=NAMES[strategy], info=info, **more)


def winners(verdicts):
    return [k for k, v in enumerate(verdicts) if isinstance(v, Approved)]


def test_a_conflict_goes_to_the_higher_confidence():
    """S1: higher ML confidence wins, whatever the expected value."""
    round_ = [wish(1, 0, confidence=0.7, target=0.5), wish(1, 1, confidence=0.71, target=0.01)]
    verdicts = desk().round(round_, facts())
    assert winners(verdicts) == [1]
    assert verdicts[0].reason is Refused.CONFLICT
    assert "swing" in verdicts[0].text


def test_equal_confidence_goes_by_expected_value_then_priority_then_time():
    same = [wish(1, 0, confidence=0.7, target=0.02), wish(1, 1, confidence=0.7, target=0.03)]
    assert winners(desk().round(same, facts())) == [1]
    equal = [wish(1, 0, seq=8), wish(1, 1, seq=9)]
    assert winners(desk().round(equal, facts())) == [0]
    first = desk(manager=Manager(priorities={"swing": 1.0}))
    assert winners(first.round(equal, facts())) == [1]
    assert winners(desk().round([wish(1, 0, seq=9), wish(1, 1, seq=8)], facts())) == [1]


def test_without_a_confidence_for_all_expected_value_decides():
    """[ours] until a model is promoted, conflicts go by expected value, then priority."""
    one = desk()
    for strategy, won in ((0, 2), (1, 8)):
        one.memory.pairs[strategy, 3]["trades"], one.memory.pairs[strategy, 3]["won"] = 10, won
    assert winners(one.round([wish(1, 0), wish(1, 1)], facts())) == [1]
    assert winners(one.round([wish(2, 0, confidence=0.61, target=0.01), wish(2, 1)], facts())) == [1]


def test_expected_value():
    """p x target - (1 - p) x stop - cost; without a model the own rate, shrunk to the break-even rate by 20 trades."""
    manager, at, calm = desk().manager, market(cost=0.002), Stance()
    sure = wish(1, 0, confidence=0.6, target=0.03, stop=0.01)
    assert manager.expected(sure, at, calm) == pytest.approx(0.6 * 0.03 - 0.4 * 0.01 - 0.002)
    plain = wish(1, 0, target=0.03, stop=0.01)
    assert manager.expected(plain, at, calm) == pytest.approx(0.0, abs=1e-12)
    pair = manager.memory.pairs[0, 5]
    pair["trades"], pair["won"] = 20, 20
    even = 0.012 / 0.04
    p = (20 + 20 * even) / 40
    assert manager.expected(plain, at, calm) == pytest.approx(p * 0.03 - (1 - p) * 0.01 - 0.002)
    assert manager.expected(wish(1, 1, target=0.03, stop=0.01), at, calm) == pytest.approx(0.0, abs=1e-12)
    open_end = wish(1, 0, confidence=0.6, target=None, stop=0.01)
    assert manager.expected(open_end, at, calm) == pytest.approx(0.2 * 0.01 - 0.002)


def test_season_lowers_what_is_out_of_it():
    """F4: bull / bear / sideways favour Swing / DCA / Channel."""
    manager, at = desk().manager, market(cost=0.0)
    bull = Stance("NORMAL", "bull", favour=0.75)
    for strategy, factor in ((0, 0.75), (1, 1.0), (2, 0.75)):
        good = wish(1, strategy, confidence=0.8, target=0.02, stop=0.01)
        bad = wish(1, strategy, confidence=0.1, target=0.02, stop=0.01)
        assert manager.expected(good, at, bull) == pytest.approx(0.014 * factor)
        assert manager.expected(bad, at, bull) == pytest.approx(-0.007 / factor)


def test_a_round_is_judged_by_expected_value_and_each_approval_counts():
    """Five positions: of seven wishes the five of the highest expected value are approved."""
    values = [0.61, 0.7, 0.62, 0.9, 0.63, 0.8, 0.64]
    wishes = [wish(k, 0, seq=k, confidence=p, size=0.02) for k, p in enumerate(values)]
    at = facts()
    verdicts = desk().round(wishes, at)
    assert winners(verdicts) == [1, 3, 4, 5, 6]
    assert {verdicts[0].reason, verdicts[2].reason} == {Refused.TOO_MANY_POSITIONS}
    assert at.exposure.positions == 5
    assert [v.intent for v in verdicts] == list(range(7))


def test_one_position_a_coin_also_within_a_round():
    verdicts = desk().round([wish(1, 0, seq=1), wish(1, 1, seq=2), wish(1, 2, seq=3)], facts())
    assert len(winners(verdicts)) == 1
    assert [v.reason for v in verdicts if isinstance(v, Refusal)] == [Refused.CONFLICT] * 2


def test_capital_runs_out_within_a_round():
    at = facts(at={"margin": 1.0})
    tight = desk(order_share=0.25, max_open_positions=8, max_correlation=1.0, losses_size=1.0, max_heat=1.0)
    verdicts = tight.round([wish(k, 0, seq=k, stop=0.002) for k in range(5)], at)
    assert winners(verdicts) == [0, 1]  # 25 % + 15 %: the 40 % of DCA, to within a lot
    assert [verdicts[k].bound for k in (0, 1)] == ["largest position", "capital share"]
    assert at.exposure.in_use[0] <= 0.4 * CASH
    assert {verdicts[k].reason for k in (2, 3, 4)} <= {Refused.CAPITAL_SHARE, Refused.BELOW_MIN_NOTIONAL}


def test_no_weights_at_all_are_refused():
    with pytest.raises(ConfigError) as caught:
        desk(names=("dca",), manager=Manager(weights={"dca": 0.0}))
    assert caught.value.code == "weights"
    with pytest.raises(ConfigError):
        desk(names=("dca", "swing"), manager=Manager(weights={"dca": -1.0}))


def test_legs_stand_or_fall_together():
    """Control legs: all are approved before the first is sent, or none is; what was tried counts nowhere."""
    legs = [wish(1, 0, seq=5, group=7), proposal(2, seq=5, strategy=0, group=7, setup=setup(-1))]
    at, one = facts(), desk()
    assert winners(one.round(legs, at)) == [0, 1]
    assert at.exposure.positions == 2
    markets = {1: market(), 2: market(blocked="halted"), 3: market()}
    at, one = facts(markets=markets), desk()
    verdicts = one.round([*legs, wish(3, 1, seq=6)], at)
    assert winners(verdicts) == [2]
    assert [v.reason for v in verdicts[:2]] == [Refused.LEG, Refused.VENUE]
    assert (at.exposure.positions, at.exposure.orders_on[1], at.exposure.heat[0]) == (1, 0, verdicts[2].worst.risk)
    assert one.memory.pairs[0, 1]["n"] == 0


def test_a_leg_that_loses_its_coin_takes_the_others_along():
    legs = [wish(1, 0, seq=5, group=7), wish(2, 0, seq=5, group=7)]
    better = wish(2, 1, seq=6, target=0.2)
    one = desk()
    one.memory.pairs[1, 5]["trades"] = one.memory.pairs[1, 5]["won"] = 10
    at = facts()
    verdicts = one.round([*legs, better], at)
    assert winners(verdicts) == [2]
    assert [v.reason for v in verdicts[:2]] == [Refused.LEG, Refused.CONFLICT]


def spread(group, *coins, worth=0.02):
    return [wish(k, 0, seq=group, group=group, target=worth) for k in coins]


def test_legs_that_lose_a_coin_stand_in_nobodys_way_on_the_others():
    """[ours] (2, 3) loses coin 2 to the single wish; so (3, 5), which would lose coin 3 to it, has both its coins."""
    round_ = [*spread(1, 2, 3, worth=0.05), *spread(2, 3, 5, worth=0.03), wish(2, 1, seq=9, target=0.2)]
    verdicts = desk().round(round_, facts())
    assert winners(verdicts) == [2, 3, 4]
    assert [v.reason for v in verdicts[:2]] == [Refused.CONFLICT, Refused.CONFLICT]


def test_intents_that_lose_to_each_other_in_a_circle_do_not_all_lose():
    ring = [(1, 2), (2, 3), (3, 5), (5, 1)]
    round_ = [leg for n, coins in enumerate(ring, 1) for leg in spread(n, *coins)]
    verdicts = desk().round(round_, facts())
    assert winners(verdicts) == [0, 1, 4, 5]
    assert verdicts[2].reason is verdicts[7].reason is Refused.CONFLICT


@given(st.data())
def test_who_wins_a_coin_has_all_its_coins_and_nobody_loses_to_a_loser(data):
    """Each loser lost to a winner on its own coin; winners share no coin; without legs it is the best of each coin."""
    units = data.draw(
        st.lists(st.lists(st.sampled_from((1, 2, 3, 5)), min_size=1, max_size=3, unique=True), max_size=6)
    )
    worths = data.draw(st.lists(st.sampled_from((0.01, 0.02, 0.03)), min_size=len(units), max_size=len(units)))
    round_ = [
        leg for n, (coins, w) in enumerate(zip(units, worths, strict=True), 1) for leg in spread(n, *coins, worth=w)
    ]
    manager, expected = desk().manager, [p.setup.target for p in round_]
    _, lost = manager.order(round_, expected)
    out = {round_[k].group for k in lost}
    kept = [k for k, p in enumerate(round_) if p.group not in out]
    assert len({round_[k].inst.id for k in kept}) == len(kept)
    for k, by in lost.items():
        assert by in kept
        assert round_[by].inst.id == round_[k].inst.id
    taken = {round_[k].inst.id for k in kept}
    assert all(any(round_[k].inst.id in taken for k in range(len(round_)) if round_[k].group == g) for g in out)
    if all(len(coins) == 1 for coins in units):
        for k in kept:
            rivals = [n for n, p in enumerate(round_) if p.inst.id == round_[k].inst.id]
            assert k == min(rivals, key=lambda n: (-expected[n], round_[n].seq))


def test_a_chop_target_stays_above_the_cost():
    """F4: targets are tightened in chop; F5: never below the cost."""
    one = desk()
    one.regime.table["n"] = 1
    assert judge(wish(1, 1, target=0.02), of=one).target == pytest.approx(0.016)
    assert judge(wish(2, 2, target=0.02), of=one).target == 0.02
    assert judge(wish(3, 1, target=0.0014), of=one).target == pytest.approx(0.0012)
    assert judge(wish(4, 1, target=None), of=one).target is None


WISHES = st.lists(
    st.tuples(
        st.integers(0, len(COINS) - 1),
        st.integers(0, 2),
        st.sampled_from([1, -1]),
        st.sampled_from([0.002, 0.01, 0.05]),
        st.sampled_from([(1.0,), (0.5, 0.5), (0.2,) * 5]),
        st.sampled_from([None, 0.65, 0.9]),
        st.sampled_from([0, 0, 0, 1]),
    ),
    min_size=1,
    max_size=24,
)


@given(
    rounds=st.lists(WISHES, min_size=1, max_size=4),
    margin=st.sampled_from([0.1, 1.0]),
    limits=st.builds(
        Limits,
        max_open_positions=st.integers(1, 8),
        max_in_use=st.floats(0.05, 0.6),
        max_heat=st.floats(0.005, 0.1),
        max_position=st.floats(0.02, 0.3),
        order_share=st.floats(0.01, 0.3),
        max_open_orders=st.integers(1, 20),
        messages=st.integers(1, 12),
        messages_symbol=st.integers(1, 6),
        liquidation_stops=st.just(1.0),
    ),
)
def test_no_limit_is_passed_by_a_burst_of_setups(rounds, margin, limits):
    """T8: many setups in one round, round after round: the sum of what was approved keeps every limit."""
    one, at = desk(limits, names=NAMES), facts(at={"margin": margin, "maintenance": 0.0})
    everything = []
    for burst in rounds:
        wishes = []
        for k, strategy, side, stop, shares, confidence, group in burst:
            info = {"confidence": confidence} if confidence else {}
            prices = [None, *[round(100 - side * 0.3 * n, 2) for n in range(1, len(shares))]]
            one_wish = setup(side, stop=stop, entries=grid(*shares, prices=prices), info=info)
            made = proposal(k, seq=len(wishes), strategy=strategy, name=NAMES[strategy], setup=one_wish, group=group)
            wishes.append(made)
        verdicts = one.round(wishes, at)
        assert [v.intent for v in verdicts] == [w.seq for w in wishes]
        legs = {isinstance(v, Approved) for w, v in zip(wishes, verdicts, strict=True) if w.group}
        assert len(legs) <= 1
        everything += [(w, v) for w, v in zip(wishes, verdicts, strict=True) if isinstance(v, Approved)]
    coins = [w.inst.id for w, _ in everything]
    assert len(set(coins)) == len(coins) <= limits.max_open_positions
    slack = len(everything) + 2
    assert sum(v.worst.margin for _, v in everything) <= limits.max_in_use * CASH + slack
    assert sum(v.worst.risk for _, v in everything) <= limits.max_heat * CASH + slack
    for strategy, share in one.manager.shares.items():
        assert sum(v.worst.margin for w, v in everything if w.strategy == strategy) <= share * CASH + slack
    for w, v in everything:
        high = max([10_001] + [o.price for o in v.orders])
        worth = [o.qty * high * 0.01 * 0.001 * UNIT for o in v.orders]
        assert max(worth) <= limits.order_share * CASH + slack
        assert sum(worth) <= limits.max_position * CASH + slack
        assert v.worst.risk >= sum(worth) * w.setup.stop - slack
        assert len(v.orders) <= limits.messages_symbol
    assert sum(len(v.orders) for _, v in everything) <= limits.max_open_orders
    assert sum(len(v.orders) for _, v in everything) <= limits.messages
    assert at.exposure.positions == len(everything)
