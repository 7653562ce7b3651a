"""A sweep as a whole: what it finds, what it keeps, how it goes on, and that its trials count."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from small_bars import minutes
from small_runs import market, settings, shortened
from swept_market import Back, Cross, Trailing, fast_of, spot
from tickerml.cli.sweep import lines
from tickerml.engine.core import MADE
from tickerml.lab.overfit import overfitting
from tickerml.lab.tuner import Space
from tickerml.run.backtest import backtest
from tickerml.run.paper import paper
from tickerml.run.setup import Setting, bar_only_of, terms_of
from tickerml.run.strategies import choose
from tickerml.run.sweep import sweep
from tickerml.run.sweep_check import compared
from tickerml.run.sweep_memory import give_back, held_mb
from tickerml.run.tune import tune
from tickerml.strategies import quoter
from tickerml.tape.block import Block
from tickerml.tape.errors import ConfigError, InputError, RunError
from tickerml.tape.rows import DAY
from tickerml.tape.tape import MemoryTape

CONFIG = settings(data={"bar_delay_ms": 2000.0})
AXES = {"fast": (3, 5, 8), "slow": (13, 21, 34), "stop": (0.004,)}


class Stops:
    """A watcher that asks to end at the `at`-th report of trials or bars."""

    def __init__(self, at=10**9):
        self.at, self.told, self.notes, self.stop, self.due = at, 0, [], False, False

    def __call__(self, done, total=None, what="", unit="rows"):
        if what == "sweep":
            self.told += 1
            self.stop = self.told >= self.at

    def note(self, text, level="INFO", source="", at=None):
        self.notes.append(text)

    def show(self, state):
        raise AssertionError


@pytest.fixture(scope="module")
def bars():
    return minutes(1500)


def swept(tape, folder, **more):
    given = {"axes": AXES, "config": CONFIG, "run_dir": folder, "workers": 1} | more
    return sweep(given.pop("strategy", Cross()), tape, **given)


def test_figures_of_the_fast_way(bars, tmp_path):
    found = swept(bars, tmp_path / "a")
    told = found.figures
    assert (told["combos"], told["bars"], told["way"], told["why"]) == (9, 1500, "arrays", "")
    assert told["bar_combos_per_s"] > 0
    assert told["ceiling_mb"] > 1024  # beyond what this process held before
    assert told["memory_mb"] > 0
    best = max(found.trials, key=lambda one: one["total_return"])
    assert told["best"]["total_return"] == best["total_return"]
    assert {k: told["best"][k] for k in AXES} == best["params"]
    assert Decimal(best["pnl"]) / 10_000 == pytest.approx(Decimal(repr(best["total_return"])))
    assert told["checked"]["equal"] == told["checked"]["engine"] == best["trades"] > 10
    assert json.loads((tmp_path / "a" / "sweep.json").read_text())["best"] == told["best"]


def test_the_engine_finds_the_same(bars, tmp_path):
    axes = {"fast": (3, 8), "slow": (21,), "stop": (0.004,)}
    quick, exact = (swept(bars, tmp_path / n, axes=axes, exact=n == "engine") for n in ("arrays", "engine"))
    assert (exact.figures["way"], exact.figures["why"]) == ("engine", "it was asked for")
    for a, b in zip(quick.trials, exact.trials, strict=True):
        for key in ("params", "trades", "won", "pnl", "fees"):
            assert a[key] == b[key], key


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("what", ["trail", "side"])
def test_a_set_that_only_the_engine_knows_is_tried_by_it(bars, tmp_path, what, turned):
    """A trailing stop, or a short sale on spot: whichever set comes first, each makes what the engine makes."""
    strategy, tape, values = (Trailing(), bars, [0.0, 0.001]) if what == "trail" else (Back(), spot(bars), [1, -1])
    axes = {what: values[::-1] if turned else values}
    free = swept(tape, tmp_path / "free", strategy=strategy, axes=axes)
    exact = swept(tape, tmp_path / "exact", strategy=strategy, axes=axes, exact=True)
    assert free.figures["way"] == "engine"
    assert what in free.figures["why"] or "short" in free.figures["why"]
    assert free.trials == exact.trials
    by_value = {one["params"][what]: one["trades"] for one in free.trials}
    if what == "side":
        assert (by_value[-1], by_value[1] > 20) == (0, True)
    else:
        assert by_value[0.001] > by_value[0.0] > 20


def test_no_limit_of_the_account_ends_a_trial(bars, tmp_path):
    """A person's own limits are for trading: trials would all end at the same loss, and rank by nothing."""
    tight = settings(data={"bar_delay_ms": 2000.0}, risk={"max_drawdown": 0.001, "position_correlation_limit": 0.0})
    tight = replace(tight, limits=replace(tight.limits, day_off=0.0001, session_kill=0.0002, max_drawdown=0.0003))
    axes = {"fast": (3, 8), "slow": (21,), "stop": (0.004,)}
    quick, exact = (
        swept(bars, tmp_path / n, axes=axes, config=tight, exact=n == "engine") for n in ("arrays", "engine")
    )
    assert quick.figures["checked"]["equal"] == quick.figures["checked"]["engine"] > 10
    assert [one["pnl"] for one in quick.trials] == [one["pnl"] for one in exact.trials]
    assert min(one["total_return"] for one in quick.trials) < -0.0003


