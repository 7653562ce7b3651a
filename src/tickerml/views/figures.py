"""Every figure of a run, once. The docstring of each function is the definition that the report prints beside it.

What is not known is nan or None.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from tickerml.tape.rows import DAY
from tickerml.views.intervals import (
    CHANCE_DRAWS,
    Interval,
    block_indices,
    block_length,
    block_sums,
    deflated_sharpe,
    generator,
    sharpe_of,
    spread_95,
    wilson,
)
from tickerml.views.story import Count, Floats, Prices, Story, Times

ENOUGH_TO_REDRAW: Final = 10  # trades below which an interval of the net is not shown
ENOUGH_TO_CALIBRATE: Final = 200  # settled forecasts
SHARPE_DAYS: Final = 30
FEW_TRADES: Final = 20


@dataclass(frozen=True, slots=True)
class Fall:
    """The worst fall: share of the peak lost (<= 0), ns from the peak until it was reached again or the run ended."""

    share: float
    peak_time: int
    low_time: int
    lasted: int
    over: bool


@dataclass(frozen=True, slots=True)
class Chance:
    """How many of n draws without an edge ended at least as well."""

    as_good: int
    n: int
    source: str  # "twins" or "redraws"

    @property
    def share(self) -> float:
        """The share that did as well: (as_good + 1) / (n + 1), never 0 (Davison and Hinkley 1997)."""
        return (self.as_good + 1) / (self.n + 1)


@dataclass(frozen=True, slots=True)
class Sharpe:
    """Yearly Sharpe ratio with its interval and the probability that it is above zero after all trials."""

    raw: Interval
    deflated: float
    trials: int | None


def seed(story: Story, figure: str) -> np.random.Generator:
    """Random numbers for one figure of one run, seeded by the run's decision hash (or its name without one)."""
    return generator(story.recipe.hashes.get("decisions") or story.head.run, figure)


def net(story: Story) -> Decimal:
    """Equity at the end minus equity at the start, open positions at their last price."""
    return story.final_equity - story.start_equity


def net_share(story: Story) -> float:
    """Net as a share of the equity at the start."""
    return float(net(story) / story.start_equity) if story.start_equity else 0.0


def closed(story: Story) -> Decimal:
    """Profit and loss of all closed trades, after fees and funding."""
    return sum((t.pnl for t in story.trades), Decimal(0))


def open_money(story: Story) -> Decimal:
    """Net minus closed trades: positions still open at the end, and what was paid for entering them."""
    return net(story) - closed(story)


def fees(story: Story) -> Decimal:
    """Fees of all closed trades; more than 0 was paid."""
    return sum((t.fees for t in story.trades), Decimal(0))


def funding(story: Story) -> Decimal:
    """Funding of all closed trades; more than 0 was received."""
    return sum((t.funding for t in story.trades), Decimal(0))


def won(story: Story) -> int:
    """Closed trades that ended above zero after fees and funding."""
    return sum(t.pnl > 0 for t in story.trades)


def win_rate(story: Story) -> Interval:
    """Share of closed trades that ended above zero, with its 95 % Wilson interval."""
    return wilson(won(story), len(story.trades))


def payoff(story: Story) -> float:
    """Mean gain of the winners over mean loss of the losers; not known unless there are both."""
    gains = [float(t.pnl) for t in story.trades if t.pnl > 0]
    losses = [-float(t.pnl) for t in story.trades if t.pnl < 0]
    return sum(gains) / len(gains) / (sum(losses) / len(losses)) if gains and losses else math.nan


def pnls(story: Story) -> Floats:
    """Profit and loss of each closed trade, in order of exit."""
    return np.array([float(t.pnl) for t in story.trades], np.float64)


def returns(story: Story) -> Floats:
    """Profit and loss of each closed trade as a share of its entry value."""
    return np.array([float(t.pnl) / float(t.notional) for t in story.trades if t.notional], np.float64)


