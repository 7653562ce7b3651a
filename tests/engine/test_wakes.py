"""Strategies are woken as they declare: Every, Bars, Trade, and several at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from small_runs import joined, machine, market, run, settings
from tickerml.strategies.wake import Bars, Every, Trade
from tickerml.tape.errors import ConfigError
from tickerml.tape.intents import Pass
from tickerml.tape.rows import MINUTE, SECOND, Kind


@dataclass(frozen=True)
class Listener:
    """Notes when it was woken, and what it saw."""

    wake: object
    sees: tuple[str, ...] = ()
    heard: list = field(default_factory=list)

    def decide(self, view):
        self.heard.append((view.now, view.instrument.id, view.close))
        return Pass("listening")


def heard(wake, **sections):
    one = Listener(wake)
    run(one, tape(), settings(**sections))
    return one.heard


def tape():
    return market("busy", minutes=4)


def rows():
    return joined(tape()).rows


@pytest.mark.parametrize("seconds", [1, 5, 60])
def test_every(seconds):
    times = [now for now, inst, _ in heard(Every(seconds * SECOND)) if inst == 0]
    assert all(now % (seconds * SECOND) == 0 for now in times)
    span = (int(rows()["recv"][-1]) - int(rows()["recv"][0])) // (seconds * SECOND)
    assert span - 1 <= len(times) <= span + 1
    assert len(set(times)) == len(times)


def test_bars_come_when_the_bar_is_visible():
    delay = 250_000_000
    times = [now for now, inst, _ in heard(Bars("1m"), data={"bar_delay_ms": 250}) if inst == 0]
    assert all((now - delay) % MINUTE == 0 for now in times)
    assert 3 <= len(times) <= 5


def test_trade_wakes_at_every_large_print_and_no_other():
    least = 20_000.0
    instruments = tape().header.instruments
    wanted = []
    for row in rows():
        if row["kind"] == Kind.TRADE:
            of = instruments[int(row["inst"])]
            if float(of.price(int(row["price"])) * of.size(int(row["qty"]))) >= least:
                wanted.append((int(row["recv"]), int(row["inst"])))
    assert len(wanted) > 5
    assert [(now, inst) for now, inst, _ in heard(Trade(least))] == wanted


def test_several_wakes_at_once():
    both = {now for now, _, _ in heard((Every(7 * SECOND), Every(11 * SECOND)))}
    assert both == {now for n in (7, 11) for now, _, _ in heard(Every(n * SECOND))}


def test_the_close_is_that_of_the_last_row_received():
    """The mid of the book folded by hand up to the wake, and not one row further."""
    from tickerml.tape.ladder import apply, new_ladders

    book, at, all_rows = new_ladders(1)[0], 0, rows()
    mine = all_rows[all_rows["inst"] == 0]
    for now, inst, close in heard(Every(5 * SECOND)):
        if inst:
            continue
        until = int(np.searchsorted(mine["recv"], now, side="right"))
        for row in mine[at:until]:
            apply(book, row)
        at = until
        whole = mine[until - 1]["flags"] & 1 and book["valid"]
        if whole and book["best_bid"] < book["best_ask"]:
            tick = float(tape().header.instruments[0].tick)
            assert close == (int(book["best_bid"]) + int(book["best_ask"])) * 0.5 * tick


def test_what_is_no_wake_is_refused():
    with pytest.raises(ConfigError, match="is not a wake"):
        machine(Listener("every now and then"), tape())
