"""What the five source systems promise, and which measured figure stands against each promise: docs/claims.md.

The table below is the source; the figures come from tools/measured.json, which tools/measure.py writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SYSTEMS = {
    "0": "PSC microstructure with SuperP leverage",
    "1": "Rule strategies under one manager",
    "2": "Specification of a machine-learning strategy",
    "3": "From price prediction to a paper-trading bot",
    "4": "Turbo micro: five signals on a very small account",
}
SIGNED = ("win", "loss", "best", "per_day", "per_weeks", "net_share")
SHARES = ("win_rate", "confidence", "max_drawdown", "hold", "refused_share", "passed_share", *SIGNED)
_OF_TRADES = ("win_rate", "win", "loss", "best", "payoff", "minutes_held", "profit_factor", "confidence")
FEW = 20  # trades below which a rate says nothing


@dataclass(frozen=True)
class Claim:
    """One promised figure. `low` and `high`: what would make it true; None = open."""

    system: str
    promise: str
    run: str = ""  # of tools/measure.py
    figure: str = ""
    low: float | None = None
    high: float | None = None
    pair: str = ""  # of one coin alone
    tier: str = ""  # of the trades of one tier alone
    note: str = ""  # what should be known of the measurement; or why there is none


_NO_MODEL = "no model is served in this version: measured are the three rule strategies under the manager"
_NO_LIVE = "nothing is collected live in this version"
_ONE_COIN = "one coin of spot order books, so a fifteenth of it"
_NO_TIERS = "spot has no shorts, and the desk lowers the sizes of both tiers to its own limits"
CLAIMS = (
    Claim("0", "average confidence 65 to 85 %, which means: so many trades gain more than 0.1 %", "psc_minutes",
          "win_rate", 0.65, None, note="on one-minute bars; the confidence that was said stands in the next line"),
    Claim("0", "the same: what the formula says on average", "psc_minutes", "confidence", 0.65, 0.85),
    Claim("0", "about 760 signals an hour", "psc_minutes", "signals_per_hour", 760, None,
          note="the desk allows a trade a coin at a time, so the strategy is asked far oftener than it signals; the"
          " source also counts 330 in 15 minutes, which would be 1,320"),
    Claim("0", "50 to 150 % a trade on BTC and ETH, 1 to 5 % on SHIB and PEPE", "psc_minutes", "win", 0.01, None,
          note="mean of the trades that won, at leverage 1; SuperP exists in simulation only"),
    Claim("0", "20 to 40 % a trade on SOL", "psc_minutes", "win", 0.20, None,
          note="the same mean: SOL is not among the recorded coins, and the figure is of a leverage of 552 to 797"),
    Claim("0", "500 to 1,000 % a trade at most", "psc_minutes", "best", 5.0, None,
          note="the best trade, at leverage 1; the figure is of a leverage of 4,200 to 5,000, which no venue offers"),
    Claim("0", "600 to 900 % a month", "psc_minutes", "per_day", 0.067, None, note="600 % a month is 6.7 % a day"),
    Claim("0", "leverage up to 10,000 without liquidation",
          note="no venue offers it; `superp.enabled` simulates a stake that is lost at most"),
    Claim("0", "timer efficiency 85 %", note="the source does not say what is counted"),
    Claim("1", "channel trades succeed in 92.2 %", "channel_perp", "win_rate", 0.922, None,
          note="the rule without the source's model"),
    Claim("1", "DCA trades are taken from 60 % confidence on", "dca_perp", "win_rate", 0.60, None,
          note="the rule without a model"),
    Claim("1", "swing trades are taken from 65 % confidence on", "swing_perp", "win_rate", 0.65, None,
          note="the rule without a model"),
    Claim("1", "DCA on BTC: a 10 % target succeeds never, a tuned one in 65 %", "dca_perp", "win_rate", 0.65, None,
          pair="BTC/USDT:USDT", note="the 10 % target"),
    Claim("1", "target within 0.56 %, stop within 0.40 % of the best (mean error)",
          note="a model's error; no model is served in this version"),
    Claim("2", "0.5 to 2 % a day", "rules_spot", "per_day", 0.005, None, note=_NO_MODEL),
    Claim("2", "15 to 60 % a month", "rules_spot", "per_weeks", 0.15, None, note=_NO_MODEL),
    Claim("2", "60 to 75 % of trades won", "rules_spot", "win_rate", 0.60, None, note=_NO_MODEL),
    Claim("2", "Sharpe ratio above 2", "rules_spot", "sharpe", 2.0, None, note=_NO_MODEL),
    Claim("2", "worst fall below 15 %", "rules_spot", "max_drawdown", -0.15, None, note=_NO_MODEL),
    Claim("2", "predictions right in more than 65 %, within 10 % of that for 30 days", note="no model is served yet"),
    Claim("3", "Sharpe ratio above 1.5", "rules_spot", "sharpe", 1.5, None, note=_NO_MODEL),
    Claim("3", "worst fall below 15 %", "rules_spot", "max_drawdown", -0.15, None, note=_NO_MODEL),
    Claim("3", "more than 55 % of trades won", "rules_spot", "win_rate", 0.55, None, note=_NO_MODEL),
    Claim("3", "profit factor above 1.5", "rules_spot", "profit_factor", 1.5, None, note=_NO_MODEL),
    Claim("3", "data within 100 ms; 99.9 % of the time", note=_NO_LIVE),
    Claim("3", "a decision of the model within 50 ms", note="no model is served in this version"),
    Claim("4", "3 to 8 trades an hour on 15 coins", "five_signal_nexo", "trades_per_hour", 0.2, None,
          note=f"{_ONE_COIN}; spot has no shorts"),
    Claim("4", "60 to 100 candidates an hour on 15 coins", "five_signal_nexo", "signals_per_hour", 4.0, None,
          note=f"{_ONE_COIN}; counted are signals that the strategy sends to the desk"),
    Claim("4", "10 to 15 % of the signals pass all filters", "five_signal_nexo", "passed_share", 0.10, 0.15,
          note="of the signals that the strategy sends to the desk; most of the others sell short, which spot cannot"),
    Claim("4", "60 to 70 % of trades won", "five_signal_nexo", "win_rate", 0.60, None),
    Claim("4", "70 to 75 % of the A-trades won", "five_signal_nexo", "win_rate", 0.70, None, tier="A", note=_NO_TIERS),
    Claim("4", "60 to 65 % of the B-trades won", "five_signal_nexo", "win_rate", 0.60, None, tier="B", note=_NO_TIERS),
    Claim("4", "a win is twice a loss (reward over risk 2:1)", "five_signal_nexo", "payoff", 2.0, None,
          note="mean win over mean loss, in money"),
    Claim("4", "a win of 0.8 % on average", "five_signal_nexo", "win", 0.008, None),
    Claim("4", "a loss of 0.4 % on average", "five_signal_nexo", "loss", -0.004, None),
    Claim("4", "10 to 30 minutes in a trade", "five_signal_nexo", "minutes_held", 10, 30),
    Claim("4", "18 become 30 in an hour; 10 to 30 % a day", "five_signal_nexo", "per_day", 0.10, None),
    Claim("4", "8 to 20 % a day at a balance of 50", "five_signal_nexo_50", "per_day", 0.08, None),
    Claim("4", "5 to 15 % a day at a balance of 100", "five_signal_nexo_100", "per_day", 0.05, None),
    Claim("4", "3 to 8 % a day at a balance of 500", "five_signal_nexo_500", "per_day", 0.03, None),
    Claim("4", "20 to 40 trades a day at a balance of 18, on 15 coins", "five_signal_nexo", "trades_per_day", 1.3, None,
          note=_ONE_COIN),
    Claim("4", "15 to 30 trades a day at a balance of 50, on 15 coins", "five_signal_nexo_50", "trades_per_day", 1.0,
          None, note=_ONE_COIN),
    Claim("4", "10 to 20 trades a day at a balance of 100, on 15 coins", "five_signal_nexo_100", "trades_per_day", 0.7,
          None, note=_ONE_COIN),
    Claim("4", "8 to 15 trades a day at a balance of 500, on 15 coins", "five_signal_nexo_500", "trades_per_day", 0.5,
          None, note=_ONE_COIN),
    Claim("4", "18 become 100 in 7 to 20 days and 1,000 in 30 to 60",
          note="it follows from the daily figures above; the book that was recorded is of one day"),
    Claim("4", "above a balance of 1,000: up to one trade an hour", "five_signal_nexo_large", "trades_per_hour",
          None, 1.0),
    Claim("4", "above a balance of 1,000: 65 to 75 % won", "five_signal_nexo_large", "win_rate", 0.65, None),
)  # fmt: skip


def page(measured: Mapping[str, Any]) -> str:
    """docs/claims.md."""
    parts = [
        "# What was promised, and what was measured\n",
        "Made from `tools/claims.py` by `make docs`; the figures are those of `tools/measure.py`, which runs strategies"
        " with their defaults on recorded markets. No parameter was chosen on them. A promise holds when the measured"
        " figure reaches it; an interval is of 95 %. Good or bad, all of them stand here; what could not be measured"
        " says why.\n",
    ]
    for system, title in SYSTEMS.items():
        rows = "\n".join(_row(one, measured) for one in CLAIMS if one.system == system)
        head = "| promised | measured | verdict | how |\n|---|---|---|---|"
        parts.append(f"## {system}. {title}\n\n{head}\n{rows}\n")
    used = [name for name in dict.fromkeys(c.run for c in CLAIMS) if name in measured]
    parts += ["## The runs\n", *(_run(name, measured[name]) for name in used)]
    return "\n".join(parts)


def _row(one: Claim, measured: Mapping[str, Any]) -> str:
    run = measured.get(one.run)
    note = one.note
    if run is None:
        why = "; ".join(part for part in ("not run yet" if one.run else "", note) if part)
        return f"| {one.promise} | - | not measured | {why} |"
    part = _part(one, run)
    value = run[one.figure] if part is None else part.get(one.figure)
    told = f"`{one.run}`" + (f"; {note}" if note else "")
    if value is None:
        return f"| {one.promise} | - | not measured | {told}; {_absent(run)} |"
    trades = (run if part is None else part)["trades"]
    return f"| {one.promise} | {_value(one, value, run, trades)} | {_verdict(one, value, trades)} | {told} |"


def _part(one: Claim, run: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The figures of the coin or the tier that the claim is about; None where it is about the whole run."""
    if not (one.pair or one.tier):
        return None
    of, name = ("per_pair", one.pair) if one.pair else ("per_tier", one.tier)
    found: Mapping[str, Any] = run[of].get(name, {})
    return found


