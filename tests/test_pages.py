"""The pages that are made from the source say what the source says."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def test_generated_pages_are_up_to_date():
    probe = (
        "from tools.pages import pages\n"
        "stale = [p.name for p, text in pages().items() if not p.exists() or p.read_text(encoding='utf-8') != text]\n"
        "assert not stale, f'run `make docs`: {stale}'\n"
    )
    told = subprocess.run([sys.executable, "-c", probe], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
