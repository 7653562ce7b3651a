"""Balances on a run's tape: one message of three BALANCE rows, equity, cash, exposure, in this order.

Of each row: `qty` is money in units of 10^-`price` of the currency that `inst` settles in; `side` says which figure it
is: 0 equity, 1 cash, -1 exposure (the sum of signed position values).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.rows import Kind, Rows


@dataclass(frozen=True, slots=True)
class Balances:
    """The balances of a block, by column; money as integers."""

    place: NDArray[np.int64]  # of the last row of each, in the block
    time: NDArray[np.int64]  # ns
    inst: NDArray[np.int64]
    equity: NDArray[np.int64]
    cash: NDArray[np.int64]
    exposure: NDArray[np.int64]
    decimals: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.place)


def balances_of(rows: Rows) -> Balances:
    """All balances in rows of whole messages."""
    at = np.flatnonzero(rows["kind"] == Kind.BALANCE)
    equity, cash, exposure = (rows["qty"][at[k::3]] for k in range(3))
    last = at[2::3]
    inst, decimals = (rows[name][last].astype(np.int64) for name in ("inst", "price"))
    return Balances(last.astype(np.int64), rows["recv"][last], inst, equity, cash, exposure, decimals)
