"""The one place where a run calls code of a strategy: what goes wrong in it is told as the strategy's, with its line.

A strategy of TickerML's own is an exception: a fault in it is a fault of ours, and stays one.
"""

from __future__ import annotations

import bdb
import inspect
import linecache
import reprlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from traceback import walk_tb
from typing import Any, Final

import numpy as np

from tickerml.engine.outbox import canonical
from tickerml.tape.errors import ConfigError, InputError, TickerMLError, Where
from tickerml.tape.instruments import Instrument
from tickerml.tape.intent_ranges import LONGEST_REASON
from tickerml.tape.intents import Legs, Pass, Quotes, Setup, Target

RETURNS: Final = 'decide returns a Setup (Long(...) or Short(...)), Target, Quotes or Legs, or Pass("why not")'
_ENDED: Final = "the run ended there; what was recorded before stays"
_TRACE: Final = "the same command with --debug: it prints the whole traceback"
_PASSED_ON: Final = (MemoryError, BrokenPipeError, bdb.BdbQuit)  # of the machine, the reader and the debugger
_INTENTS: Final = (Setup, Target, Quotes, Legs)
_OWN: Final = "own_"  # how modules of a user's own files are named (run/own_file.py)


@dataclass(frozen=True)
class Woken:
    """A Python strategy of a run."""

    owner: int  # its number among all strategies of the run
    name: str
    strategy: Any  # strategies.view.Strategy, or what stands around it
    traded: tuple[Instrument, ...]
    home: Where | None = None  # where its `decide` is written; None = in TickerML


def home_of(strategy: object) -> Where | None:
    """The file of a strategy of the user's, and the line of its `decide` where that is in it."""
    cls = type(strategy)
    if cls.__module__.partition(".")[0] == "tickerml":
        return None
    code = getattr(inspect.unwrap(getattr(cls, "decide", cls)), "__code__", None)
    written = getattr(getattr(cls, "decide", None), "__module__", "")
    if code is not None and not written.startswith("tickerml."):
        return Where(code.co_filename, code.co_firstlineno)
    return Where(getattr(sys.modules.get(cls.__module__), "__file__", None) or cls.__module__)


def called(one: Woken, what: str, view: Any, *given: Any) -> Any:
    """What the method `what` of a strategy answers. InputError `strategy`, or what it raised of ours with its line."""
    try:
        return getattr(one.strategy, what)(view, *given)
    except _PASSED_ON:
        raise
    except (Exception, SystemExit) as error:  # whatever the user's own code raises is theirs to read
        if one.home is None and not isinstance(error, TickerMLError):
            raise
        raise broken(_said(one, view), one.home, what, error) from error


def answer_of(one: Woken, view: Any) -> Any:
    """The answer of a strategy: an intent or a pass, and nothing else. InputError `strategy`."""
    answer = called(one, "decide", view)
    wrong = _wrong(answer)
    if wrong:
        raise InputError("strategy", f"{_said(one, view)}: {wrong}", where=_marked(one.home), means=_after("decide"))
    return answer


def blob_of(one: Woken, view: Any, figures: Callable[..., dict[str, Any]], *given: Any) -> bytes:
    """The blob of a row that holds what a strategy answered. InputError `strategy`: it cannot be kept."""
    try:
        return canonical(figures(one.name, *given))
    except Exception as error:
        if one.home is None:
            raise
        raise InputError(
            "strategy",
            f"{_said(one, view)}: decide answered with figures that cannot be kept: {error}",
            where=_marked(one.home),
            means=f"{_ENDED}; a figure of info or params is a number, a text, true, false or None, under a text",
        ) from error


def placed(one: Woken, view: Any, function: Callable[..., Any], *given: Any) -> Any:
    """`function(*given)`, which reads an answer; a ConfigError `intent` of it gets the strategy and its line."""
    try:
        return function(*given)
    except ConfigError as error:
        if error.code != "intent":
            raise
        raise broken(_said(one, view), one.home, "decide", error) from error


def broken(said: str, home: Where | None, what: str, error: BaseException, *, means: str = "") -> TickerMLError:
    """The error of a strategy that raised `error` in `what`; `said`: who it is, and where on the tape it was."""
    where = _line_of(error, home)
    means = means or (error.means if isinstance(error, TickerMLError) else "") or _after(what)
    if isinstance(error, TickerMLError):
        return type(error)(
            error.code,
            f"{said}: {error.message}",
            where=error.where or where,
            key=error.key,
            means=means,
            try_=error.try_,
            more=error.more,
        )
    if isinstance(error, SystemExit):
        did = f"{what} ended the program (SystemExit: {error}); only Ctrl-C or `tickerml stop` ends a run"
    else:
        did = f"{what} raised {type(error).__name__}: {error}"
    return InputError("strategy", f"{said}: {did}", where=where, means=means, try_=_TRACE)


def _said(one: Woken, view: Any) -> str:
    time = str(np.datetime64(view.now, "ns")).rstrip("0").rstrip(".")
    return f"{one.name} on {view.instrument.symbol} at {time}Z"


def _after(what: str) -> str:
    return f"{_ENDED}; {RETURNS}" if what == "decide" else _ENDED


def _wrong(answer: object) -> str:
    """What is wrong with an answer, in words; empty when the desk can judge it."""
    if isinstance(answer, Pass):
        return _wrong_reason(answer.reason)
    return "" if isinstance(answer, _INTENTS) else f"decide returned {reprlib.repr(answer)}"


def _wrong_reason(reason: object) -> str:
    """A reason is a short text: reports, tables and pictures count by it and show it."""
    if not isinstance(reason, str):
        return f"decide passed with the reason {reprlib.repr(reason)}, which is no text"
    if len(reason) <= LONGEST_REASON:
        return ""
    return (
        f"decide passed with a reason of {len(reason):,} characters ({reprlib.repr(reason)}); it may have "
        f"{LONGEST_REASON}, and figures go into its `info`"
    )


def _line_of(error: BaseException, home: Where | None) -> Where | None:
    """The innermost line of the user's that an error came through, else the line of `decide`."""
    if home is None:
        return None
    file, line = home.file, home.line
    for frame, at in walk_tb(error.__traceback__):
        own = str(frame.f_globals.get("__name__", "")).startswith(_OWN)
        if own or frame.f_code.co_filename == home.file:
            file, line = frame.f_code.co_filename, at
    return _marked(Where(file, line))


def _marked(where: Where | None) -> Where | None:
    """The same place with its line, as it is in the file."""
    text = "" if where is None or where.line is None else linecache.getline(where.file, where.line).rstrip()
    if where is None or not text:
        return where
    code = text.lstrip()
    return Where(where.file, where.line, 1 + len(text) - len(code), text, len(code))
