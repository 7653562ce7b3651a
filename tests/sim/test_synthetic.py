"""Synthetic market (requirement I4): the same bytes always, a whole book, and the facts by which markets are known."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from synthetic_market import Book, mids, quotes, rows_of

from tickerml.sim.coins import COINS, correlation
from tickerml.sim.synthetic import synthetic_tape
from tickerml.tape.errors import InputError
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import HOUR, MINUTE, SECOND, Flag, Kind
from tickerml.tape.tape import Tape, content_hash


@pytest.fixture(scope="module")
def market():
    """Four hours of all coins."""
    tape = synthetic_tape("calm", 7, minutes=240)
    return tape, rows_of(tape)


@pytest.fixture(scope="module")
def day():
    """A whole day of two coins."""
    tape = synthetic_tape("calm", 11, minutes=24 * 60, coins=("BTC", "DOGE"))
    return tape, rows_of(tape)


def test_it_is_a_tape_that_says_what_it_is():
    tape = synthetic_tape("busy", 3, minutes=1)
    assert isinstance(tape, Tape)
    assert tape.header.title == "synthetic:busy:3"
    assert tape.header.synthetic == "busy, seed 3"
    assert [i.symbol for i in tape.header.instruments][:4] == [
        "BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "1000SHIB/USDT:USDT",
    ]  # fmt: skip
    pepe = tape.header.instruments[5]
    assert (pepe.multiplier, pepe.tick, pepe.venue) == (1000, Decimal("0.000001"), "synthetic")


@pytest.mark.parametrize("scenario", ["calm", "gap", "flash-crash"])
def test_same_seed_same_bytes_however_it_is_cut(scenario):
    tape = synthetic_tape(scenario, 7, minutes=6, coins=("BTC", "PEPE", "TON"))
    hashes = {content_hash(replace(tape, buffer=size).blocks()) for size in (1, 9_999, 1 << 17)}
    assert hashes == {synthetic_tape(scenario, 7, minutes=6, coins=("BTC", "PEPE", "TON")).content_hash()}
    assert tape.content_hash() != synthetic_tape(scenario, 8, minutes=6, coins=("BTC", "PEPE", "TON")).content_hash()


def test_the_bytes_of_one_seed_are_known():
    """Changes with intent only: recorded golden runs rest on it. Definitions apart, whose JSON may gain fields."""
    rows = rows_of(synthetic_tape("calm", 7, minutes=1))
    market = rows[rows["kind"] != Kind.INSTRUMENT].copy()
    market["ref"] = 0
    assert hashlib.sha256(market.tobytes()).hexdigest() == GOLDEN


def test_the_interpreter_makes_the_same_bytes_as_the_compiler():
    code = (
        "from tickerml.sim.synthetic import synthetic_tape as s\n"
        "print(end=s('crossed', 5, minutes=3, coins=('SOL',)).content_hash())"
    )
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    plain = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=env, capture_output=True, text=True, check=True
    ).stdout
    assert plain == synthetic_tape("crossed", 5, minutes=3, coins=("SOL",)).content_hash()


def test_a_shorter_tape_is_a_prefix_and_coins_keep_their_own_draws():
    long = rows_of(synthetic_tape("calm", 7, minutes=4, coins=("ETH", "TON")))
    short = rows_of(synthetic_tape("calm", 7, minutes=2, coins=("ETH", "TON")))
    settled = short[short["exch"] < short["exch"].max() - SECOND]
    for name in ("recv", "exch", "qty", "price", "inst", "kind", "side", "flags"):
        assert (long[name][: len(settled)] == short[name][: len(settled)]).all()
    alone = rows_of(synthetic_tape("calm", 7, minutes=2, coins=("TON",)))
    beside = short[short["inst"] == 1]
    assert (alone["price"] == beside["price"]).all()


def test_definitions_come_first_then_a_snapshot_of_each_coin():
    blocks = list(synthetic_tape("calm", 7, minutes=1).blocks())
    assert [Instrument.from_json(b).symbol for b in blocks[0].blobs] == [i.symbol for i in synthetic_tape().instruments]
    rows = np.concatenate([b.rows for b in blocks])
    for inst in range(7):
        mine = rows[(rows["inst"] == inst) & (rows["kind"] != Kind.VALUE)]
        assert [int(k) for k in mine["kind"][:3]] == [Kind.INSTRUMENT, Kind.CLEAR, Kind.DEPTH]
        assert mine["flags"][2] == Flag.SNAPSHOT


def test_messages_are_whole_and_ids_chain():
    last = {}
    for block in synthetic_tape("calm", 7, minutes=3).blocks():
        rows = block.rows
        depth = np.flatnonzero((rows["kind"] == Kind.DEPTH) | (rows["kind"] == Kind.CLEAR))
        for i in depth[(rows["flags"][depth] & Flag.END) != 0]:
            message, inst = block.messages[rows["ref"][i]], int(rows["inst"][i])
            if not rows["flags"][i] & Flag.SNAPSHOT:
                assert message["prev_id"] == last[inst]
                assert message["first_id"] == last[inst] + 1
            last[inst] = message["last_id"]
        ends = (rows["flags"] & Flag.END) != 0
        together = (
            (rows["ref"][:-1] == rows["ref"][1:])
            & (rows["inst"][:-1] == rows["inst"][1:])
            & (rows["kind"][:-1] == rows["kind"][1:])
        )
        assert (together | ends[:-1])[rows["kind"][:-1] == Kind.DEPTH].all()
        assert ends[-1]
    assert set(last) == set(range(7))


def test_receive_order_and_monotone_streams(market):
    _, rows = market
    assert (np.diff(rows["recv"]) >= 0).all()
    made = rows[rows["kind"] != Kind.INSTRUMENT]
    late = made["recv"] - made["exch"]
    assert late.min() > 0
    assert 3e6 < np.median(late) < 5e6
    for inst in range(7):
        for kind in (Kind.DEPTH, Kind.TRADE, Kind.BBO):
            stream = rows[(rows["inst"] == inst) & (rows["kind"] == kind)]
            assert (np.diff(stream["exch"]) >= 0).all()


def test_the_book_is_never_crossed_and_agrees_with_every_comparable_quote():
    tape = synthetic_tape("busy", 2, minutes=3, coins=("BTC", "SOL", "SHIB"))
    books, ids, compared = [Book() for _ in range(3)], [0, 0, 0], 0
    for block in tape.blocks():
        for row in block.rows:
            book = books[row["inst"]]
            book.apply(row)
            if row["kind"] == Kind.DEPTH and row["flags"] & Flag.END:
                ids[row["inst"]] = block.messages[row["ref"]]["last_id"]
            if row["kind"] == Kind.BBO and block.messages[row["ref"]]["last_id"] == ids[row["inst"]]:
                assert book.best(int(row["side"])) == (row["price"], row["qty"])
                compared += 1
    assert [b.crossed for b in books] == [0, 0, 0]
    assert compared > 100


def test_spreads_are_those_of_the_coins(market):
    _, rows = market
    for inst, coin in enumerate(COINS.values()):
        _, bid, ask, *_ = quotes(rows, inst)
        spread, tick_bps = ask - bid, float(coin.tick) / coin.price * 1e4
        assert spread.min() >= 1
        assert np.median(spread) * tick_bps == pytest.approx(coin.spread_bps, rel=0.7)
        assert np.quantile(spread, 0.99) * tick_bps < max(8 * coin.spread_bps, 1.0)


def test_volatility_and_correlation_are_near_their_targets(market):
    tape, rows = market
    minute = np.array([np.diff(np.log(mids(tape, rows, i, 30 * SECOND))) for i in range(7)])
    measured = np.corrcoef(minute)
    for i, a in enumerate(tape.coins):
        yearly = minute[i].std() * np.sqrt(2 * 60 * 24 * 365)
        assert yearly == pytest.approx(0.8 * a.volatility, rel=0.5)
        for j, b in enumerate(tape.coins):
            assert measured[i, j] == pytest.approx(correlation(a, b), abs=0.17)


def test_returns_have_fat_tails(day):
    tape, rows = day
    for inst in range(2):
        r = np.diff(np.log(mids(tape, rows, inst, 10 * SECOND)))
        kurtosis = ((r - r.mean()) ** 4).mean() / r.var() ** 2
        assert 4 < kurtosis < 40
        assert np.corrcoef(np.abs(r[:-1]), np.abs(r[1:]))[0, 1] > 0.1  # and volatility clusters


def test_takers_come_in_clusters_of_one_side(market):
    _, rows = market
    for inst in range(7):
        side = rows["side"][(rows["inst"] == inst) & (rows["kind"] == Kind.TRADE)].astype(float)
        assert np.corrcoef(side[:-1], side[1:])[0, 1] > 0.1
        assert np.corrcoef(side[:-5], side[5:])[0, 1] > 0.01
        times = rows["exch"][(rows["inst"] == inst) & (rows["kind"] == Kind.TRADE)]
        counts = np.bincount((times - times[0]) // SECOND)
        assert counts.var() / counts.mean() > 1.5  # of a Poisson process it is 1


def test_the_day_has_a_shape(day):
    _, rows = day
    trades = rows["exch"][rows["kind"] == Kind.TRADE]
    hours = np.bincount((trades - trades[0] // HOUR // 24 * 24 * HOUR) // HOUR % 24, minlength=24)
    assert hours[13:17].mean() > 2 * hours[1:4].mean()


def test_depth_has_a_hump_and_a_power_law_tail():
    tape = synthetic_tape("calm", 5, minutes=20, coins=("SOL",))
    book, at = Book(), {}
    for block in tape.blocks():
        for row in block.rows:
            book.apply(row)
            if row["kind"] == Kind.DEPTH and row["flags"] & Flag.END:
                touch, _ = book.best(1)
                for tick, lots in book.sides[1].items():
                    total, n = at.get(touch - tick, (0, 0))
                    at[touch - tick] = (total + lots, n + 1)
    mean = {d: total / n for d, (total, n) in at.items() if n > 300}
    near, hump = mean[0], max(mean[d] for d in range(1, 8))
    assert hump > 1.1 * near
    far = np.array([d for d in mean if 12 <= d <= 80])
    slope = np.polyfit(np.log(far), np.log([mean[int(d)] for d in far]), 1)[0]
    assert -2 < slope < -0.4


def flow_and_moves(tape, rows, inst):
    """Best-level order-flow imbalance by second, and log mids in bps at the same seconds."""
    at, bid, ask, bid_lots, ask_lots = quotes(rows, inst)
    b0, b1, a0, a1 = bid[:-1], bid[1:], ask[:-1], ask[1:]
    e = (b1 >= b0) * bid_lots[1:] - (b1 <= b0) * bid_lots[:-1] - (a1 <= a0) * ask_lots[1:] + (a1 >= a0) * ask_lots[:-1]
    grid = np.arange(tape.start + SECOND, tape.start + tape.minutes * MINUTE, SECOND)
    place = np.maximum(np.searchsorted(at, grid, side="right") - 1, 0)
    total = np.concatenate([[0], np.cumsum(e)])[place]
    return np.diff(total), 1e4 * np.log(((bid + ask) / 2)[place])


def test_order_flow_moves_prices_and_foretells_a_little(market):
    tape, rows = market
    foretold = []
    for inst in range(7):
        flow, mid = flow_and_moves(tape, rows, inst)
        move = np.diff(mid)
        assert np.corrcoef(flow, move)[0, 1] > 0.5
        foretold.append(np.corrcoef(flow[:-1], move[1:])[0, 1])
    assert 0.005 < np.mean(foretold) < 0.2


def test_no_free_money_for_trivial_rules(market):
    """Following or fading the last 10 s of flow or price, held 10 to 60 s, stays below the cost of one round trip."""
    tape, rows = market
    cost = 10.0  # bps: taker fee of 0.05 % twice, spread not yet counted
    for inst in range(7):
        flow, mid = flow_and_moves(tape, rows, inst)
        sums = np.convolve(flow, np.ones(10), "valid")
        price = mid[10:] - mid[:-10]
        for signal in (sums, price):
            strong = np.abs(signal) >= np.quantile(np.abs(signal), 0.9)
            for hold in (10, 60):
                gain = mid[10 + hold :] - mid[10:-hold]
                per_trade = (np.sign(signal[: len(gain)]) * gain)[strong[: len(gain)]].mean()
                assert abs(per_trade) < 0.5 * cost


def test_funding_at_its_hours_and_marks_every_minute():
    tape = synthetic_tape("calm", 7, minutes=150, coins=("BTC",))
    at = {name: [] for name in tape.header.names}
    for block in tape.blocks():
        for row in block.rows[block.rows["kind"] == Kind.VALUE]:
            value = block.values[row["ref"]]
            at[tape.header.names[value["name"]]].append((int(row["exch"]), float(value["value"])))
    assert [t for t, _ in at["funding"]] == [tape.start + 120 * MINUTE]
    assert abs(at["funding"][0][1]) < 0.0006
    assert len(at["mark"]) == len(at["index"]) == 150
    assert at["mark"][0][1] == pytest.approx(64_000, rel=0.001)
    assert at["mark"][9][1] == pytest.approx(at["index"][9][1], rel=0.003)


def test_memory_does_not_grow_with_the_tape():
    sizes = [
        max(len(b) for b in synthetic_tape("calm", 7, minutes=m, coins=("BTC", "TON")).blocks()) for m in (60, 240)
    ]
    assert sizes[1] <= 1.05 * max(sizes[0], 1 << 16)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"scenario": "clam"}, "scenario"),
        ({"seed": -1}, "seed"),
        ({"minutes": 0}, "minutes"),
        ({"start": 1}, "minutes"),
        ({"coins": ("XYZ",)}, "coin"),
        ({"coins": ("BTC", "BTC")}, "coin"),
        ({"coins": ()}, "coin"),
    ],
)
def test_what_cannot_be_made_is_said(arguments, code):
    with pytest.raises(InputError) as caught:
        synthetic_tape(**arguments)
    assert caught.value.code == code
    assert caught.value.means


GOLDEN = "078a5a2b1ed27d3a82da41f5dd2475b7b37a3fb0a1b920f59320d35678888c81"
