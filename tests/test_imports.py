"""Starting is quick: the door and the help load nothing heavy."""

import json
import subprocess
import sys

import pytest

HEAVY = ["numpy", "numba", "polars", "pydantic", "yaml", "plotly", "msgspec"]
LIMIT = 0.3
"""Seconds of CPU time, best of 5 processes: a loaded machine makes single ones slower, never faster."""


def probe(statement: str) -> tuple[float, list[str]]:
    program = (
        "import json, sys, time\n"
        f"{statement}\n"
        f"print(json.dumps([time.process_time(), [m for m in {HEAVY!r} if m in sys.modules]]), file=sys.stderr)\n"
    )
    best, loaded = 9.0, []
    for _ in range(5):
        told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        spent, loaded = json.loads(told.stderr.splitlines()[-1])
        best = min(best, spent)
    return best, loaded


@pytest.mark.parametrize(
    "statement",
    ["import tickerml", "from tickerml.cli.app import run\nassert run(['--help']) == 0"],
    ids=["import tickerml", "tickerml --help"],
)
def test_starting_is_quick_and_light(statement):
    spent, loaded = probe(statement)
    assert loaded == []
    assert spent <= LIMIT
