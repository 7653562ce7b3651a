"""Errors as people read them: code, what, where with the line marked, what it means, what to try. One template."""

from __future__ import annotations

import errno
import json
import os
import platform
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import typer

from tickerml.cli.terminal import Terminal
from tickerml.tape.errors import InputError, RunError, TickerMLError, Where
from tickerml.tape.shown import shown

_UNBROKEN: Final[dict[str, Any]] = {"break_long_words": False, "break_on_hyphens": False}
PAGES: Final = Path(__file__).parent / "pages"
RED, YELLOW, BLUE, BOLD = "1;31", "1;33", "1;34", "1"


def render(error: TickerMLError, to: Terminal, level: Literal["error", "warning"] = "error") -> None:
    """The error and all that came with it, in the template of the user interface."""
    for one in (error, *error.more):
        to.write("\n".join(_lines(one, to, level)))


def as_json(error: TickerMLError) -> dict[str, Any]:
    """The same for machines; `more` holds the further problems of the same pass."""
    where = error.where or Where("")
    told: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "file": where.file or None,
        "line": where.line,
        "key": error.key,
        "try": error.try_ or None,
    }
    if error.more:
        told["more"] = [as_json(one)["error"] for one in error.more]
    return {"error": told}


def json_line(error: TickerMLError) -> str:
    """The last line of stdout when `--json` was asked for."""
    return json.dumps(as_json(error), ensure_ascii=False)


def page(code: str) -> str | None:
    """The page of `tickerml explain CODE`, None where there is none."""
    path = PAGES / f"{code}.md"
    return path.read_text(encoding="utf-8") if path.is_file() else None


def reflowed(text: str, width: int) -> list[str]:
    """The lines of a page; those of a paragraph are joined and wrapped again where one is longer than `width`."""
    lines = text.split("\n")
    if max(map(len, lines)) <= width:
        return lines
    found: list[str] = []
    for line in lines:
        goes_on = found and found[-1] and line and not line.startswith(("- ", "#"))
        if goes_on and not found[-1].startswith("#"):
            found[-1] += " " + line.strip()
        else:
            found.append(line)
    hanging = ("  " if line.startswith("- ") else "" for line in found)
    wrapped = (
        textwrap.wrap(one, width, subsequent_indent=by, **_UNBROKEN) for one, by in zip(found, hanging, strict=True)
    )
    return [line for paragraph in wrapped for line in paragraph or [""]]


def codes() -> list[str]:
    """Every code that has a page."""
    return sorted(path.stem for path in PAGES.glob("*.md"))


def translate(error: BaseException) -> TickerMLError:
    """Anything that reached the top, as an error that a person can act on. Never a traceback."""
    if isinstance(error, TickerMLError):
        return error
    if isinstance(error, typer.TyperException):
        return _usage(error)
    if isinstance(error, MemoryError):
        return RunError(
            "no-memory",
            "the machine has no memory left",
            means="nothing stored is lost",
            try_="close other programs, or a shorter --timerange",
        )
    if isinstance(error, OSError) and error.errno in _SYSTEM:
        code, text = _SYSTEM[error.errno]
        name = str(_in_the_way(error.filename)) if error.filename else "the file"
        kind = InputError if code in {"file-missing", "file-kind"} else RunError
        return kind(code, text.format(name=name), where=Where(name) if error.filename else None)
    return _internal(error)


_SYSTEM: Final = {
    errno.ENOENT: ("file-missing", "there is no {name}"),
    errno.EEXIST: ("file-kind", "{name} is a file where a folder is needed"),
    errno.ENOTDIR: ("file-kind", "{name} is a file where a folder is needed"),
    errno.EISDIR: ("file-kind", "{name} is a folder where a file is needed"),
    errno.EACCES: ("file-permission", "this user may not open {name}"),
    errno.EPERM: ("file-permission", "this user may not change {name}"),
    errno.EROFS: ("file-permission", "{name} lies on a disk that cannot be written to"),
    errno.ENOSPC: ("disk-full", "the disk is full; {name} was not written"),
    errno.EIO: ("disk-failed", "the disk reported a failure at {name}"),
}


