"""Panel Data: ledger rebuild | show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tickerml.cli import options
from tickerml.cli.command import Out, command
from tickerml.cli.help import command_group
from tickerml.cli.settings import find_run, load_config
from tickerml.cli.tables import table as lines_of

PANEL = "Data"
Database = Annotated[
    str,
    typer.Option(
        "--database", metavar="URL", help="sqlite:///FILE or postgresql://... Default: ledger.url, or a file."
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every run in the folder of runs.")]
Table = Annotated[str, typer.Argument(metavar="TABLE", help="fills, orders, trade_history ... Default: list them.")]
OfRun = Annotated[str, typer.Option("--run", metavar="RUN", help="The start of a run's name, or its folder.")]
Limit = Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=100_000, help="The last N rows.")]
WIDEST = 46  # characters of one cell on a terminal


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    group = command_group("The runs' records as tables: make them anew, show them.")
    command(
        group,
        "rebuild",
        examples="""
tickerml ledger rebuild 8f3a21
tickerml ledger rebuild --all --database postgresql://trader@localhost/tickerml
""",
    )(rebuild)
    command(
        group,
        "show",
        examples="""
tickerml ledger show
tickerml ledger show trade_history --run 8f3a21 --limit 50
tickerml ledger show performance_metrics --json
""",
    )(show)
    app.add_typer(group, name="ledger", rich_help_panel=PANEL)


def rebuild(
    out: Out,
    run: options.RunName = "",
    every: All = False,
    database: Database = "",
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Remove a run from the ledger and project it anew from its tape: the tables come out as they were.

    Nothing is lost by it: the tape holds everything, the tables are a copy.
    """
    ready = load_config(config, userdir, ledger__url=("--database", database or None))
    from tickerml.run import ledger

    folders = ledger.folders_of(ready) if every and not run else [find_run(run, Path(ready.data.runs))]
    with out.watch("ledger") as watch:
        found = ledger.rebuild(folders, lambda folder: ledger.place_of(ready, folder), watch)
    told = [
        {
            "run": one["run"],
            "rows": one.get("rows"),
            "orders": _count(one, "orders"),
            "fills": _count(one, "fills"),
            "trades": _count(one, "trade_history"),
            "tables": "cannot be read" if "error" in one else _AS_BEFORE[one["as_before"]],
        }
        for one in found
    ]
    lines = [*lines_of(told), *(f"  {one['run']}: {one['error']}" for one in found if "error" in one)]
    lines.append(f"  ledger      {found[-1]['database']}")
    out.result({"runs": found}, lines)
    if any("error" in one for one in found):
        raise typer.Exit(1)


def show(
    out: Out,
    table: Table = "",
    run: OfRun = "",
    database: Database = "",
    limit: Limit = 20,
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """The last rows of a table, or which tables there are. Times are UTC; --json has them in ns, numbers as text."""
    ready = load_config(config, userdir, ledger__url=("--database", database or None))
    from tickerml.run import ledger

    folder = Path(run) if run and Path(run).is_dir() else None
    found = ledger.show(ledger.place_of(ready, folder), table, folder.name if folder else run, limit)
    if not table:
        counted = [{"table": name, "rows": n} for name, n in found["tables"].items()]
        of = ", ".join(found["runs"][:5]) + (" ..." if len(found["runs"]) > 5 else "")
        out.result(found, [*lines_of(counted), f"  runs        {of or 'none'}", f"  ledger      {found['database']}"])
        return
    shown = list(_shown(found["rows"], ledger.kinds(table), one_run=len(found["runs"]) == 1))
    out.result(found, lines_of(shown) or [f"{table} holds nothing{f' of {run}' if run else ''}"])


_AS_BEFORE = {True: "as they were", False: "other than before", None: "new"}


def _count(one: dict[str, Any], table: str) -> int | None:
    return one["tables"][table]["rows"] if "tables" in one else None


def _shown(rows: list[dict[str, Any]], kinds: dict[str, str], *, one_run: bool) -> Iterator[dict[str, object]]:
    """Rows as people read them: times as UTC, long text cut, columns that say nothing in any row left out."""
    names = [
        name for name in kinds if not (name == "run" and one_run) and any(row[name] not in (None, "") for row in rows)
    ]
    for row in rows:
        yield {name: _cell(row[name], kinds[name]) for name in names}


def _cell(value: Any, kind: str) -> object:
    if value is None or value == "":
        return "-"
    if kind == "time":
        return _utc(int(value))
    if kind == "real":
        return f"{value:.6g}"
    text = str(value)  # whole numbers too: ids and sequences are looked up as they are written
    return text if len(text) <= WIDEST else text[: WIDEST - 3] + "..."


def _utc(ns: int) -> str:
    """To the millisecond, and without the time of day where it is midnight."""
    when = datetime.fromtimestamp(ns // 10**9, UTC)
    millis = ns % 10**9 // 10**6
    if not (ns % (86_400 * 10**9)):
        return f"{when:%Y-%m-%d}" if ns else "-"
    return f"{when:%Y-%m-%d %H:%M:%S}" + (f".{millis:03d}" if millis else "")
