"""Random entry: the same trades at other moments. What a run with this exposure earns without choosing when.

Every redraw keeps each trade's coin, side, money, duration and costs, and moves its entry by a random number of bars.
Trades that were open at the same time are one episode and move together: their gains depend on each other, and moving
them apart would make chance look narrower than it is. Time is a ring, so every bar is as likely to be held as any
other; a trade that passes the end goes on at the start, with the return from one bar to the next and no jump.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.lab.chance import Chance, p_value
from tickerml.lab.series import Floats, Times, checked, generator

REDRAWS: Final = 2000
_CELLS: Final = 500_000  # trades redrawn at once
_FAR: Final = 1 << 40  # bars; a shift up to here is even on any ring


@dataclass(frozen=True, eq=False, slots=True)
class Closes:
    """Closing prices of one coin: ns UTC at which each was known, ascending, and price (> 0)."""

    time: Times
    close: Floats


@dataclass(frozen=True, eq=False, slots=True)
class Trades:
    """Closed trades, one entry each per array."""

    coin: NDArray[np.int64]  # index into the list of closes
    side: NDArray[np.int64]  # +1 long, -1 short
    entry: Times  # ns
    exit: Times  # ns
    notional: Floats  # entry value, money
    cost: Floats  # fees, funding and slippage paid, money; negative was received

    def __len__(self) -> int:
        return len(self.coin)


@dataclass(frozen=True, eq=False, slots=True)
class RandomEntry:
    """What random moments earn. Money."""

    chance: Chance  # of the run's net among the redraws
    nets: Floats  # of each redraw
    at_closes: float  # the run's own trades priced as redraws are, at closes: beside its net it shows what fills added
    episodes: int  # groups of trades that moved together; a p-value from few of them says little


def random_entry(
    net: float, trades: Trades, closes: Sequence[Closes], *, seed: int, redraws: int = REDRAWS
) -> RandomEntry | None:
    """How many of `redraws` sets of random entries earn at least `net` (money of the closed trades after costs).

    None without trades. Raises ValueError where lengths differ, a side is not +1 or -1, a trade ends before it starts,
    prices are not above zero and ascending in time, or a coin has fewer than 2 of them.
    """
    if not len(trades):
        return None
    ring = _Ring(closes)
    first, bars = ring.places(trades)
    episode = _episodes(trades)
    count = int(episode.max()) + 1
    rng = generator(seed)
    part = max(1, _CELLS // len(trades))
    nets = []
    for done in range(0, redraws, part):
        shift = rng.integers(0, _FAR, (min(part, redraws - done), count))
        nets.append(ring.net(trades, first + shift[:, episode], bars))
    found = np.concatenate(nets) if nets else np.zeros(0)
    return RandomEntry(p_value(net, found), found, float(ring.net(trades, first[None, :], bars)[0]), count)


def stretch(trades: Trades, closes: Sequence[Closes]) -> float:
    """How long redraws hold over how long the trades were held, in all: 1 where durations stay, infinite without any.

    A redraw holds whole steps from close to close, at least one. Where that is longer than the trades were, redraws
    spread wider than chance does. Steps are taken as even.
    """
    _, bars = _Ring(closes).places(trades)
    step = np.array([(int(c.time[-1]) - int(c.time[0])) / (len(c.time) - 1) for c in closes])
    own = float((trades.exit - trades.entry).sum())
    return float(bars @ step[trades.coin]) / own if own > 0 else math.inf


class _Ring:
    """Log prices of all coins, each followed by itself once more, end to end in one array."""

    def __init__(self, closes: Sequence[Closes]) -> None:
        self._closes = closes
        self._size = np.array([len(c.close) - 1 for c in closes], np.int64)  # returns of each coin
        if (self._size < 1).any():
            raise ValueError("a coin has fewer than 2 closes")
        self._base = np.concatenate(([0], np.cumsum(2 * self._size + 1)[:-1]))
        self._log = np.concatenate([_twice(c) for c in closes])
        self._lap = np.array([self._log[b + s] - self._log[b] for b, s in zip(self._base, self._size, strict=True)])

    def places(self, trades: Trades) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The last close known at each entry, and the bars held: at least one."""
        _check(trades, len(self._closes))
        first, last = np.zeros(len(trades), np.int64), np.zeros(len(trades), np.int64)
        for number, one in enumerate(self._closes):
            mine = trades.coin == number
            first[mine] = np.searchsorted(one.time, trades.entry[mine], "right") - 1
            last[mine] = np.searchsorted(one.time, trades.exit[mine], "right") - 1
        first = np.clip(first, 0, self._size[trades.coin] - 1)
        return first, np.maximum(last - first, 1)

    def net(self, trades: Trades, first: NDArray[np.int64], bars: NDArray[np.int64]) -> Floats:
        """Money of each set of entries, `first` (sets, trades) in bars on the ring, held for `bars`."""
        size, base = self._size[trades.coin], self._base[trades.coin]
        begin = base + first % size
        laps, rest = np.divmod(bars, size)
        moved = self._log[begin + rest] - self._log[begin] + laps * self._lap[trades.coin]
        return np.asarray(np.expm1(moved) @ (trades.side * trades.notional) - trades.cost.sum(), np.float64)


def _twice(one: Closes) -> Floats:
    """Log prices of a coin over two laps: 2 (n - 1) + 1 values."""
    price = checked(one.close, "closes")
    if len(one.time) != len(price) or (price <= 0).any() or (np.diff(one.time) <= 0).any():
        raise ValueError("closes need a price above zero at each of as many ascending times")
    log = np.log(price)
    return np.concatenate((log, log[1:] + (log[-1] - log[0])))


def _episodes(trades: Trades) -> NDArray[np.int64]:
    """Number of the episode of each trade: trades whose times overlap, directly or through others, share one."""
    order = np.argsort(trades.entry, kind="stable")
    reach = np.maximum.accumulate(trades.exit[order])
    fresh = np.concatenate(([False], trades.entry[order][1:] >= reach[:-1]))
    found = np.zeros(len(trades), np.int64)
    found[order] = np.cumsum(fresh)
    return found


def _check(trades: Trades, coins: int) -> None:
    arrays = (trades.side, trades.entry, trades.exit, trades.notional, trades.cost)
    if any(len(array) != len(trades) for array in arrays):
        raise ValueError("each trade needs a coin, a side, two times, an entry value and a cost")
    if not np.isin(trades.side, (1, -1)).all() or (trades.exit < trades.entry).any():
        raise ValueError("a trade has side +1 or -1 and ends at or after its start")
    if (trades.coin < 0).any() or (trades.coin >= coins).any():
        raise ValueError("a trade is of a coin without closes")
    checked(trades.notional, "notional")
    checked(trades.cost, "cost")
