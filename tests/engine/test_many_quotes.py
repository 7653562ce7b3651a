"""A compiled strategy acts on all its coins in one step: there is room for all that this makes, or the run ends."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from many_coins import many

from small_runs import machine, print_of, python
from tickerml.desk.shared import shared
from tickerml.engine.core import MADE, ROOM
from tickerml.engine.machine import drive
from tickerml.strategies import quoter
from tickerml.tape.errors import RunError
from tickerml.tape.rows import FOREVER, Kind

QUOTER = quoter.Params(behind=3)


def unhurried(tape):
    """A machine of the quoter without limits of the account: it replaces all its quotes at every wake."""
    one, made = machine(QUOTER, tape, cash=10_000_000)
    for rate in ("messages_symbol", "messages", "quotes_day"):
        one.loop.envelopes[rate] = FOREVER
    one.loop.shared[0] = shared()
    return one, made


def driven(coins, seconds=2.0, chunk=None):
    """A run of the quoter over `coins` coins: its machine, its made blocks, the most rows that waited at once."""
    tape = many(coins, seconds)
    one, made = unhurried(tape)
    most, advance = [0], one.loop.advance

    def watched():
        reason = advance()
        most[0] = max(most[0], len(one.loop.made))
        return reason

    one.loop.advance = watched
    drive(one, tape.blocks(), chunk=chunk)
    return one, made, most[0]


@cache
def whole(coins=100):
    one, made, most = driven(coins)
    return print_of(one, made), most


def test_a_wake_of_many_coins_makes_more_rows_than_are_kept_free_for_a_step():
    """What the other tests show is shown only so."""
    one, made, _ = driven(100)
    kinds = np.concatenate([b.rows["kind"] for b in made])
    at = np.concatenate([b.rows["recv"] for b in made])[kinds == Kind.SUBMIT]
    assert max(np.unique(at, return_counts=True)[1]) + 100 > ROOM
    assert whole()[1] > MADE - ROOM
    sent = int((kinds == Kind.SUBMIT).sum() + (kinds == Kind.CANCEL).sum())
    assert sent == one.loop.mail[0]["req_tail"], "told as sent, and never were"


@pytest.mark.parametrize("chunk", [500, 7])
def test_many_coins_are_the_same_in_all_chunks(chunk):
    one, made, _ = driven(100, chunk=chunk)
    assert print_of(one, made) == whole()[0]


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from test_many_quotes import driven, print_of
print(*print_of(*driven(100)[:2]))
"""


@pytest.mark.slow  # compiles the quoter's loop anew, with checks
def test_many_coins_stay_inside_the_buffer():
    told = python(CHILD, Path(__file__).parent, NUMBA_BOUNDSCHECK="1")
    assert told.split() == list(map(str, whole()[0]))


def test_more_requests_than_the_venue_holds_end_the_run_and_none_is_told_that_never_left():
    one, made = unhurried(tape := many(300, 1.0))
    with pytest.raises(RunError) as error:
        drive(one, tape.blocks())
    assert error.value.code == "requests"
    one.outbox.flush()
    sent = sum(int(np.isin(b.rows["kind"], [Kind.SUBMIT, Kind.CANCEL]).sum()) for b in made)
    assert sent == one.loop.mail[0]["req_tail"] > 0
