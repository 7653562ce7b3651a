"""Follows a strategy's own lines and notes the past of what each was about, so that two runs can be compared."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final

from tickerml.run.leaks.prints import Past
from tickerml.run.leaks.statements import statements

MOST: Final = 20_000  # steps
SECONDS: Final = 6.0
_MODULE: Final = "<module>"


@dataclass(frozen=True)
class Step:
    """Something happened in a function of the strategy: it went on to `line`, or was called, left or raised."""

    what: str  # "line", "call", "return", "raise"
    file: str
    line: int
    after: int  # the line that ran before, in this function; for a call that of the caller
    depth: int  # functions of the strategy below it
    past: dict[str, Hashable]  # of the names in the statement that ran before
    scope: str  # name of the function


@dataclass
class _Frame:
    frame: FrameType
    line: int
    inner: int = 0


@dataclass
class Trace:
    """Steps of what ran inside `on`."""

    past: Past
    own: Callable[[str], bool]  # whether a file is the strategy's
    steps: list[Step] = field(default_factory=list)
    _stack: list[_Frame] = field(default_factory=list)
    _until: float = 0.0

    @contextmanager
    def on(self) -> Iterator[None]:
        """Follow what runs inside; another tracer (a debugger, coverage) has it back afterwards."""
        before = sys.gettrace()
        self._until = time.monotonic() + SECONDS
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(before)

    def _called(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not self.own(frame.f_code.co_filename) or self._full():
            return None
        caller = self._stack[-1].line if self._stack else frame.f_lineno
        names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
        self._note("call", frame, caller, {n: self.past.of(frame.f_locals[n]) for n in names if n in frame.f_locals})
        self._stack.append(_Frame(frame, frame.f_lineno))
        return self._within

    def _within(self, frame: FrameType, event: str, argument: Any) -> Any:
        while self._stack and self._stack[-1].frame is not frame:
            self._stack.pop()
        if not self._stack or self._full():
            return None
        at = self._stack[-1]
        past = self._mentioned(frame, at.line)
        if event == "return":
            self._note("return", frame, at.line, past | {"": self.past.of(argument)})
            self._stack.pop()
        elif event == "exception":
            self._note("raise", frame, frame.f_lineno, past)
        else:
            self._note("line", frame, at.line, past)
            at.line = frame.f_lineno
        return self._within

    def _mentioned(self, frame: FrameType, line: int) -> dict[str, Hashable]:
        one = statements(frame.f_code.co_filename).get(line)
        found = {}
        for name in one.names if one is not None else ():
            if name in frame.f_locals:
                found[name] = self.past.of(frame.f_locals[name])
            elif name in frame.f_globals:
                found[name] = self.past.of(frame.f_globals[name])
        return found

    def _note(self, what: str, frame: FrameType, after: int, past: dict[str, Hashable]) -> None:
        code = frame.f_code
        self.steps.append(Step(what, code.co_filename, frame.f_lineno, after, len(self._stack), past, code.co_name))

    def _full(self) -> bool:
        return len(self.steps) >= MOST or time.monotonic() > self._until


@dataclass(frozen=True)
class Split:
    """Where two traces part: at step `at`, behind line `after`, over `name` ("" = which way they went)."""

    at: int
    file: str
    after: int
    name: str
    depth: int
    scope: str


def splits(one: list[Step], two: list[Step]) -> list[Split]:
    """Every name whose past differs while both go the same way, and the step at which they no longer do."""
    found = []
    for n, (a, b) in enumerate(zip(one, two, strict=False)):
        if (a.what, a.file, a.line) != (b.what, b.file, b.line):
            found.append(Split(n, a.file, a.after, "", a.depth, a.scope))
            break
        names = [name for name in a.past if a.past[name] != b.past.get(name)]
        found += [Split(n, a.file, a.after, name, a.depth, a.scope) for name in names]
    return found


def origin(ask: list[Split], load: list[Split]) -> Split | None:
    """Where the first difference of an answer came from: the line at which its cause first differed.

    From the first line of `ask` that differs, back through what its statement mentions: to the line that made it, when
    the file was loaded or in a function that was called.
    """
    if not ask:
        return None
    at, others = ask[0], load
    causes = [s for name in _names(at) if (s := _first(load, name, _MODULE)) is not None]
    if causes:
        at, others = min(causes, key=lambda s: s.at), load
    else:
        others = ask
    for _ in range(50):
        earlier = [s for name in _names(at) if (s := _first(others, name, at.scope)) is not None and s.at < at.at]
        inner = [s for s in others if s.at < at.at and s.depth > at.depth and _within(s, at, others)]
        back = min(earlier or inner, key=lambda s: s.at, default=None)
        if back is None:
            break
        at = back
    return at


def _within(one: Split, outer: Split, among: list[Split]) -> bool:
    """Whether `one` happened in a call made by the statement of `outer`: nothing shallower lies between."""
    return not any(one.at < s.at < outer.at and s.depth <= outer.depth for s in among)


def _names(at: Split) -> tuple[str, ...]:
    one = statements(at.file).get(at.after)
    return one.names if one is not None else ()


def _first(among: list[Split], name: str, scope: str) -> Split | None:
    """Where `name`, as it is meant in a function called `scope`, first differed."""
    return next((s for s in among if s.name == name and (s.scope in (scope, _MODULE) or name == "self")), None)
