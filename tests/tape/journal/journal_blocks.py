"""Blocks that can be told apart and rebuilt from a number, and hosts for simulation."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from sim_disk import SimDisk

from tickerml.tape.block import Block
from tickerml.tape.journal import Encoder, Host, Journal, Sync, read
from tickerml.tape.rows import Flag, Kind, empty
from tickerml.tape.tables import BAR, MESSAGE, ORDER, VALUE

FOLDER = Path("/sim/run")
SMALL = 8192


def block(number: int, rows: int | None = None) -> Block:
    """Block `number`: 1-5 rows of many kinds, side tables and blobs, all derived from the number."""
    n = number % 5 + 1 if rows is None else rows
    out = empty(n)
    out["recv"] = 1_700_000_000_000_000_000 + number * 1_000_003 + np.arange(n)
    out["exch"], out["qty"], out["price"], out["inst"] = out["recv"] - 7, number, number % 97, number % 3
    out["kind"], out["ref"], out["flags"][-1] = Kind.DEPTH, 0, Flag.END
    messages = np.full(1, number, MESSAGE)
    if number % 4 == 1:
        out["kind"][0] = Kind.VALUE
        value = np.zeros(1, VALUE)
        value["value"] = (np.nan, -0.0, 1 / 3, -np.inf)[number // 4 % 4]
        return Block(out, messages, values=value)
    if number % 4 == 2:
        out["kind"][0] = Kind.INTENT
        return Block(out, messages, np.full(1, number, ORDER), blobs=(b'{"n":%d}' % number, b"", b"\0" * (number % 9)))
    if number % 4 == 3:
        out["kind"][0] = Kind.BAR
        return Block(out, messages, bars=np.full(1, -number, BAR))
    return Block(out, messages)


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def sim_host(disk: SimDisk, clock: Clock | None = None, salt: int = 1) -> Host:
    salts = itertools.count(salt * 0x9E3779B1 & 0xFFFFFFFF, 0x61C88647)
    now = clock or Clock()
    return Host(disk, now, lambda: 1_700_000_000_000_000_000, lambda: next(salts) & 0xFFFFFFFF, threaded=False)


def contents(
    disk: SimDisk, folder: Path = FOLDER, start: int = 1, encoder: Encoder | None = None
) -> list[tuple[int, bytes]]:
    """(sequence, bytes) of every block but the RECOVERED ones."""
    found = read(folder, start=start, disk=disk, encoder=encoder)
    return [(seq, one.to_bytes()) for seq, one in found if one.rows["kind"][0] != Kind.RECOVERED]


def fill(journal: Journal, numbers: range, *, sync_every: int = 0) -> list[tuple[int, bytes]]:
    """Append blocks by number; returns what `contents` must give."""
    out = []
    for number in numbers:
        one = block(number)
        out.append((journal.append(one, Sync(number % 3 + 1)), one.to_bytes()))
        if sync_every and number % sync_every == 0:
            journal.sync()
    return out


class PlainEncoder:
    """An archive format that costs nothing, where Parquet itself is not what is tested."""

    def encode(self, blocks: Iterable[tuple[int, Block]]) -> bytes:
        parts = ((seq, one.to_bytes()) for seq, one in blocks)
        return b"".join(struct.pack("<QQ", seq, len(data)) + data for seq, data in parts)

    def decode(self, data: bytes) -> Iterator[tuple[int, Block]]:
        at = 0
        while at < len(data):
            seq, size = struct.unpack_from("<QQ", data, at)
            yield seq, Block.from_bytes(data[at + 16 : at + 16 + size])
            at += 16 + size
