"""The night of tests: what it counts and writes, that it goes on where it was broken off, that its tests exist."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TESTS = """
import os
from hypothesis import given, settings, strategies as st

SEEN = []

def test_numbers(cases):
    chosen = cases(3)
    assert 5 not in chosen, "the fifth fails"
    print(f"\\ncounts: tried={len(chosen)} from={chosen.start}")

@settings(max_examples=3)
@given(st.integers())
def test_examples(x):
    SEEN.append(x)

def test_many():
    print(f"\\ncounts: examples={len(SEEN)}")
"""


@pytest.fixture
def tool(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    for name in ("TICKERML_CASES", "TICKERML_EXAMPLES", "TICKERML_SOAK", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    import soak

    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text("utf-8"))
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = real: needs real data\n")
    monkeypatch.setattr(soak, "ROOT", tmp_path)
    monkeypatch.setattr(soak, "RESULTS", tmp_path / "RESULTS.md")
    monkeypatch.setattr(soak, "KEPT", tmp_path / ".soak")
    monkeypatch.setattr(soak.write, "__defaults__", (tmp_path / "RESULTS.md",))
    monkeypatch.setattr(
        soak,
        "PARTS",
        (
            soak.Part("numbers", "numbered cases", ("test_it.py",), 6, 2, options=("-s", "-k", "numbers")),
            soak.Part(
                "random", "random ones", ("test_it.py",), 14, 7, random=True, options=("-s", "-k", "not numbers")
            ),
        ),
    )
    yield soak
    sys.modules.pop("soak", None)


def rows(tool):
    text = tool.RESULTS.read_text("utf-8")
    return [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][1:]


def test_a_night_counts_goes_on_and_names_what_failed(tool, capsys, tmp_path):
    tool.RESULTS.write_text("# Benchmarks\n\n- kept\n\n## Soak\n\nolder\n", "utf-8")
    assert tool.main(["numbers", "--hours", "0"]) == 1
    assert "3 steps left, 0 failed" in capsys.readouterr().out
    assert tool.main(["numbers"]) == 1  # the third step holds the case that fails
    said = capsys.readouterr().out
    assert "numbers: 6 of 6, 1 steps failed" in said
    assert "0 steps left, 1 failed" in said
    assert "the fifth fails" in (tmp_path / ".soak" / "numbers-4.log").read_text("utf-8")
    numbers, random = rows(tool)
    assert numbers[1:5] == ["6 cases", "6", "**1**", "4 tried, 2 from"]
    assert random[2:4] == ["0", ""]
    text = tool.RESULTS.read_text("utf-8")
    assert text.startswith("# Benchmarks\n\n- kept\n\n## Soak\n")
    assert "older" not in text
    assert tool.main([]) == 1  # the failure stands; the other part is made, the first is not made again
    assert "numbers: 6 of 6 done" in " ".join(capsys.readouterr().out.split()).replace("numbered cases: ", "")
    assert rows(tool)[1][1:5] == ["14 cases", "14", "0", "14 examples"]


def test_changed_sources_begin_anew_and_what_others_proved_stays_told(tool, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("x = 1\n")
    before = tool.sources()
    one = tool.Night(tool.KEPT, before)
    one.add(tool.PARTS[0], 2, False, 60.0, "")
    assert tool.Night(tool.KEPT, before).left(tool.PARTS[:1]) == [(tool.PARTS[0], 0), (tool.PARTS[0], 4)]
    assert not tool.Night(tool.KEPT, before, again=True).told
    (tmp_path / "src" / "a.py").write_text("x = 2\n")
    other = tool.Night(tool.KEPT, tool.sources())
    assert len(other.left(tool.PARTS[:1])) == 3
    other.add(tool.PARTS[1], 0, False, 60.0, "")
    tool.write(other)
    assert [row[7] for row in rows(tool)] == [f"`{before}` |", f"`{tool.sources()}` |"]
    other.add(tool.PARTS[0], 0, False, 60.0, "")
    assert json.loads((tool.KEPT / "progress.json").read_text())["numbers"]["steps"] == [0]


def test_benchmarks_keep_what_the_night_wrote(tool, tmp_path):
    import run

    tool.write(tool.Night(tool.KEPT, "0a1b"))
    text = tool.RESULTS.read_text("utf-8")
    assert "\n".join(["# Benchmarks", *run.kept(text)]) + "\n" == text
    assert run.kept("# Benchmarks\n\n- no night yet\n") == []


def test_a_part_that_does_not_exist(tool, capsys):
    with pytest.raises(SystemExit) as ended:
        tool.main(["t99"])
    assert ended.value.code == 2
    assert "there are numbers, random" in capsys.readouterr().err


def test_soak_multiplies_also_the_numbers_that_tests_name_themselves(tool, tmp_path):
    def examples(**environment):
        command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "-k", "not numbers", tmp_path]
        env = {**os.environ, **environment}
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
        return int(done.stdout.split("examples=")[1].split()[0])

    assert examples() == 3
    assert examples(TICKERML_SOAK="1") == 60
    assert examples(TICKERML_SOAK="1", TICKERML_EXAMPLES="11") == 11


@pytest.mark.slow  # collects every test
def test_every_part_names_tests_that_exist():
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        from soak import PARTS
    finally:
        sys.path.pop(0)
    for part in PARTS[:-1]:  # the last one is the whole suite
        command = [sys.executable, "-m", "pytest", "--collect-only", *part.options, *part.tests]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, part.name + done.stdout
        found = [line for line in done.stdout.splitlines() if "::" in line]
        assert len(found) >= len(part.tests), part.name
        if part.name.startswith("t4-") and part.cases > 1:
            assert len(found) == 1, found
