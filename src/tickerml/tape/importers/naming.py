"""Which instrument a file is about, from its name and folder, as Binance, freqtrade and ccxt spell them."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import polars as pl

from tickerml.tape.errors import InputError, Where
from tickerml.tape.importers.frames import pick
from tickerml.tape.importers.options import Options
from tickerml.tape.instruments import Instrument, multiple_of, unified

QUOTES: Final = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD", "EUR", "GBP", "TRY", "BTC", "ETH", "BNB", "SOL")
VENUES: Final = ("binance", "bybit", "okx", "kraken", "coinbase", "kucoin", "gate", "bitget", "hyperliquid", "mexc")
_PERP: Final = {"perp", "perpetual", "futures", "future", "fut", "usdm", "um", "swap", "linear"}
_SPOT: Final = {"spot"}
GUESSED_SPOT: Final = "read as a spot market, as no name says otherwise: it cannot be sold short"
"""What is noted of such an instrument."""
_DERIVATIVES: Final = ("-usdm", "-linear", "-swap", "-perp", "-futures")
KNOWN_VENUES: Final = frozenset(
    (
        *VENUES,
        *(f"{venue}{kind}" for venue in VENUES for kind in _DERIVATIVES),
        "binance-coinm",
        "binance-us",
        "binanceus",
    )
)
"""Names of venues that mean something here; a bare one is the venue's spot market."""
_NOT_SYMBOLS: Final = {"TRADES", "TRADE", "PUBLIC", "CANDLES", "KLINES", "OHLCV", "MARK", "FUNDING", "RATE", "DATA"}


def instrument_of(path: Path, options: Options) -> Instrument:
    """A definition with tick and lot still 1. Raises InputError unknown-instrument."""
    words = [w.lower() for part in path.parts[-3:] for w in re.split(r"[^A-Za-z0-9]+", part)]
    base, quote, settle = _symbol(options.symbol) if options.symbol else _from_stem(path)
    perp = settle is not None or options.market == "perp"
    if not options.market and not options.symbol and settle is None:
        perp = bool(_PERP & set(words)) and not _SPOT & set(words)
        perp = perp or options.venue.lower().endswith(_DERIVATIVES)
    settle = (settle or quote) if perp else None
    venue = options.venue or next((v for v in VENUES if v in words), "unknown")
    if perp and venue == "binance":
        venue = "binance-usdm"
    return Instrument(
        id=0,
        venue=venue,
        symbol=unified(base, quote, settle),
        raw=f"{base}{quote}",
        tick=Decimal(1),
        lot=Decimal(1),
        base=base,
        quote=quote,
        settle=settle or quote,
        multiplier=Decimal(multiple_of(base)),
    )


def checked_venue(name: str) -> str:
    """The name of a venue, as a person gave it: one that is known, or that is not like any of those.

    What is all but a known name is taken for a slip: read as another venue, its perpetuals would be spot. Raises
    InputError unknown-venue.
    """
    plain = name.lower().replace("_", "-")
    like = get_close_matches(plain, KNOWN_VENUES, 1, 0.85)
    if not name or name in KNOWN_VENUES or (re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) and not like):
        return name
    raise InputError(
        "unknown-venue",
        f'"{name}" is no venue{f"; did you mean {like[0]}?" if like else " that is known here"}',
        key="--venue",
        means=f"nothing was read; known are {', '.join(VENUES)}, each alone (spot) or with "
        f"{', '.join(_DERIVATIVES)} (perpetuals), and binance-coinm; others in small letters",
        try_=f"--venue {like[0] if like else 'binance-usdm'}",
    )


def guessed_spot(path: Path, options: Options) -> bool:
    """Whether nothing says spot or perpetual: neither a person nor the names of file and folders."""
    words = {w.lower() for part in path.parts[-3:] for w in re.split(r"[^A-Za-z0-9]+", part)}
    venue = options.venue in VENUES or options.venue.lower().endswith(_DERIVATIVES)
    told = options.market or venue or ":" in options.symbol or words & (_PERP | _SPOT)
    return not told and ":" not in instrument_of(path, options).symbol


def told_by(frame: pl.DataFrame, options: Options) -> Options:
    """Options, with symbol, venue and market from the columns of a recorder's file where it has them."""
    names = {"symbol": ("symbol", "pair"), "venue": ("venue", "exchange"), "market": ("markettype", "market")}
    first: dict[str, str] = {}
    for field, wanted in names.items():
        column = pick(frame.columns, wanted)
        if column and len(frame) and not getattr(options, field):
            first[field] = str(frame[column][0])
    if "market" in first:
        first["market"] = "perp" if first["market"].lower() in _PERP else "spot"
    if "venue" in first:
        first["venue"] = first["venue"].lower()
    return replace(options, **first)  # type: ignore[arg-type]  # the three fields are texts


def scaled(instrument: Instrument, tick: Decimal, lot: Decimal) -> Instrument:
    """The definition with its tick and lot."""
    return replace(instrument, tick=tick, lot=lot)


def _from_stem(path: Path) -> tuple[str, str, str | None]:
    """BTCUSDT, BTC_USDT-5m, BTC_USDT_USDT-1h-futures, binance_XRPETH_trades, BTCPERP, BTCUSDT-1m-2024-01."""
    stem = path.name.split(".")[0].upper()
    tokens = [t for t in re.split(r"[^A-Z0-9]+", stem) if t and t.lower() not in VENUES and t not in _NOT_SYMBOLS]
    for first, second, third in zip(tokens, [*tokens[1:], ""], [*tokens[2:], "", ""], strict=False):
        if second in QUOTES and first.isalnum() and not first.isdigit():
            return first, second, (third if third in QUOTES else None)
    for token in tokens:
        found = _split(token)
        if found:
            return found
    raise InputError(
        "unknown-instrument",
        f"the name {path.name} does not say which instrument it is about",
        where=Where(str(path)),
        key="--symbol",
        means="nothing was imported from it",
        try_=f"tickerml data import {path} --symbol BTC/USDT",
    )


def _split(token: str) -> tuple[str, str, str | None] | None:
    if token.endswith("PERP") and len(token) > 4:
        inner = _split(token[:-4])
        return (inner[0], inner[1], inner[1]) if inner else (token[:-4], "USD", "USD")
    for quote in QUOTES:
        if token.endswith(quote) and len(token) > len(quote) + 1:
            return token[: -len(quote)], quote, None
    return None


def _symbol(symbol: str) -> tuple[str, str, str | None]:
    """A symbol that a person named: BTC/USDT, BTC/USDT:USDT, BTC-USDT or BTCUSDT."""
    pair, _, settle = symbol.upper().partition(":")
    parts = re.split(r"[/_-]", pair)
    if len(parts) == 2 and all(parts):
        return parts[0], parts[1], settle or None
    found = _split(pair) if len(parts) == 1 else None
    if not found:
        raise InputError(
            "unknown-instrument",
            f"{symbol} is not a symbol that can be read",
            key="--symbol",
            means="nothing was imported",
            try_="tickerml data import PATH --symbol BTC/USDT:USDT",
        )
    return found[0], found[1], settle or found[2]
