"""Null twins: the order in which blocks of time are told anew."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickerml.lab.shuffle import shuffled, shuffled_within, signs


def rng(seed=1):
    return np.random.Generator(np.random.PCG64(seed))


@given(st.integers(1, 300), st.integers(1, 50), st.integers(0, 1000))
def test_every_place_comes_once(n, block, seed):
    assert np.sort(shuffled(n, block, rng(seed))).tolist() == list(range(n))


def test_blocks_are_as_long_as_asked_on_average():
    for block in (1, 5, 24):
        order = shuffled(50_000, block, rng())
        follows = np.mean((np.diff(order) - 1) % 50_000 == 0)
        assert follows == pytest.approx(1 - 1 / block, abs=0.01)


def test_one_block_is_a_rotation_cut_anywhere():
    found = [shuffled(20, 10**9, rng(seed)) for seed in range(40)]
    assert all(((np.diff(order) - 1) % 20 == 0).all() for order in found)
    assert len({int(order[0]) for order in found}) > 10


def test_every_order_of_single_places_is_as_likely():
    """6 orders of 3 places."""
    drawn = np.array([shuffled(3, 1, rng(seed)) @ [9, 3, 1] for seed in range(3000)])
    assert np.unique(drawn, return_counts=True)[1] == pytest.approx(np.full(6, 500), abs=80)


@given(st.lists(st.integers(0, 80), min_size=1, max_size=6, unique=True), st.integers(1, 9), st.integers(0, 99))
def test_nothing_crosses_an_edge(edges, block, seed):
    edges = sorted({0, *edges})
    order = shuffled_within(edges, block, rng(seed))
    for low, high in pairwise(edges):
        assert sorted(order[low:high].tolist()) == list(range(low, high))


def test_signs_are_even():
    found = signs(10_000, rng())
    assert set(found.tolist()) == {-1.0, 1.0}
    assert abs(found.mean()) < 0.04


@pytest.mark.parametrize(("n", "block"), [(0, 1), (3, 0)])
def test_what_cannot_be_shuffled_is_refused(n, block):
    with pytest.raises(ValueError, match="at least one"):
        shuffled(n, block, rng())
