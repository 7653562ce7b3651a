"""What the account paid and received, from the rows that say so: FILL and FUNDING, whoever they are of.

A setup's trade tells its own fees when it closes; a compiled strategy quotes and has no trades, and what is still open
has paid its entry. So fees and funding are the account's, and trades only tell theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickerml.account.contract import contract_record, from_money, value
from tickerml.account.position import POSITION, apply_fill, unrealised
from tickerml.tape.block import Block
from tickerml.tape.instruments import Instrument
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import ROW, Kind, Rows
from tickerml.tape.tables import ORDER
from tickerml.views.story import Paid, Prices, Quoted

Column = NDArray[np.int64]
_OF_FILL = ("inst", "side", "price", "qty")
_OF_ORDER = ("id", "fee", "amount", "currency")


@dataclass(frozen=True, slots=True)
class _Fills:
    """Executions in order: of the row (instrument, side, price, lots) and of its order (id, fee, amount, currency)."""

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

    def total(
        self,
        instruments: Iterable[Instrument],
        currency: str,
        decimals: int,
        intents: Iterable[int],
        prices: Mapping[str, Prices],
    ) -> Paid:
        """All of it that is in `currency`, whose money has so many decimals.

        `intents`: sequences of what setups wished; the orders of all others are a compiled strategy's. What it holds at
        the end is worth the last of `prices`, by symbol; where there are none, or two have the symbol, its last fill.
        """
        mine = {i.id: i for i in instruments if i.settle == currency}
        fees = sum(int(one.orders["fee"][np.isin(one.rows["inst"], list(mine))].sum()) for one in self._fills)
        funding = sum(self._funded(inst) for inst in mine)
        known, contracts, positions, filled, exchanged = self._quoted(mine, decimals, self._of_setups(intents))
        quotes = []
        for inst, contract, position, last in zip(known, contracts, positions, filled, strict=True):
            alone = sum(one.symbol == mine[inst].symbol and not one.values_only for one in mine.values()) == 1
            price = _last(mine[inst], prices) if alone else 0
            net = int(position["realised"]) - int(position["fees"]) + self._funded(inst)
            net += int(unrealised(position, contract, price or last)) + int(position["insured"])
            quotes.append(Quoted(mine[inst].symbol, from_money(net, decimals)))
        sums = fees, funding, int(positions["realised"].sum()), exchanged
        paid, received, closed, worth = (from_money(money, decimals) for money in sums)
        return Paid(paid, received, closed, tuple(quotes), worth)

    def _funded(self, inst: int) -> int:
        return sum(int(amount[of == inst].sum()) for of, amount in self._funding)

    def _of_setups(self, intents: Iterable[int]) -> Column:
        """Ids of the orders that serve an intent."""
        known = np.fromiter(intents, np.int64)
        found = [ids[np.isin(parents, known)] for ids, parents in self._sent]
        return np.concatenate(found) if found else np.zeros(0, np.int64)

    def _quoted(
        self, mine: dict[int, Instrument], decimals: int, setups: Column
    ) -> tuple[list[int], NDArray[Any], NDArray[Any], list[int], int]:
        """Instruments that a compiled strategy traded, contracts, positions by average cost, last prices; the value.

        A liquidation is of no order: it is the compiled strategy's where that traded.
        """
        rows = np.concatenate([np.zeros(0, ROW)[list(_OF_FILL)], *(one.rows for one in self._fills)])
        orders = np.concatenate([np.zeros(0, ORDER)[list(_OF_ORDER)], *(one.orders for one in self._fills)])
        its = np.isin(rows["inst"], list(mine)) & ~np.isin(orders["id"], setups)
        its &= np.isin(rows["inst"], rows["inst"][its & (orders["id"] != 0)])
        every, fees = rows[its], orders["fee"][its].astype(np.int64)
        known, at = np.unique(every["inst"], return_inverse=True)
        positions = np.zeros(len(known), POSITION)
        if not len(known):
            return [], positions, positions, [], 0
        contracts = np.array([contract_record(mine[inst], decimals) for inst in known.tolist()])
        side, price, qty = (every[name].astype(np.int64) for name in ("side", "price", "qty"))
        last = np.zeros(len(known), np.int64)
        last[at] = price  # of several the last
        worth = int(_book(positions, contracts, at, side, price, qty, fees))
        borne = np.where(orders["currency"][its] == 0, orders["amount"][its], 0)  # else what a fee in coins took
        np.add.at(positions["insured"], at, borne)
        return known.tolist(), contracts, positions, last.tolist(), worth


@kernel
def _book(positions: Rows, contracts: Rows, at: Column, side: Column, price: Column, qty: Column, fee: Column) -> float:
    """Book executions in their order; place `at` of each in both tables. Returns what they were worth, money."""
    worth = 0.0  # over years more than int64 holds
    for k in range(len(at)):
        worth += value(contracts[at[k]], price[k], qty[k])
        apply_fill(positions[at[k]], contracts[at[k]], side[k], price[k], qty[k], fee[k])
    return worth


def _last(thing: Instrument, prices: Mapping[str, Prices]) -> int:
    """The last price of an instrument, ticks; 0 = none is known."""
    series = prices.get(thing.symbol)
    return 0 if series is None or not len(series.close) else round(float(series.close[-1]) / float(thing.tick))


def unit_of(told: Sequence[Any], instruments: Iterable[Instrument]) -> tuple[str, int] | None:
    """Currency and decimals of the run's money, as its BALANCE rows say; None without any."""
    if not told:
        return None
    named = {i.id: i.settle for i in instruments}
    inst, decimals = int(told[-1].inst[-1]), int(told[-1].decimals[-1])
    return (named[inst], decimals) if inst in named else None
