"""H3: trials on record: how many there were on a source, and how much their Sharpe ratios spread."""

import json
import math

import numpy as np
import pytest

from tickerml.run.trials import trials_on_record
from tickerml.tape.rows import DAY

SPAN = 60 * DAY


MINE = {"strategies": [{"name": "dca", "params": {"drop": 0.02}}], "config": {"data": {"runs": "runs"}, "fees": {}}}
MINE |= {"cash": "500", "seed": 0, "pairs": [], "decision_hash": "d0", "source": {"content_hash": "a"}}


def run(folder, hashed="a", sharpe=None, **told):
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"source": {"content_hash": hashed}, **told}))
    (folder / "summary.json").write_text(json.dumps({"sharpe": sharpe}))


def sweep(folder, marks, source="a", broken=0, **told):
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(json.dumps({"content_hash": source, **told}))
    lines = [json.dumps({"number": n, "marks": len(one)}) + "\n" for n, one in enumerate(marks)]
    if broken:
        lines[-1] = lines[-1][:-broken]
    (folder / "trials.jsonl").write_text("".join(lines))
    (folder / "marks.f8").write_bytes(b"".join(np.asarray(one, "<f8").tobytes() for one in marks))


def test_h3_runs_and_parameter_sets_of_the_same_source_count(tmp_path):
    run(tmp_path / "mine")
    run(tmp_path / "before")
    run(tmp_path / "elsewhere", "b")
    sweep(tmp_path / "sweep-1", [[1.0, 2.0]] * 4, broken=3)  # the last line was being written when it was broken off
    sweep(tmp_path / "sweep-2", [[1.0, 2.0]] * 50, source="b")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "run.json").write_text("{")
    found = trials_on_record(MINE, tmp_path / "mine", tmp_path, SPAN)
    assert (found.count, found.variance) == (1 + 1 + 3, None)


def test_h3_the_variance_is_that_of_ratios_a_day_and_those_that_never_traded_count_as_nothing(tmp_path):
    rng = np.random.default_rng(3)
    marks = [np.cumsum(rng.normal(0.1 * k, 1.0, 120)) for k in range(11)] + [np.zeros(120)]
    sweep(tmp_path / "sweep", marks)
    run(tmp_path / "before", sharpe=1.9)
    per_day = [0.0, 1.9 / math.sqrt(365)]
    for one in marks[:-1]:
        moves = np.diff(one, prepend=0.0)
        per_day.append(moves.mean() / moves.std(ddof=1) * math.sqrt(2))  # two marks a day
    found = trials_on_record(MINE, tmp_path / "mine", tmp_path, SPAN)
    assert found.count == 14
    assert found.variance == pytest.approx(np.var(per_day, ddof=1))


def test_h3_what_lies_in_the_folder_of_runs_counts_for_a_run_elsewhere_and_once(tmp_path, monkeypatch):
    runs, folder = tmp_path / "runs", tmp_path / "elsewhere" / "mine"
    run(folder)
    run(tmp_path / "elsewhere" / "before")
    run(runs / "before")
    sweep(runs / "sweep-1", [[1.0, 2.0]] * 4)
    sweep(tmp_path / "elsewhere" / "sweep-2", [[1.0, 2.0]] * 8)
    (tmp_path / "elsewhere" / "again").symlink_to(runs / "sweep-1", target_is_directory=True)
    assert trials_on_record(MINE, folder, runs, SPAN).count == 1 + 2 + 4 + 8
    assert trials_on_record(MINE, folder, tmp_path / "none", SPAN).count == 1 + 1 + 4 + 8
    monkeypatch.chdir(tmp_path)
    beside = trials_on_record(MINE, runs / "mine", runs.relative_to(tmp_path), SPAN)  # one folder by two names
    assert beside.count == 1 + 1 + 4


def test_h3_the_same_run_once_more_is_no_new_trial(tmp_path):
    run(tmp_path / "paper", sharpe=1.0, **MINE)
    other = MINE | {"config": {"data": {"runs": "there"}, "fees": {}}}
    run(tmp_path / "kept-elsewhere", sharpe=1.0, **other)
    assert trials_on_record(MINE, tmp_path / "mine", tmp_path, SPAN).count == 1
    changed = [
        {"strategies": [{"name": "dca", "params": {"drop": 0.03}}]},
        {"decision_hash": "d1"},
        {"config": {"data": {"runs": "runs"}, "fees": {"taker": 0.001}}},  # other results of the same decisions
        {"cash": "600"},
    ]
    for n, one in enumerate(changed):
        run(tmp_path / f"other-{n}", **(MINE | one))
        run(tmp_path / f"other-{n}-again", **(MINE | one))
    assert trials_on_record(MINE, tmp_path / "mine", tmp_path, SPAN).count == 1 + len(changed)


def test_h3_a_search_recorded_twice_counts_once_with_all_that_it_tried(tmp_path):
    asked = {"strategy": "dca", "config": {"data": {"runs": "runs"}}, "tune": {"space": {"drop": [1, 9]}}, "seed": 0}
    sweep(tmp_path / "tune-1", [[1.0, 2.0]] * 4, **asked)
    sweep(tmp_path / "tune-2", [[1.0, 2.0]] * 7, **asked, best={"drop": 3})
    assert trials_on_record(MINE, tmp_path / "mine", tmp_path, SPAN).count == 1 + 7
    sweep(tmp_path / "tune-3", [[1.0, 2.0]] * 2, **asked | {"seed": 1})
    assert trials_on_record(MINE, tmp_path / "mine", tmp_path, SPAN).count == 1 + 7 + 2
