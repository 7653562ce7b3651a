"""What the two streams can show. Animation follows the terminal alone; FORCE_COLOR and NO_COLOR change colour only."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from tickerml.tape.shown import shown_lines

if TYPE_CHECKING:
    from rich.console import Console

NARROW = 60  # columns; below it the plain form is used
MINIMUM = 40  # columns that lines need at least


@dataclass(frozen=True, slots=True)
class Terminal:
    """One stream: whether it may move, be coloured, hold more than ASCII, and how wide it is."""

    stream: TextIO
    animate: bool
    colour: bool
    ascii: bool
    width: int
    narrow: bool = False  # `width` is that of a screen: what is longer is folded; else only what is read whole is

    @classmethod
    def of(cls, stream: TextIO, plain: bool = False, env: Mapping[str, str] | None = None) -> Terminal:
        """The rules: a pipe, `--plain`, TERM=dumb or fewer than 60 columns never animate; UTF-8 alone is not ASCII.

        The width is that of the screen, or what COLUMNS says; a pipe gets lines for 100.
        """
        env = os.environ if env is None else env
        tty = stream.isatty()
        told = env.get("COLUMNS", "")
        known = tty or (told.isdecimal() and int(told) > 0)
        width = max(MINIMUM, shutil.get_terminal_size((100, 30)).columns) if known else 100
        dumb = env.get("TERM") == "dumb"
        forced = env.get("FORCE_COLOR", "") not in {"", "0"}
        colour = not env.get("NO_COLOR") and not plain and (forced or (tty and not dumb))
        encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "").replace("_", "")
        return cls(stream, tty and not plain and not dumb and width >= NARROW, colour, encoding != "utf8", width, known)

    def write(self, text: str) -> None:
        """One line or more, in ASCII where the stream cannot show more; a character that it lacks becomes "?"."""
        shown = text.encode("ascii", "replace").decode() if self.ascii else text
        self.stream.write(shown + "\n")
        self.stream.flush()

    def folded(self, text: str) -> None:
        """Lines for people; on a screen that is too narrow for one, it is folded under its own label."""
        text = shown_lines(text)
        if self.narrow and max(map(len, text.split("\n"))) > self.width:
            from tickerml.views.words import fold

            text = "\n".join(part for line in text.split("\n") for part in fold(line, self.width))
        self.write(text)

    def paint(self, text: str, style: str) -> str:
        """`text` in an ANSI style ("1;31" bold red) where colour is wanted."""
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour and text else text

    def console(self) -> Console:
        """A rich console under the same rules."""
        from rich.console import Console

        return Console(
            file=self.stream,
            width=self.width,
            force_terminal=self.animate or self.colour,
            no_color=not self.colour,
            highlight=False,
            legacy_windows=False if self.animate else None,
            safe_box=self.ascii,
        )


def stderr(plain: bool = False) -> Terminal:
    """Where people are told things."""
    return Terminal.of(sys.stderr, plain)


def stdout(plain: bool = False) -> Terminal:
    """Where results go, and nothing else."""
    return Terminal.of(sys.stdout, plain)
