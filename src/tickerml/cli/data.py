"""Panel Data: data import | list | check, synth, journal verify | salvage."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tickerml.cli import options
from tickerml.cli.command import Out, command
from tickerml.cli.health import CHECKED, health_lines
from tickerml.cli.help import command_group
from tickerml.cli.settings import find_run, load_config, market, open_market
from tickerml.cli.tables import table

PANEL = "Data"
Paths = Annotated[list[str], typer.Argument(metavar="PATH", help="Files or folders in any known format.")]
Place = Annotated[str, typer.Argument(metavar="SOURCE", help="A store, a folder, a file, or synthetic[:scenario].")]
Symbol = Annotated[str, typer.Option("--symbol", metavar="SYMBOL", help="BTC/USDT, BTC/USDT:USDT or BTCUSDT.")]
Tick = Annotated[str | None, typer.Option("--tick", metavar="STEP", help="Price step; other prices are rounded to it.")]
Lot = Annotated[str | None, typer.Option("--lot", metavar="STEP", help="Size step; other sizes are rounded to it.")]
Scenario = Annotated[str, typer.Argument(metavar="SCENARIO", help="What happens in the market. Default: calm.")]
ListThem = Annotated[bool, typer.Option("--list", help="List the scenarios.")]
MarketSeed = Annotated[int | None, typer.Option("--seed", metavar="N", min=0, help="Same seed, same market.")]
Minutes = Annotated[int | None, typer.Option("--minutes", metavar="N", min=1, help="Length of the market.")]
Coins = Annotated[list[str] | None, typer.Option("--coins", metavar="COINS", help="BTC,ETH,TON. Default: all it has.")]
Salvaged = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for what could be saved; must not exist.")]


def register(app: typer.Typer) -> None:
    """Add this panel's commands."""
    group = command_group("Import, list and check market data.")
    command(
        group,
        "import",
        examples="""
tickerml data import recorded/ --store store
tickerml data import BTCUSDT-5m.csv --format candles --venue binance-usdm
""",
    )(import_)
    command(group, "list", examples="tickerml data list --store store")(list_)
    command(
        group,
        "check",
        examples="""
tickerml data check store
tickerml data check nexousdt_20240724.dat.gz --json
""",
    )(check)
    app.add_typer(group, name="data", rich_help_panel=PANEL)
    command(app, "list-data", also=())(list_)
    app.registered_commands[-1].hidden = True
    command(
        app,
        "synth",
        panel=PANEL,
        examples="""
tickerml synth --list
tickerml synth flash-crash --seed 3 --minutes 60 --store store
""",
    )(synth)
    journal = command_group("Verify a run's journal, or save what a damaged one holds.")
    command(journal, "verify", examples="tickerml journal verify 8f3a21")(verify)
    command(journal, "salvage", examples="tickerml journal salvage 8f3a21 --out saved/")(salvage)
    app.add_typer(journal, name="journal", rich_help_panel=PANEL)


