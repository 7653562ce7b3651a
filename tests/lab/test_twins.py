"""H3: null twins keep what a market looks like and lose what could be foreseen in it."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from bar_tapes import DELAY, START, bar_tape, log_returns, table, trending
from hypothesis import given
from hypothesis import strategies as st

import tickerml as tml
from small_runs import balances, run, settings
from tickerml.lab.bars import take_apart
from tickerml.lab.chance import p_value
from tickerml.lab.twins import Twins
from tickerml.sim.synthetic import synthetic_tape
from tickerml.strategies.wake import Bars
from tickerml.tape.block import concat
from tickerml.tape.errors import InputError
from tickerml.tape.intents import Long, Pass, Short
from tickerml.tape.merge import merge
from tickerml.tape.rows import HOUR, Flag, Kind
from tickerml.tape.tape import MemoryTape


def kurtosis(x):
    z = (x - x.mean()) / x.std()
    return float(np.mean(z**4))


def lag_one(x):
    return float(np.corrcoef(x[:-1], x[1:])[0, 1])


def whole(tape):
    return concat(list(tape.blocks()))


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("hours", [1, 24])
def test_twins_keep_mean_volatility_and_kurtosis(flip, hours):
    tape = bar_tape([(0, trending(3000, 0.0, 1, drift=0.0004, tails=4))])
    real = log_returns(tape)
    assert kurtosis(real) > 5
    for twin in Twins(tape, seed=3, block=hours * HOUR, flip=flip).first(4):
        found = log_returns(twin)
        assert found.mean() == pytest.approx(real.mean(), abs=1e-6)
        assert found.std() == pytest.approx(real.std(), rel=1e-3)
        assert kurtosis(found) == pytest.approx(kurtosis(real), rel=0.02)


def test_blocks_of_one_bar_or_a_toss_leave_no_trend():
    tape = bar_tape([(0, trending(4000, 0.5, 2))])
    assert lag_one(log_returns(tape)) > 0.45
    for change in ({"block": HOUR, "flip": False}, {}):
        found = [lag_one(log_returns(t)) for t in Twins(tape, seed=1, **change).first(6)]
        assert np.abs(found).max() < 0.06
    kept = lag_one(log_returns(Twins(tape, seed=1, block=24 * HOUR, flip=False).twin(0)))
    assert kept > 0.4  # blocks alone keep what lies within them


def test_volatility_still_comes_in_clusters():
    rng = np.random.Generator(np.random.PCG64(4))
    calm_and_wild = np.repeat(np.exp(rng.normal(0, 0.8, 60)), 72)
    tape = bar_tape([(0, 0.004 * calm_and_wild * rng.standard_normal(60 * 72))])
    real, found = (lag_one(np.abs(log_returns(t))) for t in (tape, Twins(tape).twin(0)))
    assert real > 0.25
    assert found > 0.8 * real
    assert abs(lag_one(np.abs(log_returns(Twins(tape, block=HOUR).twin(0))))) < 0.06


@pytest.mark.real
def test_real_candles_keep_what_they_look_like(real_data):
    """Perpetuals by the hour, listed at different times: each keeps its moments, pairs their correlation."""
    folder = real_data / "candles" / "binance_perp_1h"
    tape = merge([tml.read(folder / f"{coin}USDT.parquet") for coin in ("BTC", "SUI", "ETH")])
    twin = Twins(tape, seed=5).twin(0)
    real, found = ([log_returns(t, k) for k in range(3)] for t in (tape, twin))
    for before, after in zip(real, found, strict=True):
        assert len(before) == len(after)
        assert after.mean() == pytest.approx(before.mean(), abs=1e-5)
        assert after.std() == pytest.approx(before.std(), rel=5e-3)
        assert kurtosis(after) == pytest.approx(kurtosis(before), rel=0.03)
    shared = min(len(real[0]), len(real[2]))
    assert np.corrcoef(found[0][-shared:], found[2][-shared:])[0, 1] == pytest.approx(
        np.corrcoef(real[0][-shared:], real[2][-shared:])[0, 1], abs=0.02
    )


def test_what_moved_together_still_does_and_nobody_leads():
    lead = trending(3000, 0.0, 5)
    own = trending(3000, 0.0, 6, sigma=0.005)
    follower = 0.5 * lead + 0.6 * np.concatenate(([0.0], lead[:-1])) + own
    tape = bar_tape([(0, lead), (0, follower)])

    def together(t):
        a, b = log_returns(t, 0), log_returns(t, 1)
        return np.corrcoef(a, b)[0, 1], np.corrcoef(a[:-1], b[1:])[0, 1]

    same, later = together(tape)
    assert later > 0.5
    for twin in Twins(tape, seed=2).first(3):
        found = together(twin)
        assert found[0] == pytest.approx(same, abs=0.01)
        assert abs(found[1]) < 0.06


@given(st.integers(0, 10_000), st.sampled_from([1, 3, 24]), st.booleans())
def test_bars_stay_bars(seed, hours, flip):
    """Whole ticks above zero, low <= open, close <= high; each volume as often as before; the grid of times kept."""
    tape = bar_tape([(0, trending(120, 0.2, seed)), (15, trending(80, 0.2, seed + 1))], missing={(0, 9), (1, 40)})
    twin = Twins(tape, seed=seed, block=hours * HOUR, flip=flip).twin(1)
    for number in (0, 1):
        bars, real = table(twin, number), table(tape, number)
        assert (bars["low"] >= 1).all()
        assert (bars["low"] <= np.minimum(bars["open"], bars["close"])).all()
        assert (bars["high"] >= np.maximum(bars["open"], bars["close"])).all()
        assert np.sort(bars["volume"]).tolist() == np.sort(real["volume"]).tolist()
        assert ((bars["buy_volume"] >= 0) & (bars["buy_volume"] <= bars["volume"])).all()
        assert (np.diff(bars["open_time"]) > 0).all()
        assert bars["open_time"].min() >= real["open_time"].min()
        assert bars["open_time"].max() <= real["open_time"].max()
        assert (bars["duration"] == HOUR).all()
        assert bars["close"][-1] == pytest.approx(real["close"][-1], abs=1)


def test_rows_are_those_of_a_tape_of_candles():
    tape = bar_tape([(0, trending(50, 0, 1)), (0, trending(50, 0, 2))])
    block = whole(Twins(tape).twin(0))
    rows = block.rows
    assert (np.diff(rows["recv"]) >= 0).all()
    assert rows["kind"][:2].tolist() == [Kind.INSTRUMENT] * 2
    bars = rows[rows["kind"] == Kind.BAR]
    assert len(bars) == 100
    assert (bars["flags"] == (Flag.END | Flag.ASSUMED)).all()
    assert (bars["recv"] - bars["exch"] == DELAY).all()
    assert (bars["price"] == block.bars["close"][bars["ref"]]).all()
    assert (bars["exch"] == block.bars["open_time"][bars["ref"]] + HOUR).all()
    assert bars["inst"].tolist() == [0, 1] * 50


def test_twins_are_numbered_and_say_what_they_are():
    tape = bar_tape([(0, trending(200, 0, 1))], title="BTCUSDT-1h.csv")
    twins = Twins(tape, seed=7)
    hashes = [t.content_hash() for t in twins.first(3)]
    assert len({*hashes, tape.content_hash()}) == 4
    assert twins.twin(2).content_hash() == hashes[2] == Twins(tape, seed=7).twin(2).content_hash()
    assert Twins(tape, seed=8).twin(2).content_hash() != hashes[2]
    header = twins.twin(2).header
    assert header.title == header.synthetic == "null twin 2 of BTCUSDT-1h.csv, seed 7"
    assert header.bar_only
    assert header.notes[0] == "kept"
    assert "blocks of 86400 s on average in random order, bars mirrored" in header.notes[1]
    assert header.instruments == tape.header.instruments


def test_funding_stays_and_mark_prices_follow():
    tape = bar_tape(
        [(0, trending(100, 0, 1))], values=[(0, 30, "funding", 1e-4), (0, 60, "mark", 5.0), (0, 70, "mark", 6.0)]
    )
    twin = Twins(tape).twin(0)
    values = whole(twin).values["value"]
    assert values[0] == 1e-4
    closes, real = table(twin)["close"], table(tape)["close"]
    for k, slot, price in ((1, 60, 5.0), (2, 70, 6.0)):
        assert values[k] / price == pytest.approx(closes[slot] / real[slot], rel=1e-5)
    assert whole(tape).values["value"].tolist() == [1e-4, 5.0, 6.0]


def test_a_mirrored_bar_is_the_bar_upside_down():
    """Two bars, so one toss each: every twin is one of four stories of the same two shapes."""
    tape = bar_tape([(0, np.array([0.02, 0.05]))])
    whole_move = log_returns(tape).sum()
    real = take_apart(tape).moves[0]
    shapes = {(round(s * b, 5), round(u if s > 0 else -d, 5), round(d if s > 0 else -u, 5))
              for b, u, d in zip(real.body, real.up, real.down, strict=True) for s in (1, -1)}  # fmt: skip
    seen = set()
    for twin in Twins(tape, block=HOUR).first(40):
        told = take_apart(twin).moves[0]
        assert told.returns.sum() + told.start == pytest.approx(real.start + whole_move, abs=1e-6)
        mirrored = told.body < 0
        bought = told.bars["buy_volume"] / told.bars["volume"]
        assert bought == pytest.approx(np.where(mirrored, 2 / 3, 1 / 3), abs=1e-3)
        seen |= {(round(b, 5), round(u, 5), round(d, 5)) for b, u, d in zip(told.body, told.up, told.down, strict=True)}
    for shape in seen:
        assert min(max(abs(a - b) for a, b in zip(shape, other, strict=True)) for other in shapes) < 2e-5
    assert len(seen) >= 4


def test_a_restated_bar_counts_once():
    tape = bar_tape([(0, trending(30, 0, 1))])
    block = whole(tape)
    again = concat([block, MemoryTape(tape.header, (block,)).held[0]])
    doubled = MemoryTape(tape.header, (again,))
    assert len(table(Twins(doubled).twin(0))) == 30


def test_tapes_that_bars_would_contradict_are_refused():
    cases = [
        (synthetic_tape("calm", 7, minutes=1), "has an order book or trades"),
        (MemoryTape(bar_tape([(0, np.zeros(2))]).header, ()), "has no bars"),
        (bars_of_two_lengths(), "has bars of 2 lengths"),
    ]
    for tape, said in cases:
        with pytest.raises(InputError, match=said) as caught:
            Twins(tape)
        assert caught.value.code == "twin-bars"
    with pytest.raises(InputError, match="seed"):
        Twins(bar_tape([(0, np.zeros(2))]), seed=-1)


def bars_of_two_lengths():
    tape = bar_tape([(0, trending(10, 0, 1))])
    block = whole(tape)
    block.bars["duration"][3] *= 2
    return MemoryTape(tape.header, (block,))


def test_a_price_beyond_all_ticks_is_refused():
    steep = bar_tape([(0, np.tile([0.3, -0.3], 40))], start=1_000_000_000)
    with pytest.raises(InputError) as caught:
        Twins(steep, block=HOUR).twin(0)
    assert caught.value.code == "price-too-far"


@dataclass(frozen=True)
class Follow:
    """Buys after a rise and sells after a fall, for some hours."""

    wake: ClassVar = Bars("1h")
    sees: ClassVar = ()
    state: ClassVar = np.dtype([("last", "f8")])

    def decide(self, view):
        last, now = float(view.state["last"]), view.close
        view.state["last"] = now
        if not last or view.position is not None or abs(now / last - 1) < 0.01:
            return Pass("no move")
        return (Long if now > last else Short)(target=0.5, stop=0.3, horizon="3h")


def net(tape):
    """Money that Follow ends with on a tape, through the engine and the simulated venue, costs paid."""
    calm = {"panic_hour": 1.0, "panic_day": 1.0, "caution_hour": 1.0, "caution_day": 1.0}  # it trades in any market
    calm |= {"euphoria_hour": 1.0, "euphoria_day": 1.0, "caution_volatility": 100.0}
    made = concat(run(Follow(), tape, settings(regime=calm))[1])
    return float(list(balances(made))[-1][2]["equity"]) - 10_000


def test_a_momentum_strategy_loses_its_edge_on_twins():
    """A trend pays; of 19 twins none does as well, and on average they lose what trading costs."""
    tape = bar_tape([(0, trending(120, 0.85, 11))])
    real, twins = net(tape), [net(t) for t in Twins(tape, seed=1).first(19)]
    assert real > 0
    assert p_value(real, twins).p == 0.05
    assert np.mean(twins) < 0
    assert len(set(twins)) == 19


def test_a_backtest_takes_a_twin_and_says_so(tmp_path):
    tape = bar_tape([(0, trending(40, 0.6, 11))])
    found = tml.backtest(Follow(), Twins(tape).twin(3), cash=10_000, run_dir=tmp_path / "run")
    assert found.summary()["synthetic"]
    assert found.lines()[0].startswith("SYNTHETIC MARKET (null twin 3 of candles, seed 0)")


def test_p_is_even_where_there_is_nothing_to_foresee():
    """Momentum on closes, 300 markets without a trend: a p of 0.1 or less comes one time in ten."""

    def earned(tape):
        moves = log_returns(tape)
        return float(np.sign(moves[:-1]) @ moves[1:])

    found = []
    for seed in range(120):
        tape = bar_tape([(0, trending(150, 0.0, 100 + seed))])
        found.append(p_value(earned(tape), [earned(t) for t in Twins(tape, seed=seed).first(19)]).p)
    assert np.mean(np.array(found) <= 0.1) == pytest.approx(0.1, abs=0.07)
    assert np.mean(found) == pytest.approx(0.5, abs=0.1)


def test_the_header_of_the_source_is_left_alone():
    tape = bar_tape([(0, trending(20, 0, 1))])
    before = replace(tape.header)
    Twins(tape).twin(0)
    assert tape.header == before
    assert table(tape)["open_time"][0] == START
