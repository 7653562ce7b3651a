"""H3: trials on record: how many there were on a source, and how much their Sharpe ratios spread."""

import json
import math

import numpy as np
import pytest

from tickerml.run.trials import trials_on_record
from tickerml.tape.rows import DAY

SPAN = 60 * DAY


def run(folder, source="a", sharpe=None):
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"source": {"content_hash": source}}))
    (folder / "summary.json").write_text(json.dumps({"sharpe": sharpe}))


def sweep(folder, marks, source="a", broken=0):
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(json.dumps({"content_hash": source}))
    lines = [json.dumps({"number": n, "marks": len(one)}) + "\n" for n, one in enumerate(marks)]
    if broken:
        lines[-1] = lines[-1][:-broken]
    (folder / "trials.jsonl").write_text("".join(lines))
    (folder / "marks.f8").write_bytes(b"".join(np.asarray(one, "<f8").tobytes() for one in marks))


def test_h3_runs_and_parameter_sets_of_the_same_source_count(tmp_path):
    run(tmp_path / "mine")
    run(tmp_path / "before")
    run(tmp_path / "elsewhere", source="b")
    sweep(tmp_path / "sweep-1", [[1.0, 2.0]] * 4, broken=3)  # the last line was being written when it was broken off
    sweep(tmp_path / "sweep-2", [[1.0, 2.0]] * 50, source="b")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "run.json").write_text("{")
    found = trials_on_record(tmp_path / "mine", "a", SPAN)
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
    found = trials_on_record(tmp_path / "mine", "a", SPAN)
    assert found.count == 14
    assert found.variance == pytest.approx(np.var(per_day, ddof=1))
