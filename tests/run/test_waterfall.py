"""The edge waterfall: layers that lead to the net, however they are run; and only those runs that can differ."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from decimal import Decimal

import pytest

from small_bars import minutes
from small_runs import market, settings
from small_strategies import Churn
from tickerml.config import from_mapping
from tickerml.run import abreast, layers, waterfall
from tickerml.run.abreast import Abreast, net_of
from tickerml.run.again import Variant, recorded
from tickerml.run.backtest import backtest
from tickerml.run.layers import add_layers, held
from tickerml.run.record import read_manifest, write_manifest
from tickerml.run.reopen import source_of
from tickerml.run.result import open_run
from tickerml.run.waterfall import LAYERS, Waterfall
from tickerml.tape.errors import RunError
from tickerml.views.figures import net

EAGER = {"drop": 0.005, "rsi_below": 60.0, "timeframe": "1m", "stop": 0.01, "target": 0.006, "lookback_hours": 1.0}


@pytest.fixture(scope="module")
def bars(tmp_path_factory):
    """A run over bars that trades often."""
    tape = minutes(6000)
    return backtest("dca", tape, config=settings(dca=EAGER), run_dir=tmp_path_factory.mktemp("bars") / "run")


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """A run over order books, with limit orders that rest."""
    tape, folder = market("busy", minutes=3), tmp_path_factory.mktemp("books") / "run"
    return backtest(Churn("mixed", ttl_s=4), tape, config=settings(), run_dir=folder)


def parts(run):
    manifest = read_manifest(run.path)
    return recorded(manifest), source_of(manifest, run.path), manifest["rows"], (net(run.story), len(run.story.trades))


@pytest.mark.parametrize("name", ["bars", "books"])
def test_layers_lead_to_the_net_to_the_last_unit(name, request):
    run = request.getfixturevalue(name)
    found = run.manifest["waterfall"]
    assert [layer for layer, _, _ in found] == list(LAYERS)
    assert sum(Decimal(money) for _, money, _ in found) == Decimal(net(run.story))
    assert found[-1][2] == len(run.story.trades) > 5


def test_the_same_layers_pushed_held_and_in_processes(bars, monkeypatch):
    run, tape, rows, earned = parts(bars)
    blocks = held(run, tape, rows)
    pushed = Waterfall(run, bars.path, earned)
    for block in blocks:
        pushed.push(block)
    monkeypatch.setattr(abreast, "_LEAST", 0)
    forked = Waterfall(run, bars.path, earned, blocks)
    forked.start()
    assert len(forked._again._workers) == len(forked) == 2
    here = Waterfall(run, bars.path, earned, blocks)
    assert pushed.layers() == forked.layers() == here.layers() == [tuple(x) for x in bars.manifest["waterfall"]]


def test_bars_need_the_runs_for_spread_and_fees_alone(bars, books):
    run, tape, rows, earned = parts(bars)
    assert len(Waterfall(run, bars.path, earned, held(run, tape, rows))) == 2
    run, tape, rows, earned = parts(books)
    assert held(run, tape, rows) == []  # books are not held in memory
    assert len(Waterfall(run, books.path, earned)) >= 4


def _earned(run, tape, **latency):
    config = replace(run.setting.config, latency=replace(run.setting.config.latency, **latency))
    machine = replace(run, setting=replace(run.setting, config=config)).machine()
    for block in tape.blocks():
        machine.push(block)
    return net_of(machine)


def test_latency_that_was_not_run_makes_no_difference(bars):
    run, tape, _, earned = parts(bars)
    assert _earned(run, tape) == earned[0]
    assert _earned(run, tape, entry_ms=0.0, cancel_ms=0.0, response_ms=0.0) == earned[0]


@pytest.mark.real
def test_latency_that_was_not_run_makes_no_difference_on_real_bars(real_data, tmp_path):
    from tickerml.run.sources import open_source

    folder = real_data / "candles" / "binance_perp_5m"
    tape = open_source(str(folder), timerange=(1_740_787_200 * 10**9, 1_741_996_800 * 10**9))
    config = from_mapping({"dca": {"drop": 0.02, "rsi_below": 40.0}})
    run = backtest(["dca", "swing", "channel"], tape, config=config, run_dir=tmp_path / "run")
    again, tape, _, earned = parts(run)
    assert len(run.story.trades) > 20
    assert _earned(again, tape, entry_ms=0.0, cancel_ms=0.0, response_ms=0.0) == earned[0]


def test_latency_that_reaches_beyond_the_open_is_run(bars):
    run, tape, rows, _ = parts(bars)
    blocks = held(run, tape, rows)
    slow = replace(run.setting.config, latency=replace(run.setting.config.latency, entry_ms=4000.0))
    drawn = replace(run.setting.config, latency=replace(run.setting.config.latency, model="distribution"))
    assert not waterfall._late(run.setting, blocks)
    for config in (slow, drawn):
        assert waterfall._late(replace(run.setting, config=config), blocks)


def test_only_a_reject_for_want_of_money_asks_for_a_run_without_it(bars, monkeypatch):
    run, tape, rows, earned = parts(bars)
    blocks = held(run, tape, rows)
    monkeypatch.setattr(waterfall, "_happened", lambda *_: (True, False))
    assert len(Waterfall(run, bars.path, earned, blocks)) == 3


def test_a_long_run_leaves_its_layers_for_the_report(bars, tmp_path, monkeypatch):
    heard = []

    class Heard:
        stop = due = False

        def __call__(self, *_):
            pass

        def note(self, text, *_, **__):
            heard.append(text)

        def show(self, state):
            pass

    monkeypatch.setattr(layers, "LONG", 100)
    run = backtest("dca", minutes(6000), config=settings(dca=EAGER), run_dir=tmp_path / "long", progress=Heard())
    assert "waterfall" not in run.manifest
    assert layers.LEFT in heard
    assert add_layers(run.path)
    assert [tuple(x) for x in read_manifest(run.path)["waterfall"]] == [tuple(x) for x in bars.manifest["waterfall"]]
    assert not add_layers(run.path)  # they are there
    assert "Where did the money go" in open_run(run.path).report().read_text("utf-8")


def test_nothing_is_added_where_nothing_can_be(bars, tmp_path, monkeypatch):
    assert not add_layers(bars.path)
    manifest = {k: v for k, v in read_manifest(bars.path).items() if k != "waterfall"}
    whole = read_manifest(bars.path)
    try:
        write_manifest(bars.path, {**manifest, "stopped": True})
        assert not add_layers(bars.path)
        write_manifest(bars.path, manifest)
        monkeypatch.setattr(layers, "source_of", lambda *_: None)
        assert not add_layers(bars.path)
    finally:
        write_manifest(bars.path, whole)


@pytest.fixture
def two(bars, monkeypatch):
    """Two equal variants, held."""
    monkeypatch.setattr(abreast, "_LEAST", 0)
    run, tape, rows, earned = parts(bars)
    found = Abreast({"a": run, "b": run}, held(run, tape, rows))
    return found, earned


def test_a_process_that_is_ended_from_outside_is_replaced_by_this_one(two):
    found, earned = two
    found.start()
    os.kill(found._workers["a"].process.pid, signal.SIGKILL)
    assert found.nets() == {"a": earned[0], "b": earned[0]}


def test_what_goes_wrong_in_a_process_is_told(two, monkeypatch):
    found, _ = two
    machine = found._machines["b"]
    monkeypatch.setattr(type(machine), "push", lambda *_: 1 / 0)
    found.start()
    with pytest.raises(RunError, match="ZeroDivisionError") as error:
        found.nets()
    assert error.value.code == "run-again"


def test_stopping_ends_the_processes(two):
    class Stopped:
        stop = True

        def __call__(self, *_):
            pass

    found, _ = two
    found.start()
    assert found.nets(Stopped()) == {}
    assert all(not w.process.is_alive() for w in found._workers.values())


def test_a_variant_that_cannot_be_run_raises_at_once(bars):
    run, *_ = parts(bars)
    config = replace(run.setting.config, queue=replace(run.setting.config.queue, model="none"))
    with pytest.raises(Exception, match="queue"):
        Abreast({"a": Variant(run.chosen, replace(run.setting, config=config), run.header)})
