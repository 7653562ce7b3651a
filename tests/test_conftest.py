"""The rule of .ci/run: where real data is required, a `real` test that skips is a failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parent / "conftest.py"
TESTS = """
import pytest

@pytest.mark.real
def test_skips():
    pytest.skip("no such file")

@pytest.mark.real
def test_runs(real_data):
    assert real_data.is_dir()

def test_other():
    pytest.skip("not about real data")
"""


@pytest.mark.parametrize(
    ("data", "required", "code", "line"),
    [
        (True, False, 0, "1 passed, 2 skipped"),
        (True, True, 1, "1 failed, 1 passed, 1 skipped"),
        (False, False, 0, "3 skipped"),
        (False, True, 1, "1 skipped, 2 errors"),
    ],
)
def test_a_real_test_may_not_skip_where_the_data_is_required(tmp_path, data, required, code, line):
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = real: needs real data\n")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TICKERML_", "PYTEST_"))}
    env["TICKERML_DATA"] = str(tmp_path if data else tmp_path / "none")
    if required:
        env["TICKERML_REQUIRE_REAL"] = "1"
    program = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    told = subprocess.run(program, capture_output=True, text=True, env=env, cwd=tmp_path, check=False)
    assert told.returncode == code, told.stdout
    assert line in told.stdout.splitlines()[-1]
