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

from tickerml.lab.metrics import Drawdown, falls, max_drawdown, mean_exposure
from tickerml.lab.metrics import turnover as turnover_of
from tickerml.lab.series import Times, sampled
from tickerml.lab.trades import TradeFigures, trade_figures
from tickerml.views.intervals import Interval, seed_of, wilson
from tickerml.views.once import once
from tickerml.views.story import Count, Floats, Prices, Story

ENOUGH_TO_CALIBRATE: Final = 200  # settled forecasts
FEW_TRADES: Final = 20
_GRID: Final = 1000  # places at which equity is averaged


@dataclass(frozen=True, slots=True)
class Fall:
    """The worst fall: share of the peak lost (<= 0), ns from the peak until it was reached again or the run ended."""

    share: float
    peak_time: int
    low_time: int
    lasted: int
    over: bool


def seed(story: Story, figure: str) -> int:
    """The seed of one figure of one run: from the run's decision hash (or its name without one)."""
    return seed_of(story.recipe.hashes.get("decisions") or story.head.run, figure)


def net(story: Story) -> Decimal:
    """Equity at the end minus equity at the start, open positions at their last price."""
    return story.final_equity - story.start_equity


def net_share(story: Story) -> float:
    """Net as a share of the equity at the start."""
    return float(net(story) / story.start_equity) if story.start_equity else 0.0


def closed(story: Story) -> Decimal:
    """Profit and loss of all closed trades, after fees and funding."""
    return sum((t.pnl for t in story.trades), Decimal(0))


def gross(story: Story) -> Decimal:
    """Profit and loss of all closed trades, before fees and funding."""
    return closed(story) + sum((t.fees - t.funding for t in story.trades), Decimal(0))


def quoted(story: Story) -> Decimal:
    """What a compiled strategy's quotes bought and sold again, by average cost, before fees and funding."""
    return story.paid.quoted if story.paid is not None else Decimal(0)


def open_money(story: Story) -> Decimal:
    """Positions still open at the end, at their last price, before fees and funding."""
    return net(story) - gross(story) - quoted(story) + fees(story) - funding(story)


def beside_trades(story: Story) -> Decimal:
    """Net minus closed trades: what is open at the end with what it has paid so far, and quotes."""
    return net(story) - closed(story)


def fees(story: Story) -> Decimal:
    """Fees of all executions, of open positions and of quotes too; more than 0 was paid."""
    return sum((t.fees for t in story.trades), Decimal(0)) if story.paid is None else story.paid.fees


def funding(story: Story) -> Decimal:
    """Funding of all positions; more than 0 was received."""
    return sum((t.funding for t in story.trades), Decimal(0)) if story.paid is None else story.paid.funding


def won(story: Story) -> int:
    """Closed trades that ended above zero after fees and funding."""
    return sum(t.pnl > 0 for t in story.trades)


def win_rate(story: Story) -> Interval:
    """Share of closed trades that ended above zero, with its 95 % Wilson interval."""
    return wilson(won(story), len(story.trades))


@once
def trade_book(story: Story) -> TradeFigures:
    """Win rate, payoff, profit factor and expectancy of all closed trades whose entry value is known."""
    known = [t for t in story.trades if t.notional > 0]
    return trade_figures([float(t.pnl) for t in known], [float(t.notional) for t in known])


def payoff(story: Story) -> float:
    """Mean gain of the winners over mean loss of the losers; not known unless there are both."""
    return trade_book(story).payoff.value


def profit_factor(story: Story) -> float:
    """Sum of all gains over sum of all losses of the closed trades; not known without a losing one."""
    return trade_book(story).profit_factor.value


def expectancy(story: Story) -> float:
    """Mean profit and loss of a closed trade, after fees and funding."""
    return trade_book(story).expectancy.value


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


def fall_series(story: Story) -> Floats:
    """How far equity stands below its highest value so far, as a share of it (<= 0)."""
    equity = story.curve.equity
    return falls(equity) if len(equity) and equity[0] > 0 else np.zeros(len(equity))


def worst_fall(story: Story) -> Fall | None:
    """Deepest fall of equity below its highest value so far, and how long until it was back there."""
    time, found = story.curve.time, max_drawdown(story.curve.equity)
    if found is None:
        return None
    end = int(time[found.end]) if found.over else max(story.head.end, int(time[-1]))
    return _fall(time, found, end)


def _fall(time: Times, found: Drawdown, end: int) -> Fall:
    peak = int(time[found.peak])
    return Fall(found.share, peak, int(time[found.low]), end - peak, found.over)


def exposure(story: Story) -> float:
    """Mean size of the net position value over equity, weighted by time."""
    curve = story.curve
    return mean_exposure(curve.time, curve.exposure, curve.equity).plain or 0.0 if len(curve.time) > 1 else 0.0


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


def residual(story: Story) -> Decimal:
    """Net minus the sum of all waterfall layers: what no layer explains."""
    return net(story) - sum((layer.money for layer in story.waterfall if layer.money is not None), Decimal(0))


def mean_hold(story: Story) -> int:
    """Mean time from entry to exit of the closed trades."""
    return sum(t.exit_time - t.entry_time for t in story.trades) // len(story.trades) if story.trades else 0


def turnover(story: Story) -> float:
    """Money bought and sold by the closed trades and by quotes over the mean equity."""
    curve = story.curve
    span = int(curve.time[-1] - curve.time[0]) if len(curve.time) > 1 else 0
    equity = sampled(curve.time, curve.equity, span // _GRID)[1] if span > _GRID else curve.equity
    traded = [float(value) for t in story.trades for value in (t.notional, t.notional + t.gross)]
    traded.append(float(story.paid.exchanged) if story.paid is not None else 0.0)
    return turnover_of(traded, equity).plain or 0.0


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
