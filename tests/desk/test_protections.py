"""F3 and the protections: loss ladder, kill latch, streaks, guards, rates, flips: folds that survive a restart."""

from __future__ import annotations

import numpy as np
import pytest
from desks import CASH, COINS, NOW, desk, facts, judge, later, message, proposal, setup
from hypothesis import given
from hypothesis import strategies as st

from tickerml.desk.approved import Approved, Refusal
from tickerml.desk.limits import Refused
from tickerml.desk.memory import COIN_STAMPS, within
from tickerml.tape.errors import ConfigError
from tickerml.tape.rows import DAY, SECOND


def told(one):
    return [(c.what, c.act) for c in one.changes()]


def refused(verdict, reason):
    return isinstance(verdict, Refusal) and verdict.reason is reason


def balance(one, share, seconds=0.0):
    one.on_balance(later(seconds), 0, share * CASH)
    return told(one)


def settled(one, pnl=-0.001, *, seconds=0.0, strategy=0, inst=0, stopped=False):
    """A trade of 10 % of the equity ended with this P&L, share of equity."""
    one.on_settled(later(seconds), strategy, inst, pnl=pnl * CASH, notional=0.1 * CASH, equity=CASH, stopped=stopped)
    return [what for what, _ in told(one)]


def test_day_ladder():
    """Loss limits: day -5 % entries off until the next day, -10 % close all."""
    one = desk()
    assert balance(one, 1.0) == []
    assert balance(one, 0.9501) == []
    assert isinstance(judge(proposal(), facts(equity=0.9501 * CASH), one), Approved)
    assert balance(one, 0.95) == [("day off", "withdraw")]
    assert balance(one, 1.0) == []
    assert refused(judge(proposal(1), of=one), Refused.DAY_LOSS)  # it recovered: the day stays off
    assert balance(one, 0.9001) == []
    assert balance(one, 0.9) == [("day closed", "close")]
    assert balance(one, 0.9) == []
    assert isinstance(judge(proposal(1), facts(now=NOW + DAY, equity=0.9 * CASH), one), Approved)
    assert balance(one, 0.856, DAY / SECOND) == []  # 5 % of the new day's start: 0.855
    assert balance(one, 0.855, DAY / SECOND)[0] == ("day off", "withdraw")


def test_session_pause():
    """F3: pause 30 min at -15 %, once for each fall."""
    one = desk(day_off=1.0, day_close=1.0)
    balance(one, 1.0)
    assert balance(one, 0.8501) == []
    assert balance(one, 0.85) == [("paused", "withdraw")]
    assert refused(judge(proposal(), facts(now=later(1799.9), equity=0.85 * CASH), one), Refused.PAUSED)
    assert isinstance(judge(proposal(), facts(now=later(1800), equity=0.85 * CASH), one), Approved)
    assert balance(one, 0.84, 1900) == []  # the same fall
    assert balance(one, 0.866, 2000) == []
    assert balance(one, 0.85, 2100) == [("paused", "withdraw")]  # it had come back by a tenth of it


@pytest.mark.parametrize(
    ("before", "at", "why"), [((1.0,), 0.8, "session loss"), ((1.0, 1.25), 1.0, "drawdown")], ids=["session", "peak"]
)
def test_killed_at_a_fifth(before, at, why):
    """F3: session loss -20 %, drawdown 20 % from the peak: KILLED, latched, also over days and in simulation."""
    one = desk(day_off=1.0, day_close=1.0, session_pause=1.0)
    for share in before:
        assert balance(one, share) == []
    assert balance(one, at * 1.0001) == []
    one.on_balance(NOW, 0, at * CASH)
    (change,) = one.changes()
    assert (change.what, change.act, change.figures["by"]) == ("killed", "withdraw", why)
    assert balance(one, 1.3) == []
    for days in (0, 1, 400):
        verdict = judge(proposal(), facts(now=NOW + days * DAY), one)
        assert refused(verdict, Refused.KILLED)
        assert why in verdict.text


