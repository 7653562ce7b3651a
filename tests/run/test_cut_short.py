"""A run without an end beside a whole one: both up to where it stops, and nothing behind that is held against it."""

import json

import numpy as np
import pytest

from small_runs import market, settings
from small_strategies import Churn
from tickerml.run.backtest import backtest
from tickerml.run.compare import compare
from tickerml.run.record import JOURNAL, RunTape, header_of, read_manifest
from tickerml.run.result import open_run
from tickerml.tape.block import concat, cut
from tickerml.tape.errors import InputError
from tickerml.tape.journal import Journal, Sync
from tickerml.views.words import iso

ENDED = ("rows", "decisions", "decision_hash", "state_hash", "counts", "trials", "seconds", "report", "waterfall")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    tape = market("busy", minutes=3, rows=9000)
    return {
        name: backtest(Churn(stop=stop), tape, config=settings(), run_dir=root / name, leaks=False)
        for name, stop in (("a", 0.002), ("tight", 0.001))
    }


def killed(run, folder, share):
    """The run as a kill leaves it: no end in its manifest, and a part of its rows."""
    made = concat(list(RunTape(run.path, header_of(run.manifest)).blocks()))
    folder.mkdir()
    kept = {k: v for k, v in read_manifest(run.path).items() if k not in ENDED}
    known = {k: v for k, v in kept["source"].items() if k not in ("start", "end", "content_hash")}
    (folder / "run.json").write_text(json.dumps({**kept, "run": folder.name, "source": known}))
    with Journal.create(folder / JOURNAL, folder.name) as journal:
        if share:
            journal.append(cut(made, 0, int(share * len(made))), Sync.FACT)
    return open_run(folder)


@pytest.mark.parametrize("first", [True, False])
def test_it_is_the_same_up_to_where_it_stops(whole, tmp_path, first):
    short, run = killed(whole["a"], tmp_path / "k7", 0.5), whole["a"]
    found = compare(short, run) if first else compare(run, short)
    assert found.identical
    assert found.found.difference == 0
    assert not [pair for pair in found.found.pairs if pair.elsewhere]
    assert 0 < len(found.found.matched()) < len(run.story.trades)
    text = "\n".join(found.lines())
    assert "k7 has no end (broken off, or still running): both are compared up to 20" in text
    told = found.summary()
    assert told["until"] == told["a"]["end"] == told["b"]["end"]
    assert [told[side]["broken_off"] for side in "ab"] == [first, not first]


@pytest.mark.parametrize("first", [True, False])
def test_an_act_that_only_the_whole_run_ended_is_no_difference(whole, tmp_path, monkeypatch, first):
    """The strategy failed as it was told of its first trade: of that instant the other run has rows, and the trade."""
    run = whole["a"]

    def fails(self, view, outcome):
        raise ValueError("not this")

    monkeypatch.setattr(Churn, "on_settled", fails)
    with pytest.raises(InputError, match="not this"):
        backtest(Churn(), market("busy", minutes=3, rows=9000), config=settings(), run_dir=tmp_path / "k", leaks=False)
    short = open_run(tmp_path / "k")
    assert not short.story.trades
    told = (compare(short, run) if first else compare(run, short)).summary()
    assert told["identical"]
    assert told["a"]["intents"] == told["b"]["intents"] > 0
    assert (told["a"]["trades"], told["b"]["trades"]) == (0, 0)
    assert not told["trades"]["pairs"]


def test_the_time_of_the_break_is_told_however_long_the_names_are(whole, tmp_path):
    short = killed(whole["a"], tmp_path / ("k7-" + "long-" * 16), 0.5)
    for width in (60, 100):
        told = compare(short, whole["a"]).lines(width)
        until = iso(short.story.head.end)
        assert until in "".join(told[:5])
        assert max(map(len, told)) <= width
        assert width < 100 or any(f"{short.id} backtest of" in line for line in told)


def test_what_differs_is_named_and_not_weighed(whole, tmp_path):
    short = killed(whole["a"], tmp_path / "k7", 0.5)
    found = compare(short, whole["tight"])
    assert not found.identical
    assert [(c.name, c.differs, c.money) for c in found.found.causes] == [
        ("parameters", ("churn.stop 0.002 -> 0.001",), None)
    ]
    last = max(pair.time for pair in found.found.pairs)
    assert last <= found.found.until
    assert found.found.difference == found.found.b.net - found.found.a.net
    text = "\n".join(found.lines())
    assert "not weighed" in text
    assert "together" not in text
    assert "rows compared" not in text


def test_two_that_were_broken_off(whole, tmp_path):
    short, shorter = killed(whole["a"], tmp_path / "k7", 0.5), killed(whole["a"], tmp_path / "k6", 0.25)
    found = compare(short, shorter)
    assert found.identical
    assert "k7 and k6 have no end" in found.lines()[1]
    assert found.found.until == np.int64(shorter.story.head.end)


def test_one_that_was_killed_before_its_first_row_has_nothing_to_compare(whole, tmp_path):
    nothing = killed(whole["a"], tmp_path / "k6", 0)
    assert not any("1970" in line for line in nothing.lines())
    with pytest.raises(InputError) as told:
        compare(whole["a"], nothing)
    assert told.value.code == "not-comparable"
    assert "k6 was broken off before it had made a row" in str(told.value)
