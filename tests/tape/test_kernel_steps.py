"""Kernels go through fewer steps than numba's: what these are for must not have been lost."""

from __future__ import annotations

import pytest

from tickerml.tape.kernel import _INTERPRETED, kernel

LIMIT = 3
WIDE = False


@kernel
def part(x: int) -> int:
    """Called by another kernel, with a constant and with a number."""
    if x > LIMIT:
        raise ValueError("too large")
    return x * 2


@kernel
def two_types(n: int) -> float:
    """One name for a whole number, then for a fraction, in a loop and behind branches."""
    x = n // 2
    total = 0.0
    for k in range(x):
        x = k / 4  # type: ignore[assignment]
        total += x if k & 1 else part(1) + part(k)
    return total + x


@kernel
def constant_branch(n: int) -> int:
    """What a constant rules out need not even have a type."""
    if WIDE:
        return n.no_such_attribute  # type: ignore[attr-defined]
    return n + 1


@kernel
def with_closure(n: int) -> int:
    """Goes through numba's own steps."""

    def twice(k: int) -> int:
        return 2 * k

    return twice(n) + part(1)


@kernel
def untyped(n: int) -> int:
    """Has no type."""
    return n.no_such_attribute  # type: ignore[attr-defined]


@kernel
def last_of(
    x0: int,
    x1: int,
    x2: int,
    x3: int,
    x4: int,
    x5: int,
    x6: int,
    x7: int,
    x8: int,
    x9: int,
    x10: int,
    x11: int,
    x12: int,
    x13: int,
    x14: int,
    x15: int,
    x16: int,
    x17: int,
    x18: int,
    x19: int,
    x20: int,
    x21: int,
    x22: int,
    x23: int,
    x24: int,
    x25: int,
    x26: int,
    x27: int,
    x28: int,
    x29: int,
    x30: int,
    x31: int,
    x32: int,
    x33: int,
    x34: int,
) -> int:
    """Takes more than thirty arguments."""
    return x34


@kernel
def calls_with_many(n: int) -> int:
    """Python hands so many over as a list."""
    total = 0
    while total < 100:
        total += last_of(
            n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n
        )
    return total


def test_a_call_may_have_more_than_thirty_arguments() -> None:
    assert calls_with_many(7) == 105


def test_a_name_may_stand_for_numbers_of_two_types() -> None:
    expected = sum(k / 4 if k & 1 else 2 + 2 * k for k in range(3)) + 2 / 4
    assert two_types(7) == expected
    assert two_types(1) == 0.0


def test_raises_reach_python() -> None:
    with pytest.raises(ValueError, match="too large"):
        two_types(12)


def test_what_a_constant_rules_out_is_not_compiled() -> None:
    assert constant_branch(4) == 5


def test_a_closure_is_compiled_by_numbas_steps() -> None:
    assert with_closure(5) == 12


@pytest.mark.skipif(_INTERPRETED, reason="nothing is compiled")
def test_an_error_names_the_function_and_the_line() -> None:
    with pytest.raises(Exception, match="no_such_attribute") as told:
        untyped(1)
    assert "untyped" in str(told.value)
    assert "type inference" in str(told.value)
