"""Replay computes a run again: identical for every chunking, and no mirror when something was changed."""

from __future__ import annotations

import itertools
import json
import math
import shutil
import sys
import weakref

import numpy as np
import pytest

from small_runs import command, eager, market, settings
from small_strategies import Churn, Sways
from tickerml.cli.app import run as command_line
from tickerml.config import from_mapping
from tickerml.engine.machine import Machine
from tickerml.run import reopen
from tickerml.run.backtest import backtest
from tickerml.run.paper import paper
from tickerml.run.record import JOURNAL, RunTape, read_manifest, write_manifest
from tickerml.run.replay import replay, row_by_row
from tickerml.run.sources import open_source
from tickerml.run.strategies import again
from tickerml.sim.scenarios import SCENARIOS
from tickerml.sim.synthetic import synthetic_tape
from tickerml.tape.block import Block
from tickerml.tape.journal import Journal, Sync, read
from tickerml.tape.rows import Kind
from tickerml.tape.store import write_store
from tickerml.tape.tape import MemoryTape

module = sys.modules["tickerml.run.replay"]  # the door has a function of that name
COINS = ("BTC", "TON")
CASES = {
    "psc": ("psc", eager()),
    "psc-superp": ("psc", eager(superp={"enabled": True})),
    "quoter": ("quoter", settings()),
    "setups": (Churn(), settings()),
    "targets": (Sways(), settings()),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A stored tape: found again by its path, so nothing of this process helps a replay."""
    root = tmp_path_factory.mktemp("market") / "store"
    write_store(market("busy", minutes=3, rows=9000), root)
    return root


def found(root):
    return open_source(str(root)), {"spec": str(root), "format": None, "timerange": None}


@pytest.fixture(scope="module", params=list(CASES))
def run(request, store, tmp_path_factory):
    strategy, config = CASES[request.param]
    tape, source = found(store)
    folder = tmp_path_factory.mktemp("run") / "made"
    return paper(strategy, tape, config=config, run_dir=folder, source=source)


@pytest.fixture
def copy(run, tmp_path):
    """A copy of the run that may be damaged."""
    shutil.copytree(run.path, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    """Whatever this process still holds of a tape must not stand in for its source."""
    for name, value in vars(reopen).items():
        if isinstance(value, dict) and name.isupper():
            monkeypatch.setattr(reopen, name, {})


@pytest.mark.parametrize("chunk", [1, 7, None])
def test_identical_at_every_chunk(run, chunk):
    answer = replay(run.path, chunk=chunk)
    assert answer.identical, answer.lines()
    assert answer.decisions == run.manifest["decisions"] > 0
    assert answer.fills == run.manifest["counts"].get("fill", 0)


@pytest.mark.parametrize("strategy", ["dca", "quoter", "ma_cross"])
def test_a_decision_is_the_same_in_every_answer(strategy, tmp_path):
    """Detectors fold a day's passes into one row, and a quote is a row a side: the answers were counted as rows."""
    tape = open_source("synthetic:busy:7", minutes=12, coins=("BTC", "TON"))
    made = backtest(strategy, tape, config=settings(), run_dir=tmp_path / "run", leaks=False, twins=0)
    answer = replay(made.path)
    assert answer.identical
    assert made.summary()["decisions"] == answer.decisions == made.manifest["decisions"] > 0


def test_backtest_and_paper_make_the_same_run(run, store, tmp_path):
    config = from_mapping(run.manifest["config"])
    strategy = again(run.manifest["strategies"][0]["source"], run.manifest["strategies"][0]["params"], config).strategy
    tape, source = found(store)
    other = backtest(strategy, tape, config=config, run_dir=tmp_path / "backtest", source=source)
    assert other.manifest["decision_hash"] == run.manifest["decision_hash"]
    assert other.manifest["state_hash"] == run.manifest["state_hash"]
    assert row_by_row(run, other).identical


def rewrite(path, change):
    """Write the run's journal again, each block changed by `change(block)`."""
    blocks = [block for _, block in read(path / JOURNAL)]
    shutil.rmtree(path / JOURNAL)
    with Journal.create(path / JOURNAL, path.name, segment_bytes=8 << 20) as journal:
        for block in blocks:
            journal.append(change(block), Sync.FACT)


def nth(path, wanted, n):
    """The place among all made rows of the n-th row of a kind."""
    rows = np.concatenate([block.rows for block in RunTape(path, None).blocks()])
    return int(np.flatnonzero(rows["kind"] == int(wanted))[n])


def altered(at, field, by):
    """A change of one field of the made row at place `at`."""
    places = itertools.count()

    def change(block):
        rows = block.rows.copy()
        for row in rows:
            if next(places) == at:
                row[field] += by
        return Block(rows, block.messages, block.orders, block.bars, block.values, block.blobs)

    return change


@pytest.mark.parametrize(("field", "by"), [("price", 1), ("qty", 1), ("recv", 1)])
def test_one_recorded_fill_or_answer_altered(copy, field, by, exits_with_1):
    kind = Kind.FILL if read_manifest(copy)["counts"].get("fill") else Kind.ACK  # SuperP positions are acknowledged
    at = nth(copy, kind, -1)
    rewrite(copy, altered(at, field, by))
    answer = replay(copy)
    assert not answer.identical
    assert answer.first_difference["row"] == at
    assert answer.first_difference["recorded"]["kind"] == kind.name
    assert answer.first_difference["recorded"][field] == answer.first_difference["computed"][field] + by
    exits_with_1(copy, at)


def test_one_recorded_decision_altered(copy):
    at = nth(copy, Kind.INTENT, 0)
    rewrite(copy, altered(at, "price", 1))
    answer = replay(copy)
    assert (answer.identical, answer.first_difference["row"]) == (False, at)
    assert answer.first_difference["recorded"]["kind"] == "INTENT"


def test_a_row_left_out_and_a_row_too_many(copy):
    rewrite(copy, lambda block: block)
    assert replay(copy).identical
    blocks = [block for _, block in read(copy / JOURNAL)]
    shutil.rmtree(copy / JOURNAL)
    with Journal.create(copy / JOURNAL, copy.name, segment_bytes=8 << 20) as journal:
        for block in blocks[:-1]:
            journal.append(block, Sync.FACT)
    answer = replay(copy)
    assert not answer.identical
    assert answer.first_difference["recorded"] is None
    with Journal.open(copy / JOURNAL)[0] as journal:
        for block in [blocks[-1], blocks[-1]]:
            journal.append(block, Sync.FACT)
    answer = replay(copy)
    assert not answer.identical
    assert answer.first_difference["computed"] is None


CHANGES = {
    "psc": [("config", "ml_microstructure", "target_sigmas", 1.6), ("strategies", 0, "params", "target_sigmas", 1.6)],
    "quoter": [("strategies", 0, "params", "behind", 2), ("config", "latency", "entry_ms", 11.0)],
    "churn": [("strategies", 0, "params", "away", 0.0001), ("config", "fees", "taker", 0.0006)],
    "sways": [("strategies", 0, "params", "most", 0.1), ("config", "limits", "least_change", 0.5)],
}


@pytest.mark.parametrize("which", [0, 1])
def test_one_parameter_altered(copy, which, exits_with_1):
    manifest = read_manifest(copy)
    *path, key, value = CHANGES[manifest["strategy"]][which]
    place = manifest
    for part in path:
        place = place[part]
    place[key] = value
    write_manifest(copy, manifest)
    answer = replay(copy)
    assert not answer.identical
    exits_with_1(copy, answer.first_difference["row"])


def test_one_price_of_the_source_altered(copy, store, tmp_path, exits_with_1):
    """A trade's or level's price, one tick away: found out, and where the decision follows from it, named."""
    tape, _ = found(store)
    blocks = list(tape.blocks())
    depth = next(b for b in blocks if (b.rows["kind"] == Kind.DEPTH).any() and len(b) > 2000)
    rows = depth.rows.copy()
    best = np.flatnonzero((rows["kind"] == Kind.DEPTH) & (rows["inst"] == 0) & (rows["qty"] > 0))
    for n in best[len(best) // 4 :][:400:4]:  # one price is seldom one that matters; each of these is altered alone
        changed = rows.copy()
        changed["price"][n] += 1 if changed["side"][n] > 0 else -1
        other = Block(changed, depth.messages, depth.orders, depth.bars, depth.values, depth.blobs)
        altered_tape = MemoryTape(tape.header, tuple(other if b is depth else b for b in blocks))
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        write_store(altered_tape, tmp_path / "store")
        manifest = read_manifest(copy)
        manifest["source"]["spec"] = str(tmp_path / "store")
        write_manifest(copy, manifest)
        answer = replay(copy)
        if not answer.identical:
            break
    assert not answer.identical
    assert "the source holds other rows than when the run was made" in answer.notes
    first = answer.first_difference
    assert first["recorded"] != first["computed"]
    assert int((first["computed"] or first["recorded"])["recv"]) >= int(rows["recv"][n])
    exits_with_1(copy, first["row"])


@pytest.fixture
def exits_with_1(capsys):
    """The command says no, and names this row."""

    def check(path, row):
        capsys.readouterr()
        code = command_line(["replay", str(path), "--json"])
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (code, told["identical"], told["first_difference"]["row"]) == (1, False, row)

    return check


@pytest.mark.parametrize("scenario", list(SCENARIOS))
@pytest.mark.parametrize("name", list(CASES))
def test_every_scenario_replays(scenario, name, tmp_path):
    strategy, config = CASES[name]
    tape = synthetic_tape(scenario, 11, minutes=8, coins=COINS)
    source = {"spec": f"synthetic:{scenario}:11", "minutes": 8, "coins": list(COINS)}
    made_run = backtest(strategy, tape, config=config, run_dir=tmp_path / "run", source=source)
    for chunk in (7, None):
        answer = replay(made_run.path, chunk=chunk)
        assert answer.identical, answer.lines()
    assert made_run.manifest["decisions"] > 10


def test_an_infinite_parameter_is_on_record_and_replays(tmp_path):
    tape = synthetic_tape("calm", 11, minutes=2, coins=COINS)
    source = {"spec": "synthetic:calm:11", "minutes": 2, "coins": list(COINS)}
    strategy = Churn(style="market", away=math.inf)  # which it reads of a limit order alone
    made = backtest(strategy, tape, config=settings(), run_dir=tmp_path / "run", source=source)
    told = json.loads((tmp_path / "run" / "run.json").read_text(), parse_constant=pytest.fail)
    assert told["strategies"][0]["params"]["away"] == "inf"
    assert again(told["strategies"][0]["source"], told["strategies"][0]["params"], settings()).strategy == strategy
    assert replay(made.path).identical


def test_the_command_exits_with_1_and_names_the_row(copy):
    answer = command("replay", copy, "--json")
    assert (answer.returncode, json.loads(answer.stdout.splitlines()[-1])["identical"]) == (0, True)
    at = nth(copy, Kind.INTENT, 0)
    rewrite(copy, altered(at, "price", 1))
    answer = command("replay", copy)
    assert answer.returncode == 1
    assert f"row {at}" in answer.stdout


def test_what_is_computed_is_compared_as_it_comes_and_not_kept(run, monkeypatch):
    """Of the made rows never more than a block or two are in memory, however many there are."""
    living, most, made = set(), [], []
    remade = module.remade

    def counted(manifest, sink, chosen):
        def take(block):
            mark = id(block.rows)
            weakref.finalize(block.rows, living.discard, mark)
            living.add(mark)
            made.append(len(block))
            sink(block)
            most.append(len(living))

        return remade(manifest, take, chosen, held=16)

    monkeypatch.setattr(module, "remade", counted)
    assert replay(run.path, chunk=7).identical
    assert len(made) >= 5
    assert max(most) <= 2


def test_behind_the_first_difference_nothing_is_computed(copy, monkeypatch):
    """Yet the whole source is read: that it holds other rows is told too."""
    rewrite(copy, altered(nth(copy, Kind.INTENT, 0), "price", 1))
    pushed, push, remade = [], Machine.push, module.remade
    monkeypatch.setattr(module, "remade", lambda *args: remade(*args, held=1))
    monkeypatch.setattr(Machine, "push", lambda self, block: (pushed.append(len(block)), push(self, block))[1])
    answer = replay(copy, chunk=7)
    assert not answer.identical
    assert answer.notes == ()
    assert sum(pushed) < read_manifest(copy)["rows"]
