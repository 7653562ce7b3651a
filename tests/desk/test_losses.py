"""The ladder of losses, each step at its last unit: what an equity changes, and what of it stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tickerml.desk.limits import Limits
from tickerml.desk.losses import (
    CLOSED,
    DAY_CLOSED,
    DAY_OFF,
    DRAWDOWN,
    KILLED,
    KILLS,
    OFF,
    OPERATOR,
    PAUSED,
    SESSION_LOSS,
    entries_off,
    on_equity,
    steps_of,
)
from tickerml.desk.memory import FUND, LATCH
from tickerml.tape.rows import DAY, SECOND

NOW = 20_000 * DAY + 5
WIDE = {"day_off": 1.0, "day_close": 1.0, "session_pause": 1.0, "session_kill": 1.0, "max_drawdown": 1.0}


class Purse:
    """A wallet under these limits, all others as wide as they go."""

    def __init__(self, **limits):
        self.steps = steps_of(replace(Limits(), **{**WIDE, **limits}))[0]
        self.fund, self.latch = np.zeros(1, FUND)[0], np.zeros(1, LATCH)[0]

    def tell(self, equity, now=NOW):
        return int(on_equity(self.fund, self.latch, self.steps, now, float(equity)))

    def told(self, *names):
        return tuple(self.fund[name].item() for name in names)


def test_the_words_and_bits_are_what_the_tape_says():
    assert (KILLS[SESSION_LOSS], KILLS[DRAWDOWN], KILLS[OPERATOR]) == ("session loss", "drawdown", "operator")
    assert (OFF, CLOSED) == (1, 2)
    assert (DAY_OFF, DAY_CLOSED, KILLED, PAUSED) == (1, 2, 4, 8)


def test_the_ladder_is_that_of_the_limits():
    limits = Limits(day_off=0.01, day_close=0.02, session_pause=0.03, session_kill=0.04, max_drawdown=0.05, pause_s=1.5)
    steps = steps_of(limits)
    assert len(steps) == 1
    assert steps[0].item() == (0.01, 0.02, 0.03, 0.04, 0.05, 1_500_000_000)


@pytest.mark.parametrize("nothing", [0, -1])
def test_a_wallet_begins_with_its_first_money(nothing):
    one = Purse(session_kill=0.5)
    assert one.tell(nothing) == 0
    assert one.told("seen", "start", "peak", "day", "day_start") == (0, 0.0, 0.0, 0, 0.0)
    assert one.tell(0.5) == 0  # less than one unit is money too
    assert one.told("seen", "start", "peak", "day", "day_start") == (1, 0.5, 0.5, 20_000, 0.5)
    assert one.tell(nothing) == KILLED | DAY_CLOSED  # later it is a loss


def test_the_peak_rises_and_stays():
    one = Purse()
    for equity in (100, 130, 90):
        one.tell(equity)
    assert one.told("start", "peak", "day_start") == (100.0, 130.0, 100.0)


def test_a_day_has_its_own_start_and_state():
    one = Purse(day_off=0.05, day_close=0.1)
    assert [one.tell(x) for x in (1000, 950.5, 950, 950, 1000, 900.5, 900, 800)] == [0, 0, 1, 0, 0, 0, 2, 0]
    assert one.told("day_state", "day_start") == (CLOSED, 1000.0)
    assert one.tell(800, NOW + DAY - 6) == 0  # the last of that day
    assert one.told("day_state", "day", "day_start") == (CLOSED, 20_000, 1000.0)
    assert one.tell(800, NOW + DAY - 5) == 0
    assert one.told("day_state", "day", "day_start") == (0, 20_001, 800.0)
    assert one.tell(720, NOW + DAY) == DAY_CLOSED  # both steps at once: the farther one
    assert one.tell(750, NOW + DAY) == 0  # and the nearer is not told behind it


def test_a_day_that_began_with_nothing_begins_with_its_first_money():
    one = Purse(day_off=0.05)
    one.tell(100)
    one.tell(0, NOW + DAY)
    assert one.told("day_start", "day_state") == (0.0, CLOSED)  # all of nothing is lost
    assert one.tell(100, NOW + DAY) == 0
    assert one.told("day_start", "day_state") == (100.0, 0)
    assert one.tell(95, NOW + DAY) == DAY_OFF


def test_a_small_wallet_has_its_day_too():
    one = Purse(day_off=0.05)
    assert [one.tell(x) for x in (1, 0.5)] == [0, DAY_OFF]
    assert one.told("day_start") == (1.0,)


def test_a_pause_is_taken_once_a_fall():
    one = Purse(session_pause=0.5)
    length = round(Limits().pause_s * SECOND)
    assert [one.tell(x) for x in (1000, 500.5)] == [0, 0]
    assert one.told("paused", "spent") == (0, 0)
    assert one.tell(500) == PAUSED
    assert one.told("paused", "spent") == (NOW + length, 1)
    assert one.tell(400, NOW + 7) == 0
    assert one.tell(550, NOW + 7) == 0  # nine tenths of the threshold: not back yet
    assert one.told("spent") == (1,)
    assert one.tell(540, NOW + 7) == 0
    assert one.tell(550.5, NOW + 7) == 0  # back
    assert one.told("spent") == (0,)
    assert one.tell(500, NOW + 9) == PAUSED
    assert one.told("paused") == (NOW + 9 + length,)


@pytest.mark.parametrize(("limit", "why"), [("session_kill", SESSION_LOSS), ("max_drawdown", DRAWDOWN)])
def test_a_kill_is_latched_and_told_once(limit, why):
    one = Purse(**{limit: 0.2})
    assert [one.tell(x) for x in (1000, 800.5)] == [0, 0]
    assert one.tell(800, NOW + 3) == KILLED
    assert (int(one.latch["killed"]), int(one.latch["killed_at"])) == (why, NOW + 3)
    assert one.tell(700, NOW + 4) == 0
    assert (int(one.latch["killed"]), int(one.latch["killed_at"])) == (why, NOW + 3)


def test_a_drawdown_is_measured_from_the_peak_and_a_session_from_its_start():
    one = Purse(max_drawdown=0.2)
    assert [one.tell(x) for x in (1000, 1500, 1200.5, 1200)] == [0, 0, 0, KILLED]
    other = Purse(session_kill=0.2)
    assert [other.tell(x) for x in (1000, 1500, 800.5, 800)] == [0, 0, 0, KILLED]


def test_one_equity_may_change_several_things():
    one = Purse(day_off=0.05, day_close=0.1, session_kill=0.2)
    one.tell(1000)
    assert one.tell(800) == DAY_CLOSED | KILLED
    two = Purse(day_off=0.1, session_pause=0.1)
    two.tell(1000)
    assert two.tell(900) == DAY_OFF | PAUSED


def test_entries_are_off_while_one_step_of_the_ladder_keeps_them_off():
    """F3: a pause until its last moment, a day until its end, a kill until a person lifts it."""

    def off(now=NOW, killed=0, **fund):
        of = Purse()
        of.latch["killed"] = killed
        for name, value in {"day": 20_000, **fund}.items():
            of.fund[name] = value
        return bool(entries_off(of.fund, of.latch, now))

    assert not off()
    assert off(killed=1)
    assert [off(paused=NOW + 1 - n) for n in (0, 1)] == [True, False]
    for state in (OFF, CLOSED):
        assert [off(day_state=state), off(NOW + DAY, day_state=state)] == [True, False]
