"""C2, F5: a wished exposure. What is held is brought there: entered, added to, closed in part or whole, or left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType
from typing import ClassVar

import msgspec
import numpy as np
import pytest

from small_bars import minutes
from small_runs import joined, machine, market, print_of, run, settings
from small_strategies import Sways
from standing import STOPS, calm_moments
from swept_market import Back, setting_of
from tickerml.engine import aiming
from tickerml.engine.machine import drive
from tickerml.run.setup import build
from tickerml.run.strategies import choose
from tickerml.strategies.wake import Bars, Every
from tickerml.tape.errors import ConfigError
from tickerml.tape.intents import Leg, Legs, Pass, Reach, Setup, Target
from tickerml.tape.rows import SECOND, Kind
from tickerml.tape.tape import Header, MemoryTape

CASH = 10_000
LIMITS = {"order_share": 1.0, "max_position": 1.0, "max_in_use": 1.0}


@dataclass(frozen=True)
class Plan:
    """Answers so at these wakes, counted from 1, and passes at all others."""

    at: MappingProxyType[int, object]
    state: ClassVar = [("n", "i8")]
    sees: ClassVar = ("bar(1m).close",)
    wake: ClassVar = Bars("1m")

    def decide(self, view):
        view.state["n"] += 1
        return self.at.get(int(view.state["n"]), Pass("waits"))


def planned(at, tape=None, **limits):
    """A run by plan: the machine, and what happened as (kind, row, order or figures)."""
    one, made = run(Plan(MappingProxyType(at)), tape or minutes(60), settings(limits={**LIMITS, **limits}), cash=CASH)
    return one, events(made)


def events(made):
    found = []
    for block in made:
        for row in block.rows:
            kind = Kind(int(row["kind"]))
            if kind in (Kind.INTENT, Kind.PASS, Kind.REFUSAL, Kind.APPROVED, Kind.SETTLED):
                found.append((kind, row, msgspec.json.decode(block.blobs[row["ref"]])))
            elif kind in (Kind.SUBMIT, Kind.FILL, Kind.REJECT):
                found.append((kind, row, block.orders[row["ref"]]))
    return found


def figures(told, kind):
    return [what for one, _, what in told if one == kind]


def filled(told):
    """Signed lots of each execution."""
    return [int(row["side"]) * int(row["qty"]) for kind, row, _ in told if kind == Kind.FILL]


def stops(told):
    """Lots and trigger of each stop that left."""
    return [(int(o["qty"]), int(o["trigger"])) for k, _, o in told if k == Kind.SUBMIT and o["type"] in STOPS]


def reasons(told):
    return [one["reason"] for one in figures(told, Kind.PASS) if one["reason"] != "waits"]


@pytest.mark.parametrize("side", [1, -1])
def test_what_is_held_follows_the_wish_up_and_down(side):
    """A tenth, two, then half a tenth: one trade, whose stop is always for what is held; at 20,000 one lot is 20."""
    wished = {3: 0.1, 6: 0.2, 9: 0.2, 12: 0.05, 20: 0.0}
    one, told = planned({n: Target(side * x, stop=0.05) for n, x in wished.items()})
    lots = filled(told)
    assert lots[0] == pytest.approx(side * 50, abs=2)
    assert lots[0] + lots[1] == pytest.approx(side * 100, abs=4)
    assert sum(lots[:3]) == pytest.approx(side * 25, abs=2)
    assert sum(lots) == 0
    assert [qty for qty, _ in stops(told)] == [abs(sum(lots[:n])) for n in (1, 2, 3)]
    (settled,) = figures(told, Kind.SETTLED)
    assert (settled["side"], settled["reason"]) == (side, "closed")
    assert reasons(told) == [aiming.THERE]
    books = one.trader.books
    assert books.wallets.amount(books.purse, books.cash(books.purse)) == CASH + Decimal(settled["pnl"])
    assert [int(row["side"]) for kind, row, _ in told if kind == Kind.INTENT] == [side, side, side, 0]
    assert len(figures(told, Kind.APPROVED)) == 2  # what closes is not judged


def test_the_other_side_closes_and_the_next_wake_enters():
    _, told = planned({3: Target(0.1, stop=0.05), 6: Target(-0.1, stop=0.05), 8: Target(-0.1, stop=0.05)})
    lots = filled(told)
    assert lots[1] == -lots[0]
    assert lots[2] == pytest.approx(-50, abs=2)
    assert [one["side"] for one in figures(told, Kind.SETTLED)] == [1, -1]


def test_while_its_orders_are_under_way_nothing_is_added():
    """On bars an order that left at a close is executed at the next open, which is known a bar later."""
    calm = minutes(60, sigma=1e-6)
    wished = {3: Target(0.1, stop=0.05), 4: Target(0.2, stop=0.05), 9: Target(0.1, stop=0.05)}
    _, told = planned(wished, calm)
    assert reasons(told) == [aiming.UNDER_WAY, aiming.THERE]
    assert len(filled(told)) == 1


def test_a_wish_while_it_is_being_closed_waits():
    _, told = planned({3: Target(0.1, stop=0.05), 6: Target(0.0), 7: Target(0.1, stop=0.05), 8: Target(0.0)})
    assert reasons(told) == [aiming.CLOSING, aiming.NOTHING]


@pytest.mark.parametrize(("wish", "moved"), [(0.10, False), (0.106, False), (0.094, False), (0.12, True)])
def test_within_the_least_change_it_stays(wish, moved):
    _, told = planned({3: Target(0.1, stop=0.1), 6: Target(wish, stop=0.1)}, minutes(60, sigma=1e-6), least_change=0.1)
    assert (reasons(told) == [aiming.THERE]) is not moved
    assert len(figures(told, Kind.APPROVED)) == (2 if moved else 1)


@pytest.mark.parametrize(("stop", "moved"), [(0.03, True), (0.049, False), (0.08, False)])
def test_a_tighter_stop_is_moved_and_a_wider_one_is_not(stop, moved):
    _, told = planned({3: Target(0.1, stop=0.05), 6: Target(0.1, stop=stop)}, minutes(60, sigma=1e-6))
    (_, first), *more = stops(told)
    assert first == pytest.approx(1_900_000, rel=1e-3)
    assert [at for _, at in more] == ([pytest.approx(1_940_000, rel=1e-3)] if moved else [])
    assert reasons(told) == ([] if moved else [aiming.THERE])


def test_a_tighter_stop_and_another_exposure_in_one_wish():
    calm = minutes(60, sigma=1e-6)
    _, told = planned({3: Target(0.1, stop=0.05), 6: Target(0.2, stop=0.03), 9: Target(0.1, stop=0.02)}, calm)
    told_stops = [(qty, round(at, -4)) for qty, at in stops(told)]
    assert told_stops[:2] == [(50, 1_900_000), (50, 1_940_000)]
    assert told_stops[2:] == [(49, 1_940_000), (99, 1_960_000), (49, 1_960_000)]  # a stop of its own for what is added


def test_without_a_stop_no_more_is_held_than_may_be_lost():
    _, told = planned({3: Target(0.5, substitute="envelope"), 6: Target(0.5, substitute="envelope")})
    assert stops(told) == []
    assert filled(told)[0] == pytest.approx(10, abs=1)  # two hundredths of 10,000 at 20,000: one lot is 20
    (approved,) = figures(told, Kind.APPROVED)
    assert approved["bound"] == "risk per trade"
    assert [one["code"] for one in figures(told, Kind.REFUSAL)] == ["small_change"]


def test_a_stop_may_come_later():
    calm = minutes(60, sigma=1e-6)
    _, told = planned({3: Target(0.01, substitute="envelope"), 6: Target(0.01, stop=0.02)}, calm)
    assert stops(told) == [(5, pytest.approx(1_960_000, rel=1e-3))]


def test_what_it_adds_keeps_the_limits_of_the_whole():
    _, told = planned({n: Target(0.5, stop=0.05) for n in range(3, 30, 3)}, minutes(60, sigma=1e-6), order_share=0.1)
    approved = figures(told, Kind.APPROVED)
    assert [one["bound"] for one in approved] == ["order notional"] * 4
    assert sum(filled(told)) == pytest.approx(200, abs=5)
    assert {one["code"] for one in figures(told, Kind.REFUSAL)} == {"small_change"}  # 2 % at a stop of 5 %: 0.4


def dear(notional, tape=None):
    """The same market with a least order of so much, USDT."""
    tape = tape or minutes(60, sigma=1e-6)
    (inst,) = tape.header.instruments
    header = Header("minutes", (replace(inst, min_notional=Decimal(notional)),), assumed_clock=True, bar_only=True)
    return MemoryTape(header, tape.held)


def test_a_part_below_the_least_order_stays_and_a_rest_below_it_leaves_too():
    tape = dear(150)
    _, told = planned({3: Target(0.1, stop=0.05), 6: Target(0.09, stop=0.05)}, tape)
    assert reasons(told) == [aiming.SMALL]
    _, told = planned({3: Target(0.1, stop=0.05), 6: Target(0.012, stop=0.05)}, tape)  # 165 could leave later, 120 not
    assert filled(told) == [50, -50]
    _, told = planned({3: Target(0.1, stop=0.05), 6: Target(0.02, stop=0.05)}, tape)
    assert filled(told) == [50, -41]


def test_another_strategys_trade_is_not_added_to():
    tape, setting = minutes(300), setting_of(minutes(300))
    made = []
    wishes = Plan(MappingProxyType({n: Target(0.1 * (n % 20 < 12), stop=0.05) for n in range(1, 300, 3)}))
    chosen = [choose(Back(far=0.001, minutes=30), setting.config), choose(wishes, setting.config)]
    drive(build(chosen, tape.header, setting, made.append), tape.blocks())
    told = events(made)
    settled = figures(told, Kind.SETTLED)
    assert {one["strategy"] for one in settled} == {"back", "plan"}
    assert any(one["code"] == "position_open" for one in figures(told, Kind.REFUSAL))
    spans = sorted((one["entry_time"], one["exit_time"]) for one in settled)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_a_setup_of_its_own_is_added_to_and_a_superp_position_is_not():
    setup = Setup(1, 10**15, stop=0.05, size=0.1)
    _, told = planned({3: setup, 6: Target(0.2, stop=0.05)}, minutes(60, sigma=1e-6))
    assert [qty for qty, _ in stops(told)] == [50, 49]
    staked = Setup(1, 10**15, stake=50.0, superp=True, substitute="stake")
    config = settings(limits=LIMITS, superp={"enabled": True})
    _, made = run(Plan(MappingProxyType({3: staked, 6: Target(0.2, stop=0.05), 9: Target(0.0)})), minutes(60), config)
    told = events(made)
    assert [one["code"] for one in figures(told, Kind.REFUSAL)] == ["position_open"]
    assert len(figures(told, Kind.SETTLED)) == 1


@pytest.mark.parametrize("chunk", [1, 977])
def test_chunks_change_nothing(chunk):
    tape = market("busy", minutes=3, rows=6_000)
    assert print_of(*run(Sways(), tape)) == print_of(*run(Sways(), tape, chunk=chunk))


@pytest.mark.parametrize("latency", [{}, {"model": "distribution", "params": {"lost": 0.1}}])
def test_its_stops_stand_for_what_is_held_and_for_no_more(latency):
    """Whenever nothing is on its way."""
    _, made = run(Sways(), market("busy", minutes=4), settings(latency=latency))
    moments = list(calm_moments(made))
    assert len([held for held, _ in moments if held]) > 50
    more = 5 if latency else 0  # a larger one stays where the venue has refused the next, twice
    assert [(held, covered) for held, covered in moments if not held <= covered <= held + more] == []


@dataclass(frozen=True)
class Asked:
    """Answers with what a function makes of the number of the wake and the view."""

    answer: object
    every: str = "50ms"
    state: ClassVar = [("n", "i8")]
    sees: ClassVar = ("ofi",)

    @property
    def wake(self):
        return Every(self.every)

    def decide(self, view):
        view.state["n"] += 1
        return self.answer(int(view.state["n"]), view)


def test_stops_that_tighten_faster_than_the_venue_answers_do_not_pile_up():
    """Each answer withdraws what stood before it; then a part can be closed, and what is left has one stop."""

    def answer(n, view):
        if n < 40:
            return Target(0.2, stop=0.05)
        return Target(0.2, stop=0.05 * 0.93 ** (n - 40)) if n < 60 else Target(0.1, stop=0.01)

    tape = market("busy", minutes=3, coins=("BTC",))
    one, _ = machine(Asked(answer), tape)
    one.push(joined(tape))
    setups = one.trader.books.setups
    (s,) = list(setups.open())
    legs = setups.legs[setups.legs["id"] != 0]
    held = int(s["entered"] - s["exited"])
    assert (int(s["naked"]), s["exited"] > 0) == (0, True)
    assert [(int(leg["left"]), int(leg["price"]), int(leg["heir"])) for leg in legs] == [(held, int(s["stop_at"]), 0)]
    assert one.loop.core[0]["next_id"] > 15


@pytest.mark.parametrize("number", [np.float64, np.float32, np.float16, np.int8, np.int32, np.uint8, int])
@pytest.mark.parametrize("side", [1, -1])
def test_numbers_of_numpy_are_plain_numbers(number, side):
    kind = float if number(0.5) else number
    wish = number(1) if kind is number else number(0.5)
    first = Target(side * 0.1, stop=0.05)
    _, told = planned({3: first, 6: Target(wish, stop=number(1) if kind is number else number(0.04))})
    assert figures(told, Kind.REFUSAL) == [] or side < 0
    assert type(Target(wish, stop=0.1).exposure) is float


def test_what_shrinks_a_size_shrinks_the_whole_however_often_it_is_wished():
    """A setup of a fifth gets half of it after a loss; so does a wish of a fifth that is repeated."""
    first = {3: Target(0.05, stop=0.05), 6: Target(0.0)}
    smaller = {"losses_smaller": 1, "losses_size": 0.5}
    _, of_setup = planned({**first, 9: Setup(1, 10**15, stop=0.05, size=0.2)}, minutes(60, sigma=1e-6), **smaller)
    again = {n: Target(0.2, stop=0.05) for n in range(9, 60, 3)}
    _, told = planned({**first, **again}, minutes(60, sigma=1e-6), **smaller)
    assert filled(told) == filled(of_setup)
    assert filled(told)[-1] == pytest.approx(50, abs=2)


def test_a_tier_is_of_the_whole_too():
    wishes = {n: Target(0.9, stop=0.01, info={"tier": "B"}) for n in range(3, 60, 3)}
    _, told = planned(wishes, minutes(60, sigma=1e-6))
    assert filled(told) == [50]  # a tenth of the free margin at its least confidence


def test_an_exposure_is_no_hint_that_confidence_changes():
    tape = minutes(2000, sigma=1e-4)
    sure = {n: Target(0.1, stop=0.05, info={"confidence": 0.9}) for n in range(1503, 2000, 10)}
    _, told = planned(sure, tape)
    assert len(filled(told)) == 1
    assert set(reasons(told)) == {aiming.THERE}


def test_nothing_is_added_behind_a_stop_that_is_passed():
    """The tighter stop alone is sent, as near to the market as it may stand."""

    def answer(n, view):
        if n < 4:
            return Target(0.1, stop=0.05)
        lost = view.position is not None and view.close < view.position.entry * 0.9999
        return Target(0.4, stop=0.0001) if lost else Pass("waits")

    _, made = run(Asked(answer, "2s"), market("busy", minutes=3, coins=("BTC",)))
    lots = filled(events(made))
    assert sum(lots) == 0
    assert max(lots) < 20


def test_less_than_a_lot_is_nothing():
    wishes = {3: Target(0.1, stop=0.05), **{n: Target(1e-4, stop=0.05) for n in range(6, 60)}}
    _, told = planned(wishes, minutes(60, sigma=1e-6))
    assert filled(told) == [50, -50]


def test_a_part_that_the_venue_refuses_is_not_asked_for_at_once_again():
    tape = market("halt", minutes=25, coins=("BTC",))
    rows = joined(tape).rows
    halted = int(rows[rows["kind"] == int(Kind.STATUS)]["recv"][0])

    def answer(n, view):
        if view.now < halted - 10 * SECOND:
            return Pass("waits")
        if view.position is None:
            return Target(0.2, stop=0.05) if view.now < halted else Pass("waits")
        return Target(0.1, stop=0.05) if view.now > halted + SECOND // 5 else Pass("waits")

    _, made = run(Asked(answer, "500ms"), tape)
    told = events(made)
    assert sum(kind == Kind.REJECT for kind, *_ in told) == 1  # nothing else happens: there is no other wake
    assert aiming.REFUSED in reasons(told)
    assert sum(filled(told)[1:]) < 0  # once trading goes on


def test_a_stop_that_trailing_has_overtaken_is_no_news():
    rises = minutes(60, sigma=2e-4, seed=5)
    trailed = Setup(1, 10**18, stop=0.05, size=0.1, trail=0.01)
    _, told = planned({3: trailed, **{n: Target(0.1, stop=0.04) for n in range(30, 60)}}, rises)
    assert len(figures(told, Kind.INTENT)) == 1
    assert set(reasons(told)) == {aiming.THERE}


def test_only_a_target_makes_a_reach():
    reach = Reach.of(Target(0.1, substitute="envelope"), None)
    with pytest.raises(ConfigError, match="Target"):
        planned({3: reach})
    with pytest.raises(ConfigError, match="Target"):
        Legs((Leg("a", "BTC/USDT", reach), Leg("a", "ETH/USDT", Setup(1, 10**9, stop=0.1))))
