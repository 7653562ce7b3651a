"""A run's result for machines: the object that `--json` prints and summary.json holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from tickerml.lab.trades import TradeFigures
from tickerml.views import calibration, chances, figures, parts, verdict
from tickerml.views.figures import by_reason
from tickerml.views.metrics import metrics, trade_groups
from tickerml.views.story import Story
from tickerml.views.words import iso


def result(story: Story) -> dict[str, Any]:
    """Money as decimal strings with `currency`, times as ISO 8601 UTC; the same values as on every other view.

    `max_drawdown` is a share of the peak (<= 0), `rows_per_s` is null where the time was not taken. A statistic for
    which there is too little is null, and `not_shown` says why under its name. `leaks`: what the leak check found,
    null = not checked. `ambiguous_bars`: bars with stop and target both inside, null = not counted. `problems`: how
    often each was met when the source was imported, by its code, as `data check` tells them.
    """
    fall, interval, found = figures.worst_fall(story), chances.net_interval(story), chances.chance(story)
    return {
        **_named(story),
        "rows": story.health.rows,
        **_decided(story),
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
        **_sharpe(story),
        "trials": story.head.trials,
        "benchmark": _benchmark(story),
        "per_strategy": _per(parts.by_strategy(story)),
        "per_pair": _per(parts.by_pair(story)),
        **{f"per_{name}": _grouped(found) for name, found in trade_groups(story).items()},
        "metrics": {name: figure.plain for name, figure in metrics(story).items()},
        "ambiguous_bars": story.health.both_inside,
        "leaks": None if story.health.leaks is None else [asdict(one) for one in story.health.leaks],
        "not_shown": not_shown(story),
        "calibration": _calibration(story),
        "final_equity": _text(story.final_equity),
        "currency": story.head.currency,
        "gaps": story.health.gaps,
        "problems": dict(story.health.problems),
        "stopped": story.head.stopped,
        "decision_hash": story.recipe.hashes.get("decisions", ""),
        "state_hash": story.recipe.hashes.get("states", ""),
        "rows_per_s": round(story.health.rows / story.seconds) if story.seconds else None,
    }


def _named(story: Story) -> dict[str, Any]:
    head = story.head
    return {
        "run": head.run,
        "strategy": head.strategy,
        "mode": head.mode,
        "synthetic": bool(head.synthetic),
        "in_sample": bool(head.in_sample),
        "verdict": verdict.headline(story),
        "start": iso(head.start),
        "end": iso(head.end),
    }


def _decided(story: Story) -> dict[str, Any]:
    return {
        "decisions": figures.decisions(story),
        "orders": story.decisions.orders,
        "fills": story.decisions.fills,
        "trades": len(story.trades),
        "won": figures.won(story),
        "passes": dict(by_reason(story.decisions.passes)),
        "refusals": dict(by_reason(story.decisions.refusals)),
    }


def _text(value: Decimal) -> str:
    return format(value, "f")


def _sharpe(story: Story) -> dict[str, Any]:
    found = chances.sharpe(story)
    if found is None:
        return {"sharpe": None, "sharpe_95": None, "deflated_sharpe": None}
    raw = found.raw
    return {"sharpe": raw.value, "sharpe_95": [raw.low, raw.high], "deflated_sharpe": found.deflated}


def _benchmark(story: Story) -> dict[str, Any]:
    """What the run stands against: holding the same coins, the same trades at other moments, the same run on twins."""
    twins, entries = chances.twins_chance(story), chances.random_entry(story)
    return {
        "buy_and_hold": figures.hold(story),
        "random_entry_p": None if entries is None else entries.chance.p,
        "null_twin_p": None if twins is None else twins.p,
        "twins": 0 if twins is None else twins.n,
    }


def _per(found: Sequence[parts.Part]) -> dict[str, dict[str, Any]]:
    return {
        one.name: {
            "trades": one.figures.trades,
            "win_rate": one.figures.win_rate.plain,
            "pnl": _text(one.pnl),
            "sharpe": one.sharpe.plain,
            "max_drawdown": one.max_drawdown.plain,
        }
        for one in found
    }


def _grouped(found: Mapping[str, TradeFigures]) -> dict[str, dict[str, Any]]:
    return {
        name: {"trades": one.trades, "win_rate": one.win_rate.plain, "expectancy": one.expectancy.plain}
        for name, one in found.items()
    }


def not_shown(story: Story) -> dict[str, str]:
    """Why a statistic of the result is null, by its name: {"sharpe": "12 days, needs 30 days"}."""
    why = {
        "pnl_95": chances.too_few_to_redraw(story),
        "by_chance_as_good": "" if chances.chance(story) else chances.too_few_to_redraw(story),
        "sharpe": chances.no_sharpe(story),
        "deflated_sharpe": chances.no_sharpe(story),
        "benchmark.buy_and_hold": "no prices" if figures.hold(story) is None else "",
        "benchmark.random_entry_p": chances.no_random_entry(story),
        "benchmark.null_twin_p": chances.no_twins(story),
        "ambiguous_bars": "not counted" if story.health.both_inside is None else "",
        "leaks": (story.health.leak_check or "not checked") if story.health.leaks is None else "",
    }
    why |= {f"metrics.{name}": figure.reason for name, figure in metrics(story).items()}
    for kind, found in (("strategy", parts.by_strategy(story)), ("pair", parts.by_pair(story))):
        for one in found:
            why[f"per_{kind}.{one.name}.win_rate"] = one.figures.win_rate.reason
            why[f"per_{kind}.{one.name}.sharpe"] = one.sharpe.reason
            why[f"per_{kind}.{one.name}.max_drawdown"] = one.max_drawdown.reason
    return {name: reason for name, reason in why.items() if reason}


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
