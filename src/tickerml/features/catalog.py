"""From the name that a strategy writes in `sees` to the fold, its parameters and the field.

A name is a field, arguments in parentheses, and a part after a dot: `ofi`, `ofi(30s)`, `vpin(n=20, bucket=5)`,
`depth_imbalance(5)` = the field depth_imbalance_5, `bar(1m).close` = the field bar_close of `bars` at one minute.
Arguments without a name fill the fold's parameters in order; spans of time are written "250ms", "30s", "5m", "4h",
"1d", and "1M" is a calendar month. Folds are found by looking through this folder for modules with FIELDS.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import json
import pkgutil
import re
from dataclasses import asdict, dataclass, fields
from functools import cache
from types import ModuleType
from typing import Any, Final

import tickerml.features as room
from tickerml.features import own
from tickerml.features.own import OWN
from tickerml.features.sets import SETS, set_of
from tickerml.tape.errors import ConfigError
from tickerml.tape.params import ParamField, describe, params_record, span_ns
from tickerml.tape.rows import DAY, HOUR, MILLISECOND, MINUTE, SECOND

_NAME: Final = re.compile(r"\s*(\w+)\s*(?:\(([^()]*)\))?\s*(?:\.\s*(\w+))?\s*")


@dataclass(frozen=True, slots=True)
class Use:
    """One feature that somebody reads. Uses with the same module and parameters share one state."""

    module: str  # importable: "tickerml.features.flow"; "" = of the run's own account
    params: Any  # an instance of the module's Params; None there
    field: str  # of the module's FIELDS, or of OWN


@cache
def families() -> dict[str, ModuleType]:
    """Every fold of this folder by its module's name, in alphabetical order."""
    found = {}
    for info in pkgutil.iter_modules(room.__path__):
        module = importlib.import_module(f"{room.__name__}.{info.name}")
        if hasattr(module, "FIELDS"):
            found[info.name] = module
    return found


@cache
def owners() -> dict[str, ModuleType]:
    """Which fold each field belongs to; a field is in one fold only."""
    return {field: module for module in families().values() for field in module.FIELDS}


@cache
def resolve(name: str) -> Use:
    """The fold, parameters and field that `name` means.

    Raises ConfigError: `feature-unknown` (with the nearest names), `feature-argument` for arguments that do not fit,
    and what `params_record` raises for values out of range.
    """
    if name in OWN:
        return Use("", None, name)
    match = _NAME.fullmatch(name)
    if match is None:
        raise ConfigError(
            "feature-unknown", f'"{name}" is not a feature\'s name', key=name, try_="ofi, ofi(30s), bar(1m).close"
        )
    head, inside, part = match[1], match[2] or "", match[3]
    arguments = [a.strip() for a in inside.split(",") if a.strip()]
    field = f"{head}_{part}" if part else head
    if arguments and f"{field}_{arguments[0]}" in owners():
        field = f"{field}_{arguments.pop(0)}"
    if field not in owners():
        raise _unknown(name, field)
    module = owners()[field]
    params = module.Params(**_values(name, module, arguments))
    params_record(params)  # its ranges are checked now, not when the engine starts
    return Use(module.__name__, params, field)


def definition(name: str) -> str:
    """SHA-256 of what the members of a set mean now; equal to its `hash` for as long as nothing has changed."""
    meant = []
    for one in set_of(name).names:
        use = resolve(one)
        stated = importlib.import_module(use.module).FIELDS if use.module else OWN
        meant.append([one, use.module, use.field, asdict(use.params) if use.module else {}, stated[use.field]])
    return hashlib.sha256(json.dumps(meant, sort_keys=True).encode()).hexdigest()


