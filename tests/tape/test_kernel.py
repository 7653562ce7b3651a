"""One kernel calls another: how often each is compiled, what comes into the cache, and what it keeps from doing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tickerml.tape import kernel_cache

SOURCE = """
import numpy as np
from tickerml.tape.kernel import fold, kernel

@kernel
def inner(x, step):
    return x + step

@fold
def middle(s, step):
    s["sum"] = inner(s["sum"], step) + inner(s["sum"], 1) + inner(s["sum"], 2)

@kernel
def outer(states, step):
    for i in range(len(states)):
        middle(states[i], step)

@kernel
def fails(x):
    if x > 1:
        raise OverflowError("too large")
    return x

@kernel
def outer_fails(x):
    return fails(x) + 1

@kernel
def makes(n):
    return np.zeros(n).sum()
"""


@pytest.fixture
def said(tmp_path):
    """What a process of its own prints after using the kernels."""
    (tmp_path / "chain.py").write_text(SOURCE)
    path = os.pathsep.join([str(tmp_path), *sys.path])

    def say(code: str, **more: str) -> str:
        environment = os.environ | {"TICKERML_CACHE": str(tmp_path / "cache"), "PYTHONPATH": path} | more
        call = [sys.executable, "-W", "error", "-c", "import numpy as np\nfrom chain import *\n" + code]
        done = subprocess.run(call, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()

    return say


RUN = """
states = np.ones(2, [("sum", "i8")])
outer(states, 3)
print(states["sum"].tolist())
"""


@pytest.mark.parametrize("off", ["0", "1"])
def test_a_chain_of_kernels(said, off):
    assert said(RUN, NUMBA_DISABLE_JIT=off) == "[9, 9]"


def test_only_what_python_calls_is_in_the_cache_and_is_found_there(said, tmp_path):
    for _ in range(2):
        said(RUN)
        assert [path.name.split("-")[0] for path in (tmp_path / "cache").rglob("*.nbc")] == ["chain.outer"]
    assert said(RUN + "print(list(outer._call.stats.cache_hits.values()), outer._part, inner._part)") == (
        "[9, 9]\n[1] None None"
    )


def test_literals_and_narrow_integers_are_one_version(said):
    code = "states = np.ones(2, [('sum', 'i4')])\nouter(states, np.int8(3))\nprint(len(inner._part.overloads))"
    assert said(code) == "1"


def test_errors_come_through(said):
    code = """
for _ in range(2):
    try:
        outer_fails(2)
    except OverflowError as error:
        print(error, outer_fails(1))
"""
    assert said(code) == "too large 2\ntoo large 2"


def test_a_kernel_makes_no_arrays(said):
    code = """
try:
    makes(3)
except Exception as error:
    print("Only accept returning of array passed" in str(error))
"""
    assert said(code) == "True"


def test_the_hash_covers_what_kernels_import(tmp_path, monkeypatch):
    package = tmp_path / "tickerml"
    texts = {
        "sim/fill.py": "@kernel\ndef f(): ...\ndef g():\n  from tickerml.sim import (\n    rules as venue_rules,\n  )",
        "sim/__init__.py": "",
        "sim/rules.py": "from tickerml.tape.numbers import FILL as _FILL, REJECT\nOF = (_FILL, REJECT)",
        "tape/numbers.py": "FILL, REJECT = 1, 2",
        "views/page.py": "from tickerml.sim.fill import fill",
    }
    for name, text in texts.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    monkeypatch.setattr(kernel_cache, "SOURCE_ROOT", package)
    assert list(kernel_cache.kernel_sources()) == ["sim/__init__.py", "sim/fill.py", "sim/rules.py", "tape/numbers.py"]


def test_the_numbers_of_orders_are_in_the_hash():
    assert {"tape/orders.py", "tape/rows.py", "tape/tables.py"} <= set(kernel_cache.kernel_sources())
