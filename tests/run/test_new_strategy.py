"""`tickerml new strategy`: what it writes runs as it stands, test and printed commands included."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from small_runs import command
from tickerml.run.new_strategy import new_strategy
from tickerml.tape.errors import InputError

SHORT = ("--param", "synthetic.minutes=20")


@pytest.mark.parametrize("compiled", [False, True])
def test_its_test_passes_by_itself_and_with_pytest(tmp_path, compiled):
    made = new_strategy("my_dip", tmp_path / "mine", compiled=compiled)
    alone = subprocess.run([sys.executable, made.test], capture_output=True, text=True, check=False)
    assert alone.returncode == 0, alone.stderr
    assert alone.stdout.count("passed: test_") == (3 if compiled else 2)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", made.test.name]
    tested = subprocess.run(words, capture_output=True, text=True, check=False, cwd=made.test.parent)
    assert tested.returncode == 0, tested.stdout


@pytest.mark.parametrize("compiled", [False, True])
def test_it_is_as_tidy_as_the_rest(tmp_path, compiled):
    made = new_strategy("my_dip", tmp_path, compiled=compiled)
    tidy = Path(__file__).resolve().parents[2] / "pyproject.toml"
    for check in ("check", "format --check"):
        words = [sys.executable, "-m", "ruff", *check.split(), "--config", str(tidy), str(made.strategy)]
        told = subprocess.run(words, capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stdout


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True])
def test_every_printed_command_works(tmp_path, compiled):
    """From nothing to paper: new, its test, backtest, check leaks, sweep, paper."""
    told = command("new", "strategy", "my_dip", *(["--compiled"] if compiled else []), "--json", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["strategy"] == str(Path("user_data/strategies/my_dip.py"))
    first, *commands = found["next"]
    words = shlex.split(first)
    assert subprocess.run([sys.executable, *words[1:]], cwd=tmp_path, check=False).returncode == 0
    assert [line.split()[1] for line in commands] == ["backtest", "check", "sweep", "paper"]
    for line in commands:
        told = command(*shlex.split(line)[1:], *SHORT, "--json", cwd=tmp_path)
        assert told.returncode == 0, f"{line}\n{told.stderr[-2000:]}"
        result = json.loads(told.stdout.splitlines()[-1])
        if "sweep" in line:
            assert result["combos"] == 3
        if "leaks" in line:
            assert result["leaks"] == []
            assert {"rsi(14, 1m)", "high(30m, 1m)"} <= {one["feature"] for one in result["warmup"]}


@pytest.mark.parametrize("name", ["My-Dip", "2fast", "class", "psc", ""])
def test_a_name_that_cannot_be_is_refused(tmp_path, name):
    with pytest.raises(InputError) as told:
        new_strategy(name, tmp_path)
    assert told.value.code == "strategy-name"
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(tmp_path):
    made = new_strategy("my_dip", tmp_path)
    made.strategy.write_text("mine")
    with pytest.raises(InputError) as told:
        new_strategy("my_dip", tmp_path)
    assert told.value.code == "file-exists"
    assert made.strategy.read_text() == "mine"
    new_strategy("my_dip", tmp_path, compiled=True, force=True)
    assert "def detect" in made.strategy.read_text()


@pytest.mark.parametrize("name", ["numpy", "types", "pytest", "tickerml", "polars"])
def test_a_name_that_would_hide_a_module_is_refused(name, tmp_path):
    """Its test imports what it would hide: `python test_numpy.py` died in numba."""
    with pytest.raises(InputError, match=r"would hide|this program") as told:
        new_strategy(name, tmp_path / "mine")
    assert told.value.code == "strategy-name"
    assert not (tmp_path / "mine").exists()


def test_a_strategy_of_this_folder_may_be_written_anew(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    new_strategy("my_dip", tmp_path)
    (tmp_path / "data").mkdir()
    assert new_strategy("my_dip", tmp_path, force=True).strategy.is_file()
    assert new_strategy("data", tmp_path / "mine").strategy.is_file()
