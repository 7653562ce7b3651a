"""Tune and walk-forward as a whole: what they find, keep and go on with, and that their trials count."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from small_bars import minutes
from small_runs import market, settings
from swept_market import Back, Cross
from tickerml.config import Config
from tickerml.lab.tuner import BATCH, Space, space
from tickerml.run import tune as tuning
from tickerml.run.backtest import backtest
from tickerml.run.judged import judge
from tickerml.run.search import search_of
from tickerml.run.setup import Setting, bar_only_of, terms_of
from tickerml.run.sources import open_source
from tickerml.run.strategies import choose
from tickerml.run.sweep import sweep
from tickerml.run.tune import tune
from tickerml.run.walkforward import Windows, walkforward
from tickerml.strategies import quoter
from tickerml.strategies.wake import Bars
from tickerml.tape.errors import ConfigError, InputError, RunError
from tickerml.tape.intents import Long, Pass
from tickerml.tape.rows import MINUTE
from tickerml.tape.tape import MemoryTape
from tickerml.tape.window import window

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIG = settings(data={"bar_delay_ms": 2000.0})
SPACES = {"fast": Space(low=2, high=12, whole=True), "slow": Space((13, 21, 34)), "stop": Space(low=0.002, high=0.02)}
GRID = {"fast": Space((3, 5, 8)), "slow": Space((13, 21)), "stop": Space((0.004,))}
WINDOWS = Windows(400 * MINUTE, 200 * MINUTE, purge=20 * MINUTE, embargo=5 * MINUTE)


class Watcher:
    """Asks to end at the `at`-th report of `what`."""

    def __init__(self, at=10**9, what="tune"):
        self.at, self.what, self.told, self.notes, self.stop, self.due = at, what, [], [], False, False

    def __call__(self, done, total=None, what="", unit="rows"):
        if what == self.what and unit == "trials":
            self.told.append((done, total))
            self.stop = len(self.told) >= self.at

    def note(self, text, level="INFO", source="", at=None):
        self.notes.append(text)


@pytest.fixture(scope="module")
def bars():
    return minutes(1200)


def tuned(tape, folder, **more):
    given = {"spaces": SPACES, "config": CONFIG, "run_dir": folder, "workers": 1, "trials": 40, "seed": 5} | more
    return tune(given.pop("strategy", Cross()), tape, **given)


def walked(tape, folder, **more):
    given = {"spaces": GRID, "windows": WINDOWS, "config": CONFIG, "run_dir": folder, "workers": 1, "seed": 5} | more
    return walkforward(given.pop("strategy", Cross()), tape, **given)


def test_a_tune_records_what_a_sweep_would(bars, tmp_path):
    watcher = Watcher()
    found = tuned(bars, tmp_path / "t", progress=watcher)
    told = found.figures
    assert (told["combos"], told["bars"], told["way"]) == (40, 1200, "arrays")
    assert told["checked"]["engine"] == told["checked"]["equal"] == told["best"]["trades"] > 5
    assert 0 < told["memory_mb"] < told["ceiling_mb"]
    assert 0 <= told["pbo"] <= 1
    assert watcher.told == [(16, 40), (32, 40), (40, 40)]
    assert any(note.startswith("memory: about") for note in watcher.notes)
    first = found.trials[0]
    axes = {name: (value,) for name, value in first["params"].items()}
    same = sweep(Cross(), bars, axes=axes, config=CONFIG, run_dir=tmp_path / "s", workers=1, seed=5).trials[0]
    assert {**first, "number": 0} == same


def test_a_tune_whose_later_sets_need_the_engine_says_how_its_best_was_tried(bars, tmp_path):
    """A stop behind its liquidation turns up among good ones: what arrays had found is checked all the same."""
    config = settings(data={"bar_delay_ms": 2000.0}, trading={"leverage": 50.0})
    stops = (*(0.003 + k / 1e5 for k in range(40)), 0.02)
    spaces = {"fast": Space((3, 5, 8)), "slow": Space((13, 21, 34)), "stop": Space(stops)}
    given = {"spaces": spaces, "config": config, "trials": 48, "by": "sharpe", "seed": 1}
    found = tuned(bars, tmp_path / "t", **given)
    ways = [one["way"] for one in found.trials]
    assert ways[0] == "arrays"
    assert "engine" in ways
    best = found.ranked[0]
    assert found.figures["way"] == best["way"] == "arrays"
    assert found.figures["checked"]["same"]
    assert found.figures["pbo"] is None
    assert found.figures["not_shown"]["pbo"].startswith("some sets were tried by arrays")
    assert tuned(bars, tmp_path / "t", **given).trials == found.trials


def test_a_search_says_what_its_figures_assume(bars, tmp_path):
    by_arrays = tuned(bars, tmp_path / "a", trials=2).figures
    by_engine = tuned(bars, tmp_path / "e", trials=2, exact=True).figures
    assert by_arrays["assumes"].startswith("each trade stakes the same money, and no limit of the account")
    assert by_engine["assumes"].startswith("limits of losses and pace, the sum at risk")


def test_the_readmes_search_trades_on_the_market_that_it_is_tried_on(tmp_path):
    """Four hours are 48 bars of five minutes: a mean of 60 of them never was."""
    (line,) = re.findall(
        r"^tickerml (tune [^#]*)", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    words = shlex.split(line)
    assert not {"--source", "-s"} & set(words)
    spaces = dict(space(text, type(Cross())) for text in words[2::2])
    config = Config()
    tape = open_source("synthetic", minutes=config.synthetic.minutes)
    found = tune("ma_cross", tape, spaces=spaces, trials=3, config=config, run_dir=tmp_path / "t", workers=1)
    assert all(one["trades"] for one in found.trials)


@pytest.mark.parametrize(
    ("key", "tight", "holds"),
    [
        ("risk_per_trade", 0.0005, True),
        ("max_position", 0.05, True),
        ("max_in_use", 0.02, True),
        ("max_heat", 0.0005, False),
        ("order_share", 0.05, False),
        ("day_off", 0.0001, False),
    ],
)
def test_what_it_says_of_limits_is_so(bars, tmp_path, key, tight, holds):
    made = {}
    for name, limits in (("usual", {}), ("tight", {key: tight})):
        config = settings(data={"bar_delay_ms": 2000.0}, limits=limits)
        for exact in (True, False):
            found = sweep(
                Cross(3, 13, 0.004, stake=2000.0), bars, axes={"fast": (3,)}, config=config, exact=exact, check=False,
                run_dir=tmp_path / f"{name}{exact}", workers=1,
            )  # fmt: skip
            made[name, exact] = found.trials[0]["fees"], found.trials[0]["trades"], found.figures["assumes"]
    assert (made["usual", True] != made["tight", True]) is holds
    assert made["usual", False] == made["tight", False]
    assert (key in made["usual", True][2].partition("sizes keep to")[2]) is holds
    assert "no limit of the account holds" in made["usual", False][2]


def test_the_engine_and_two_workers_find_the_same(bars, tmp_path):
    spaces = {"bars": Space(low=5, high=60, whole=True), "far": Space((0.002, 0.004))}
    runs = [
        tuned(bars, tmp_path / f"{n}", strategy=Back(), spaces=spaces, trials=6, workers=1 + n, exact=True)
        for n in (0, 1)
    ]
    arrays = tuned(bars, tmp_path / "a", strategy=Back(), spaces=spaces, trials=6)
    assert (runs[0].figures["way"], arrays.figures["way"]) == ("engine", "arrays")
    assert runs[0].trials == runs[1].trials
    assert [one["pnl"] for one in arrays.trials] == [one["pnl"] for one in runs[0].trials]


def test_order_books_are_tuned_by_the_engine(tmp_path):
    spaces = {"behind": Space((1, 2, 3)), "every": Space(low=0.1, high=1.0)}
    tape = market("busy", minutes=1)
    found = tuned(tape, tmp_path / "q", strategy=quoter.Params(), spaces=spaces, config=settings(), trials=3, workers=2)
    assert (found.figures["way"], found.figures["combos"]) == ("engine", 3)


def test_a_tune_that_was_stopped_goes_on_with_the_same(bars, tmp_path):
    with pytest.raises(RunError) as told:
        tuned(bars, tmp_path / "t", progress=Watcher(at=1))
    assert told.value.code == "interrupted"
    assert len((tmp_path / "t" / "trials.jsonl").read_text().splitlines()) == BATCH
    lines = (tmp_path / "t" / "trials.jsonl").read_bytes()
    (tmp_path / "t" / "trials.jsonl").write_bytes(lines[: len(lines) // 2])  # broken within a batch, and a line
    assert tuned(bars, tmp_path / "t").trials == tuned(bars, tmp_path / "w").trials


def test_more_trials_go_on_with_a_finished_tune(bars, tmp_path, monkeypatch):
    tuned(bars, tmp_path / "t", trials=32)
    made = []
    real = tuning.tried
    monkeypatch.setattr(tuning, "tried", lambda *a, **k: (made.append(1) or one for one in real(*a, **k)))
    found = tuned(bars, tmp_path / "t", trials=48)
    assert len(made) == 16
    assert found.trials == tuned(bars, tmp_path / "w", trials=48).trials


def test_every_trial_counts_in_later_reports(bars, tmp_path):
    runs = settings(data={"bar_delay_ms": 2000.0, "runs": str(tmp_path)})
    tuned(bars, None, config=runs, trials=10)
    walked(bars, None, config=runs)
    assert backtest(Cross(3, 13), bars, config=runs).manifest["trials"] == 1 + 10 + 4 * 6


def test_the_best_may_be_that_of_the_highest_sharpe(bars, tmp_path):
    found = tuned(bars, tmp_path / "t", by="sharpe", trials=32)
    best = max(found.trials, key=lambda one: one["sharpe_per_mark"])
    assert found.figures["best"]["sharpe_per_mark"] == best["sharpe_per_mark"] == found.ranked[0]["sharpe_per_mark"]
    marks = np.fromfile(tmp_path / "t" / "marks.f8").reshape(32, -1)[best["number"]]
    steps = np.diff(marks, prepend=0.0)
    assert best["sharpe_per_mark"] == pytest.approx(steps.mean() / steps.std(ddof=1), abs=1e-6)


@pytest.mark.parametrize("key", ["weights", "priorities", "confidence"])
def test_a_misspelt_name_in_the_managers_settings_is_refused_as_a_backtest_does(bars, tmp_path, key):
    config = settings(manager={key: {"five_signl": 1}})
    axes = {"fast": (3,)}
    searches = (
        lambda: tuned(bars, tmp_path / "n", config=config),
        lambda: walked(bars, tmp_path / "n", config=config),
        lambda: sweep(Cross(), bars, axes=axes, config=config, run_dir=tmp_path / "n"),
        lambda: backtest(Cross(), bars, config=config, run_dir=tmp_path / "n"),
    )
    told = set()
    for search in searches:
        with pytest.raises(ConfigError) as error:
            search()
        assert error.value.code == "config-range"
        told.add(str(error.value))
    assert len(told) == 1
    assert f'manager.{key} has "five_signl"' in told.pop()
    assert not (tmp_path / "n").exists()


def no_number(text):
    raise AssertionError(f"{text} is not JSON")


def test_a_set_that_never_traded_has_no_sharpe_ratio_and_ranks_last(bars, tmp_path):
    spaces = {"far": Space((0.5, 0.004, 0.4, 0.002, 0.003))}  # nothing is half away from its mean
    found = tuned(bars, tmp_path / "t", strategy=Back(), spaces=spaces, trials=12, by="sharpe")
    ratios = [one["sharpe_per_mark"] for one in found.ranked]
    traded = [one for one in ratios if one is not None]
    assert 0 < len(traded) < len(ratios)
    assert ratios == sorted(traded, reverse=True) + [None] * (len(ratios) - len(traded))
    assert [one["trades"] > 0 for one in found.ranked] == [one is not None for one in ratios]
    walk = walked(bars, tmp_path / "w", strategy=Back(), spaces=spaces, by="sharpe")
    assert all(one["params"]["far"] < 0.1 for one in walk.splits)
    idle = walked(bars, tmp_path / "i", strategy=Back(), spaces={"far": Space((0.5, 0.4))}, by="sharpe")
    assert idle.figures["sharpe_per_mark"] is None
    files = [path for path in tmp_path.rglob("*") if path.suffix in (".json", ".jsonl")]
    assert len(files) == 8
    for line in (line for path in files if path.suffix == ".jsonl" for line in path.read_text().splitlines()):
        json.loads(line, parse_constant=no_number)
    for path in (path for path in files if path.suffix == ".json"):
        json.loads(path.read_text(), parse_constant=no_number)


def test_a_record_with_a_number_that_json_lacks_goes_on(bars, tmp_path):
    spaces = {"far": Space((0.5, 0.002))}
    first = tuned(bars, tmp_path / "t", strategy=Back(), spaces=spaces, trials=4, by="sharpe")
    path = tmp_path / "t" / "trials.jsonl"
    assert "null" in path.read_text()
    path.write_text(path.read_text().replace("null", "NaN"))
    again = tuned(bars, tmp_path / "t", strategy=Back(), spaces=spaces, trials=4, by="sharpe")
    assert again.trials == first.trials


def test_what_cannot_be_asked(bars, tmp_path):
    for more, error, code in (
        ({"spaces": {}}, InputError, "sweep-range"),
        ({"trials": 0}, ConfigError, "amount"),
        ({"memory_mb": 1}, RunError, "sweep-memory"),
    ):
        with pytest.raises(error) as told:
            tuned(bars, tmp_path / code, **more)
        assert told.value.code == code
        assert not (tmp_path / code / "trials.jsonl").is_file() or code == "sweep-memory"
    tuned(bars, tmp_path / "t", trials=2)
    with pytest.raises(RunError) as told:
        tuned(bars, tmp_path / "t", trials=2, seed=6)
    assert told.value.code == "run-differs"


def test_windows_choose_in_the_past_and_judge_behind_it(bars, tmp_path):
    found = walked(bars, tmp_path / "w")
    told = found.figures
    assert told["windows"] == 4
    assert told["trials"] == 4 * 6
    for one in found.splits:
        assert one["train"][1] < one["test"][0]
    trials = [json.loads(line) for line in (tmp_path / "w" / "trials.jsonl").read_text().splitlines()]
    for n, one in enumerate(found.splits):
        mine = [trial for trial in trials if trial["split"] == n]
        best = max(mine, key=lambda trial: trial["total_return"])
        assert one["params"] == best["params"]
        assert one["in_sample"] == best["total_return"]
    assert told["return"] == pytest.approx(sum(one["return"] for one in found.splits))
    low, high = told["interval"]
    assert low < told["return"] < high
    assert told["trades"] == sum(one["trades"] for one in found.splits) > 10


def test_nothing_of_the_test_window_reaches_the_choice(tmp_path):
    """The same past with another future: equal choices, other judgements."""
    one = minutes(602)
    block = next(iter(one.blocks()))
    bars = block.bars.copy()
    for name in ("open", "high", "low", "close"):
        bars[name][400:] = bars[name][400:] * 3 // 2
    rows = block.rows.copy()
    rows["price"] = bars["close"]
    other = type(one)(one.header, (type(block)(rows, bars=bars),))
    a, b = (walked(tape, tmp_path / str(n)) for n, tape in enumerate((one, other)))
    assert a.splits[0]["params"] == b.splits[0]["params"]
    assert a.splits[0]["in_sample"] == b.splits[0]["in_sample"]
    assert a.splits[0]["return"] != b.splits[0]["return"]


def test_what_is_judged_is_warm_and_trades_only_in_its_window(bars):
    search = search_of(
        Cross(3, 13), bars, (), config=CONFIG, cash=None, seed=0, pairs=(), workers=1, ceiling_mb=9999, progress=None
    )
    start = int(next(iter(bars.blocks())).rows["recv"][0])
    late = type(WINDOWS).splits(WINDOWS, bars)[0].test[0]
    found = judge(search.chosen, bars, search.setting, late)
    assert found.trades > 0
    before = late._replace(start=late.start - 1, end=late.start + 1)
    assert judge(search.chosen, bars, search.setting, before).trades >= found.trades
    never = late._replace(start=start + 10**18, end=start + 2 * 10**18)
    idle = judge(search.chosen, bars, search.setting, never)
    assert (idle.trades, set(idle.marks)) == (0, {0.0})


@dataclass(frozen=True)
class Counting:
    """Trades from the 300th bar on that it was asked at: it counts them by itself."""

    wake: ClassVar = Bars("1m")
    sees: ClassVar = ()
    state: ClassVar = np.dtype([("n", "i8")])

    def decide(self, view):
        view.state["n"] += 1
        if view.state["n"] < 300 or view.position is not None:
            return Pass("waiting")
        return Long(stop=0.004, horizon="10m")


def test_what_a_strategy_remembers_is_warm_and_it_starts_flat(bars):
    setting = Setting(CONFIG, Decimal(10_000), 0, (), bar_only_of(bars), terms_of(CONFIG))
    chosen = choose(Counting(), CONFIG)
    late = WINDOWS.splits(bars)[0].test[0]
    assert (late.end - late.start) // MINUTE == 200  # too few to count to 300
    tape = MemoryTape(bars.header, tuple(window(bars.blocks(), 0, late.end, bars.header.names)))
    assert judge(chosen, tape, setting, late).trades > 10
    never = late._replace(start=late.start + 10**18, end=late.end + 10**18)
    idle = judge(chosen, bars, setting, never)
    assert (idle.trades, set(idle.marks)) == (0, {0.0})


def test_a_walk_says_how_each_judgement_starts_and_what_figures_assume(bars, tmp_path):
    told = walked(bars, tmp_path / "w").figures
    assert told["starts"] == "flat: it decided through the window before, and nothing of that was sent"
    assert told["assumes"].startswith("limits of losses and pace, the sum at risk")


def test_a_walk_that_was_stopped_goes_on(bars, tmp_path):
    with pytest.raises(RunError):
        walked(bars, tmp_path / "s", progress=Watcher(at=3, what="walk-forward"))
    whole = walked(bars, tmp_path / "w")
    again = walked(bars, tmp_path / "s")
    assert again.splits == whole.splits
    kept = (tmp_path / "s" / "judged.jsonl").read_bytes()
    (tmp_path / "s" / "judged.jsonl").write_bytes(kept[:-9])
    assert walked(bars, tmp_path / "s").splits == whole.splits
    assert (tmp_path / "s" / "judged.jsonl").read_bytes() == kept


def test_a_tuner_may_choose_in_each_window(bars, tmp_path):
    found = walked(bars, tmp_path / "t", spaces=SPACES, trials=8)
    assert found.figures["trials"] == 4 * 8
    assert len({json.dumps(one["params"]) for one in found.splits}) > 1
    assert found.splits == walked(bars, tmp_path / "t", spaces=SPACES, trials=8).splits


def test_windows_that_do_not_fit(bars, tmp_path):
    for windows in (Windows(5000 * MINUTE, MINUTE), Windows(400 * MINUTE, 100 * MINUTE)):  # a purge of a day is longer
        with pytest.raises(InputError) as told:
            walked(bars, tmp_path / "n", windows=windows)
        assert told.value.code == "walkforward-windows"
    with pytest.raises(InputError) as told:
        walked(bars, tmp_path / "n", spaces=SPACES)
    assert told.value.code == "sweep-range"
    assert not (tmp_path / "n").exists()


def test_marks_are_at_equal_steps_of_time(bars):
    search = search_of(
        Cross(3, 13), bars, (), config=CONFIG, cash=None, seed=0, pairs=(), workers=1, ceiling_mb=9999, progress=None
    )
    span = WINDOWS.splits(bars)[1].test[0]
    found = judge(search.chosen, bars, search.setting, span)
    assert len(found.marks) == 32
    assert np.count_nonzero(np.diff(found.marks)) > 8
