"""The one exception tree. Each class says when; `code` is a closed list, one page of `tickerml explain` each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a problem: file, 1-based line and column, the line's text, and how many characters to mark."""

    file: str
    line: int | None = None
    column: int | None = None
    text: str | None = None
    mark: int = 0
    note: str = ""  # beside the mark: "did you mean max_open_positions?"


class TickerMLError(Exception):
    """Base of all: something that a person can act on. Raised as one of the classes below."""

    exit_code = 1

    def __init__(
        self,
        code: str,
        message: str,
        *,
        where: Where | None = None,
        key: str | None = None,
        means: str = "",
        try_: str = "",
        more: tuple[TickerMLError, ...] = (),
    ) -> None:
        """`message` in the user's words; `means`: what was done and not lost; `try_`: a line that can be pasted.

        `more`: further problems found in the same pass, so that a person sees all of them at once.
        """
        super().__init__(message)
        self.more = more
        self.code, self.message, self.where, self.key, self.means, self.try_ = code, message, where, key, means, try_

    def __str__(self) -> str:
        place = f" ({self.where.file}{'' if self.where.line is None else f':{self.where.line}'})" if self.where else ""
        return f"{self.code}: {self.message}{place}"


class InputError(TickerMLError):
    """A file, source or argument cannot be used as it is (exit 2)."""

    exit_code = 2


class ConfigError(TickerMLError):
    """A setting is unknown, of the wrong type or out of range (exit 2)."""

    exit_code = 2


class JournalError(TickerMLError):
    """A journal is damaged, locked, or the disk under it failed (exit 1)."""


class RunError(TickerMLError):
    """A run cannot go on, or a replay differs (exit 1)."""
