"""`tickerml tune` and `tickerml walkforward`: parameters chosen by search, and judged on time they never saw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tickerml.cli import options, sweep
from tickerml.cli.command import Out, command
from tickerml.cli.settings import open_market
from tickerml.cli.trade import prepared, tell_spot, timed, warn_if_synthetic

if TYPE_CHECKING:
    from tickerml.config import Config
    from tickerml.lab.tuner import Space
    from tickerml.run.walkforward import Walk

Range = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        metavar="NAME=LOW:HIGH[:STEP]",
        help="A parameter and where to look: fast=5:50, stop=0.01:0.05:0.01, slow=60,120, also STRATEGY.slow; "
        "repeatable. SECTION.KEY=VALUE changes a setting.",
    ),
]
Trials = Annotated[
    int, typer.Option("--trials", metavar="N", min=1, help="Parameter sets to try; more later goes on from these.")
]
Each = Annotated[
    int, typer.Option("--trials", metavar="N", min=0, help="Tune so many in each window; 0 = every combination.")
]
By = Annotated[Literal["return", "sharpe"], typer.Option("--by", help="What the best one has most of.")]
Train = Annotated[str, typer.Option("--train", metavar="SPAN", help="Window to choose on: 60d, 12h.")]
Test = Annotated[str, typer.Option("--test", metavar="SPAN", help="Window behind it to judge on.")]
Step = Annotated[str, typer.Option("--step", metavar="SPAN", help="How far windows move. Default: a test window.")]
Purge = Annotated[
    str, typer.Option("--purge", metavar="SPAN", help="Left out before each test: the longest that a trade may last.")
]
Embargo = Annotated[str, typer.Option("--embargo", metavar="SPAN", help="Left out besides; 0 = nothing.")]
Anchored = Annotated[bool, typer.Option("--anchored", help="Each window to choose on begins at the first row.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the commands."""
    command(
        app,
        "tune",
        panel=panel,
        also=("hyperopt",),
        examples="""
tickerml tune --source candles/ --param fast=5:50 --param slow=60:400
tickerml tune --source store -s dca --param drop=0.02:0.08 --by sharpe
""",
    )(tune)
    command(
        app,
        "walkforward",
        panel=panel,
        examples="""
tickerml walkforward --source candles/ --param fast=5:50:5 --train 60d
tickerml walkforward --source store --param slow=60:400 --trials 50
""",
    )(walkforward)


