"""Sealed blocks as Parquet: one Parquet row a batch of rows, each field of each table a list column."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.block import Block, concat
from tickerml.tape.rows import ROW
from tickerml.tape.tables import BAR, MESSAGE, ORDER, VALUE

BATCH_ROWS: Final = 65_536
_TABLES: Final = {"rows": ROW, "messages": MESSAGE, "orders": ORDER, "bars": BAR, "values": VALUE}
_RUNNING: Final = {  # columns that grow or wander: stored as differences, which pack several times smaller
    *("rows.recv", "rows.exch", "rows.price", "rows.ref", "messages.first_id", "messages.last_id", "messages.prev_id"),
    *("orders.id", "orders.at", "bars.open_time", "bars.open", "bars.high", "bars.low", "bars.close"),
}


class Encoder(Protocol):
    """How a sealed segment becomes one file. `decode(encode(x))` must give the same rows, tables and blobs."""

    def encode(self, blocks: Iterable[tuple[int, Block]]) -> bytes:
        """The file's bytes. Blocks come with the sequence of their first row and continue each other."""
        ...

    def decode(self, data: bytes) -> Iterator[tuple[int, Block]]:
        """The rows again, cut into blocks as the encoder likes."""
        ...


def batches(blocks: Iterable[tuple[int, Block]], rows: int = BATCH_ROWS) -> Iterator[tuple[int, Block]]:
    """Join neighbours until a block has at least `rows` rows; whole blocks only, so messages stay whole."""
    held: list[Block] = []
    first = count = 0
    for seq, block in blocks:
        first = seq if not held else first
        held.append(block)
        count += len(block)
        if count >= rows:
            yield first, concat(held)
            held, count = [], 0
    if held:
        yield first, concat(held)


class ParquetEncoder:
    """The default: zstd, differences for running columns, float bits kept as integers so that NaNs keep theirs."""

    def encode(self, blocks: Iterable[tuple[int, Block]]) -> bytes:
        """One Parquet row and row group a batch."""
        import polars as pl  # here, because a journal that only appends never needs it

        frames = [pl.DataFrame(_columns(seq, block)) for seq, block in batches(blocks)]
        file = io.BytesIO()
        pl.concat(frames or [pl.DataFrame({"seq": []})]).write_parquet(file, compression="zstd", row_group_size=1)
        return file.getvalue()

    def decode(self, data: bytes) -> Iterator[tuple[int, Block]]:
        """Batches in order."""
        import polars as pl

        for row in pl.read_parquet(io.BytesIO(data)).iter_slices(1):
            yield row["seq"][0], _block(row)


def _columns(seq: int, block: Block) -> dict[str, Any]:
    import polars as pl

    columns: dict[str, Any] = {"seq": pl.Series([seq], dtype=pl.Int64)}
    for table, dtype in _TABLES.items():
        records = getattr(block, table)
        for field in dtype.names or ():
            name, values = f"{table}.{field}", np.ascontiguousarray(records[field])
            if values.dtype == np.float64:
                name, values = f"{name}:bits", values.view(np.int64)
            elif name in _RUNNING:
                name, values = f"{name}:delta", np.diff(values, prepend=values.dtype.type(0))
            columns[name] = pl.Series(values).implode()
    columns["blobs"] = pl.Series(block.blobs, dtype=pl.Binary).implode()
    return columns


def _block(row: Any) -> Block:
    rows, messages, orders, bars, values = (_records(row, table, dtype) for table, dtype in _TABLES.items())
    return Block(rows, messages, orders, bars, values, tuple(row["blobs"].explode(empty_as_null=False)))


def _records(row: Any, table: str, dtype: np.dtype[np.void]) -> NDArray[np.void]:
    fields: dict[str, NDArray[Any]] = {}
    for column in row.columns:
        name, _, how = column.removeprefix(f"{table}.").partition(":")
        if column.startswith(f"{table}."):
            fields[name] = _undo(row[column].explode(empty_as_null=False).to_numpy(), how)
    records = np.zeros(len(next(iter(fields.values()))), dtype)
    for name, values in fields.items():
        records[name] = values
    return records


def _undo(values: NDArray[Any], how: str) -> NDArray[Any]:
    if how == "bits":
        return values.view(np.float64)
    return np.cumsum(values, dtype=values.dtype) if how == "delta" else values
