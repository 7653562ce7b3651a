"""Each control at its last unit, asked alone: what it answers, and the figures that it tells."""

from __future__ import annotations

import pytest
from desks import CASH, NOW, SPOT, desk, facts, figures_of, grid, later, message, proposal, setup
from msgspec import structs

from tickerml.desk.case import Case
from tickerml.desk.checks import BEFORE
from tickerml.desk.exposure import Exposure
from tickerml.desk.gates import ABSENT, FAILED, PASSED
from tickerml.tape.intents import Entry
from tickerml.tape.rows import SECOND


def asked(name, one=None, at=None, of=None):
    """The gate of this name on a proposal, whatever the others say."""
    c = Case((of or desk())._desktop(at or facts()), one or proposal(1))
    return figures_of(name, (gate for check in BEFORE for gate in check(c)))


def state(name, *given, **more):
    return asked(name, *given, **more).state


@pytest.mark.parametrize(("bid", "ask", "good"), [(1, 1, True), (0, 1, False), (1, 0, False)])
def test_a_price_is_known_on_both_sides(bid, ask, good):
    wish = proposal(1, entries=(Entry(100.0, post_only=True),))
    assert state("price", wish, facts(at={"bid": bid, "ask": ask})) == (PASSED if good else FAILED)


def test_bars_have_one_price_for_both_sides_and_are_not_crossed():
    assert state("crossed", at=facts(at={"bid": 10_000, "ask": 10_000})) == PASSED


def test_less_than_one_unit_of_money_is_an_equity():
    assert state("equity", at=facts(equity=0.5)) == PASSED
    assert state("equity", at=facts(equity=-0.5)) == FAILED


def test_one_unit_of_money_is_cash():
    assert asked("cash", at=facts(cash=1))[1:4] == (PASSED, 1, 0)
    assert asked("cash", at=facts(cash=0))[1:4] == (FAILED, 0, 0)


def test_spot_is_sold_short_by_a_superp_position_alone():
    stake = {"superp": True, "stake": 100.0, "stop": None, "substitute": "stake"}
    for side, more, good in [(1, {}, True), (-1, {}, False), (-1, stake, True)]:
        wish = proposal(inst=SPOT[1], setup=setup(side, **more))
        assert state("spot short", wish, facts(at={"margin": 1.0})) == (PASSED if good else FAILED)


@pytest.mark.parametrize(
    ("name", "table", "field"),
    [
        ("session pause", "funds", "paused"),
        ("stop-loss guard", "pairs", "guarded"),
        ("low-profit coin", "pairs", "poor"),
    ],
)
def test_a_pause_tells_the_seconds_that_are_left(name, table, field):
    one = desk()
    assert asked(name, of=one)[1:4] == (PASSED, 0.0, 0.0)
    getattr(one.memory, table)[field] = later(1.5)
    assert asked(name, of=one)[1:4] == (FAILED, 1.5, 0.0)
    assert asked(name, at=facts(now=later(1.5) - 1), of=one)[1:4] == (FAILED, 1e-9, 0.0)
    assert asked(name, at=facts(now=later(1.5)), of=one)[1:4] == (PASSED, 0.0, 0.0)


def test_the_state_of_a_day_is_held_against_an_open_one():
    one = desk()
    one.memory.funds["day"], one.memory.funds["day_state"] = NOW // (86_400 * SECOND), 2
    assert asked("day loss", of=one)[1:4] == (FAILED, 2, 0)


def test_a_cooldown_needs_a_trade_before_it():
    """F3: whatever has no number is named as not applicable, with why."""
    one, off = desk(cooldown_s=1.0), desk(cooldown_s=0.0)
    assert asked("cooldown", of=one).why == "no trade before"
    for each in (one, off):
        each.memory.coins["ended"] = NOW
    assert asked("cooldown", of=off).why == "off"
    assert asked("cooldown", at=facts(now=later(0.5)), of=one)[1:4] == (FAILED, 0.5, 1.0)
    assert asked("cooldown", at=facts(now=later(1)), of=one)[1:4] == (PASSED, 1.0, 1.0)


