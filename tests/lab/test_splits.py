"""D5: splits of time: nothing that was learned from reaches into what is judged."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickerml.lab.splits import Span, Split, combinatorial, paths, purged, walk_forward


def test_a_walk_by_hand():
    found = list(walk_forward(Span(0, 100), train=40, test=20, purge=3, embargo=2))
    assert found == [
        Split((Span(0, 35),), (Span(40, 60),)),
        Split((Span(20, 55),), (Span(60, 80),)),
        Split((Span(40, 75),), (Span(80, 100),)),
    ]


def test_an_anchored_walk_learns_from_all_that_was():
    found = list(walk_forward(Span(10, 100), train=30, test=20, step=30, anchored=True))
    assert [s.train[0] for s in found] == [Span(10, 40), Span(10, 70)]
    assert [s.test[0] for s in found] == [Span(40, 60), Span(70, 90)]


@pytest.mark.parametrize(("end", "last"), [(69, 60), (70, 70), (75, 75)])
def test_a_last_test_is_at_least_half_as_long_as_the_others(end, last):
    assert list(walk_forward(Span(0, end), train=40, test=20))[-1].test[0].end == last


@given(
    st.integers(0, 50),
    st.integers(60, 400),
    st.integers(10, 50),
    st.integers(5, 40),
    st.integers(1, 60),
    st.integers(0, 5),
    st.integers(0, 4),
    st.booleans(),
)
def test_every_walk_learns_from_what_was_known_before(start, length, train, test, step, purge, embargo, anchored):
    whole = Span(start, start + length)
    if train + test > length:
        return
    found = list(
        walk_forward(whole, train=train, test=test, step=step, purge=purge, embargo=embargo, anchored=anchored)
    )
    assert found
    for split in found:
        (learned,), (judged,) = split.train, split.test
        assert whole.start <= learned.start < learned.end <= judged.start - purge - embargo
        assert judged.start < judged.end <= whole.end
        assert learned.start == whole.start if anchored else judged.start - learned.start == train
    starts = [s.test[0].start for s in found]
    assert starts == [starts[0] + k * step for k in range(len(starts))]
    if step == test:
        assert whole.end - found[-1].test[0].end < (test + 1) // 2


def test_combinations_by_hand():
    found = list(combinatorial(Span(0, 60), groups=6, tests=2, purge=2, embargo=3))
    assert len(found) == comb(6, 2)
    assert found[0] == Split((Span(25, 60),), (Span(0, 20),))
    assert found[1] == Split((Span(15, 18), Span(35, 60)), (Span(0, 10), Span(20, 30)))
    assert found[-1] == Split((Span(0, 38),), (Span(40, 60),))


@given(st.integers(2, 8), st.integers(1, 7), st.integers(0, 9), st.integers(0, 9), st.integers(0, 30))
def test_training_keeps_its_distance_and_nothing_else_is_lost(groups, tests, purge, embargo, start):
    if tests >= groups:
        return
    whole = Span(start, start + 100)
    for split in combinatorial(whole, groups=groups, tests=tests, purge=purge, embargo=embargo):
        judged = {t for s in split.test for t in range(s.start, s.end)}
        learned = {t for s in split.train for t in range(s.start, s.end)}
        near = {t + k for t in judged for k in range(-purge, purge + embargo + 1)}
        assert learned == set(range(*whole)) - near


@given(st.integers(2, 8), st.integers(1, 7))
def test_each_path_covers_all_time_and_each_test_serves_once(groups, tests):
    if tests >= groups:
        return
    found = paths(groups, tests)
    assert found.shape == (comb(groups - 1, tests - 1), groups)
    splits = list(combinatorial(Span(0, groups * 10), groups=groups, tests=tests))
    for path in found:
        for group, number in enumerate(path):
            assert any(s.start <= group * 10 and group * 10 + 10 <= s.end for s in splits[number].test)
    served = sorted((int(n), g) for path in found for g, n in enumerate(path))
    assert len(set(served)) == comb(groups, tests) * tests


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 25)), max_size=30),
    st.tuples(st.integers(0, 90), st.integers(1, 30)),
    st.integers(0, 10),
)
def test_no_sample_that_is_learned_from_shares_time_with_one_that_is_judged(samples, tested, embargo):
    start = np.array([a for a, _ in samples], np.int64)
    end = start + np.array([d for _, d in samples], np.int64)
    span = Span(tested[0], tested[0] + tested[1])
    keep = purged(start, end, [span], embargo=embargo)
    mine = (start >= span.start) & (start < span.end)
    assert not (keep & mine).any()
    last = max([span.end - 1, *end[mine].tolist()])
    for a, b, kept in zip(start, end, keep, strict=True):
        assert kept == (b < span.start or a > last + embargo)


def test_spans_agree_with_samples_of_bounded_length():
    """Entries within the training spans of a split are never purged, when outcomes come within `purge`."""
    start = np.arange(0, 600)
    end = start + 7
    for split in combinatorial(Span(0, 600), groups=6, tests=2, purge=8, embargo=4):
        chosen = np.zeros(600, bool)
        for s in split.train:
            chosen[s.start : s.end] = True
        assert purged(start, end, split.test, embargo=4)[chosen].all()


@pytest.mark.parametrize(
    "change", [{"train": 0}, {"test": 0}, {"step": 0}, {"purge": 40}, {"embargo": -1}, {"train": 90}]
)
def test_walks_that_do_not_fit_are_refused(change):
    with pytest.raises(ValueError, match=r"positive|shorter"):
        list(walk_forward(Span(0, 100), **({"train": 40, "test": 20} | change)))


@pytest.mark.parametrize("change", [{"groups": 2, "tests": 2}, {"tests": 0}, {"groups": 200}, {"purge": -1}])
def test_combinations_that_do_not_fit_are_refused(change):
    with pytest.raises(ValueError, match=r"tested|at least 0"):
        list(combinatorial(Span(0, 100), **change))


def test_a_sample_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="at or after"):
        purged(np.array([3]), np.array([2]), [Span(0, 1)])
