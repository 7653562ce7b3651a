"""Made tapes of order books, written down message by message, and what a run over one is read by."""

from __future__ import annotations

import msgspec
import numpy as np
from bar_path_tape import START, coin

from tickerml.tape.build import Builder
from tickerml.tape.orders import OrderFlag, OrderType, TimeInForce
from tickerml.tape.rows import MILLISECOND, SECOND, Kind
from tickerml.tape.tape import Header, MemoryTape

FEED = MILLISECOND  # from the venue to us
DEEP = ({9_999: 50_000, 9_990: 50_000}, {10_001: 50_000, 10_010: 50_000})


class Books:
    """Writes a tape: `at` seconds after START, in ticks of 0.01 and lots of 0.001."""

    def __init__(self, coins=1):
        self.coins, self.builder, self.feed = [coin(k) for k in range(coins)], Builder(), FEED
        self.shown = [({}, {}) for _ in range(coins)]
        for one in self.coins:
            self.builder.instrument(START, one)

    def lost(self, at, inst=0):
        """Updates are lost; the next book is a snapshot."""
        self.shown[inst] = ({}, {})
        return self.row(at, Kind.GAP, inst)

    def late(self, seconds):
        """From here on messages travel for so long."""
        self.feed = round(seconds * SECOND) or FEED
        return self

    def book(self, at, bids, asks, inst=0):
        """From here on the book holds these levels, {ticks: lots}, and no others."""
        exch = START + round(at * SECOND)
        before, now = self.shown[inst], (bids, asks)
        first = not any(before)
        sides = [
            [(tick, new.get(tick, 0)) for tick in sorted({*old, *new}) if new.get(tick, 0) != old.get(tick, 0)]
            for old, new in zip(before, now, strict=True)
        ]
        self.builder.depth(exch + self.feed, exch, inst, *sides, snapshot=first)
        self.shown[inst] = now
        return self

    def quiet(self, first, last, step=0.5, inst=0):
        """Messages that change nothing far from the touch: time goes on."""
        n = round((last - first) / step)
        for k in range(n + 1):
            bids, asks = self.shown[inst]
            self.book(first + k * step, {**bids, 5_000: 1 + k}, asks, inst)
        return self

    def row(self, at, kind, inst=0, *, late=0.0, **fields):
        """A TRADE, STATUS, GAP, CLOCK or PARAMS row; it comes `late` seconds later than others would."""
        exch = START + round(at * SECOND)
        self.builder.row(exch + self.feed + round(late * SECOND), exch, inst, kind, **fields)
        return self

    def value(self, at, name, value, inst=0):
        exch = START + round(at * SECOND)
        self.builder.value(exch + self.feed, exch, inst, name, value)
        return self

    def tape(self):
        block = self.builder.take()
        block.rows[...] = block.rows[np.argsort(block.rows["recv"], kind="stable")]
        return MemoryTape(Header("books", tuple(self.coins), names=self.builder.names), (block,))


def moved(book, share):
    """The levels of a book, all prices moved by a share."""
    return tuple({round(tick * (1 + share)): lots for tick, lots in side.items()} for side in book)


def told(made, kind):
    """(seconds after START, instrument, figures) of all rows of a kind that carries a blob."""
    return [
        ((int(r["recv"]) - START) / SECOND, int(r["inst"]), msgspec.json.decode(b.blobs[int(r["ref"])]))
        for b in made
        for r in b.rows
        if r["kind"] == kind
    ]


def settled(made):
    return [figures for _, _, figures in told(made, Kind.SETTLED)]


def sent(made):
    """(seconds, instrument, side, type, trigger, price, lots) of every order that left."""
    return [
        (
            round((int(r["recv"]) - START) / SECOND, 6),
            int(r["inst"]),
            int(r["side"]),
            OrderType(int(b.orders[r["ref"]]["type"])).name.lower(),
            *(int(b.orders[r["ref"]][name]) for name in ("trigger", "price", "qty")),
        )
        for b in made
        for r in b.rows
        if r["kind"] == Kind.SUBMIT
    ]


def closes(made):
    """(seconds, instrument, limit in ticks, lots) of every close that left; limit 0 = at the market."""
    return [
        (round((int(r["recv"]) - START) / SECOND, 6), int(r["inst"]), int(o["price"]), int(o["qty"]))
        for b in made
        for r in b.rows
        if r["kind"] == Kind.SUBMIT
        for o in (b.orders[r["ref"]],)
        if o["tif"] == TimeInForce.IOC and o["flags"] & OrderFlag.REDUCE_ONLY and not o["trigger"]
    ]


def fills(made):
    """(side, ticks, lots) of every execution."""
    return [(int(r["side"]), int(r["price"]), int(r["qty"])) for b in made for r in b.rows if r["kind"] == Kind.FILL]
