"""Settings that cannot be meant, to every command that reads them: the key, the value, what may stand there, the line.

Each is typed as a user would, nothing is started, the exit code is 2.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tickerml.config import from_mapping
from tickerml.run.strategies import choose_all
from tickerml.tape.errors import ConfigError

RUNS = {  # commands that make runs of strategies
    "backtest": ("backtest",),
    "paper": ("paper",),
    "check leaks": ("check", "leaks"),
    "sweep": ("sweep", "--param", "fast=5,9"),
    "tune": ("tune", "--param", "fast=5:9"),
    "walkforward": ("walkforward", "--param", "fast=5,9"),
    "feasible": ("feasible", "--cash", "500", "-s", "dca"),
}
READERS = {
    **RUNS,
    "portfolio": ("portfolio",),
    "replay": ("replay",),
    "why": ("why",),
    "report": ("report",),
    "ledger show": ("ledger", "show"),
    "ledger rebuild": ("ledger", "rebuild", "--all"),
    "stop": ("stop",),
    "resume": ("resume", "--reason", "checked"),
    "data import": ("data", "import", "synthetic"),
    "data list": ("data", "list"),
    "synth": ("synth",),
}
FILES = {  # name: (text, code, line, what the message must say)
    "unknown key": ("risk:\n  max_drawdon: 0.1\n", "config-key", 2, ("max_drawdon", "did you mean max_drawdown?")),
    "unknown key of limits": ("limits:\n  max_haet: 0.1\n", "config-key", 2, ("max_haet", "max_heat? (number, 0")),
    "unknown section": ("\ntradng: {}\n", "config-key", 2, ("tradng", "did you mean trading?")),
    "wrong type": ("fees:\n  maker: much\n", "config-type", 2, ('fees.maker is "much"', "a number, -0.01 to 0.1")),
    "text for a switch": ("superp:\n  enabled: 3\n", "config-type", 2, ("superp.enabled is 3", "true or false")),
    "a part of a position": (
        "limits:\n  max_open_positions: 2.5\n",
        "config-type",
        2,
        ("limits.max_open_positions is 2.5", "a whole number"),
    ),
    "out of range": ("limits:\n  max_position: 1.5\n", "config-range", 2, ("limits.max_position is 1.5", "0 to 1")),
    "negative limit": ("limits:\n\n  max_heat: -0.1\n", "config-range", 3, ("limits.max_heat is -0.1", "0 to")),
    "negative loss limit": ("limits: {day_off: -0.05}\n", "config-range", 1, ("limits.day_off is -0.05", "0")),
    "not finite": ("limits:\n  max_heat: .nan\n", "config-type", 2, ("limits.max_heat is nan", "number")),
    "unknown timeframe": ("data:\n  timeframe: 7x\n", "config-range", 2, ('data.timeframe is "7x"', "5m, 15m, 1h")),
    "timeframe of a strategy": ("dca:\n  timeframe: 7m\n", "config-range", 2, ('dca.timeframe is "7m"', "1m, 5m, 15m")),
    "unknown strategy": (
        "manager:\n  strategies: [dca, swnig]\n",
        "config-range",
        2,
        ('manager.strategies has "swnig"', "did you mean swing?"),
    ),
    "number in a list": ("limits:\n  majors: [1]\n", "config-type", 2, ("limits.majors has 1", "must be a text")),
    "nothing in a list": ("synthetic: {coins: [BTC, '']}\n", "config-type", 1, ("synthetic.coins has an empty item",)),
    "list in a list": ("manager:\n  features: [[x]]\n", "config-type", 2, ("manager.features has ['x']", "a text")),
    "true in a list": ("manager:\n  symbols: [BTC, on]\n", "config-type", 2, ("manager.symbols has true", "a text")),
    "unknown model": ("latency:\n  model: constnt\n", "config-model", 2, ("constnt", "did you mean constant?")),
    "not YAML": ("risk: [\n", "config-syntax", 2, ("not YAML",)),
}
COINS = ("manager.symbols", "ml_microstructure.trading_coins")
OPTIONS = {  # name: (words, code, what the message must say)
    "pair": (
        ("-p", "BTC/USDT:USDT,XYZ/USDT"),
        "unknown-instrument",
        ("XYZ/USDT is not in the source; it has BTC/USDT:USDT",),
    ),
    "timeframe": (("-i", "7x"), "timeframe", ('"7x"', "5m")),
    "month": (("-i", "0m"), "timeframe", ('"0m"',)),
    "cash": (("--cash", "-5"), "amount", ('"-5"',)),
    "strategy": (("-s", "dcaa"), "strategy", ('"dcaa"', "swing")),
    "timerange": (("--timerange", "yesterday"), "timerange", ("yesterday",)),
    "setting out of range": (
        ("--param", "limits.max_heat=2"),
        "config-range",
        ("limits.max_heat is 2", "command line"),
    ),
    "negative setting": (
        ("--param", "limits.max_heat=-1"),
        "config-range",
        ("limits.max_heat is -1", "| --param limits.max_heat=-1 |", "^" * 23 + " "),
    ),
    "weight without a space": (
        ("--param", "manager.weights={dca:-1}"),
        "config-type",
        ('manager.weights has "dca:-1" without a number', "| --param manager.weights={dca:-1}"),
    ),
    "no bar": (("--param", "data.timeframe=0m"), "config-range", ('data.timeframe is "0m"', "5m, 15m, 1h")),
    "empty key": (("--param", "limits.=1"), "param", ('"limits.=1" is no setting with its value',)),
    "unknown setting": (("--param", "limits.max_haet=1"), "config-key", ("max_haet", "max_heat")),
    "config": (("-c", "none.yaml"), "config-file", ("none.yaml", "tickerml new config")),
}
HAS_NOT = {"feasible": ("timeframe", "month", "cash", "strategy")}  # options of its own, or none


def refused(told, code, says):
    assert told.code == 2, told.err
    assert f"error[{code}]" in told.err
    text = " ".join(told.err.split())
    for word in says:
        assert word in text, told.err
    assert "Traceback" not in told.err
    assert told.out == ""


@pytest.mark.parametrize("command", READERS)
def test_a_file_of_settings_is_refused_with_its_line(tickerml, command):
    for text, code, line, says in FILES.values():
        Path("c.yaml").write_text(text, encoding="utf-8")
        told = tickerml(*READERS[command], "-c", "c.yaml")
        refused(told, code, (*says, f"--> c.yaml:{line}"))
        assert [path.name for path in Path().iterdir()] == ["c.yaml"], "something was written"


@pytest.mark.parametrize("command", RUNS)
def test_an_option_is_refused_with_what_is_allowed(tickerml, command):
    for name, (words, code, says) in OPTIONS.items():
        if name not in HAS_NOT.get(command, ()):
            refused(tickerml(*RUNS[command], *words), code, says)


@pytest.mark.parametrize("command", RUNS)
def test_a_coin_that_the_source_does_not_have_is_named_with_its_line(tickerml, command):
    """Else what is misspelt would silently not be traded; of PSC's coins, all others would be."""
    for key in COINS if command in ("backtest", "paper", "check leaks") else COINS[:1]:
        section, name = key.split(".")
        Path("c.yaml").write_text(f"{section}:\n  {name}: [BTC, XYZ]\n", encoding="utf-8")
        told = tickerml(*RUNS[command], "-c", "c.yaml")
        refused(told, "config-coin", (f'{key} has "XYZ"', "it has BTC", "--> c.yaml:2", "nothing was started"))
        assert not Path("runs").exists()


