"""The closed trades of a run as a file for other programs: one row a trade."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from tickerml.tape.errors import InputError, Where
from tickerml.views.story import Trade

if TYPE_CHECKING:
    import polars as pl

KINDS: Final = (".csv", ".parquet")
PLACES: Final = 12  # decimals of money, prices and sizes in a Parquet file; a CSV file has every digit
_EXACT: Final = ("entry_price", "exit_price", "quantity", "fees", "funding", "pnl")


def checked(path: Path) -> Path:
    """The path, if it can become a file of trades: asked before a run begins.

    Raises InputError `export-kind`, `file-kind`, `file-permission`.
    """
    if path.suffix.lower() not in KINDS:
        raise InputError(
            "export-kind",
            f"{path} is neither a .csv nor a .parquet file",
            means="nothing was started",
            key="--export-trades",
            try_=f"--export-trades {path.with_suffix('.csv')}",
        )
    try:
        above = next((one for one in path.parents if one.exists()), path.parent)
        if path.is_dir():
            raise InputError("file-kind", f"{path} is a folder where a file is needed", key="--export-trades")
        if above.is_file():
            raise InputError("file-kind", f"{above} is a file where a folder is needed", key="--export-trades")
        with TemporaryDirectory(prefix=".tickerml-", dir=above) as made:  # whether it can be is known when it was
            probe = Path(made) / _partial(path).relative_to(above)
            probe.parent.mkdir(parents=True, exist_ok=True)
            probe.touch()
    except OSError as cause:
        raise InputError(
            "file-permission",
            f"{path} cannot be written: {cause.strerror}",
            where=Where(str(path)),
            means="nothing was started",
            key="--export-trades",
            try_=f"--export-trades trades{path.suffix.lower()}",
        ) from cause
    return path


def _partial(path: Path) -> Path:
    """What the file is called until it is whole."""
    return path.with_name(f"{path.name}.partial")


def export_trades(trades: Sequence[Trade], currency: str, path: Path) -> Path:
    """Write trades, by time of exit; the file is whole or not there. Raises as `checked`.

    Times are UTC; quantity is in base units or contracts; fees > 0 were paid, funding > 0 was received, pnl = what is
    left after both, in `currency`; mae and mfe are the worst and best move as fractions of the entry price, >= 0.
    """
    frame = _frame(trades, currency)
    checked(path).parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    if path.suffix.lower() == ".csv":
        frame.write_csv(partial, datetime_format="%Y-%m-%dT%H:%M:%S%.9fZ")
    else:
        _decimals(frame).write_parquet(partial)
    partial.replace(path)
    return path


def _frame(trades: Sequence[Trade], currency: str) -> pl.DataFrame:
    """Exact numbers as text."""
    import polars as pl

    schema: dict[str, Any] = {
        "entry_time": pl.Int64,
        "exit_time": pl.Int64,
        "pair": pl.String,
        "direction": pl.String,
        "strategy": pl.String,
        **dict.fromkeys(_EXACT, pl.String),
        "currency": pl.String,
        "exit_reason": pl.String,
        "mae": pl.Float64,
        "mfe": pl.Float64,
    }
    times = pl.col("entry_time", "exit_time").cast(pl.Datetime("ns", "UTC"))
    return pl.DataFrame([_row(t, currency) for t in trades], schema, orient="row").with_columns(times)


def _row(trade: Trade, currency: str) -> tuple[Any, ...]:
    exact = (trade.entry, trade.exit, trade.qty, trade.fees, trade.funding, trade.pnl)
    direction = "long" if trade.side > 0 else "short"
    return (
        *(trade.entry_time, trade.exit_time, trade.coin, direction, trade.strategy),
        *(format(value, "f") for value in exact),
        *(currency, trade.reason, trade.mae, trade.mfe),
    )


def _decimals(frame: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    quantum = Decimal(1).scaleb(-PLACES)
    exact = {name: [Decimal(text).quantize(quantum) for text in frame[name]] for name in _EXACT}
    return frame.with_columns(pl.Series(name, some, pl.Decimal(38, PLACES)) for name, some in exact.items())
