"""What instruments are worth now: marks and touches, read off the loop's books and marks."""

from __future__ import annotations

from tickerml.desk.memory import columns
from tickerml.engine.loop import Loop


class Prices:
    """Prices in ticks; 0 = unknown."""

    def __init__(self, loop: Loop) -> None:
        """Reads the states of `loop`; keeps nothing."""
        book, mark = columns(loop.books), columns(loop.marks)
        self._valid, self._best_bid, self._best_ask = book["valid"], book["best_bid"], book["best_ask"]
        self._bid_qty, self._ask_qty = book["bid_qty"], book["ask_qty"]
        self._bid, self._ask, self._twice = mark["bid"], mark["ask"], mark["price2"]
        self._rows, self._bars, self._bar_ns = mark["rows"], mark["bars"], mark["bar_ns"]

    def mark(self, inst: int) -> int:
        """Price at which an instrument is valued: the mid of a whole book, else the last print or close."""
        if self._valid.item(inst) and self._bid_qty.item(inst) and self._ask_qty.item(inst):
            bid, ask = self._best_bid.item(inst), self._best_ask.item(inst)
            if bid < ask:
                return int(bid + ask) // 2
        return self.twice(inst) // 2

    def twice(self, inst: int) -> int:
        """The newest price, times two: the mid of a valid book, else the last print or close."""
        return int(self._twice.item(inst))

    def touch(self, inst: int) -> tuple[int, int]:
        """Bid and ask; the last close for both where there is no book."""
        last = self.mark(inst) if self.is_bar_only(inst) else 0
        return self._bid.item(inst) or last, self._ask.item(inst) or last

    def known(self, inst: int) -> bool:
        """Whether any row of this instrument has come."""
        return self._rows.item(inst) != 0

    def is_bar_only(self, inst: int) -> bool:
        """True where bars were seen for this instrument and no whole order book."""
        return self._valid.item(inst) == 0 and self._bars.item(inst) > 0

    def patience(self, inst: int) -> int:
        """How much longer than an order book an instrument may be silent, ns: two bars where there are only bars."""
        return 2 * self._bar_ns.item(inst) if self.is_bar_only(inst) else 0
