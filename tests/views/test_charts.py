import itertools
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickerml.views.charts.m4 import m4
from tickerml.views.charts.reasons import _fit
from tickerml.views.charts.scale import Scale, apart
from tickerml.views.charts.svg import path_of, text_width
from tickerml.views.charts.ticks import log_ticks, number_labels, percent_labels, ticks, time_ticks

DAY = 86_400 * 10**9


@given(st.integers(0, 2**32), st.integers(1, 50), st.integers(10, 3000))
def test_m4_keeps_first_last_lowest_and_highest_of_every_column(seed, columns, n):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.integers(0, 10**18, n))
    value = rng.normal(size=n)
    value[rng.random(n) < 0.05] = np.nan
    start, end = int(time[0]), int(time[-1])
    kept = m4(time, value, start, end, columns)
    assert (np.diff(kept) > 0).all()
    assert np.isfinite(value[kept]).all()
    column = ((time - start).astype(float) * (columns / max(1, end - start))).astype(int)
    if np.isfinite(value).sum() > 4 * columns:
        assert len(kept) <= 4 * (columns + 1)
    for c in np.unique(column):
        mine = np.flatnonzero((column == c) & np.isfinite(value))
        if len(mine):
            best = {mine[0], mine[-1], mine[value[mine].argmin()], mine[value[mine].argmax()]}
            assert best <= set(kept.tolist())


def read(data):
    """The points of path data, as the crosshair reads them."""
    points, x, y = [], 0.0, 0.0
    for kind, a, b in re.findall(r"([Mlvh])(-?\d*\.?\d+) ?(-?\d*\.?\d+)?", data):
        if kind == "M":
            x, y = float(a), float(b)
        elif kind == "v":
            y += float(a)
        else:
            x, y = x + float(a), y + float(b or 0)
        points.append((x, y))
    return np.array(points)


@given(st.integers(0, 2**32), st.integers(1, 300))
def test_paths_do_not_drift_and_can_be_read_back(seed, n):
    rng = np.random.default_rng(seed)
    xs, ys = np.cumsum(rng.choice([0, 0.2, 1.7], n)), np.round(rng.normal(0, 40, n), rng.integers(0, 3))
    points = read(path_of(xs, ys))
    tenths = np.rint(np.stack((xs, ys)).T * 10) / 10
    distinct = tenths[np.append(True, (np.diff(tenths, axis=0) != 0).any(axis=1))]
    assert np.allclose(points, distinct, atol=1e-6)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 10))
def test_ticks_are_round_and_inside(low, span, most):
    found = ticks(low, low + span, most)
    assert len(found) <= most + 1
    assert all(low - span * 1e-6 <= t <= low + span * (1 + 1e-6) for t in found)
    labels = number_labels(found)
    assert len(set(labels)) == len(labels)


def test_labels_tell_marks_apart_and_have_no_minus_zero():
    assert percent_labels([-0.05, 0.0, 0.05]) == ["-5 %", "0 %", "+5 %"]
    assert percent_labels(ticks(-0.0051, 0.0001, 3)) == ["-0.4 %", "-0.2 %", "0 %"]
    assert number_labels([-500, -250, 0, 250], sign=True) == ["-500", "-250", "0", "+250"]
    assert number_labels([60_000, 62_500, 65_000]) == ["60.0k", "62.5k", "65.0k"]
    assert log_ticks(0.9, 7.5) == [1, 2, 5]


@pytest.mark.parametrize("days", [0.01, 0.3, 0.8, 3, 20, 60, 210, 900, 4000])
def test_time_marks_are_few_and_round(days):
    start = 1_767_484_800 * 10**9 + 12345
    found = time_ticks(start, start + int(days * DAY), 7)
    assert 1 <= len(found) <= 8
    assert all(start <= t <= start + days * DAY for t, _ in found)
    labels = [label for _, label in found]
    assert all(a != b for a, b in pairwise(labels))


def test_time_marks_name_the_day_at_midnight_and_the_year_in_january():
    start = 1_767_484_800 * 10**9
    assert [label for _, label in time_ticks(start, start + DAY, 5)] == ["4 Jan", "06:00", "12:00", "18:00", "5 Jan"]
    assert "2027" in [label for _, label in time_ticks(start, start + 500 * DAY, 12)]


@given(st.lists(st.floats(0, 200), min_size=1, max_size=8))
def test_labels_are_nudged_apart_and_stay_inside(wanted):
    placed = apart(wanted, 15, 0, 200)
    ordered = sorted(placed)
    assert all(b - a >= 15 - 1e-9 for a, b in itertools.pairwise(ordered))
    assert max(placed) <= 200 + 1e-9
    assert [i for _, i in sorted((p, i) for i, p in enumerate(placed))] == sorted(
        range(len(wanted)), key=lambda i: (wanted[i], placed[i])
    )


def test_a_logarithmic_scale_puts_doublings_at_equal_distances():
    y = Scale(1, 8, 300, 0, log=True)
    assert [round(y(v)) for v in (1, 2, 4, 8)] == [300, 200, 100, 0]
    assert y.many(np.array([1.0, 8.0])).tolist() == [300, 0]


@given(st.text(min_size=1, max_size=60), st.floats(60, 300))
def test_a_name_keeps_as_much_of_its_beginning_as_there_is_room_for(name, width):
    fitted = _fit(name, width)
    if fitted == name:
        assert text_width(name) <= width
        return
    kept = fitted.removesuffix("...")
    assert name.startswith(kept)
    assert text_width(fitted) <= width + 1e-9
    assert text_width(f"{name[: len(kept) + 1]}...") > width - 1e-9


def test_a_name_of_any_length_is_fitted_at_once():
    """A report must come to an end whatever a strategy called its reason: each name is walked through once."""
    assert _fit("x" * 10**6, 300) == _fit("x" * 100, 300)
