"""Writes the kernels of a sweep for one strategy: its features as columns, and its detector over them, bar after bar.

A detector that reads its records by name alone (`d["high"]`, `p["drop"]`) is written anew with plain numbers in their
place, so that the compiler compares several bars at once; the meaning stays, operation by operation.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import importlib
import inspect
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from tickerml.engine.detectors import ASKED, short_names
from tickerml.engine.plan import Fold
from tickerml.engine.wire import load
from tickerml.features.catalog import Use, resolve
from tickerml.tape.params import INST, params_dtype

_GIVEN: Final = {"p", "s", "row", "bar", "f", "i"}
_HEAD: Final = '''"""Made by tickerml for the sweep of one strategy; its name is the hash of this text."""

from tickerml.lab.sweep_kernels import mark, walk
from tickerml.tape.kernel import fold, kernel
'''
_COLUMNS: Final = '''

@kernel
def columns_{k}(p, s, f, to, x, rows, bars, i, low, high, first, last):
    """Fold rows low..high with the parameters first..last; x[to[n, j], t] = field j of fold n behind row low + t."""
    for n in range(first, last):
        for t in range(low, high):
            row = rows[t]
{calls}{stores}
'''
_SIGNALS: Final = '''

@kernel
def {name}(p, x, at, i, low, count, out, side):
    """out[t] = 1 where the detector asks, {when}; `side` of its setups."""
{hoisted}    for t in range(count):
        out[t] = {call} == 0
'''
_RUN: Final = '''

@kernel
def run(combos, p, at, x, i, base, width, step, bars, lowest, highest, enters, leaves, enter_words, leave_words,
        rules, fees, terms, log, logged, marks, first, last):
    """Follow combinations first..last through `width` bars from `base` on, `step` bars at a time."""
    for low in range(0, width, step):
        count = min(step, width - low)
        for k in range(first, last):
            entries(p[k], x, at[k], i, low, count, enters, combos[k]["side"])
            exits(p[k], x, at[k], i, low, count, leaves, combos[k]["side"])
            walk(combos[k], base + low, count, bars, lowest, highest, enters, leaves, enter_words, leave_words,
                 rules, fees, terms, log, logged)
            marks[k, (base + low) // step] = mark(combos[k], bars, base + low + count - 1, rules)
'''


@dataclass(frozen=True)
class Feature:
    """One fold module of a sweep with all parameters that some combination reads, each once."""

    module: ModuleType
    params: tuple[Any, ...]
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Reads:
    """What all combinations read: folds, and for each one the columns of its features in the order of `sees`."""

    features: tuple[Feature, ...]
    columns: tuple[tuple[int, int, str], ...]  # feature, number of its parameters, field
    at: tuple[tuple[int, ...], ...]  # by combination


def reads_of(strategies: Sequence[Any]) -> Reads:
    """Features of equal module, parameters and field are one column, whoever reads them. ConfigError as `resolve`."""
    modules: dict[str, dict[Any, int]] = {}
    fields: dict[str, dict[str, None]] = {}
    columns: dict[tuple[str, int, str], int] = {}
    at = []
    for strategy in strategies:
        mine = []
        for name in short_names(strategy.sees).values():
            use: Use = resolve(name)
            known = modules.setdefault(use.module, {})
            number = known.setdefault(use.params, len(known))
            fields.setdefault(use.module, {})[use.field] = None
            mine.append(columns.setdefault((use.module, number, use.field), len(columns)))
        at.append(tuple(mine))
    order = {name: k for k, name in enumerate(modules)}
    features = tuple(
        Feature(importlib.import_module(name), tuple(known), tuple(fields[name])) for name, known in modules.items()
    )
    return Reads(features, tuple((order[m], n, f) for m, n, f in columns), tuple(at))


def module_of(strategy: Any, reads: Reads) -> ModuleType:
    """The compiled kernels: `columns_0` ..., `entries`, `exits`, `run`."""
    return load(source(strategy, reads))


def source(strategy: Any, reads: Reads) -> str:
    """The text of the module for strategies of this class, whatever their parameters."""
    module = sys.modules[type(strategy).__module__]
    parts = [_HEAD, f"from {module.__name__} import detect\n"]
    parts += [
        _own_file(one)
        for one in {module.__name__: module, **{f.module.__name__: f.module for f in reads.features}}.values()
    ]
    imports, columns = zip(*(_columns(k, one) for k, one in enumerate(reads.features)), strict=True)
    flat = flat_detector(module.detect)
    names = list(short_names(strategy.sees))
    params = list(params_dtype(type(strategy)).names or ())
    parts += [*imports, flat.imports, flat.text, *columns]
    parts.append(_signals("entries", "nothing is held", flat, names, params, {}))
    held = {"held": "side", "mine": "side"}
    parts.append(_signals("exits", "while a trade of its own is held", flat, names, params, held))
    return "".join([*parts, _RUN])


def _own_file(module: ModuleType) -> str:
    """The hash of a module from outside: the cache is keyed by our own sources, and would not notice its change."""
    if module.__name__.startswith("tickerml.") or module.__file__ is None:
        return ""
    return f"# {module.__name__}: {hashlib.sha256(Path(module.__file__).read_bytes()).hexdigest()}\n"


def unfit(feature: ModuleType) -> str:
    """Why a fold cannot be computed from bars alone; empty when it can."""
    asked = {name for names in Fold(feature, None, {}).handlers().values() for name in names}
    if "on_value" in Fold(feature, None, {}).handlers():
        return f"{feature.__name__} reads values beside the bars"
    missing = sorted(asked - _GIVEN)
    return f"{feature.__name__} reads {', '.join(missing)}" if missing else ""


def _columns(k: int, feature: Feature) -> tuple[str, str]:
    handlers = Fold(feature.module, None, {}).handlers()
    given = {"p": "p[n]", "s": "s[n]", "f": "f[n]"}
    calls = ""
    for name in ("on_row", "on_bar"):
        if name in handlers:
            calls += '            bar = bars[row["ref"]]\n' if name == "on_bar" else ""
            calls += f"            {name}_{k}({', '.join(given.get(a, a) for a in handlers[name])})\n"
    stores = "".join(
        f'            if to[n, {j}] >= 0:\n                x[to[n, {j}], t - low] = f[n]["{field}"]\n'
        for j, field in enumerate(feature.fields)
    )
    found = ", ".join(f"{name} as {name}_{k}" for name in handlers)
    return f"from {feature.module.__name__} import {found}\n", _COLUMNS.format(k=k, calls=calls, stores=stores)


@dataclass(frozen=True)
class Flat:
    """A detector of plain numbers: its text, what that imports, and (record, field) of each argument."""

    imports: str
    text: str
    arguments: tuple[tuple[str, str], ...]


def flat_detector(detect: Any) -> Flat:
    """`detect` with a number for each field that it reads. ValueError where a record is used in another way."""
    function = getattr(detect, "py_func", detect)
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    (body,) = tree.body
    if not isinstance(body, ast.FunctionDef):
        raise ValueError("a detector is a function")
    records = [argument.arg for argument in body.args.args]
    rewritten = _Fields(records)
    body.body = [rewritten.visit(statement) for statement in body.body]
    body.name, body.decorator_list, body.returns = "asks", [ast.Name("fold", ast.Load())], None
    body.args.args = [ast.arg(f"{record}_{field}") for record, field in rewritten.found]
    ast.fix_missing_locations(tree)
    local = {node.id for node in ast.walk(body) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    used = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)} - local - {"fold"}
    used -= {argument.arg for argument in body.args.args}
    outside = sorted(name for name in used if not hasattr(builtins, name))
    imports = f"from {function.__module__} import {', '.join(outside)}\n" if outside else ""
    return Flat(imports, "\n\n" + ast.unparse(tree) + "\n", tuple(rewritten.found))


class _Fields(ast.NodeTransformer):
    """Turns p["drop"] into p_drop and notes it."""

    def __init__(self, records: Sequence[str]) -> None:
        self._records = set(records)
        self.found: dict[tuple[str, str], None] = {}

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """A field of a record, or something else that is left alone."""
        named = isinstance(node.value, ast.Name) and node.value.id in self._records
        if not named:
            return self.generic_visit(node)
        record, key = node.value.id, node.slice  # type: ignore[attr-defined]  # `named` has looked
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str) or not isinstance(node.ctx, ast.Load):
            raise ValueError(f"{record} is read by something other than a name")
        self.found[record, key.value] = None
        return ast.Name(f"{record}_{key.value}", ast.Load())

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A record that is passed on cannot be taken apart."""
        if node.id in self._records:
            raise ValueError(f"{node.id} is used whole")
        return node


def _signals(
    name: str, when: str, flat: Flat, names: Sequence[str], params: Sequence[str], told: Mapping[str, str]
) -> str:
    given, hoisted = [], ""
    for record, field in flat.arguments:
        if record == "p" and field in params:
            hoisted += f'    p_{field} = p["{field}"]\n'
            given.append(f"p_{field}")
        elif record == "d" and field in names:
            hoisted += f"    x_{field} = x[at[{names.index(field)}], low : low + count]\n"
            given.append(f"x_{field}[t]")
        elif record == "a" and field in (ASKED.names or ()):
            given.append(told.get(field, "1" if field == "traded" else "0"))
        elif record == "i" and field in (INST.names or ()):
            hoisted += f'    i_{field} = i["{field}"]\n'
            given.append(f"i_{field}")
        else:
            raise ValueError(f'the detector reads {record}["{field}"], which there is not')
    return _SIGNALS.format(name=name, when=when, hoisted=hoisted, call=f"asks({', '.join(given)})")