def _unknown(name: str, field: str) -> ConfigError:
    shown = {re.sub(r"_(\d+\w*)$", r"(\1)", f): None for f in owners()} | dict.fromkeys(owners())
    near = difflib.get_close_matches(field, list(shown), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "see docs/features.md for all names"
    return ConfigError(
        "feature-unknown", f'no feature is called "{name}"', key=name, means=hint, try_=near[0] if near else ""
    )


def _values(name: str, module: ModuleType, arguments: list[str]) -> dict[str, object]:
    known = {f.name: f for f in describe(module.Params)}
    order = [f.name for f in fields(module.Params)]
    values: dict[str, object] = {}
    for place, argument in enumerate(arguments):
        key, equals, text = argument.partition("=")
        if not equals:
            key, text = (order[place] if place < len(order) else ""), argument
        key = key.strip()
        if key not in known or key in values:
            takes = ", ".join(order) or "no arguments"
            raise ConfigError("feature-argument", f'"{name}": {argument} does not fit; it takes {takes}', key=name)
        values[key] = _value(name, known[key], text.strip())
    return values


def _value(name: str, field: ParamField, text: str) -> object:
    if field.type.startswith("one of") or field.type == "name":
        return text
    span = span_ns(text) if field.type == "int" else None
    try:
        number = float(text) if span is None else span
    except ValueError:
        raise ConfigError(
            "feature-argument", f'"{name}": {field.name} = {text} is no number or span of time', key=name
        ) from None
    return int(number) if field.type == "int" and number == int(number) else number


def table() -> str:
    """All features as the Markdown of docs/features.md."""
    lines = [
        "# Features",
        "",
        "Made by `python -m tickerml.features.catalog`; a test checks that it is current. A feature is read by its",
        "name; parameters go in parentheses: `ofi(30s)`, `depth_imbalance(5)`, `bar(1m).close`. NaN means unavailable,",
        "never zero. Time is receive time, except in bars.",
        "",
        "Indicators of bars take a `timeframe`: `rsi(14, 1h)`, `atr(timeframe=5m)`. Without one they are of the",
        "source's own bars: of 5m bars on a 5m candle tape, of 1m bars on a 1m one and where bars are made of prints.",
        "All timeframes can be read side by side. Longer bars are made as `bars` says; a hole in the source is bars of",
        "volume 0.",
    ]
    for name, module in families().items():
        text = (module.__doc__ or "").strip()
        title, _, body = text.partition("\n")
        lines += ["", f"## {name}: {title}", "", body.strip(), "", "| feature | unit | formula |", "|---|---|---|"]
        lines += [f"| `{field}` | {unit.strip()} | {_cell(formula)} |" for field, unit, formula in _fields(module)]
        params = describe(module.Params)
        if params:
            lines += ["", "| parameter | default | range | unit and meaning |", "|---|---|---|---|"]
            lines += [f"| `{p.name}` | {_amount(p, p.default)} | {_range(p)} | {_cell(p.comment)} |" for p in params]
    lines += ["", "## own: The run's own account", "", (own.__doc__ or "").split("\n\n", 1)[1].strip(), ""]
    lines += ["| feature | unit and meaning |", "|---|---|", *(f"| `{k}` | {_cell(v)} |" for k, v in OWN.items())]
    return "\n".join([*lines, *_sets()]) + "\n"


def _sets() -> list[str]:
    lines = [
        "",
        "## Sets",
        "",
        "Named and versioned; a name stands for its members in `sees`, in `tape.columns` and in",
    ]
    lines += ["`manager.features`. A set never changes: a changed definition is a new version.", ""]
    lines += ["| set | what it is for | members |", "|---|---|---|"]
    for name, one in SETS.items():
        lines.append(f"| `{name}` | {one.about} | {', '.join(f'`{m}`' for m in one.names)} |")
    return lines


def _fields(module: ModuleType) -> list[tuple[str, str, str]]:
    return [(field, *text.split(";", 1)) for field, text in module.FIELDS.items()]


def _cell(text: str) -> str:
    return text.strip().replace("|", "\\|")


def _range(p: ParamField) -> str:
    if p.range is None:
        return p.type.removeprefix("one of ") if p.type.startswith("one of") else "any"
    return f"{_amount(p, p.range.low)} to {_amount(p, p.range.high)}"


def _amount(p: ParamField, value: float | str) -> str:
    """A number in the words of its unit: spans of time as they are typed."""
    if isinstance(value, str):
        return value
    if p.comment.startswith("ns;") and value:
        for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MILLISECOND)):
            if value % size == 0:
                return f"{value / size:g}{unit}"
    return f"{value:,}"


if __name__ == "__main__":
    import sys

    sys.stdout.write(table())
