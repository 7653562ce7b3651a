"""What the wire said, in columns: free of ticks and books, so that a pass over it can be repeated.

A message is one HEAD record; its numbers are exact (mantissa, decimals) pairs that the head points into.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

GAP: Final = 100  # `stream` of heads that no wire sent: updates were lost; `first` = index of the blob that says which
BREAK: Final = 101  # the file is damaged here
FUNDING: Final = 102  # funding was settled at `exch`; rate = `first` / 10**`last`

HEAD: Final = np.dtype(
    [
        ("recv", "i8"),  # ns
        ("exch", "i8"),  # ns; matching time (T) where the venue gives it, else event time (E), else 0
        ("first", "i8"),  # U; a bar's open time in ms
        ("last", "i8"),  # u, lastUpdateId, trade id; a bar's last ms; next funding time in ms
        ("prev", "i8"),  # pu, -1 = none; a bar's number of trades
        ("at", "i8"),  # index of the message's first number
        ("line", "i4"),  # 1-based line in its file
        ("file", "i4"),  # index of its file
        ("numbers", "i4"),  # how many numbers it has
        ("bids", "i4"),  # how many of them belong to bids
        ("inst", "i4"),  # index of its symbol; -1 = the file's only one
        ("stream", "i1"),  # codec.Stream, or one of the three above
        ("side", "i1"),  # taker side of a trade or liquidation
        ("bad", "i2"),  # 1: not the numbers that a message of its stream has
    ]
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that cannot be used, and why."""

    reason: str
    line: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """Messages in the order received, and their numbers; `refused` lines have no message here."""

    heads: NDArray[np.void]
    mantissa: NDArray[np.int64]
    decimals: NDArray[np.int8]
    refused: tuple[Refused, ...] = ()

    def __len__(self) -> int:
        return len(self.heads)

    @property
    def size(self) -> int:
        """Bytes held."""
        return int(self.heads.nbytes + self.mantissa.nbytes + self.decimals.nbytes)

    def take(self, chosen: NDArray[np.intp]) -> Columns:
        """Some messages, with no numbers but their own."""
        heads = self.heads[chosen]
        counts = heads["numbers"].astype(np.int64)
        at = np.cumsum(counts) - counts
        index = np.repeat(heads["at"] - at, counts) + np.arange(int(counts.sum()))
        heads["at"] = at
        return Columns(heads, self.mantissa[index], self.decimals[index])


def nothing() -> Columns:
    """No messages."""
    return Columns(np.zeros(0, HEAD), np.zeros(0, np.int64), np.zeros(0, np.int8))


def join(parts: list[Columns]) -> Columns:
    """All messages of the parts, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    parts = parts or [nothing()]
    heads = np.concatenate([p.heads for p in parts])
    at = done = 0
    for part in parts:
        heads["at"][done : done + len(part)] += at
        at += len(part.mantissa)
        done += len(part)
    mantissa = np.concatenate([p.mantissa for p in parts])
    decimals = np.concatenate([p.decimals for p in parts])
    return Columns(heads, mantissa, decimals, tuple(r for p in parts for r in p.refused))
