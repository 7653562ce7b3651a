"""Writes the one loop for a choice of folds: a short readable module that imports them and calls them in order.

The module lies in the kernel folder under the hash of its text, so numba's cache finds it again in the next process,
and is imported by name (loaded by file location, its cache would fail in the second process).
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

from tickerml.engine import detectors, leave_text, text
from tickerml.engine.plan import ACROSS, Fold, Plan
from tickerml.sim.template import venue_source, with_parts
from tickerml.tape.kernel_cache import kernel_folder


def module_for(plan: Plan) -> ModuleType:
    """The compiled loop of a plan: `fold_rows`, `advance` and `leave`, ready to call."""
    return load(source(plan))


def load(source_text: str) -> ModuleType:
    """Import generated text by name, writing it first if it is new."""
    name = "tickerml_loop_" + hashlib.sha256(source_text.encode()).hexdigest()[:16]
    folder = kernel_folder() / "generated"
    path = folder / f"{name}.py"
    if not path.exists():
        _write(path, source_text)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()
    return importlib.import_module(name)


def _write(path: Path, source_text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(source_text, encoding="utf-8")
    partial.replace(path)  # two processes may write the same text at once
    importlib.invalidate_caches()


def source(plan: Plan) -> str:
    """The text of the module for `plan`: research and trading alike, so a research pass folds what will trade."""
    names = [name for k in range(len(plan.folds)) for name in (f"p{k}", f"s{k}", f"f{k}")]
    watches = ["watches"] if plan.watch else []
    states = ", ".join([*names, *watches, *detectors.arguments(plan.detectors), "qp"])
    optional = {"amend": plan.amend, "margin": plan.margin, "wallets": plan.wallets}
    parts = [
        with_parts(text.HEAD, watch=plan.watch, **optional),
        *(f"from {f.module.__name__} import {_imports(k, f)}\n" for k, f in enumerate(plan.folds)),
        f"from {plan.quoter.rsplit('.', 1)[0]} import {plan.quoter.rsplit('.', 1)[1]} as quoter\n"
        if plan.quoter
        else "",
        detectors.imports(plan.detectors),
        f"\nCOMPILED = {plan.compiled_owner}\n",
        _own_files(plan),
        _fold_rows(plan, states),
        venue_source(
            plan.queue,
            plan.latency,
            plan.fees,
            triggers=plan.triggers,
            taking=plan.taking,
            bars=plan.bars,
            values=plan.values,
            balance=plan.balance,
            **optional,
            volume=hasattr(importlib.import_module(plan.fees), "BY_VOLUME"),
        ),
        with_parts(text.SHOW, **optional, both=plan.margin and plan.wallets),
        leave_text.LEAVE,
        leave_text.QUOTE if plan.quoter else "",
        detectors.source(plan.detectors, plan.alone, states),
        with_parts(text.ADVANCE, **optional, quoter=bool(plan.quoter)).format(
            states=states, names=states, on_wake=_on_wake(plan, states)
        ),
    ]
    return "".join(parts)


def _on_wake(plan: Plan, states: str) -> str:
    """What a timer does: the compiled strategy quotes, detectors look, or Python acts."""
    indent = " " * (12 if plan.quoter else 8)
    python = text.ASK_FIRST.format(names=states, indent=indent) if plan.detectors else text.RETURN_TO_PYTHON
    if not plan.quoter:
        return f"{indent}{python}\n"
    return text.COMPILED_WAKE.format(else_=f"{indent}{python}" + ("\n            continue" if plan.detectors else ""))


def _own_files(plan: Plan) -> str:
    """The hash of each module from outside: the cache is keyed by our own sources, and would not notice its change."""
    names = [plan.queue, plan.latency, plan.fees, plan.quoter, *(fold.module.__name__ for fold in plan.folds)]
    names += [one.module for one in plan.detectors]
    own = [importlib.import_module(name) for name in sorted(set(names)) if name and not name.startswith("tickerml.")]
    files = [(one.__name__, Path(str(one.__file__))) for one in own]
    return "".join(f"# {name}: {hashlib.sha256(path.read_bytes()).hexdigest()}\n" for name, path in files)


def _imports(k: int, fold: Fold) -> str:
    return ", ".join(f"{handler} as {handler}_{k}" for handler in fold.handlers())


def _fold_rows(plan: Plan, states: str) -> str:
    """The research pass: what a plan has no use for is not in it."""
    hoisted = "".join(f"    p_{k} = p{k}[0]\n" for k in range(len(plan.folds)))
    body = "        marks.on_row(marks_[n], b, row)\n" if plan.marks else ""
    body += "        watch.on_row(watches[n], marks_[n], row)\n" if plan.watch else ""
    body += _calls(plan, "on_row", "        ", at_ends=False)
    seldom = _calls(plan, "on_row", "            ", at_ends=True)
    body += text.AT_ENDS.format(on_row=seldom) if seldom else ""
    on_bar = "            marks.on_bar(marks_[n], bar)\n" if plan.marks else ""
    on_bar += "            watch.on_bar(watches[n], marks_[n], row, insts[n])\n" if plan.watch else ""
    on_bar += _calls(plan, "on_bar", "            ")
    body += text.BARS.format(on_bar=on_bar) if plan.bars and on_bar else ""
    on_value = "            watch.on_value(watches[n], marks_[n], row, value, insts[n])\n" if plan.watch else ""
    on_value += _calls(plan, "on_value", "            ")
    body += text.VALUES.format(on_value=on_value) if on_value else ""
    body += text.LARGE_TRADES if plan.large_trades else ""
    body += text.ALARMS if plan.marks else ""
    body += text.CALLED if plan.large_trades or plan.marks else ""
    return text.RESEARCH.format(states=states, params=hoisted.rstrip("\n"), on_row=body.rstrip("\n"))


def _calls(plan: Plan, handler: str, indent: str, *, at_ends: bool | None = None) -> str:
    """Calls of this handler; with `at_ends` those of the folds that say so, or of the others."""
    lines = []
    for k, fold in enumerate(plan.folds):
        asked = fold.handlers().get(handler)
        if asked is not None and at_ends in (None, fold.at_ends):
            call = _call(k, handler, asked)
            across = fold.handlers().get(ACROSS)
            lines.append(f"{indent}{call}\n" if across is None else f"{indent}if {call}:\n")
            lines.append("" if across is None else f"{indent}    {_call(k, ACROSS, across)}\n")
    return "".join(lines)


def _call(k: int, handler: str, asked: tuple[str, ...]) -> str:
    """The call of one handler of fold `k`: the names it asks for say what it is given."""
    given = {"p": f"p_{k}", "s": f"s{k}[n]", "f": f"f{k}[n]", "i": "insts[n]", "ss": f"s{k}", "fs": f"f{k}"}
    return f"{handler}_{k}({', '.join(given.get(name, name) for name in asked)})"
