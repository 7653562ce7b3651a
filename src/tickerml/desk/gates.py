"""A gate: one check of one proposal, with the number that was looked at and the limit it was held against."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from msgspec import Struct

PASSED: Final = "passed"
FAILED: Final = "failed"
ABSENT: Final = "not applicable"


class Gate(Struct, frozen=True, gc=False):
    """What the ledger keeps of one check."""

    name: str  # the control
    state: str  # PASSED, FAILED or ABSENT
    value: float | str | None = None
    limit: float | str | None = None
    why: str = ""  # where it is not applicable: because of what


def told(gates: Sequence[Gate]) -> list[list[float | str]]:
    """Gates as a row keeps them: [name, state, value, limit], without what there is not."""
    found: list[list[float | str]] = []
    for gate in gates:
        one: list[float | str] = [gate.name, gate.state]
        if gate.state == ABSENT:
            one.append(gate.why)
        elif gate.limit is not None:
            one += ["unknown" if gate.value is None else gate.value, gate.limit]
        elif gate.value is not None and gate.value != "":
            one.append(gate.value)
        found.append(one)
    return found


def most(name: str, value: float | None, limit: float, *, live: bool = False, why: str = "not in this source") -> Gate:
    """Passed while value <= limit. NaN fails; None is not applicable, but in a live session it fails."""
    if value is None:
        return Gate(name, FAILED if live else ABSENT, None, limit, why)
    return Gate(name, PASSED if value <= limit else FAILED, value, limit)


def below(name: str, value: float | None, limit: float, *, live: bool = False, why: str = "not in this source") -> Gate:
    """Passed while value < limit. NaN fails; None is not applicable, but in a live session it fails."""
    if value is None:
        return Gate(name, FAILED if live else ABSENT, None, limit, why)
    return Gate(name, PASSED if value < limit else FAILED, value, limit)


def least(name: str, value: float, limit: float) -> Gate:
    """Passed while value >= limit; NaN fails."""
    return Gate(name, PASSED if value >= limit else FAILED, value, limit)


def holds(name: str, condition: bool, value: float | str | None, limit: float | str | None = None) -> Gate:
    """Passed while the condition holds, whatever the value is."""
    return Gate(name, PASSED if condition else FAILED, value, limit)


@cache  # of few texts, and a verdict has twenty of these
def absent(name: str, why: str) -> Gate:
    """A control that this proposal or this source has no use for."""
    return Gate(name, ABSENT, None, None, why)


@cache
def is_so(name: str, condition: bool) -> Gate:
    """Passed while the condition holds, which has no number."""
    return Gate(name, PASSED if condition else FAILED)
