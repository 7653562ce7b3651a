"""A fault in a strategy of the user's own is told as one: who, where on the tape, its line, and what it may answer."""

from __future__ import annotations

import html
import json
import re
import textwrap

import numpy as np
import pytest

from small_runs import command, market, settings
from tickerml.cli.app import run as cli
from tickerml.engine.loop import Loop
from tickerml.ledger.place import FILE, of_file
from tickerml.ledger.read import content_hashes, reading
from tickerml.run.backtest import backtest
from tickerml.run.paper import paper
from tickerml.run.pending import facts
from tickerml.run.record import RunTape, read_manifest
from tickerml.run.strategies import choose
from tickerml.tape.errors import ConfigError, InputError, RunError
from tickerml.tape.rows import MINUTE, ROW, SECOND, Kind

HEAD = """\
import sys
from dataclasses import dataclass

from tickerml.strategies.wake import Every
from tickerml.tape.intents import Entry, Leg, Legs, Long, Pass, Setup, Target


@dataclass(frozen=True)
class Broken:
    wake = Every("1s")
    sees = ("spread_ticks",)

"""
DECIDE = "    def decide(self, view):\n"
LONG = 'Long(target=0.0005, stop=0.0005, horizon="5s", size=0.1)'
BEHIND = '        if view.position is not None:\n            return Pass("held")\n'

WRONG = {  # body of decide -> (code, what is said, the text of the line that is shown)
    'raise ValueError("no luck")': ("strategy", "decide raised ValueError: no luck", 'raise ValueError("no luck")'),
    "Pass('forgotten')": ("strategy", "decide returned None", "def decide(self, view):"),
    'return "buy"': ("strategy", "decide returned 'buy'", "def decide(self, view):"),
    'return [Pass("x")]': ("strategy", "decide returned [Pass(", "def decide(self, view):"),
    'return Pass("x" * 201)': ("strategy", "decide passed with a reason of 201 characters ('xxx", "def decide"),
    'return Setup(1, 10**9, substitute="hedge")': ("intent", "a setup of its own has the substitute", "def decide"),
    'return Setup(1, 10**9, substitute="whatever")': ("intent", "the substitute of a setup is 'whatever'", "return S"),
    'return Long(stop=0.1, horizon="999999999d")': (
        "intent",
        "ns; it must be above 0 and at most 36,500 days",
        "return Long(",
    ),
    'return Long(stop=0.1, horizon="9" * 400 + "d")': ("span", "is not a span of time", "return Long("),
    "return Pass(5)": ("strategy", "decide passed with the reason 5, which is no text", "def decide(self, view):"),
    "return Long(stop=0.1)": ("strategy", "decide raised TypeError: Long() missing 1 req", "return Long(stop=0.1)"),
    'return Long(stop=0.1, horizon="1h", sl=1)': ("strategy", "unexpected keyword argument 'sl'", "return Long("),
    'return Long(stop="0.01", horizon="1h")': ("intent", "stop is '0.01'; it must be above 0 and", "return Long("),
    'return Long(stop=0.1, horizon="1h", size="1")': ("intent", "size is '1'; it must be from 0 to", "return Long("),
    'return Setup(1, 10**9, None, 0.1, (Entry("9"),))': ("intent", "the price of an entry is '9'; it", "return Setup("),
    'return Pass("x", {"x": object()})': ("strategy", "figures that cannot be kept: a figure is of", "def decide"),
    'return Long(stop=0.1, horizon="1h", info={"x": object()})': ("strategy", "figures that cannot be kept", "def dec"),
    'return Pass("x", params={"x": object()})': ("strategy", "figures that cannot be kept", "def decide"),
    'return Pass("x", None)': ("strategy", "figures that cannot be kept", "def decide"),
    "view.position = None": ("strategy", "decide raised AttributeError: ", "view.position = None"),
    "sys.exit(0)": ("strategy", "decide ended the program (SystemExit: 0)", "sys.exit(0)"),
    'return open("there/is/none")': ("strategy", "decide raised FileNotFoundError", "return open("),
    "return self.decide(view)": ("strategy", "decide raised RecursionError", "return self.decide(view)"),
    'return Long(stop=float("nan"), horizon="1h")': ("intent", "stop is nan; it must be above 0", "return Long("),
    'return Long(stop=0.1, horizon="soon")': ("span", '"soon" is not a span of time', "return Long("),
    'return Pass(str(view["ofi"]))': ("feature-undeclared", 'the strategy reads "ofi"', "return Pass(str(view["),
    f'return Legs((Leg("x", "Y", {LONG}), Leg("x", "Z", {LONG})))': ("intent", "a leg is on x Y", "def decide"),
    'return Setup(1, 10**9, 0.001, 0.001, info={"x": "y" * 9999})': ("intent", "figures take 1", "def decide"),
}


