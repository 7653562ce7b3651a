"""What is traded where a command names no strategy, and which coins: the settings decide, and say so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from small_bars import minutes
from small_runs import market, settings
from tickerml.cli.app import run as command_line
from tickerml.config import Config, from_mapping, load
from tickerml.desk.settings import MONITORED
from tickerml.run.backtest import backtest
from tickerml.run.strategies import RULES, choose_all, known_coins, usual
from tickerml.strategies.wake import Bars
from tickerml.tape.errors import ConfigError
from tickerml.tape.intents import Pass

DESK = (Path(__file__).parents[2] / "docs" / "desk.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("sections", "traded"),
    [
        ({}, ["psc"]),
        ({"ml_microstructure": {"enabled": False}}, [*RULES]),
        ({"manager": {"strategies": ["dca", "ma_cross"]}}, ["dca", "ma_cross"]),
        ({"manager": {"strategies": ["dca"]}, "ml_microstructure": {"enabled": False}}, ["dca"]),
    ],
)
def test_f1_h4_the_settings_say_what_is_traded_where_nothing_is_named(sections, traded):
    assert usual(from_mapping(sections)) == traded


def test_h4_a_strategy_that_is_off_and_named_by_the_same_settings_is_a_contradiction():
    with pytest.raises(ConfigError, match="config-conflict"):
        from_mapping({"manager": {"strategies": ["psc"]}, "ml_microstructure": {"enabled": False}})


def test_h4_psc_that_is_off_is_not_traded_by_a_command_that_names_nothing(tmp_path, monkeypatch, capsys):
    """The command itself: it traded psc whatever the settings said."""
    monkeypatch.chdir(tmp_path)
    words = ["backtest", "--source", "synthetic", "--no-leak-check", "--json", "--param", "synthetic.minutes=2"]
    told = {}
    for name, more in {"psc": (), "dca+swing+channel": ("--param", "ml_microstructure.enabled=false")}.items():
        assert command_line([*words, "--run-dir", name, *more]) == 0
        told[name] = json.loads((tmp_path / name / "run.json").read_text())["strategy"]
    assert all(name == strategy for name, strategy in told.items()), told
    capsys.readouterr()


def test_a3_a_source_may_lack_some_of_the_monitored_coins_and_not_all():
    tape, chosen = market(), choose_all("dca", Config())
    monitored = from_mapping({"manager": {"symbols": ["monitored"]}})
    known_coins(chosen, monitored, tape.header.instruments)  # it has BTC
    without = [i for i in tape.header.instruments if i.base not in MONITORED]
    assert without
    with pytest.raises(ConfigError, match=r'manager\.symbols has "monitored", which the source does not have'):
        known_coins(chosen, monitored, without)


def test_a3_the_desks_page_names_the_24_coins():
    assert ", ".join(MONITORED) in " ".join(DESK.split())


def test_f1_by_default_every_coin_of_the_source_is_traded():
    assert load(env={}).manager.symbols == ()


@dataclass(frozen=True)
class Looks:
    """Passes at each bar of its timeframe."""

    timeframe: str

    sees: ClassVar = ()

    @property
    def wake(self):
        return Bars(self.timeframe)

    def decide(self, view):
        return Pass("looks on")


def test_a_compiled_strategy_waits_for_no_bars(tmp_path):
    run = backtest("quoter", market("calm", minutes=1), config=settings(), run_dir=tmp_path / "run")
    assert not [note for note in run.manifest["notes"] if "looks at bars" in note]


@pytest.mark.parametrize(("timeframe", "told"), [("30s", True), ("1m", False), ("5m", False)])
def test_a_strategy_that_looks_at_shorter_bars_than_there_are_says_so(timeframe, told, tmp_path):
    """It was "warming up" to the end of a source of longer bars, and nothing said why."""
    run = backtest(Looks(timeframe), minutes(60), config=settings(), run_dir=tmp_path / "run")
    said = f"looks looks at bars of {timeframe}, the source has none below 1 min: it sees none"
    assert [note for note in run.manifest["notes"] if "looks at bars" in note] == ([said] if told else [])
