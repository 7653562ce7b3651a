"""The pages of `--help`: commands by panel, options and examples, as plain lines.

typer's own pages are drawn by rich, which alone took a third of a start; these name the same in the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from tickerml.cli.terminal import stdout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typer._click import Command, Context, HelpFormatter

WIDTH: Final = 112
"""Columns of a page on a wider screen."""
NAMES: Final = 32
"""Columns for names, less on a narrow screen; below a longer one its text begins on the next line."""
HEADING: Final = "1"
NAME: Final = "36"
"""ANSI styles."""


class Page(TyperCommand):
    """A command's page; its epilog holds examples, one a line."""

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """What it takes."""
        _parameters(self, ctx, formatter)

    def format_epilog(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Lines to copy."""
        if self.epilog:
            _section(formatter, "Examples")
            formatter.write("".join(f"  {line}\n" for line in self.epilog.splitlines()))


class Panels(TyperGroup):
    """The page of a group, each panel of commands under its own heading; a command says its whole first paragraph."""

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        """What it takes, and its commands."""
        _parameters(self, ctx, formatter)
        panels: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            if not command.hidden:
                panel = getattr(command, "rich_help_panel", None) or "Commands"
                panels.setdefault(panel, []).append((name, _first_paragraph(command)))
        wide = max(len(name) for rows in panels.values() for name, _ in rows)
        for panel, rows in panels.items():
            _table(formatter, panel, [(name.ljust(wide), text) for name, text in rows])


def command_group(text: str, **more: Any) -> typer.Typer:
    """A group of commands, or the program itself, with pages of this kind; `text` is what it is for."""
    return typer.Typer(cls=Panels, help=text, rich_markup_mode=None, **more)


def _parameters(command: Command, ctx: Context, formatter: HelpFormatter) -> None:
    ctx.color = stdout().colour  # the page is written with this when it is complete
    told = [(p.param_type_name, *row) for p in command.get_params(ctx) if (row := p.get_help_record(ctx))]
    # An argument is what it is called; the type in Python's words behind it says nothing to a reader.
    arguments = [(name.split(" <")[0], text) for kind, name, text in told if kind == "argument"]
    options = [(name, text) for kind, name, text in told if kind == "option"]
    for heading, rows in (("Arguments", arguments), ("Options", options)):
        if rows:
            _table(formatter, heading, rows)


def _table(formatter: HelpFormatter, heading: str, rows: Iterable[tuple[str, str]]) -> None:
    _section(formatter, heading)
    with formatter.indentation():
        wide = min(NAMES, max(12, formatter.width // 2 - 8))
        formatter.write_dl([(_painted(name, NAME), text) for name, text in rows], col_max=wide)


def _section(formatter: HelpFormatter, heading: str) -> None:
    formatter.write_paragraph()
    formatter.write(_painted(f"{heading}:", HEADING) + "\n")


def _painted(text: str, style: str) -> str:
    return stdout().paint(text, style)


def _first_paragraph(command: Command) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split())
