"""docs/strategies.md: rules and sources of each strategy from its own file, its defaults, its results on real data."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tools.claims import shown, spread, stale

from tickerml.config.schema import Setting, sections, settings
from tickerml.views.words import spoken

STRATEGIES = {
    "psc": ("psc psc_ratio psc_confidence psc_score psc_windows", ("ml_microstructure", "psc_integration", "superp")),
    "dca": ("dca", ("dca",)),
    "swing": ("swing", ("swing",)),
    "channel": ("channel", ("channel",)),
    "five_signal": ("five_signal", ("five_signal",)),
}
SOURCES = {"psc": 0, "dca": 1, "swing": 1, "channel": 1, "five_signal": 4}  # number of the system in docs/claims.md
RESULTS = {
    "psc": ("psc_minutes", "psc_relative"),
    **{name: (f"{name}_spot", f"{name}_perp", f"{name}_weeks") for name in ("dca", "swing", "channel")},
    "five_signal": ("five_signal_nexo", "five_signal_nexo_large"),
}
NOT_RUN = {
    "five_signal": "The only book that was recorded for long enough is of a spot market, which has no leverage. Books"
    " of BTC and ETH futures were recorded for 11 minutes; the fit of this strategy needs 100.",
}
TOGETHER = ("rules_spot", "rules_perp")
_SEED = re.compile(r"\bseed 00([0-4])\b")  # the number of a source description, which lies outside the repository
_SETTLED = re.compile(r"requirement [A-I]\d+ settles its contradictions")


def page(measured: Mapping[str, Any]) -> str:
    """The whole page."""
    parts = [
        "# Strategies\n\nMade from the source by `make docs`: rules and sources are the first lines of each strategy's"
        " file, results those of `tools/measure.py`. Every run is with the defaults, and no default was chosen on this"
        " data, so that all of it is out of sample. An interval is of 95 %; *twins* is the p-value of null twins: how"
        " many of the same runs on bars without an edge did as well. With 19 twins no p is below 0.05, so that such a"
        " run can be shown to be no better than chance, and not to be better: the long runs have 19, because each twin"
        " costs a run, the others 20. Books have none: twins are made of bars. A run that has lost a fifth"
        " is stopped for good by"
        " the desk (docs/limits.md). docs/claims.md holds results against promises.\n"
    ]
    parts += [_strategy(name, measured) for name in STRATEGIES]
    parts.append("## DCA, Swing and Channel under one manager\n\nAs the source has it: 1,000 of money, 40 / 30 / 30.\n")
    parts.append("\n".join(_results(TOGETHER, measured)))
    return "\n".join(parts).rstrip() + "\n"


def _strategy(name: str, measured: Mapping[str, Any]) -> str:
    modules, held = STRATEGIES[name]
    files = [importlib.import_module(f"tickerml.strategies.{module}") for module in modules.split()]
    text = followed("\n\n".join(inspect.cleandoc(one.__doc__ or "") for one in files))
    head = f"## {name}\n\nFrom system {SOURCES[name]} of docs/claims.md.\n\n```text\n{text}\n```\n"
    rows = "\n".join(_default(section, one) for section in held for one in settings(sections()[section]).values())
    table = f"| key | default | unit and meaning |\n|---|---|---|\n{rows}\n"
    made = "\n".join(_results(RESULTS[name], measured))
    more = f"\n{NOT_RUN[name]}\n" if name in NOT_RUN else ""
    return f"{head}\n### Defaults\n\n{table}\n### Results\n\n{made}{more}"


def followed(text: str) -> str:
    """A strategy's text with its sources named so that a reader of the repository can follow them."""
    told = _SEED.sub(lambda found: f"the source description of system {found[1]} in docs/claims.md", text)
    return _SETTLED.sub("where it contradicts itself, what is said above holds", told)


def _default(section: str, one: Setting) -> str:
    return f"| `{section}.{one.name}` | `{one.shown}` | {one.comment} |".replace("``", "")


def _results(names: tuple[str, ...], measured: Mapping[str, Any]) -> Iterator[str]:
    yield "| run | span | trades | won | net (95 %) | holding | Sharpe, deflated | worst fall | twins |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name in names:
        yield _result(name, measured.get(name))
    yield ""
    known = [name for name in names if name in measured]
    for name in known:
        run = measured[name]
        yield f"- `{name}`: `{run['command']}`{_refused(run)}{stale(run)}"
    yield ""


def _refused(run: Mapping[str, Any]) -> str:
    """What the desk refused most: a run that fell by a fifth is stopped for good."""
    told = ", ".join(f"{spoken(reason)} {n:,}" for reason, n in run["refusals"].items())
    return f"; refused: {told}" if told else ""


def _result(name: str, run: Mapping[str, Any] | None) -> str:
    if run is None:
        return f"| `{name}` | not measured yet | | | | | | | |"
    net = shown("net_share", run["net_share"])
    if run["net_95"] is not None:
        low, high = (100 * edge / run["cash"] for edge in run["net_95"])
        net += f" ({low:+.1f} to {high:+.1f} %)"
    won = "-" if run["win_rate"] is None else shown("win_rate", run["win_rate"])
    won += "" if run["win_rate_95"] is None else f" ({spread(run['win_rate_95'])})"
    sharpe = "-" if run["sharpe"] is None else f"{run['sharpe']:.2f}, {run['deflated_sharpe'] or 0:.2f}"
    twins = "none: books" if run["null_twin_p"] is None else f"{run['null_twin_p']:.2f} of {run['twins']}"
    fall = "-" if run["max_drawdown"] is None else shown("max_drawdown", run["max_drawdown"])
    hold = "-" if run["hold"] is None else f"{100 * run['hold']:+.1f} %"
    coins = f"{run['start']} to {run['end']}, {run['coins']} coin{'' if run['coins'] == 1 else 's'}"
    return f"| `{name}` | {coins} | {run['trades']} | {won} | {net} | {hold} | {sharpe} | {fall} | {twins} |"
