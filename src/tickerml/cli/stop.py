"""Panel Trade: stop, resume."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from tickerml.cli import options
from tickerml.cli.command import Out, command
from tickerml.cli.settings import find_run, load_config, runs_in
from tickerml.tape.errors import InputError

PANEL = "Trade"
Close = Annotated[bool, typer.Option("--close", help="Close what is held, too.")]
Working = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's folder, or the start of its id. Default: the newest at work.")
]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Stands on the run's tape and in its report.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it may go on; needed.")]
Wait = Annotated[float, typer.Option("--wait", min=0.1, metavar="S", help="Seconds until a silent process is ended.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the panel."""
    command(
        app,
        "stop",
        panel=PANEL,
        also=("kill", "panic"),
        examples="""
tickerml stop                       the newest run that goes on: entries off and withdrawn
tickerml stop 8f3a21 --close        and close what it holds
kill -USR1 PID                      the same, without this program
""",
    )(stop)
    command(app, "resume", panel=PANEL, examples='tickerml resume 8f3a21 --reason "feed was checked"')(resume)


def stop(
    out: Out,
    run: Working = "",
    close: Close = False,
    reason: Why = "tickerml stop",
    wait: Wait = 10.0,
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Stop a run's trading until `resume`. A process that does not answer is ended; nothing stored is lost."""
    path = _working(run, Path(load_config(config, userdir).data.runs))
    told = _asked(path, "stop", reason, close, wait)
    if told["taken"]:
        said = "stopped: no entries any more, open ones withdrawn" + (", positions closed" if close else "")
    elif told["ended"]:
        said = f"process {told['process']} did not answer within {wait:g} s and was ended; nothing stored is lost"
    else:
        said = "no process works on it; it is stopped as soon as it goes on"
    out.result({"run": path.name, **told}, [f"{path.name}: {said}", f"  next  tickerml resume {path} --reason ..."])


def resume(
    out: Out,
    run: Working = "",
    reason: Reason = "",
    wait: Wait = 10.0,
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Lift every latch of a run that was stopped, by you or by its limits; it needs a reason."""
    path = _working(run, Path(load_config(config, userdir).data.runs))
    if not reason.strip():
        raise InputError("resume", "resuming needs a reason", key="--reason", means="the run stays stopped")
    told = _asked(path, "resume", reason, False, wait)
    said = "trades again" if told["taken"] else "trades again as soon as it goes on"
    out.result({"run": path.name, **told}, [f"{path.name}: {said}"])


def _working(name: str, runs: Path) -> Path:
    """The run that is named, else the newest that a process works on; any other needs its name.

    Raises InputError `nothing-runs`, and those of `find_run`.
    """
    if name:
        return find_run(name, runs)
    from tickerml.run.commands import holder
    from tickerml.run.record import read_manifest

    for path in runs_in(runs):
        if holder(path) and "rows" not in read_manifest(path, whole=False):  # with them it is only computed again
            return path
    raise InputError(
        "nothing-runs",
        f"no process works on a run in {runs}",
        means="nothing was stopped or resumed",
        try_="name a run that was broken off, or one elsewhere, by its id or its folder",
    )


def _asked(path: Path, what: Any, reason: str, close: bool, wait: float) -> dict[str, Any]:
    """Leave the command, and wait until the run has taken it; a silent process is ended for `stop`."""
    from tickerml.run.commands import Command, ask, holder
    from tickerml.run.record import read_manifest

    if "rows" in read_manifest(path, whole=False):
        raise InputError("run-over", f"run {path.name} has ended", means=f"there is nothing to {what}")
    process = holder(path)
    request = ask(path, Command(what, reason, close))
    until = time.monotonic() + wait
    while process and request.exists() and time.monotonic() < until and holder(path) == process:
        time.sleep(0.05)
    taken = not request.exists()
    ended = bool(process) and not taken and what == "stop" and holder(path) == process
    if ended:
        os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    return {"taken": taken, "ended": ended, "process": process or None}
