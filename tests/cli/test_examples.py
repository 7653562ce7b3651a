"""Every command line that the README, the docs, a help text or an error page shows is one that works."""

import re
import shlex
from pathlib import Path

import pytest

from tickerml.cli import errors

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
COMMANDS = (
    "paper", "backtest", "sweep", "tune", "walkforward", "check leaks", "replay", "debug", "warmup", "synth", "why",
    "report", "compare", "feasible",
    "explain", "data import", "data list", "data check", "new config", "new strategy", "stop", "resume",
    "journal verify",
    "journal salvage",
)  # fmt: skip


def shown_in(text: str) -> list[str]:
    """`tickerml ...` in code: whole lines of a block, and spans between backticks; what follows two blanks is prose."""
    blocks = "\n".join(re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    lines = re.findall(r"^tickerml .*", blocks, re.MULTILINE)
    return [re.split(r"\s{2,}|\s+#", line)[0] for line in lines] + re.findall(r"`(tickerml [^`\n]+)`", text)


def examples() -> list[str]:
    texts = [page.read_text(encoding="utf-8") for page in PAGES] + [errors.page(code) or "" for code in errors.codes()]
    return sorted({line for text in texts for line in shown_in(text)})


def settled(line: str) -> list[str]:
    """The words of an example, with the places that a reader fills in filled in."""
    filled = {
        "RUN": "8f3a21",
        "STORE": "store",
        "CODE": "usage",
        "COMMAND": "paper",
        "PATH": "x.gz",
        "DIR": "out",
        "SEQ": "7",
    }
    return [filled.get(word, word) for word in shlex.split(line)[1:]]


@pytest.fixture
def ready(tickerml, rooms, tmp_path):
    for run in ("8f3a21", "77c0d2"):
        (tmp_path / "runs" / run).mkdir(parents=True)
        (tmp_path / "runs" / run / "run.json").write_text("{}")
    tickerml("new", "config", "--out", "config.yaml")
    return tickerml


def needs_real_runs(words: list[str]) -> bool:
    """Commands that read a run or a ledger for themselves; tests of their own run them on real ones."""
    return words[0] in ("journal", "ledger", "stop", "resume", "portfolio")


@pytest.mark.parametrize("line", examples())
def test_an_example_of_the_texts_runs(ready, line):
    words = settled(line)
    told = ready(*words)
    if needs_real_runs(words):
        assert "error[usage]" not in told.err
    elif words[:2] == ["new", "config"]:
        assert told.code == 0 or "error[file-exists]" in told.err
    else:
        assert told.code == 0, told.err


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_of_the_help_runs(ready, command):
    shown = ready(*command.split(), "--help").out.split("Examples:")[1]
    lines = [
        re.split(r"\s{2,}", line.strip())[0] for line in shown.splitlines() if line.strip().startswith("tickerml ")
    ]
    assert lines
    for line in lines:
        words = settled(line)
        told = ready(*words)
        if needs_real_runs(words) or words[:2] == ["new", "config"]:
            assert "error[usage]" not in told.err
        else:
            assert told.code == 0, told.err
