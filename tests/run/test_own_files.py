"""What users bring: a strategy in a file, a queue model in a file; and what a change of a kernel does."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tickerml
from small_runs import command, market, print_of, run, settings
from tickerml.tape.errors import ConfigError

STRATEGY = '''
from dataclasses import dataclass
from typing import Annotated

from tickerml.strategies.wake import Every
from tickerml.tape.intents import Long, Pass
from tickerml.tape.params import Range


@dataclass(frozen=True)
class Dip:
    """Buy when the spread is narrow, every now and then."""

    widest: Annotated[float, Range(0, 100)] = 50.0  # ticks
    wake = Every("10s")
    sees = ("spread_ticks",)

    def decide(self, view):
        if view.position is not None:
            return Pass("in a trade")
        if not view["spread_ticks"] <= self.widest:
            return Pass("spread too wide")
        return Long(target=0.004, stop=0.004, horizon="15s", size=0.1)


class NoStrategy:
    """Has no decide."""
'''
SYNTHETIC = ("--source", "synthetic:busy:7", "--param", "synthetic.minutes=3")


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "my_dip.py"
    path.write_text(STRATEGY)
    return path


def last(answer):
    assert answer.returncode == 0, answer.stderr[-2000:]
    return json.loads(answer.stdout.splitlines()[-1])


@pytest.mark.parametrize("suffix", ["", ":Dip"])
def test_a_strategy_in_a_file(mine, tmp_path, suffix):
    words = ("-s", f"{mine}{suffix}", *SYNTHETIC, "--run-dir", tmp_path / "run", "--json")
    told = last(command("backtest", *words, cwd=tmp_path))
    assert told["orders"] > 0
    assert told["decisions"] > 10
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert last(command("replay", tmp_path / "run", "--json", cwd=elsewhere))["identical"]


def test_a_relative_path_is_found_again_from_another_folder(mine, tmp_path):
    words = ("-s", f"{mine.name}:Dip", *SYNTHETIC, "--run-dir", tmp_path / "run", "--json")
    last(command("backtest", *words, cwd=tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert last(command("replay", tmp_path / "run", "--json", cwd=elsewhere))["identical"]


def test_a_changed_strategy_is_no_mirror(mine, tmp_path):
    words = ("-s", mine, *SYNTHETIC, "--run-dir", tmp_path / "run", "--json")
    last(command("backtest", *words, cwd=tmp_path))
    mine.write_text(STRATEGY.replace("stop=0.004", "stop=0.002"))
    answer = command("replay", tmp_path / "run", "--json", cwd=tmp_path)
    assert (answer.returncode, json.loads(answer.stdout.splitlines()[-1])["identical"]) == (1, False)


def test_a_file_without_strategy_or_class(mine, tmp_path):
    for name in (f"{mine}:Nobody", tmp_path / "nothing.py"):
        assert command("backtest", "-s", name, *SYNTHETIC, cwd=tmp_path).returncode == 2


QUEUE = '''
from dataclasses import dataclass
from typing import Annotated

from tickerml.tape.kernel import kernel
from tickerml.tape.params import Range


@dataclass(frozen=True)
class Params:
    """How much of the level stands ahead."""

    ahead: Annotated[float, Range(0, 10)] = 1.0  # share of the level


@kernel
def on_new(q, o, ahead):
    o["front"] = q["ahead"] * ahead


@kernel
def on_depth(q, o, before, after):
    o["front"] = min(o["front"], float(after))


@kernel
def on_trade(q, o, lots):
    o["front"] -= lots
'''


def test_a_queue_model_in_a_file(tmp_path):
    """With `ahead` 1 it is the shipped model `back`; with another value another."""
    path = tmp_path / "my_queue.py"
    path.write_text(QUEUE)
    tape = market("busy", minutes=2, rows=4000)
    mine = print_of(*run("quoter", tape, settings(queue={"model": str(path)})))
    nearer = print_of(*run("quoter", tape, settings(queue={"model": str(path), "params": {"ahead": 0.1}})))
    assert mine == print_of(*run("quoter", tape, settings(queue={"model": "back"})))
    assert nearer != mine


def test_two_queue_models_of_one_name(tmp_path):
    """In one process each run has its own, and neither shadows a module of the standard library."""
    tape, prints = market("busy", minutes=2, rows=4000), []
    for folder, text in (("one", QUEUE), ("two", QUEUE.replace('q["ahead"] * ahead', "0.0"))):
        path = tmp_path / folder / "queue.py"
        path.parent.mkdir()
        path.write_text(text)
        prints.append(print_of(*run("quoter", tape, settings(queue={"model": str(path)}))))
    assert prints[0] != prints[1]
    assert "own_" not in importlib.import_module("queue").__name__


@pytest.mark.parametrize(("text", "line"), [("x = 1\n)", 2), ("\n\nimport no_such_module", 3), ("1 / 0", 1)])
def test_a_file_that_cannot_be_run_names_its_line(tmp_path, text, line):
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"broken.py, line {line}: "):
        run("quoter", market("busy", minutes=2, rows=4000), settings(queue={"model": str(path)}))


@pytest.mark.slow  # compiles the whole loop twice
def test_an_edited_queue_model_is_picked_up(tmp_path):
    """The loop that has taken the model in is in the cache: it must not answer for the new text."""
    path = tmp_path / "edited_queue.py"
    words = ("-s", "quoter", *SYNTHETIC, "--param", f"queue.model={path}", "--json")
    told = []
    for text in (QUEUE, QUEUE.replace('q["ahead"] * ahead', "0.0"), QUEUE):
        path.write_text(text)
        told.append(last(command("backtest", *words, "--run-dir", tmp_path / f"run{len(told)}", cwd=tmp_path)))
    first, edited, again = (one["state_hash"] for one in told)
    assert first == again
    assert edited != first


HASHED = """
import tickerml
from tickerml.tape.kernel_cache import kernel_hash
from tickerml.account.contract import share
print(kernel_hash(), share(1000, 50_000_000), tickerml.__file__)
"""


@pytest.mark.parametrize("place", ["helper", "numbers", "compiler"])
def test_an_edited_kernel_changes_the_hash_and_is_picked_up(tmp_path, place):
    """A warm cache of the old code must not answer: `share` is called by every fee there is."""
    package = tmp_path / "src" / "tickerml"
    shutil.copytree(Path(tickerml.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    cache = {"TICKERML_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(package.parent)}
    before = [python_of(HASHED, cache) for _ in range(2)]
    assert before[0] == before[1]
    old_hash, old, file = before[0]
    assert file == str(package / "__init__.py")
    assert old == "500"
    if place == "helper":
        path = package / "account" / "contract.py"
        text = path.read_text()
        assert "RATE: Final = 100_000_000" in text
        path.write_text(text.replace("RATE: Final = 100_000_000", "RATE: Final = 200_000_000"))
        wanted = "250"
    else:
        path = package / "tape" / {"numbers": "rows.py", "compiler": "kernel_compile.py"}[place]
        path.write_text(path.read_text() + "\n# another number\n")
        wanted = "500"
    new_hash, new, _ = python_of(HASHED, cache)
    assert new_hash != old_hash
    assert new == wanted


def python_of(code, cache):
    """Hash and answer of a fresh process that imports the copy."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | cache, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


@pytest.mark.parametrize("cash", [-5, 0, float("nan"), float("inf")])
def test_cash_that_is_none_starts_nothing(cash, tmp_path):
    with pytest.raises(ConfigError, match="no amount above 0") as caught:
        tickerml.backtest("quoter", market("busy", minutes=2, rows=100), cash=cash, run_dir=tmp_path / "run")
    assert caught.value.code == "amount"
    assert not (tmp_path / "run").exists()
