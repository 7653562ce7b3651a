"""How a run is made again: the command that repeats it, and how many were made on its source before."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tickerml.config import Config, to_mapping
from tickerml.run.strategies import BUILT_IN

SWEEP: Final = "sweep.json"
"""What a sweep's folder holds in the place of a run's run.json."""
TRIALS: Final = "trials.jsonl"
"""Beside it: a line for each parameter set that was tried."""


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
        words += ["--timerange", "-".join("" if at is None else str(at // 1_000_000) for at in source["timerange"])]
    words += ["--cash", str(manifest["cash"]), "--seed", str(manifest["seed"])]
    for key, value in _changed(manifest["config"], to_mapping(Config())):
        if key != "trading.initial_balance":
            words += ["--param", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join(words)


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


def trials_of(folder: Path, content_hash: str) -> int:
    """Trials on record for a source, the run in `folder` included: what an honest p-value must be corrected for.

    A run is one trial; each parameter set of a sweep is one.
    """
    others = 0
    for path in folder.parent.glob("*/run.json"):
        if path.parent == folder:
            continue
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # broken off, or not a run of ours: no result was seen
        others += (kept.get("source") or {}).get("content_hash") == content_hash
    return 1 + others + sum(_swept(path, content_hash) for path in folder.parent.glob(f"*/{SWEEP}"))


def _swept(path: Path, content_hash: str) -> int:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0  # not a sweep of ours
    tried = path.with_name(TRIALS)
    if kept.get("content_hash") != content_hash or not tried.is_file():
        return 0
    return tried.read_bytes().count(b"\n")