def test_what_the_desk_refuses_has_no_trades_by_arrays(bars, tmp_path):
    """A liquidation nearer than three stops: a backtest of any of these sets is refused at each signal."""
    config = settings(data={"bar_delay_ms": 2000.0}, trading={"leverage": 50.0})
    axes = {"fast": (3, 8), "slow": (21,), "stop": (0.02,)}
    found = swept(bars, tmp_path / "a", config=config, axes=axes)
    assert found.figures["way"] == "engine"
    assert "liquidation too near the stop" in found.figures["why"]
    assert [one["trades"] for one in found.trials] == [0, 0]
    alone = backtest(Cross(3, 21, stop=0.02), bars, config=config, run_dir=tmp_path / "b").summary()
    assert alone["trades"] == 0
    assert sum(n for why, n in alone["refusals"].items() if "liquidation" in why) > 10


def test_where_the_engine_makes_others_it_is_told_plainly(bars, tmp_path):
    """The desk's sizes keep to limits that the arrays do not know: the engine's figures stand beside theirs."""
    tight, watcher = settings(data={"bar_delay_ms": 2000.0}, limits={"max_position": 0.05}), Stops()
    found = swept(bars, tmp_path / "a", strategy=Cross(stake=2000.0), config=tight, progress=watcher)
    told, best = found.figures["checked"], found.ranked[0]
    assert (told["same"], told["equal"]) == (False, 0)
    assert told["engine"] == told["arrays"] == best["trades"] > 10
    assert told["engine_return"] == float(Decimal(told["engine_pnl"]) / 10_000)
    assert abs(told["engine_return"]) < abs(best["total_return"]) / 2
    assert any("what arrays found does not hold" in note for note in watcher.notes)
    answer = lines(found, "runs")
    assert answer[0].startswith("NOT CONFIRMED: the engine makes other trades of the best")
    assert any("  checked     the engine " in line and f"0 of {told['arrays']} trades" in line for line in answer)
    assert swept(bars, tmp_path / "b").figures["checked"]["same"]
    assert not lines(swept(bars, tmp_path / "b"), "runs")[0].startswith("NOT")


def test_all_trades_of_the_arrays_are_counted_where_the_engine_makes_none(bars, monkeypatch):
    setting = Setting(CONFIG, Decimal(10_000), bar_only=bar_only_of(bars), terms=terms_of(CONFIG))
    strategy = Cross(3, 13, 0.004)
    way = fast_of([strategy], bars, setting)
    (trial,) = way.trials(lambda _: False, [0])
    monkeypatch.setattr("tickerml.run.sweep_check.drive", lambda *_, **__: None)
    found = compared(choose(strategy, CONFIG), bars, setting, way, 0)
    assert (found.engine, found.arrays, found.equal, found.same) == (0, trial.trades, 0, False)
    assert found.first.endswith("by the arrays alone")


