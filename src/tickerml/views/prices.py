"""Prices of each coin from a source tape, in bounded memory: thinned by M4, whole around the trades that are shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from tickerml.tape.block import Block
from tickerml.tape.rows import BUY, Flag, Kind
from tickerml.tape.tape import Tape
from tickerml.views.charts.m4 import m4
from tickerml.views.story import KEEP, Floats, Prices, Times

HELD: Final = 400_000  # points held before they are thinned
_PRINTS: Final = (Kind.TRADE, Kind.BAR)


class _Series:
    """One instrument's prices while the tape streams by."""

    def __init__(self) -> None:
        self.times: list[Times] = []
        self.closes: list[Floats] = []
        self.held = 0

    def add(self, time: Times, close: Floats) -> None:
        """Take points in order; thin when too many are held."""
        self.times.append(time)
        self.closes.append(close)
        self.held += len(time)
        if self.held > HELD:
            thin = self.thinned(KEEP * 4)
            self.times, self.closes, self.held = [thin.time], [thin.close], len(thin.time)

    def thinned(self, columns: int) -> Prices:
        """First, last, lowest and highest of each of `columns` spans of time."""
        time, close = np.concatenate(self.times), np.concatenate(self.closes)
        kept = m4(time, close, int(time[0]), int(time[-1]), columns)
        return Prices(time[kept], close[kept])


def prices(tape: Tape, windows: Iterable[tuple[str, int, int]] = ()) -> dict[str, Prices]:
    """Close of every trade or bar (or best bid, where a tape has neither) by symbol, thinned to 8,000 columns.

    `windows` (symbol, start, end in ns) are kept finer: 400 columns each, for the trade cards.
    """
    whole: dict[str, _Series] = {}
    fine: dict[tuple[str, int, int], _Series] = {w: _Series() for w in windows}
    things = {i.id: i for i in tape.header.instruments}
    for block in tape.blocks():
        for inst, time, ticks in _closes(block):
            thing = things[inst]
            close = ticks * float(thing.tick)
            whole.setdefault(thing.symbol, _Series()).add(time, close)
            for (symbol, start, end), series in fine.items():
                inside = (time >= start) & (time <= end)
                if symbol == thing.symbol and inside.any():
                    series.add(time[inside], close[inside])
    return {symbol: _merged(series, [s for w, s in fine.items() if w[0] == symbol]) for symbol, series in whole.items()}


def _closes(block: Block) -> Iterable[tuple[int, Times, Floats]]:
    """(instrument, receive times, prices in ticks) of one block: prints and bars, else quotes, else snapshots' bids."""
    rows = block.rows
    quote = (rows["kind"] == Kind.BBO) & (rows["side"] == BUY)
    depth = (rows["kind"] == Kind.DEPTH) & (rows["side"] == BUY) & ((rows["flags"] & Flag.SNAPSHOT) != 0)
    prints = np.isin(rows["kind"], _PRINTS)
    for inst in np.unique(rows["inst"][prints | quote | depth]).tolist():
        mine = rows["inst"] == inst
        for kind in (prints, quote, depth):
            chosen = rows[mine & kind & (rows["price"] > 0)]
            if not len(chosen):
                continue
            time, ticks = chosen["recv"].astype(np.int64), chosen["price"].astype(np.float64)
            if kind is depth:  # the best bid of each snapshot: the highest price of one stamp
                first = np.flatnonzero(np.append(True, time[1:] != time[:-1]))
                time, ticks = time[first], np.maximum.reduceat(ticks, first)
            yield inst, time, ticks
            break


def _merged(series: _Series, fine: list[_Series]) -> Prices:
    parts = [series.thinned(KEEP), *(s.thinned(400) for s in fine if s.held)]
    time, close = np.concatenate([p.time for p in parts]), np.concatenate([p.close for p in parts])
    order = np.argsort(time, kind="stable")
    time, close = time[order], close[order]
    kept = np.append((time[1:] != time[:-1]) | (close[1:] != close[:-1]), True)
    return Prices(time[kept], close[kept])
