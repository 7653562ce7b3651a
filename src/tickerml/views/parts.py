"""The run in parts: what each strategy and each pair did, each by the same functions as the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Final

import numpy as np

from tickerml.lab.metrics import curve_figures, max_drawdown
from tickerml.lab.series import Figure, Floats, Times, no_figure
from tickerml.lab.trades import TradeFigures, trade_figures
from tickerml.tape.rows import DAY
from tickerml.views import chances, figures
from tickerml.views.intervals import Interval
from tickerml.views.once import once
from tickerml.views.story import Quoted, Story, Trade
from tickerml.views.words import plural

GRID: Final = 2000  # places in time at which a part's money is looked at, besides its entries and exits


@dataclass(frozen=True, slots=True)
class Part:
    """What some trades of a run did, or the quotes of its compiled strategy, which has no trades.

    Sharpe and worst fall are those of the run's money had it made these trades alone: its cash at the start, their
    profits when they closed, and what is open at the coin's price, fees at the end. No Sharpe below 10 trades. Of
    quotes they are those of what the run's money did beside its trades, where they were on one coin.
    """

    name: str
    figures: TradeFigures
    pnl: Decimal  # of the closed trades; of quotes all that they made, what they hold at the end at its last price
    sharpe: Figure  # yearly
    max_drawdown: Figure  # share of the peak, <= 0
    sharpe_95: Interval | None = None


@once
def by_strategy(story: Story) -> tuple[Part, ...]:
    """Every strategy of the run in the order in which they are asked, also one that did not trade."""
    names = dict.fromkeys((*story.head.strategies, *(t.strategy for t in story.trades if t.strategy)))
    found = _parts(story, tuple(names) or (story.head.strategy,), lambda t: t.strategy or story.head.strategy)
    made = sum((q.net for q in _quotes(story)), Decimal(0))
    return tuple(_with_quotes(story, one, made) if one.name == story.head.quoting else one for one in found)


@once
def by_pair(story: Story) -> tuple[Part, ...]:
    """Every pair that was decided on, in the order of the source, also one that was not traded.

    A trade of several legs counts on each leg's pair, with that leg's money.
    """
    made: dict[str, Decimal] = {}
    for one in _quotes(story):
        made[one.coin] = made.get(one.coin, Decimal(0)) + one.net
    trades = _by_leg(story.trades)
    coins = (*story.head.coins, *(t.coin for t in trades), *made)
    found = _parts(story, tuple(dict.fromkeys(coins)), lambda t: t.coin, trades)
    if len(made) == 1:
        return tuple(_with_quotes(story, one, made[one.name]) if one.name in made else one for one in found)
    return tuple(_one_of_many(one, made[one.name]) if one.name in made else one for one in found)


def _by_leg(trades: Sequence[Trade]) -> list[Trade]:
    """The trades, those of several legs as their legs: each on its own coin."""
    return [one for trade in trades for one in trade.legs or (trade,)]


def _quotes(story: Story) -> tuple[Quoted, ...]:
    return story.paid.quotes if story.paid is not None and story.head.quoting else ()


def _with_quotes(story: Story, part: Part, net: Decimal) -> Part:
    """A part with all that the compiled strategy's quotes made."""
    time, others = story.curve.time, [t for t in story.trades if part.name not in (t.strategy, t.coin)]
    judged = _judged(story, part.name, time, story.curve.equity - _worth(story, others, time))
    return Part(part.name, part.figures, part.pnl + net, *judged)


def _one_of_many(part: Part, net: Decimal) -> Part:
    """A part with what quotes made of one coin among several, whose money over time is not kept apart."""
    bare = no_figure("quoted beside other coins")
    return replace(part, pnl=part.pnl + net, sharpe=bare, max_drawdown=bare, sharpe_95=None)


def _parts(
    story: Story, names: Sequence[str], key: Callable[[Trade], str], trades: Sequence[Trade] | None = None
) -> tuple[Part, ...]:
    mine: dict[str, list[Trade]] = {name: [] for name in names}
    for trade in story.trades if trades is None else trades:
        mine[key(trade)].append(trade)
    return tuple(_part(story, name, trades) for name, trades in mine.items())


def _part(story: Story, name: str, trades: Sequence[Trade]) -> Part:
    known = [t for t in trades if t.notional > 0]
    told = trade_figures([float(t.pnl) for t in known], [float(t.notional) for t in known])
    pnl = sum((t.pnl for t in trades), Decimal(0))
    if not trades:
        return Part(name, told, pnl, no_figure("no trade"), Figure(0.0))
    few = len(trades) < chances.ENOUGH_TO_REDRAW
    short = f"{plural(len(trades), 'trade')}, needs {chances.ENOUGH_TO_REDRAW}" if few else ""
    return Part(name, told, pnl, *_judged(story, name, *curve_of(story, trades), short))


def _judged(
    story: Story, name: str, time: Times, money: Floats, short: str = ""
) -> tuple[Figure, Figure, Interval | None]:
    """Sharpe of a part's money, its worst fall, and an interval of that Sharpe; `short`: why none is shown."""
    fall, daily = max_drawdown(money), chances.daily_of(story, time, money)
    sharpe = no_figure(short) if short else curve_figures(daily, DAY, partial(chances.lasted, story)).sharpe
    spread = chances.sharpe_95(daily, sharpe.value, figures.seed(story, f"sharpe of {name}")) if sharpe.shown else None
    return sharpe, Figure(fall.share if fall else 0.0), spread


def curve_of(story: Story, trades: Sequence[Trade]) -> tuple[Times, Floats]:
    """Time and money of the run had it made these trades alone; see `Part`.

    Between its entry and its exit a trade is worth what the latest price of its coin says; without prices, nothing.
    """
    edges = [t for trade in trades for t in (trade.entry_time, trade.exit_time)]
    first, last = min(story.head.start, *edges), max(story.head.end, *edges)
    midnights = np.arange(-(-first // DAY), last // DAY + 1, dtype=np.int64) * DAY
    time = np.unique(np.concatenate((np.linspace(first, last, GRID).astype(np.int64), midnights, edges)))
    return time, float(story.start_equity) + _worth(story, trades, time)


def _worth(story: Story, trades: Sequence[Trade], time: Times) -> Floats:
    """What trades have made at each time, open ones at the coin's price."""
    money, each = np.zeros(len(time)), _by_leg(trades)
    priced = {coin: _at(story, coin, time) for coin in {t.coin for t in each}}
    for trade in each:
        entry, exit_ = np.searchsorted(time, (trade.entry_time, trade.exit_time))
        money[exit_:] += float(trade.pnl)
        price, paid = priced[trade.coin], float(trade.entry)
        if price is not None and paid > 0:
            moved = trade.side * float(trade.notional) * (price[entry:exit_] / paid - 1)
            money[entry:exit_] += np.maximum(moved, -float(trade.qty)) if trade.superp else moved
    return money


def _at(story: Story, coin: str, time: Times) -> Floats | None:
    """The latest price of a coin at each time; the first one before it."""
    series = story.prices.get(coin)
    if series is None or not len(series.time):
        return None
    return series.close[np.maximum(np.searchsorted(series.time, time, "right") - 1, 0)]