def round_trip_cost(story: Story) -> float:
    """Mean fees of a closed trade as a share of its entry value."""
    shares = [float(t.fees) / float(t.notional) for t in story.trades if t.notional]
    return sum(shares) / len(shares) if shares else math.nan


def needed_trades(story: Story) -> float:
    """Trades needed to tell an edge of one round-trip cost from none (95 %, power 80 %): (2.8 s / c)^2.

    s = standard deviation of trade returns, c = round-trip cost; not known with fewer than 5 trades or no cost.
    """
    spread, cost = returns(story), round_trip_cost(story)
    if len(spread) < 5 or not cost > 0:
        return math.nan
    return (2.8 * float(spread.std(ddof=1)) / cost) ** 2


def too_few(story: Story) -> bool:
    """Fewer closed trades than are needed to judge; than 20 where that number is not known."""
    needed = needed_trades(story)
    return len(story.trades) < (FEW_TRADES if math.isnan(needed) else max(FEW_TRADES, needed))


def net_interval(story: Story) -> Interval | None:
    """95 % of nets when the same trades are redrawn in blocks of n^(1/3), 2,000 times; from 10 trades on."""
    values = pnls(story)
    if len(values) < ENOUGH_TO_REDRAW:
        return None
    resampled = block_sums(values, seed(story, "net"), block_length(len(values)))
    low, high = spread_95(resampled + float(open_money(story)))
    return Interval(float(net(story)), low, high, len(values))


def chance(story: Story) -> Chance | None:
    """Of all null twins (runs with the edge removed) those that ended at least as well.

    Without twins: redraws of the same trades with their mean taken out; from 10 trades on.
    """
    if story.twins is not None and len(story.twins.nets):
        return Chance(int((story.twins.nets >= float(net(story))).sum()), len(story.twins.nets), "twins")
    values = pnls(story)
    if len(values) < ENOUGH_TO_REDRAW:
        return None
    resampled = block_sums(values - values.mean(), seed(story, "chance"), block_length(len(values)), CHANCE_DRAWS)
    return Chance(int((resampled >= values.sum()).sum()), len(resampled), "redraws")


def p_value(story: Story) -> float:
    """Probability that the best of all trials on record does as well without an edge: 1 - (1 - p)^trials (Sidak)."""
    found = chance(story)
    return math.nan if found is None else float(1 - (1 - found.share) ** max(1, story.head.trials or 1))


def fall_series(story: Story) -> Floats:
    """How far equity stands below its highest value so far, as a share of it (<= 0)."""
    equity = story.curve.equity
    if not len(equity):
        return equity
    peak = np.maximum.accumulate(np.maximum(equity, equity[0]))
    return np.asarray(np.where(peak > 0, equity / np.where(peak > 0, peak, 1.0) - 1, 0.0), np.float64)


def worst_fall(story: Story) -> Fall | None:
    """Deepest fall of equity below its highest value so far, and how long until it was back there."""
    time, falls = story.curve.time, fall_series(story)
    if len(falls) < 2 or not falls.min() < 0:
        return None
    low = int(falls.argmin())
    peak = int(np.flatnonzero(falls[: low + 1] >= 0)[-1])
    back = np.flatnonzero(falls[low:] >= 0)
    end = int(time[low + back[0]]) if len(back) else max(story.head.end, int(time[-1]))
    return Fall(float(falls[low]), int(time[peak]), int(time[low]), end - int(time[peak]), bool(len(back)))


def exposure(story: Story) -> float:
    """Mean size of the net position value over equity, weighted by time."""
    curve = story.curve
    if len(curve.time) < 2:
        return 0.0
    weight = np.diff(curve.time).astype(np.float64)
    share = np.where(curve.equity[:-1] > 0, curve.exposure[:-1] / np.maximum(curve.equity[:-1], 1e-12), 0.0)
    return float((share * weight).sum() / weight.sum()) if weight.sum() else 0.0


def _held(story: Story) -> list[Prices]:
    """Prices of the coins that were decided on; a source may carry others, as TON for the ratio."""
    found = [story.prices[coin] for coin in story.head.coins if coin in story.prices]
    return [p for p in found if len(p.time) and p.close[0] > 0]