def written(tmp_path, text):
    path = tmp_path / "broken.py"
    path.write_text(HEAD + text)
    return path


def fault(path, run=backtest, tape=None, **more):
    """The error that a run of the strategy in `path` ends with."""
    kind = (InputError, ConfigError)
    with pytest.raises(kind) as caught:
        run(str(path), tape or market("busy", minutes=1), config=settings(), run_dir=path.parent / "run", **more)
    return caught.value


def is_told(error, path, said, line):
    assert re.match(r"broken on BTC/USDT:USDT at 2026-01-04T06:00:0\dZ: ", error.message)
    assert said in error.message
    assert error.exit_code == 2
    assert error.where.file == str(path)
    assert error.where.text.strip().startswith(line)
    assert path.read_text().splitlines()[error.where.line - 1] == error.where.text


@pytest.mark.parametrize("body", WRONG)
def test_an_answer_that_is_none_names_strategy_line_coin_and_time(tmp_path, body):
    path = written(tmp_path, f"{DECIDE}        {body}\n")
    error = fault(path)
    code, said, line = WRONG[body]
    assert error.code == code
    is_told(error, path, said, line)
    if code == "strategy":
        assert 'or Pass("why not")' in error.means or "a figure of info" in error.means
    if "raised" in said:
        assert error.__cause__ is not None


def test_the_innermost_line_may_lie_in_a_file_beside_it(tmp_path):
    beside = tmp_path / "beside.py"
    beside.write_text('def half(x):\n    return int("x")\n')
    error = fault(written(tmp_path, f"{DECIDE}        from beside import half\n        return half(view)\n"))
    assert (error.where.file, error.where.line) == (str(beside), 2)
    assert isinstance(error.__cause__, ValueError)


def test_what_is_told_to_a_strategy_may_fail_too(tmp_path):
    body = f"{DECIDE}{BEHIND}        return {LONG}\n\n    def on_settled(self, view, outcome):\n        1 / 0\n"
    path = written(tmp_path, body)
    error = fault(path)
    assert error.code == "strategy"
    assert "on_settled raised ZeroDivisionError: division by zero" in error.message
    assert error.where.text.strip() == "1 / 0"


def test_a_question_on_the_way_may_fail_too(tmp_path):
    setup = LONG.replace("target=0.0005", "target=0.01").replace("stop=0.0005", "stop=0.01").replace("5s", "1m")
    body = f"{DECIDE}{BEHIND}        return {setup[:-1]}, zones=True)\n\n"
    path = written(tmp_path, f"{body}    def continues(self, view, side):\n        return 1 / 0\n")
    trader = backtest_trader(path)
    with pytest.raises(InputError, match="continues raised ZeroDivisionError") as caught:
        trader._goes_on(0, trader.strategies[0].traded[0].id, 1)
    assert caught.value.where.text.strip() == "return 1 / 0"


def backtest_trader(path):
    """The trader of a machine with the strategy in `path`."""
    from small_runs import machine

    return machine(str(path), market("busy", minutes=1))[0].trader


def test_paper_ends_alike_and_keeps_what_it_had_recorded(tmp_path):
    late = "        if view.now % 60_000_000_000 > 20_000_000_000:\n            return None\n"
    body = f'{DECIDE}{late}        return Pass("x")\n'
    path = written(tmp_path, body)
    error = fault(path, paper)
    assert error.code == "strategy"
    assert "2026-01-04T06:00:21Z: decide returned None" in error.message
    assert (tmp_path / "run" / "journal").is_dir()
    assert cli(["why", str(tmp_path / "run"), "--plain"]) == 0


TRADES = f"{DECIDE}{BEHIND}        return {LONG}\n"
LATE = "view.now % 60_000_000_000 > 30_000_000_000"
TON = "view.instrument.symbol[0] == 'T'"
ASKED = {Kind.PASS, Kind.INTENT}
FAULTS = {  # what fails -> the body, and the kinds of row with which the act that it fails in would have begun
    "decide": (TRADES.replace(BEHIND, f"        if {LATE}:\n            1 / 0\n{BEHIND}"), ASKED),
    "second": (TRADES.replace(BEHIND, f"        if {LATE} and {TON}:\n            1 / 0\n{BEHIND}"), ASKED),
    "on_settled": (f"{TRADES}\n    def on_settled(self, view, outcome):\n        1 / 0\n", {Kind.FILL}),
}


