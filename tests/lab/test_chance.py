"""H3: p-values among draws without an edge."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickerml.lab.chance import Chance, bands, p_value


def test_p_counts_the_run_as_one_more_draw():
    assert p_value(3.0, [1, 2, 3, 4]).p == 3 / 5
    assert p_value(9.0, np.zeros(99)).p == 0.01
    assert p_value(0.0, []).p == 1.0


def test_p_is_even_where_the_run_is_one_of_the_draws():
    rng = np.random.Generator(np.random.PCG64(1))
    found = np.array([p_value(x[0], x[1:]).p for x in rng.standard_normal((4000, 20))])
    assert np.bincount(np.round(found * 20).astype(int), minlength=21)[1:] == pytest.approx(200, abs=60)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 500))
def test_the_best_of_many_trials(as_good, more, trials):
    one = Chance(as_good, as_good + more)
    assert one.best_of(1) == pytest.approx(one.p)
    assert one.best_of(trials) == pytest.approx(1 - (1 - one.p) ** trials)


@given(st.lists(st.floats(-100, 100), max_size=30), st.floats(-100, 100), st.floats(0.1, 10))
def test_units_do_not_matter(twins, run, factor):
    mixed = np.sort(twins)[::-1] * factor
    assert p_value(run * factor, mixed).as_good == int((mixed >= run * factor).sum())
    assert 0 < p_value(run, twins).p <= 1


def test_bands_are_quantiles_at_each_time():
    curves = np.arange(101.0)[:, None] * [1.0, 10.0]
    low, median, high = bands(curves)
    assert (low.tolist(), median.tolist(), high.tolist()) == ([5, 50], [50, 500], [95, 950])


def test_what_is_no_draw_is_refused():
    with pytest.raises(ValueError, match="twins"):
        p_value(1.0, [math.nan])
    with pytest.raises(ValueError, match="the run's"):
        p_value(math.nan, [1.0])
    with pytest.raises(ValueError, match="one trial"):
        Chance(1, 2).best_of(0)
