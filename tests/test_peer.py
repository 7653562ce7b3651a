"""The quoter against hftbacktest: every fill and every position of the two lists, compared line by line."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
SESSION = "l2/binance_raw_20240808/usdm"
pytestmark = pytest.mark.slow  # the peer compiles its own loop anew


def python(script, *arguments):
    done = subprocess.run(
        [sys.executable, BENCHMARKS / script, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def _peer():
    """The peer's own environment; made on the first call, which needs a package index."""
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "peers" / "own_venv.py", "hftbacktest"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"hftbacktest could not be installed: {done.stderr.strip()[-200:]}")


def lines(path):
    with path.open(newline="") as file:
        return [tuple(map(int, row)) for row in list(csv.reader(file))[1:]]


def check(events, out):
    """Both engines on these events; returns how many fills both made."""
    told = json.loads(python("quoter.py", events, "--json", "--rounds", 1, "--out", out).splitlines()[-1])
    mine, theirs = (lines(out / f"{events.stem}.{name}.csv") for name in ("fills", "peer.fills"))
    assert mine == theirs
    held, known = (lines(out / f"{events.stem}.{name}.csv") for name in ("positions", "peer.positions"))
    assert held == [row[:2] for row in known]
    assert told["balance_identical"]
    assert len(held) > 1000
    return len(mine)


@pytest.mark.usefixtures("_peer")
def test_the_fills_of_a_synthetic_tape_are_the_peers(tmp_path):
    events = tmp_path / "synthetic.npz"
    python("peers/synth_npz.py", events, "--rows", 500_000)
    assert check(events, tmp_path / "lists") > 100


@pytest.mark.real
@pytest.mark.usefixtures("_peer")
def test_the_fills_of_a_real_session_are_the_peers(real_data, tmp_path):
    (raw,) = (real_data / SESSION).glob("btc*.gz")
    events = tmp_path / "real.npz"
    python("peers/raw_npz.py", raw, "--out", events)
    assert check(events, tmp_path / "lists") > 10
