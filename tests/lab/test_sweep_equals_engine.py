"""The fast way of a sweep makes the engine's trades, or refuses with the reason (item 7: backtest and search, fast)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from bar_tapes import bar_tape, trending

from small_detector import Flow
from swept_market import Back, Cross, Renamed, Sized, Trailing, Watching, fast_of, plain, setting_of, spot
from tickerml.lab.bar_sweep import BarSweep
from tickerml.run.strategies import choose
from tickerml.run.sweep_check import arrays_of, compared
from tickerml.tape.rows import MINUTE

WILD = plain(bar_tape([(0, trending(3000, 0.0, 3, sigma=0.002))], duration=MINUTE))
HOLES = plain(bar_tape([(0, trending(1500, 0.0, 4, sigma=0.003))], duration=MINUTE,
                       missing={(0, k) for k in range(1500) if k % 37 in (5, 6) or 700 < k < 720}))  # fmt: skip
TWO = plain(bar_tape([(0, trending(1200, 0.0, 5, sigma=0.002)), (150, trending(900, 0.0, 6, sigma=0.003))],
                     duration=MINUTE))  # fmt: skip
COSTLY = {"trading": {"slippage_bps": 3.0, "slippage_range": 0.2, "leverage": 10.0}, "fees": {"taker": 0.0007}}


def same(strategies, tape, number, **sections):
    """The engine and the arrays on one of `strategies`: how many trades each, all of them equal."""
    setting = setting_of(tape, **sections)
    way = fast_of(strategies, tape, setting)
    found = compared(choose(strategies[number], setting.config), tape, setting, way, number)
    assert found.same, found.first
    return found.engine, arrays_of(way, number, 10_000)


@pytest.mark.parametrize("number", range(6))
def test_moving_averages_cross(number):
    sets = ((3, 12, 0.003), (5, 20, 0.004), (8, 30, 0.02), (2, 5, 0.001), (20, 21, 0.03), (1, 60, 0.01))
    strategies = [Cross(fast, slow, stop=stop) for fast, slow, stop in sets]
    count, trades = same(strategies, WILD, number, **COSTLY)
    assert count > 20
    assert {"closed", "stop"} >= {one[-1] for one in trades} - {"end of data"}


@pytest.mark.parametrize("tape", [WILD, HOLES, TWO], ids=["whole", "holes", "two coins"])
@pytest.mark.parametrize("side", [1, -1])
def test_every_exit_on_both_sides(tape, side):
    strategies = [
        Back(side=side, bars=12, far=0.004, stop=0.004, target=0.003, minutes=11),
        Back(side=side, bars=30, far=0.003, stop=0.002, target=0.0015, minutes=3.5),
        Back(side=side, bars=5, far=0.002, stop=0.012, target=0.0, minutes=25),
        Back(side=side, bars=20, far=0.006, stop=0.0006, target=0.0005, minutes=500),
    ]
    reasons = set()
    for number in range(len(strategies)):
        count, trades = same(strategies, tape, number, **COSTLY)
        assert count > 10
        reasons |= {one[-1] for one in trades}
    assert reasons >= {"stop", "target", "timer", "closed"}


@pytest.mark.parametrize("sides", [(1, -1), (-1, 1)])
@pytest.mark.parametrize("number", range(2))
def test_sets_of_both_sides_are_followed_together(sides, number):
    """A detector that reads the side of what it holds is told each set's own, not that of the first."""
    count, trades = same([Back(side=side, far=0.003, stop=0.02, target=0.0) for side in sides], WILD, number, **COSTLY)
    assert count > 20
    assert "closed" in {one[-1] for one in trades}


ONE_ODD = {
    "trail": ([Trailing(), Trailing(trail=0.001)], "its setups have trail"),
    "names": ([Renamed(bars=10), Renamed(bars=30)], "change the names"),
    "account": ([Watching(bars=10), Watching(bars=30)], "sees the account"),
    "short trades": ([Back(), Back(minutes=1.9)], "within two bars"),
}


