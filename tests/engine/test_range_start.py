"""A range of a tape: what held before is as old at its start as in the whole tape, and no event happens twice."""

from __future__ import annotations

import numpy as np
import pytest
from bar_path_tape import START
from book_path_tape import DEEP, Books, told

from small_runs import run, settings
from tickerml.run.research import columns
from tickerml.strategies.wake import Every
from tickerml.tape.intents import Long, Pass
from tickerml.tape.rows import MINUTE, SECOND, Kind
from tickerml.tape.tape import MemoryTape
from tickerml.tape.window import window

AT = START + 30 * MINUTE


class Wisher:
    """Wants BTC from the start of the range on."""

    sees = ()
    wake = Every("1s")

    def decide(self, view):
        if view.instrument.id != 0 or view.now < AT or view.position is not None:
            return Pass("not yet")
        return Long(target=0.05, stop=0.02, horizon="10s", size=0.02)


def part(tape):
    return MemoryTape(tape.header, tuple(window(tape.blocks(), AT, None, tape.header.names)))


@pytest.mark.parametrize("stamped", [True, False])
@pytest.mark.parametrize(("last", "verdict"), [(5, Kind.REFUSAL), (1_799, Kind.APPROVED)])
def test_a_book_is_as_stale_as_in_the_whole_tape(last, verdict, stamped):
    books = Books(2).book(0.0, *DEEP, 0).book(0.0, *DEEP, 1)
    tape = books.quiet(0.5, last, 0.5, 0).quiet(0.5, 1_830, 0.5, 1).tape()
    if not stamped:
        tape.held[0].rows["exch"] = 0
    whole, cut = (told(run(Wisher(), one, settings())[1], verdict) for one in (tape, part(tape)))
    assert cut
    assert [(at, one.get("code")) for at, _, one in cut[:3]] == [(at, one.get("code")) for at, _, one in whole[:3]]
    assert verdict == Kind.APPROVED or cut[0][2]["code"] == "stale"


@pytest.mark.parametrize("stamped", [True, False])
@pytest.mark.parametrize("first", [10.5, 605.5, 1_770.5])
def test_values_are_as_old_as_in_the_whole_tape_and_events_are_of_the_past(first, stamped):
    books = Books().book(0.0, *DEEP).value(first, "open_interest", 1000.0).value(1_799.5, "sentiment", 0.5)
    tape = books.value(1_799.5, "liquidation", 100.0).quiet(1.0, 4_800, 1.0).tape()
    rows = tape.held[0].rows
    if not stamped:
        rows["exch"] = 0
    rows["qty"][rows["kind"] == Kind.VALUE] = 50
    seen = ["open_interest", "cluster_count", "liquidation_count", "sentiment", "news_count"]
    whole, cut = (columns(one, seen, "1m") for one in (tape, part(tape)))
    whole = whole.filter(whole["time"].is_in(cut["time"].implode()))
    interest = cut["open_interest"].fill_null(np.nan).to_numpy()
    assert np.array_equal(interest, whole["open_interest"].fill_null(np.nan).to_numpy(), equal_nan=True)
    assert abs(int((~np.isnan(interest)).sum()) - first // 60) <= 1, "it is known for half an hour"
    assert all(cut[name].is_null().all() for name in seen[1:])


def test_a_bar_that_the_start_cuts_is_not_shown_as_whole():
    books = Books().book(-20.0, *DEEP)
    for at in np.arange(-10.0, 200.0, 5.0) + 1_800 + 30:
        books.row(float(at), Kind.TRADE, price=10_000, qty=7)
    tape = books.tape()
    start = AT + 30 * SECOND
    cut = MemoryTape(tape.header, tuple(window(tape.blocks(), start, None, tape.header.names)))
    volumes = columns(cut, ["bar(1m).volume"], "1m")["bar(1m).volume"].drop_nulls().to_list()
    assert volumes
    assert set(volumes) == {12 * 0.007}
