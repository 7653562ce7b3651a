"""The purse of a run: what is told each minute, when Python is called for it, and who keeps it."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import numpy as np
import pytest
from bar_path_tape import START, bars

from small_runs import balances, machine, settings
from tickerml.engine import core
from tickerml.engine.machine import drive
from tickerml.engine.purse import KEEPER
from tickerml.strategies.wake import Bars
from tickerml.tape.balances import balances_of
from tickerml.tape.block import concat
from tickerml.tape.intents import Long, Pass
from tickerml.tape.rows import DAY, MINUTE, Kind

UNHEEDED = {"panic_hour": 1.0, "panic_day": 1.0, "caution_hour": 1.0, "caution_day": 1.0, "caution_volatility": 100.0}
UNHEEDED |= {"euphoria_hour": 1.0, "euphoria_day": 1.0, "trend": 1.0}


class Once:
    """Buys at the third bar, and holds."""

    sees = ()
    wake = Bars("1m")
    state = np.dtype([("bars", "i8")])

    def decide(self, view):
        view.state["bars"] += 1
        return Long(target=0.9, stop=0.3, horizon="30d") if view.state["bars"] == 3 else Pass("waiting")


class Never(Once):
    """Does nothing, once a day."""

    wake = Bars("1d")

    def decide(self, view):
        return Pass("never")


def driven(strategy, tape, config):
    """The machine, what it made, and how often each thing called Python."""
    one, made = machine(strategy, tape, config)
    calls, handle = Counter(), one.trader.handle

    def counting(reason):
        calls[int(one.loop.core[0]["owner"]) if reason == core.WAKE else -reason] += 1
        handle(reason)

    object.__setattr__(one.trader, "handle", counting)
    drive(one, tape.blocks())
    return one, concat(made), calls


def test_python_is_not_called_at_a_minute_that_changes_nothing():
    path = list(100 + np.cumsum(np.random.default_rng(3).normal(0, 0.001, 2 * DAY // MINUTE)))
    _, made, calls = driven(Never(), bars(path), settings(regime=UNHEEDED))
    told = balances_of(made.rows)
    assert len(told) == len(path) + 1  # each minute, and the end
    assert (told.equity == told.equity[0]).all()
    assert (told.exposure == 0).all()
    assert calls[KEEPER] == 1  # the first minute asks when something is due


def test_each_balance_is_cash_and_what_is_held_at_its_mark():
    path = [100.0] * 5 + [100 + k * 0.25 for k in range(30)]
    one, made, _ = driven(Once(), bars(path), settings(regime=UNHEEDED))
    fill = next(row for row in made.rows if row["kind"] == Kind.FILL)
    fee = Decimal(int(made.orders[fill["ref"]]["fee"])).scaleb(-int(balances_of(made.rows).decimals[0]))
    lots, paid = Decimal(int(fill["qty"])) * Decimal("0.001"), Decimal(int(fill["price"])) * Decimal("0.01")
    held = 0
    for _, time, told in list(balances(made))[:-1]:
        bar = max(0, (time - START) // MINUTE - 2)  # the newest bar that was received: it comes a second late
        mark = Decimal(round(100 * path[bar])) * Decimal("0.01")
        holds = time > fill["recv"]
        held += holds
        assert Decimal(told["equity"]) == 10_000 + (lots * (mark - paid) - fee if holds else 0)
        assert Decimal(told["exposure"]) == (lots * mark if holds else 0)
        assert Decimal(told["cash"]) == 10_000 - (fee if holds else 0)
    assert held > 25
    account = one.trader.books.account[0]
    assert account["peak"] == balances_of(made.rows).equity.max()


@pytest.mark.parametrize(("fall", "what"), [(0.09, "day off"), (0.2, "day closed")])
def test_f3_a_fall_within_a_minute_calls_python_and_is_told(fall, what):
    """F3: the ladder of a day acts at the minute that it is passed, in compiled code as in the desk's own tests."""
    limits = {"day_off": 0.01, "day_close": 0.02, "max_position": 1.0, "max_in_use": 1.0, "risk_per_trade": 0.05}
    path = [100.0] * 6 + [100.0 * (1 - fall)] * 10
    config = settings(regime=UNHEEDED, limits=limits)
    _, made, calls = driven(Once(), bars(path), config)
    desk = [(int(r["recv"]), made.blobs[r["ref"]]) for r in made.rows if r["kind"] == Kind.DESK]
    low = next(time for _, time, told in balances(made) if float(told["equity"]) < 10_000 * (1 - 0.01))
    assert desk
    assert desk[0][0] == low
    assert f'"what":"{what}"'.encode() in desk[0][1]
    assert calls[KEEPER] == 1 + len({time for time, _ in desk if time > START})


def test_the_regime_is_followed_in_compiled_code():
    """F4: a panic is told at the five minutes in which the reference fell, though nobody asked."""
    path = [100.0] * 12 + [93.0] * 12
    _, made, calls = driven(Never(), bars(path), settings())
    told = [(int(r["recv"]), made.blobs[r["ref"]]) for r in made.rows if r["kind"] == Kind.DESK]
    assert [b'"to":"PANIC"' in blob for _, blob in told if b"regime" in blob] == [True]
    assert told[0][0] // (5 * MINUTE) == (START + 14 * MINUTE) // (5 * MINUTE) + 1
    assert calls[KEEPER] == 2
