"""What an equity curve says: return, volatility, Sharpe, Sortino, Calmar, the worst fall, exposure and turnover.

Rules of showing: no yearly figure below 90 days; no Sharpe or Sortino below 30. Scaling to a year multiplies a mean by
the periods in 365 days and a deviation by their root, which takes returns as uncorrelated (Lo 2002, "The Statistics of
Sharpe Ratios"). No risk-free rate is taken off: cash at a crypto venue earns none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from tickerml.lab.series import YEAR, Figure, Floats, Times, checked, no_figure, simple_returns
from tickerml.tape.rows import DAY

YEARLY_DAYS: Final = 90
SHARPE_DAYS: Final = 30
_ROUNDING: Final = 1e-12  # a fall by less is none
_STILL: Final = 1e-9  # returns that spread by less than this share of the largest do not vary: it is rounding


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall below the highest equity so far. Places are indices of the curve, times follow from its step."""

    share: float  # of the peak, < 0
    peak: int
    low: int
    end: int  # where the peak was reached again, else the last one
    over: bool

    def length(self, step: int) -> int:
        """Time in ns from the peak until it was reached again, or until the curve ends."""
        return (self.end - self.peak) * step


@dataclass(frozen=True, slots=True)
class CurveFigures:
    """Figures of an equity curve. Shares are of 1, not percent; ratios have no unit."""

    total_return: Figure  # last equity over the first, minus 1
    annual_return: Figure  # that, compounded to 365 days
    volatility: Figure  # standard deviation (n - 1) of the returns of one period
    annual_volatility: Figure  # that, times the root of periods in a year
    sharpe: Figure  # yearly: mean over standard deviation (Sharpe 1994)
    sortino: Figure  # yearly: mean over downside deviation below zero (Sortino and Price 1994)
    calmar: Figure  # annual return over the size of the worst fall (Young 1991), whole curve
    max_drawdown: Figure  # the worst fall as a share of its peak, <= 0
    drawdown: Drawdown | None  # where it lies; None when equity never fell


def curve_figures(equity: ArrayLike, step: int, lasted: Callable[[int], str] | None = None) -> CurveFigures:
    """All figures of `equity`, sampled every `step` ns (`series.sampled`), its first value the start.

    The rules of showing go by the time that these samples cover; `lasted` says in words how long that is for who knows
    more of it, given the days that are needed. Raises ValueError where equity is not finite or `step` is not positive.
    """
    values = checked(equity, "equity")
    if step <= 0:
        raise ValueError("step must be positive")
    fall = max_drawdown(values)
    if len(values) < 2 or (values <= 0).any():
        nothing = no_figure("fewer than 2 samples" if len(values) < 2 else "equity was at or below zero")
        total = _total(values)
        worst = nothing if len(values) < 2 or values[0] <= 0 else Figure(fall.share if fall else 0.0)
        return CurveFigures(total, nothing, nothing, nothing, nothing, nothing, nothing, worst, fall)
    returns = simple_returns(values)
    days = len(returns) * step / DAY
    year = _too_short(days, YEARLY_DAYS, lasted) or _annual_return(values, step)
    return CurveFigures(
        total_return=_total(values),
        annual_return=year,
        volatility=_volatility(returns, 1.0),
        annual_volatility=_too_short(days, YEARLY_DAYS, lasted) or _volatility(returns, YEAR / step),
        sharpe=_too_short(days, SHARPE_DAYS, lasted) or sharpe(returns, YEAR / step),
        sortino=_too_short(days, SHARPE_DAYS, lasted) or sortino(returns, YEAR / step),
        calmar=year if not year.shown else _calmar(year.value, fall),
        max_drawdown=Figure(fall.share if fall else 0.0),
        drawdown=fall,
    )


def sharpe(returns: ArrayLike, periods: float = 1.0) -> Figure:
    """Mean over standard deviation (n - 1), times the root of `periods` in a year; periods = 1 leaves it per period."""
    values = checked(returns, "returns")
    if len(values) < 2:
        return no_figure("fewer than 2 returns")
    deviation = spread(values)
    if deviation == 0:
        return no_figure("returns did not vary")
    return Figure(float(values.mean()) / deviation * math.sqrt(periods))


