"""What chance has to do with it: the interval of the net, null twins, random entry, the Sharpe ratio after all trials.

The docstring of each function is the definition that the report prints beside the figure. Statistics are those of
`lab`; here they meet the run. Beside each figure stands a function that says in words why it is not shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from tickerml.lab.bootstrap import gathered, interval, net_sum, resampled, sharpe_ratio
from tickerml.lab.chance import Chance as Drawn
from tickerml.lab.chance import p_value as p_among
from tickerml.lab.metrics import SHARPE_DAYS, CurveFigures, curve_figures
from tickerml.lab.random_entry import Closes, RandomEntry, Trades, stretch
from tickerml.lab.random_entry import random_entry as entries_at_random
from tickerml.lab.series import YEAR, Floats, Times, simple_returns
from tickerml.lab.series import daily as at_midnights
from tickerml.lab.sharpe import deflated_sharpe, moments
from tickerml.tape.rows import DAY
from tickerml.views import figures
from tickerml.views.intervals import GATHERED, Interval
from tickerml.views.once import once
from tickerml.views.story import KEEP, Prices, Story
from tickerml.views.words import duration, plural

ENOUGH_TO_REDRAW: Final = 10  # trades below which an interval of the net is not shown
DRAWS: Final = 20_000  # for chances: the best of 144 trials needs p below 0.0004
WHOLE: Final = 0.99  # of the steps between a coin's prices that are alike where every bar was kept; others are gaps
MOST: Final = 16 * KEEP  # steps of a coin; nothing that was kept whole has as many, but for long gaps
LONGER: Final = 1.1  # random entries that hold this much longer than the trades did are not shown: they spread 5 % more


@dataclass(frozen=True, slots=True)
class Chance:
    """How many of n draws without an edge ended at least as well, and what was drawn: "twins" or "redraws"."""

    drawn: Drawn
    source: str

    @property
    def as_good(self) -> int:
        """Draws that ended at least as well."""
        return self.drawn.as_good

    @property
    def n(self) -> int:
        """All draws."""
        return self.drawn.n

    @property
    def share(self) -> float:
        """The share that did as well: (as_good + 1) / (n + 1), never 0 (Davison and Hinkley 1997)."""
        return self.drawn.p


@dataclass(frozen=True, slots=True)
class Sharpe:
    """Yearly Sharpe ratio with its interval and the probability that it is above zero after all trials."""

    raw: Interval
    deflated: float
    trials: int | None


def too_few_to_redraw(story: Story) -> str:
    """Why neither an interval of the net nor a chance from redraws is shown; empty where they are."""
    short = len(story.trades) < ENOUGH_TO_REDRAW
    return f"{plural(len(story.trades), 'trade')}, needs {ENOUGH_TO_REDRAW}" if short else ""


@once
def net_interval(story: Story) -> Interval | None:
    """95 % of nets when the same trades are redrawn in blocks, 2,000 times (docs/statistics.md); from 10 trades on."""
    values = figures.pnls(story)
    if len(values) < ENOUGH_TO_REDRAW:
        return None
    found = interval(gathered(values, GATHERED), net_sum, seed=figures.seed(story, "net"))
    if found is None:
        return None
    rest = float(figures.beside_trades(story))
    return Interval(float(figures.net(story)), found.low + rest, found.high + rest, len(values))


@once
def chance(story: Story) -> Chance | None:
    """Of all null twins (runs with the edge removed) those that ended at least as well.

    Without twins: redraws of the same trades with their mean taken out; from 10 trades on.
    """
    found = twins_chance(story)
    if found is not None:
        return Chance(found, "twins")
    values = figures.pnls(story)
    if len(values) < ENOUGH_TO_REDRAW:
        return None
    off = gathered(values - values.mean(), GATHERED)
    redrawn = resampled(off, net_sum, seed=figures.seed(story, "chance"), times=DRAWS)
    return Chance(p_among(float(values.sum()), redrawn), "redraws")


def p_value(story: Story) -> float:
    """Probability that the best of all trials on record does as well without an edge: 1 - (1 - p)^trials (Sidak)."""
    found = chance(story)
    return math.nan if found is None else found.drawn.best_of(max(1, story.head.trials or 1))


@once
def twins_chance(story: Story) -> Drawn | None:
    """Null twins, runs over the same bars with nothing left to foresee, that ended at least as well."""
    if story.twins is None or not len(story.twins.nets):
        return None
    return p_among(float(figures.net(story)), story.twins.nets)


def no_twins(story: Story) -> str:
    """Why no null twin stands beside the run; empty where there are some."""
    return "" if twins_chance(story) is not None else story.no_twins or "none were made"


@once
def random_entry(story: Story) -> RandomEntry | None:
    """Of 2,000 sets of random entries those whose trades earned at least as much as the closed trades did.

    Coin, side, money, duration and costs of each trade stay; its moment changes. From 10 trades on.
    """
    if no_random_entry(story):
        return None
    trades, closes = _moved(story)
    return entries_at_random(float(figures.closed(story)), trades, closes, seed=figures.seed(story, "random entry"))


def no_random_entry(story: Story) -> str:
    """Why random entries are not shown; empty where they are."""
    if len(story.trades) < ENOUGH_TO_REDRAW:
        return too_few_to_redraw(story)
    bare = [c for c in {t.coin for t in story.trades} if not _priced(story.prices.get(c))]
    if bare:
        return f"no prices of {plural(len(bare), 'coin')}"
    trades, closes = _moved(story)
    if stretch(trades, closes) <= LONGER:
        return ""
    step = max(int(one.time[1] - one.time[0]) for one in closes)
    return f"trades last {duration(figures.mean_hold(story))}, prices are kept every {duration(step)}"


def _priced(series: Prices | None) -> bool:
    return series is not None and len(series.time) > 1 and int(series.time[-1]) > int(series.time[0])


@once
def _moved(story: Story) -> tuple[Trades, list[Closes]]:
    """The closed trades, and the prices among which they are moved: one step for all coins, that they move together."""
    coins = sorted({t.coin for t in story.trades})
    trades = Trades(
        coin=np.array([coins.index(t.coin) for t in story.trades], np.int64),
        side=np.array([1 if t.side > 0 else -1 for t in story.trades], np.int64),
        entry=np.array([t.entry_time for t in story.trades], np.int64),
        exit=np.array([t.exit_time for t in story.trades], np.int64),
        notional=np.array([float(t.notional) for t in story.trades]),
        cost=np.array([float(t.fees - t.funding) for t in story.trades]),
    )
    step = max(_step(story.prices[coin]) for coin in coins)
    return trades, [_closes(story.prices[coin], step) for coin in coins]


def _step(series: Prices) -> int:
    """Time from one exact price to the next: a bar where all bars were kept, else a column of the thinned series.

    The extremes that a column keeps besides are chosen for being extreme: from one to the other prices move too far.
    """
    span = int(series.time[-1] - series.time[0])
    sizes, often = np.unique(np.diff(series.time), return_counts=True)
    if often.max() < WHOLE * often.sum():
        return max(1, span // KEEP)
    return max(int(sizes[often.argmax()]), span // MOST, 1)


def _closes(series: Prices, step: int) -> Closes:
    """The latest price at each step of time; first and last, where it is known for less than one."""
    first, last = int(series.time[0]), int(series.time[-1])
    steps = (last - first) // step
    grid = first + step * np.arange(steps + 1, dtype=np.int64) if steps else np.array([first, last])
    return Closes(grid, series.close[np.searchsorted(series.time, grid, "right") - 1])


@once
def daily(story: Story) -> Floats:
    """Equity at each midnight (UTC) of the run; a first or last day that lacks at most four hours counts as whole."""
    return daily_of(story, story.curve.time, story.curve.equity)


def daily_of(story: Story, time: Times, equity: Floats) -> Floats:
    """The same of any curve of the run's money: what it holds until the run ends counts."""
    if not len(time):
        return np.zeros(0)
    end = max(story.head.end, int(time[-1]))
    return at_midnights(np.append(time, end), np.append(equity, equity[-1]))


