"""Why two runs may differ: the causes, what of each run's manifest belongs to them, and how one is taken over.

A cause is taken over by taking its part of the other run's manifest: what is then run is an ordinary run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tickerml.run.strategies import OF_BARS

DATA, LATENCY, QUEUE, FEES = "missed data", "latency", "queue", "fees"
SLIPPAGE, MARGIN, PARAMETERS, STRATEGY = "slippage", "margin and wallets", "parameters", "strategy code"
CAUSES: Final = (DATA, LATENCY, QUEUE, FEES, SLIPPAGE, MARGIN, PARAMETERS, STRATEGY)
"""In the order in which they are shown."""

_SECTIONS: Final = {"latency": LATENCY, "queue": QUEUE, "fees": FEES, "account": MARGIN}
_KEYS: Final = {
    ("superp", "cost"): FEES,
    ("trading", "slippage_model"): SLIPPAGE,
    ("trading", "slippage_bps"): SLIPPAGE,
    ("trading", "slippage_range"): SLIPPAGE,
    ("trading", "leverage"): MARGIN,
    ("account", "fee_in"): FEES,
    ("account", "fee_currency"): FEES,
    ("account", "fee_discount"): FEES,
}
_NO_PART: Final = {"exchanges", "synthetic", "model", "ledger"}  # sections that no run of a tape reads
_PLACES: Final = {  # read before the run is made
    *(("data", "store"), ("data", "runs"), ("trading", "initial_balance")),
    *(("manager", "strategies"), ("ml_microstructure", "enabled")),
}
_OF_RUN: Final = ("cash", "seed", "pairs")
_TOO: Final = ("turbo",)  # of a built-in strategy: what its section alone does not decide
_OF_PSC: Final = ("ml_microstructure", "psc_integration")
Manifest = Mapping[str, Any]


def differences(a: Manifest, b: Manifest) -> dict[str, tuple[str, ...]]:
    """Cause -> what differs, as people read it: "latency.entry_ms 10, 50". Data is compared by its content hash."""
    found: dict[str, list[str]] = {}
    for section, key in _keys(a, b):
        one, two = _setting(a, section, key), _setting(b, section, key)
        if one != two:
            found.setdefault(cause_of(section, key), []).append(told(f"{section}.{key}", one, two))
    for key in _OF_RUN:
        if a[key] != b[key]:
            found.setdefault(PARAMETERS, []).append(told(key, a[key], b[key]))
    for cause, text in _of_strategies(a, b):
        found.setdefault(cause, []).append(text)
    if _content(a) != _content(b) or a.get("rows") != b.get("rows"):
        found[DATA] = [told("source", a["source"]["title"], b["source"]["title"])]
    return {cause: tuple(dict.fromkeys(found[cause])) for cause in CAUSES if cause in found}


def cause_of(section: str, key: str) -> str:
    """The cause that a setting belongs to."""
    return _KEYS.get((section, key)) or _SECTIONS.get(section, PARAMETERS)


def taken_over(cause: str, b: Manifest, a: Manifest) -> dict[str, Any]:
    """Run b's manifest with one cause as it was in run a."""
    config = {name: dict(section) for name, section in b["config"].items()}
    for section, key in _keys(a, b):
        if cause_of(section, key) == cause:
            config.setdefault(section, {})[key] = _setting(a, section, key)
    mixed = {**b, "config": config}
    if cause == PARAMETERS:
        mixed |= {key: a[key] for key in _OF_RUN}
    if cause == DATA:
        mixed |= {"source": a["source"], "bar_only": a["bar_only"], "rows": a.get("rows")}
    mixed["strategies"] = _strategies(cause, b["strategies"], a["strategies"])
    return mixed


def _strategies(cause: str, mine: list[Manifest], others: list[Manifest]) -> list[dict[str, Any]]:
    by_source = {one["source"]: one for one in others}
    told = others if cause == STRATEGY else mine
    if cause == PARAMETERS:
        told = [by_source.get(one["source"], one) for one in mine]
    return [{**one, "params": _params(one)} for one in told]


def _params(one: Manifest, too: Iterable[str] = ()) -> dict[str, Any]:
    """Those that the strategy is made from: one with a section of the settings takes its parameters from there."""
    source = str(one["source"])
    own = source == "quoter" or (":" in source and ".py" not in source)
    return {k: v for k, v in one["params"].items() if own or k in _TOO or k in (*(one.get("given") or {}), *too)}


def _of_strategies(a: Manifest, b: Manifest) -> Iterator[tuple[str, str]]:
    one, two = ([s["source"] for s in m["strategies"]] for m in (a, b))
    if one != two:
        yield STRATEGY, told("strategies", named(a), named(b))
    params = {s["source"]: s for s in a["strategies"]}
    for s in b["strategies"]:
        before = params.get(s["source"])
        if before is None:
            continue
        given = [*(before.get("given") or {}), *(s.get("given") or {})]
        first, second = _params(before, given), _params(s, given)
        yield from ((PARAMETERS, text) for text in param_differences(s["name"], first, second))
        if a.get("code", {}).get(s["source"]) != b.get("code", {}).get(s["source"]):
            yield STRATEGY, f"the code of {s['name']} was changed between the runs"


def param_differences(name: str, one: Manifest, two: Manifest) -> Iterator[str]:
    """The parameters of one strategy that differ, as people read them."""
    for key in dict.fromkeys((*one, *two)):
        if one.get(key) != two.get(key):
            yield told(f"{name}.{key}", one.get(key), two.get(key))


def named(manifest: Manifest) -> str:
    """The strategies of a run: "dca+swing"."""
    return "+".join(str(one["name"]) for one in manifest["strategies"])


def _keys(a: Manifest, b: Manifest) -> Iterator[tuple[str, str]]:
    """Every setting that could make a difference: sections of strategies only where one of the runs has it."""
    used = {str(one["source"]) for m in (a, b) for one in m["strategies"]}
    psc = "psc" in used
    for section in dict.fromkeys((*a["config"], *b["config"])):
        if section in _NO_PART or (section in OF_BARS and section not in used) or (section in _OF_PSC and not psc):
            continue
        held = (m["config"].get(section, {}) for m in (a, b))
        for key in dict.fromkeys(key for one in held for key in one):
            if (section, key) not in _PLACES:
                yield section, key


def _setting(manifest: Manifest, section: str, key: str) -> Any:
    return manifest["config"].get(section, {}).get(key)


def _content(manifest: Manifest) -> Any:
    return manifest["source"].get("content_hash")


def told(name: str, one: Any, two: Any) -> str:
    """A setting with what it is in the first run and in the second."""
    return f"{name} {_shown(one)} -> {_shown(two)}"


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or "all"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