def test_the_last_place_in_the_tables_is_taken():
    assert state("room", at=facts(exposure=Exposure(room=1))) == PASSED
    assert state("room", at=facts(exposure=Exposure(room=0))) == FAILED


def test_a_correlation_limit_of_one_is_none():
    held = Exposure(positions=1)
    held.side[3] = 1
    at = facts(exposure=held, correlation=lambda a, b: 1.0)
    assert asked("correlation", at=at, of=desk(max_correlation=1.0)).why == "off"
    assert asked("correlation", at=at, of=desk(max_correlation=0.99))[1:4] == (FAILED, 1.0, 0.99)


@pytest.mark.parametrize(
    ("name", "limits", "more"),
    [
        ("messages", {"messages": 10}, {}),
        ("messages of the venue", {"messages_venue": 0.5}, {"at": {"venue_rate": 20}}),
        ("session start", {"warm_messages": 10}, {"ready_ns": 0}),
        ("messages of the day", {"messages_day": 10}, {}),
    ],
)
def test_messages_of_this_round_count_beside_those_that_have_left(name, limits, more):
    """Control message rate: what an approval of the same round is about to send is sent, for whoever comes next."""
    for waiting, good in [(5, True), (6, False)]:
        one = desk(**limits)
        for k in range(4):
            message(one.memory, NOW, k)
        told = asked(name, at=facts(exposure=Exposure(sent=waiting), **more), of=one)
        assert told[1:4] == (PASSED if good else FAILED, 5 + waiting, 10)


def test_messages_of_a_coin_count_with_those_of_this_round():
    one = desk()
    message(one.memory, NOW, 1)
    for waiting, good in [(3, True), (4, False)]:
        held = Exposure()
        held.sent_on[1] = waiting
        told = asked("messages of the coin", at=facts(exposure=held), of=one)
        assert told[1:4] == (PASSED if good else FAILED, waiting + 2, 5)


def test_a_beginning_that_is_over_is_told_apart_from_none():
    """First 60 s after READY of a session, or of a book that is whole again."""
    name, over = "session start", 60 * SECOND
    assert asked(name).why == "no session to begin in a simulation"
    for at in (facts(ready_ns=over), facts(at={"ready_ns": over})):
        assert asked(name, at=at).why == "it is over"
    assert state(name, at=facts(ready_ns=over, at={"ready_ns": over - 1})) == PASSED
    assert state(name, at=facts(ready_ns=over - 1, at={"ready_ns": over})) == PASSED


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("open orders of the coin", 25),
        ("capital in use", 0.5 * CASH),
        ("capital share", 0.4 * CASH),
        ("heat", 0.06 * CASH),
    ],
)
def test_where_nothing_is_under_way_nothing_counts(name, limit):
    """What the exposure has no entry for is 0; of the coin's orders the new one counts."""
    bare = Exposure(orders_on={}, in_use={}, by_strategy={}, heat={})
    assert asked(name, at=facts(exposure=bare))[1:4] == (PASSED, int(name == "open orders of the coin"), limit)


@pytest.mark.parametrize("side", [1, -1])
def test_the_boldest_entry_of_a_grid_is_held_to_the_collar(side):
    """Price collar: 3 % beyond the mid, on the losing side of it."""
    wish = proposal(1, setup=setup(side, entries=grid(0.5, 0.5, prices=[100 + side * 3.01, 100 - side * 5])))
    told = asked("collar", wish)
    assert (told.state, told.value) == (FAILED, pytest.approx(0.0301))


@pytest.mark.parametrize("side", [1, -1])
def test_every_entry_of_a_grid_is_held_to_the_median(side):
    """Price collar: 10 % from the median, either way."""
    for far, good in [(10, True), (10.01, False)]:
        wish = proposal(1, setup=setup(side, entries=grid(0.5, 0.5, prices=[100, 100 - side * far])))
        assert state("collar of the median", wish, facts(at={"median": 10_000.0})) == (PASSED if good else FAILED)


