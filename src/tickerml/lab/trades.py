"""What a list of closed trades says: win rate, payoff, profit factor, expectancy, time in the market."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tickerml.lab.series import Figure, Times, checked, no_figure
from tickerml.tape.rows import DAY, HOUR

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class TradeFigures:
    """Figures of closed trades. Money in the currency of `pnl`; a win rate is never shown without its payoff."""

    trades: int
    won: int  # trades that ended above zero, after all costs
    win_rate: Figure  # won over all trades, those that ended at zero included
    payoff: Figure  # mean gain of a winner over mean loss of a loser
    profit_factor: Figure  # sum of gains over sum of losses
    expectancy: Figure  # money: mean profit and loss of a trade
    mean_return: Figure  # mean of profit and loss over entry value
    breakeven_win_rate: Figure  # the share that must win at this payoff: 1 / (1 + payoff)


def trade_figures(pnl: ArrayLike, notional: ArrayLike) -> TradeFigures:
    """Figures of trades with these profits and losses (after costs) and entry values (money, > 0), in any order.

    Raises ValueError where lengths differ or an entry value is not above zero.
    """
    money, value = checked(pnl, "pnl"), checked(notional, "notional")
    if len(money) != len(value) or (value <= 0).any():
        raise ValueError("each trade needs a profit and an entry value above zero")
    gains, losses = money[money > 0], -money[money < 0]
    none = no_figure("no trades") if not len(money) else None
    one_sided = none or no_figure("no losing trade" if not len(losses) else "no winning trade")
    both = bool(len(gains) and len(losses))
    payoff = Figure(float(gains.mean() / losses.mean())) if both else one_sided
    return TradeFigures(
        trades=len(money),
        won=len(gains),
        win_rate=none or Figure(len(gains) / len(money)),
        payoff=payoff,
        profit_factor=Figure(float(gains.sum() / losses.sum())) if len(losses) else one_sided,
        expectancy=none or Figure(float(money.mean())),
        mean_return=none or Figure(float((money / value).mean())),
        breakeven_win_rate=Figure(1.0 / (1.0 + payoff.value)) if payoff.shown else payoff,
    )


def by_group(keys: Sequence[Key], pnl: ArrayLike, notional: ArrayLike) -> dict[Key, TradeFigures]:
    """The figures of the trades of each key (strategy, coin, regime, month, hour), keys by their first trade.

    Raises ValueError as `trade_figures`, or where there are not as many keys as trades.
    """
    money, value = checked(pnl, "pnl"), checked(notional, "notional")
    if not len(keys) == len(money) == len(value):
        raise ValueError("each trade needs a key, a profit and an entry value")
    places: dict[Key, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    return {key: trade_figures(money[mine], value[mine]) for key, mine in places.items()}


def months(time: Times) -> NDArray[np.str_]:
    """Month of each time, UTC: "2024-07"."""
    return np.datetime_as_string(time.astype("M8[ns]").astype("M8[M]"))


def hours(time: Times) -> NDArray[np.int64]:
    """Hour of the day of each time, UTC, 0 to 23."""
    return time % DAY // HOUR


def time_in_market(entry: Times, exit_: Times, start: int, end: int) -> Figure:
    """Share of [start, end) in which at least one trade was open. Times in ns; overlaps count once.

    Raises ValueError where a trade ends before it starts.
    """
    if end <= start:
        return no_figure("no time passed")
    if (exit_ < entry).any():
        raise ValueError("a trade ends before it starts")
    order = np.argsort(entry, kind="stable")
    first = np.clip(entry[order], start, end)
    reach = np.maximum.accumulate(np.concatenate(([start], np.clip(exit_[order], start, end))))
    held = np.maximum(reach[1:] - np.maximum(first, reach[:-1]), 0).sum()
    return Figure(float(held) / (end - start))
