"""How a run is made again: the command that repeats it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from tickerml.config import Config, to_mapping
from tickerml.run.strategies import BUILT_IN


def command_of(manifest: Mapping[str, Any]) -> str:
    """The command line that makes the run again; `tickerml replay` for what only Python can start."""
    source, strategies = manifest["source"], [str(one["source"]) for one in manifest["strategies"]]
    if not source.get("spec") or not all(one in BUILT_IN or ".py" in one for one in strategies):
        return f"tickerml replay {manifest['run']}"
    words = ["tickerml", str(manifest["mode"]), "--source", str(source["spec"])]
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
    return shlex.join(words)


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