@pytest.mark.parametrize("workers", [1, 2])
def test_order_books_are_swept_by_the_engine(tmp_path, workers):
    tape = market("busy", minutes=1)
    axes = {"behind": (1, 2, 3), "every": (0.1, 0.5)}
    found = swept(tape, tmp_path / "q", strategy=quoter.Params(), axes=axes, config=settings(), workers=workers)
    assert found.figures["way"] == "engine"
    assert [one["params"]["behind"] for one in found.trials] == [1, 1, 2, 2, 3, 3]
    assert len({one["pnl"] for one in found.trials}) > 3
    if workers == 2:
        alone = swept(tape, tmp_path / "p", strategy=quoter.Params(), axes=axes, config=settings())
        assert [one["pnl"] for one in alone.trials] == [one["pnl"] for one in found.trials]


def test_python_strategies_are_swept_in_processes_over_one_tape(bars, tmp_path):
    axes = {"bars": (10, 20, 30)}
    two = swept(bars, tmp_path / "two", strategy=Back(), axes=axes, exact=True, workers=2)
    one = swept(bars, tmp_path / "one", strategy=Back(), axes=axes, exact=True)
    assert one.trials == two.trials
    assert sum(t["trades"] for t in one.trials) > 30


@pytest.mark.parametrize("exact", [False, True])
def test_a_sweep_that_was_stopped_goes_on(bars, tmp_path, exact, monkeypatch):
    axes = {"fast": (3, 5, 8), "slow": (21,)}
    monkeypatch.setattr("tickerml.run.search.BATCH", 1)
    with pytest.raises(RunError, match="stopped") as told:
        swept(bars, tmp_path / "s", axes=axes, exact=exact, progress=Stops(2))
    assert told.value.code == "interrupted"
    kept = (tmp_path / "s" / "trials.jsonl").read_text().splitlines()
    assert 1 <= len(kept) < 3
    watcher = Stops()
    found = swept(bars, tmp_path / "s", axes=axes, exact=exact, progress=watcher)
    assert any("on record already" in note for note in watcher.notes)
    whole = swept(bars, tmp_path / "w", axes=axes, exact=exact)
    assert found.trials == whole.trials
    assert (tmp_path / "s" / "marks.f8").read_bytes() == (tmp_path / "w" / "marks.f8").read_bytes()


def test_half_a_line_is_tried_again(bars, tmp_path):
    whole = swept(bars, tmp_path / "s")
    lines = (tmp_path / "s" / "trials.jsonl").read_bytes()
    (tmp_path / "s" / "trials.jsonl").write_bytes(lines[:-20])
    assert swept(bars, tmp_path / "s").trials == whole.trials
    assert (tmp_path / "s" / "trials.jsonl").read_bytes() == lines
    (tmp_path / "s" / "marks.f8").write_bytes((tmp_path / "s" / "marks.f8").read_bytes()[:-9])
    assert swept(bars, tmp_path / "s").trials == whole.trials


def test_another_sweep_does_not_go_there(bars, tmp_path):
    swept(bars, tmp_path / "s")
    before = {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()}
    for other in ({"axes": AXES | {"fast": (3, 5)}}, {"exact": True}):
        with pytest.raises(RunError) as told:
            swept(bars, tmp_path / "s", **other)
        assert told.value.code == "run-differs"
    assert {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()} == before


def test_every_parameter_set_counts_as_a_trial(bars, tmp_path):
    runs = settings(data={"bar_delay_ms": 2000.0, "runs": str(tmp_path)})
    swept(bars, None, config=runs)
    first = backtest(Cross(3, 13), bars, config=runs)
    assert first.manifest["trials"] == 1 + 9
    other = minutes(400)
    assert backtest(Cross(3, 13), other, config=runs).manifest["trials"] == 1
    elsewhere = backtest(Cross(4, 13), bars, config=runs, run_dir=tmp_path / "my" / "run")
    assert elsewhere.manifest["trials"] == 1 + 1 + 9
    again = paper(Cross(4, 13), bars, config=runs)  # the run elsewhere is not in the folder of runs
    assert again.manifest["trials"] == 1 + 1 + 9
    assert backtest(Cross(4, 13), bars, config=runs).manifest["trials"] == 1 + 1 + 9  # what was paper before


