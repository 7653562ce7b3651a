"""What the folds of the protections keep and tell, to the last unit of money, trade and nanosecond."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desks import NOW, later, message

from tickerml.desk.limits import Limits
from tickerml.desk.memory import Memory
from tickerml.desk.protections import Protections
from tickerml.tape.rows import DAY, SECOND


def protections(**limits):
    return Protections(replace(Limits(), **limits), Memory(2, 3, 2))


def settled(one, pnl, *, now=NOW, notional=1000.0, equity=1000.0):
    """A trade of strategy 1 on coin 2 has ended; returns what it changed."""
    changes = one.on_settled(now, 1, 2, pnl=pnl, notional=notional, equity=equity, stopped=False)
    return [change.what for change in changes]


def test_a_loss_of_the_day_is_told_as_a_share_of_its_start():
    """F3: of the wallet that lost it, however small its money."""
    one = protections(session_kill=1.0, max_drawdown=1.0, session_pause=1.0)
    assert one.on_balance(NOW, 1, 0.5) == []
    (off,) = one.on_balance(NOW, 1, 0.46875)
    assert (off.what, off.figures) == ("day off", {"wallet": 1, "lost": 0.0625})
    (closed,) = one.on_balance(NOW, 1, 0.25)
    assert (closed.what, closed.figures) == ("day closed", {"wallet": 1, "lost": 0.5})


def test_a_day_that_begins_with_nothing_has_lost_all():
    one = protections(session_kill=1.0, max_drawdown=1.0, session_pause=1.0)
    one.on_balance(NOW, 0, 100.0)
    told = {change.what: change.figures for change in one.on_balance(NOW + DAY, 0, 0.0)}
    assert told["day closed"] == {"wallet": 0, "lost": 1.0}


@pytest.mark.parametrize(("pnl", "losses", "won"), [(-0.5, 3, 0), (0.0, 0, 0), (0.5, 0, 1)])
def test_only_money_that_is_lost_makes_a_losing_streak(pnl, losses, won):
    """Less than a unit of money counts; a trade that ended even is neither lost nor won."""
    one = protections()
    one.memory.pairs["losses"][1, 2] = one.memory.latch["losses"] = 2
    settled(one, pnl)
    assert (one.memory.pairs["losses"][1, 2], one.memory.latch["losses"][0]) == (losses, losses)
    assert one.memory.pairs["won"][1, 2] == won


def test_what_a_trade_earned_is_a_share_of_the_equity_and_of_its_notional():
    """F1: performance per strategy and coin; where there is no equity left all of it was lost."""
    one = protections(losses_off=100)
    for pnl, notional, equity in [(3.0, 6.0, 4.0), (-0.5, 4.0, 1.0), (-2.0, 1.0, 0.0), (5.0, 0.0, 10.0)]:
        settled(one, pnl, notional=notional, equity=equity)
    pair = one.memory.pairs[1, 2]
    assert pair["earned"].tolist()[:4] == [0.75, -0.5, -1.0, 0.5]
    assert (pair["trades"], pair["won"], pair["pnl"]) == (4, 2, 5.5)
    assert (pair["gain"], pair["loss"]) == (0.5, 0.125 + 2.0)


def test_the_trades_of_a_low_profit_coin_are_judged_with_the_last_that_is_wanted():
    """Six within a day, the day's first moment included."""
    for span, told in [(DAY, ["low-profit coin"]), (DAY + 1, [])]:
        one = protections(losses_off=100)
        assert settled(one, -2.0) == []
        assert [settled(one, -2.0, now=later(k)) for k in range(1, 5)] == [[]] * 4
        assert settled(one, -2.0, now=NOW + span) == told


def test_changes_of_direction_are_stamped_one_after_another():
    one = protections(flips_s=60.0, flips=8)
    for k, side in enumerate([1, -1, -1, 1]):
        one.on_entry(later(k), 1, 2, side)
    coin = one.memory.coins[2]
    assert (coin["n_flips"], coin["side"]) == (2, 1)
    assert coin["flips"].tolist() == [later(1), later(3), *[0] * 6]


def test_messages_are_counted_by_day_and_stamped():
    """Control message rate: of the account and of the coin."""
    one = protections()
    for k in range(3):
        message(one.memory, later(k), k % 2)
    latch, coins = one.memory.latch[0], one.memory.coins
    assert (latch["day"], latch["messages"], latch["n"]) == (NOW // DAY, 3, 3)
    assert latch["stamps"].tolist()[:4] == [later(0), later(1), later(2), 0]
    assert coins["n"].tolist() == [2, 1, 0]
    assert coins["stamps"][0].tolist()[:3] == [later(0), later(2), 0]
    message(one.memory, NOW + DAY, 0)
    assert (latch["day"], latch["messages"], latch["n"]) == (NOW // DAY + 1, 1, 4)


def test_a_kill_closes_only_where_it_is_asked_to():
    """Control kill: entries off and withdrawn; what is held is closed on request, also after a first kill."""
    one = protections()
    assert [(c.what, c.act) for c in one.kill(NOW, "why")] == [("killed", "withdraw")]
    assert [(c.what, c.act) for c in one.kill(NOW, "why", close=True)] == [("closed", "close")]


def test_a_resume_tells_what_it_lifted_and_leaves_nothing():
    one = protections(losses_off=1, flips=1)
    for strategy, inst in ((0, 0), (1, 1)):
        one.on_settled(NOW, strategy, inst, pnl=-1.0, notional=10.0, equity=10.0, stopped=False)
    for side in (1, -1):
        one.on_entry(NOW, 0, 2, side)
    one.kill(NOW, "why")
    (told,) = one.resume(later(1), "looked at")
    lifted = {"kill": "operator", "strategies": 2, "coins": 1}
    assert told.figures == {"reason": "looked at", "at": later(1), **lifted}
    memory = one.memory
    assert not any(memory.pairs[name].any() for name in ("off", "losses"))
    assert not any(memory.coins[name].any() for name in ("blocked", "n_flips", "flips"))
    assert not any(memory.latch[name].any() for name in ("killed", "losses"))


@pytest.mark.parametrize(("wait", "after"), [(1.0, SECOND), (0.5, SECOND // 2), (0.0, None)])
def test_the_assumed_person_comes_when_the_limits_say_or_never(wait, after):
    """[ours] in a simulation, which is what is meant where nothing is said; what is lifted leaves nothing behind."""
    one = protections(losses_off=1, flips=1, operator_s=wait)
    settled(one, -1.0)
    for side in (1, -1):
        one.on_entry(NOW, 1, 2, side)
    moments = (NOW, NOW + DAY * 999) if after is None else (NOW, NOW + after - 1)
    assert [one.operator(now, 1, 2) for now in moments] == [[], []]
    if after is not None:
        assert [change.what for change in one.operator(NOW + after, 1, 2)] == ["strategy on", "coin free"]
        pair, coin = one.memory.pairs[1, 2], one.memory.coins[2]
        assert (pair["off"], pair["losses"], coin["blocked"], coin["flips"].any()) == (0, 0, 0, False)