def test_kill_and_resume():
    """Control kill: latched until a person gives a reason; the losses of the day stay."""
    one = desk()
    balance(one, 1.0)
    balance(one, 0.94)
    one.kill(NOW, "operator at 12:00")
    assert told(one) == [("killed", "withdraw")]
    one.kill(NOW, "again")
    assert told(one) == []
    assert refused(judge(proposal(), facts(now=later(3600)), one), Refused.KILLED)
    for nothing in ("", "  "):
        with pytest.raises(ConfigError) as caught:
            one.resume(NOW, nothing)
        assert caught.value.code == "resume"
    one.resume(NOW, "feed repaired")
    assert told(one) == [("resumed", "")]
    assert refused(judge(proposal(), facts(equity=0.94 * CASH), one), Refused.DAY_LOSS)
    assert isinstance(judge(proposal(), facts(now=NOW + DAY, equity=0.94 * CASH), one), Approved)


def test_resume_measures_the_session_anew():
    one = desk(day_off=1.0, day_close=1.0, session_pause=1.0)
    balance(one, 1.0)
    balance(one, 0.8)
    one.resume(NOW, "capital was reviewed")
    told(one)
    assert balance(one, 0.8) == []
    assert balance(one, 0.6401) == []
    assert balance(one, 0.64) == [("killed", "withdraw")]


def test_five_losses_in_a_row_need_a_person():
    """Repeated execution throttle: 5 losses in a row on a coin; in simulation a person comes in an hour."""
    one = desk(cooldown_s=0.0, losses_size=1.0)
    for _ in range(4):
        assert settled(one) == []
    assert isinstance(judge(proposal(0), of=one), Approved)
    one.changes()
    assert settled(one) == ["strategy off"]
    assert refused(judge(proposal(0), of=one), Refused.LOSING)
    assert isinstance(judge(proposal(1), of=one), Approved)  # another coin
    assert isinstance(judge(proposal(0, strategy=1, name="swing"), of=one), Approved)  # another strategy
    assert refused(judge(proposal(0), facts(now=later(3599.9)), one), Refused.LOSING)
    one.changes()
    assert isinstance(judge(proposal(0), facts(now=later(3600)), one), Approved)
    assert told(one) == [("strategy on", "")]


def test_in_a_live_session_nobody_comes_by_himself():
    one = desk(live=True, cooldown_s=0.0)
    for _ in range(5):
        settled(one)
    live = {"live": True, "second": CASH, "ready_ns": DAY}
    at = {"apart": 0.0, "off_par": 0.0, "move_1m": 0.0, "spread_ratio": 1.0, "median": 10_000.0}
    at |= {"depth_bid": 1e15, "depth_ask": 1e15}
    assert refused(judge(proposal(0), facts(now=later(1e7), at=at, **live), one), Refused.LOSING)
    one.resume(later(1e7), "the feature was wrong")
    assert isinstance(judge(proposal(0), facts(now=later(1e7), at=at, **live), one), Approved)


def test_a_win_ends_the_streak():
    one = desk()
    for pnl in (-1, -1, -1, -1, 1, -1, -1):
        settled(one, pnl / 1000)
    assert one.memory.pairs[0, 0]["losses"] == 2
    assert one.memory.latch[0]["losses"] == 2
    assert not one.memory.pairs[0, 0]["off"]


def test_losses_of_all_strategies_count_for_the_smaller_size():
    one = desk()
    for k in range(3):
        settled(one, inst=k, strategy=k)
    assert one.memory.latch[0]["losses"] == 3


def test_cooldown():
    one = desk()
    settled(one, 0.001)
    assert refused(judge(proposal(0), facts(now=later(59.9)), one), Refused.COOLDOWN)
    assert isinstance(judge(proposal(0), facts(now=later(60)), one), Approved)
    assert isinstance(judge(proposal(1), facts(now=later(1)), one), Approved)
    one = desk(cooldown_s=0.0)
    settled(one, 0.001)
    assert isinstance(judge(proposal(0), of=one), Approved)


