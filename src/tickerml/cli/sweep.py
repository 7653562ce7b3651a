"""`tickerml sweep`: one strategy with every combination of some parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tickerml.cli import options
from tickerml.cli.command import Out, command
from tickerml.cli.settings import open_market
from tickerml.cli.trade import prepared, tell_spot, timed, warn_if_synthetic

if TYPE_CHECKING:
    from tickerml.run.sweep import Sweep

SHOWN: Final = 10
"""Trials in the table."""

SweepParam = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        metavar="NAME=LOW:HIGH:STEP",
        help="A parameter and its values: fast=5:50:5, fast=5,10,20, also STRATEGY.fast; repeatable. "
        "SECTION.KEY=VALUE changes a setting.",
    ),
]
One = Annotated[str, typer.Option("-s", "--strategy", metavar="NAME", help="Its name, or file.py:ClassName.")]
Workers = Annotated[
    int, typer.Option("--workers", metavar="N", min=0, help="How many at the same time; 0 = all cores.")
]
Memory = Annotated[int, typer.Option("--memory", min=64, metavar="MB", help="Most that it may take for itself.")]
Exact = Annotated[bool, typer.Option("--exact", help="Run the engine for each, also where arrays of bars would do.")]
Check = Annotated[bool, typer.Option("--check/--no-check", help="Compare the best with the engine, trade by trade.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the command."""
    command(
        app,
        "sweep",
        panel=panel,
        examples="""
tickerml sweep --source candles/ --param fast=5:50:5 --param slow=60,120
tickerml sweep --source store -s quoter --param behind=1:5:1 --json
""",
    )(sweep)


