"""Strategies for tests: plain dataclasses, as users write them. Deterministic in the view, without own state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tickerml.strategies.wake import Every
from tickerml.tape.intents import Entry, Pass, Setup, Target
from tickerml.tape.rows import SECOND


class Often:
    """Wakes each `every` seconds."""

    leverage: ClassVar[float | None] = None  # the account's usual one, where a strategy has none of its own

    @property
    def wake(self):
        return Every(round(self.every * SECOND))


@dataclass(frozen=True)
class Churn(Often):
    """Enters again and again, by turns long and short, with what its fields say."""

    style: str = "mixed"  # market, limit, ladder, or all of them by turns
    stop: float = 0.002
    target: float = 0.002
    horizon_s: float = 20.0
    ttl_s: float = 0.0
    away: float = 0.00005  # of the price, between close and limit
    size: float = 0.2
    every: float = 2.0
    leverage: float | None = None

    sees: ClassVar = ("spread_ticks", "ofi")
    state: ClassVar = np.dtype([("n", "i8"), ("settled", "i8"), ("pnl", "f8")])

    def decide(self, view):
        view.state["n"] += 1
        n = int(view.state["n"])
        if view.position is not None:
            return Pass("in a trade", {"lots": view.position.lots})
        if not view.close > 0:
            return Pass("no price")
        side = 1 if (n * 2654435761 >> 7) & 1 else -1
        return Setup(
            side,
            round(self.horizon_s * SECOND),
            self.target or None,
            self.stop,
            self._entries(n, side, view.close),
            size=self.size,
            leverage=self.leverage,
            info={"ofi": view["ofi"], "n": n},
        )

    def _entries(self, n, side, close):
        style = self.style if self.style != "mixed" else ("market", "limit", "ladder")[n % 3]
        ttl = round(self.ttl_s * SECOND)
        at = [close * (1 - side * self.away * k) for k in range(4)]
        if style == "market":
            return (Entry(),)
        if style == "limit":
            return (Entry(at[1], ttl_ns=ttl),)
        return (Entry(share=0.25), Entry(at[1], 0.25, ttl_ns=ttl), Entry(at[3], 0.5, post_only=True, ttl_ns=ttl))

    def on_settled(self, view, outcome):
        view.state["settled"] += 1
        view.state["pnl"] += outcome.pnl


@dataclass(frozen=True)
class Sways(Often):
    """Wishes an exposure between `-most` and `most` again and again, by turns with a stop that varies or with none."""

    most: float = 0.2
    stop: float | None = 0.01
    every: float = 2.0

    sees: ClassVar = ("ofi",)
    state: ClassVar = np.dtype([("n", "i8"), ("pnl", "f8")])

    def decide(self, view):
        view.state["n"] += 1
        n = int(view.state["n"])
        drawn, side = n * 2654435761 >> 9, 1 if (n // 12 * 2654435761 >> 7) & 1 else -1
        if drawn % 7 == 0:
            return Pass("waits")
        exposure = side * self.most * (drawn % 9) / 8
        if self.stop is None:
            return Target(exposure, substitute="envelope", info={"ofi": view["ofi"]})
        return Target(exposure, stop=self.stop * (1 + drawn % 3), info={"ofi": view["ofi"]})

    def on_settled(self, view, outcome):
        view.state["pnl"] += outcome.pnl


@dataclass(frozen=True)
class Watcher(Often):
    """Looks at features and never trades; what it sees is journalled."""

    sees: tuple[str, ...] = ()
    every: float = 1.0

    def decide(self, view):
        return Pass("watching", {name: view[name] for name in self.sees})
