"""The same bytes whatever way a fold is run: without the JIT, with bounds checks, and from a state saved half-way."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from feature_feed import Player, bar_rows, random_rows

from tickerml.features.catalog import families
from tickerml.tape.rows import MINUTE

HERE = Path(__file__).resolve().parent


def stream(seed, n):
    """A book's rows, and a bar-only stream."""
    r = np.random.default_rng(seed)
    bars = [
        {"open_time": k * MINUTE, "duration": MINUTE, "volume": 3}
        | {x: 100 + int(c) for x in ("open", "high", "low", "close")}
        for k, c in enumerate(np.cumsum(r.integers(-3, 4, 80)), 1)
    ]
    return (random_rows(seed, n), None), bar_rows(bars)


def digest(seed=61, n=700):
    """SHA-256 over state and fields of every fold after each stream, and over the fields on the way."""
    total = hashlib.sha256()
    for name in families():
        for rows, bars in stream(seed, n):
            player = Player(name)
            for row in rows:
                total.update(player.step(row, bars).tobytes())
            total.update(player.state.tobytes())
    return total.hexdigest()


@pytest.mark.parametrize(
    "switch",
    ["NUMBA_DISABLE_JIT", pytest.param("NUMBA_BOUNDSCHECK", marks=pytest.mark.slow)],  # compiles every fold anew
)
def test_the_same_bytes_without_jit_and_with_bounds_checks(switch):
    code = "from test_exactness import digest; print(digest())"
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | {switch: "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip() == digest()


@pytest.mark.parametrize("name", list(families()))
def test_a_saved_state_goes_on_as_if_nothing_had_happened(name):
    rows = random_rows(62, 1200)
    whole, first, second = Player(name), Player(name), Player(name)
    for row in rows:
        whole.step(row)
    for row in rows[:617]:
        first.step(row)
    second.state[...] = np.frombuffer(first.state.tobytes(), first.state.dtype)
    second.out[...] = np.frombuffer(first.out.tobytes(), first.out.dtype)
    second.ladders[...] = first.ladders
    for row in rows[617:]:
        second.step(row)
    assert second.state.tobytes() == whole.state.tobytes()
    assert second.out.tobytes() == whole.out.tobytes()
