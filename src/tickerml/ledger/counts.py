"""What is counted by minute: answers of the strategies, and prices. Minutes that are over are forgotten once told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tickerml.ledger.exact import Thing

Key: TypeAlias = tuple[int, str, int, str, str]  # minute, strategy, instrument, outcome, reason


@dataclass
class Signals:
    """Counts by minute, strategy, instrument, outcome and reason."""

    run: str
    counts: dict[Key, list[Any]] = field(default_factory=dict)  # count, first sequence, symbol
    touched: set[Key] = field(default_factory=set)

    def add(self, key: Key, symbol: str, seq: int, count: int = 1) -> None:
        """`count` more, the first of them at `seq`."""
        held = self.counts.get(key)
        if held is None:
            self.counts[key] = [count, seq, symbol]
        else:
            held[0] += count
            held[1] = min(held[1], seq)
        self.touched.add(key)

    def rows(self, minute: int) -> list[tuple[Any, ...]]:
        """Rows that changed; what lies before `minute` is forgotten."""
        found = []
        for key in sorted(self.touched):
            count, first, symbol = self.counts[key]
            found.append((self.run, *key, symbol, count, first))
        self.touched = set()
        for key in [key for key in self.counts if key[0] < minute]:
            del self.counts[key]
        return found


@dataclass
class Prices:
    """Open, high, low, close in ticks by minute, instrument and source."""

    run: str
    held: dict[tuple[int, int, str], list[int]] = field(default_factory=dict)
    things: dict[int, Thing] = field(default_factory=dict)
    touched: set[tuple[int, int, str]] = field(default_factory=set)

    def add(self, minute: int, inst: int, source: str, thing: Thing, ticks: int) -> None:
        """One more price; one that is not above 0 is none."""
        if ticks <= 0:
            return
        key = minute, inst, source
        held = self.held.get(key)
        if held is None:
            self.held[key] = [ticks, ticks, ticks, ticks, 1]
            self.things[inst] = thing
        else:
            held[1:] = max(held[1], ticks), min(held[2], ticks), ticks, held[4] + 1
        self.touched.add(key)

    def rows(self, minute: int) -> list[tuple[Any, ...]]:
        """Rows that changed; what lies before `minute` is forgotten."""
        found = []
        for key in sorted(self.touched):
            *ticks, count = self.held[key]
            thing = self.things[key[1]]
            found.append((self.run, *key, thing.symbol, *map(thing.price.text, ticks), count))
        self.touched = set()
        for key in [key for key in self.held if key[0] < minute]:
            del self.held[key]
        return found
