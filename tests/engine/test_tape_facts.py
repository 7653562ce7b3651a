"""What a live venue would tell the desk, told by the tape: halts, gaps, late feeds, clocks, drift, a second source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import polars as pl
import pytest
from bar_path_tape import START, bars, coin
from book_path_tape import DEEP, Books, told

import tickerml as tml
from small_runs import machine, market, print_of, run, settings
from tickerml.engine import snapshot
from tickerml.engine.machine import drive, pieces
from tickerml.strategies.wake import Every
from tickerml.tape.intents import Entry, Pass, Setup
from tickerml.tape.rows import MILLISECOND, MINUTE, SECOND, Kind


@dataclass(frozen=True)
class Wishes:
    """Asks each second for a trade that never fills: what the desk says of the moment is what is looked at."""

    entries: int = 1
    every: float = 1.0

    sees: ClassVar = ()

    @property
    def wake(self):
        return Every(round(self.every * SECOND))

    def decide(self, view):
        if not view.close > 0 or view.position is not None:
            return Pass("nothing to ask")
        share = 1 / self.entries
        entries = tuple(Entry(view.close * (0.98 - 0.001 * k), share) for k in range(self.entries))
        return Setup(1, 300 * MILLISECOND, 0.05, 0.05, entries, 0.01)


def refused(made):
    """Second of each refusal -> its code."""
    return {round(at): figures["code"] for at, _, figures in told(made, Kind.REFUSAL)}


def gates(made, name):
    """Second of each approval -> the gate of this name."""
    return {
        round(at): next(gate for gate in figures["gates"] if gate[0] == name)
        for at, _, figures in told(made, Kind.APPROVED)
    }


def calm(until):
    return Books().book(0.0, *DEEP).quiet(0.5, until)


def test_a_halt_blocks_entries_until_trading_goes_on():
    tape = calm(9.0).row(3.2, Kind.STATUS, qty=0).row(6.2, Kind.STATUS, qty=1).tape()
    _, made = run(Wishes(), tape)
    assert refused(made) == {4: "venue", 5: "venue", 6: "venue"}
    assert "trading is halted" in told(made, Kind.REFUSAL)[0][2]["text"]


@pytest.mark.parametrize("chunk", [1, 3, None])
def test_new_fees_are_known_when_their_row_has_come_and_not_before(chunk):
    """The venue charges them from its own time on; the desk judges by what it has been told."""
    tape = calm(9.0).row(4.9, Kind.PARAMS, late=0.3, price=30_000, qty=90_000).tape()
    _, made = run(Wishes(), tape, settings(limits={"cost_floor": 1.0}), chunk=chunk)
    limits = {at: gate[3] for at, gate in gates(made, "target above cost").items()}
    before, after = {limits[at] for at in limits if at < 5}, {limits[at] for at in limits if at > 5}
    assert len(before) == len(after) == 1
    assert after.pop() - before.pop() == pytest.approx(2 * (0.0009 - 0.0005))


def test_after_lost_updates_nothing_until_the_book_is_whole_then_a_slow_half_sized_beginning():
    """READY also after each reconnect: half size and one order a second for `warm_s`."""
    config = settings(limits={"warm_s": 4.0})
    _, made = run(Wishes(every=2.0), books_again().tape(), config)
    assert refused(made) == {4: "no_price"}
    sizes = {round(at): figures["factors"] for at, _, figures in told(made, Kind.APPROVED)}
    assert {at for at, factors in sizes.items() if factors == {"session start": 0.5}} == {6, 8}  # whole at 5.3 s
    assert {at for at, factors in sizes.items() if not factors} == {2, 10, 12, 14}
    assert gates(made, "session start")[2] == ["session start", "not applicable", "no session to begin in a simulation"]
    assert gates(made, "session start")[12] == ["session start", "not applicable", "it is over"]
    _, grid = run(Wishes(entries=2, every=2.0), books_again().tape(), config)
    assert refused(grid) == {4: "no_price", 6: "message_rate", 8: "message_rate"}


def books_again():
    return calm(3.0).lost(3.2).book(5.3, *DEEP).quiet(5.8, 15.0)


@pytest.mark.parametrize(("late_s", "blocked"), [(1.0, {4, 5, 6}), (1.3, set())])
def test_a_late_feed_blocks_entries_while_it_lasts(late_s, blocked):
    """Control venue: a newest message that came more than late_s after it happened."""
    books = calm(2.0).late(1.2).quiet(2.1, 5.0).late(0).quiet(6.3, 10.0)
    _, made = run(Wishes(), books.tape(), settings(limits={"late_s": late_s}))
    assert {at for at, code in refused(made).items() if code == "venue"} == blocked
    if blocked:
        assert "feed 1.2 s late" in told(made, Kind.REFUSAL)[0][2]["text"]


@pytest.mark.parametrize(
    ("jump", "limits", "off"),
    [
        (1.5, {"alert_s": 2.0, "operator_s": 5.0}, {6, 7, 8}),
        (1.5, {"alert_s": 2.0, "operator_s": 0.0}, {6, 7, 8, 9, 10}),
        (0.9, {"alert_s": 2.0, "operator_s": 5.0}, set()),
    ],
)
def test_a_clock_that_jumps_is_an_alert_that_a_person_answers(jump, limits, off):
    """Control alerts: critical, and nobody has looked for alert_s; the assumed person comes after operator_s."""
    tape = calm(10.0).row(0.2, Kind.CLOCK, qty=-MILLISECOND).row(3.2, Kind.CLOCK, qty=round(jump * SECOND)).tape()
    _, made = run(Wishes(), tape, settings(limits=limits))
    assert {at for at, code in refused(made).items() if code == "alert"} == off


def test_the_first_offset_of_a_clock_is_no_jump():
    _, made = run(
        Wishes(), calm(6.0).row(0.2, Kind.CLOCK, qty=round(1.5 * SECOND)).tape(), settings(limits={"alert_s": 0})
    )
    assert "alert" not in refused(made).values()


def with_values(name, off, until=14.0):
    """A value each second beside a market of 100.00; from 5 s to 10 s it is `off` by a share."""
    books = calm(until)
    for k in range(int(until)):
        books.value(k + 0.1, name, 100.0 * (1 + (off if 5 <= k < 10 else 0.0)))
    return books


@pytest.mark.parametrize("name", ["index", "mark"])
def test_an_index_is_the_second_source_where_there_is_no_other_venue(name):
    """Control venue out of line: more than `apart` off for longer than `apart_s`, by the index or the mark price."""
    _, made = run(Wishes(), with_values(name, 0.015).tape(), settings(limits={"apart_s": 2.0}))
    assert refused(made) == dict.fromkeys((8, 9, 10), "out_of_line")  # off since 5.1 s
    assert gates(made, "out of line")[12] == ["out of line", "passed", 0.0, 0.01]
    _, near = run(Wishes(), with_values(name, 0.009).tape(), settings(limits={"apart_s": 2.0}))
    assert refused(near) == {}


def test_an_index_goes_before_the_venues_own_mark():
    books = with_values("index", 0.0)
    for k in range(14):
        books.value(k + 0.2, "mark", 90.0)
    _, made = run(Wishes(), books.tape(), settings(limits={"apart_s": 2.0}))
    assert "out_of_line" not in {code for at, code in refused(made).items() if at > 4}


def test_an_index_that_stops_is_a_number_that_should_be_known():
    """Often told, and silent for 90 s: the check cannot be computed, and so it fails."""
    books = calm(100.0).value(0.1, "index", 100.0).value(1.1, "index", 100.0)
    _, made = run(Wishes(every=5.0), books.tape())
    assert {at for at, code in refused(made).items() if code == "out_of_line"} == {95, 100}


def test_an_index_that_comes_seldom_is_no_second_source():
    books = calm(100.0).value(0.1, "index", 100.0).value(95.1, "index", 150.0)
    _, made = run(Wishes(every=5.0), books.tape())
    assert refused(made) == {}
    assert gates(made, "out of line")[50] == ["out of line", "not applicable", "no second source"]


def test_on_bars_a_close_is_held_against_a_mark_of_the_same_moment():
    """Other moments say nothing: the market has moved meanwhile."""
    path = [100.0, 101.0, 103.0, 103.0, 103.0, 103.0, 103.0]
    tape = bars(path)
    books = Books(1)
    rows = books.builder
    for k, close in enumerate(path):
        at = START + (k + 1) * MINUTE
        rows.value(at + SECOND, at, 0, "mark", close * (1.02 if k >= 4 else 1.0))
        rows.value(at + 30 * SECOND, at + 30 * SECOND, 0, "mark", 90.0)  # half a minute later: not held against it
    values = books.builder.take()
    both = together(tape, values, books.builder.names)
    _, made = run(Wishes(every=60.0), both, settings(limits={"apart_s": 2.0}))
    codes = refused(made)
    assert {at // 60 for at, code in codes.items() if code == "out_of_line"} == {
        6,
        7,
    }  # the fifth close is known at 301 s


def together(tape, values, names):
    from tickerml.tape.block import Block, concat
    from tickerml.tape.tape import MemoryTape

    whole = concat([*tape.blocks(), values])
    rows = whole.rows[np.argsort(whole.rows["recv"], kind="stable")]
    header = replace(tape.header, names=names)
    return MemoryTape(header, (Block(rows, bars=whole.bars, values=whole.values, blobs=whole.blobs),))


@pytest.mark.real
def test_hourly_closes_against_the_venues_mark_price(real_data, tmp_path):
    """Real candles of a perpetual beside its mark price: the gap that the desk is told is the one between the files."""
    candles = real_data / "candles" / "binance_perp_1h" / "ADAUSDT.parquet"
    marks = real_data / "derivs" / "binance_perp_mark_1h" / "ADAUSDT.parquet"
    for path in (candles, marks):
        (tmp_path / path.parent.name).mkdir()
        (tmp_path / path.parent.name / path.name).symlink_to(path)
    joined = pl.read_parquet(candles).join(pl.read_parquet(marks), on="date", suffix="_mark").sort("date")
    joined = joined.filter(pl.col("date").dt.year() == 2025)
    first, last = joined["date"][-200], joined["date"][-1]
    tape = tml.read(tmp_path, timerange=f"{first:%Y%m%d}-{last:%Y%m%d}")
    _, made = run(Wishes(every=3600.0), tape, settings(limits={"collar": 1.0, "halt_move": 1.0}))
    seen = [gate[2] for gate in gates(made, "out of line").values() if gate[1] == "passed"]
    wanted = (joined["close"] / joined["close_mark"] - 1).abs().to_list()
    assert len(seen) > 150
    assert all(any(abs(x - y) < 1e-12 for y in wanted) for x in seen)
    assert max(seen) > 0


def drifting():
    """A coin whose tick changes at 5 s: from then on it is instrument 1, and instrument 0 is over."""
    books = Books(1)
    new = replace(coin(0), id=1, previous=0, valid_from=START + 5 * SECOND)
    books.coins.append(new)
    books.shown.append(({}, {}))
    books.book(0.0, *DEEP).quiet(0.5, 14.0)
    books.builder.instrument(START + 5 * SECOND, new)
    return books.book(5.1, *DEEP, 1).quiet(5.5, 14.0, inst=1)


@dataclass(frozen=True)
class Holds(Wishes):
    """Holds the old instrument until 9 s."""

    def decide(self, view):
        if view.instrument.id == 0 and view.position is None and view.now < START + 3 * SECOND and view.close > 0:
            return Setup(1, 6 * SECOND + 500 * MILLISECOND, 0.05, 0.05, size=0.01)
        return super().decide(view)


def test_an_instrument_that_was_replaced_is_not_entered_any_more():
    _, made = run(Wishes(), drifting().tape())
    codes = {(round(at), inst): figures["code"] for at, inst, figures in told(made, Kind.REFUSAL)}
    assert codes == {(at, 0): "rebasing" for at in range(5, 15)}
    assert {inst for at, inst, _ in told(made, Kind.APPROVED) if at > 5.5} == {1}


def test_the_new_instrument_waits_until_nothing_is_left_of_the_old():
    _, made = run(Holds(), drifting().tape(), settings(limits={"max_correlation": 1.0}))
    codes = {(round(at), inst): figures["code"] for at, inst, figures in told(made, Kind.REFUSAL)}
    waiting = {at for at, inst in codes if inst == 1 and codes[at, inst] == "rebasing"}
    assert waiting == {6, 7}  # the old one is closed at 1 + 6.5 s


def test_half_of_the_venues_published_limit_is_a_gate_and_a_made_up_venue_has_none():
    _, made = run(Wishes(), calm(4.0).tape())
    assert gates(made, "messages of the venue")[1] == ["messages of the venue", "passed", 1, 10.0]
    _, other = run(Wishes(), market("calm", minutes=1, coins=("BTC",)), cash=100_000)
    assert next(iter(gates(other, "messages of the venue").values()))[1:] == ["not applicable", "it states no limit"]


def test_two_equities_are_not_applicable_in_simulation():
    _, made = run(Wishes(), calm(3.0).tape())
    assert gates(made, "two equities")[2] == ["two equities", "not applicable", "a simulation has one sum"]


@pytest.mark.parametrize("case", ["gap", "index", "clock"])
def test_no_chunk_and_no_restart_changes_a_byte(case, tmp_path):
    make = {
        "gap": lambda: books_again().tape(),
        "index": lambda: with_values("index", 0.015).tape(),
        "clock": lambda: calm(10.0).row(0.2, Kind.CLOCK, qty=1).row(3.2, Kind.CLOCK, qty=1_500_000_000).tape(),
    }[case]
    tape, config = make(), settings(limits={"warm_s": 4.0, "apart_s": 2.0, "alert_s": 2.0, "operator_s": 5.0})
    whole = print_of(*run(Wishes(), tape, config))
    assert print_of(*run(Wishes(), tape, config, chunk=1)) == whole
    rows = sum(len(b) for b in tape.blocks())
    for at in range(5, rows, max(1, rows // 6)):
        first, before = machine(Wishes(), tape, config)
        for n, piece in enumerate(pieces(tape.blocks(), 1)):
            if n == at:
                break
            first.push(piece)
        snapshot.save(first, tmp_path / f"{at}.npz", at)
        second, after = machine(Wishes(), tape, config)
        drive(second, tape.blocks(), skip=snapshot.restore(second, tmp_path / f"{at}.npz"))
        assert print_of(second, before + after) == whole


def test_a_price_that_has_stopped_is_stale_however_often_an_index_comes():
    """VALUE rows say nothing about the book: one that stopped is stale although an index comes each second."""
    books = calm(3.0)
    for k in range(30):
        books.value(k + 0.1, "index", 100.0)
    _, made = run(Wishes(), books.tape(), settings(limits={"stale_major": 2.0}))
    assert {code for at, code in refused(made).items() if at > 5} == {"stale"}
