"""Balances on a run's tape: one message of three BALANCE rows, equity, cash, exposure, in this order.

Of each row: `qty` is money in units of 10^-`price` of the currency that `inst` settles in; `side` says which figure it
is: 0 equity, 1 cash, -1 exposure (the sum of signed position values).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.errors import InputError
from tickerml.tape.rows import Kind, Rows

_SIDES: Final = (0, 1, -1)


def not_three() -> InputError:
    """What is wrong with a balance that is not told by three rows."""
    return InputError(
        "balance-rows",
        "a balance of this run is not told by three rows: equity, cash, exposure",
        means="another version of the program made the run; its rows are kept, and not read as something else",
        try_="run it again: the run's manifest, run.json, has its command",
    )


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
    """All balances in rows of whole messages. InputError `balance-rows` when they are not three rows each."""
    at = np.flatnonzero(rows["kind"] == Kind.BALANCE)
    if len(at) % 3 or not np.array_equal(rows["side"][at], np.resize(_SIDES, len(at))):
        raise not_three()
    equity, cash, exposure = (rows["qty"][at[k::3]] for k in range(3))
    last = at[2::3]
    inst, decimals = (rows[name][last].astype(np.int64) for name in ("inst", "price"))
    return Balances(last.astype(np.int64), rows["recv"][last], inst, equity, cash, exposure, decimals)
