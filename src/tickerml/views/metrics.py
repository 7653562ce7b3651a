"""The metrics of a run by name, each as lab has it or with the reason why there is none; and of its trades by group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tickerml.lab.series import Figure
from tickerml.lab.trades import TradeFigures, by_group, hours, months
from tickerml.tape.rows import DAY
from tickerml.views import chances, figures
from tickerml.views.story import Story


def metrics(story: Story) -> dict[str, Figure]:
    """Shares are of 1, ratios have no unit, expectancy is money a trade, drawdown_days the length of the worst fall."""
    told, curve, fall = figures.trade_book(story), chances.curve(story), figures.worst_fall(story)
    return {
        "annual_return": curve.annual_return,
        "annual_volatility": curve.annual_volatility,
        "sortino": curve.sortino,
        "calmar": curve.calmar,
        "drawdown_days": Figure(fall.lasted / DAY if fall else 0.0),
        "win_rate": told.win_rate,
        "payoff": told.payoff,
        "profit_factor": told.profit_factor,
        "expectancy": told.expectancy,
        "exposure": Figure(figures.exposure(story)),
        "turnover": Figure(figures.turnover(story)),
    }


def trade_groups(story: Story) -> dict[str, dict[str, TradeFigures]]:
    """Closed trades by the market's regime, the month and the hour of the day (UTC) of their entry, in that order."""
    known = [t for t in story.trades if t.notional > 0]
    entry = np.array([t.entry_time for t in known], np.int64)
    keys: dict[str, Sequence[str]] = {
        "regime": [t.regime or "not known" for t in known],
        "month": months(entry).tolist(),
        "hour": [f"{hour:02d}" for hour in hours(entry).tolist()],
    }
    pnl, value = [float(t.pnl) for t in known], [float(t.notional) for t in known]
    return {name: dict(sorted(by_group(mine, pnl, value).items())) for name, mine in keys.items()}
