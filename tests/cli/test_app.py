"""The edge of the program: exit codes, what goes where, and that a failure is always told in words."""

import json
import os
import subprocess
import sys

import pytest

from tickerml.tape.errors import InputError, RunError, Where


def test_without_a_command_the_help_shows_every_panel(tickerml):
    told = tickerml()
    assert told.code == 0
    for word in ("Trade", "Research", "Data", "Look", "paper", "backtest", "replay", "debug", "warmup", "synth", "why"):
        assert word in told.out
    assert "backtesting" not in told.out


@pytest.mark.parametrize("group", ["data", "new", "journal"])
def test_a_group_alone_shows_its_commands(tickerml, group):
    told = tickerml(group)
    assert told.code == 0
    assert "Commands" in told.out


@pytest.mark.parametrize(
    "command",
    [
        "paper", "backtest", "sweep", "replay", "debug", "warmup", "synth", "why", "report", "explain", "data import",
        "data list", "data check", "new config", "journal verify", "journal salvage",
    ],
)  # fmt: skip
def test_every_command_has_help_with_an_example_and_the_common_options(tickerml, command):
    told = tickerml(*command.split(), "--help")
    assert told.code == 0
    assert f"tickerml {command}" in told.out.split("Examples:")[1]
    for option in ("--json", "--plain", "--debug", "--verbose"):
        assert option in told.out


def test_version_names_the_kernels_without_importing_numba():
    probe = (
        "import sys\nfrom tickerml.cli.app import run\nassert run(['--version']) == 0\n"
        "assert not {'numba', 'numpy', 'polars'} & set(sys.modules)\n"
    )
    told = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    name, version, word, digest = told.stdout.split()
    assert (name, word, len(digest)) == ("tickerml", "kernels", 64)
    assert version[0].isdigit()


@pytest.mark.parametrize(
    "argv",
    [
        ["papre"],
        ["paper", "--sauce", "x"],
        ["paper", "--seed", "seven"],
        ["paper", "--speed", "2x"],
        ["debug", "8f3a21"],
        ["replay", "8f3a21", "--chunk", "0"],
        ["data", "import"],
    ],
)
def test_bad_usage_is_exit_2_in_the_template(tickerml, argv):
    told = tickerml(*argv)
    assert told.code == 2
    assert told.out == ""
    assert told.err.startswith("error[usage]: ")
    assert "  try:   tickerml" in told.err
    assert "nvalid" not in told.err
    assert "Value error" not in told.err
    assert "Traceback" not in told.err


def test_bad_usage_with_json_is_one_object_on_stdout(tickerml):
    told = tickerml("paper", "--sauce", "x", "--json")
    error = json.loads(told.out.splitlines()[-1])["error"]
    assert set(error) == {"code", "message", "file", "line", "key", "try"}
    assert error["code"] == "usage"


def test_errors_of_the_rooms_keep_their_exit_code(tickerml, rooms):
    rooms.raises = InputError("file-empty", "x.gz holds no line", where=Where("x.gz"))
    told = tickerml("paper", "--json")
    assert told.code == 2
    assert told.err.splitlines()[-2:] == ["error[file-empty]: x.gz holds no line", "  --> x.gz"]
    told_to_machines = {"code": "file-empty", "message": "x.gz holds no line", "file": "x.gz"}
    assert json.loads(told.out) == {"error": {**told_to_machines, "line": None, "key": None, "try": None}}
    rooms.raises = RunError("journal-io", "the disk failed")
    assert tickerml("paper").code == 1


def test_a_fault_of_our_own_is_told_without_a_traceback(tickerml, rooms):
    rooms.raises = ZeroDivisionError("boom")
    told = tickerml("paper")
    assert told.code == 1
    assert "error[internal]: a fault in TickerML itself: ZeroDivisionError: boom" in told.err
    assert "--debug" in told.err
    assert "Traceback" not in told.err


def test_debug_shows_the_traceback(tickerml, rooms):
    rooms.raises = ZeroDivisionError("boom")
    told = tickerml("paper", "--debug")
    assert told.code == 1
    assert "Traceback (most recent call last)" in told.err


@pytest.mark.parametrize(
    ("fault", "code", "exit_code"),
    [
        (FileNotFoundError(2, "no", "a.gz"), "file-missing", 2),
        (PermissionError(13, "no", "a.gz"), "file-permission", 1),
        (OSError(28, "full", "a.gz"), "disk-full", 1),
        (OSError(5, "eio", "a.gz"), "disk-failed", 1),
        (MemoryError(), "no-memory", 1),
        (KeyboardInterrupt(), "interrupted", 1),
    ],
)
def test_faults_of_the_machine_have_words(tickerml, rooms, fault, code, exit_code):
    rooms.raises = fault
    told = tickerml("paper", "--json")
    assert told.code == exit_code
    assert f"error[{code}]" in told.err
    assert json.loads(told.out)["error"]["code"] == code


def test_a_reader_that_has_seen_enough_is_no_failure_of_ours(tmp_path):
    program = [sys.executable, "-m", "tickerml", "explain"]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path)
    process.stdout.close()
    _, err = process.communicate(timeout=30)
    assert err == b""


def test_ascii_streams_get_ascii(tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    program = [sys.executable, "-m", "tickerml", "report", "späh"]
    told = subprocess.run(program, capture_output=True, cwd=tmp_path, env=environment, check=False)
    assert told.returncode == 2
    assert "error[run-missing]: there is no run sp?h" in told.stderr.decode("ascii")
