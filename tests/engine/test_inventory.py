"""F3: what stops setups stops a compiled strategy, too: a person, and the ladder of losses."""

from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pytest

from small_runs import eager, machine, market, print_of, settings
from tickerml.engine import snapshot
from tickerml.engine.machine import drive, pieces
from tickerml.run.backtest import backtest
from tickerml.run.commands import Command, Commands
from tickerml.run.replay import replay
from tickerml.run.setup import Setting, bar_only_of, build, terms_of
from tickerml.run.strategies import choose_all
from tickerml.strategies import quoter
from tickerml.tape.orders import OrderType
from tickerml.tape.rows import MINUTE, Kind

QUOTER = quoter.Params(every=0.2)
BESIDE = quoter.Params(every=0.2, size=30.0, max_position=3_000.0)  # of a cheap coin that no other strategy trades
APART = {"quoted": ["TON"]}
STOP, AGAIN = Command("stop", "news", close=True, after=9_000), Command("resume", "read it", after=14_000)


def several(tape, config):
    """A fresh machine for the quoter and psc beside each other, and the list that its made blocks go to."""
    made = []
    setting = Setting(config, Decimal(10_000), 0, (), bar_only_of(tape), terms_of(config))
    return build(choose_all([BESIDE, "psc"], config), tape.header, setting, made.append), made


def driven(commands=(), chunk=None, minutes=3, **limits):
    tape, config = market("busy", minutes=minutes), settings(limits=limits)
    one, made = machine(QUOTER, tape, config)
    drive(one, Commands(one, None, list(commands)).through(tape.blocks()), chunk=chunk)
    return one, made


def times(made, kind):
    return [int(r["recv"]) for b in made for r in b.rows if r["kind"] == kind]


def sent(made, kind):
    """(time, side, lots) of the orders of a type."""
    pairs = [(r, b.orders[r["ref"]]) for b in made for r in b.rows if r["kind"] == Kind.SUBMIT]
    return [(int(r["recv"]), int(r["side"]), int(r["qty"])) for r, order in pairs if order["type"] == kind]


def held(made, until):
    rows = [r for b in made for r in b.rows if r["kind"] == Kind.FILL and r["recv"] <= until]
    return {inst: sum(int(r["side"]) * int(r["qty"]) for r in rows if r["inst"] == inst) for inst in (0, 1)}


def desk_rows(made):
    return [
        (int(r["recv"]), json.loads(b.blobs[r["ref"]])["what"]) for b in made for r in b.rows if r["kind"] == Kind.DESK
    ]


def test_stop_and_close_leaves_a_compiled_strategy_without_quotes_and_inventory():
    one, made = driven([STOP])
    (at,) = times(made, Kind.COMMAND)
    before = held(made, at)
    assert any(before.values()), "nothing was held: this shows nothing"
    first = [(side, qty) for time, side, qty in sent(made, OrderType.MARKET) if time == at]
    assert first == [(int(-np.sign(lots)), abs(lots)) for lots in before.values() if lots]
    assert not one.loop.positions["position"].any()
    assert not one.loop.working["position"].any()
    assert not one.loop.working["n"].any()
    assert one.loop.core[0]["closing"] == 0
    assert max(time for time, *_ in sent(made, OrderType.LIMIT)) <= at


def test_stop_alone_keeps_the_inventory():
    one, made = driven([Command("stop", "news", after=9_000)])
    assert not sent(made, OrderType.MARKET)
    assert one.loop.positions["position"].any()


def test_after_resume_it_quotes_again_and_nothing_is_closed():
    one, made = driven([STOP, AGAIN])
    _, again = times(made, Kind.COMMAND)
    assert [time for time, *_ in sent(made, OrderType.LIMIT) if time > again]
    assert not [time for time, *_ in sent(made, OrderType.MARKET) if time > again]
    assert (one.loop.core[0]["off"], one.loop.core[0]["closing"]) == (0, 0)