def tune(
    out: Out,
    source: options.Source = "synthetic",
    strategy: sweep.One = "ma_cross",
    param: Range = None,
    trials: Trials = 100,
    by: By = "return",
    pairs: options.Pairs = None,
    timeframe: options.Timeframe = None,
    timerange: options.TimeRange = None,
    config: options.ConfigFiles = None,
    cash: options.Cash = None,
    seed: options.Seed = 0,
    run_dir: options.RunDir = None,
    workers: sweep.Workers = 0,
    memory: sweep.Memory = 1024,
    exact: sweep.Exact = False,
    check: sweep.Check = True,
    file_format: options.Format = None,
    venue: options.Venue = "",
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Search parameters where earlier ones did well, and record each trial; a search that was stopped goes on."""
    settings, asked = sweep.searched(strategy, timed([strategy], timeframe, param, config, userdir))
    ready, money = prepared(config, userdir, settings, cash)
    warn_if_synthetic(out, source, ready)
    with out.watch("tune", graceful=True) as watch:
        from tickerml.run.tune import tune as search

        spaces = _spaces(strategy, ready, asked)
        tape = open_market(source, ready, pairs, timerange, file_format, watch, venue)
        tell_spot(watch, tape)
        found = search(
            strategy,
            tape,
            spaces=spaces,
            trials=trials,
            by=by,
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
    out.result(dict(found.figures), sweep.lines(found, ready.data.runs))


def walkforward(
    out: Out,
    source: options.Source = "synthetic",
    strategy: sweep.One = "ma_cross",
    param: Range = None,
    train: Train = "60d",
    test: Test = "15d",
    step: Step = "",
    purge: Purge = "1d",
    embargo: Embargo = "1h",
    anchored: Anchored = False,
    trials: Each = 0,
    by: By = "return",
    pairs: options.Pairs = None,
    timeframe: options.Timeframe = None,
    timerange: options.TimeRange = None,
    config: options.ConfigFiles = None,
    cash: options.Cash = None,
    seed: options.Seed = 0,
    run_dir: options.RunDir = None,
    workers: sweep.Workers = 0,
    memory: sweep.Memory = 1024,
    exact: sweep.Exact = False,
    file_format: options.Format = None,
    venue: options.Venue = "",
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Choose parameters on each window of the past and judge them on the time behind it, purged and embargoed."""
    settings, asked = sweep.searched(strategy, timed([strategy], timeframe, param, config, userdir))
    ready, money = prepared(config, userdir, settings, cash)
    spans = [0 if text == "0" else options.span(text) for text in (train, test, purge, embargo)]
    warn_if_synthetic(out, source, ready)
    with out.watch("walkforward", graceful=True) as watch:
        from tickerml.run.walkforward import Windows
        from tickerml.run.walkforward import walkforward as walk

        spaces = _spaces(strategy, ready, asked)
        windows = Windows(spans[0], spans[1], options.span(step or None) or None, spans[2], spans[3], anchored)
        tape = open_market(source, ready, pairs, timerange, file_format, watch, venue)
        tell_spot(watch, tape)
        found = walk(
            strategy,
            tape,
            spaces=spaces,
            windows=windows,
            trials=trials,
            by=by,
            config=ready,
            cash=money,
            seed=seed,
            run_dir=run_dir,
            pairs=options.pair_list(pairs) or (),
            workers=workers,
            memory_mb=memory,
            exact=exact,
            progress=watch,
        )
    out.result(dict(found.figures), list(lines(found, ready.data.runs)))


def _spaces(strategy: str, config: Config, asked: list[str]) -> dict[str, Space]:
    from tickerml.lab.tuner import space
    from tickerml.run.strategies import choose

    params = type(choose(strategy, config).strategy)
    return dict(space(text, params) for text in asked)


def lines(found: Walk, runs: str) -> Iterator[str]:
    """What people read: the answer with its interval, what choosing promised, then window by window.

    `runs`: the folder of runs.
    """
    told: dict[str, Any] = dict(found.figures)
    gain = told["return"]
    between = told["interval"]
    sure = f"; 95 %: {between[0]:+.2%} to {between[1]:+.2%}" if between else ""
    yield (
        f"out of sample {'made' if gain > 0 else 'lost'} {abs(gain):.2%} in {told['trades']:,} trades "
        f"and {told['windows']} windows{sure}"
    )
    yield f"  promised    {told['in_sample']:+.2%} a window in sample, {told['out_of_sample']:+.2%} out of it"
    yield f"  windows     {told['gained']} of {told['windows']} gained; worst fall {-told['max_drawdown']:.2%}"
    yield f"  starts      each {told['starts']}"
    yield f"  memory      {told['memory_mb']:,} MB of at most {told['ceiling_mb']:,} MB"
    yield f"  trials      {told['trials']:,} {sweep.on_record(told['folder'], runs)}"
    yield ""
    head = ["judged from (UTC)", "to", *found.splits[0]["params"], "in sample", "out of it", "trades"]
    rows = [
        [
            one["test"][0][:16],
            one["test"][1][:16],
            *(f"{value:g}" if isinstance(value, float) else str(value) for value in one["params"].values()),
            f"{one['in_sample']:+.2%}",
            f"{one['return']:+.2%}",
            f"{one['trades']:,}",
        ]
        for one in found.splits
    ]
    yield from sweep.aligned([head, *rows])
    yield f"  {told['assumes']}"