def sortino(returns: ArrayLike, periods: float = 1.0) -> Figure:
    """Mean over the root of the mean squared loss (all n in the mean), times the root of `periods` in a year."""
    values = checked(returns, "returns")
    if len(values) < 2:
        return no_figure("fewer than 2 returns")
    downside = math.sqrt(float(np.mean(np.minimum(values, 0.0) ** 2)))
    if downside <= _STILL * float(np.abs(values).max()):
        return no_figure("no losing period")
    return Figure(float(values.mean()) / downside * math.sqrt(periods))


def spread(returns: Floats) -> float:
    """Standard deviation (n - 1); exactly 0 where the returns differ by rounding alone."""
    found = float(returns.std(ddof=1))
    return found if found > _STILL * float(np.abs(returns).max()) else 0.0


def falls(equity: ArrayLike) -> Floats:
    """How far equity stands below its highest value so far, as a share of that (<= 0). Its first value is above 0."""
    values = checked(equity, "equity")
    peak = np.maximum.accumulate(values)
    return np.asarray(values / peak - 1.0, np.float64)


def max_drawdown(equity: ArrayLike) -> Drawdown | None:
    """The deepest fall, None where there is none or where equity does not start above 0."""
    values = checked(equity, "equity")
    if len(values) < 2 or values[0] <= 0:
        return None
    share = falls(values)
    low = int(share.argmin())
    if not share[low] < -_ROUNDING:
        return None
    peak = int(np.flatnonzero(share[: low + 1] >= 0)[-1])
    back = np.flatnonzero(share[low:] >= 0)
    end = low + int(back[0]) if len(back) else len(values) - 1
    return Drawdown(float(share[low]), peak, low, end, bool(len(back)))


def mean_exposure(time: Times, held: ArrayLike, equity: ArrayLike) -> Figure:
    """Mean of money in the market over equity, weighted by time (ns); a value holds until the next.

    Undefined where equity is not above zero while it counts, or where no time passes.
    """
    size, own = checked(held, "held"), checked(equity, "equity")
    weight = np.diff(time).astype(np.float64)
    if not weight.sum() > 0:
        return no_figure("no time passed")
    counts = weight > 0
    if (own[:-1][counts] <= 0).any():
        return no_figure("equity was at or below zero")
    return Figure(float(np.average(np.abs(size[:-1][counts]) / own[:-1][counts], weights=weight[counts])))


def turnover(traded: ArrayLike, equity: ArrayLike) -> Figure:
    """Money bought and sold (`traded`, each fill's value; its sign does not count) over mean equity of the grid."""
    own = checked(equity, "equity")
    if not len(own) or (own <= 0).any():
        return no_figure("equity was at or below zero" if len(own) else "no equity")
    return Figure(float(np.abs(checked(traded, "traded")).sum() / own.mean()))


def _total(equity: Floats) -> Figure:
    if len(equity) < 2:
        return no_figure("fewer than 2 samples")
    return Figure(float(equity[-1] / equity[0] - 1.0)) if equity[0] > 0 else no_figure("no equity at the start")


def _annual_return(equity: Floats, step: int) -> Figure:
    return Figure(float((equity[-1] / equity[0]) ** (YEAR / ((len(equity) - 1) * step)) - 1.0))


def _volatility(returns: Floats, periods: float) -> Figure:
    if len(returns) < 2:
        return no_figure("fewer than 2 returns")
    return Figure(spread(returns) * math.sqrt(periods))


def _calmar(annual: float, fall: Drawdown | None) -> Figure:
    return no_figure("equity never fell") if fall is None else Figure(annual / -fall.share)


def _too_short(days: float, needed: int, lasted: Callable[[int], str] | None) -> Figure | None:
    if days >= needed:
        return None
    said = lasted(needed) if lasted is not None else "1 day" if days == 1 else f"{days:.3g} days"
    return no_figure(f"{said}, needs {needed}")