def said_in_sample(run):
    """Whether the terminal, the page and JSON say so; they say the same."""
    told = run.summary()["in_sample"]
    first = run.lines()[0].startswith("IN SAMPLE: its parameters were tried on these rows by ")
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert told == first == ("IN SAMPLE" in page) == ("<title>in sample: " in page)
    return told


@pytest.mark.parametrize("search", ["sweep", "tune"])
def test_h3_a_run_with_parameters_that_were_tried_on_its_rows_says_so(bars, tmp_path, search):
    runs = settings(data={"bar_delay_ms": 2000.0, "runs": str(tmp_path)})
    assert not said_in_sample(backtest(Cross(3, 13, stop=0.004), bars, config=runs, run_dir=tmp_path / "before"))
    if search == "sweep":
        found = swept(bars, None, config=runs)
    else:
        spaces = {"fast": Space((3, 5)), "slow": Space((13,)), "stop": Space((0.004,))}
        found = tune(Cross(), bars, spaces=spaces, trials=6, config=runs, workers=1)
    tried = {name: found.trials[0]["params"][name] for name in ("fast", "slow", "stop")}
    after = backtest(Cross(**tried), bars, config=runs, run_dir=tmp_path / "after")
    assert said_in_sample(after)
    sets = len(found.trials)
    assert f"{found.folder.name} ({sets} parameter sets)" in after.lines()[0]
    part = shortened(bars, 700)  # other rows by their hash, and some of those that were searched
    assert said_in_sample(backtest(Cross(**tried), part, config=runs, run_dir=tmp_path / "part"))
    later = moved(bars, 30 * DAY)
    for strategy, tape in ((Cross(**tried | {"fast": 9}), bars), (Back(), bars), (Cross(**tried), later)):
        assert not said_in_sample(backtest(strategy, tape, config=runs, run_dir=tmp_path / "other" / str(id(strategy))))


def moved(tape, by):
    """The same bars so many ns later."""
    (block,) = tape.blocks()
    rows, table = block.rows.copy(), block.bars.copy()
    rows["recv"] += by
    rows["exch"] += by
    table["open_time"] += by
    return MemoryTape(tape.header, (Block(rows, bars=table),))


def test_overfitting_is_that_of_the_marks(bars, tmp_path):
    found = swept(bars, tmp_path / "a")
    marks = np.fromfile(tmp_path / "a" / "marks.f8").reshape(9, -1)
    returns = np.diff(marks, axis=1, prepend=0.0).T
    assert found.figures["pbo"] == round(overfitting(returns).pbo, 4)
    last = [float(one["pnl"]) for one in found.trials]
    assert np.allclose(marks[:, -1], last, atol=5)  # what is open is marked without the fee of closing it


def test_one_trial_has_no_overfitting_figure(bars, tmp_path):
    told = swept(bars, tmp_path / "a", axes={"fast": (5,)}).figures
    assert (told["pbo"], told["not_shown"]) == (None, {"pbo": "one parameter set, needs two"})


@pytest.mark.parametrize("exact", [False, True])
def test_sets_that_do_not_differ_have_no_overfitting_figure(bars, tmp_path, exact):
    """Choosing the best of nothing overfits nothing: it was told as a certainty."""
    for name, axes, why in (
        ("none", {"fast": (5, 6, 7), "slow": (1000, 1010)}, "no parameter set traded"),
        ("same", {"fast": (5,), "slow": (21,), "longest_hours": (5000.0, 6000.0)}, "all parameter sets did the same"),
    ):
        found = swept(bars, tmp_path / name, axes=axes, exact=exact)
        assert (found.figures["pbo"], found.figures["not_shown"]) == (None, {"pbo": why})
        assert f"  overfit     not shown: {why}" in lines(found, "runs")


