"""Maker and taker rates on the value of each execution, rounded half up; a negative rate is a rebate.

The rates are the instrument's (RULES["maker_rate"] and RULES["taker_rate"], in 1e-8); `factor` scales both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tickerml.account.contract import RATE, share
from tickerml.tape.kernel import kernel
from tickerml.tape.params import Range
from tickerml.tape.rows import Record


@dataclass(frozen=True)
class Params:
    """A discount on the listed rates."""

    factor: Annotated[int, Range(0, 10 * RATE)] = RATE  # 1e-8; share of the listed rates that is charged


@kernel
def fee(fees: Record, rules: Record, worth: int, maker: int) -> int:
    """Fee of one execution worth `worth` money; negative when it is a rebate."""
    rate = rules["maker_rate"] if maker != 0 else rules["taker_rate"]
    if fees["factor"] != RATE:
        rate = share(rate, fees["factor"])
    return share(worth, rate)