def sweep(
    out: Out,
    source: options.Source = "synthetic",
    strategy: One = "ma_cross",
    param: SweepParam = None,
    pairs: options.Pairs = None,
    timeframe: options.Timeframe = None,
    timerange: options.TimeRange = None,
    config: options.ConfigFiles = None,
    cash: options.Cash = None,
    seed: options.Seed = 0,
    run_dir: options.RunDir = None,
    workers: Workers = 0,
    memory: Memory = 1024,
    exact: Exact = False,
    check: Check = True,
    file_format: options.Format = None,
    venue: options.Venue = "",
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Try every combination of parameters on one tape and record each; a sweep that was stopped goes on."""
    settings, asked = searched(strategy, timed([strategy], timeframe, param, config, userdir))
    ready, money = prepared(config, userdir, settings, cash)
    warn_if_synthetic(out, source, ready)
    with out.watch("sweep", graceful=True) as watch:
        from tickerml.lab.grid import axis
        from tickerml.run.strategies import choose
        from tickerml.run.sweep import sweep as search

        params = type(choose(strategy, ready).strategy)
        axes = dict(axis(text, params) for text in asked)
        tape = open_market(source, ready, pairs, timerange, file_format, watch, venue)
        tell_spot(watch, tape)
        found = search(
            strategy,
            tape,
            axes=axes,
            config=ready,
            cash=money,
            seed=seed,
            run_dir=run_dir,
            pairs=options.pair_list(pairs) or (),
            workers=workers,
            memory_mb=memory,
            exact=exact,
            check=check,
            progress=watch,
        )
    out.result(dict(found.figures), lines(found, ready.data.runs))


def searched(strategy: str, param: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Those of `--param` that change a setting, and those that name a parameter of the strategy with its values."""
    if not any("." in text.partition("=")[0] for text in param or ()):
        return [], list(param or ())
    from tickerml.run.given import searched_of

    return searched_of(strategy, param or ())


def lines(found: Sweep, runs: str) -> list[str]:
    """What people read: the answer, what it is worth, the best trials, and what was not modelled.

    `runs`: the folder of runs.
    """
    told, best = found.figures, found.ranked[0]
    return [
        *_unconfirmed(told),
        _first(found),
        f"  overfit     {_overfit(told)}",
        f"  checked     {_checked(told)}",
        f"  speed       {_speed(told)}",
        f"  memory      {told['memory_mb']:,} MB of at most {told['ceiling_mb']:,} MB",
        f"  trials      {told['combos']:,} {on_record(told['folder'], runs)}",
        "",
        *_table(found.ranked[:SHOWN]),
        f"  {told['assumes']}",
        *next_step(told, best),
    ]


def next_step(told: Mapping[str, Any], best: Mapping[str, Any]) -> list[str]:
    """The command that runs the best of a search by itself, on one line so that it can be pasted."""
    return [f"  next: {told['next']}"] if told.get("next") and best["trades"] else []


def on_record(folder: str, runs: str) -> str:
    """Where trials are kept, and which reports count them: all look into the folder of runs, and beside their own."""
    among = Path(folder).resolve().parent == Path(runs).resolve()
    return f"on record in {folder}: later reports {'' if among else 'of runs beside it '}count them"


def _first(found: Sweep) -> str:
    told, best = found.figures, found.ranked[0]
    if not (traded := sum(bool(one["trades"]) for one in found.ranked)):
        return f"none of {told['combos']:,} parameter sets traded"
    first = f"best of {told['combos']:,}: {_params(best['params'])}"
    if not best["trades"]:
        return f"{first} did not trade; of the {traded:,} that did none made anything"
    return f"{first} {_made(best['total_return'], best['trades'])}"


def _made(gain: float, trades: int) -> str:
    return f"{'made' if gain > 0 else 'lost'} {abs(gain):.2%} in {trades:,} trades"


def _unconfirmed(told: Mapping[str, Any]) -> list[str]:
    """What stands above all figures where the engine does not make the trades that they are of."""
    if not (told.get("checked") or {}).get("first_difference"):
        return []
    return [
        "NOT CONFIRMED: the engine makes other trades of the best; no figure of arrays holds here, --exact makes them"
    ]


def _overfit(told: Mapping[str, Any]) -> str:
    if told["pbo"] is None:
        return f"not shown: {told['not_shown']['pbo']}"
    later = f"in the worse half later (CSCV, {told['combos']:,} trials)"
    return f"{told['pbo']:.0%}: how often the best of the past was {later}"


def _speed(told: Mapping[str, Any]) -> str:
    """Bars where there are any; what the engine reads besides are rows."""
    rows = told.get("rows")
    if told["bars"] is None:
        return f"{told['row_combos_per_s']:,} row-combos/s, {rows:,} rows by {told['way']}"
    read = "" if rows is None or rows == told["bars"] else f" ({rows:,} rows)"
    return f"{told['bar_combos_per_s']:,} bar-combos/s, {told['bars']:,} bars{read} by {told['way']}"


def _checked(told: Mapping[str, Any]) -> str:
    found = told.get("checked")
    if told["way"] == "engine":
        return f"each trial is a run of the engine: {told['why']}"
    if found is None:
        return "not against the engine; limits of the account are not in these figures"
    if not found["first_difference"]:
        return f"the engine makes the same {found['engine']:,} trades of the best"
    engine = (
        f"the engine {_made(found['engine_return'], found['engine'])}" if found["engine"] else "the engine makes none"
    )
    same = f"{found['equal']:,} of {found['arrays']:,} trades are the same"
    return f"{engine}; {same}; {found['first_difference']}"


def _table(trials: Sequence[Mapping[str, Any]]) -> list[str]:
    names = list(trials[0]["params"])
    head = [*names, "trades", "won", "return", "worst fall", "fees"]
    rows = [
        [
            *(f"{v:.6g}" if isinstance(v := one["params"][name], float) else f"{v}" for name in names),
            f"{one['trades']:,}",
            f"{one['won'] / one['trades']:.0%}" if one["trades"] else "-",
            f"{one['total_return']:+.2%}",
            f"{-one['max_drawdown']:.2%}",
            f"{float(one['fees']):,.2f}",
        ]
        for one in trials
    ]
    return aligned([head, *rows])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their cells below each other."""
    wide = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  " + "  ".join(cell.rjust(w) for cell, w in zip(row, wide, strict=True)) for row in rows]


def _params(params: Mapping[str, Any]) -> str:
    return " ".join(f"{n}={v:.6g}" if isinstance(v, float) else f"{n}={v}" for n, v in params.items())