@once
def curve(story: Story) -> CurveFigures:
    """Yearly figures of daily equity (lab/metrics.py): 365 days a year, no risk-free rate; each with its reason."""
    return curve_figures(daily(story), DAY, partial(lasted, story))


@once
def sharpe(story: Story) -> Sharpe | None:
    """Yearly Sharpe ratio of daily returns (365 days), 95 % by the stationary bootstrap; not shown below 30 days.

    Deflated: the probability that it is above zero after all trials on record.
    """
    if not curve(story).sharpe.shown:
        return None
    raw = sharpe_95(daily(story), curve(story).sharpe.value, figures.seed(story, "sharpe"))
    of = moments(simple_returns(daily(story)))
    if raw is None or of is None:
        return None
    found = deflated_sharpe(of, max(1, story.head.trials or 1), story.head.trials_variance)
    return Sharpe(raw, found.probability, story.head.trials)


def sharpe_95(equity: Floats, value: float, seed: int) -> Interval | None:
    """The yearly Sharpe ratio of daily equity with its 95 % interval; None where there are too few days for one."""
    returns, year = simple_returns(equity), math.sqrt(YEAR / DAY)
    found = interval(returns, sharpe_ratio, seed=seed)
    return None if found is None else Interval(value, found.low * year, found.high * year, len(returns))


def no_sharpe(story: Story) -> str:
    """Why no Sharpe ratio is shown: "19 hours, needs 30 days"; empty where it is."""
    if sharpe(story) is not None:
        return ""
    if len(daily(story)) - 1 < SHARPE_DAYS:
        return f"{lasted(story, SHARPE_DAYS)}, needs {SHARPE_DAYS} days"
    return "equity did not move"


def lasted(story: Story, needed: int) -> str:
    """How long a run was that has fewer than `needed` days for a figure; where it lasted as long, its whole days.

    One answer for all figures of a run: the midnights that a ratio is of may be one more than days have passed.
    """
    length = story.head.end - story.head.start
    return duration(length) if length < needed * DAY else plural(max(len(daily(story)) - 1, 0), "whole day")


def tried(story: Story) -> str:
    """How many trials were made before this result was shown."""
    return "trials unknown" if story.head.trials is None else plural(story.head.trials, "trial")