def _in_the_way(name: str | bytes) -> Path:
    """The file that stands where a path needs a folder; the path itself where none does."""
    path = Path(os.fsdecode(name))
    return next((above for above in (*reversed(path.parents), path) if above.is_file()), path)


def _usage(error: typer.TyperException) -> TickerMLError:
    text = error.format_message().replace("Value error, ", "").rstrip(".")
    text = text.replace("Invalid value for", "cannot use the value of")
    text = text.replace("Input should be a valid", "it must be a").replace("integer", "whole number")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "tickerml"
    return InputError("usage", text[:1].lower() + text[1:], try_=f"{path} --help")


def _internal(error: BaseException) -> TickerMLError:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = None if frame is None else Where(frame.tb_frame.f_code.co_filename, frame.tb_lineno)
    return RunError(
        "internal",
        f"a fault in TickerML itself: {type(error).__name__}: {error}",
        where=where,
        means="what was stored before this is stored; nothing after it was done",
        try_="the same command with --debug, and report what it prints together with "
        f"`tickerml --version` ({platform.system()} {platform.machine()}, Python {platform.python_version()})",
    )


def _lines(error: TickerMLError, to: Terminal, level: str) -> Iterator[str]:
    head = f"{level}[{error.code}]: "
    told = shown(error.message)
    message = textwrap.wrap(told, **_UNBROKEN, width=to.width, initial_indent=head, subsequent_indent="  ")
    first, *rest = message if to.narrow and told else [head + told]
    yield f"{to.paint(head[:-2], RED if level == 'error' else YELLOW)}: {to.paint(first[len(head) :], BOLD)}"
    yield from (f"  {to.paint(line[2:], BOLD)}" for line in rest)
    if error.where is not None:
        yield from _place(error.where, to)
    if error.means:
        wide = max(40, to.width - 9)
        first, *rest = textwrap.wrap(shown(error.means), wide, **_UNBROKEN)
        yield f"  {to.paint('means:', BLUE)} {first}"
        yield from (f"{'':9}{line}" for line in rest)
    if error.try_:  # one line, whatever its length: it can be pasted
        yield f"  {to.paint('try:  ', BLUE)} {shown(error.try_)}"


def _place(where: Where, to: Terminal) -> Iterator[str]:
    at = ":".join(str(part) for part in (where.file, where.line, where.column) if part is not None)
    beside = f" ({where.note})" if where.note and where.text is None else ""
    yield f"  {to.paint('-->', BLUE)} {shown(at + beside)}"
    if where.text is None:
        return
    number = "" if where.line is None else str(where.line)
    margin = max(5, len(number) + 1)
    bar = to.paint("|", BLUE)
    text, start = _window(where, to.width - margin - 4)
    yield f"{number:>{margin}} {bar} {text}"
    if where.mark:
        marks = "^" * min(where.mark, max(1, len(text) - start))
        yield f"{'':>{margin}} {bar} {' ' * start}{to.paint(marks, RED)} {where.note}".rstrip()


def _window(where: Where, width: int) -> tuple[str, int]:
    """The line without tabs, cut around the mark where it is too long, and where the mark then starts."""
    text, start = shown((where.text or "").replace("\t", " ")), (where.column or 1) - 1
    if len(text) <= width:
        return text, start
    first = max(0, min(start - width // 3, len(text) - width))
    return text[first : first + width], start - first


def debugging(argv: list[str]) -> bool:
    """`--debug` was typed: tracebacks are wanted."""
    return "--debug" in argv


def traceback_of(error: BaseException) -> None:
    """The whole traceback, on stderr."""
    import traceback

    traceback.print_exception(error, file=sys.stderr)
