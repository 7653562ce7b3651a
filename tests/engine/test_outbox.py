"""Rows that a run made leave in sequence and in whole acts, whatever ends the run."""

from __future__ import annotations

import pytest

from tickerml.engine.outbox import Outbox
from tickerml.tape.rows import Kind


def added(outbox, *names):
    for name in names:
        outbox.add(1, 0, int(Kind.PASS), name)


def blobs(handed):
    return [block.blobs[ref] for block in handed for ref in block.rows["ref"].tolist()]


@pytest.mark.parametrize("held", [0, 1, 3, 4096])
def test_an_act_is_handed_over_whole_or_not_at_all(held):
    handed = []
    outbox = Outbox(handed.append, held=held)
    outbox.begin_act(0)
    added(outbox, b"a", b"b", b"c", b"d")
    assert not handed
    outbox.end_act()
    assert bool(handed) == (held < 5)
    outbox.begin_act(0)
    added(outbox, b"e", b"a")
    outbox.break_off()
    assert blobs(handed) == [b"a", b"b", b"c", b"d"]


def test_between_two_acts_all_that_waits_is_whole():
    handed = []
    outbox = Outbox(handed.append)
    added(outbox, b"a", b"b")
    outbox.break_off()
    assert blobs(handed) == [b"a", b"b"]


def test_behind_what_could_not_be_written_nothing_follows():
    handed = []

    def full(block):
        handed.append(block)
        raise OSError("no space")

    outbox = Outbox(full, held=2)
    with pytest.raises(OSError, match="no space"):
        added(outbox, b"a", b"b")
    added(outbox, b"c")  # a row would be missing between
    outbox.break_off()
    assert len(handed) == 1
