"""How a run is made again: the command that repeats it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tickerml.config import Config, to_mapping
from tickerml.run.strategies import BUILT_IN
from tickerml.run.trials import SWEEP, TRIALS, ends_of, search_in
from tickerml.tape.finite_json import from_json
from tickerml.tape.rows import DAY, HOUR, MINUTE, SECOND


def command_of(manifest: Mapping[str, Any]) -> str:
    """The command line that makes the run again; `tickerml replay` for what only Python can start."""
    source, strategies = manifest["source"], [str(one["source"]) for one in manifest["strategies"]]
    if not source.get("spec") or not all(one in BUILT_IN or ".py" in one for one in strategies):
        return f"tickerml replay {manifest['run']}"
    words = _words(str(manifest["mode"]), strategies, manifest)
    for one in manifest["strategies"]:
        for key, value in (one.get("given") or {}).items():
            words += ["--param", f"{one['name']}.{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join(words)


def best_command(told: Mapping[str, Any], params: Sequence[str]) -> str:
    """The backtest of a parameter set that a search found, given as `--param` takes it; empty where there is none.

    `told`: the search's record.
    """
    source = str(told["strategy_source"])
    if not told["source"].get("spec") or not (source in BUILT_IN or ".py" in source):
        return ""
    words = _words("backtest", [source], told)
    return shlex.join([*words, *(word for one in params for word in ("--param", one))])


def search_command(folder: Path) -> str:
    """The command that shows the search in this folder again: all of its trials are on record, none is made twice.

    Empty where only Python can start it, or its record cannot be read.
    """
    try:
        told = json.loads((folder / SWEEP).read_text(encoding="utf-8"))
        lines = (folder / TRIALS).read_bytes().splitlines(keepends=True) if (folder / TRIALS).is_file() else []
        tried = [from_json(line)["params"] for line in lines if line.endswith(b"\n")]
        source = str(told["strategy_source"])
        if not told["source"].get("spec") or not (source in BUILT_IN or ".py" in source):
            return ""
        words = _words(search_in(folder), [source], told) + _asked(told, tried)
        return shlex.join([*words, *(["--exact"] if told["exact"] else []), "--run-dir", str(folder)])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _asked(told: Mapping[str, Any], tried: Sequence[Mapping[str, Any]]) -> list[str]:
    """The parameters of a search and how it went through them, as its command takes them."""
    if "grid" in told:
        names = list(told["grid"][0])
        return [word for name in names for word in ("--param", _listed(name, [one[name] for one in told["grid"]]))]
    asked = told.get("walkforward") or told["tune"]
    tuned = "tune" in told or asked["trials"] > 0
    words = []
    for name, space in asked["space"].items():
        ends = ends_of(space, [one[name] for one in tried]) if tuned else None
        words += ["--param", _listed(name, space) if ends is None else f"{name}={ends[0]!r}:{ends[1]!r}"]
    if "walkforward" in told:
        for name in ("train", "test", "step", "purge", "embargo"):
            words += [] if asked[name] is None else [f"--{name}", _duration(int(asked[name]))]
        words += ["--anchored"] if asked["anchored"] else []
    words += ["--trials", str(asked["trials"] if "walkforward" in told else max(1, len(tried)))]
    return [*words, "--by", str(asked["by"])]


def _listed(name: str, values: Sequence[Any]) -> str:
    words = [one if isinstance(one, str) else json.dumps(one) for one in dict.fromkeys(values)]
    return f"{name}={','.join(words)}"


def _duration(ns: int) -> str:
    """A span as it is typed: 60d, 12h, 30s; 0 for none."""
    units = (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND))
    return next((f"{ns // size}{name}" for name, size in units if ns and ns % size == 0), "0")


def _words(command: str, strategies: Sequence[str], manifest: Mapping[str, Any]) -> list[str]:
    source = manifest["source"]
    words = ["tickerml", command, "--source", str(source["spec"])]
    words += [word for one in strategies for word in ("-s", one)]
    words += [word for pair in manifest["pairs"] for word in ("-p", str(pair))]
    if source.get("format"):
        words += ["--format", str(source["format"])]
    if (source.get("options") or {}).get("venue"):
        words += ["--venue", str(source["options"]["venue"])]
    if source.get("timerange"):
        words += ["--timerange", span_of(source["timerange"])]
    words += ["--cash", str(manifest["cash"]), "--seed", str(manifest["seed"])]
    for key, value in _changed(manifest["config"], to_mapping(Config())):
        if key != "trading.initial_balance":
            words += ["--param", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return words


def span_of(span: Sequence[int | None] | None) -> str:
    """A span of time, ns, as `--timerange` takes it: milliseconds since 1970; empty for none."""
    return "-".join("" if at is None else str(at // 1_000_000) for at in span or ())


def _changed(config: Mapping[str, Any], default: Mapping[str, Any], path: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in config.items():
        name = f"{path}.{key}" if path else key
        before = default.get(key)
        if path == "" and isinstance(value, Mapping) and isinstance(before, Mapping):
            found += _changed(value, before, name)
        elif _plain(value) != _plain(before):
            found.append((name, _plain(value)))
    return found


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))