def test_a_median_of_one_tick_is_a_price():
    wish = proposal(1, entries=(Entry(0.01),))
    assert asked("collar of the median", wish, facts(at={"median": 1.0}))[1:3] == (PASSED, 0.0)


@pytest.mark.parametrize("side", [1, -1])
def test_the_boldest_entry_of_a_grid_must_not_meet_our_own_order(side):
    """Control self-trade: the nearest order on the other side, against the entry that reaches farthest."""
    for away, good in [(5, False), (6, True)]:
        held = Exposure()
        (held.best_sell if side > 0 else held.best_buy)[1] = 10_000 + side * away
        wish = proposal(1, setup=setup(side, entries=grid(0.5, 0.5, prices=[100 + side * 0.05, 100 - side * 4])))
        assert state("self-trade", wish, facts(exposure=held)) == (PASSED if good else FAILED)


def test_what_stands_in_for_a_stop_is_told():
    """F5: a hedge is one only where other legs hold as much of the coin; a stake only of a SuperP position."""
    leg = proposal(1, stop=None, substitute="hedge")
    assert asked("stop", leg)[1:3] == (FAILED, "no hedge")
    for hedged, told in [({1}, (PASSED, "hedge")), ({2}, (FAILED, "no hedge"))]:
        c = Case(structs.replace(desk()._desktop(facts()), hedged=frozenset(hedged)), leg)
        assert figures_of("stop", (gate for check in BEFORE for gate in check(c)))[1:3] == told
    stake = proposal(1, superp=True, stake=5.0, stop=None, substitute="stake")
    assert asked("stop", stake)[1:3] == (PASSED, "stake")


@pytest.mark.parametrize("name", ["", "whatever", "stake", "envelope", 5])
@pytest.mark.parametrize("superp", [False, True])
def test_the_desk_does_not_trust_what_is_said_to_stand_in_for_a_stop(name, superp):
    """F5: whoever made the setup, what stands in must be there."""
    one = proposal(1, stop=None, substitute="hedge")
    for field, value in {"substitute": name, "superp": superp}.items():
        object.__setattr__(one.setup, field, value)
    assert asked("stop", one).state == FAILED


def test_a_stop_at_the_first_tick_is_one():
    """Naked position: a trigger must lie above zero."""
    for stop, good in [(0.5, True), (0.8, False)]:
        told = asked("stop", proposal(1, stop=stop, entries=(Entry(0.02, post_only=True),)))
        assert told[1:4] == ((PASSED, 1, 1) if good else (FAILED, 0, 1))


@pytest.mark.parametrize("side", [1, -1])
def test_only_an_entry_that_takes_holds_its_stop_against_the_touch(side):
    """One that rests inside the spread fills at its own price: its stop is a distance from there."""
    wide = facts(at={"bid": 9_990, "ask": 10_010})
    resting = setup(side, stop=0.0012, entries=(Entry(100 + side * 0.05, post_only=True),))
    taking = setup(side, stop=0.0025)
    assert asked("stop", proposal(1, setup=resting), wide)[1:3] == (PASSED, 12)
    assert asked("stop", proposal(1, setup=taking), wide)[1:3] == (PASSED, 5)


@pytest.mark.parametrize(("side", "divisor"), [(1, 1.0), (-1, 1.05)])
def test_the_liquidation_distance_that_is_told(side, divisor):
    """3 stop distances; a short's maintenance is of a notional that has grown."""
    told = asked("liquidation distance", proposal(1, setup=setup(side, stop=0.005)), facts(at={"maintenance": 0.05}))
    assert told[1:4] == (PASSED, pytest.approx(0.05 / divisor), pytest.approx(0.015))


def test_a_setup_without_a_target_has_none_to_hold_against_its_cost():
    assert state("target above cost", proposal(1, target=None)) == ABSENT
