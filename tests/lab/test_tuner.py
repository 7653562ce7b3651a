"""The tuner asks the same questions for the same answers, within its spaces, and finds a plain optimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest

from tickerml.lab.tuner import BATCH, Space, Tuner, space
from tickerml.tape.errors import ConfigError, InputError
from tickerml.tape.params import Range


@dataclass(frozen=True)
class Params:
    fast: Annotated[int, Range(1, 1000)] = 5  # bars
    stop: Annotated[float, Range(0.0001, 0.5)] = 0.01  # share
    on: bool = True  # switch


SPACES = {
    "fast": Space(low=1, high=200, whole=True),
    "stop": Space(low=0.001, high=0.5),
    "slow": Space((30, 60, 90)),
}


def searched(trials, seed=1, spaces=SPACES):
    tuner, asked = Tuner(spaces, trials=trials, seed=seed), []
    while combos := tuner.ask():
        asked += combos
        tuner.tell([-abs(one["fast"] - 40) - (one["slow"] != 60) * 20 for one in combos])
    return asked


def test_questions_depend_on_seed_and_answers_alone():
    first = searched(100)
    assert first == searched(100)
    assert first[: 4 * BATCH] == searched(4 * BATCH)  # a longer search begins like a shorter one
    assert first != searched(100, seed=2)
    assert len(first) == 100


def test_it_stays_within_its_spaces_and_comes_closer():
    asked = searched(160)
    assert all(1 <= one["fast"] <= 200 and isinstance(one["fast"], int) for one in asked)
    assert all(0.001 <= one["stop"] <= 0.5 for one in asked)
    assert {one["slow"] for one in asked} == {30, 60, 90}
    late = asked[-48:]
    assert sum(one["slow"] == 60 for one in late) > 24
    off = [abs(one["fast"] - 40) for one in asked]
    assert sum(off[-48:]) < 0.5 * sum(off[:48])


def test_spaces_as_they_are_typed():
    assert space("fast=5:50", Params) == ("fast", Space(low=5, high=50, whole=True))
    assert space("stop=0.01:0.05", Params) == ("stop", Space(low=0.01, high=0.05))
    assert space("fast=5:15:5", Params) == ("fast", Space((5, 10, 15)))
    assert space("on=true,false", Params) == ("on", Space((True, False)))


@pytest.mark.parametrize("text", ["fast=50:5", "fast=a:b", "fast=5:", "fast", "stop=1:inf"])
def test_ranges_that_are_none(text):
    with pytest.raises(InputError) as told:
        space(text, Params)
    assert told.value.code == "sweep-range"


def test_a_name_that_is_none():
    with pytest.raises(ConfigError) as told:
        space("fasst=1:2", Params)
    assert told.value.code == "sweep-param"
