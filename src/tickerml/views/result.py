"""A run's result for machines: the object that `--json` prints and summary.json holds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tickerml.views import calibration, figures, verdict
from tickerml.views.figures import by_reason
from tickerml.views.story import Story
from tickerml.views.words import iso


def result(story: Story) -> dict[str, Any]:
    """Money as decimal strings with `currency`, times as ISO 8601 UTC; the same values as on every other view.

    `max_drawdown` is a share of the peak (<= 0), `rows_per_s` is null where the time was not taken.
    """
    fall, interval, found = figures.worst_fall(story), figures.net_interval(story), figures.chance(story)
    return {
        "run": story.head.run,
        "strategy": story.head.strategy,
        "mode": story.head.mode,
        "synthetic": bool(story.head.synthetic),
        "verdict": verdict.headline(story),
        "start": iso(story.head.start),
        "end": iso(story.head.end),
        "rows": story.health.rows,
        "decisions": figures.decisions(story),
        "orders": story.decisions.orders,
        "fills": story.decisions.fills,
        "trades": len(story.trades),
        "won": figures.won(story),
        "passes": dict(by_reason(story.decisions.passes)),
        "refusals": dict(by_reason(story.decisions.refusals)),
        "pnl": _text(figures.net(story)),
        "pnl_95": None if interval is None else [interval.low, interval.high],
        "by_chance_as_good": None
        if found is None
        else {"of": found.n, "as_good": found.as_good, "source": found.source},
        "hold": figures.hold(story),
        "hold_scaled": figures.hold_scaled(story),
        "fees": _text(figures.fees(story)),
        "funding": _text(figures.funding(story)),
        "waterfall": {x.name: None if x.money is None else _text(x.money) for x in story.waterfall},
        "max_drawdown": 0.0 if fall is None else fall.share,
        "sharpe": _sharpe(story),
        "calibration": _calibration(story),
        "final_equity": _text(story.final_equity),
        "currency": story.head.currency,
        "gaps": story.health.gaps,
        "decision_hash": story.recipe.hashes.get("decisions", ""),
        "state_hash": story.recipe.hashes.get("states", ""),
        "rows_per_s": round(story.health.rows / story.seconds) if story.seconds else None,
    }


def _text(value: Decimal) -> str:
    return format(value, "f")


def _sharpe(story: Story) -> dict[str, Any] | None:
    found = figures.sharpe(story)
    if found is None:
        return None
    raw = found.raw
    return {"deflated": found.deflated, "raw": raw.value, "raw_95": [raw.low, raw.high], "trials": found.trials}


def _calibration(story: Story) -> dict[str, Any] | None:
    found = calibration.calibration(story)
    if found is None:
        return None
    if not found.enough:
        return {"settled": found.n, "needed": figures.ENOUGH_TO_CALIBRATE}
    return {
        "settled": found.n,
        "raw": found.raw,
        "brier": found.brier,
        "brier_floor": found.brier_floor,
        "ece": found.error,
        "ece_floor": found.error_floor,
    }
