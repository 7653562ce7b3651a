"""Measure what docs/claims.md and docs/strategies.md tell: runs on the real market data, their figures in one file.

    TICKERML_DATA=data python tools/measure.py [NAME ...]

writes tools/measured.json anew for the runs that are named, all of them by default; then `python tools/pages.py`.
No parameter was chosen on this data: every run is with a strategy's defaults, so that all of it is out of sample.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

import tickerml as tml
from tickerml.run.null_twins import add_twins
from tickerml.run.result import Run
from tickerml.tape.rows import DAY, HOUR, MINUTE, Kind
from tickerml.views import chances, figures
from tickerml.views.settled import is_trade

MEASURED = Path(__file__).resolve().with_name("measured.json")
SPOT, PERP = "candles/binance_spot_5m_2024", "candles/binance_perp_5m"
MINUTES, NEXO = "candles/binance_perp_1m_202601", "l2/binance_spot_nexousdt"
WEEKS, WEEK = "20250801-20250815", "20260105-20260112"
SHORT, LONG = 20, 19  # twins: as many as a p below a twentieth needs; of runs over most of a year one fewer were made


@dataclass(frozen=True)
class Measure:
    """One run: its source below the data folder, its strategies, its money, its settings, how many null twins."""

    source: str
    strategies: tuple[str, ...]
    cash: float = 10_000
    config: dict[str, dict[str, Any]] = field(default_factory=dict)
    timerange: str | None = None
    twins: int = 0

    @property
    def command(self) -> str:
        """What makes the same run from the command line."""
        words = ["tickerml backtest", f"--source $TICKERML_DATA/{self.source}", f"--cash {self.cash:g}"]
        words += [f"-s {name}" for name in self.strategies]
        words += [f"--timerange {self.timerange}"] if self.timerange else []
        told = [(f"{a}.{b}", value) for a, section in self.config.items() for b, value in section.items()]
        words += [f"--param {key}={json.dumps(value) if not isinstance(value, str) else value}" for key, value in told]
        return " ".join([*words, *([f"--twins {self.twins}"] if self.twins else [])])


RULES = ("dca", "swing", "channel")
TURBO = {"five_signal": {"turbo": True}}
RUNS: dict[str, Measure] = {
    "rules_spot": Measure(SPOT, RULES, cash=1000, twins=LONG),
    "rules_perp": Measure(PERP, RULES, cash=1000, twins=LONG),
    "dca_spot": Measure(SPOT, ("dca",), twins=LONG),
    **{f"{name}_spot": Measure(SPOT, (name,), twins=LONG) for name in ("swing", "channel")},
    **{f"{name}_perp": Measure(PERP, (name,), twins=LONG) for name in RULES},
    **{f"{name}_weeks": Measure(PERP, (name,), timerange=WEEKS, twins=SHORT) for name in RULES},
    "five_signal_nexo": Measure(NEXO, ("five_signal",), cash=18, config=TURBO),
    **{f"five_signal_nexo_{cash}": Measure(NEXO, ("five_signal",), cash=cash, config=TURBO) for cash in (50, 100, 500)},
    "five_signal_nexo_large": Measure(NEXO, ("five_signal",)),
    "psc_minutes": Measure(
        MINUTES, ("psc",), config={"ml_microstructure": {"trading_coins": []}}, timerange=WEEK, twins=SHORT
    ),
    "psc_relative": Measure(
        MINUTES,
        ("psc",),
        config={"ml_microstructure": {"trading_coins": []}, "psc_integration": {"mode": "relative"}},
        timerange=WEEK,
        twins=SHORT,
    ),
}


def measure(one: Measure, folder: Path) -> dict[str, Any]:
    """Make the run and gather its figures."""
    source = tml.read(Path(os.environ["TICKERML_DATA"]) / one.source, timerange=one.timerange)
    began = time.process_time()
    run = tml.backtest(list(one.strategies), source, cash=one.cash, config=one.config, run_dir=folder)
    seconds = time.process_time() - began
    if one.twins:
        add_twins(folder, one.twins)
        run = tml.open_run(folder)
    return {"command": one.command, "seconds": round(seconds, 1), **gathered(run)}


def gathered(run: Run) -> dict[str, Any]:
    """Figures of a run as plain values: shares as fractions, money as floats, times in the unit of their name."""
    story, told = run.story, run.figures()
    days = (story.head.end - story.head.start) / DAY
    returns, net = figures.returns(story), chances.net_interval(story)
    gains, losses = returns[returns > 0], returns[returns <= 0]
    wins = figures.win_rate(story) if story.trades else None
    held = [t.exit_time - t.entry_time for t in story.trades]
    months = (1 + figures.net_share(story)) ** (30 / days) - 1 if days >= 30 else None
    confidence = [t.confidence_raw for t in story.trades if t.confidence_raw is not None]
    return {
        "strategy": story.head.strategy,
        "coins": len(story.head.coins),
        "start": told["start"][:10],
        "end": told["end"][:10],
        "days": round(days, 2),
        "rows": told["rows"],
        "cash": float(story.start_equity),
        "currency": story.head.currency,
        "net": float(figures.net(story)),
        "net_share": figures.net_share(story),
        "net_95": None if net is None else [net.low, net.high],
        "hold": told["hold"],
        "trades": len(story.trades),
        "win_rate": None if wins is None else wins.value,
        "win_rate_95": None if wins is None else [wins.low, wins.high],
        "win": float(np.mean(gains)) if len(gains) else None,
        "loss": float(np.mean(losses)) if len(losses) else None,
        "best": float(np.max(returns)) if len(returns) else None,
        "payoff": _finite(figures.payoff(story)) if story.trades else None,
        "profit_factor": _finite(figures.profit_factor(story)) if story.trades else None,
        "trades_per_hour": len(story.trades) / (days * DAY / HOUR),
        "signals_per_hour": story.decisions.signals / (days * DAY / HOUR),
        "trades_per_day": len(story.trades) / days,
        "refused_share": _share(figures.refusals(story), story.decisions.signals),
        "passed_share": _share(story.decisions.signals - figures.refusals(story), story.decisions.signals),
        "minutes_held": float(np.median(held)) / MINUTE if held else None,
        "per_day": figures.net_share(story) / days,
        "per_weeks": months,
        "sharpe": told["sharpe"],
        "sharpe_95": told["sharpe_95"],
        "deflated_sharpe": told["deflated_sharpe"],
        "max_drawdown": told["max_drawdown"],
        "null_twin_p": told["benchmark"]["null_twin_p"],
        "twins": told["benchmark"]["twins"],
        "random_entry_p": told["benchmark"]["random_entry_p"],
        "confidence": float(np.mean(confidence)) if confidence else None,
        "leverage": max((t.leverage for t in story.trades if t.leverage is not None), default=None),
        "refusals": dict(figures.by_reason(story.decisions.refusals)[:4]),
        "passes": dict(figures.by_reason(story.decisions.passes)[:4]),
        "per_pair": {
            pair: {key: told["per_pair"][pair][key] for key in ("trades", "win_rate", "pnl")}
            for pair in list(told["per_pair"])[:40]
        },
        "per_tier": _tiers(run),
    }


def _tiers(run: Run) -> dict[str, dict[str, Any]]:
    """Trades and win rate by the tier that the strategy gave its intent, where it gives one."""
    tiers: dict[int, str] = {}
    won: dict[str, list[bool]] = {}
    seq = int(run.manifest.get("first_sequence") or 0)
    for block in run.tape.blocks():
        for at in np.flatnonzero(np.isin(block.rows["kind"], (Kind.INTENT, Kind.SETTLED)) & (block.rows["ref"] >= 0)):
            told = json.loads(block.blobs[block.rows["ref"][at]])
            if block.rows["kind"][at] == Kind.INTENT:
                tiers[seq + int(at)] = str(told.get("tier") or "")
            elif is_trade(told) and (tier := tiers.get(told["intent"])):
                won.setdefault(tier, []).append(Decimal(told["pnl"]) > 0)
        seq += len(block)
    return {tier: {"trades": len(each), "win_rate": sum(each) / len(each)} for tier, each in sorted(won.items())}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def main(names: list[str]) -> None:
    """Measure what is named, keep the rest."""
    kept: dict[str, Any] = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.is_file() else {}
    for name in names or RUNS:
        with tempfile.TemporaryDirectory() as folder:
            kept[name] = measure(RUNS[name], Path(folder) / "run")
        print(f"{name}: {kept[name]['trades']} trades, net {100 * kept[name]['net_share']:+.2f} %")
        text = json.dumps({key: kept[key] for key in sorted(kept)}, indent=1, default=str)
        MEASURED.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
