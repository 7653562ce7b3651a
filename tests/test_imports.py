"""Starting is quick: the door and the help load nothing heavy."""

import json
import os
import subprocess
import sys

import pytest

QUOTER = """
import json, sys
from decimal import Decimal
from tickerml.config import Config
from tickerml.engine.machine import pieces
from tickerml.run.setup import Setting, build, terms_of
from tickerml.run.strategies import choose
from tickerml.sim.synthetic import synthetic_tape

tape, config = synthetic_tape("calm", 7, minutes=1), Config()
setting = Setting(config, Decimal(1_000_000), terms=terms_of(config))
machine = build([choose("quoter", config)], tape.header, setting, lambda block: None, held=0)
for block in pieces(tape.blocks(), 2048):
    machine.push(block)
print(json.dumps([machine.outbox.decisions, sorted(sys.modules)]))
"""
NEEDLESS = {"pydantic", "polars", "plotly", "rich", "numba.cpython.unicode", "numba.np.arraymath"}
"""For a quoter on defaults whose kernels are in the cache: no settings are checked, nothing is compiled."""

HEAVY = ["numpy", "numba", "polars", "pydantic", "yaml", "plotly", "msgspec", "rich"]
LIMIT = 0.3
"""Seconds of CPU time, best of 6 processes: a loaded machine makes single ones slower, never faster."""


def probe(statement: str, bytecode: str) -> tuple[float, list[str]]:
    """What a start costs that is not the very first: Python has kept its bytecode, as it does for users."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
    program = (
        "import json, sys, time\n"
        f"{statement}\n"
        f"print(json.dumps([time.process_time(), [m for m in {HEAVY!r} if m in sys.modules]]), file=sys.stderr)\n"
    )
    best, loaded = 9.0, []
    for _ in range(6):
        told = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
        spent, loaded = json.loads(told.stderr.splitlines()[-1])
        best = min(best, spent)
    return best, loaded


@pytest.mark.parametrize(
    "statement",
    ["import tickerml", "from tickerml.cli.app import run\nassert run(['--help']) == 0"],
    ids=["import tickerml", "tickerml --help"],
)
def test_starting_is_quick_and_light(statement, tmp_path):
    spent, loaded = probe(statement, str(tmp_path))
    assert loaded == []
    assert spent <= LIMIT


def test_the_quoter_loads_what_it_needs():
    for _ in range(2):  # the first may have to compile
        done = subprocess.run([sys.executable, "-c", QUOTER], capture_output=True, text=True, check=True)
    decisions, loaded = json.loads(done.stdout)
    assert decisions > 0
    assert NEEDLESS.isdisjoint(loaded)