@pytest.mark.parametrize("command", ["backtest", "paper", "check leaks", "feasible"])
def test_a_strategy_that_there_is_not_gets_no_weight(tickerml, command):
    for key in ("weights", "priorities", "confidence"):
        Path("c.yaml").write_text(f"manager:\n  {key}: {{dca: 0.4, swnig: 0.6}}\n", encoding="utf-8")
        told = tickerml(*RUNS[command], "-c", "c.yaml")
        says = (f'manager.{key} has "swnig"', "psc, dca, swing, channel", "did you mean swing?", "--> c.yaml:2")
        refused(told, "config-range", says)
        assert not Path("runs").exists()


def test_a_weight_of_a_strategy_that_is_not_chosen_is_fine():
    config = from_mapping({"manager": {"weights": {"swing": 0.4, "psc": 0.1}, "priorities": {"quoter": 1}}})
    assert [one.name for one in choose_all("dca", config)] == ["dca"]


def test_a_strategy_of_ones_own_is_known_where_it_is_chosen_or_named(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text('class Dip:\n    wake, sees = (), ()\n    def decide(self, view): return Pass("x")\n')
    manager = {"weights": {"dip": 0.4}}
    assert choose_all(str(path), from_mapping({"manager": manager}))[0].name == "dip"
    named = {**manager, "strategies": ["dca", f"{path}:Dip"]}
    assert choose_all("dca", from_mapping({"manager": named}))[0].name == "dca"
    with pytest.raises(ConfigError, match=r'manager\.weights has "dip"'):
        choose_all("dca", from_mapping({"manager": manager}))


def test_several_problems_are_told_at_once(tickerml):
    Path("c.yaml").write_text("risk: {max_drawdown: -1}\nlimits:\n  max_heat: 7\n  nothing: 1\n", encoding="utf-8")
    told = tickerml("backtest", "-c", "c.yaml")
    refused(told, "config-range", ("c.yaml:1", "c.yaml:3", "c.yaml:4", "3 problems, nothing was started"))


@pytest.mark.parametrize("name", ["SECRET", "PASSWORD", "BINANCE", "API_KEY"])
def test_a_key_of_a_venue_one_level_too_high_is_shown_to_nobody(tickerml, monkeypatch, name):
    monkeypatch.setenv(f"TICKERML__EXCHANGES__{name}", "SuperSecret99")
    told = tickerml("paper", "--source", "none")
    refused(told, "config-type", (f"exchanges.{name.lower()} is ********",))
    assert "SuperSecret99" not in told.err


def test_a_key_of_a_venue_in_place_of_its_section_is_shown_to_nobody(tickerml):
    Path("c.yaml").write_text("exchanges: {binance: SuperSecret99}\n", encoding="utf-8")
    for words in (("-c", "c.yaml"), ("--param", "exchanges.binance=SuperSecret99")):
        told = tickerml("paper", "--source", "none", *words)
        refused(told, "config-type", ("exchanges.binance is ********",))
        assert "SuperSecret99" not in told.err


def test_settings_nested_without_end_are_refused(tickerml):
    Path("c.yaml").write_text(f"limits: {'[' * 5000}{']' * 5000}\n", encoding="utf-8")
    refused(tickerml("paper", "-c", "c.yaml"), "config-syntax", ("c.yaml is nested too deeply to be read",))


def test_the_environment_names_itself(tickerml, monkeypatch):
    monkeypatch.setenv("TICKERML__LIMITS__MAX_HEAT", "-1")
    refused(tickerml("paper"), "config-range", ("limits.max_heat is -1", "TICKERML__LIMITS__MAX_HEAT=-1"))