@pytest.mark.parametrize("turned", [False, True], ids=["odd last", "odd first"])
@pytest.mark.parametrize("why", ONE_ODD)
def test_every_set_is_looked_at(why, turned):
    """One set that the kernels do not know sends all of them to the engine, wherever it stands in the grid."""
    sets, said = ONE_ODD[why]
    with pytest.raises(ValueError, match=said):
        fast_of(sets[::-1] if turned else sets, WILD, setting_of(WILD))
    known = fast_of([Back()], WILD, setting_of(WILD))
    with pytest.raises(ValueError, match=said):
        known.others(choose(sets[0], setting_of(WILD).config), sets, WILD, setting_of(WILD))


NEVER = {  # the desk lets no trade of the second set through, whatever the market does
    "liquidation": ([Cross(stop=0.004), Cross(stop=0.02)], {"trading": {"leverage": 50.0}}, "liquidation too near"),
    "exit": (
        [Cross(stake=2000.0), Cross(stake=500.0)],
        {"account": {"min_notional": 450.0}},
        "exit would be below the minimum",
    ),
    "size": ([Cross(), Cross(stop=0.9, stake=20.0)], {"limits": {"max_in_use": 0.0}}, "capital in use"),
    "universe": ([Cross(), Cross(stop=0.03)], {"manager": {"symbols": ["TON"]}}, "not in the universe"),
}


@pytest.mark.parametrize("turned", [False, True], ids=["refused last", "refused first"])
@pytest.mark.parametrize("why", NEVER)
def test_what_the_desk_never_lets_through_goes_the_exact_way(why, turned):
    sets, sections, said = NEVER[why]
    setting = setting_of(WILD, **sections)
    with pytest.raises(ValueError, match=f"the desk refuses its setups: .*{said}"):
        fast_of(sets[::-1] if turned else sets, WILD, setting)
    if why in ("liquidation", "exit"):
        known = fast_of(sets[:1], WILD, setting)
        with pytest.raises(ValueError, match=said):
            known.others(choose(sets[0], setting.config), sets, WILD, setting)


def test_a_stop_before_its_liquidation_keeps_the_fast_way():
    assert same([Cross(3, 12, stop=0.004)], WILD, 0, trading={"leverage": 50.0})[0] > 20


def test_less_than_the_least_order_is_left_by_both():
    """No refusal of the desk that the arrays do not know: they leave such a stake by themselves."""
    assert same([Cross(3, 12), Cross(3, 12, stake=2000.0)], WILD, 0, account={"min_notional": 600.0})[0] == 0


@pytest.mark.parametrize("sides", [(1, -1), (-1, 1), (-1,)])
def test_spot_is_not_sold_short_by_any_set(sides):
    tape = spot(WILD)
    setting, sets = setting_of(tape), [Back(side=side) for side in sides]
    with pytest.raises(ValueError, match="sold short"):
        fast_of(sets, tape, setting)
    known = fast_of([Back(side=1)], tape, setting)
    with pytest.raises(ValueError, match="sold short"):
        known.others(choose(sets[0], setting.config), sets, tape, setting)


def test_stops_come_before_targets_in_one_bar():
    way = fast_of([Back(bars=20, far=0.006, stop=0.0006, target=0.0005)], WILD, setting_of(WILD))
    assert way.sweeps[0].run().combos["ambiguous"][0] > 0


def test_figures_are_the_sum_of_the_trades():
    strategies = [Back(bars=n) for n in (5, 10, 20)]
    way = fast_of(strategies, TWO, setting_of(TWO, **COSTLY))
    trials = list(way.trials(lambda _: False, range(3)))
    for trial in trials:
        trades = arrays_of(way, trial.number, 10_000)
        assert trial.trades == len(trades) > 10
        assert trial.pnl == sum(Decimal(one[6]) for one in trades)
        assert trial.won == sum(Decimal(one[6]) > 0 for one in trades)
        assert trial.fees > 0
        assert float(trial.worst) >= 0


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_windows_and_company_change_nothing(threads, monkeypatch):
    strategies = [Cross(f, s) for f in (2, 3, 5, 8) for s in (13, 21, 34)]
    setting = setting_of(WILD)
    alone = fast_of(strategies, WILD, setting).sweeps[0].run()
    monkeypatch.setattr("tickerml.lab.bar_sweep.WIDTH", 1)  # as narrow as can be
    many = fast_of(strategies, WILD, setting, threads).sweeps[0].run()
    one = fast_of(strategies[4:5], WILD, setting).sweeps[0].run()
    assert many.combos.tobytes() == alone.combos.tobytes()
    assert np.array_equal(many.marks, alone.marks)
    assert one.combos.tobytes() == alone.combos[4:5].tobytes()