def test_a_best_set_that_did_not_trade_is_not_all_of_them(bars, tmp_path):
    """Among losing sets the best may be one without trades: that is said of it and not of the others."""
    found = swept(bars, tmp_path / "a", axes={"fast": (3,), "slow": (5, 1000), "stop": (0.001,)})
    assert [bool(one["trades"]) for one in found.ranked] == [False, True]
    assert lines(found, "runs")[0] == (
        "best of 2: fast=3 slow=1000 stop=0.001 did not trade; of the 1 that did none made anything"
    )


@pytest.mark.parametrize(("timeframe", "bars"), [("1m", 10), ("5m", 2)])
def test_rows_of_order_books_are_not_told_as_bars(tmp_path, timeframe, bars):
    tape = market("busy", minutes=10)
    rows = sum(len(block) for block in tape.blocks())
    axes = {"fast": (2, 3), "slow": (4,), "timeframe": (timeframe,)}
    found = swept(tape, tmp_path / "a", axes=axes, config=settings())
    told, coins = found.figures, len(tape.header.instruments)
    assert (told["way"], told["rows"]) == ("engine", rows)
    assert (bars - 1) * coins <= told["bars"] <= bars * coins
    assert 0 < told["bar_combos_per_s"] < told["row_combos_per_s"]
    (speed,) = (line for line in lines(found, "runs") if line.startswith("  speed"))
    assert f"{told['bars']:,} bars ({rows:,} rows) by engine" in speed


def test_what_looks_at_no_bars_has_rows_alone(tmp_path):
    tape = market("busy", minutes=1)
    found = swept(tape, tmp_path / "q", strategy=quoter.Params(), axes={"behind": (1, 2)}, config=settings())
    told = found.figures
    assert (told["bars"], told["bar_combos_per_s"]) == (None, None)
    assert set(told["not_shown"]) >= {"bars", "bar_combos_per_s"}
    assert told["row_combos_per_s"] > 0
    assert any(f"{told['rows']:,} rows by engine" in line for line in lines(found, "runs"))


def test_the_engine_judges_as_many_bars_as_the_arrays(bars, tmp_path):
    """A tape of minutes is 1,500 bars to a strategy of minutes, and 300 to one of five."""
    for timeframe, count in (("1m", 1500), ("5m", 300)):
        axes = {"fast": (3,), "timeframe": (timeframe,)}
        assert swept(bars, tmp_path / timeframe, axes=axes, exact=True).figures["bars"] == count
    both = swept(bars, tmp_path / "both", axes={"fast": (3,), "timeframe": ("1m", "5m")}, exact=True)
    assert both.figures["bars"] is None


def test_what_cannot_be_asked(bars, tmp_path):
    with pytest.raises(InputError) as told:
        swept(bars, tmp_path / "a", axes={})
    assert told.value.code == "sweep-range"
    with pytest.raises(ConfigError) as refused:
        swept(bars, tmp_path / "a", axes={"fast": (5, 5000)})
    assert refused.value.code == "param-range"
    assert not (tmp_path / "a").exists()


def test_a_ceiling_is_kept_before_anything_is_run(bars, tmp_path):
    with pytest.raises(RunError) as told:
        swept(bars, tmp_path / "a", memory_mb=0)
    assert told.value.code == "sweep-memory"
    assert (tmp_path / "a" / "trials.jsonl").read_bytes() == b""


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of others keeps its own counsel")
def test_what_reading_took_is_given_back():
    give_back()  # else what others left is taken first
    before = held_mb()
    kept = [bytearray(100_000) for _ in range(2000)]
    top = bytearray(100_000)  # behind the free part: the library alone would keep it
    assert held_mb() > before + 150
    kept.clear()
    give_back()
    assert held_mb() < before + 40
    assert len(top) == 100_000


def test_a_trial_that_makes_more_rows_than_the_loop_holds_is_the_backtest(tmp_path):
    tape, params = market("busy", minutes=10), quoter.Params(every=0.1)
    whole = backtest(params, tape, config=settings(), run_dir=tmp_path / "whole")
    assert sum(whole.manifest["counts"].values()) > 2 * MADE
    found = swept(tape, tmp_path / "q", strategy=params, axes={"behind": (params.behind,)}, config=settings())
    (trial,) = found.trials
    assert trial["trades"] == whole.manifest["counts"]["fill"] > 100
