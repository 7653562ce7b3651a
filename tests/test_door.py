"""The Python door: what it exports, that it is lazy, and what it hands to the run room."""

import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import tickerml as tml
from tickerml.config import Config

TAPE = SimpleNamespace(header=None)


@pytest.fixture
def rooms(monkeypatch):
    calls = []

    def module(name, **functions):
        fake = ModuleType(name)
        for key, value in functions.items():
            setattr(fake, key, lambda *a, _key=key, _value=value, **k: calls.append((_key, a, k)) or _value)
        monkeypatch.setitem(sys.modules, name, fake)

    run = SimpleNamespace(path=Path("runs/a"))
    module("tickerml.run.sources", open_source=TAPE)
    module("tickerml.run.backtest", backtest=run)
    module("tickerml.run.paper", paper=run)
    module("tickerml.run.replay", replay=SimpleNamespace(identical=True))
    module("tickerml.run.compare", compare="compared")
    return calls


def test_what_is_exported_is_what_is_named():
    assert sorted(tml.__all__) == tml.__all__
    assert set(tml.__all__) <= set(dir(tml))
    for name in (
        "Tape",
        "Config",
        "InputError",
        "TickerMLError",
        "__version__",
        "read",
        "backtest",
        "paper",
        "replay",
        "compare",
    ):
        assert name in tml.__all__
        assert getattr(tml, name) is not None


def test_names_that_do_not_exist_are_told_with_those_that_do():
    with pytest.raises(AttributeError, match="it has Comparison, Config"):
        tml.bactest  # noqa: B018 - the access is the test


def test_the_five_lines(rooms):
    tape = tml.read("synthetic:calm:7", timerange="20240101-", format="x")
    run = tml.backtest("psc", tape, cash=10_000)
    assert tml.compare(run, tml.replay(run)) == "compared"
    names = [call[0] for call in rooms]
    assert names == ["open_source", "backtest", "replay", "compare"]
    assert rooms[0][1] == ("synthetic:calm:7",)
    assert rooms[0][2]["timerange"] == (1704067200 * 10**9, None)
    assert rooms[1][1] == ("psc", TAPE)
    assert rooms[1][2]["cash"] == Decimal(10_000)
    assert rooms[1][2]["config"] == Config()
    assert rooms[1][2]["twins"] is None  # by the run's length
    tml.backtest("psc", tape, twins=19)
    assert rooms[-1][2]["twins"] == 19
    tml.backtest("psc", tape, leaks=False)
    assert rooms[-1][2]["leaks"] is False
    assert rooms[2][1] == (Path("runs/a"),)


def test_a_tape_may_be_named_and_settings_given_in_three_ways(rooms, tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("fees: {maker: 0.001}")
    for settings in (path, str(path), {"fees": {"maker": 0.001}}, tml.Config(fees=type(Config().fees)(maker=0.001))):
        tml.paper("psc", "synthetic", config=settings, speed="1x", run_dir="here")
        name, _, given = rooms[-1]
        assert (name, given["speed"], given["run_dir"]) == ("paper", "1x", Path("here"))
        assert given["config"].fees.maker == 0.001
    assert rooms[0][0] == "open_source"


def test_a_run_may_be_named_by_its_folder(rooms):
    tml.replay("runs/b", chunk=7)
    assert rooms[-1] == ("replay", (Path("runs/b"),), {"chunk": 7})
