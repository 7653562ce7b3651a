"""The simulated venue's models that the settings name: files of sim/queue, sim/latency, sim/fees, or a user's own."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

from tickerml.config import Config
from tickerml.run.own_file import module_of
from tickerml.tape.errors import ConfigError
from tickerml.tape.params import params_record
from tickerml.tape.rows import MILLISECOND


@dataclass(frozen=True)
class Models:
    """Module names for the generated loop, and their parameters."""

    queue: str
    latency: str
    fees: str
    params: tuple[Any, Any, Any]
    least: tuple[int, int]  # least entry and response latency, ns


def models_of(config: Config) -> Models:
    """Find the three models. ConfigError `model` (with the names there are), `model-param`."""
    latency = config.latency
    times = {
        f"{what}_ns": round(getattr(latency, f"{what}_ms") * MILLISECOND) for what in ("entry", "cancel", "response")
    }
    queue = _model("queue", config.queue.model, config.queue.params, {})
    delay = _model("latency", latency.model, latency.params, times)
    charge = _model(
        "fees", config.fees.model, config.fees.params, {"maker": config.fees.maker, "taker": config.fees.taker}
    )
    least = getattr(delay[0], "least", None)
    if least is not None:
        entry, response = least(delay[1])
    else:
        entry, response = 1, 1  # nothing is known of the model: the loop goes in the smallest steps
    return Models(
        queue[0].__name__, delay[0].__name__, charge[0].__name__, (queue[1], delay[1], charge[1]), (entry, response)
    )


def _model(kind: str, name: str, given: Mapping[str, float], defaults: Mapping[str, Any]) -> tuple[ModuleType, Any]:
    module = _own(kind, Path(name)) if name.endswith(".py") else _shipped(kind, name)
    takes = {f.name for f in fields(module.Params)}
    tables = {f.name for f in fields(module.Params) if isinstance(f.default, tuple)}
    unknown = sorted(set(given) - takes)
    if unknown:
        raise ConfigError(
            "model-param",
            f"{kind}.params.{unknown[0]}: the model {name} takes {', '.join(sorted(takes)) or 'no parameters'}",
            key=f"{kind}.params.{unknown[0]}",
        )
    params = module.Params(**{**{k: v for k, v in defaults.items() if k in takes - tables}, **given})
    params_record(params)
    return module, params


def _shipped(kind: str, name: str) -> ModuleType:
    package = importlib.import_module(f"tickerml.sim.{kind}")
    known = [i.name for i in pkgutil.iter_modules(package.__path__)]
    found = importlib.import_module(f"{package.__name__}.{name}") if name in known else None
    if found is None or not hasattr(found, "Params"):
        shown = [n for n in known if hasattr(importlib.import_module(f"{package.__name__}.{n}"), "Params")]
        raise ConfigError("model", f'{kind}.model "{name}" is not one of {", ".join(shown)}', key=f"{kind}.model")
    return found


def _own(kind: str, path: Path) -> ModuleType:
    """A user's own file."""
    if not path.is_file():
        raise ConfigError("model", f"{kind}.model: {path} does not exist", key=f"{kind}.model")
    module = module_of(path.resolve(), "model")
    if not hasattr(module, "Params"):
        raise ConfigError("model", f"{path} defines no Params", key=f"{kind}.model")
    return module
