"""H1: what a run shows while it goes on adds up, whoever trades: setups, or a compiled strategy without trades."""

from __future__ import annotations

import pytest

from small_runs import market, settings
from small_strategies import Churn
from tickerml.run.paper import paper
from tickerml.tape.check import check
from tickerml.views import figures


class Kept:
    """A watcher to whom every state is due, and who keeps them."""

    stop, due = False, True

    def __init__(self):
        self.states = []

    def __call__(self, done, total, what="", more=""):
        """Nothing: how far it is is not looked at here."""

    def note(self, text, level="INFO", source="", at=None):
        """Nothing: notes are not looked at here."""

    def show(self, told):
        self.states.append(told)


def shown(strategy, tmp_path):
    watcher = Kept()
    run = paper(strategy, market(), config=settings(), run_dir=tmp_path / "run", progress=watcher)
    return run.story, watcher.states


def test_h1_of_a_compiled_strategy_all_that_was_made_is_closed_or_open(tmp_path):
    story, states = shown("quoter", tmp_path)
    assert len(states) > 3
    for one in states:
        assert one.equity == one.start_equity + one.closed + sum(p.pnl for p in one.positions)
    last = states[-1]
    assert last.orders > 0
    assert last.closed != 0
    assert 0 <= float(last.fees) <= float(figures.fees(story))


@pytest.mark.parametrize("strategy", ["quoter", Churn()], ids=["quoter", "setups"])
def test_h1_a_feed_that_is_read_is_current(strategy, tmp_path):
    _, states = shown(strategy, tmp_path)
    for one in states[1:]:
        assert (one.feeds.total, one.feeds.current) == (2, 2)
        assert one.feeds.oldest_ms < 14_000


def test_h1_of_setups_what_was_closed_is_the_sum_of_the_trades(tmp_path):
    story, states = shown(Churn(horizon_s=8.0), tmp_path)
    for one in states:
        ended = [t for t in story.trades if t.exit_time <= one.time][: one.trades]
        assert one.trades == len(ended)
        assert one.closed == sum(t.pnl for t in ended)
        assert one.won == sum(t.pnl > 0 for t in ended)
    assert states[-1].trades > 0


@pytest.mark.parametrize("scenario", ["gap", "crossed"])
def test_every_run_tells_the_same_of_one_tape_whoever_trades(scenario, tmp_path):
    """`data check` is what says how it is; the screen's last state and the run's end say it, too."""
    tape = market(scenario, minutes=20)
    checked = check(tape)
    truth = sum(one.gaps for one in checked), sum(one.crossed for one in checked)
    assert max(truth) > 0
    for strategy in ("quoter", Churn(horizon_s=8.0)):
        watcher = Kept()
        folder = tmp_path / str(strategy)[:6]
        told = paper(strategy, tape, config=settings(), run_dir=folder, progress=watcher).story.health
        last = watcher.states[-1].feeds
        assert (told.gaps, told.crossed) == (last.gaps, last.crossed) == truth
