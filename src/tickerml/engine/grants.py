"""Tells what a compiled strategy may do: its envelope is granted, revoked while entries are off, granted again.

Tells it, too, what the trades of the desk leave of the account (desk/shared.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from tickerml.desk.exposure import Exposure
from tickerml.desk.protections import Change
from tickerml.desk.shared import IN_USE, ORDERS, POSITIONS, SILENCES, UNANSWERED
from tickerml.engine.core import GRANTED, REVOKED
from tickerml.engine.loop import Loop
from tickerml.tape.rows import Kind

_TOLD: Final = (  # its equity stands in the BALANCE rows
    *("max_position", "max_order", "max_orders", "band", "position_share", "order_share"),
    *("messages_symbol", "messages", "quotes_day", "margin"),
)
_LIMITS: Final = {"by_positions": POSITIONS, "by_orders": ORDERS, "by_in_use": IN_USE, "by_unknown": UNANSWERED}


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

    def share(self, trades: Exposure, silent_from: Sequence[int]) -> None:
        """What the desk's trades use of the account from now on: the quotes of a compiled strategy see it.

        `silent_from`: behind which moment, ns, each of their orders that has no answer yet is UNKNOWN.
        """
        loop, shared = self.loop, self.loop.shared[0]
        shared["positions"], shared["orders"] = trades.positions, trades.orders
        first = sorted(silent_from)[:SILENCES]
        shared["waiting"] = len(first)
        shared["silent_from"][: len(first)] = first
        for inst in np.flatnonzero(loop.envelopes["max_order"]).tolist():
            envelope = loop.envelopes[inst]
            envelope["others"] = trades.in_use[envelope["wallet"].item()]

    def finish(self) -> None:
        """The run has ended: how many quotes were sent, and how many stayed here, by what kept them."""
        for inst in np.flatnonzero(self.loop.working["refused"]).tolist():
            w = self.loop.working[inst]
            by = {name: w["passed_over"][k].item() for name, k in _LIMITS.items()}
            refused, late = w["refused"].item(), w["late"].item()
            told = {"sent": w["sent"].item(), "refused": refused, "by_rate": late, **by}
            self._tell(inst, Change("quotes refused", {**told, "by_envelope": refused - late - sum(by.values())}))

    def _tell(self, inst: int, change: Change) -> None:
        self._row(inst, Kind.DESK, {"what": change.what, **change.figures})
