"""What a gate answers at its limit, to NaN and to no number at all."""

from __future__ import annotations

from math import nan

from tickerml.desk.gates import ABSENT, FAILED, PASSED, most, so, state_of, unless


def test_a_value_at_its_limit():
    """F3: a limit is the last figure that passes."""
    for value, state in [(1.5, PASSED), (2.0, PASSED), (2.5, FAILED)]:
        assert most("x", value, 2.0) == ("x", state, value, 2.0)
    assert state_of(most("x", nan, 2.0)) == FAILED


def test_no_number_is_not_applicable_but_in_a_live_session():
    """A check that cannot be computed counts as failed; a simulation's source may not have the figure."""
    assert most("x", None, 2.0) == ("x", ABSENT, "not in this source")
    assert most("x", None, 2.0, live=True, why="no feed") == ("x", FAILED, "unknown", 2.0)


def test_a_condition_holds_or_not():
    assert so("x", True) == ("x", PASSED)
    assert so("x", False) == ("x", FAILED)
    assert unless("x", "") == ("x", PASSED)
    assert unless("x", "halted") == ("x", FAILED, "halted")
