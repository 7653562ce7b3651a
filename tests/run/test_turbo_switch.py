"""MICRO_TURBO_MODE is read when a run is begun and stands in its record; what is made again from it asks nobody."""

from __future__ import annotations

import pytest

import tickerml as tml
from small_runs import market
from tickerml.config import load
from tickerml.run.again import recorded
from tickerml.run.recipe import command_of
from tickerml.run.record import read_manifest, write_manifest
from tickerml.run.replay import replay
from tickerml.tape.errors import ConfigError

SWITCH = "MICRO_TURBO_MODE"


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """Begins a run of a small account with the switch on or off; an account above 100 knows no turbo."""

    def begin(name, on):
        monkeypatch.setenv(SWITCH, "true") if on else monkeypatch.delenv(SWITCH, raising=False)
        run = tml.backtest("five_signal", market(), cash=50, run_dir=tmp_path / name, leaks=False, twins=0)
        monkeypatch.delenv(SWITCH, raising=False)
        return run

    return begin


def scans(run):
    """How often it rested between two scans: each minute once, in turbo never."""
    return run.why_json()["passes"].get("between scans", 0)


@pytest.mark.parametrize("on", [True, False])
def test_c3_a_run_is_replayed_by_what_it_recorded_whatever_the_environment_says_now(begun, monkeypatch, on):
    run = begun("run", on)
    assert run.manifest["config"]["five_signal"]["turbo"] is on
    assert run.manifest["strategies"][0]["params"]["turbo"] is on
    monkeypatch.delenv(SWITCH, raising=False) if on else monkeypatch.setenv(SWITCH, "true")
    answer = replay(run.path)
    assert answer.identical, answer.lines()
    assert [one.strategy.turbo for one in recorded(run.manifest).chosen] == [on]


def test_c3_the_switch_changes_what_is_decided_and_a_comparison_names_it(begun, monkeypatch):
    """Without this the two replays above would prove nothing."""
    off, on = begun("off", False), begun("on", True)
    assert scans(off) > 0 == scans(on)
    monkeypatch.setenv(SWITCH, "true")
    told = tml.compare(off, on)
    assert "five_signal.turbo False -> True" in str(told)


def test_c3_the_command_of_a_switched_run_names_the_switch(begun):
    manifest = begun("run", True).manifest
    stored = {**manifest, "source": {**manifest["source"], "spec": "store"}}
    assert "--param five_signal.turbo=true" in command_of(stored)


def test_c3_an_older_run_whose_parameters_alone_tell_of_turbo_is_replayed_with_it(begun):
    run = begun("run", True)
    manifest = read_manifest(run.path)
    manifest["config"]["five_signal"]["turbo"] = False
    write_manifest(run.path, manifest)
    assert replay(run.path).identical


@pytest.mark.parametrize(
    ("told", "turbo"), [("true", True), ("1", True), ("yes", True), ("false", False), ("0", False), ("", True)]
)
def test_c3_the_switch_stands_over_files_and_below_options(tmp_path, told, turbo):
    path = tmp_path / "config.yaml"
    path.write_text("five_signal: {turbo: true}\n")
    assert load([path], env={SWITCH: told}).five_signal.turbo is turbo
    assert load(env={SWITCH: told, "TICKERML__FIVE_SIGNAL__TURBO": "false"}).five_signal.turbo is False
    option = {"five_signal.turbo": ("--param five_signal.turbo=", "false")}
    assert load([path], env={SWITCH: told}, options=option).five_signal.turbo is False


def test_h4_a_switch_that_is_neither_on_nor_off_is_refused():
    with pytest.raises(ConfigError, match="turbo") as caught:
        load(env={SWITCH: "perhaps"})
    assert caught.value.where.text == f"{SWITCH}=perhaps"
