"""Compiled detectors: at a strategy's wake they say for each instrument whether Python must decide, or why it need not.

A detector is `detect(p, d, i, a)` beside a strategy (any of these four, in any order): `p` its parameters, `d` the
features of its `sees` under their short names, `i` the instrument's constants, `a` what the engine knows (ASKED). It
returns 0 to have `decide` called, else the number, from 1, of its reason in the strategy's `passes`. Reasons are
counted here and told on the tape once a day, because a pass at each bar of each coin is no news.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tickerml.features.sets import members
from tickerml.tape.errors import ConfigError
from tickerml.tape.intent_ranges import LONGEST_REASON

GROUP: Final = 100  # owners of timers from here on are groups of strategies that wake together
REASONS: Final = 32  # reasons that a detector may have

ASKED: Final = np.dtype(  # one record per strategy and instrument
    [
        ("traded", "i8"),  # 1: the strategy trades this instrument
        ("ask", "i8"),  # 1: decide() is due
        ("held", "i8"),  # side of the trade under way on the instrument, whoever's; 0 = none
        ("mine", "i8"),  # the same where it is the strategy's own
        ("passes", "i8", (REASONS + 1,)),  # by reason, since they were last told
    ]
)

_GIVEN: Final = ("p", "d", "i", "a")


@dataclass(frozen=True)
class Detector:
    """One strategy's detector in a plan. Two with the same text share their machine code."""

    strategy: int  # its number among the Python strategies
    groups: tuple[int, ...]  # owners of the timers at which it looks
    module: str  # importable; has `detect`
    params: Any  # the strategy: its fields are the parameters
    reads: tuple[tuple[str, int, str], ...]  # field of `d`, number of the fold, field of the fold

    @property
    def record(self) -> np.dtype[np.void]:
        """The type of `d`: the features that it reads, f8."""
        return np.dtype([(name, "f8") for name, _, _ in self.reads] or [("none", "f8")])

    def asks(self) -> tuple[str, ...]:
        """Names of what `detect` wants to be given. ConfigError `detector` for one that there is not."""
        function = sys.modules[self.module].detect
        names = tuple(inspect.signature(getattr(function, "py_func", function)).parameters)
        for name in names:
            if name not in _GIVEN:
                wanted = ", ".join(_GIVEN)
                raise ConfigError("detector", f'detect of {self.module} asks for "{name}"; it may ask for {wanted}')
        return names


def short_names(sees: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """What a strategy sees: name in its view -> feature; a set's name stands for its members."""
    return dict(sees) if isinstance(sees, Mapping) else {name: name for name in members(sees)}


def detector_of(
    strategy: Any, number: int, groups: Sequence[int], columns: Mapping[str, tuple[int, str]]
) -> Detector | None:
    """The detector of strategy `number`, or None. ConfigError `detector`: it has more passes than are counted."""
    module = type(strategy).__module__
    if not hasattr(sys.modules.get(module), "detect") or not hasattr(strategy, "passes"):
        return None
    if len(strategy.passes) > REASONS:
        raise ConfigError("detector", f"{module} names {len(strategy.passes)} passes; at most {REASONS} are counted")
    if long := [reason for reason in strategy.passes if len(reason) > LONGEST_REASON]:
        raise ConfigError("detector", f"a pass of {module} has {len(long[0]):,} characters; at most {LONGEST_REASON}")
    seen = {short: columns.get(name) for short, name in short_names(strategy.sees).items()}
    reads = tuple((short, *column) for short, column in seen.items() if column is not None)
    return Detector(number, tuple(groups), module, strategy, reads)


def imports(detectors: Sequence[Detector]) -> str:
    """Lines that import each detector."""
    return "".join(f"from {one.module} import detect as detect_{k}\n" for k, one in enumerate(detectors))


def arguments(detectors: Sequence[Detector]) -> list[str]:
    """Names of what the loop is handed for them."""
    return [name for k in range(len(detectors)) for name in (f"dp{k}", f"d{k}", f"da{k}")]


def source(detectors: Sequence[Detector], alone: Mapping[int, bool], states: str) -> str:
    """The text of `ask(c, marks_, insts, states)`: whether Python must act for the group whose timer fired.

    `alone`: for each group, whether all its strategies have detectors.
    """
    if not detectors:
        return ""
    lines = ["", "", "@kernel", f"def ask(c, marks_, insts, {states}):"]
    lines += ['    """Let the detectors of the group that woke look at each instrument. True when Python must act."""']
    for group in sorted({group for one in detectors for group in one.groups}):
        lines += [f'    if c["owner"] == {group}:', f"        due = {not alone[group]}"]
        for k, one in enumerate(detectors):
            if group in one.groups:
                lines += _look(k, one)
        lines += ["        return due"]
    return "\n".join([*lines, "    return True", ""])


def _look(k: int, one: Detector) -> list[str]:
    given = {"p": f"dp{k}[0]", "d": f"d{k}[0]", "i": "insts[n]", "a": f"da{k}[n]"}
    return [
        "        for n in range(len(insts)):",
        f'            if da{k}[n]["traded"] != 0 and marks_[n]["rows"] != 0:',
        *(f'                d{k}[0]["{name}"] = f{fold}[n]["{field}"]' for name, fold, field in one.reads),
        f"                why = detect_{k}({', '.join(given[name] for name in one.asks())})",
        "                if why == 0:",
        f'                    da{k}[n]["ask"] = 1',
        "                    due = True",
        "                else:",
        f'                    da{k}[n]["passes"][why] += 1',
    ]