def test_stop_loss_guard():
    """4 stops of a strategy on a coin within the hour: off for an hour."""
    one = desk(cooldown_s=0.0, losses_off=100)
    for k, stopped in enumerate([True, True, False, True]):
        assert settled(one, seconds=600 * k, stopped=stopped) == []
    assert settled(one, seconds=3600, stopped=True) == []  # the first is an hour old
    assert settled(one, seconds=3700, stopped=True) == ["stop-loss guard"]
    assert refused(judge(proposal(0), facts(now=later(7299.9)), one), Refused.STOP_GUARD)
    assert isinstance(judge(proposal(0), facts(now=later(7300)), one), Approved)


def test_low_profit_coin():
    """6 trades within a day that lost 1 % of equity: the coin is off for the strategy for 4 hours."""
    one = desk(cooldown_s=0.0, losses_off=100)
    for k in range(5):
        assert settled(one, -0.002, seconds=60 * k) == []
    assert settled(one, 0.0001, seconds=300) == []  # -0.99 %
    assert settled(one, -0.0021, seconds=360) == ["low-profit coin"]  # the newest six: -1.00 %
    assert refused(judge(proposal(0), facts(now=later(360 + 14_399)), one), Refused.LOW_PROFIT)
    assert isinstance(judge(proposal(0), facts(now=later(360 + 14_400)), one), Approved)
    slow = desk(cooldown_s=0.0, losses_off=100)
    assert all(settled(slow, -0.01, seconds=20_000 * k) == [] for k in range(6))  # over more than a day


def test_entry_rate():
    """Repeated execution throttle: 3 entries in 10 minutes on a coin by a strategy; a grid is one."""
    one = desk(cooldown_s=0.0)
    for k in range(3):
        assert isinstance(judge(proposal(0), facts(now=later(k)), one), Approved)
    assert refused(judge(proposal(0), facts(now=later(3)), one), Refused.ENTRY_RATE)
    assert isinstance(judge(proposal(0, strategy=1, name="swing"), facts(now=later(3)), one), Approved)
    assert refused(judge(proposal(0), facts(now=later(599.9)), one), Refused.ENTRY_RATE)
    assert isinstance(judge(proposal(0), facts(now=later(600)), one), Approved)


def test_three_flips_in_a_minute_block_the_coin():
    """Control enter / reduce loop: 3 changes of direction in 60 s block the symbol until a person."""
    one = desk(entries=8, cooldown_s=0.0)
    for k, side in enumerate([1, 1, -1, 1]):
        assert isinstance(judge(proposal(1, setup=setup(side)), facts(now=later(10 * k)), one), Approved)
    assert told(one) == []
    assert isinstance(judge(proposal(1, setup=setup(-1)), facts(now=later(40)), one), Approved)
    assert told(one) == [("coin blocked", "")]
    assert refused(judge(proposal(1, setup=setup(-1)), facts(now=later(50)), one), Refused.FLIPS)
    assert isinstance(judge(proposal(2), facts(now=later(50)), one), Approved)
    assert refused(judge(proposal(1), facts(now=later(3639)), one), Refused.FLIPS)
    assert isinstance(judge(proposal(1), facts(now=later(3640)), one), Approved)


def test_slow_flips_are_trading():
    one = desk(entries=8, cooldown_s=0.0)
    for k, side in enumerate([1, -1, 1, -1, 1, -1]):
        assert isinstance(judge(proposal(1, setup=setup(side)), facts(now=later(31 * k)), one), Approved)