def import_(
    out: Out,
    paths: Paths,
    store: options.Store = None,
    file_format: options.Format = None,
    symbol: Symbol = "",
    venue: options.Venue = "",
    timeframe: options.BarLength = None,
    tick: Tick = None,
    lot: Lot = None,
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Import market data into a store. Bad lines are counted and named; what is stored already is never lost.

    Reads Binance recorder lines, whole books, candles, trades, funding and mark prices (Parquet, feather, CSV), and
    hftbacktest npz. The options say what a file and its name do not.
    """
    ready = load_config(config, userdir)
    where = store or Path(ready.data.store)
    from tickerml.tape.importers.naming import checked_venue
    from tickerml.tape.importers.options import Options
    from tickerml.tape.importers.sources import named

    files = [Path(named(path)) for path in paths]
    told = Options(
        symbol=symbol,
        venue=checked_venue(venue),
        timeframe=options.span(timeframe),
        tick=options.amount(tick, "--tick 0.01"),
        lot=options.amount(lot, "--lot 0.001"),
        delay=round(ready.data.bar_delay_ms * 1e6),
    )
    with out.watch("import") as watch:
        from tickerml.run.sources import import_paths

        found = import_paths(files, where, fmt=file_format, options=told, progress=watch)
    held = ", ".join(map(str, found["instruments"]))
    lines = [f"{found['rows']:,} rows added to {where}: {held}"]
    if found.get("skipped"):
        lines = [f"nothing new: all of it is in {where} already ({held})"]
    if found["problems"]:
        lines += _problem_lines(found["problems"], found.get("places", {}), out)
    if found["problems"].keys() - {"reversed-file"}:  # of which all rows are kept
        lines.append("  these were left out or marked as gaps; all other rows are stored and safe")
    lines.append(f"  next        tickerml data check {shlex.quote(str(where))}")
    out.result({key: found[key] for key in ("rows", "instruments", "problems")}, lines)


def list_(
    out: Out,
    store: options.Store = None,
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """What a store holds."""
    from tickerml.run.sources import list_store

    where = store or Path(load_config(config, userdir).data.store)
    found = list_store(where)
    out.result({"store": str(where), "instruments": found}, table(found, out.room) or [f"{where} holds nothing"])


def check(
    out: Out,
    source: Place,
    pairs: options.Pairs = None,
    timerange: options.TimeRange = None,
    file_format: options.Format = None,
    venue: options.Venue = "",
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Health of market data: gaps, crossed books, duplicates, clocks, our book against the venue's best prices."""
    ready = load_config(config, userdir)
    with out.watch("check") as watch:
        from tickerml.run.sources import check as examine

        tape = open_market(source, ready, pairs, timerange, file_format, watch, venue)
        found = examine(tape, progress=watch)
    told = [{key: one[key] for key in one if key in CHECKED} for one in found["instruments"]]
    problems = dict(tape.header.problems)
    out.result({"instruments": told, "problems": problems}, health_lines(found["instruments"], out.room, problems))


def synth(
    out: Out,
    scenario: Scenario = "",
    seed: MarketSeed = None,
    minutes: Minutes = None,
    coins: Coins = None,
    store: options.Store = None,
    list_them: ListThem = False,
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Write the built-in market into a store, like any other source. It shows that a program works, never a profit."""
    from tickerml.run.sources import import_paths, scenarios

    if list_them:
        known = dict(scenarios())
        out.result(known, [f"  {name:<16}{text}" for name, text in known.items()])
        return
    ready = load_config(
        config,
        userdir,
        synthetic__scenario=("SCENARIO", scenario or None),
        synthetic__seed=("--seed", seed),
        synthetic__minutes=("--minutes", minutes),
        synthetic__coins=("--coins", options.pair_list(coins)),
    )
    where = store or Path(ready.data.store)
    with out.watch("synth") as watch:
        spec, told = market("synthetic", ready), ready.synthetic
        found = import_paths([spec], where, progress=watch, minutes=told.minutes, coins=told.coins or None)
    lines = [f"{found['rows']:,} rows of a SYNTHETIC MARKET added to {where}"]
    if found.get("skipped"):
        lines = [f"nothing new: this SYNTHETIC MARKET is in {where} already"]
    lines.append(f"  next        tickerml paper --source {shlex.quote(str(where))}")
    out.result({key: found[key] for key in ("rows", "instruments", "problems")}, lines)


def verify(
    out: Out,
    run: options.RunName = "",
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Read every record of a journal and check it; exit 1 when synced rows are damaged."""
    path = _folder(run, config, userdir)
    path = path / "journal" if (path / "journal").is_dir() else path
    from tickerml.tape.journal import Verdict
    from tickerml.tape.journal import verify as examine
    from tickerml.views.words import plural

    found = examine(path)
    held = f"{plural(found.rows, 'row')} in {plural(len(found.segments), 'segment')}"
    lines = [f"{path}: {found.verdict.name.lower()}, {held}"]
    if found.torn and found.verdict is not Verdict.DAMAGED:
        lines.append(f"  the last write was cut short ({found.torn} bytes); nothing that was synced is missing")
    lines += [f"  {problem}" for problem in found.problems]
    out.result({**asdict(found), "verdict": found.verdict.name.lower()}, lines)
    if found.verdict is Verdict.DAMAGED:
        raise typer.Exit(1)


def salvage(
    out: Out,
    target: Salvaged,
    run: options.RunName = "",
    config: options.ConfigFiles = None,
    userdir: options.UserDir = options.DEFAULT_USERDIR,
) -> None:
    """Save what is whole of a run with a damaged journal as a run of its own; the damaged one is not touched.

    The new run ends at the damage: replay, report and why work on it, and the command that made it goes on with it.
    Readable rows behind the damage lie beside its journal as Parquet.
    """
    folder = _folder(run, config, userdir)
    from tickerml.run.salvaged import salvage_run

    found = salvage_run(folder, target)
    lines = [f"saved up to sequence {found.last_seq} in {target}; {folder} is as it was"]
    if found.problem is not None:
        lines.append(f"  the damage: {found.problem}")
    lines += [f"  missing: sequence {first} to {last}" for first, last in found.missing]
    if (target / "run.json").exists():
        lines.append(f"  next        tickerml replay {shlex.quote(str(target))}")
    else:
        lines.append("  it is a journal alone: without the run.json of its run no command can compute it again")
    out.result(asdict(found), lines)


def _folder(run: str, config: list[Path] | None, userdir: Path) -> Path:
    return find_run(run, Path(load_config(config, userdir).data.runs))


def _problem_lines(problems: dict[str, int], places: dict[str, list[str]], out: Out) -> Iterator[str]:
    """Each problem as a warning with its first place, all of them with -v; files that are of no use always by name."""
    from tickerml.tape.problems import OF_A_FILE

    for reason, count in problems.items():
        met = places.get(reason, [])
        whole = reason in OF_A_FILE
        shown = met if out.verbose or whole else met[:1]
        yield f"warning[{reason}]: {count:,} x   (tickerml explain {reason})"
        yield from (f"  --> {place}" for place in shown)
        if whole and count > len(met):
            yield f"  --> and {count - len(met):,} more"
        elif len(met) > len(shown):
            yield "  --> and more: -v shows the first 5"
