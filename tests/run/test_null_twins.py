"""H3: null twins of a run: made once, kept with it, told in words where there are none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from small_bars import minutes
from small_runs import market, settings
from swept_market import Cross
from tickerml.engine.machine import pieces
from tickerml.run import null_twins
from tickerml.run.again import recorded
from tickerml.run.backtest import backtest
from tickerml.run.kept_twins import FILE, read_twins
from tickerml.run.null_twins import add_twins, usual
from tickerml.run.result import open_run
from tickerml.strategies import quoter

CONFIG = settings(data={"bar_delay_ms": 2000.0})


class Told:
    """A watcher that asks to end at the `at`-th twin."""

    def __init__(self, at=10**9):
        self.at, self.twins, self.stop, self.due = at, [], False, False

    def __call__(self, done, total=None, what="", unit="rows"):
        if what == "null twins":
            self.twins.append((done, total))
            self.stop = len(self.twins) >= self.at

    def note(self, text, level="INFO", source="", at=None):
        """Nothing is noted."""

    def show(self, state):
        """Nothing is drawn."""


def traded(folder, **more):
    return backtest(Cross(fast=3, slow=13), minutes(1500), config=CONFIG, run_dir=folder, **more)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return traded(tmp_path_factory.mktemp("twins") / "run", twins=3)


def test_h3_twins_stand_beside_the_run(run):
    story = run.story
    assert len(story.trades) > 20
    assert len(story.twins.nets) == 3
    assert np.unique(story.twins.nets).size == 3  # other bars, other money
    assert story.twins.time[0] == story.head.start
    assert story.twins.time[-1] == story.head.end
    assert (story.twins.low <= story.twins.median).all()
    told = run.summary()
    as_good = int((story.twins.nets >= float(told["pnl"])).sum())
    assert told["benchmark"]["null_twin_p"] == (as_good + 1) / 4
    assert any(f"{as_good} of 3 twins" in line for line in run.lines())
    assert "3 null twins" in (run.path / "report.html").read_text()


def test_h3_the_equity_of_a_twin_ends_at_its_net(run):
    made = read_twins(run.path, run.manifest)
    assert made.curves[:, -1] == pytest.approx(made.nets / 10_000, abs=2e-3)  # the last balance is a minute old
    assert made.curves[:, 0] == pytest.approx(0, abs=1e-9)


def test_h3_a_twin_that_was_stopped_for_good_is_not_followed_to_its_end(tmp_path, monkeypatch):
    """What it earned and its equity are those of the whole twin."""
    limits = {"max_drawdown": 0.01, "session_kill": 0.01, "order_share": 1.0, "max_position": 1.0}
    config = settings(data={"bar_delay_ms": 2000.0}, fees={"taker": 0.002}, limits=limits)
    over, asked = null_twins._Maker._over, []
    monkeypatch.setattr(null_twins, "pieces", lambda blocks, chunk: pieces(blocks, 50))
    monkeypatch.setattr(null_twins._Maker, "_over", lambda s, m: asked.append(over(s, m)) or asked[-1])
    monkeypatch.setattr(null_twins, "cores", lambda: 1)
    made = []
    for k in range(2):
        folder = tmp_path / str(k)
        backtest(Cross(fast=3, slow=13), minutes(1500), config=config, run_dir=folder, twins=2)
        made.append(read_twins(folder, open_run(folder).manifest))
        monkeypatch.setattr(null_twins._Maker, "_over", lambda s, m: False)
    assert asked.count(True) >= 1
    assert len(asked) < 2 * 1500 / 50
    assert made[0].nets.tolist() == made[1].nets.tolist()
    assert made[0].curves.tolist() == made[1].curves.tolist()


def test_h3_a_second_look_costs_nothing_and_more_twins_add_to_them(run, monkeypatch):
    before = run.story.twins.nets
    add_twins(run.path, 5)
    more = open_run(run.path).story.twins.nets
    assert len(more) == 5
    assert more[:3].tolist() == before.tolist()
    monkeypatch.setattr(null_twins, "Source", None)  # whatever makes twins would fail
    add_twins(run.path, 5)
    again = traded(run.path, twins=4)
    assert again.story.twins.nets.tolist() == more.tolist()


def test_h3_several_at_a_time_are_the_same(run, monkeypatch, tmp_path):
    monkeypatch.setattr(null_twins, "cores", lambda: 2)
    other = traded(tmp_path / "other", twins=5)
    add_twins(run.path, 5)
    assert other.story.twins.nets.tolist() == open_run(run.path).story.twins.nets.tolist()


def test_h3_ctrl_c_keeps_those_that_are_done(tmp_path):
    run = traded(tmp_path / "run", twins=0)
    add_twins(run.path, 9, Told(at=2))
    assert len(open_run(run.path).story.twins.nets) == 2
    told = Told()
    add_twins(run.path, 4, told)
    assert told.twins == [(3, 4), (4, 4)]


def test_h3_twins_of_another_run_are_not_shown(run, tmp_path):
    other = traded(tmp_path / "run", twins=0)
    (other.path / FILE).write_bytes((run.path / FILE).read_bytes())
    manifest = dict(other.manifest)
    assert read_twins(other.path, manifest) is not None  # the same run in another folder
    assert read_twins(other.path, {**manifest, "decision_hash": "another"}) is None


def test_h3_why_there_are_none_is_said_in_words(tmp_path):
    none = traded(tmp_path / "none", twins=0)
    assert none.summary()["not_shown"]["benchmark.null_twin_p"].startswith(
        f"none were asked for: tickerml report {tmp_path / 'none'} --twins "
    )
    books = backtest(quoter.Params(), market("busy", minutes=1), config=settings(), run_dir=tmp_path / "b", twins=2)
    assert books.story.decisions.fills
    assert books.summary()["not_shown"]["benchmark.null_twin_p"] == "only bars have null twins"
    add_twins(books.path, 2)  # asked for all the same: lab says what is in the way
    assert "has an order book or trades" in open_run(books.path).summary()["not_shown"]["benchmark.null_twin_p"]
    idle = backtest(Cross(fast=3, slow=13), minutes(12), config=CONFIG, run_dir=tmp_path / "idle", twins=2)
    assert idle.summary()["not_shown"]["benchmark.null_twin_p"] == "it did not trade"
    assert not (idle.path / FILE).exists()


def test_h3_long_runs_get_none_unasked(run):
    manifest = json.loads((run.path / "run.json").read_text())
    found = [usual(recorded(manifest), rows) for rows in (10, 1500, 6_000, 50_000, 50_001, 1_000_000)]
    assert found == [49, 36, 20, 20, 0, 0]


def test_h3_what_makes_twins_is_named_where_there_are_none(tmp_path, monkeypatch):
    """In JSON and on the terminal: a run of so many rows that twins would take minutes, and one that asked for none."""
    monkeypatch.setattr(null_twins, "QUICK", 1_000)
    long = traded(tmp_path / "long", twins=None)
    asked = f"tickerml report {tmp_path / 'long'} --twins 20"
    why = long.summary()["not_shown"]["benchmark.null_twin_p"]
    assert why == f"1,500 rows are many to run again and again: {asked}"
    assert any(line.startswith(f"  twins       {asked}") for line in long.lines())
    made = traded(tmp_path / "made", twins=2)
    assert not any("--twins" in line for line in made.lines())
