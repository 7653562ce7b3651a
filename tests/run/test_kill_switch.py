"""F3: a run is stopped by a command, a file or a signal; it stays so, over restarts, and replays as it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from small_runs import market, print_of, settings
from small_strategies import Churn
from tickerml.cli.stop import _asked
from tickerml.engine.machine import drive
from tickerml.run.backtest import backtest
from tickerml.run.commands import REQUEST, Command, Commands, _read, ask, holder, on_record
from tickerml.run.replay import replay
from tickerml.run.setup import Setting, bar_only_of, build, terms_of
from tickerml.run.strategies import choose
from tickerml.strategies import quoter
from tickerml.tape.errors import InputError
from tickerml.tape.intents import Pass, Setup
from tickerml.tape.rows import MINUTE, Kind

EAGER = Churn(style="mixed", stop=0.01, target=0.01, horizon_s=30.0, size=0.05, every=1.0)


def driven(commands, strategy=EAGER, chunk=None, rows=None, config=None):
    tape, config, made = market("busy", minutes=2, rows=rows), config or settings(), []
    setting = Setting(config, Decimal(10_000), 0, (), bar_only_of(tape), terms_of(config))
    one = build([choose(strategy, config)], tape.header, setting, made.append)
    told = Commands(one, None, commands)
    drive(one, told.through(tape.blocks()), chunk=chunk)
    return one, made


def times(made, kind):
    return [int(r["recv"]) for b in made for r in b.rows if r["kind"] == kind]


STOP, AGAIN = Command("stop", "news", after=4_000), Command("resume", "read it", after=8_000)


@pytest.mark.parametrize("close", [False, True])
def test_f3_after_a_stop_nothing_is_entered_until_a_person_says_so(close):
    _, made = driven([Command("stop", "news", close, 4_000), AGAIN])
    first, second = times(made, Kind.COMMAND)
    entries = times(made, Kind.APPROVED)
    assert [t for t in entries if t < first]
    assert [t for t in entries if t > second]
    assert not [t for t in entries if first < t < second]
    refused = [json.loads(b.blobs[r["ref"]]) for b in made for r in b.rows if r["kind"] == Kind.REFUSAL]
    assert any(one["code"] == "killed" for one in refused)
    told = [json.loads(b.blobs[r["ref"]])["what"] for b in made for r in b.rows if r["kind"] == Kind.DESK]
    assert told[:1] == ["killed"]
    assert "resumed" in told
    held = 0
    for block in made:
        for row in block.rows:
            if row["kind"] == Kind.FILL and row["recv"] < second and row["inst"] == 0:
                held += int(row["side"]) * int(row["qty"])
    assert (held == 0) or not close


def test_a_stopped_quoter_takes_its_quotes_away():
    _, made = driven([Command("stop", "news", after=4_000)], quoter.Params())
    (at,) = times(made, Kind.COMMAND)
    assert not [t for t in times(made, Kind.SUBMIT) if t > at]
    assert len([t for t in times(made, Kind.SUBMIT) if t < at]) > 10
    standing = set()
    for block in made:
        for row in block.rows:
            if row["kind"] == Kind.SUBMIT:
                standing.add(int(block.orders[row["ref"]]["id"]))
            elif row["kind"] in (Kind.CANCELED, Kind.REJECT) or (
                row["kind"] == Kind.FILL and block.orders[row["ref"]]["left"] == 0
            ):
                standing.discard(int(block.orders[row["ref"]]["id"]))
    assert not standing


@pytest.mark.parametrize("strategy", [EAGER, quoter.Params()])
def test_where_a_command_stands_does_not_depend_on_chunks(strategy):
    prints = [print_of(*driven([STOP, AGAIN], strategy, chunk, 11_000)) for chunk in (None, 7, 501)]
    assert prints[0] == prints[1] == prints[2]
    assert prints[0] != print_of(*driven([], strategy, rows=11_000))


def test_a_request_is_taken_kept_and_replayed(tmp_path):
    folder, tape = tmp_path / "run", market("busy", minutes=2)
    folder.mkdir()
    ask(folder, Command("stop", "before it began", close=True))
    found = backtest(EAGER, tape, config=settings(), run_dir=folder)
    assert not (folder / REQUEST).exists()
    (command,) = on_record(found.tape.blocks())
    assert (command.what, command.reason, command.close) == ("stop", "before it began", True)
    assert command.after > 0
    assert replay(folder).identical
    assert any("A person said stop, all closed" in note for note in found.manifest["notes"])
    again = backtest(EAGER, tape, config=settings(), run_dir=folder)  # computed again, compared row by row
    assert again.manifest["decision_hash"] == found.manifest["decision_hash"]


def test_what_cannot_be_read_stops(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / REQUEST).write_text('{"what": "resu')
    found = backtest(EAGER, market("busy", minutes=2), config=settings(), run_dir=folder)
    (command,) = on_record(found.tape.blocks())
    assert command.what == "stop"


def test_a_request_that_is_gone_or_not_readable_stops_too(tmp_path):
    assert _read(tmp_path / REQUEST, 7) == Command("stop", f"{REQUEST} in the run's folder", after=7)


RUN = """
import sys, time
from pathlib import Path
from small_runs import market, settings
from test_kill_switch import EAGER
from tickerml.run.paper import paper
paper(EAGER, market("busy", minutes=2), config=settings(), run_dir=Path(sys.argv[1]), speed="1x")
"""


def started(folder):
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent), *sys.path])
    process = subprocess.Popen([sys.executable, "-c", RUN, str(folder)], env={**os.environ, "PYTHONPATH": path})
    until = time.monotonic() + 120
    while time.monotonic() < until and not (folder / "journal" / "lock").exists():
        assert process.poll() is None
        time.sleep(0.05)
    return process


def cli(*words):
    done = subprocess.run(
        [sys.executable, "-m", "tickerml", *words, "--json"], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, json.loads(done.stdout.strip().splitlines()[-1])


def commands_of(folder, header):
    from tickerml.run.record import RunTape

    return on_record(RunTape(folder, header).blocks())


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no SIGUSR1")
def test_a_running_process_is_stopped_by_command_signal_and_when_it_hangs(tmp_path):
    folder, header = tmp_path / "run", market("busy", minutes=2).header
    process = started(folder)
    try:
        assert holder(folder) == process.pid
        code, told = cli("stop", str(folder), "--reason", "drill", "--wait", "60")
        assert (code, told.get("taken"), told.get("ended")) == (0, True, False), told
        code, told = cli("resume", str(folder), "--reason", "over", "--wait", "60")
        assert (code, told.get("taken")) == (0, True), told
        process.send_signal(signal.SIGUSR1)
        until = time.monotonic() + 30
        while len(commands_of(folder, header)) < 3 and time.monotonic() < until:
            time.sleep(0.2)
        assert [one.what for one in commands_of(folder, header)] == ["stop", "resume", "stop"]
        process.send_signal(signal.SIGSTOP)  # it hangs
        code, told = cli("stop", str(folder), "--wait", "0.5")
        assert (code, told["taken"], told["ended"]) == (0, False, True)
        assert process.wait(30) == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()
    assert holder(folder) == 0
    assert (folder / REQUEST).exists()  # and holds when the run goes on
    assert cli("resume", str(folder))[0] == 2
    assert np.all(np.diff([one.after for one in commands_of(folder, header)]) >= 0)


def test_a_run_that_has_ended_is_not_stopped(tmp_path):
    backtest(EAGER, market("busy", minutes=1), config=settings(), run_dir=tmp_path / "run")
    code, told = cli("stop", str(tmp_path / "run"))
    assert (code, told["error"]["code"]) == (2, "run-over")
    with pytest.raises(InputError) as caught:
        _asked(tmp_path / "run", "resume", "ok", False, 1.0)
    assert caught.value.means == "there is nothing to resume"
    assert not (tmp_path / "run" / REQUEST).exists()


@dataclass(frozen=True)
class Staking(Churn):
    """Stakes 100 at ten times, again whenever nothing is open."""

    def decide(self, view):
        if view.position is None and view["spread_ticks"] > 0:
            return Setup(1, 10 * MINUTE, 0.5, 0.5, superp=True, stake=100.0, leverage=10.0)
        return Pass("staked")


@pytest.mark.parametrize("close", [False, True])
def test_a_stop_leaves_open_stakes_as_it_leaves_positions(close):
    """Its one order is the position: to withdraw it would close it."""
    config = settings(superp={"enabled": True})
    _, made = driven([Command("stop", "news", close, 4_000)], Staking(), config=config)
    (at,) = times(made, Kind.COMMAND)
    assert [t for t in times(made, Kind.APPROVED) if t < at]
    settled = [(r["recv"], json.loads(b.blobs[r["ref"]])) for b in made for r in b.rows if r["kind"] == Kind.SETTLED]
    assert {told["reason"] for time, told in settled if time > at} == {"closed" if close else "end of data"}
