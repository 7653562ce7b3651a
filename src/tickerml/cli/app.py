"""The `tickerml` program: its panels put together, and the one place where a failure becomes words and an exit code."""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated, Final

import typer

from tickerml.cli import data, ledger, look, research, stop, trade
from tickerml.cli.errors import debugging, json_line, render, traceback_of, translate
from tickerml.cli.help import WIDTH, command_group
from tickerml.cli.terminal import stderr, stdout
from tickerml.tape.errors import RunError, TickerMLError

GROUPS: Final = ("data", "new", "check", "journal", "ledger")
SIGINT_CODE: Final = 130
"""What typer makes of Ctrl-C."""
YOUNG: Final = 10_000
"""New objects after which garbage is looked for: nearly all that a start makes lives on, and 700 cost it a tenth."""


def build() -> typer.Typer:
    """All commands. Importing them imports no heavy library: each command does so when it runs."""
    app = command_group(
        "Record, research, backtest, paper trade and trade crypto markets on one tape, "
        "with the same compiled code in every mode.",
        name="tickerml",
        epilog="Start with `tickerml paper`: it trades a built-in market and says so.",
        context_settings={"help_option_names": ["-h", "--help"], "terminal_width": min(stdout().width, WIDTH)},
        add_completion=True,
        pretty_exceptions_enable=False,
    )
    app.callback(invoke_without_command=True)(_root)
    for panel in (trade, stop, research, data, ledger, look):
        panel.register(app)
    return app


def run(argv: list[str]) -> int:
    """Run one command line; returns the exit code: 0 done, 1 failed, 2 bad usage or bad input."""
    if not argv or (len(argv) == 1 and argv[0] in GROUPS):
        argv = [*argv, "--help"]
    gc.set_threshold(YOUNG)
    try:
        code = typer.main.get_command(build()).main(args=argv, prog_name="tickerml", standalone_mode=False)
        sys.stdout.flush()
    except (
        BrokenPipeError
    ):  # the reader (head, less) has seen enough; python would complain again when it closes stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted(argv)
    except Exception as error:  # the edge of the program: nothing may reach the user as a traceback
        if debugging(argv):
            traceback_of(error)
        return _failed(translate(error), argv)
    return _interrupted(argv) if code == SIGINT_CODE else (code if isinstance(code, int) else 0)


def _interrupted(argv: list[str]) -> int:
    return _failed(RunError("interrupted", "stopped", means="what was stored before this is stored"), argv)


def _failed(error: TickerMLError, argv: list[str]) -> int:
    render(error, stderr("--plain" in argv))
    if "--json" in argv:
        stdout().write(json_line(error))
    return error.exit_code


def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and the kernel hash.")] = False,
) -> None:
    """Options before the command; the kernel hash is read without importing numba."""
    if not version:
        return
    from importlib.metadata import version as installed

    from tickerml.tape.kernel_cache import kernel_hash

    stdout().write(f"tickerml {installed('tickerml')}  kernels {kernel_hash()}")
    raise typer.Exit
