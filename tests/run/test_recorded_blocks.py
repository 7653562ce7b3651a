"""What the journal of a run holds is told apart again: rows that the run made, and market rows of a live feed."""

from __future__ import annotations

import pytest

from tickerml.run.record import is_made
from tickerml.tape.block import Block
from tickerml.tape.rows import Kind, empty


def block(*kinds):
    rows = empty(len(kinds))
    rows["kind"] = kinds
    return Block(rows, blobs=(b"{}",))


@pytest.mark.parametrize(
    ("kinds", "made"),
    [
        ((Kind.INTENT, Kind.SUBMIT), True),
        ((Kind.PARAMS, Kind.PASS), True),  # a strategy changed a parameter before it passed
        ((Kind.PARAMS,), True),
        ((Kind.DEPTH, Kind.TRADE), False),
        ((Kind.COMMAND,), True),  # what a person said to the run
        ((Kind.DEPTH, Kind.PARAMS), False),
        ((), False),
    ],
)
def test_made_rows_and_market_rows(kinds, made):
    assert is_made(block(*kinds)) is made
