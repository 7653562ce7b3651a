"""A gate: one check of one proposal, with the number that was looked at and the limit it was held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

PASSED: Final = "passed"
FAILED: Final = "failed"
ABSENT: Final = "not applicable"


class Gate(NamedTuple):
    """What the ledger keeps of one check."""

    name: str  # the control
    state: str  # PASSED, FAILED or ABSENT
    value: float | str | None = None
    limit: float | str | None = None
    why: str = ""  # where it is not applicable: because of what


_of: Final = tuple.__new__  # half the time of Gate(...), and a verdict has sixty of them


def told(gates: Sequence[Gate]) -> list[list[float | str]]:
    """Gates as a row keeps them: [name, state, value, limit], without what there is not."""
    found: list[list[float | str]] = []
    for name, state, value, limit, why in gates:
        if state == ABSENT:
            found.append([name, state, why])
        elif limit is not None:
            found.append([name, state, "unknown" if value is None else value, limit])
        elif value is not None and value != "":
            found.append([name, state, value])
        else:
            found.append([name, state])
    return found


def most(name: str, value: float | None, limit: float, *, live: bool = False, why: str = "not in this source") -> Gate:
    """Passed while value <= limit. NaN fails; None is not applicable, but in a live session it fails."""
    if value is None:
        return _of(Gate, (name, FAILED if live else ABSENT, None, limit, why))
    return _of(Gate, (name, PASSED if value <= limit else FAILED, value, limit, ""))


def below(name: str, value: float | None, limit: float, *, live: bool = False, why: str = "not in this source") -> Gate:
    """Passed while value < limit. NaN fails; None is not applicable, but in a live session it fails."""
    if value is None:
        return _of(Gate, (name, FAILED if live else ABSENT, None, limit, why))
    return _of(Gate, (name, PASSED if value < limit else FAILED, value, limit, ""))


def least(name: str, value: float, limit: float) -> Gate:
    """Passed while value >= limit; NaN fails."""
    return _of(Gate, (name, PASSED if value >= limit else FAILED, value, limit, ""))


def holds(name: str, condition: bool, value: float | str | None = None, limit: float | str | None = None) -> Gate:
    """Passed while the condition holds."""
    return _of(Gate, (name, PASSED if condition else FAILED, value, limit, ""))


def absent(name: str, why: str) -> Gate:
    """A control that this proposal or this source has no use for."""
    return _of(Gate, (name, ABSENT, None, None, why))
