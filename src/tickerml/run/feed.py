"""Rows as they come: a tape that another process sends over a socket, block by block. Nothing later is known.

The wire is a line of JSON (the header), then frames: u32 length, `Block.to_bytes()`; length 0 ends the feed. Bound to
loopback unless told otherwise.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from typing import Final

from tickerml.engine.machine import pieces
from tickerml.run.record import header_json, header_of
from tickerml.tape.block import Block, cut
from tickerml.tape.errors import InputError
from tickerml.tape.tape import Header, Tape

_LENGTH: Final = struct.Struct("<I")
_MOST: Final = 1 << 26  # bytes of one frame


class FeedTape:
    """A tape that is received while it is read: one pass, no look ahead. Its rows are journalled by who trades it."""

    live = True

    def __init__(self, connection: socket.socket) -> None:
        """Reads the header at once. InputError `feed` when the other side speaks another language."""
        self._file = connection.makefile("rb")
        connection.close()  # the file holds it open until it is closed itself
        line = self._file.readline()
        try:
            told = json.loads(line)
            self.bar_only = tuple(bool(b) for b in told["bar_only"])
            self._header = header_of({"source": told["header"]})
        except (ValueError, KeyError, TypeError) as error:
            self._file.close()
            raise InputError("feed", f"the feed does not begin with a header: {error!r}") from None

    @property
    def header(self) -> Header:
        """As the sender told it."""
        return self._header

    def blocks(self) -> Iterator[Block]:
        """Blocks as they arrive. InputError `feed` when the connection breaks off inside one."""
        with self._file:
            while length := _LENGTH.unpack(self._exactly(_LENGTH.size))[0]:
                if length > _MOST:
                    raise InputError("feed", f"a block of {length} bytes was announced; at most {_MOST} are taken")
                try:
                    block = Block.from_bytes(self._exactly(length))
                except ValueError as error:
                    raise InputError("feed", f"the feed sent bytes that are no block: {error}") from None
                yield block

    def content_hash(self) -> str:
        """Not known before the feed has ended: the run's manifest holds it then."""
        return ""

    def _exactly(self, n: int) -> bytes:
        data = self._file.read(n)
        if len(data) != n:
            raise InputError("feed", "the feed broke off inside a block", means="what came before is stored and safe")
        return data


def connect(address: str, timeout: float = 10.0) -> FeedTape:
    """The feed at `host:port`. InputError `feed` when nobody answers."""
    host, _, port = address.rpartition(":")
    try:
        connection = socket.create_connection((host or "127.0.0.1", int(port)), timeout)
    except (OSError, ValueError) as error:
        raise InputError("feed", f"no feed at {address}: {error}", try_="--source tcp:127.0.0.1:9009") from None
    connection.settimeout(None)
    return FeedTape(connection)


def serve(tape: Tape, connection: socket.socket, bar_only: tuple[bool, ...], chunk: int | None = None) -> int:
    """Send a tape to one connection, `chunk` rows a frame; returns the rows sent."""
    head = json.dumps({"header": header_json(tape.header), "bar_only": list(bar_only)})
    connection.sendall(head.encode() + b"\n")
    rows = 0
    for block in pieces(tape.blocks(), chunk):
        data = cut(block, 0, len(block)).to_bytes()  # with what its rows refer to, not with all that its block holds
        connection.sendall(_LENGTH.pack(len(data)) + data)
        rows += len(block)
    connection.sendall(_LENGTH.pack(0))
    return rows
