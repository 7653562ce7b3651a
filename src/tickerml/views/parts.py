"""The run in parts: what each strategy and each pair did, each by the same functions as the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from tickerml.lab.metrics import curve_figures, max_drawdown
from tickerml.lab.series import Figure, Floats, Times, no_figure
from tickerml.lab.trades import TradeFigures, trade_figures
from tickerml.tape.rows import DAY
from tickerml.views import chances, figures
from tickerml.views.intervals import Interval
from tickerml.views.once import once
from tickerml.views.story import Story, Trade
from tickerml.views.words import plural

GRID: Final = 2000  # places in time at which a part's money is looked at, besides its entries and exits


@dataclass(frozen=True, slots=True)
class Part:
    """What some trades of a run did.

    Sharpe and worst fall are those of the run's money had it made these trades alone: its cash at the start, their
    profits when they closed, and what is open at the coin's price, fees at the end. No Sharpe below 10 trades.
    """

    name: str
    figures: TradeFigures
    pnl: Decimal  # of the closed trades
    sharpe: Figure  # yearly
    max_drawdown: float  # share of the peak, <= 0
    sharpe_95: Interval | None = None


@once
def by_strategy(story: Story) -> tuple[Part, ...]:
    """Every strategy of the run in the order in which they are asked, also one that did not trade."""
    names = dict.fromkeys((*story.head.strategies, *(t.strategy for t in story.trades if t.strategy)))
    return _parts(story, tuple(names) or (story.head.strategy,), lambda t: t.strategy or story.head.strategy)


@once
def by_pair(story: Story) -> tuple[Part, ...]:
    """Every pair that was decided on, in the order of the source, also one that was not traded."""
    return _parts(story, tuple(dict.fromkeys((*story.head.coins, *(t.coin for t in story.trades)))), lambda t: t.coin)


def _parts(story: Story, names: Sequence[str], key: Callable[[Trade], str]) -> tuple[Part, ...]:
    mine: dict[str, list[Trade]] = {name: [] for name in names}
    for trade in story.trades:
        mine[key(trade)].append(trade)
    return tuple(_part(story, name, trades) for name, trades in mine.items())


def _part(story: Story, name: str, trades: Sequence[Trade]) -> Part:
    known = [t for t in trades if t.notional > 0]
    told = trade_figures([float(t.pnl) for t in known], [float(t.notional) for t in known])
    pnl = sum((t.pnl for t in trades), Decimal(0))
    if not trades:
        return Part(name, told, pnl, no_figure("no trade"), 0.0)
    time, money = curve_of(story, trades)
    fall = max_drawdown(money)
    daily, short = chances.daily_of(story, time, money), len(trades) < chances.ENOUGH_TO_REDRAW
    sharpe = curve_figures(daily, DAY).sharpe
    if short:
        sharpe = no_figure(f"{plural(len(trades), 'trade')}, needs {chances.ENOUGH_TO_REDRAW}")
    spread = chances.sharpe_95(daily, sharpe.value, figures.seed(story, f"sharpe of {name}")) if sharpe.shown else None
    return Part(name, told, pnl, sharpe, fall.share if fall else 0.0, spread)


def curve_of(story: Story, trades: Sequence[Trade]) -> tuple[Times, Floats]:
    """Time and money of the run had it made these trades alone; see `Part`.

    Between its entry and its exit a trade is worth what the latest price of its coin says; without prices, nothing.
    """
    edges = [t for trade in trades for t in (trade.entry_time, trade.exit_time)]
    first, last = min(story.head.start, *edges), max(story.head.end, *edges)
    midnights = np.arange(-(-first // DAY), last // DAY + 1, dtype=np.int64) * DAY
    time = np.unique(np.concatenate((np.linspace(first, last, GRID).astype(np.int64), midnights, edges)))
    money = np.zeros(len(time))
    priced = {coin: _at(story, coin, time) for coin in {t.coin for t in trades}}
    for trade in trades:
        entry, exit_ = np.searchsorted(time, (trade.entry_time, trade.exit_time))
        money[exit_:] += float(trade.pnl)
        price, paid = priced[trade.coin], float(trade.entry)
        if price is not None and paid > 0:
            money[entry:exit_] += trade.side * float(trade.notional) * (price[entry:exit_] / paid - 1)
    return time, float(story.start_equity) + money


def _at(story: Story, coin: str, time: Times) -> Floats | None:
    """The latest price of a coin at each time; the first one before it."""
    series = story.prices.get(coin)
    if series is None or not len(series.time):
        return None
    return series.close[np.maximum(np.searchsorted(series.time, time, "right") - 1, 0)]
