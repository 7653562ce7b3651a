"""`tickerml feasible`: what an account of some size can do."""

from __future__ import annotations

from typing import Annotated

import typer

from tickerml.cli import options
from tickerml.cli.command import Out, command
from tickerml.cli.settings import open_market
from tickerml.cli.trade import own_params, prepared, with_own

Cash = Annotated[str, typer.Option("--cash", metavar="AMOUNT", help="Money of the account, e.g. 500.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the command to a panel."""
    command(
        app,
        "feasible",
        panel=panel,
        examples="""
tickerml feasible --cash 500 -s dca -p BTC/USDT                  on the coins of the built-in market
tickerml feasible --cash 60 -s five_signal --source candles/     at the last prices of a source of your own
""",
    )(feasible)


def feasible(
    out: Out,
    cash: Cash,
    strategy: options.Strategies = None,
    pairs: options.Pairs = None,
    source: options.Source = "synthetic",
    timerange: options.TimeRange = None,
    config: options.ConfigFiles = None,
    param: options.Param = None,
    file_format: options.Format = None,
    venue: options.Venue = "",
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Which rules do minimum orders, lots and fees make impossible at this cash, and how often must the others win?"""
    settings, given = own_params(strategy, param)
    ready, money = prepared(config, userdir, settings, cash)
    with out.watch("feasible") as watch:
        from tickerml.run.feasible import feasible as judged

        tape = open_market(source, ready, None, timerange, file_format, watch, venue)
        found = judged(
            with_own(strategy, given, ready),
            tape,
            config=ready,
            cash=money or ready.trading.initial_balance,
            pairs=options.pair_list(pairs) or (),
        )
    out.result(found.as_json() if out.json else None, found.lines())
