"""What every command has in common: its output, the options --json, --plain, --debug and -v, and its examples."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tickerml.cli.help import Page
from tickerml.cli.terminal import Terminal, stderr, stdout
from tickerml.tape.finite_json import json_text

if TYPE_CHECKING:
    from tickerml.cli.progress import Watch


@dataclass
class Out:
    """Where a command speaks: results on stdout, everything else on stderr; with --json all text goes to stderr."""

    json: bool = False
    plain: bool = False
    debug: bool = False
    verbose: int = 0
    err: Terminal = field(init=False)
    std: Terminal = field(init=False)

    def __post_init__(self) -> None:
        self.err, self.std = stderr(self.plain), stdout(self.plain)
        if self.verbose:
            import logging

            level = logging.INFO if self.verbose == 1 else logging.DEBUG
            form = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
            logging.basicConfig(
                level=level, format=form, datefmt="%Y-%m-%d %H:%M:%S", stream=self.err.stream, force=True
            )

    @property
    def people(self) -> Terminal:
        """Where the result is read."""
        return self.err if self.json else self.std

    @property
    def room(self) -> int | None:
        """Columns of the screen that the result is read on; None for a pipe, where lines stay whole."""
        return self.people.width if self.people.narrow else None

    def say(self, text: str) -> None:
        """Part of the result, for people."""
        self.people.folded(text)

    def tell(self, text: str) -> None:
        """About the result: what was assumed, where a file lies."""
        self.err.folded(text)

    def result(self, found: object, lines: Iterable[str] = ()) -> None:
        """The end of a command: the lines for people and, with --json, one object as the last line of stdout."""
        for line in lines:
            self.say(line)
        if self.json:
            self.std.write(json_text(found, ensure_ascii=False))

    def watch(self, name: str, *, graceful: bool = False) -> Watch:
        """A progress display for long work of the command `name`, in a `with`; `graceful`: Ctrl-C ends it cleanly."""
        from tickerml.cli.progress import Watch

        return Watch(name, self.err, self.verbose, graceful=graceful)


JsonFlag = Annotated[
    bool, typer.Option("--json", help="Print one JSON object as the last line of stdout; text goes to stderr.")
]
PlainFlag = Annotated[bool, typer.Option("--plain", help="Plain lines: no colour, no moving display.")]
DebugFlag = Annotated[bool, typer.Option("--debug", help="On a failure show the traceback.")]
VerboseCount = Annotated[
    int,
    typer.Option("-v", "--verbose", count=True, show_default=False, help="Say more; -vv also what the libraries log."),
]
_COMMON: dict[str, tuple[Any, Any]] = {
    "json": (JsonFlag, False),
    "plain": (PlainFlag, False),
    "debug": (DebugFlag, False),
    "verbose": (VerboseCount, 0),
}


def command(
    app: typer.Typer, name: str, *, panel: str | None = None, also: tuple[str, ...] = (), examples: str = ""
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register `function(out, ...)` as a command; `also` are hidden names for people who come from elsewhere."""

    def _register(function: Callable[..., None]) -> Callable[..., None]:
        shell = _with_common(function)
        epilog = examples.strip() or None
        app.command(name, cls=Page, rich_help_panel=panel, epilog=epilog)(shell)
        for other in also:
            app.command(other, cls=Page, hidden=True, epilog=epilog)(shell)
        return function

    return _register


def _with_common(function: Callable[..., None]) -> Callable[..., None]:
    """The same command with the common options at its end; they arrive as its first argument, an `Out`."""
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _COMMON.items()
    ]
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + shared

    def _shell(**given: Any) -> None:
        function(Out(**{name: given.pop(name) for name in _COMMON}), **given)

    _shell.__name__, _shell.__doc__ = function.__name__, function.__doc__
    _shell.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by inspect.signature
    _shell.__annotations__ = {p.name: p.annotation for p in parameters}
    return _shell
