"""A gate: one check of one proposal, with the number that was looked at and the limit it was held against.

A plain tuple, as its row keeps it, since a verdict has sixty of them: (name, state), (name, state, value) or
(name, state, value, limit); one that is not applicable says why, (name, ABSENT, why).
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Final, TypeAlias

Figure: TypeAlias = float | str
Gate: TypeAlias = tuple[str, str] | tuple[str, str, Figure] | tuple[str, str, Figure, Figure]

PASSED: Final = "passed"
FAILED: Final = "failed"
ABSENT: Final = "not applicable"
UNKNOWN: Final = "unknown"  # a value that a live session must know

state_of: Final[Callable[[Gate], str]] = itemgetter(1)


def most(name: str, value: float | None, limit: float, *, live: bool = False, why: str = "not in this source") -> Gate:
    """Passed while value <= limit. NaN fails; None is not applicable, but in a live session it fails."""
    if value is None:
        return (name, FAILED, UNKNOWN, limit) if live else (name, ABSENT, why)
    return name, PASSED if value <= limit else FAILED, value, limit


def so(name: str, condition: bool) -> Gate:
    """Passed while the condition holds, which has no number."""
    return name, PASSED if condition else FAILED


def unless(name: str, why: str) -> Gate:
    """Failed where there is a reason to, which is its value."""
    return (name, FAILED, why) if why else (name, PASSED)
