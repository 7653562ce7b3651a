"""What a gate answers at its limit, to NaN and to no number at all, and what of it a row keeps."""

from __future__ import annotations

from math import nan

import pytest

from tickerml.desk.gates import ABSENT, FAILED, PASSED, Gate, absent, below, holds, is_so, least, most, told


def test_a_value_at_its_limit():
    """F3: a limit is the last figure that passes, but of a count: that is full at its limit."""
    for value, at_most, beneath, at_least in [
        (1.5, PASSED, PASSED, FAILED),
        (2.0, PASSED, FAILED, PASSED),
        (2.5, FAILED, FAILED, PASSED),
        (nan, FAILED, FAILED, FAILED),
    ]:
        states = [gate("x", value, 2.0).state for gate in (most, below, least)]
        assert states == [at_most, beneath, at_least]


@pytest.mark.parametrize("gate", [most, below])
def test_no_number_is_not_applicable_but_in_a_live_session(gate):
    """A check that cannot be computed counts as failed; a simulation's source may not have the figure."""
    assert gate("x", None, 2.0) == Gate("x", ABSENT, None, 2.0, "not in this source")
    assert gate("x", None, 2.0, live=True, why="no feed") == Gate("x", FAILED, None, 2.0, "no feed")


def test_a_condition_holds_or_not():
    assert holds("x", True, 1, 2) == Gate("x", PASSED, 1, 2, "")
    assert is_so("x", True) == Gate("x", PASSED, None, None, "")
    assert is_so("x", False) == Gate("x", FAILED, None, None, "")


def test_a_row_keeps_of_each_gate_what_there_is():
    gates = [
        *(most("a", 1.0, 2.0), most("b", None, 2.0, live=True), most("c", None, 2.0), absent("d", "why")),
        *(
            is_so("e", True),
            holds("f", False, "clock"),
            holds("g", True, ""),
            holds("h", True, 0),
            holds("i", True, 0, 0),
        ),
    ]
    assert told(gates) == [
        *(["a", PASSED, 1.0, 2.0], ["b", FAILED, "unknown", 2.0], ["c", ABSENT, "not in this source"]),
        *(["d", ABSENT, "why"], ["e", PASSED], ["f", FAILED, "clock"], ["g", PASSED], ["h", PASSED, 0]),
        ["i", PASSED, 0, 0],
    ]
