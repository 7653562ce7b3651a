"""What a check of leaks found: the record that is kept in a run's folder, and how it is said."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from tickerml.tape.finite_json import from_json, json_text
from tickerml.views.words import duration

FILE: Final = "leaks.json"


@dataclass(frozen=True)
class Leak:
    """One place where a decision knew what was not known yet."""

    strategy: str
    column: str  # of the data that was read ahead; "" where none could be named
    bar: str  # ISO time (UTC) of the wake whose decision changes
    line: int  # of the source; 0 where none could be named
    file: str = ""
    text: str = ""  # of that line
    table: str = ""  # the file that the column is in, "tape.columns", or a field of the strategy
    said: str = ""  # with the whole history
    cut: str = ""  # with what was known
    why: str = ""  # of a column that was made ahead before the run: how that is known

    def lines(self) -> list[str]:
        """The finding in words."""
        where = f"{self.file}:{self.line}" if self.line else self.file or "a line that could not be named"
        of = f" of {self.table}" if self.table else ""
        return [
            f"{self.strategy} looks ahead: column {self.column or '?'}{of}, bar {self.bar}",
            f"  --> {where}   {self.text}",
            *([f"  {self.why}"] if self.why else []),
            f"  with the whole history:  {_short(self.said)}",
            f"  with {'another column:     ' if self.why else 'what was known:     '}{_short(self.cut)}",
        ]


@dataclass(frozen=True)
class Warm:
    """How much history one feature needs: until its first value, and until what came before no longer matters."""

    feature: str
    first: int  # ns; -1 = none came
    settled: int  # ns; -1 = it had not settled by the end of what was tried


@dataclass(frozen=True)
class Unsettled:
    """A decision behind the warm-up that another amount of history before it would have changed."""

    strategy: str
    feature: str
    bar: str
    whole: float | None  # the feature's value with all history; None or nan = it had none
    short: float | None  # and with that of the warm-up alone


@dataclass(frozen=True)
class Outcome:
    """What was judged and what was found. `checked` False: nothing was, and `why` says why not."""

    checked: bool
    leaks: tuple[Leak, ...] = ()
    decisions: int = 0  # judged: each with the history that ended at it
    warmup: tuple[Warm, ...] = ()
    warmup_ns: int = 0
    unsettled: tuple[Unsettled, ...] = ()
    notes: tuple[str, ...] = ()  # what could not be judged, or is odd
    seconds: float = 0.0
    why: str = ""
    skipped: int = field(default=0)  # decisions that the time did not reach

    @property
    def clean(self) -> bool:
        """Whether it was checked and nothing looks ahead."""
        return self.checked and not self.leaks

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return from_json(json_text(asdict(self)))

    def line(self) -> str:
        """For a summary or a report: "no look-ahead in 48 decisions", "looks ahead: signal at mine.py:12"."""
        if not self.checked:
            return f"look-ahead not checked: {self.why}"
        if not self.leaks:
            return f"no look-ahead in {self.decisions:,} decisions"
        first = self.leaks[0]
        more = f" and {len(self.leaks) - 1} more" if len(self.leaks) > 1 else ""
        return f"LOOKS AHEAD: {first.column or 'a value'} at {Path(first.file).name}:{first.line}{more}"

    def lines(self) -> list[str]:
        """All of it in words."""
        said = [self.line() + (f"   ({self.seconds:.1f} s)" if self.checked else "")]
        said += [f"  {line}" for leak in self.leaks for line in leak.lines()]
        said += [f"  warm-up     {text}" for text in _warm(self)]
        for one in self.unsettled:
            said.append(
                f"  unsettled   {one.feature} at {one.bar}: {_number(one.whole)}, with the warm-up alone "
                f"{_number(one.short)}; the decision of {one.strategy} changes"
            )
        return [*said, *(f"  note        {note}" for note in self.notes)]


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Keep it in a run's folder."""
    (folder / FILE).write_text(json_text(outcome.plain(), indent=1) + "\n", encoding="utf-8")


def outcome_of(folder: Path) -> Outcome | None:
    """What was kept in a run's folder; None where nothing was."""
    try:
        told: Mapping[str, Any] = from_json((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    parts = {"leaks": Leak, "warmup": Warm, "unsettled": Unsettled}
    made = {name: tuple(kind(**one) for one in told.get(name, ())) for name, kind in parts.items()}
    return Outcome(**{**told, **made, "notes": tuple(told.get("notes", ()))})


def _warm(outcome: Outcome) -> list[str]:
    if not outcome.warmup:
        return []
    order = sorted(outcome.warmup, key=lambda one: one.settled if one.settled >= 0 else 1 << 62, reverse=True)
    whole = f"{duration(outcome.warmup_ns)} of history" if outcome.warmup_ns else "not known"
    return [whole, *(f"  {one.feature}: {_needs(one)}" for one in order)]


def _needs(one: Warm) -> str:
    if one.first < 0:
        return "no value in what was tried"
    if one.settled < 0:
        return f"first value after {duration(one.first)}, never settled in what was tried"
    if one.settled <= one.first:
        return duration(one.first)
    return f"first value after {duration(one.first)}, settled after {duration(one.settled)}"


def _number(value: float | None) -> str:
    return "none" if value is None or math.isnan(value) else f"{value:g}"


def _short(text: str) -> str:
    return text if len(text) <= 90 else text[:87] + "..."
