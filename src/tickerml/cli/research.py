"""Panel Research: backtest, sweep, tune, walkforward, check, replay, debug, new, warmup."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from tickerml.cli import check, options, portfolio, sweep, tune
from tickerml.cli.command import Out, command
from tickerml.cli.help import command_group
from tickerml.cli.settings import find_run, load_config, open_market
from tickerml.cli.trade import own_params, prepared, show, tell_spot, timed, warn_if_synthetic, with_own
from tickerml.tape.errors import InputError

PANEL = "Research"
At = Annotated[
    int,
    typer.Option("--at", min=0, metavar="SEQ", help="Number of a row of the source, from 0; a replay names it."),
]
Chunk = Annotated[int | None, typer.Option("--chunk", min=1, metavar="N", help="Rows a step; every N gives the same.")]
File = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="File to write. Default: DIR/config.yaml.")]
LeakCheck = Annotated[
    bool,
    typer.Option(
        "--leak-check/--no-leak-check",
        help="Afterwards ask it some decisions again with history that ends at them; takes a sixth of the run's time.",
    ),
]
ExportTrades = Annotated[
    Path | None,
    typer.Option("--export-trades", metavar="FILE", help="Write the closed trades to a .csv or .parquet file."),
]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]


def register(app: typer.Typer) -> None:
    """Add this panel's commands."""
    command(
        app,
        "backtest",
        panel=PANEL,
        also=("backtesting",),
        examples="""
tickerml backtest --source store -s psc --timerange 20240809-20240810
tickerml backtest --source synthetic:flash-crash:3 --param latency.entry_ms=50
tickerml backtest --source candles/ -s dca --twins 99 --export-trades t.csv
""",
    )(backtest)
    sweep.register(app, PANEL)
    tune.register(app, PANEL)
    portfolio.register(app, PANEL)
    check.register(app, PANEL)
    command(
        app,
        "replay",
        panel=PANEL,
        examples="""
tickerml replay                     the newest run, decision by decision
tickerml replay 8f3a21 --chunk 7    the same, read 7 rows at a time
""",
    )(replay)
    command(app, "debug", panel=PANEL, examples="tickerml debug 8f3a21 --at 1882016")(debug)
    command(app, "warmup", panel=PANEL, examples="tickerml warmup")(warmup)
    new = command_group("Write a file to start from: config, strategy.")
    command(new, "config", examples="tickerml new config --out config.yaml")(new_config)
    command(
        new,
        "strategy",
        examples="""
tickerml new strategy my_dip
tickerml new strategy my_dip --compiled --out .
""",
    )(new_strategy)
    app.add_typer(new, name="new", rich_help_panel=PANEL)
    command(app, "new-config", also=())(new_config)
    app.registered_commands[-1].hidden = True


def backtest(
    out: Out,
    source: options.Source = "synthetic",
    strategy: options.Strategies = None,
    pairs: options.Pairs = None,
    timeframe: options.Timeframe = None,
    timerange: options.TimeRange = None,
    config: options.ConfigFiles = None,
    param: options.Param = None,
    cash: options.Cash = None,
    seed: options.Seed = 0,
    run_dir: options.RunDir = None,
    ledger: options.Ledger = None,
    leak_check: LeakCheck = True,
    twins: options.Twins = None,
    export: ExportTrades = None,
    file_format: options.Format = None,
    venue: options.Venue = "",
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Backtest a strategy on a stored tape: same code, same decisions as paper on that tape."""
    if export is not None:
        from tickerml.run.export import checked

        checked(export)
    settings, given = own_params(strategy, timed(strategy, timeframe, param, config, userdir))
    ready, money = prepared(config, userdir, settings, cash, out)
    warn_if_synthetic(out, source, ready)
    with out.watch("backtest", graceful=True) as watch:
        from tickerml.run.backtest import backtest as test

        tape = open_market(source, ready, pairs, timerange, file_format, watch, venue)
        tell_spot(watch, tape)
        found = test(
            with_own(strategy, given, ready),
            tape,
            config=ready,
            cash=money,
            seed=seed,
            run_dir=run_dir,
            pairs=options.pair_list(pairs) or (),
            progress=watch,
            ledger=ledger,
            leaks=leak_check,
            twins=twins,
        )
    if export is not None:
        found.export_trades(export)
        out.tell(f"wrote {export}")
    show(out, found)


def replay(
    out: Out,
    run: options.RunName = "",
    chunk: Chunk = None,
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Compute a recorded run again from its inputs and compare every decision byte for byte; exit 1 if one differs."""
    path = find_run(run, Path(load_config(config, userdir).data.runs))
    from tickerml.run.replay import replay as again

    with out.watch("replay") as watch:
        found = again(path, chunk=chunk, progress=watch)
    out.result(found.summary(), [f"{path.name}: {found.lines()[0]}", *found.lines()[1:]])
    if not found.identical:
        raise typer.Exit(1)


def debug(
    out: Out,
    at: At,
    run: options.RunName = "",
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Open a debugger in the fold at one row of a run: state restored from the nearest snapshot, compiler off."""
    os.environ["NUMBA_DISABLE_JIT"] = "1"  # read by numba when it is imported, which is why it is set here and now
    path = find_run(run, Path(load_config(config, userdir).data.runs))
    from tickerml.run.debug import debug as stop_at

    stop_at(path, at, tell=out.tell)


def warmup(out: Out) -> None:
    """Compile everything now, so that the next start is quick. Done once for each version of the kernels."""
    with out.watch("warmup") as watch:
        from tickerml.run.warmup import warmup as compile_all

        compile_all(watch)
    out.result({"warm": True}, ["all kernels are compiled"])


def new_config(
    out: Out, path: File = None, force: Force = False, userdir: options.UserDir = options.DEFAULT_USERDIR
) -> None:
    """Write a configuration file with every setting at its default and explained, and its JSON Schema for editors."""
    from tickerml.config.pages import SCHEMA_NAME, default_yaml, json_schema

    target = path or userdir / "config.yaml"
    if target.exists() and not force:
        raise InputError(
            "file-exists",
            f"{target} is there already",
            means="it was not changed",
            try_=f"tickerml new config --out {target.with_stem(target.stem + '-new')}   (or --force)",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(default_yaml(), encoding="utf-8")
    schema = target.with_name(SCHEMA_NAME)
    schema.write_text(json.dumps(json_schema(), indent=1) + "\n", encoding="utf-8")
    out.result(
        {"config": str(target), "schema": str(schema)},
        [f"wrote {target} and {schema}", f"next: tickerml paper -c {target}"],
    )


def new_strategy(
    out: Out,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Small letters, digits and _: my_dip.")],
    compiled: Annotated[bool, typer.Option("--compiled", help="With a detector in machine code.")] = False,
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder to write to. Default: strategies in --userdir.")
    ] = None,
    force: Force = False,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Write a strategy that runs as it stands, and its test; says what to type next."""
    from tickerml.run.new_strategy import new_strategy as write

    made = write(name, folder or userdir / "strategies", compiled=compiled, force=force)
    told = {"strategy": str(made.strategy), "test": str(made.test), "next": list(made.next)}
    out.result(told, [f"wrote {made.strategy} and {made.test}", "next:", *(f"  {line}" for line in made.next)])
