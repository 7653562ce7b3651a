"""Many small blocks of made rows as one: paper hands over each act by itself, and a block costs more than a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tickerml.tape.block import TABLE_OF, Block
from tickerml.tape.rows import ROW
from tickerml.tape.tables import ORDER

_OF_ORDERS = np.array([TABLE_OF.get(kind) == "orders" for kind in range(128)])


def gathered(blocks: Sequence[Block]) -> Block:
    """The rows of all blocks in order, with orders and blobs; made rows refer to no other table."""
    if len(blocks) == 1:
        return blocks[0]
    rows = np.frombuffer(bytearray(b"".join(block.rows.tobytes() for block in blocks)), ROW)
    lengths = [len(block) for block in blocks]
    orders = np.frombuffer(b"".join(b.orders.tobytes() for b in blocks if len(b.orders)), ORDER)
    blobs = [blob for block in blocks for blob in block.blobs]
    starts = [np.cumsum([0, *counts[:-1]]) for counts in _counts(blocks)]
    start = np.where(_OF_ORDERS[rows["kind"]], *(np.repeat(one, lengths) for one in starts))
    rows["ref"] += np.where(rows["ref"] >= 0, start, 0).astype(np.int32)
    return Block(rows, orders=orders, blobs=tuple(blobs))


def _counts(blocks: Sequence[Block]) -> tuple[list[int], list[int]]:
    return [len(block.orders) for block in blocks], [len(block.blobs) for block in blocks]
