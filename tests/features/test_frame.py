"""B8: indicators on any timeframe, of prints and of bars; their names; and that sums do not drift."""

from __future__ import annotations

import numpy as np
import pytest
from candle_feed import fields, rows_for, walk
from feature_feed import START, Player, Row, instrument, random_rows

from tickerml.engine.core import CORE, CURSOR
from tickerml.engine.marks import MARK
from tickerml.engine.wire import module_for
from tickerml.features import averages, bars
from tickerml.features.catalog import families, resolve
from tickerml.run.research import research_plan
from tickerml.tape.ladder import new_ladders
from tickerml.tape.params import params_dtype, params_record
from tickerml.tape.rows import DAY, FOREVER, HOUR, MINUTE, SECOND, Flag, Kind

INDICATORS = [name for name, module in families().items() if "FRAME" in vars(module)]
AT_ENDS = [name for name, module in families().items() if getattr(module, "AT_ENDS", False)]


def merged(table, m, step):
    """Each `m` bars as one."""
    groups = table[: len(table) // m * m].reshape(-1, m)
    out = groups[:, 0].copy()
    out["duration"] = step
    out["high"], out["low"], out["close"] = groups["high"].max(1), groups["low"].min(1), groups["close"][:, -1]
    out["volume"] = groups["volume"].sum(1)
    return out


@pytest.mark.parametrize("name", INDICATORS)
def test_longer_bars_are_made_of_shorter_ones(name):
    """B8: on a 1m tape an indicator of 5m bars is what it is on a 5m tape, and stays until the next 5m bar is whole."""
    table = walk(1, 1500, step=MINUTE)
    own = fields(name, merged(table, 5, 5 * MINUTE))
    long = fields(name, table, timeframe=5 * MINUTE)
    for field, column in own.items():
        np.testing.assert_array_equal(long[field][4::5], column)
        np.testing.assert_array_equal(long[field][8::5], long[field][4:-5:5])


@pytest.mark.parametrize("name", INDICATORS)
def test_a_hole_in_the_source_is_filled_with_quiet_bars(name):
    table = walk(2, 700, flat=0)
    hole = table[600:604]
    for price in ("open", "high", "low", "close"):
        hole[price] = table["close"][599]
    hole["volume"] = 0
    filled, holed = fields(name, table), fields(name, np.delete(table, range(600, 604)))
    for field, column in filled.items():
        np.testing.assert_array_equal(holed[field][:600], column[:600])
        np.testing.assert_array_equal(holed[field][600:], column[604:])


@pytest.mark.parametrize("name", INDICATORS)
def test_bars_that_are_told_again_or_do_not_fit_change_nothing(name):
    """A bar sent twice, one restated, one of another length: all are passed over."""
    table = walk(3, 300)
    once, twice = fields(name, table), fields(name, np.repeat(table, 2))
    for field, column in once.items():
        np.testing.assert_array_equal(twice[field][1::2], column)
    rows, player = rows_for(table), Player(name)
    for row in rows:
        before = player.step(row, table).tobytes()
    for flag, stretch in ((Flag.CORRECTION, 1), (0, 7)):
        wrong, odd = table[-1:].copy(), rows[-1:].copy()
        wrong["close"], wrong["duration"] = 1, 5 * MINUTE * stretch
        odd["ref"], odd["flags"] = 0, Flag.END | flag
        assert player.step(odd[0], wrong).tobytes() == before


@pytest.mark.parametrize(("timeframe", "seed"), [(SECOND, 1), (7 * SECOND, 2), (MINUTE, 3)])
def test_bars_of_prints_are_those_of_bars(timeframe, seed):
    """Late prints, silences, clocks that jump: an indicator steps through the very bars that `bars` shows."""
    rows = random_rows(seed, 6000)
    rows["recv"] = START + (rows["recv"] - START) * 4
    rows["exch"] = START + (rows["exch"] - START) * 4
    whole = Player("bars", bars.Params(timeframe=timeframe))
    mean = Player("averages", averages.Params(n=1, timeframe=timeframe))
    reach, seen = Player("atr"), set()
    for row in rows:
        bar, one = whole.step(row), mean.step(row)
        reach.step(row)
        if Row(row)["flags"] & Flag.END and not np.isnan(bar["bar_count"]):
            assert one["sma"] == bar["bar_close"]
            frame = mean.state[0]["bars"]
            assert frame["shown"][0] == bar["bar_count"]
            shown = (frame["shown_high"][0] * 0.5, frame["shown_low"][0] * 0.5, frame["shown_volume"][0] * 0.01)
            assert shown == (bar["bar_high"], bar["bar_low"], bar["bar_volume"])
            seen.add(int(bar["bar_count"]))
    assert len(seen) > 3
    assert max(seen) == float(bar["bar_count"])


def test_the_own_bars_of_prints_are_minutes():
    rows = random_rows(4, 6000)
    rows["recv"] = START + (rows["recv"] - START) * 20
    rows["exch"] = START + (rows["exch"] - START) * 20
    own, minutes = Player("averages", averages.Params(n=2)), Player("averages", averages.Params(n=2, timeframe=MINUTE))
    for row in rows:
        assert own.step(row).tobytes() == minutes.step(row).tobytes()
    assert not np.isnan(own.out[0]["sma"])


@pytest.mark.parametrize("name", AT_ENDS)
def test_rows_inside_a_message_may_be_left_out(name):
    """What AT_ENDS promises: without them, prints and clocks apart, nothing else is said."""
    rows = random_rows(5, 2500)
    rows["recv"] = START + (rows["recv"] - START) * 60
    rows["exch"] = START + (rows["exch"] - START) * 60
    params = families()[name].Params
    given = params(timeframe=10 * SECOND) if name in INDICATORS else params()
    every, some, left = Player(name, given), Player(name, given), 0
    for row in rows:
        every.step(row)
        if Row(row).ends or row["kind"] in (Kind.TRADE, Kind.CLOCK):
            some.step(row)
            assert some.out[0].tobytes() == every.out[0].tobytes()
        else:
            left += 1
    assert left > 500


@pytest.mark.parametrize(
    ("name", "module", "field", "params"),
    [
        ("rsi(14)", "rsi", "rsi", {"n": 14, "timeframe": -1}),
        ("rsi(14, 5m)", "rsi", "rsi", {"n": 14, "timeframe": 5 * MINUTE}),
        ("rsi(14, 1M)", "rsi", "rsi", {"timeframe": 0}),
        ("high(4h)", "extremes", "high", {"window": 4 * HOUR, "timeframe": -1}),
        ("low(4h, 1h)", "extremes", "low", {"window": 4 * HOUR, "timeframe": HOUR}),
        ("support(1)", "support", "support_1", {}),
        ("resistance_touches(2, timeframe=1h)", "support", "resistance_touches_2", {"timeframe": HOUR}),
        ("macd_signal(12, 26, 9, 15m)", "macd", "macd_signal", {"fast": 12, "slow": 26, "timeframe": 15 * MINUTE}),
        ("bollinger_upper(20, 2.5)", "bollinger", "bollinger_upper", {"n": 20, "k": 2.5}),
        ("session_vwap(8h)", "session_vwap", "session_vwap", {"session": 8 * HOUR}),
        ("adx(timeframe=1d)", "trend", "adx", {"timeframe": DAY}),
        ("support_1(unit=price, tolerance=0.01)", "support", "support_1", {"unit": "price", "tolerance": 0.01}),
    ],
)
def test_names(name, module, field, params):
    use = resolve(name)
    assert (use.module, use.field) == (f"tickerml.features.{module}", field)
    assert {key: getattr(use.params, key) for key in params} == params


LONG = (
    ("averages", {"n": 50}),
    ("bollinger", {}),
    ("cci", {}),
    ("vwap", {}),
    ("bar_volatility", {"n": 100}),
    ("volume", {}),
    ("extremes", {}),
    ("channel", {}),
    ("reversion", {}),
    ("volatility_regime", {"n": 25, "history": 30}),
    ("rsi", {}),
    ("atr", {}),
    ("trend", {}),
    ("wavetrend", {}),
    ("macd", {}),
    ("kalman", {}),
)


def folded(names, table):
    """The fields of each of `names` after all of `table`, by the compiled loop."""
    plan = research_plan(names)
    folds = []
    for fold in plan.folds:
        p = np.zeros(1, params_dtype(type(fold.params)))
        p[0] = params_record(fold.params)
        folds += [p, np.zeros(1, fold.module.State), np.full(1, np.nan, fold.output())]
    core, cursor, rows = np.zeros(1, CORE), np.zeros(1, CURSOR), rows_for(table)
    core["large_trade"], cursor["rows"] = np.inf, len(rows)
    values, insts = np.zeros(0, "i8"), np.array([instrument()])
    tables = (rows, table, values, new_ladders(1), np.zeros(1, MARK), insts)
    module_for(plan).fold_rows(core[0], cursor[0], FOREVER, *tables, *folds, np.zeros(1, "i8"))
    return [one[0] for one in folds[2::3]]


def test_nothing_drifts_over_a_million_bars():
    """After 10^6 bars all is as if only the last 5,000 had been: no sum keeps what has left it."""
    table = walk(6, 1_000_000, step=MINUTE, volatility=0.0005, price=5_000_000)
    table["volume"] *= 1_000_003
    words = [", ".join(f"{key}={value}" for key, value in params.items()) for _, params in LONG]
    names = [f"{next(iter(families()[name].FIELDS))}({w})" for (name, _), w in zip(LONG, words, strict=True)]
    for (name, params), whole in zip(LONG, folded(names, table), strict=True):
        part = {field: column[-1] for field, column in fields(name, table[-5000:], **params).items()}
        for field, value in part.items():
            np.testing.assert_allclose(whole[field], value, rtol=1e-9, atol=1e-9, err_msg=f"{name} {field}")
