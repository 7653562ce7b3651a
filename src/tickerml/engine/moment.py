"""The moment of a round: all that the desk's facts read off the loop's states, by one call of compiled code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tickerml.desk.exposure import orders_of, trades_of
from tickerml.desk.limits import Limits
from tickerml.desk.memory import columns
from tickerml.desk.setups import Setups
from tickerml.engine.look import LOOK, SCRATCH, alert, looks
from tickerml.engine.loop import Loop
from tickerml.engine.worth import equity, known
from tickerml.tape.instruments import Instrument
from tickerml.tape.kernel import again, kernel
from tickerml.tape.rows import SECOND, Rows

ASK: Final = np.dtype(  # what is asked, and what is answered beside the instruments and the wallets
    [
        ("n", "i8"),  # instruments
        ("halt", "i8"),  # seconds
        ("wait", "i8"),  # ns until a person answers an alert, 0 = nobody does
        ("alert", "i8"),  # ns that the oldest alert has waited
        ("orders", "i8"),  # under way
        ("trades", "i8"),
    ]
)
ACCOUNT: Final = np.dtype([("asked", "i8"), ("known", "i8"), ("equity", "i8")])  # one a wallet; money


class Moment:
    """Reads the loop's states when it is told to look; nothing in it is state."""

    def __init__(self, loop: Loop, setups: Setups, instruments: Sequence[Instrument], limits: Limits) -> None:
        """`limits` say how far around the mid depth counts, and how long a halt and an alert last."""
        n, majors = len(instruments), [one.base in limits.majors for one in instruments]
        self._insts, self._seen = np.zeros(n, np.int64), np.zeros(n, LOOK)
        ask, accounts = np.zeros(1, ASK), np.zeros(len(loop.core[0]["cash"]), ACCOUNT)
        ask["halt"], ask["wait"] = round(limits.halt_s), round(limits.operator_s * SECOND)
        self._ask, self._accounts = columns(ask), columns(accounts)
        collars, plain = np.where(majors, limits.collar_major, limits.collar), setups.plain
        states = loop.core, loop.purse, loop.watches, loop.marks, loop.books, loop.venue.rules, loop.positions
        tables = setups.table, setups.legs, plain.orders, plain.trades, plain.stops
        self._given = ask, self._insts, *states, *tables, collars, self._seen, np.zeros(n, SCRATCH), accounts
        self._look: Callable[[], None] = self._first

    def _first(self) -> None:
        look(*self._given)
        self._look = again(look, self._given)

    def look(self, insts: Sequence[int]) -> list[tuple[Any, ...]]:
        """These instruments, each named once, as LOOK has them; the rest is answered by the methods below."""
        n = len(insts)
        self._insts[:n], self._ask["n"][0] = insts, n
        self._look()
        return self._seen[:n].tolist()

    def equity(self, wallet: int) -> int | None:
        """Equity of a wallet of these instruments, money; None while a price of what it holds is not known."""
        return self._accounts["equity"].item(wallet) if self._accounts["known"].item(wallet) else None

    @property
    def alert_ns(self) -> int:
        """How long the oldest critical alert has waited: a clock that jumped by more than `limits.late_s`.

        In a simulation the person who looks comes `limits.operator_s` after it, as for the desk's latches.
        """
        return int(self._ask["alert"].item(0))

    @property
    def under_way(self) -> tuple[int, int]:
        """How many orders and trades of ours `setups.plain` holds now."""
        return self._ask["orders"].item(0), self._ask["trades"].item(0)


@kernel
def look(
    ask: Rows,
    insts: NDArray[np.int64],
    core: Rows,
    purse: Rows,
    watches: Rows,
    marks: Rows,
    books: Rows,
    rules: Rows,
    positions: Rows,
    setups: Rows,
    legs: Rows,
    orders: NDArray[np.int64],
    trades: NDArray[np.int64],
    stops: NDArray[np.float64],
    collars: NDArray[np.float64],
    seen: Rows,
    scratch: Rows,
    accounts: Rows,
) -> None:
    """Answer all that is asked of the moment. It takes arrays alone: to hand over a record takes as long as five."""
    a, c = ask[0], core[0]
    now = c["now"]
    for k in range(len(accounts)):
        accounts[k]["asked"] = 0
    for k in range(a["n"]):
        w = rules[insts[k]]["wallet"]
        if accounts[w]["asked"] == 0:
            accounts[w]["asked"] = 1
            accounts[w]["known"] = known(w, positions, rules, books, marks)
            accounts[w]["equity"] = equity(c, w, positions, rules, books, marks, setups, purse[0]["staked"])
    looks(insts, a["n"], watches, marks, books, rules, now, a["halt"], collars, seen, scratch)
    a["orders"] = orders_of(legs, orders)
    a["trades"] = trades_of(setups, trades, stops)
    a["alert"] = alert(watches, now, a["wait"])
