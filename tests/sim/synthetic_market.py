"""Reads a synthetic tape for the tests: rows, quotes by coin, and a plain-Python book."""

import numpy as np

from tickerml.tape.rows import SECOND, Flag, Kind


def rows_of(tape):
    return np.concatenate([b.rows for b in tape.blocks()])


def quotes(rows, inst):
    """Times (exch), bid and ask ticks, bid and ask lots of each BBO message."""
    bbo = rows[(rows["inst"] == inst) & (rows["kind"] == Kind.BBO)]
    bid, ask = bbo[bbo["side"] == 1], bbo[bbo["side"] == -1]
    assert (bid["exch"] == ask["exch"]).all()
    return bid["exch"], bid["price"].astype(float), ask["price"].astype(float), bid["qty"], ask["qty"]


def mids(tape, rows, inst, every=SECOND):
    """The mid on a grid of exchange time."""
    at, bid, ask, *_ = quotes(rows, inst)
    grid = np.arange(tape.start + every, tape.start + tape.minutes * 60 * SECOND, every)
    return ((bid + ask) / 2)[np.maximum(np.searchsorted(at, grid, side="right") - 1, 0)]


class Book:
    """An oracle for the ladder: dicts of levels, told when a message ends."""

    def __init__(self):
        self.sides = {1: {}, -1: {}}
        self.valid = False
        self.crossed = 0

    def apply(self, row):
        kind = row["kind"]
        if kind == Kind.CLEAR:
            self.sides = {1: {}, -1: {}}
        elif kind == Kind.GAP:
            self.valid = False
        elif kind == Kind.DEPTH:
            levels = self.sides[int(row["side"])]
            if row["qty"]:
                levels[int(row["price"])] = int(row["qty"])
            else:
                levels.pop(int(row["price"]), None)  # a level may come and go between two messages
            if row["flags"] & Flag.END:
                self.valid = self.valid or bool(row["flags"] & Flag.SNAPSHOT)
                self.crossed += self.valid and self.best(1)[0] >= self.best(-1)[0]

    def best(self, side):
        tick = max(self.sides[1]) if side == 1 else min(self.sides[-1])
        return tick, self.sides[side][tick]
