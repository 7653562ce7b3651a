"""The accidents of requirement I4, each found on the tape where it was put."""

import msgspec
import numpy as np
import pytest
from synthetic_market import Book, mids, quotes, rows_of

from tickerml.sim.scenarios import SCENARIOS, parse_source
from tickerml.sim.synthetic import synthetic_tape
from tickerml.tape.errors import InputError
from tickerml.tape.rows import MINUTE, SECOND, Flag, Kind


def test_every_accident_of_the_requirement_is_there():
    assert {"calm", "busy", "flash-crash", "gap", "halt", "thin", "crossed", "latency", "fees"} == set(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_gives_a_whole_book_at_its_end(name):
    tape = synthetic_tape(name, 4, minutes=12, coins=("DOGE",))
    book = Book()
    for row in rows_of(tape):
        book.apply(row)
    assert book.valid
    assert book.best(1)[0] < book.best(-1)[0] or name == "crossed"
    assert (book.crossed > 0) == (name == "crossed")


def test_flash_crash_falls_and_most_comes_back():
    tape = synthetic_tape("flash-crash", 7, minutes=12, coins=("BTC", "SOL"))
    rows = rows_of(tape)
    for inst, load in ((0, 0.93), (1, 0.82)):
        mid = mids(tape, rows, inst)
        before, low, after = mid[5 * 60 - 5], mid[6 * 60 - 2 : 6 * 60 + 3].min(), mid[-1]
        assert low / before - 1 == pytest.approx(-0.08 * load, abs=0.02)
        assert 0.4 < (after - low) / (before - low) < 0.95
        _, bid, ask, *_ = quotes(rows, inst)
        at = quotes(rows, inst)[0] - tape.start
        fall = (at > 5 * MINUTE) & (at < 6 * MINUTE)
        assert (ask - bid)[fall].mean() > 2 * (ask - bid)[at < 5 * MINUTE].mean()
    sides = rows[(rows["kind"] == Kind.TRADE) & (np.abs(rows["exch"] - tape.start - 330 * SECOND) < 30 * SECOND)][
        "side"
    ]
    assert sides.mean() < 0


def test_gap_loses_rows_and_comes_back_with_a_snapshot():
    tape = synthetic_tape("gap", 7, minutes=5, coins=("BTC", "ETH"))
    rows = rows_of(tape)
    quiet = rows[
        (rows["exch"] > tape.start + 3 * MINUTE + SECOND) & (rows["exch"] < tape.start + 3 * MINUTE + 12 * SECOND)
    ]
    assert len(quiet) == 0
    for inst in range(2):
        mine = rows[rows["inst"] == inst]
        (gap,) = np.flatnonzero(mine["kind"] == Kind.GAP)
        assert mine["qty"][gap] > 20  # depth messages lost
        assert mine["flags"][gap] & Flag.END
        assert mine["kind"][gap + 1] == Kind.CLEAR
        snapshot = mine[gap + 2 : gap + 2 + 10]
        assert (snapshot["kind"] == Kind.DEPTH).all()
        assert (snapshot["flags"] == Flag.SNAPSHOT).all()


def test_halt_says_so_and_is_silent():
    tape = synthetic_tape("halt", 7, minutes=10, coins=("BTC", "ETH"))
    rows = rows_of(tape)
    status = rows[rows["kind"] == Kind.STATUS]
    assert [(int(r["inst"]), int(r["qty"])) for r in status] in (
        [(0, 0), (1, 0), (0, 1), (1, 1)],
        [(1, 0), (0, 0), (0, 1), (1, 1)],
    )
    halted = (rows["exch"] > tape.start + 5 * MINUTE + SECOND) & (rows["exch"] < tape.start + 8 * MINUTE)
    assert halted.sum() == 0
    assert (rows["exch"] > tape.start + 8 * MINUTE + SECOND).sum() > 1000


def test_thin_book_is_thin():
    calm, thin = (rows_of(synthetic_tape(s, 7, minutes=10, coins=("SOL",))) for s in ("calm", "thin"))
    lots = [np.median(quotes(r, 0)[3]) for r in (calm, thin)]
    spread = [np.mean(quotes(r, 0)[2] - quotes(r, 0)[1]) for r in (calm, thin)]
    assert lots[1] < lots[0] / 6
    assert spread[1] > 2 * spread[0]
    orders = [len(np.unique(r["exch"][r["kind"] == Kind.TRADE])) for r in (calm, thin)]  # one may take several levels
    assert orders[1] < 0.8 * orders[0]


def test_crossed_feed_is_mended_by_the_next_message():
    tape = synthetic_tape("crossed", 7, minutes=4, coins=("ETH",))
    book, seen = Book(), []
    for row in rows_of(tape):
        before = book.crossed
        book.apply(row)
        if book.crossed > before:
            seen.append(int(row["exch"]) - tape.start)
    assert 3 <= len(seen) < 60
    assert all(2 * MINUTE <= t <= 3 * MINUTE + SECOND for t in seen)


def test_latency_spike_delays_and_never_reorders_a_stream():
    tape = synthetic_tape("latency", 7, minutes=3, coins=("BTC",))
    rows = rows_of(tape)
    late, at = rows["recv"] - rows["exch"], rows["exch"] - tape.start
    spike = (at > 2 * MINUTE + SECOND) & (at < 2 * MINUTE + 10 * SECOND)
    assert np.median(late[spike]) > 300e6
    assert np.median(late[at < 2 * MINUTE]) < 6e6
    assert (np.diff(rows["recv"]) >= 0).all()


def test_fees_change_by_a_params_row_of_each_coin_and_change_back():
    tape = synthetic_tape("fees", 7, minutes=66, coins=("BTC", "TON"))
    found = []
    for block in tape.blocks():
        for row in block.rows[block.rows["kind"] == Kind.PARAMS]:
            fees = msgspec.json.decode(block.blobs[row["ref"]])["fees"]
            assert (float(fees["maker"]), float(fees["taker"])) == (row["price"] / 1e8, row["qty"] / 1e8)
            found.append((int(row["inst"]), fees["taker"], (int(row["exch"]) - tape.start) // MINUTE))
    assert sorted(found) == [(0, "0.00050", 65), (0, "0.00075", 5), (1, "0.00050", 65), (1, "0.00075", 5)]


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("synthetic", ("calm", 7)),
        ("synthetic:busy", ("busy", 7)),
        ("synthetic:9", ("calm", 9)),
        ("synthetic::9", ("calm", 9)),
        ("synthetic:busy:", ("busy", 7)),
        ("synthetic:flash-crash:123", ("flash-crash", 123)),
    ],
)
def test_source_names(text, parsed):
    assert parse_source(text) == parsed


def test_a_misspelt_scenario_is_answered_with_the_near_one():
    with pytest.raises(InputError, match="did you mean busy") as caught:
        parse_source("synthetic:bussy:7")
    assert caught.value.code == "scenario"
    assert caught.value.try_ == "synthetic:busy"
    with pytest.raises(InputError) as caught:
        parse_source("synthetic:calm:x7")
    assert caught.value.code == "seed"
