"""`tickerml portfolio`: weights of coins through time, as a table that a run follows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tickerml.cli import options
from tickerml.cli.command import Out, command
from tickerml.cli.settings import load_config, open_market
from tickerml.cli.tables import table

if TYPE_CHECKING:
    from tickerml.run.portfolio import Weighed

Method = Annotated[
    str, typer.Option("--method", metavar="NAME", help="hrp (hierarchical risk parity), inverse_volatility or equal.")
]
Every = Annotated[str, typer.Option("--every", metavar="SPAN", help="Time between two answers.")]
Lookback = Annotated[str, typer.Option("--lookback", metavar="SPAN", help="How much history each answer is made of.")]
Bar = Annotated[str, typer.Option("-i", "--timeframe", metavar="TF", help="Bars whose returns count.")]
To = Annotated[Path, typer.Option("--out", metavar="FILE", help="Parquet table to write: date, symbol, weight.")]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]


def register(app: typer.Typer, panel: str) -> None:
    """Add the command."""
    command(
        app,
        "portfolio",
        panel=panel,
        examples="""
tickerml portfolio --source candles/ --out candles/weights.parquet
tickerml portfolio --source candles/ --method inverse_volatility --every 1d
tickerml backtest --source candles/ -s dca --param manager.portfolio=given
""",
    )(portfolio)


def portfolio(
    out: Out,
    source: options.Source = "synthetic",
    method: Method = "hrp",
    every: Every = "7d",
    lookback: Lookback = "30d",
    timeframe: Bar = "1h",
    to: To = Path("weights.parquet"),
    force: Force = False,
    pairs: options.Pairs = None,
    timerange: options.TimeRange = None,
    config: options.ConfigFiles = None,
    file_format: options.Format = None,
    venue: options.Venue = "",
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Weigh coins from the past alone at each date, and write the weights as a table that a run can follow."""
    ready = load_config(config, userdir)
    with out.watch("portfolio") as watch:
        from tickerml.run.portfolio import weigh

        tape = open_market(source, ready, pairs, timerange, file_format, watch, venue)
        found = weigh(tape, method=method, every=every, lookback=lookback, timeframe=timeframe, progress=watch)
        found.write(to, force=force)
    newest = found.table.filter(found.table["date"] == found.table["date"].max()).sort("weight", descending=True)
    weights = dict(zip(newest["symbol"].to_list(), newest["weight"].to_list(), strict=True))
    told = {"out": str(to), "method": method, "dates": found.dates, "weights": weights}
    out.result(told, lines(found, to, weights))


def lines(found: Weighed, to: Path, weights: dict[str, float]) -> list[str]:
    """What people read: where the table is, and its newest date."""
    first = str(found.table["date"].min())[:10]
    rows = [{"coin": symbol, "newest weight": f"{weight:.2%}"} for symbol, weight in weights.items() if weight > 0]
    return [
        f"{to}: weights of {len(weights)} coins at {found.dates} dates from {first}",
        *table(rows),
        "A run whose source holds this table follows it with manager.portfolio=given.",
    ]
