"""Parameters of a strategy without a section: --param NAME.KEY=VALUE, in the run, its recipe, its replay; and searches
that say how to run what they found."""

import json
import shlex

import pytest

from small_bars import minutes
from tickerml.cli.app import run
from tickerml.config import Config, load
from tickerml.run.compare import compare
from tickerml.run.given import best_params
from tickerml.run.replay import replay
from tickerml.run.result import open_run
from tickerml.run.strategies import psc_of
from tickerml.strategies.psc_params import PscParams
from tickerml.tape.params import describe
from tickerml.tape.store import write_store

OWN = """
from dataclasses import dataclass
from typing import Annotated

from tickerml.strategies.wake import Every
from tickerml.tape.intents import Long, Pass
from tickerml.tape.params import Range


@dataclass(frozen=True)
class Dip:
    target: Annotated[float, Range(0, 1)] = 0.02
    quiet: bool = False
    coins: tuple[str, ...] = ("BTC",)  # no text can set this one, nor the next
    most: float | None = None
    wake = Every("10m")
    sees = ()

    def decide(self, view):
        if self.quiet or view.position is not None:
            return Pass("quiet")
        return Long(target=self.target, stop=0.01, horizon="30m", size=0.1)
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_store(minutes(300), tmp_path / "store")
    (tmp_path / "dip.py").write_text(OWN)
    return tmp_path


def backtested(folder, *params, strategy="dip.py"):
    words = [word for one in params for word in ("--param", one)]
    return run(["backtest", "--source", "store", "-s", strategy, "--no-leak-check", "--run-dir", folder, *words])


def said(capsys):
    return capsys.readouterr().err


def test_an_own_file_takes_parameters_and_its_recipe_and_replay_have_them(here, capsys):
    assert backtested("usual") == 0
    assert backtested("given", "dip.target=0.005", "dip.quiet=false", "fees.taker=0.001") == 0
    made = open_run(here / "given")
    assert made.manifest["strategies"][0]["params"]["target"] == 0.005
    assert made.manifest["config"]["fees"]["taker"] == 0.001
    assert replay(here / "given").identical
    command = shlex.split(made.manifest["command"])
    assert "dip.target=0.005" in command
    assert run([*command[1:], "--run-dir", "again"]) == 0
    assert open_run(here / "again").manifest["decision_hash"] == made.manifest["decision_hash"]
    assert open_run(here / "usual").manifest["decision_hash"] != made.manifest["decision_hash"]
    found = compare(open_run(here / "again"), made)
    assert found.identical
    causes = {c.name: c for c in compare(open_run(here / "usual"), made).found.causes}
    assert "dip.target 0.02 -> 0.005" in causes["parameters"].differs
    assert compare(open_run(here / "usual"), made).found.residual is not None


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("dip.targt=0.1", "config-key", '"targt" is no parameter of dip; it has target, quiet'),
        ("dip.most=2", "config-key", '"most" is no parameter of dip that a text can set; it has target, quiet'),
        ("dip.target=2", "param-range", "target"),
        ("dip.target=0.1,0.2", "config-type", "more than one value"),
        ("dap.target=0.1", "config-key", "dap"),
    ],
)
def test_what_it_does_not_have_is_refused_before_anything_is_written(here, capsys, text, code, words):
    assert backtested("k", text) == 2
    told = said(capsys)
    assert f"error[{code}]" in told
    assert words in told
    assert not (here / "k").exists()


def test_the_same_folder_refuses_other_parameters(here, capsys):
    assert backtested("k", "dip.target=0.005") == 0
    capsys.readouterr()
    assert backtested("k", "dip.target=0.006") == 1
    assert "dip.target 0.005 -> 0.006" in said(capsys)


@pytest.mark.parametrize(
    ("kind", "strategy", "param"),
    [
        ("sweep", "dip.py:Dip", "target=0.004,0.006"),
        ("sweep", "ma_cross", "fast=3,5"),
        ("tune", "dip.py", "target=0.004:0.006"),
        ("sweep", "dip.py", "dip.target=0.004,0.006"),
        ("sweep", "ma_cross", "ma_cross.fast=3,5"),
        ("tune", "dip.py:Dip", "dip.target=0.004:0.006"),
    ],
)
def test_a_search_says_how_to_run_what_it_found(here, capsys, kind, strategy, param):
    more = ("--trials", "2") if kind == "tune" else ()
    words = ("--param", "slow=12", "--param", "ma_cross.timeframe=1m") if strategy == "ma_cross" else ()
    shown = ["--source", "store", "-s", strategy, "--param", param, *words, *more, "--workers", "1"]
    assert run([kind, *shown, "--json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out.splitlines()[-1])
    assert f"  next: {found['next']}" in told.err.splitlines()
    assert run([*shlex.split(found["next"])[1:], "--no-leak-check", "--run-dir", "best"]) == 0
    made = open_run(here / "best")
    params = made.manifest["strategies"][0]["params"]
    name = param.partition("=")[0].rpartition(".")[2]
    assert params[name] == found["best"][name]
    assert made.story.trades


def test_a_walk_forward_takes_the_name_before_a_parameter(here, capsys):
    windows = ("--train", "2h", "--test", "1h", "--purge", "10m", "--embargo", "0", "--workers", "1")
    asked = ("--param", "dip.target=0.004,0.006", "--param", "dip.quiet=false")
    assert run(["walkforward", "--source", "store", "-s", "dip.py", *asked, *windows, "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["trials"] == 2 * told["windows"] > 0
    assert set(told["splits"][0]["params"]) == {"target", "quiet"}


def test_the_check_of_leaks_and_feasible_take_parameters_of_an_own_file(here, capsys):
    shown = ["--source", "store", "-s", "dip.py", "--json"]
    decided = []
    for quiet in ("true", "false"):
        assert run(["check", "leaks", *shown, "--param", f"dip.quiet={quiet}"]) == 0
        decided.append(json.loads(capsys.readouterr().out.splitlines()[-1])["decisions"])
    assert decided[0] != decided[1]
    assert run(["feasible", *shown, "--cash", "500", "--param", "dip.quiet=true"]) == 2
    assert "error[feasible]: what dip trades is not known" in capsys.readouterr().err
    for words in (["check", "leaks"], ["feasible", "--cash", "500"], ["sweep"], ["tune"], ["walkforward"]):
        assert run([*words, *shown, "--param", "dap.quiet=true"]) == 2
        assert "error[config-key]" in capsys.readouterr().err


OTHER_WORDS = {"mode": "relative", "timeframe": "5m"}


def other(key, value, field):
    """Another value that the parameter may have than the usual one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return OTHER_WORDS[key]
    low, high = field.range.low, field.range.high
    found = value + (high - value) / 1024 if value < high else value - (value - low) / 1024
    return type(value)(found)


def test_psc_has_its_parameters_in_several_sections():
    """Each by itself: a key in another section that has it too would leave the parameter as it was."""
    usual, fields = vars(psc_of(Config())), {one.name: one for one in describe(PscParams)}
    assert set(fields) <= set(usual)
    assert len(fields) > 20
    for key, field in fields.items():
        told = other(key, usual[key], field)
        texts = best_params("psc", "psc", {key: told})
        options = {text.partition("=")[0]: ("--param", text.partition("=")[2]) for text in texts}
        assert vars(psc_of(load(options=options, env={}))) == {**usual, key: told}, key