def hold_series(story: Story) -> tuple[Times, Floats] | None:
    """Return of equal money put into every coin at its first price and held; ns UTC and share."""
    series = _held(story)
    if not series:
        return None
    time = np.unique(np.concatenate([p.time for p in series]))
    held = [p.close[np.maximum(np.searchsorted(p.time, time, "right") - 1, 0)] / p.close[0] for p in series]
    return time, np.asarray(np.mean(held, axis=0) - 1, np.float64)


def hold(story: Story) -> float | None:
    """Return of equal money put into every coin at its first price and held to its last; nothing paid for it."""
    series = _held(story)
    return float(np.mean([p.close[-1] / p.close[0] for p in series]) - 1) if series else None


def hold_scaled(story: Story) -> float | None:
    """Return of holding with as much money as this run had in the market on average."""
    full = hold(story)
    return None if full is None else full * exposure(story)


def daily_returns(story: Story) -> Floats:
    """Change of equity over each whole day (UTC) as a share of the equity before."""
    curve = story.curve
    if len(curve.time) < 2:
        return np.zeros(0)
    edges = np.arange(curve.time[0] // DAY + 1, curve.time[-1] // DAY + 1) * DAY
    at = curve.equity[np.searchsorted(curve.time, edges, "right") - 1]
    return np.asarray(at[1:] / at[:-1] - 1, np.float64) if len(at) > 1 else np.zeros(0)


def length_days(story: Story) -> float:
    """Days from the first row to the last."""
    return (story.head.end - story.head.start) / DAY


def sharpe(story: Story) -> Sharpe | None:
    """Yearly Sharpe ratio of daily returns (365 days), 95 % by 5-day blocks; not shown below 30 days.

    Deflated: the probability that it is above zero after all trials on record.
    """
    daily = daily_returns(story)
    if length_days(story) < SHARPE_DAYS or len(daily) < SHARPE_DAYS - 2 or not daily.std() > 0:
        return None
    redrawn = daily[block_indices(len(daily), seed(story, "sharpe"), 5, 1000)]
    deviation = redrawn.std(axis=1, ddof=1)
    moved = deviation > 0
    low, high = spread_95(redrawn.mean(axis=1)[moved] / deviation[moved] * math.sqrt(365))
    raw = Interval(sharpe_of(daily), low, high, len(daily))
    return Sharpe(raw, deflated_sharpe(daily, story.head.trials or 1), story.head.trials)


def residual(story: Story) -> Decimal:
    """Net minus the sum of all waterfall layers: what no layer explains."""
    return net(story) - sum((layer.money for layer in story.waterfall if layer.money is not None), Decimal(0))


def mean_hold(story: Story) -> int:
    """Mean time from entry to exit of the closed trades."""
    return sum(t.exit_time - t.entry_time for t in story.trades) // len(story.trades) if story.trades else 0


def turnover(story: Story) -> float:
    """Entry value of all closed trades over the equity at the start."""
    total = sum((t.notional for t in story.trades), Decimal(0))
    return float(total / story.start_equity) if story.start_equity else 0.0


def decisions(story: Story) -> int:
    """Intents and passes of the strategy."""
    return story.decisions.signals + passes(story)


def passes(story: Story) -> int:
    """Times the strategy looked and wanted nothing."""
    return sum(c.n for c in story.decisions.passes)


def refusals(story: Story) -> int:
    """Intents that the desk refused."""
    return sum(c.n for c in story.decisions.refusals)


def by_reason(counts: Iterable[Count], coin: str | None = None) -> list[tuple[str, int]]:
    """Counts by reason, largest first, ties by name; of one coin when named."""
    total: dict[str, int] = {}
    for c in counts:
        if coin is None or c.coin == coin:
            total[c.reason] = total.get(c.reason, 0) + c.n
    return sorted(total.items(), key=lambda item: (-item[1], item[0]))
