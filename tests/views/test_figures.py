"""Figures against worked examples and against what they must not depend on."""

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from stories import COINS, START, idle, short_run, story

from tickerml.tape.rows import DAY, HOUR
from tickerml.views import calibration, chances, figures, intervals, verdict
from tickerml.views.story import Curve, Outcome, Prices


def with_curve(run, hours, equity, exposure=0.0):
    time = START + (np.array(hours) * HOUR).astype(np.int64)
    equity = np.array(equity, float)
    curve = Curve(time, equity, equity, np.full(len(equity), float(exposure)))
    return replace(run, curve=curve, head=replace(run.head, end=int(time[-1])))


def test_wilson_gives_the_published_interval():
    # Newcombe 1998, table I: 15 of 148 gives 0.0624 to 0.1605
    found = intervals.wilson(15, 148)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0624, 0.1605)
    # the summary's own example: 5 of 14 is 36 % (16 to 61)
    found = intervals.wilson(5, 14)
    assert [round(100 * v) for v in (found.value, found.low, found.high)] == [36, 16, 61]
    assert intervals.wilson(0, 20).low == 0


def test_more_trials_deflate_more_h1():
    run = story(81)
    found = [chances.sharpe(replace(run, head=replace(run.head, trials=n))).deflated for n in (1, 10, 1000)]
    assert found[0] > found[1] > found[2]


def test_trials_that_spread_more_deflate_more_h1():
    run = story(81)
    heads = [replace(run.head, trials=100, trials_variance=v) for v in (0.0, 0.01, 0.1)]
    found = [chances.sharpe(replace(run, head=head)).deflated for head in heads]
    assert found[0] > found[1] > found[2]
    assert found[0] == chances.sharpe(replace(run, head=replace(run.head, trials=1))).deflated


def test_worst_fall_lasts_until_it_is_made_good_or_the_run_ends():
    run = with_curve(story(), [0, 1, 2, 3, 4, 5], [100, 110, 99, 105, 111, 108])
    fall = figures.worst_fall(run)
    assert (round(fall.share, 6), fall.lasted, fall.over) == (-0.1, 3 * HOUR, True)
    fall = figures.worst_fall(with_curve(story(), [0, 1, 2, 3], [100, 110, 99, 105]))
    assert (fall.lasted, fall.over) == (2 * HOUR, False)
    assert figures.worst_fall(with_curve(story(), [0, 1], [100, 101])) is None


def test_exposure_is_weighted_by_time():
    run = with_curve(story(), [0, 1, 4], [100, 100, 100])
    run = replace(run, curve=Curve(run.curve.time, run.curve.equity, run.curve.cash, np.array([100.0, 0.0, 50.0])))
    assert figures.exposure(run) == pytest.approx(0.25)


def test_hold_is_equal_money_in_every_coin():
    time = START + np.array([0, DAY])
    closes = {"A": [10.0, 12.0], "B": [5.0, 5.0], "TON, not decided on": [1.0, 9.0]}
    run = replace(story(), prices={coin: Prices(time, np.array(close)) for coin, close in closes.items()})
    run = replace(run, head=replace(run.head, coins=("A", "B")))
    assert figures.hold(run) == pytest.approx(0.1)
    assert figures.hold_series(run)[1].tolist() == pytest.approx([0, 0.1])
    assert figures.hold(replace(run, prices={})) is None


def test_needed_trades_follow_the_formula():
    run = story(40)
    returns = figures.returns(run)
    assert figures.needed_trades(run) == pytest.approx((2.8 * returns.std(ddof=1) / figures.round_trip_cost(run)) ** 2)
    assert math.isnan(figures.needed_trades(story(4)))


def test_the_interval_of_the_net_contains_it_and_follows_its_spread():
    run = story(81)
    found = chances.net_interval(run)
    assert found.low < float(figures.net(run)) < found.high
    expected = 1.96 * figures.pnls(run).std() * math.sqrt(81)
    assert (found.high - found.low) / 2 == pytest.approx(expected, rel=0.25)
    assert chances.net_interval(story(9)) is None


def test_very_many_trades_are_redrawn_with_their_neighbours():
    run = story(2600, coins=COINS, days=400)
    found, pnls = chances.net_interval(run), figures.pnls(run)
    assert found.n == 2600
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * pnls.std() * math.sqrt(2600), rel=0.25)


