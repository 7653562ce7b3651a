"""Panel Look: report, why, compare, explain."""

from __future__ import annotations

import shlex
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from tickerml.cli import errors, feasible, options
from tickerml.cli.command import Out, command
from tickerml.cli.settings import find_run, load_config
from tickerml.tape.errors import InputError

PANEL = "Look"
Code = Annotated[str, typer.Argument(metavar="CODE", help="What stands in error[...]. Default: list all.")]
Explore = Annotated[bool, typer.Option("--explore/--no-explore", help="Add the zoomable chart (2 MB, needs plotly).")]
One = Annotated[str, typer.Argument(metavar="RUN_A", help="A run's folder, or the start of its id.")]
Other = Annotated[str, typer.Argument(metavar="RUN_B", help="The run that is compared with it.")]
Within = Annotated[
    str, typer.Option("--within", metavar="SPAN", help="How far apart the intents of one trade may lie: 5m, 30s.")
]
Page = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="File to write. Default: in the run's folder.")
]


def register(app: typer.Typer) -> None:
    """Add this panel's commands."""
    command(
        app,
        "why",
        panel=PANEL,
        examples="""
tickerml why                       the newest run: why did it not trade?
tickerml why 8f3a21 -p SHIB/USDT   one coin
""",
    )(why)
    command(
        app,
        "report",
        panel=PANEL,
        examples="""
tickerml report 8f3a21 --out report.html
tickerml report 8f3a21 --twins 99   the same run 99 times over bars without an edge: was it chance?
""",
    )(report)
    command(
        app,
        "compare",
        panel=PANEL,
        examples="""
tickerml compare 8f3a21 77c0d2            what made the second run differ, cause by cause
tickerml compare 8f3a21 77c0d2 --json     every matched trade, every gap
""",
    )(compare)
    feasible.register(app, "Research")
    command(app, "explain", panel=PANEL, examples="tickerml explain book-gap")(explain)


def why(
    out: Out,
    run: options.RunName = "",
    pairs: options.Pairs = None,
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Why did it not trade? Passes and refusals by reason."""
    path = find_run(run, Path(load_config(config, userdir).data.runs))
    from tickerml.run.result import open_run

    found = open_run(path)
    chosen = options.pair_list(pairs)
    try:
        out.result(found.why_json(chosen) if out.json else None, [found.why(chosen, out.people.width)])
    except KeyError as error:
        again = f"tickerml why {shlex.quote(str(path))}"
        raise InputError("unknown-instrument", str(error.args[0]), key="--pairs", try_=again) from None


def report(
    out: Out,
    run: options.RunName = "",
    file: Page = None,
    explore: Explore = False,
    twins: options.Twins = None,
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Write the report of a run: one HTML page that works offline."""
    path = find_run(run, Path(load_config(config, userdir).data.runs))
    target = file or path / "report.html"
    from tickerml.run.layers import add_layers
    from tickerml.run.result import open_run

    with out.watch("report", graceful=True) as watch:
        more = add_layers(path, watch)
        if twins:
            from tickerml.run.null_twins import add_twins

            add_twins(path, twins, watch)
        if more or twins:
            open_run(path).write_files()
    open_run(path).report(target, explore=explore)
    out.result({"run": path.name, "report": str(target)}, [f"wrote {target}"])


def compare(
    out: Out,
    run_a: One,
    run_b: Other,
    within: Within = "5m",
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Why do two runs differ? Trades matched one by one; each cause shown by running again with only that changed."""
    runs, span = Path(load_config(config, userdir).data.runs), options.span(within)
    paths = [find_run(name, runs) for name in (run_a, run_b)]
    from tickerml.run.compare import compare as side_by_side
    from tickerml.run.result import open_run

    with out.watch("compare") as watch:
        first, second = (open_run(path) for path in paths)
        found = side_by_side(first, second, within=span, progress=watch)
    out.result(found.summary() if out.json else None, found.lines())


def explain(out: Out, code: Code = "") -> None:
    """What an error or warning means, why it exists and what to do."""
    if not code:
        titles = {one: (errors.page(one) or "").splitlines()[0].lstrip("# ") for one in errors.codes()}
        out.result(titles, [f"  {one:<26}{title}" for one, title in titles.items()])
        return
    text = errors.page(code)
    if text is None:
        near = get_close_matches(code, errors.codes(), n=1)
        raise InputError(
            "code-unknown",
            f'there is no error or warning called "{code}"',
            try_=f"tickerml explain {near[0]}" if near else "tickerml explain",
        )
    out.result({"code": code, "text": text}, errors.reflowed(text.rstrip(), out.people.width))
