"""H3: the time grid on which equity is looked at, and figures that say why there are none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickerml.lab.series import EDGE, Figure, checked, daily, generator, no_figure, sampled, simple_returns
from tickerml.tape.rows import DAY, HOUR, MINUTE, SECOND


def test_a_figure_is_shown_or_says_why_not():
    assert Figure(1.5).shown
    assert Figure(1.5).plain == 1.5
    assert Figure(float("inf")).plain is None
    missing = no_figure("19 hours, needs 30 days")
    assert not missing.shown
    assert np.isnan(missing.value)
    assert missing.plain is None
    assert missing.reason == "19 hours, needs 30 days"


def test_daily_closes_lie_at_midnight_and_parts_of_days_give_none():
    time = np.array([5, 20, 24, 30, 47, 72, 75]) * HOUR
    grid, values = sampled(time, np.arange(7.0), DAY)
    assert grid.tolist() == [DAY, 2 * DAY, 3 * DAY]
    assert values.tolist() == [2.0, 4.0, 5.0]


@pytest.mark.parametrize("bar", [5 * MINUTE, HOUR, 4 * HOUR])
def test_a_month_of_bars_has_all_its_days_and_they_add_up_to_its_net(bar):
    """Its first close is told at 00:00:01 of its first day, its last one nearly a bar before the last day ends."""
    time = 3 * DAY + np.arange(0, 31 * DAY, bar) + SECOND
    equity = 10_000 + np.cumsum(np.random.default_rng(4).normal(0, 1, len(time)))
    days = daily(time, equity)
    assert len(days) == 32
    assert (days[0], days[-1]) == (equity[0], equity[-1])
    assert np.prod(1 + simple_returns(days)) == pytest.approx(equity[-1] / equity[0])
    inner = [equity[(time <= 3 * DAY + k * DAY).nonzero()[0][-1]] for k in range(1, 31)]
    assert days[1:-1].tolist() == inner


@pytest.mark.parametrize(("late", "early", "days"), [(EDGE, EDGE, 3), (EDGE + 1, EDGE, 2), (EDGE, EDGE + 1, 2)])
def test_a_day_of_which_more_than_four_hours_are_missing_gives_none(late, early, days):
    assert len(daily(np.array([late, DAY, 2 * DAY, 3 * DAY - early]), np.arange(4.0))) == days + 1


def test_the_grid_of_nothing_is_nothing():
    grid, values = sampled(np.zeros(0, np.int64), [], DAY)
    assert len(grid) == len(values) == 0


@given(st.lists(st.integers(0, 400), min_size=1, max_size=40), st.integers(1, 50))
def test_each_grid_point_has_the_latest_value_at_or_before_it(times, step):
    time = np.sort(np.array(times, np.int64))
    grid, values = sampled(time, np.arange(len(time), dtype=float), step)
    assert (grid % step == 0).all()
    assert [int(v) for v in values] == [max(i for i, t in enumerate(time) if t <= g) for g in grid]
    assert len(grid) == len([k for k in range(0, 451, step) if time[0] <= k <= time[-1]])


@pytest.mark.parametrize(("time", "values", "step"), [([2, 1], [1, 1], 1), ([1, 2], [1], 1), ([1], [1], 0)])
def test_what_is_no_series_is_refused(time, values, step):
    with pytest.raises(ValueError, match="grid"):
        sampled(np.array(time), values, step)


@pytest.mark.parametrize("edge", [-1, 5])
def test_an_edge_is_a_part_of_a_step(edge):
    with pytest.raises(ValueError, match="grid"):
        sampled(np.array([1, 2]), [1, 1], 5, edge=edge)


@pytest.mark.parametrize("equity", [[1.0, 0.0, 1.0], [-1.0, 1.0], [1.0, float("nan")]])
def test_returns_of_what_is_not_above_zero_are_not_defined(equity):
    with pytest.raises(ValueError, match="equity"):
        simple_returns(equity)


def test_shape_is_checked():
    with pytest.raises(ValueError, match="2 dimensions; it needs 1"):
        checked(np.ones((2, 2)), "x")


def test_random_numbers_depend_on_their_key_alone():
    assert generator(7, 1).random() == generator(7, 1).random()
    assert generator(7, 1).random() != generator(7, 2).random()
