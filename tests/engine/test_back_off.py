"""A close that the venue refuses is sent again after twice the time each time, up to a minute; told once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from book_path_tape import DEEP, Books, closes, fills, settled, told

from small_runs import machine, print_of, run, settings
from tickerml.engine import snapshot
from tickerml.engine.machine import drive, pieces
from tickerml.strategies.wake import Every
from tickerml.tape.intents import Pass, Setup, Target
from tickerml.tape.rows import BUY, HOUR, SECOND, Kind

ANSWERED = 0.06  # s; from a request to the answer that refuses it


@dataclass(frozen=True)
class Timed:
    """One long position that its horizon closes; with `nags` it wishes for none each second after."""

    horizon: int = 2 * SECOND
    floor: float | None = None  # quote; below it the trade ends
    nags: bool = False

    wake: ClassVar = Every("1s")
    sees: ClassVar = ()
    state: ClassVar = np.dtype([("done", "i8")])

    def decide(self, view):
        if view.state["done"] or not view.close > 0:
            return Target(0.0) if self.nags and view.state["done"] else Pass("once, at the first price")
        view.state["done"] = 1
        return Setup(BUY, self.horizon, 0.2, 0.05, size=0.1, floor=self.floor)


def shut(*spans, until=320.0, then=None):
    """A calm market in which the venue refuses every order in these spans of seconds; `then`: (seconds, book)."""
    books = Books().book(0.0, *DEEP).quiet(0.5, 1.5)
    for first, last in spans:
        books.row(first, Kind.STATUS, qty=0).row(last, Kind.STATUS, qty=1)
    at, book = then or (until, DEEP)
    return books.quiet(2.0, at, 1.0).book(at + 0.1, *book).quiet(at + 1, until + 2, 1.0).tape()


FALLEN = ({9_700: 50_000}, {9_710: 50_000})
THIN = ({9_990: 1_000}, {10_001: 50_000})
LONG = ((1.9, 250.0),)


def notices(made):
    return [(at, figures) for at, _, figures in told(made, Kind.DESK) if figures["what"] == "close refused"]


def waits(made):
    """Seconds from each answer that refused a close to the next attempt."""
    return np.round(np.diff([one[0] for one in closes(made)]) - ANSWERED, 3).tolist()


@pytest.mark.parametrize("strategy", [Timed(), Timed(nags=True)], ids=["timer", "a strategy that asks each second"])
def test_the_time_between_attempts_doubles_up_to_a_minute(strategy):
    _, made = run(strategy, shut(*LONG))
    assert waits(made) == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert fills(made)[-1] == (-1, 9_999, 9_949)  # the venue is open again: the next attempt closes
    assert [one["reason"] for one in settled(made)] == ["closed" if strategy.nags else "timer"]


def test_no_price_hurries_it():
    """The market is below its floor at each row; that asks the venue no more often."""
    _, made = run(Timed(HOUR, floor=98.5), shut(*LONG, then=(3.0, FALLEN)))
    assert waits(made) == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert settled(made)[0]["reason"] == "range break"


def test_a_long_refusal_is_told_once():
    _, made = run(Timed(), shut(*LONG))
    ((at, figures),) = notices(made)
    assert figures == {"what": "close refused", "strategy": 0, "inst": 0, "lots": 9_949, "again_s": 60}
    assert at == pytest.approx(closes(made)[6][0] + ANSWERED)  # at the first that waits for a minute
    assert not notices(run(Timed(), shut((1.9, 30.0), until=60.0))[1])


def test_an_attempt_that_the_venue_took_begins_anew():
    """1,000 lots and dust are taken at 10.2 s, when the book is thin; then the venue refuses again: from 1 s on."""
    _, made = run(Timed(), shut((1.9, 9.0), (10.6, 15.0), until=30.0, then=(8.0, THIN)))
    assert next(qty for side, _, qty in fills(made) if side < 0) == 1_000
    assert waits(made)[:3] == [1, 2, 4]
    assert waits(made)[3:8] == [0, 1, 1, 2, 4]  # what the limit left at the market, what the book left, then refusals


def test_what_the_book_cannot_fill_is_asked_for_each_second():
    _, made = run(Timed(), shut(until=30.0, then=(2.0, THIN)))
    assert set(waits(made)[1:10]) == {1}  # its first was a limit; what that left followed at once, at the market
    assert [price for _, _, price, _ in closes(made)[1:10]] == [0] * 9


def test_a_restart_amid_the_refusals_makes_the_same_attempts(tmp_path):
    tape, config = shut((1.9, 150.0), until=200.0), settings()
    whole = print_of(*run(Timed(), tape, config))
    assert print_of(*run(Timed(), tape, config, chunk=1)) == whole
    rows = sum(len(b) for b in tape.blocks())
    for at in range(10, rows, rows // 8):
        first, before = machine(Timed(), tape, config)
        for piece in pieces(tape.blocks(), 1):
            if first.loop.core[0]["rows"] >= at:
                break
            first.push(piece)
        fed = int(first.loop.core[0]["rows"]) + len(first.loop.waiting)
        snapshot.save(first, tmp_path / f"{at}.npz", fed)
        second, after = machine(Timed(), tape, config)
        drive(second, tape.blocks(), skip=snapshot.restore(second, tmp_path / f"{at}.npz"))
        assert print_of(second, before + after) == whole
