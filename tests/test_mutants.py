"""T9: what the tests of a room would not notice. Full runs take minutes; see tools/mutants.py."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = ("brackets", "contract", "margin", "position", "scale", "wallets")
DESK = (
    "gates",
    "leaving",
    "legs",
    "losses",
    "envelope",
    "shared",
    "quoted",
    "working",
    "checks",
    "sized",
    "exposure",
    "leverage",
    "protections",
    "sizing",
    "setups",
    "requests",
)
ENGINE = ("following", "ending")
ROOMS = {"account": ACCOUNT, "desk": DESK, "engine": ENGINE}
GONE_THROUGH = tuple((room, f"{name}.py") for room, names in ROOMS.items() for name in names)


@pytest.fixture(scope="module")
def tool():
    sys.path.insert(0, str(ROOT / "tools"))
    import mutants

    yield mutants
    sys.path.remove(str(ROOT / "tools"))


def run(*words, room="account"):
    command = [sys.executable, str(ROOT / "tools" / "mutants.py"), room, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_mutants_are_the_same_each_time_and_each_differs_from_the_source(tool):
    for path in tool.files("account"):
        once, again = list(tool.mutants(path, "account")), list(tool.mutants(path, "account"))
        assert once == again
        assert len({m.name for m in once}) == len(once)
        same = ast.unparse(ast.parse(path.read_text("utf-8")))
        assert len({same, *(m.source for m in once)}) == len(once) + 1
        for one in once:
            compile(one.source, str(path), "exec")


def test_what_is_listed_exists_and_has_a_reason(tool):
    for room in ROOMS:
        names = {m.name for path in tool.files(room) for m in tool.mutants(path, room)}
        for name, reason in tool.listed(room).items():
            assert name in names
            assert len(reason.split()) > 3


def test_changed_files_are_some_of_all(tool):
    assert set(tool.files("account", changed=True)) <= set(tool.files("account"))


def test_a_mutant_is_killed():
    done = run("--only", "wallets.py:sellable: max(0, units) // lot_units")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 mutants, 1 killed" in done.stdout


def test_a_fingerprint_changes_with_all_that_decides_on_the_mutants(tool, monkeypatch):
    one = tool.fingerprint("desk", "gates.py")
    assert one == tool.fingerprint("desk", "gates.py") != tool.fingerprint("desk", "legs.py")
    reasons = {"gates.py:most: a -> b #1": "whatever", "legs.py:find: a -> b #1": "whatever"}
    monkeypatch.setattr(tool, "listed", lambda room: reasons)
    other = tool.fingerprint("desk", "gates.py")
    assert other != one
    reasons["legs.py:find: a -> b #1"] = "another reason"  # of another file
    assert tool.fingerprint("desk", "gates.py") == other
    monkeypatch.setitem(tool.CHOSEN, "desk/gates.py", ("test_order_table.py",))
    assert tool.fingerprint("desk", "gates.py") != other


def test_what_is_kept_is_read_again(tool, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tool, "JUDGED", tmp_path / "judged.txt")
    assert tool.judged() == {}
    legs, gates = (tool.fingerprint("desk", name) for name in ("legs.py", "gates.py"))
    tool.keep("desk", "legs.py", legs, 20, 3)
    tool.keep("desk", "gates.py", gates, 10, 0)
    tool.keep("desk", "legs.py", legs, 21, 2)
    assert tool.judged() == {"desk/gates.py": (gates, 10, 0), "desk/legs.py": (legs, 21, 2)}
    tool.keep("desk", "legs.py", gates, 22, 1)  # made of other sources than those that are there
    assert tool.judged()["desk/legs.py"] == (legs, 21, 2)
    assert "legs.py is not noted" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(("room", "file"), GONE_THROUGH)
def test_t9_every_mutant_is_killed_or_listed_with_its_reason(room, file, tool, capsys):
    """All of them where file, tests or list have changed since they were judged, or where a night asks for all."""
    noted = tool.judged().get(f"{room}/{file}")
    if noted and noted[0] == tool.fingerprint(room, file) and os.environ.get("TICKERML_MUTANTS") != "all":
        pytest.skip(f"file, tests and list are as they were when its {noted[1]} mutants were judged, {noted[2]} listed")
    done = run("--only", f"{file}:", room=room)
    assert done.returncode == 0, done.stdout + done.stderr
    made, killed, listed = (int(x) for x in re.findall(r"(\d+) (?:mutants|killed|survived)", done.stdout)[-3:])
    with capsys.disabled():
        print(f"\ncounts: mutants={made} killed={killed} listed={listed}")