def test_chance_of_a_run_without_edge_is_about_a_half_and_of_a_real_edge_small():
    assert 0.2 < chances.chance(replace_mean(story(200), 0.0)).share < 0.8
    assert chances.chance(replace_mean(story(200), 8.0)).share < 0.01


def replace_mean(run, mean):
    shift = Decimal(str(round(mean - float(figures.pnls(run).mean()), 2)))
    trades = tuple(replace(t, pnl=t.pnl + shift) for t in run.trades)
    return replace(run, trades=trades, final_equity=run.start_equity + sum(t.pnl for t in trades))


def test_more_than_chance_counts_the_trials():
    run = replace_mean(story(2500), 1.0)
    p = chances.chance(run).share
    once, often = (replace(run, head=replace(run.head, trials=n)) for n in (1, 144))
    assert chances.p_value(once) == pytest.approx(p)
    assert chances.p_value(often) == pytest.approx(1 - (1 - p) ** 144)


def test_random_figures_depend_on_the_run_alone():
    run = story(81)
    assert chances.net_interval(run) == chances.net_interval(story(81))
    other = replace(run, recipe=replace(run.recipe, hashes={"decisions": "other"}))
    assert chances.net_interval(run) != chances.net_interval(other)


def test_sharpe_needs_thirty_days():
    assert chances.sharpe(short_run()) is None
    found = chances.sharpe(story(81))
    assert found.raw.low < found.raw.value < found.raw.high
    assert 0 <= found.deflated <= 1


def test_sharpe_is_of_daily_equity_over_365_days():
    run = with_curve(story(), np.arange(0, 61 * 24, 24), 100 * np.cumprod([1, *[1.01, 0.995] * 30]))
    daily = np.array([0.01, -0.005] * 30)
    assert chances.sharpe(run).raw.value == pytest.approx(daily.mean() / daily.std(ddof=1) * math.sqrt(365))


def test_what_is_held_until_the_run_ends_counts_as_days():
    run = with_curve(story(), [0, 30], [100.0, 101.0])
    run = replace(run, head=replace(run.head, end=START + 40 * DAY))
    assert len(chances.daily(run)) == 41


def test_a_perfect_forecaster_stands_at_its_floor_and_a_boaster_above():
    rng = np.random.default_rng(2)
    said = rng.uniform(0.1, 0.9, 2000)
    honest = tuple(Outcome(float(p), float(p), bool(rng.random() < p)) for p in said)
    boaster = tuple(replace(o, confidence=min(0.99, o.confidence + 0.3)) for o in honest)
    found = calibration.calibration(replace(story(), outcomes=honest))
    assert found.enough
    assert not found.raw
    assert found.error < 2 * found.error_floor
    assert found.brier < found.brier_floor
    assert calibration.calibration(replace(story(), outcomes=boaster)).error > 5 * found.error_floor


def test_calibrated_forecasts_are_judged_only_when_there_are_enough():
    outcomes = tuple(Outcome(0.5, 0.5 if i < 199 else None, i % 2 == 0) for i in range(400))
    assert calibration.calibration(replace(story(), outcomes=outcomes)).raw
    outcomes = (*outcomes, Outcome(0.5, 0.5, True))
    found = calibration.calibration(replace(story(), outcomes=outcomes))
    assert (found.raw, found.n) == (False, 200)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (idle(), "psc did not trade"),
        (story(81), "psc lost 126.50 USDT (-1.3 %) in 81 trades; too few to judge (needs about 480)"),
        (short_run(7), "psc made 5.59 USDT (+0.06 %) in 7 trades; too few to judge (needs about 430)"),
        (replace_mean(story(2500), 0.0), "no more than chance"),
        (replace_mean(story(2500), 8.0), "; more than chance (p = "),
    ],
)
def test_verdicts_are_a_closed_list(run, said):
    assert said in verdict.headline(run)


def test_unknown_trials_are_read_as_the_best_of_many():
    run = replace_mean(story(2500), 5.0)
    run = replace(run, head=replace(run.head, trials=None))
    assert "trials unknown: read as best of many" in verdict.headline(run)


def test_every_figure_has_a_definition():
    from tickerml.views.book import book

    for entry in book(story(81)):
        assert entry.value, entry.name
        assert len(entry.definition) > 20, entry.name
        assert "nan" not in entry.value.split()
