"""The share of capital that an optimiser gave a coin, as the tape tells it.

weight = newest "weight" value of the instrument, or of its symbol: a table with the columns date, symbol and weight, as
`tickerml portfolio` writes it, gives values called "BTC/USDT.weight" that belong to no instrument.

A value below 0, above 1 or that is no number is passed over. NaN before the first.

Source: whatever optimiser wrote them; see docs/desk.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tickerml.tape.kernel import fold
from tickerml.tape.params import VALUE_NAMES
from tickerml.tape.rows import Record, Rows

FIELDS: Final = {"weight": "0 to 1; share of capital, newest value of the tape"}


@dataclass(frozen=True)
class Params:
    """Nothing to choose."""


State: Final = np.dtype(
    [
        ("said", "i8"),  # name of the newest value
        ("share", "f8"),  # that value
    ]
)

_WEIGHT: Final = VALUE_NAMES.index("weight")


@fold
def on_value(s: Record, value: Record) -> bool:
    """Read a value that may be a weight."""
    s["said"] = value["name"]
    s["share"] = value["value"]
    return 0.0 <= value["value"] <= 1.0


@fold
def across(n: int, ss: Rows, fs: Rows, insts: Rows) -> None:
    """Give it to the instrument that it names."""
    for k in range(len(ss)):
        named = insts[k]["names"][_WEIGHT] == ss[n]["said"]
        if named and (k == n or (insts[n]["priced"] == 0 and insts[k]["priced"] != 0)):
            fs[k]["weight"] = ss[n]["share"]
