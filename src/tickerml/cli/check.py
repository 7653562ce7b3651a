"""`tickerml check leaks`: whether a strategy looks ahead, and how much history it needs."""

from __future__ import annotations

import typer

from tickerml.cli import options
from tickerml.cli.command import Out, command
from tickerml.cli.help import command_group
from tickerml.cli.settings import open_market
from tickerml.cli.trade import own_params, prepared, tell_spot, timed, with_own


def register(app: typer.Typer, panel: str) -> None:
    """Add the group."""
    group = command_group("Judge a strategy before it is believed: leaks.")
    command(
        group,
        "leaks",
        examples="""
tickerml check leaks -s mine.py:Dip --source candles/
tickerml check leaks -s dca -s swing --source store --json
""",
    )(leaks)
    app.add_typer(group, name="check", rich_help_panel=panel)


def leaks(
    out: Out,
    source: options.Source = "synthetic",
    strategy: options.Strategies = None,
    pairs: options.Pairs = None,
    timeframe: options.Timeframe = None,
    timerange: options.TimeRange = None,
    config: options.ConfigFiles = None,
    param: options.Param = None,
    cash: options.Cash = None,
    file_format: options.Format = None,
    venue: options.Venue = "",
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Compare decisions made with history that ends at them with those made with all of it; exit 1 if one differs.

    Data files that the strategy reads are cut at each decision, its code is loaded anew, and it is asked again. What
    looked ahead is named by column, bar and line. Every backtest does this too, in less time.
    """
    settings, given = own_params(strategy, timed(strategy, timeframe, param, config, userdir))
    ready, money = prepared(config, userdir, settings, cash)
    with out.watch("check", graceful=True) as watch:
        from tickerml.run.judge import judge

        tape = open_market(source, ready, pairs, timerange, file_format, watch, venue)
        tell_spot(watch, tape)
        found = judge(
            with_own(strategy, given, ready),
            tape,
            config=ready,
            cash=money,
            pairs=options.pair_list(pairs) or (),
            progress=watch,
        )
    out.result(found.plain(), found.lines())
    if found.leaks:
        raise typer.Exit(1)
