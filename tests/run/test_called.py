"""The commands that a run prints find it again, wherever it lies."""

from __future__ import annotations

import shlex

import pytest

from small_bars import minutes
from tickerml.cli.app import run as run_command
from tickerml.run.result import open_run
from tickerml.tape.store import write_store

WORDS = (
    *("backtest", "-s", "ma_cross", "--source", "store", "--no-leak-check", "--twins", "0"),
    *("--param", "ma_cross.fast=3", "--param", "ma_cross.slow=9"),
)


def printed(text):
    """Every command that stands in the lines of a run."""
    told = " | ".join(line.strip() for line in text.splitlines() if "tickerml " in line)
    parts = (one[one.index("tickerml ") :] for one in told.split("|") if "tickerml " in one)
    return [shlex.split(one.split(": was it chance")[0])[1:] for one in parts]


@pytest.mark.parametrize(
    "folder", ["odd/lk", "odd/l k's", "odd/" + "deep-" * 20, "user_data/../runs/named", "runs/named", ""]
)
def test_every_command_that_is_printed_finds_the_run(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_store(minutes(400), tmp_path / "store")
    assert run_command([*WORDS, *(["--run-dir", folder] if folder else [])]) == 0
    commands = printed(capsys.readouterr().out)
    assert {one[0] for one in commands} == {"report", "why", "replay"}
    for one in commands:
        twins = one[: one.index("--twins")] if "--twins" in one else one
        assert run_command([*twins, "--json"]) == 0, one
    capsys.readouterr()
    (report,) = tmp_path.rglob("report.html")
    named = open_run(report.parent.relative_to(tmp_path)).story.head.command_name
    assert named == (report.parent.name if not folder.startswith("odd") else shlex.quote(folder))


def test_a_run_that_was_moved_is_named_where_it_is(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_store(minutes(400), tmp_path / "store")
    assert run_command([*WORDS, "--run-dir", "runs/first"]) == 0
    (tmp_path / "runs" / "first").rename(tmp_path / "kept")
    assert "tickerml why kept" in "\n".join(open_run("kept").lines())
