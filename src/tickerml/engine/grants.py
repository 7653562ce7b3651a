"""Tells what a compiled strategy may do: its envelope is granted, revoked while entries are off, granted again.

Tells it, too, what the trades of the desk leave of the account (desk/shared.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from tickerml.desk.exposure import Exposure
from tickerml.desk.protections import Change
from tickerml.engine.core import GRANTED, REVOKED
from tickerml.engine.loop import Loop
from tickerml.tape.rows import Kind

_TOLD: Final = (  # its equity stands in the BALANCE rows
    *("max_position", "max_order", "max_orders", "band", "position_share", "order_share"),
    *("messages_symbol", "messages", "quotes_day", "margin"),
)
_COUNTS: Final = {
    "sent": "sent",
    "refused": "refused",
    "by_rate": "late",
    "by_account": "crowded",
    "by_unknown": "silent",  # of those refused
}


class Grants:
    """DESK rows of the envelopes. Remembers nothing: CORE["granted"] says what was told last."""

    def __init__(self, loop: Loop, row: Callable[[int, Kind, dict[str, Any]], None]) -> None:
        """`row(inst, kind, figures)` appends a row."""
        self.loop, self._row = loop, row
        self._off, self._granted = loop.core["off"], loop.core["granted"]

    def look(self) -> None:
        """A row where entries have gone off or come on since the last; the first before the first quote."""
        now = REVOKED if self._off.item(0) else GRANTED
        if not self.loop.plan.quoter or self._granted.item(0) == now:
            return
        self._granted[0] = now
        mine = np.flatnonzero(self.loop.envelopes["max_order"]).tolist()
        if now == REVOKED:
            self._tell(0, Change("envelope revoked", {"coins": len(mine)}))
            return
        for inst in mine:
            envelope = self.loop.envelopes[inst]
            self._tell(inst, Change("envelope granted", {name: envelope[name].item() for name in _TOLD}))

    def share(self, trades: Exposure) -> None:
        """What the desk's trades use of the account from now on: the quotes of a compiled strategy see it."""
        loop, shared = self.loop, self.loop.shared[0]
        shared["positions"], shared["orders"] = trades.positions, trades.orders
        shared["unknown"] = sum(trades.unknown_on.values())
        for inst in np.flatnonzero(loop.envelopes["max_order"]).tolist():
            envelope = loop.envelopes[inst]
            envelope["others"] = trades.in_use[envelope["wallet"].item()]

    def finish(self) -> None:
        """The run has ended: how many quotes were sent, and how many stayed here, by what kept them."""
        for inst in np.flatnonzero(self.loop.working["refused"]).tolist():
            told = {key: self.loop.working[name].item(inst) for key, name in _COUNTS.items()}
            self._tell(inst, Change("quotes refused", told))

    def _tell(self, inst: int, change: Change) -> None:
        self._row(inst, Kind.DESK, {"what": change.what, **change.figures})
