"""The options that several commands share, with freqtrade's names, and how their text becomes values."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Final

import typer

from tickerml.tape.errors import InputError

Source = Annotated[
    str,
    typer.Option(
        "--source",
        metavar="SOURCE",
        help="A store, a folder or a file in any format that can be imported, or synthetic[:scenario][:seed].",
    ),
]
ConfigFiles = Annotated[
    list[Path] | None,
    typer.Option("-c", "--config", metavar="FILE", help="Settings, YAML or JSON; repeatable, later files win."),
]
Strategies = Annotated[
    list[str] | None,
    typer.Option(
        "-s",
        "--strategy",
        metavar="NAME",
        help="Its name, or file.py:ClassName; repeatable. Default: manager.strategies, else psc.",
    ),
]
Pairs = Annotated[
    list[str] | None,
    typer.Option("-p", "--pairs", metavar="PAIRS", help="BTC/USDT,ETH/USDT; repeatable. Default: all of the source."),
]
Timeframe = Annotated[
    str | None, typer.Option("-i", "--timeframe", metavar="TF", help="Bars that strategies look at: 1m, 5m, 15m, 1h.")
]
BarLength = Annotated[
    str | None, typer.Option("-i", "--timeframe", metavar="TF", help="Length of a file's bars: 1s, 5m, 1h ... 1M.")
]
TimeRange = Annotated[
    str | None,
    typer.Option(
        "--timerange",
        metavar="FROM-TO",
        help="UTC, the end is exclusive: 20240101-20240201, 20240809T0010-, seconds or milliseconds since 1970.",
    ),
]
UserDir = Annotated[
    Path, typer.Option("--userdir", metavar="DIR", help="Your folder: config.yaml in it is read when no -c is given.")
]
Param = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        metavar="SECTION.KEY=VALUE",
        help="Change one setting, or with NAME.KEY=VALUE a parameter of your own strategy, for this run; repeatable.",
    ),
]
Cash = Annotated[
    str | None, typer.Option("--cash", metavar="AMOUNT", help="Money at the start (trading.initial_balance).")
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of everything random in the run.")]
RunDir = Annotated[
    Path | None, typer.Option("--run-dir", metavar="DIR", help="Folder of the run. Default: a new one in runs/.")
]
Format = Annotated[
    str | None, typer.Option("--format", metavar="NAME", help="Name the format instead of detecting it.")
]
Venue = Annotated[
    str,
    typer.Option(
        "--venue",
        metavar="NAME",
        help="Whose candles and trades these are, where names do not say: binance (spot), binance-usdm (perpetuals).",
    ),
]
Ledger = Annotated[
    bool | None,
    typer.Option("--ledger/--no-ledger", help="Keep the run's records in tables too. Default: the settings' ledger."),
]
Twins = Annotated[
    int | None,
    typer.Option(
        "--twins",
        min=0,
        max=999,
        metavar="N",
        help="Re-runs over the same bars without an edge, kept with the run. Default: by length; 0 = none.",
    ),
]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's folder, or the start of its id. Default: the newest run.")
]
Store = Annotated[Path | None, typer.Option("--store", metavar="DIR", help="Folder of the store (data.store).")]

DEFAULT_USERDIR: Final = Path("user_data")
_TIMEFRAME: Final = re.compile(r"[1-9]\d*[smhdwM]")


def pair_list(given: list[str] | None) -> list[str] | None:
    """Comma-separated and repeated pairs as one list; None when none is named."""
    found = [pair.strip() for text in given or [] for pair in text.split(",") if pair.strip()]
    return found or None


def timeframe(text: str | None) -> str | None:
    """A timeframe as typed. Raises InputError `timeframe`."""
    if text is not None and not _TIMEFRAME.fullmatch(text):
        raise InputError(
            "timeframe", f'"{text}" is no timeframe', try_="1s, 5m, 1h, 1d, 1w or 1M   (M is a month, m a minute)"
        )
    return text


def span(text: str | None) -> int:
    """A timeframe in ns; 0 for none and for months, whose length differs. Raises InputError `timeframe`."""
    if timeframe(text) is None:
        return 0
    from tickerml.tape.params import span_ns

    return span_ns(str(text)) or 0


def amount(text: str | None, example: str = "--cash 10000") -> Decimal | None:
    """An exact number above 0. Raises InputError `amount`."""
    if text is None:
        return None
    try:
        found = Decimal(text.replace("_", ""))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or found <= 0:
        raise InputError("amount", f'"{text}" is no amount above 0', try_=example)
    return found