def test_performance_per_strategy_and_coin():
    """F1: performance per strategy and coin."""
    one = desk()
    for pnl in (0.002, -0.001, 0.0):
        settled(one, pnl, strategy=1, inst=2)
    pair = one.memory.pairs[1, 2]
    assert (pair["trades"], pair["won"]) == (3, 1)
    assert pair["pnl"] == pytest.approx(0.001 * CASH)
    assert (pair["gain"], pair["loss"]) == pytest.approx((0.02, 0.01))
    assert not one.memory.pairs[0]["trades"].any()


def test_stamps_of_a_ring():
    ring = np.zeros(4, "i8")
    assert within(ring, 0, 5, 100.0) == 0
    for n in range(6):
        ring[n % 4] = (n + 1) * SECOND
    assert within(ring, 6, 6 * SECOND, 3.0) == 3  # at 4, 5 and 6 s; the one 3 s old is out
    assert within(ring, 6, 6 * SECOND, 2.999999999) == 3
    assert within(ring, 6, 6 * SECOND, 3.000000001) == 4
    assert within(ring, 6, 60 * SECOND, 3.0) == 0
    assert COIN_STAMPS >= 32


@given(st.lists(st.integers(0, 3), max_size=20), st.integers(0, 3), st.integers(0, 12))
def test_stamps_are_counted_as_one_by_one(gaps, since, span):
    """However often the ring has gone round, with several stamps at one moment, and some at its edge."""
    times = [5 + sum(gaps[: k + 1]) for k in range(len(gaps))]
    ring, now = np.zeros(8, "i8"), (times[-1] if times else 5) + since
    for n, time in enumerate(times):
        ring[n % 8] = time * SECOND
    assert within(ring, len(times), now * SECOND, span) == sum(now - span < time for time in times[-8:])


def test_what_a_person_has_lifted_is_no_stamp():
    """The ring is emptied and goes on where it was: zeros stand behind the newest, also at the beginning of time."""
    ring = np.zeros(8, "i8")
    ring[5] = 2 * SECOND
    assert within(ring, 6, 2 * SECOND, 100.0) == 1


HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(["balance", "settled", "entry", "sent", "kill", "resume"]),
        st.floats(0.5, 1.5),
        st.integers(0, 2),
        st.integers(0, 3),
        st.booleans(),
        st.integers(1, 4000),
    ),
    max_size=60,
)


@given(HAPPENINGS, st.integers(0, 60))
def test_a_restart_resets_nothing(happened, cut):
    """Promise 5: cooldowns, counters and latches are folds: an interrupted desk ends as an unbroken one."""

    def play(one, part, start):
        now = start
        for what, x, strategy, inst, flag, seconds in part:
            now += seconds * SECOND
            if what == "balance":
                one.on_balance(now, 0, x * CASH)
            elif what == "settled":
                pnl = (x - 1) * CASH / 50
                one.on_settled(now, strategy, inst, pnl=pnl, notional=CASH / 10, equity=CASH, stopped=flag)
            elif what == "entry":
                one.protections.on_entry(now, strategy, inst, 1 if flag else -1)
            elif what == "sent":
                message(one.memory, now, inst)
            elif what == "kill":
                one.kill(now, "test")
            elif flag:
                one.resume(now, "test")
        return now

    unbroken, broken, after = desk(), desk(), desk()
    play(unbroken, happened, NOW)
    now = play(broken, happened[:cut], NOW)
    for name, array in broken.arrays().items():
        after.arrays()[name][...] = np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)
    play(after, happened[cut:], now)
    for name, array in unbroken.arrays().items():
        assert array.tobytes() == after.arrays()[name].tobytes(), name
    at = facts(now=NOW + 61 * 4000 * SECOND)
    verdicts = [
        one.round([proposal(k, strategy=k % 3) for k in range(4)], facts(now=at.now)) for one in (unbroken, after)
    ]
    assert verdicts[0] == verdicts[1]


def test_all_memory_is_in_the_arrays():
    one = desk()
    assert len(one.arrays()) == 8
    assert one.memory.pairs.shape == (3, len(COINS))
