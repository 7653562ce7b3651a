"""-i: the bars of every strategy that a command names, or an error; it is never without effect."""

from __future__ import annotations

import json
import shlex

import pytest

from small_bars import minutes
from tickerml.cli.app import run
from tickerml.run.given import timed
from tickerml.run.replay import replay
from tickerml.run.result import open_run
from tickerml.tape.errors import InputError
from tickerml.tape.store import write_store

OWN = """
from dataclasses import dataclass
from typing import Literal

from tickerml.strategies.wake import Bars
from tickerml.tape.intents import Pass


@dataclass(frozen=True)
class Looks:
    {field}
    sees = ()

    @property
    def wake(self):
        return Bars({bars})

    def decide(self, view):
        return Pass("looked")
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_store(minutes(300), tmp_path / "store")
    (tmp_path / "looks.py").write_text(
        OWN.format(field='timeframe: Literal["1m", "5m", "15m"] = "1m"', bars="self.timeframe")
    )
    (tmp_path / "fixed.py").write_text(OWN.format(field="", bars='"1m"'))
    return tmp_path


def backtested(folder, *words, strategies=("dca",)):
    named = [word for one in strategies for word in ("-s", one)]
    return run(["backtest", "--source", "store", *named, "--no-leak-check", "--run-dir", folder, *words])


def frames(folder):
    return {one["name"]: one["params"].get("timeframe") for one in open_run(folder).manifest["strategies"]}


def test_every_strategy_named_looks_at_them(here):
    names = ("dca", "swing", "channel", "ma_cross", "looks.py")
    assert backtested("all", "-i", "15m", strategies=names) == 0
    assert frames(here / "all") == dict.fromkeys(("dca", "swing", "channel", "ma_cross", "looks"), "15m")
    assert backtested("own", strategies=names) == 0
    assert frames(here / "own") == {"dca": "5m", "swing": "15m", "channel": "15m", "ma_cross": "5m", "looks": "1m"}
    few, many = (open_run(here / name).manifest["decisions"] for name in ("all", "own"))
    assert few < many
    assert replay(here / "all").identical
    command = shlex.split(open_run(here / "all").manifest["command"])
    assert run([*command[1:], "--no-leak-check", "--run-dir", "again"]) == 0
    assert frames(here / "again") == frames(here / "all")


def test_a_parameter_of_one_strategy_wins_and_the_usual_ones_are_meant_too(here):
    assert backtested("one", "-i", "15m", "--param", "dca.timeframe=1h", strategies=("dca", "swing")) == 0
    assert frames(here / "one") == {"dca": "1h", "swing": "15m"}
    (here / "usual.yaml").write_text("manager: {strategies: [dca, channel]}\n")
    assert backtested("usual", "-i", "1h", "-c", "usual.yaml", strategies=()) == 0
    assert frames(here / "usual") == {"dca": "1h", "channel": "1h"}


def test_psc_scores_by_them(here):
    assert backtested("psc", "-i", "5m", "--param", "psc_integration.ton_price=2", strategies=("psc",)) == 0
    manifest = open_run(here / "psc").manifest
    assert manifest["config"]["data"]["timeframe"] == "5m"
    assert frames(here / "psc") == {"psc": "5m"}


def test_a_search_looks_at_them(here, capsys):
    words = ["--source", "store", "-s", "ma_cross", "--param", "fast=2,3", "--param", "slow=5", "--json"]
    assert run(["sweep", *words, "-i", "1m"]) == 0
    fine = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert run(["sweep", *words, "-i", "15m"]) == 0
    coarse = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert fine["best"]["trades"] > coarse["best"]["trades"]
    assert (
        run(["sweep", "--source", "store", "-s", "looks.py", "--param", "timeframe=1m,5m", "-i", "15m", "--json"]) == 0
    )
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["combos"] == 2  # what is searched wins


@pytest.mark.parametrize(
    ("strategies", "timeframe", "said"),
    [
        (("fixed.py",), "5m", "fixed has no parameter `timeframe`"),
        (("dca", "quoter"), "5m", "quoter has no parameter `timeframe`"),
        (("dca",), "7m", 'dca.timeframe is "7m"; it must be one of 1m, 5m, 15m, 1h'),
        (("psc",), "7m", 'data.timeframe is "7m"; it must be one of 1s, 1m, 5m, 15m, 1h, 1d'),
    ],
)
def test_what_cannot_look_at_them_says_so(here, capsys, strategies, timeframe, said):
    assert backtested("none", "-i", timeframe, strategies=strategies) == 2
    assert said.replace("fixed has", "looks has") in capsys.readouterr().err
    assert not (here / "none").exists()


def test_what_is_unknown_is_left_to_who_looks_for_it():
    assert timed(["none", "dca"], "5m") == ["dca.timeframe=5m"]
    with pytest.raises(InputError, match="quoter"):
        timed(["quoter"], "5m")