def _absent(run: Mapping[str, Any]) -> str:
    return "it did not trade" if not run["trades"] else "too short, or no trade of this kind"


def _value(one: Claim, value: float, run: Mapping[str, Any], trades: int) -> str:
    text = shown(one.figure, value)
    if one.figure == "win_rate":
        between = None if one.pair or one.tier else run.get("win_rate_95")
        text += f" of {trades}" + ("" if between is None else f" ({spread(between)})")
    if one.figure == "sharpe" and run.get("sharpe_95"):
        low, high = run["sharpe_95"]
        text += f" ({low:.1f} to {high:.1f})"
    return text


def shown(figure: str, value: float) -> str:
    """A figure as people read it."""
    if figure in SHARES:
        return f"{100 * value:{'+' if figure in SIGNED else ''}.{2 if abs(value) < 0.1 else 1}f} %"
    return f"{value:.2f}"


def spread(between: tuple[float, float]) -> str:
    """An interval of shares."""
    return f"{100 * between[0]:.0f} to {100 * between[1]:.0f} %"


def _verdict(one: Claim, value: float, trades: int) -> str:
    if one.figure in _OF_TRADES and trades < FEW:
        return f"too few trades to say ({trades})"
    reached = (one.low is None or value >= one.low) and (one.high is None or value <= one.high)
    return "holds" if reached else "does not hold"


def stale(run: Mapping[str, Any]) -> str:
    """What has changed since the run was measured, where it was not measured again."""
    return f". **Not measured again since:** {run['stale']}" if "stale" in run else ""


def _run(name: str, run: Mapping[str, Any]) -> str:
    coins = f"{run['coins']} coin" + ("s" if run["coins"] != 1 else "")
    span = f"{run['start']} to {run['end']}, {coins}, {run['rows']:,} rows"
    net = f"net {shown('net_share', run['net_share'])}{stale(run)}"
    return f"- `{name}`: `{run['command']}`; {span}, {run['trades']} trades, {net}"
