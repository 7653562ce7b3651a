"""Panel Trade: paper."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tickerml.cli import options
from tickerml.cli.command import Out, command
from tickerml.cli.settings import config_files, load_config, market, open_market

if TYPE_CHECKING:
    from tickerml.cli.progress import Watch
    from tickerml.config import Config
    from tickerml.run.result import Run
    from tickerml.run.strategies import Chosen
    from tickerml.tape.tape import Tape

PANEL = "Trade"
Metrics = Annotated[
    int | None,
    typer.Option(
        "--metrics",
        min=0,
        max=65_535,
        metavar="PORT",
        help="Metrics for Prometheus at 127.0.0.1:PORT/metrics, and in metrics.prom; 0 = any free port.",
    ),
]
Speed = Annotated[Literal["max", "1x"], typer.Option("--speed", help="As fast as possible, or at the market's pace.")]


def register(app: typer.Typer) -> None:
    """Add this panel's commands."""
    command(
        app,
        "paper",
        panel=PANEL,
        also=("trade", "dry-run"),
        examples="""
tickerml paper                                          a built-in market, nothing needed
tickerml paper --source recorded/ -p BTC/USDT           your own order books
tickerml paper -c config.yaml --cash 1000 --speed 1x    at the market's pace
tickerml paper --speed 1x --metrics 9201                Prometheus watches it
""",
    )(paper)


def paper(
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
    speed: Speed = "max",
    metrics: Metrics = None,
    run_dir: options.RunDir = None,
    ledger: options.Ledger = None,
    file_format: options.Format = None,
    venue: options.Venue = "",
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Paper trade: the strategy, the simulated venue and virtual money, on recorded or synthetic markets."""
    settings, given = own_params(strategy, timed(strategy, timeframe, param, config, userdir))
    ready, money = prepared(config, userdir, settings, cash, out)
    warn_if_synthetic(out, source, ready)
    with out.watch("paper", graceful=True) as watch:
        from tickerml.run.paper import paper as trade

        tape = open_market(source, ready, pairs, timerange, file_format, watch, venue)
        tell_spot(watch, tape)
        found = trade(
            with_own(strategy, given, ready),
            tape,
            config=ready,
            cash=money,
            seed=seed,
            run_dir=run_dir,
            pairs=options.pair_list(pairs) or (),
            speed=speed,
            progress=watch,
            ledger=ledger,
            metrics=metrics,
        )
    show(out, found)


def timed(
    strategies: list[str] | None,
    timeframe: str | None,
    param: list[str] | None,
    config: list[Path] | None,
    userdir: Path,
) -> list[str] | None:
    """`--param` with what `-i` means to the strategies named, else to the usual ones; what a parameter says wins."""
    searched = any(text.partition("=")[0].strip() == "timeframe" for text in param or ())
    if options.timeframe(timeframe) is None or searched:
        return param
    from tickerml.run.given import timed as texts
    from tickerml.run.strategies import usual

    return [*texts(strategies or usual(load_config(config, userdir)), str(timeframe)), *(param or [])]


def own_params(strategies: list[str] | None, param: list[str] | None) -> tuple[list[str], dict[str, list[str]]]:
    """Those of `--param` that change a setting, and those that name a parameter of a strategy without a section."""
    if not param or not any(one == "quoter" or ".py" in one for one in strategies or ()):
        return param or [], {}
    from tickerml.run.given import given_of

    return given_of(strategies or [], param)


def with_own(strategies: list[str] | None, given: dict[str, list[str]], config: Config) -> list[str | Chosen]:
    """The strategies to run, the usual ones where none is named; those with parameters of their own made with them."""
    if not given:
        from tickerml.run.strategies import usual

        return [*(strategies or usual(config))]
    from tickerml.run.given import with_given

    return with_given(strategies or [], given, config)


def prepared(
    config: list[Path] | None,
    userdir: Path,
    param: list[str] | None,
    cash: str | None,
    out: Out | None = None,
) -> tuple[Config, Decimal | None]:
    """The settings of a run, and its money when the command line names it; `out` hears of keys that do nothing."""
    money = options.amount(cash)
    ready = load_config(config, userdir, param, trading__initial_balance=("--cash", money))
    if out is not None:
        from tickerml.config import without_effect

        for text in without_effect(config_files(config, userdir)):
            out.tell(text)
    return ready, money


def warn_if_synthetic(out: Out, source: str, config: Config) -> None:
    """The first line of all where lines are printed; a moving display has it in its own first line."""
    spec = market(source, config)
    if spec.split(":")[0] == "synthetic":
        from tickerml.run.sources import synthetic_name

        said = synthetic_name(spec)  # one that does not exist is refused before anything is said of it
        if not out.err.animate:
            out.tell(f"SYNTHETIC MARKET ({said}): shows that the program works, says nothing about profit")


def tell_spot(watch: Watch, tape: Tape) -> None:
    """Say which markets are spot only because nothing said otherwise: shorts will be refused there."""
    from tickerml.tape.importers.naming import GUESSED_SPOT, KNOWN_VENUES

    held = {i.symbol for i in tape.header.instruments}
    found = [note.partition(": ")[0] for note in tape.header.notes if note.endswith(GUESSED_SPOT)]
    if found and held & set(found):
        named = ", ".join(found[:6]) + (" ..." if len(found) > 6 else "")
        venues = {i.venue for i in tape.header.instruments if i.symbol in found} - {*KNOWN_VENUES, "unknown"}
        other = f"{next(iter(venues))}-perp ({', '.join(sorted(venues))} is not a name known here)" if venues else ""
        watch.note(f"{named}: {GUESSED_SPOT}; perpetuals: --venue {other or 'binance-usdm'}", "WARNING")


def show(out: Out, found: Run) -> None:
    """The summary of a run; with --json its object."""
    out.result(found.summary(), found.lines())
