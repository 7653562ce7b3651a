"""From exact decimals to ticks and lots, with every number checked; and the grid that a file's own numbers show.

Which numbers of a message are prices and which sizes (`ap`, mark, index and funding are neither, they stay decimals):

    diff, snapshot  price size price size ...      trade        price size
    ticker          price size price size          liquidation  price size ap
    kline           price price price price size size           mark         mark index funding
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.instruments import Instrument
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import MAX_TICKS, Rows
from tickerml.venues.binance.codec import Stream
from tickerml.venues.binance.columns import HEAD, Columns
from tickerml.venues.binance.instruments import Grid
from tickerml.venues.binance.numbers import POWERS

MISSHAPEN: Final = 1  # not the numbers that a message of its stream has
BAD_NUMBER: Final = 2  # no number, a price of 0 or below, a size below 0
OFF_GRID: Final = 4  # not a whole number of ticks or lots
TOO_FAR: Final = 8  # a price of more ticks than a row holds; a book does without that level
FAR: Final = -1  # the ticks of such a level

_STEP: Final = np.dtype([("mantissa", "i8"), ("decimals", "i8")])  # a tick or lot: mantissa / 10**decimals
_DIFF, _SNAPSHOT, _MARK = int(Stream.DIFF), int(Stream.SNAPSHOT), int(Stream.MARK)
_KLINE, _LIQUIDATION, _TRADE, _AGG = (
    int(Stream.KLINE),
    int(Stream.LIQUIDATION),
    int(Stream.TRADE),
    int(Stream.AGG_TRADE),
)
_MOST: Final = (1 << 63) - 1


@kernel
def _is_size(stream: int, k: int) -> bool:
    """Whether number `k` of a message of `stream` is a size; else it is a price."""
    return k >= 4 if stream == _KLINE else k & 1 == 1


@kernel
def _gridded(stream: int, k: int) -> bool:
    """Whether number `k` is on the instrument's grid at all."""
    return stream != _MARK and stream < 100 and not (stream == _LIQUIDATION and k == 2)


@kernel
def _scale(
    heads: Rows,
    mantissa: NDArray[np.int64],
    decimals: NDArray[np.int8],
    steps: Rows,
    whole: NDArray[np.int64],
    powers: NDArray[np.int64],
) -> None:
    """Write ticks and lots to `whole`, and what is wrong to heads["bad"]."""
    for m in range(len(heads)):
        head = heads[m]
        stream, at, bad = head["stream"], head["at"], head["bad"]
        for k in range(head["numbers"]):
            n = at + k
            if not _gridded(stream, k):
                if decimals[n] < 0 and k == 0:
                    bad |= BAD_NUMBER
                continue
            size = _is_size(stream, k)
            step = steps[head["inst"], 1 if size else 0]
            value, more = mantissa[n], step["decimals"] - decimals[n]
            if decimals[n] < 0 or value < 0 or (value == 0 and not size):
                bad |= BAD_NUMBER
            elif more < 0 or more > 18 or value > _MOST // powers[more] or value * powers[more] % step["mantissa"] != 0:
                bad |= OFF_GRID
            else:
                whole[n] = value * powers[more] // step["mantissa"]
                if not size and whole[n] > MAX_TICKS:
                    whole[n] = FAR
                    bad |= TOO_FAR
        if stream in (_TRADE, _AGG) and bad == 0 and whole[at + 1] == 0:
            bad |= BAD_NUMBER
        head["bad"] = bad


@kernel
def _finest(heads: Rows, decimals: NDArray[np.int8], most: NDArray[np.int64]) -> None:
    """Raise most[inst, 0 price | 1 size] to the most decimals seen."""
    for m in range(len(heads)):
        head = heads[m]
        stream, at, inst = head["stream"], head["at"], head["inst"]
        for k in range(head["numbers"]):
            if _gridded(stream, k):
                j = 1 if _is_size(stream, k) else 0
                most[inst, j] = max(most[inst, j], decimals[at + k])


class Scale:
    """The ticks and lots of some instruments, by id."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        """`instruments[i]` has the grid of id `i`."""
        self._steps = np.array([_step(value) for i in instruments for value in (i.tick, i.lot)], _STEP).reshape(-1, 2)
        self._heads, self._whole = np.zeros(0, HEAD), np.zeros(0, np.int64)

    def apply(self, columns: Columns) -> Columns:
        """The same messages with ticks and lots as mantissas, and heads["bad"] set.

        They lie in memory that the next call uses again, because new memory is dear: take what is to stay.
        """
        n, m = len(columns.mantissa), len(columns)
        if n > len(self._whole) or m > len(self._heads):
            self._heads, self._whole = np.empty(2 * m, HEAD), np.empty(2 * n, np.int64)
        heads, whole = self._heads[:m], self._whole[:n]
        heads[:], whole[:] = columns.heads, columns.mantissa
        _scale(heads, columns.mantissa, columns.decimals, self._steps, whole, POWERS)
        return Columns(heads, whole, columns.decimals)


def _step(value: Decimal) -> tuple[int, int]:
    """A tick or lot as integers: 0.05 is 5 / 10**2. Raises ValueError when it is not above 0."""
    sign, digits, exponent = value.normalize().as_tuple()
    if sign or not any(digits) or not isinstance(exponent, int):
        raise ValueError(f"a tick or lot must be above 0, not {value}")
    mantissa = int("".join(map(str, digits)))
    return (mantissa * 10**exponent, 0) if exponent > 0 else (mantissa, -exponent)


class Finest:
    """Most decimals seen in the prices and sizes of each symbol: the grid of a file that carries no definitions."""

    def __init__(self) -> None:
        self._most: NDArray[np.int64] = np.zeros((1, 2), np.int64)

    def add(self, columns: Columns) -> None:
        """Look at some messages; those of no symbol (inst -1) count for the last one."""
        need = int(columns.heads["inst"].max(initial=0)) + 1
        if need > len(self._most):
            self._most = np.vstack([self._most, np.zeros((need - len(self._most), 2), np.int64)])
        _finest(columns.heads, columns.decimals, self._most)

    def grid(self, inst: int) -> Grid:
        """The grid of symbol `inst`."""
        price, size = self._most[inst] if inst < len(self._most) else (0, 0)
        return Grid(int(price), int(size))
