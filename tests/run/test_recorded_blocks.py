"""What the journal of a run holds is told apart again: rows that the run made, and market rows of a live feed."""

from __future__ import annotations

import pytest

from tickerml.run.pending import bounded
from tickerml.run.record import is_made
from tickerml.tape.block import Block, concat
from tickerml.tape.rows import Flag, Kind, empty


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


@pytest.mark.parametrize("blob", [b"{}", b"x" * 600_000])
def test_a_record_ends_on_a_whole_message(blob):
    rows = empty(10_000)
    rows["kind"], rows["ref"], rows["qty"] = Kind.BALANCE, -1, range(len(rows))
    rows["flags"][2::3] = Flag.END
    rows["flags"][-1] = Flag.END
    whole = Block(rows, blobs=(blob,))
    pieces = list(bounded(whole))
    assert len(pieces) > 2
    assert all(piece.rows["flags"][-1] == Flag.END for piece in pieces)
    assert concat(pieces).rows["qty"].tolist() == rows["qty"].tolist()


def test_a_message_longer_than_a_record_is_cut_all_the_same():
    rows = empty(10_000)
    rows["flags"][-1] = Flag.END
    assert [len(piece) for piece in bounded(Block(rows))] == [4096, 4096, 1808]