@pytest.mark.parametrize(
    ("limits", "what", "closed"),
    [
        ({"day_off": 1e-6}, "day off", False),
        ({"day_off": 1e-6, "day_close": 2e-6}, "day closed", True),
        ({"session_pause": 1e-6}, "paused", False),
        ({"session_kill": 1e-6}, "killed", False),
        ({"max_drawdown": 1e-6}, "killed", False),
    ],
)
def test_the_ladder_of_losses_takes_the_quotes_away(limits, what, closed):
    one, made = driven(minutes=5, **limits)
    at = min(time for time, told in desk_rows(made) if told == what)
    quotes = [time for time, *_ in sent(made, OrderType.LIMIT)]
    assert [time for time in quotes if time < at]
    assert not [time for time in quotes if time > at], "it went on quoting"
    assert bool(sent(made, OrderType.MARKET)) is closed
    assert one.loop.core[0]["off"] == 1
    assert not closed or not one.loop.positions["position"].any()


def test_without_a_loss_nothing_is_taken_away():
    one, made = driven()
    assert {what for _, what in desk_rows(made)} <= {"envelope granted", "quotes refused"}
    assert one.loop.core[0]["off"] == 0


def test_chunks_change_nothing():
    prints = [print_of(*driven([STOP, AGAIN], chunk)) for chunk in (None, 97, 2_048)]
    assert prints[0] == prints[1] == prints[2]


LOST = {"day_off": 1e-5, "day_close": 2e-5}


def test_a_day_that_a_round_finds_lost_is_closed_at_once_and_stays_closed():
    tape = market("busy", minutes=5)
    one, made = several(tape, eager(limits=LOST, manager=APART))
    drive(one, tape.blocks())
    at = min(time for time, told in desk_rows(made) if told == "day closed")
    assert at % MINUTE, "the purse's minute saw it first: this shows nothing"
    assert any(held(made, at).values()), "nothing was held: this shows nothing"
    assert [time for time, *_ in sent(made, OrderType.MARKET) if time == at]
    assert max(time for time, *_ in sent(made, OrderType.LIMIT)) <= at
    assert not one.loop.positions["position"].any()
    assert (one.loop.core[0]["off"], one.loop.core[0]["closing"]) == (1, 0)


@pytest.mark.parametrize(
    ("start", "config"),
    [
        (lambda tape, config: machine(QUOTER, tape, config), settings(limits={"day_off": 1e-6, "day_close": 2e-6})),
        (several, eager(limits=LOST, manager=APART)),
    ],
    ids=["by a minute", "by a round"],
)
@pytest.mark.parametrize("later", [-2_000, 0, 1, 20, 200, 2_000])
def test_a_restart_while_it_is_being_closed_changes_nothing(later, start, config, tmp_path):
    tape = market("busy", minutes=5)
    whole, made = start(tape, config)
    drive(whole, tape.blocks())
    at = min(time for time, what in desk_rows(made) if what == "day closed")
    rows = np.concatenate([b.rows["recv"] for b in tape.blocks()])
    cut = int(np.searchsorted(rows, at, side="right")) + later
    first, before = start(tape, config)
    for piece in pieces(tape.blocks(), 1 if later > 0 else 100):
        if first.loop.core[0]["rows"] + len(first.loop.waiting) >= cut:
            break
        first.push(piece)
    snapshot.save(first, tmp_path / "cut.npz", fed := int(first.loop.core[0]["rows"]) + len(first.loop.waiting))
    second, after = start(tape, config)
    assert snapshot.restore(second, tmp_path / "cut.npz") == fed
    drive(second, tape.blocks(), skip=fed)
    assert print_of(second, before + after) == print_of(whole, made)


@pytest.mark.parametrize(
    ("strategy", "config"),
    [
        (QUOTER, settings(limits={"day_off": 1e-6, "day_close": 2e-6})),
        ([BESIDE, "psc"], eager(limits=LOST, manager=APART)),
    ],
)
def test_a_run_that_its_losses_closed_replays(strategy, config, tmp_path):
    found = backtest(strategy, market("busy", minutes=5), config=config, run_dir=tmp_path / "run")
    assert "day closed" in {what for _, what in desk_rows(found.tape.blocks())}
    assert replay(tmp_path / "run").identical
