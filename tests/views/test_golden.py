"""The page of fixed stories, byte for byte. After a change that was meant: look at the page, then renew with

TICKERML_GOLDEN=renew python -m pytest tests/views/test_golden.py
"""

import os
from pathlib import Path

import pytest
from stories import idle, short_run

from tickerml.views.page import page

GOLDEN = Path(__file__).parent / "golden"
RUNS = {"short.html": lambda: short_run(points=400), "idle.html": idle}


@pytest.mark.parametrize("name", RUNS)
def test_the_page_is_the_golden_one(name):
    drawn, file = page(RUNS[name]()).encode(), GOLDEN / name
    if os.environ.get("TICKERML_GOLDEN") == "renew":
        file.write_bytes(drawn)
    kept = file.read_bytes()
    if drawn != kept:
        at = next((i for i, (a, b) in enumerate(zip(drawn, kept, strict=False)) if a != b), min(len(drawn), len(kept)))
        near = slice(max(0, at - 60), at + 60)
        pytest.fail(f"{name} differs from byte {at}:\n  kept  {kept[near]!r}\n  drawn {drawn[near]!r}")
