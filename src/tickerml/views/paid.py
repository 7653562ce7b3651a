"""What the account paid and received, from the rows that say so: FILL and FUNDING, whoever they are of.

A setup's trade tells its own fees when it closes; a compiled strategy quotes and has no trades, and what is still open
has paid its entry. So fees and funding are the account's, and trades only tell theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickerml.account.contract import contract_record, from_money
from tickerml.account.position import POSITION, apply_fill
from tickerml.tape.block import Block
from tickerml.tape.instruments import Instrument
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import ROW, Kind, Rows
from tickerml.views.story import Paid

Column = NDArray[np.int64]
_OF_FILL = ("inst", "side", "price", "qty")
_OF_ORDER = ("id", "fee")


@dataclass(frozen=True, slots=True)
class _Fills:
    """Executions in order: of the row (instrument, side, price, lots) and of its order (id, fee)."""

    rows: NDArray[Any]
    orders: NDArray[Any]


class Payments:
    """Gathers what was paid while a run's blocks pass."""

    def __init__(self) -> None:
        """Nothing was paid yet."""
        self._fills: list[_Fills] = []
        self._funding: list[tuple[Column, Column]] = []  # instrument and money of each exchange
        self._sent: list[tuple[Column, Column]] = []  # id and intent of each order

    def add(self, block: Block) -> None:
        """The next rows of the run."""
        rows = block.rows[block.rows["ref"] >= 0]
        kinds = rows["kind"]
        fills = rows[kinds == Kind.FILL]
        if len(fills):
            self._fills.append(_Fills(fills[list(_OF_FILL)].copy(), block.orders[fills["ref"]][list(_OF_ORDER)].copy()))
        funded = rows[kinds == Kind.FUNDING]
        if len(funded):
            self._funding.append((funded["inst"].astype(np.int64), block.orders["amount"][funded["ref"]]))
        sent = rows["ref"][kinds == Kind.SUBMIT]
        if len(sent):
            self._sent.append((block.orders["id"][sent], block.orders["parent"][sent]))

    def total(self, instruments: Iterable[Instrument], currency: str, decimals: int, intents: Iterable[int]) -> Paid:
        """All of it that is in `currency`, whose money has so many decimals.

        `intents`: sequences of what setups wished; the orders of all others are a compiled strategy's.
        """
        mine = {i.id: i for i in instruments if i.settle == currency}
        fees = funding = 0
        for one in self._fills:
            fees += int(one.orders["fee"][np.isin(one.rows["inst"], list(mine))].sum())
        for inst, amount in self._funding:
            funding += int(amount[np.isin(inst, list(mine))].sum())
        quoted = self._quoted(mine, decimals, self._of_setups(intents))
        return Paid(*(from_money(money, decimals) for money in (fees, funding, quoted)))

    def _of_setups(self, intents: Iterable[int]) -> Column:
        """Ids of the orders that serve an intent."""
        known = np.fromiter(intents, np.int64)
        found = [ids[np.isin(parents, known)] for ids, parents in self._sent]
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def _quoted(self, mine: dict[int, Instrument], decimals: int, setups: Column) -> int:
        """Profit of what a compiled strategy has closed, by average cost, before fees and funding."""
        found = [
            one.rows[np.isin(one.rows["inst"], list(mine)) & ~np.isin(one.orders["id"], setups)] for one in self._fills
        ]
        rows = np.concatenate(found) if found else np.zeros(0, ROW)
        if not len(rows):
            return 0
        known, at = np.unique(rows["inst"], return_inverse=True)
        contracts = np.array([contract_record(mine[inst], decimals) for inst in known.tolist()])
        positions = np.zeros(len(known), POSITION)
        _book(positions, contracts, at, *(rows[name].astype(np.int64) for name in ("side", "price", "qty")))
        return int(positions["realised"].sum())


@kernel
def _book(positions: Rows, contracts: Rows, at: Column, side: Column, price: Column, qty: Column) -> None:
    """Book executions in their order; place `at` of each in both tables."""
    for k in range(len(at)):
        apply_fill(positions[at[k]], contracts[at[k]], side[k], price[k], qty[k], 0)


def unit_of(told: Sequence[Any], instruments: Iterable[Instrument]) -> tuple[str, int] | None:
    """Currency and decimals of the run's money, as its BALANCE rows say; None without any."""
    if not told:
        return None
    named = {i.id: i.settle for i in instruments}
    inst, decimals = int(told[-1].inst[-1]), int(told[-1].decimals[-1])
    return (named[inst], decimals) if inst in named else None