@pytest.mark.parametrize("run", [backtest, paper])
@pytest.mark.parametrize("what", FAULTS)
def test_all_that_was_done_before_is_on_the_tape_and_nothing_by_halves(tmp_path, what, run):
    body, begins = FAULTS[what]
    fault(written(tmp_path, body), run)
    made = RunTape(tmp_path / "run", market("busy", minutes=1).header)
    kept = [fact for block in made.blocks() for fact in facts(block)]
    path = str(written(tmp_path, TRADES))
    whole = run(path, market("busy", minutes=1), config=settings(), run_dir=tmp_path / "whole")
    usual = [fact for block in whole.tape.blocks() for fact in facts(block)]
    assert kept == usual[: len(kept)]
    missing = np.frombuffer(usual[len(kept)][: ROW.itemsize], ROW)[0]
    assert missing["kind"] in begins
    assert missing["inst"] == 0
    if begins is ASKED:
        assert missing["recv"] % MINUTE == 31 * SECOND


def test_what_reads_a_run_that_broke_off_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    body, _ = FAULTS["decide"]
    words = ["paper", "-s", str(written(tmp_path, body)), "--source", "synthetic:busy:7", "--run-dir", "run"]
    assert cli([*words, "--param", "synthetic.minutes=1", "--plain"]) == 2
    (note,) = [one for one in read_manifest(tmp_path / "run")["notes"] if "broke off" in one]
    row, why = re.fullmatch(r"The run broke off at row (\d+) of its source: (.*)", note).groups()
    assert why.endswith("decide raised ZeroDivisionError: division by zero")
    capsys.readouterr()
    assert cli(["replay", "run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["identical"]
    assert told["notes"] == [f"the run was broken off here, by what breaks it off again: {why}"]
    assert cli(["report", "run", "--plain"]) == 0
    assert html.escape(note) in (tmp_path / "run" / "report.html").read_text()
    assert cli(["ledger", "rebuild", "run", "--plain"]) == 0
    assert "as they were" in capsys.readouterr().out
    stopped = command("debug", "run", "--at", row, "--plain", cwd=tmp_path)
    assert f"row {row} of" in stopped.stderr
    assert cli([*words, "--param", "synthetic.minutes=1", "--plain"]) == 2  # again: the same, and one note
    assert [one for one in read_manifest(tmp_path / "run")["notes"] if "broke off" in one] == [note]


@pytest.mark.parametrize("fault", [RunError("requests", "more than it can hold"), ZeroDivisionError("ours")], ids=repr)
def test_what_breaks_a_run_off_may_be_any_fault_to_its_replay(tmp_path, capsys, monkeypatch, fault):
    """A fault of the engine ends a run as one of its strategy does: what it had made is compared."""
    monkeypatch.chdir(tmp_path)

    sent = Loop.leave

    def full(self, *asked):
        """Let requests leave; from half a minute on there is no room for them."""
        if self.core[0]["now"] % MINUTE > 30 * SECOND:
            raise fault
        return sent(self, *asked)

    with monkeypatch.context() as broken:
        broken.setattr(Loop, "leave", full)
        path = written(tmp_path, TRADES.replace("0.0005", "0.005"))
        words = ["backtest", "-s", str(path), "--source", "synthetic:busy:7", "--run-dir", "run"]
        assert cli([*words, "--param", "synthetic.minutes=1", "--plain"]) != 0
        (note,) = [one for one in read_manifest(tmp_path / "run")["notes"] if "broke off" in one]
        capsys.readouterr()
        assert cli(["replay", "run", "--json"]) == 0
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert told["identical"]
        assert told["decisions"] > 5
        why = note.partition("source: ")[2]
        assert told["notes"] == [f"the run was broken off here, by what breaks it off again: {why}"]
    assert cli(["replay", "run", "--json"]) == 0  # nothing fails here: still the same as far as it went
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["identical"]


@pytest.mark.parametrize("mode", ["backtest", "paper"])
def test_a_finished_run_stays_finished_when_the_same_command_fails(tmp_path, capsys, monkeypatch, mode):
    """What its strategy reads beside it was broken since: run.json and the ledger are as they were."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "word").write_text("5s")
    long = LONG.replace('"5s"', f"__import__('pathlib').Path({str(tmp_path / 'word')!r}).read_text()")
    words = [mode, "-s", str(written(tmp_path, TRADES.replace(LONG, long))), "--source", "synthetic:busy:7"]
    words += ["--param", "synthetic.minutes=1", "--run-dir", "run", "--ledger", "--plain"]
    assert cli(words) == 0
    before, tables = (tmp_path / "run" / "run.json").read_bytes(), ledger_of(tmp_path / "run")
    assert tables["progress"][0] == 1
    (tmp_path / "word").write_text("soon")
    capsys.readouterr()
    assert cli(words) == 2
    assert '"soon" is not a span' in capsys.readouterr().err
    assert (tmp_path / "run" / "run.json").read_bytes() == before
    assert ledger_of(tmp_path / "run") == tables


def ledger_of(folder):
    """Rows and hash of each table of the ledger in a run's folder."""
    with reading(of_file(folder / FILE)) as connection:
        return content_hashes(connection)


@pytest.mark.parametrize("mode", ["backtest", "paper"])
def test_the_command_line_tells_it_without_a_traceback(tmp_path, capsys, monkeypatch, mode):
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, f'{DECIDE}        raise ValueError("no \\x1b[31mluck\\nhere")\n')
    words = [mode, "-s", str(path), "--source", "synthetic:busy:7", "--param", "synthetic.minutes=1"]
    assert cli([*words, "--json", "--plain"]) == 2
    told = capsys.readouterr()
    error = json.loads(told.out.splitlines()[-1])["error"]
    assert (error["code"], error["file"], error["line"]) == ("strategy", str(path), 14)
    assert "error[strategy]: broken on BTC/USDT:USDT at 2026-01-04T06:00:00Z: decide raised ValueError" in told.err
    assert "Traceback" not in told.err
    assert "no \\x1b[31mluck\\nhere" in told.err
    assert "\x1b" not in told.err
    assert '  14 |         raise ValueError("no \\x1b[31mluck\\nhere")' in told.err


PASSES = 'def decide(self, view): return Pass("x")'
SEES, WAKE = (f"@property\ndef {name}(self):\n" for name in ("sees", "wake"))
DECLARED = {  # a class -> (what is said, the text of the line)
    f"sees = ()\n{PASSES}": ("Broken declares no `wake`", "def decide"),
    f'wake = Every("1s")\n{PASSES}': ("Broken declares no `sees`", "def decide"),
    f'wake = Every("1s")\n{SEES}    return 1 / 0\n{PASSES}': ("Broken: `sees` raised ZeroDiv", "return 1 / 0"),
    f"sees = ()\n{WAKE}    sys.exit(0)\n{PASSES}": ("Broken: `wake` ended the program (SystemExit: 0)", "sys.exit(0)"),
    f"def __init__(self):\n    1 / 0\n{PASSES}": ("Broken: Broken() raised ZeroDivisionError", "1 / 0"),
}


@pytest.mark.parametrize("body", DECLARED)
def test_what_it_declares_is_read_before_anything_is_started(tmp_path, body):
    path = tmp_path / "broken.py"
    head = HEAD.partition("@dataclass")[0]
    path.write_text(f"{head}class Broken:\n{textwrap.indent(body, '    ')}\n")
    error = fault(path)
    said, line = DECLARED[body]
    assert (error.code, error.exit_code, error.means) == ("strategy", 2, "nothing was started")
    assert error.message.startswith(said)
    assert error.where.text is None or error.where.text.strip().startswith(line)
    assert error.where.file == str(path)
    assert not (tmp_path / "run").exists()


def test_a_file_that_ends_the_program_is_refused(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(ConfigError, match=r"broken.py, line 2: SystemExit: 0"):
        choose(str(path), settings())


def test_an_object_of_the_users_has_its_line_too():
    with pytest.raises(InputError) as caught:
        backtest(Mine(), market("busy", minutes=1), config=settings(), leaks=False)
    error = caught.value
    assert error.where.file == __file__
    assert error.where.text.strip() == 'raise KeyError("mine")'
    assert isinstance(error.__cause__, KeyError)


class Mine:
    """A strategy of this file."""

    from tickerml.strategies.wake import Every

    wake = Every("1s")
    sees = ("spread_ticks",)

    def decide(self, view):
        raise KeyError("mine")


def test_a_fault_of_a_strategy_of_ours_stays_ours(monkeypatch):
    from tickerml.strategies.psc import Psc

    def broken(self, view):
        raise KeyError("ours")

    monkeypatch.setattr(Psc, "decide", broken)
    with pytest.raises(KeyError, match="ours"):
        backtest("psc", market("busy", minutes=1), config=settings(), leaks=False)