def test_equal_features_are_computed_once():
    way = fast_of([Cross(f, s) for f in (2, 3, 5) for s in (5, 8)], WILD, setting_of(WILD))
    assert len(way.sweeps[0]._reads.columns) == 2 * len({2, 3, 5, 8})


def test_the_last_mark_is_the_result_when_nothing_is_held():
    way = fast_of([Cross(3, 12)], WILD, setting_of(WILD))
    swept = way.sweeps[0].run()
    trade = way.sweeps[0].trades(0, 10_000)[-1]
    held_to_the_end = trade["exit_bar"] == len(WILD.held[0].rows) - 1
    assert (swept.marks[0, -1] == swept.combos["pnl"][0]) or held_to_the_end


REFUSED = {
    "no detector": (lambda s: [_Plain()], {}, "no detector"),
    "no bars alone": (lambda s: [Flow()], {}, "in `setup`"),
    "timeframe": (lambda s: [Cross(timeframe="5m")], {}, "not those that the strategy looks at"),
    "two timeframes": (lambda s: [Cross(), Cross(timeframe="5m")], {}, "change the timeframe"),
    "latency": (lambda s: s, {"latency": {"model": "distribution"}}, "latency is not constant"),
    "slow orders": (lambda s: s, {"latency": {"entry_ms": 2000.0}}, "too late for an open"),
    "late answers": (lambda s: s, {"latency": {"response_ms": 3000.0}}, "after the wake"),
    "other delay": (lambda s: s, {"data": {"bar_delay_ms": 1000.0}}, "other times"),
    "short trades": (lambda s: [Back(minutes=1.9)], {}, "within two bars"),
    "sized": (lambda s: [Sized()], {}, "its setups have size"),
    "isolated": (
        lambda s: s, {"account": {"isolated": True}, "trading": {"leverage": 10.0}}, "liquidated on its own margin"
    ),
}  # fmt: skip


class _Plain:
    wake = Cross().wake
    sees = ("bar(1m).close",)

    def decide(self, view):
        raise AssertionError


@pytest.mark.parametrize("why", REFUSED)
def test_what_it_does_not_model_goes_the_exact_way(why):
    make, sections, said = REFUSED[why]
    with pytest.raises(ValueError, match=said):
        fast_of(make([Cross(3, 12)]), WILD, setting_of(WILD, **sections))


@pytest.mark.parametrize("sections", [{"account": {"isolated": True}}, {"trading": {"leverage": 10.0}}], ids=str)
def test_what_cannot_be_liquidated_alone_keeps_the_fast_way(sections):
    assert same([Cross(3, 12)], WILD, 0, **sections)[0] > 20


def test_values_and_books_go_the_exact_way():
    funded = bar_tape([(0, trending(300, 0.0, 3))], duration=MINUTE, values=[(0, 5, "funding", 0.0001)])
    with pytest.raises(ValueError, match="funding"):
        fast_of([Cross(3, 12)], funded, setting_of(funded))
    unnamed = plain(funded)
    with pytest.raises(ValueError, match="VALUE rows"):
        fast_of([Cross(3, 12)], unnamed, setting_of(unnamed))


def test_memory_is_bounded_by_the_room_for_columns():
    strategies = [Cross(f, s) for f in range(2, 40) for s in range(40, 60)]
    sweep = fast_of(strategies, WILD, setting_of(WILD)).sweeps[0]
    small = replace(sweep, room=1 << 20)
    assert isinstance(small, BarSweep)
    assert small.memory(10) < sweep.memory(10)
    assert small.run().combos.tobytes() == sweep.run().combos.tobytes()
