"""What instruments are worth now: marks and touches, read off the loop's books and marks."""

from __future__ import annotations

from tickerml.engine.loop import Loop


class Prices:
    """Prices in ticks; 0 = unknown."""

    def __init__(self, loop: Loop) -> None:
        """Reads the states of `loop`; keeps nothing."""
        self.loop = loop

    def mark(self, inst: int) -> int:
        """Price at which an instrument is valued: the mid of a whole book, else the last print or close."""
        b = self.loop.books[inst]
        if b["valid"] and b["bid_qty"] and b["ask_qty"] and b["best_bid"] < b["best_ask"]:
            return int(b["best_bid"] + b["best_ask"]) // 2
        return int(self.loop.marks[inst]["price2"]) // 2

    def touch(self, inst: int) -> tuple[int, int]:
        """Bid and ask; the last close for both where there is no book."""
        mark = self.loop.marks[inst]
        last = self.mark(inst) if self.is_bar_only(inst) else 0
        return int(mark["bid"]) or last, int(mark["ask"]) or last

    def known(self, inst: int) -> bool:
        """Whether any row of this instrument has come."""
        return bool(self.loop.marks[inst]["rows"])

    def is_bar_only(self, inst: int) -> bool:
        """True where bars were seen for this instrument and no whole order book."""
        return int(self.loop.books[inst]["valid"]) == 0 and int(self.loop.marks[inst]["bars"]) > 0

    def patience(self, inst: int) -> int:
        """How much longer than an order book an instrument may be silent, ns: two bars where there are only bars."""
        return 2 * int(self.loop.marks[inst]["bar_ns"]) if self.is_bar_only(inst) else 0
