"""What a run is made of: which folds, which strategies, which models of the venue. wire.py turns it into code."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from tickerml.engine.detectors import Detector
from tickerml.features.catalog import Use, resolve

HANDLERS = ("on_row", "on_bar", "on_value")
ACROSS = "across"


@dataclass(frozen=True)
class Fold:
    """One fold of a run: its module, its parameters, and under which names its fields are seen."""

    module: ModuleType
    params: Any
    fields: dict[str, str]  # name seen -> field of the fold

    def handlers(self) -> dict[str, tuple[str, ...]]:
        """The handlers that the module has, with the names of what each asks for.

        A handler of a fold that has `across` says True when it has news for other instruments: then `across` is called,
        which may ask for the states and fields of all of them.
        """
        found = {}
        for name in (*HANDLERS, ACROSS):
            function = getattr(self.module, name, None)
            if function is not None:
                found[name] = _asked(getattr(function, "py_func", function))
        return found

    @property
    def at_ends(self) -> bool:
        """Whether `on_row` has no use for rows inside a message, other than prints and clocks."""
        return bool(getattr(self.module, "AT_ENDS", False))

    def output(self) -> np.dtype[np.void]:
        """Record of the fold's own output fields, all f8."""
        return np.dtype([(name, "f8") for name in self.module.FIELDS])


@lru_cache
def _asked(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


@dataclass(frozen=True)
class Plan:
    """The folds of a run in the order they are called, and the modules that the simulated venue is made of."""

    folds: tuple[Fold, ...] = ()
    queue: str = "tickerml.sim.queue.log_probability"
    latency: str = "tickerml.sim.latency.constant"
    fees: str = "tickerml.sim.fees.flat"
    quoter: str = ""  # module of a compiled strategy, if the run has one
    compiled_owner: int = -1  # its number among the strategies
    triggers: bool = True  # stops, targets, SuperP: left out of the compiled venue when nobody sends them
    taking: bool = True  # orders that may take; without it the venue knows post-only limit orders alone
    bars: bool = True  # instruments without an order book
    values: bool = True  # funding and mark prices
    balance: bool = True  # the venue checks balances
    amend: bool = False  # live orders may be changed (Op.AMEND)
    margin: bool = False  # margin tiers, isolated margin, hedge mode, liquidation
    wallets: bool = False  # spot wallets, fees in base or a third currency
    marks: bool = True  # excursions and feed latency are followed row by row
    watch: bool = False  # a desk asks what the market has been like (engine/watch.py)
    large_trades: bool = False  # a large print wakes a strategy
    detectors: tuple[Detector, ...] = ()  # of Python strategies that have one
    alone: Mapping[int, bool] = field(default_factory=dict)  # by group: detectors decide alone whether Python acts

    @property
    def columns(self) -> dict[str, tuple[int, str]]:
        """Name seen -> (number of the fold, its field)."""
        return columns_of(self.folds)


def columns_of(folds: Iterable[Fold]) -> dict[str, tuple[int, str]]:
    """Name seen -> (number of the fold, its field)."""
    return {name: (k, f.fields[name]) for k, f in enumerate(folds) for name in f.fields}


def folds_for(names: Iterable[str]) -> tuple[Fold, ...]:
    """The fewest folds that give all `names`: one for each module and set of parameters, in order of first use."""
    found: dict[tuple[str, Any], tuple[Use, dict[str, str]]] = {}
    for name in names:
        use = resolve(name)
        if not use.module:
            continue  # of the run's own account: the view has it
        found.setdefault((use.module, use.params), (use, {}))[1][name] = use.field
    return tuple(Fold(importlib.import_module(use.module), use.params, fields) for use, fields in found.values())
