import numpy as np
import pytest

from tickerml.tape.block import Block, concat, part
from tickerml.tape.clock_fit import MIN_LATENCY, Envelope, PastClock, fit, weave
from tickerml.tape.rows import MILLISECOND, SECOND, Flag, Kind, empty

MINUTE = 60 * SECOND
T0 = 1_723_161_240 * SECOND  # a whole minute


def stream(n, *, step=SECOND, offset=0, drift=0.0, seed=1, kind=Kind.TRADE, inst=0, fastest=2 * MILLISECOND):
    """Messages of one stream: exchange time, transport of at least `fastest`, receiver's clock `offset` ahead."""
    rows = empty(n)
    rng = np.random.default_rng(seed)
    event = T0 + np.arange(n) * step
    transport = fastest + rng.exponential(5 * MILLISECOND, n).astype(np.int64)
    rows["exch"] = event
    rows["recv"] = event + transport + offset + ((event - T0) * drift).astype(np.int64)
    rows["kind"], rows["inst"], rows["flags"], rows["side"] = kind, inst, Flag.END, 1
    return rows


def block_of(*parts):
    rows = np.concatenate(parts)
    return Block(rows[np.argsort(rows["recv"], kind="stable")])


def clocks(blocks):
    rows = concat(list(blocks)).rows
    return rows[rows["kind"] == Kind.CLOCK]


def test_offset_is_the_lower_envelope_less_the_smallest_latency():
    rows = fit([block_of(stream(600, offset=-1270 * MILLISECOND))])
    assert rows["kind"].tolist() == [Kind.CLOCK] * len(rows)
    assert set(rows["side"].tolist()) == {Kind.TRADE}
    true = -1270 * MILLISECOND + 2 * MILLISECOND - MIN_LATENCY
    assert np.all(rows["qty"] >= true)
    assert np.all(rows["qty"] < true + 1 * MILLISECOND)
    assert np.all(rows["flags"] == Flag.END | Flag.ESTIMATED)
    assert np.all(rows["price"] >= 1000)  # exchange stamps are whole milliseconds


def test_each_stream_has_its_clock():
    rows = fit([block_of(stream(60), stream(60, kind=Kind.BBO, offset=7 * SECOND), stream(60, inst=3, offset=-SECOND))])
    assert {(r["inst"], r["side"]) for r in rows} == {(0, Kind.TRADE), (0, Kind.BBO), (3, Kind.TRADE)}


@pytest.mark.parametrize("drift", [-2e-4, 0.0, 2e-4])
def test_no_row_is_stamped_later_than_it_was_received(drift):
    block = block_of(stream(3000, drift=drift), stream(3000, kind=Kind.DEPTH, offset=30 * MILLISECOND, seed=2))
    offset = {}
    late = []
    for row in concat(list(weave([block], fit([block])))).rows:
        if row["kind"] == Kind.CLOCK:
            offset[row["side"]] = row["qty"]
        else:
            corrected = row["exch"] + offset[row["kind"]]
            late.append(row["recv"] - corrected)
    assert min(late) >= MIN_LATENCY
    assert np.median(late) < 40 * MILLISECOND


def test_drift_is_followed():
    rows = fit([block_of(stream(3600, drift=5e-5))])
    assert rows["qty"][-1] - rows["qty"][0] == pytest.approx(3600 * SECOND * 5e-5, abs=8 * MILLISECOND)


def test_snapshots_assumed_stamps_and_rows_without_exchange_time_say_nothing():
    rows = stream(3)
    rows["exch"][0] = 0
    rows["flags"][1] |= Flag.SNAPSHOT
    rows["flags"][2] |= Flag.ASSUMED
    assert len(fit([Block(rows)])) == 0
    assert Envelope().offset() == 0


def test_weave_puts_rows_between_messages_and_keeps_the_order():
    rows = stream(4, step=MINUTE)
    rows["flags"][:2] = [0, Flag.END]  # one message of two rows
    rows["recv"][:2] = rows["recv"][0]
    marks = empty(3)
    marks["recv"] = rows["recv"][[0, 2, 2]] + [0, 0, 1]
    marks["kind"] = Kind.CLOCK
    for size in (1, 2, 4):
        blocks = [Block(rows[i : i + size].copy()) for i in range(0, 4, size)]
        made = concat(list(weave(blocks, marks))).rows
        assert made["kind"].tolist() == [7, 2, 2, 7, 2, 7, 2]


def past(block, size):
    clock = PastClock()
    return concat(list(clock.follow(part(block, i, i + size) for i in range(0, len(block), size))))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_past_clock_is_the_same_for_every_chunk(size):
    block = block_of(stream(1500, drift=1e-4), stream(700, step=2 * SECOND, kind=Kind.DEPTH, seed=3))
    assert np.array_equal(past(block, size).rows, past(block, 10**9).rows)


def test_past_clock_knows_no_future():
    block = block_of(stream(1500, drift=1e-4))
    whole = past(block, 10**9).rows
    for cut in (1, 10, 333, 1200):
        rows = past(part(block, 0, cut), 10**9).rows
        assert np.array_equal(rows, whole[: len(rows)])


def test_past_clock_starts_with_its_first_message_and_settles():
    made = past(block_of(stream(1500, offset=-1270 * MILLISECOND)), 10**9).rows
    assert made["kind"][:2].tolist() == [Kind.TRADE, Kind.CLOCK]
    assert made["qty"][1] == made["recv"][0] - made["exch"][0] - MIN_LATENCY
    offsets = made[made["kind"] == Kind.CLOCK]
    assert not np.any(offsets["flags"] & Flag.ESTIMATED)
    assert np.all(np.abs(offsets["qty"][2:] + 1270 * MILLISECOND) < 5 * MILLISECOND)
    assert offsets["price"][0] > offsets["price"][-1]


def test_past_clock_survives_a_long_silence():
    rows = stream(200)
    rows["recv"][100:] += 3600 * SECOND
    rows["exch"][100:] += 3600 * SECOND
    offsets = clocks([past(Block(rows), 10**9)])
    assert np.all(np.abs(offsets["qty"]) < 30 * MILLISECOND)
    assert offsets["recv"][-1] > rows["recv"][99]
