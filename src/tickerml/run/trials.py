"""Trials on record for a source: runs and parameter sets of searches whose results were there before this one's.

An honest p-value and Sharpe ratio must be corrected for them; they are found beside the run's folder and in the folder
of runs, where searches leave theirs. Looking at the same result twice is no second trial.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tickerml.lab.bootstrap import sharpe_ratio
from tickerml.lab.sharpe import trials_variance
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import DAY

SWEEP: Final = "sweep.json"
"""What a sweep's folder holds in the place of a run's run.json."""
TRIALS: Final = "trials.jsonl"
"""Beside it: a line for each parameter set that was tried."""
MARKS: Final = "marks.f8"
"""And the equity of each in the same order: float64, money above the start, at equal steps."""
PLACES: Final = ("runs", "store")  # settings that say where things lie, not what is run
ASKED: Final = ("strategy", "strategy_source", "params", "cash", "seed", "pairs", "grid", "tune", "walkforward")
ENOUGH: Final = 10  # ratios on record, below which their variance says nothing


@dataclass(frozen=True, slots=True)
class Record:
    """How many trials there were, the run itself included, and the variance of the others' Sharpe ratios per day."""

    count: int
    variance: float | None  # None with fewer than ten ratios on record


def trials_on_record(manifest: Mapping[str, Any], folder: Path, runs: Path, span: int) -> Record:
    """Trials on the source of a run that is `span` ns long; `manifest` is its own, `runs` where searches are kept.

    A run is one trial, so is each set of a sweep. The same run once more (paper after its own backtest) is the same
    trial, and so is a search that was recorded twice.
    """
    source, places = manifest["source"]["content_hash"], _folders(folder, runs)
    known, ratios = {_run_key(manifest)}, list[float]()
    for place in places:
        told = _read(place / "run.json")
        key = _run_key(told) or str(place)
        if (told.get("source") or {}).get("content_hash") == source and key not in known:
            known.add(key)
            ratios += _of_run(place / "summary.json")
    count = len(known)
    for found in _searches(places, source, span / DAY):
        count += len(found)
        ratios += found
    return Record(count, trials_variance(ratios).plain if len(ratios) >= ENOUGH else None)


def in_sample(manifest: Mapping[str, Any], instruments: Iterable[Instrument], folder: Path, runs: Path) -> str:
    """Which searches on record have tried the run's own parameters on rows that it ran over; empty where none has.

    Such a run shows what was chosen from, not what it would do on other rows. `instruments`: those of its source.
    """
    coins = {(one.venue, one.raw) for one in instruments}
    found = []
    for place in _folders(folder, runs):
        told = _read(place / SWEEP)
        mine = [one for one in manifest["strategies"] if one["source"] == told.get("strategy_source")]
        if mine and _shares_rows(told, manifest["source"], coins):
            tried = _tried(place, told)
            if any(_are(one, params) for one in mine for params in tried):
                found.append(f"{place.name} ({len(tried):,} parameter sets)")
    return ", ".join(found)


def _shares_rows(told: Mapping[str, Any], source: Mapping[str, Any], coins: set[tuple[str, str]]) -> bool:
    """Whether a search and a run looked at rows of the same coins at the same time."""
    if told.get("content_hash") == source["content_hash"]:
        return True
    span = told.get("span") or {}  # a search that was broken off, or an older one, has none
    if span.get("start") is None or span.get("stop") is None:
        return False
    shared = coins & {(venue, raw) for venue, raw in span["instruments"]}
    return bool(shared) and bool(span["start"] <= source["end"] and source["start"] <= span["stop"])


def _tried(folder: Path, told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Parameters of each trial of a search that is whole on record."""
    path = folder / TRIALS
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    return [{**told["params"], **json.loads(one)["params"]} for one in lines if one.endswith(b"\n")]


def _are(strategy: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Whether a run's strategy had these parameters."""
    return all(strategy["params"].get(name) == value for name, value in params.items())


def search_in(folder: Path) -> str:
    """The search that a folder holds: "sweep", "tune" or "walkforward"; empty where it holds none."""
    if not (folder / SWEEP).is_file():
        return ""
    told = _read(folder / SWEEP)
    return next((name for name in ("walkforward", "tune") if name in told), "sweep")


def ends_of(space: Any, tried: Sequence[Any]) -> tuple[float, float] | None:
    """Both ends where the recorded space of a parameter is a range; None where it is a list of values.

    Older records have the ends as a list: one of two floats is a range, unless all values that were tried are in it.
    """
    if isinstance(space, Mapping):
        return float(space["low"]), float(space["high"])
    if len(space) != 2 or not all(isinstance(one, float) for one in space):
        return None
    listed = bool(tried) and all(isinstance(one, float) and one in space for one in tried)
    return None if listed else (space[0], space[1])


def _folders(folder: Path, runs: Path) -> list[Path]:
    """Every folder beside `folder` and in `runs`, each once and without itself, by name."""
    mine = folder.resolve()
    found = {one.resolve() for home in (folder.parent, runs) if home.is_dir() for one in home.iterdir() if one.is_dir()}
    return sorted(found - {mine}, key=lambda one: (one.name, str(one)))


def _run_key(told: Mapping[str, Any]) -> str:
    """What two runs on one source share that are one trial: what was asked, and each decision; empty where not known.

    Decisions alone would not do: limits and fees of the account make another result of the same ones.
    """
    if not told.get("decision_hash"):
        return ""
    chosen = [[one.get("name"), one.get("params")] for one in told.get("strategies") or ()]
    asked = [chosen, _config(told), *(told.get(name) for name in ("cash", "seed", "pairs", "decision_hash"))]
    return json.dumps(asked, sort_keys=True, default=str)


def _config(told: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, but for where things lie."""
    config = dict(told.get("config") or {})
    config["data"] = {name: one for name, one in (config.get("data") or {}).items() if name not in PLACES}
    return config


def _searches(places: Iterable[Path], source: str, days: float) -> Iterator[list[float]]:
    """The ratios of each search on this source; of those that asked for the same the one that tried most."""
    kept: dict[str, list[float]] = {}
    for place in places:
        told = _read(place / SWEEP)
        if told.get("content_hash") == source:
            asked = [_config(told), *(told.get(name) for name in ASKED)]
            key = json.dumps(asked, sort_keys=True) if told.get("strategy") else str(place)
            kept[key] = max(kept.get(key, []), list(_of_sweep(place, days)), key=len)
    yield from kept.values()


def _of_run(path: Path) -> list[float]:
    """Its Sharpe ratio per day; nothing where there was too little for one."""
    yearly = _read(path).get("sharpe")
    return [yearly / math.sqrt(365)] if isinstance(yearly, int | float) else []


def _of_sweep(folder: Path, days: float) -> Iterator[float]:
    """The Sharpe ratio per day of each trial; nan for one whose equity did not move."""
    tried, raw = folder / TRIALS, folder / MARKS
    lines = tried.read_bytes().splitlines(keepends=True) if tried.is_file() else []
    kept = np.frombuffer(raw.read_bytes(), np.uint8) if raw.is_file() else np.zeros(0, np.uint8)
    at = 0
    for line in lines:
        if not line.endswith(b"\n"):
            return  # broken off while it was written
        told = json.loads(line)
        size = 8 * int(told["marks"])
        mine = float(told.get("days", days))  # a trial of a walk-forward had one window of the source
        yield _ratio(kept[at : at + size].view("<f8") if at + size <= len(kept) else np.zeros(0), mine)
        at += size


def _ratio(marks: NDArray[np.float64], days: float) -> float:
    if len(marks) < 2 or days <= 0:
        return math.nan
    return float(sharpe_ratio(np.diff(marks, prepend=0.0)[None, :])[0]) * math.sqrt(len(marks) / days)


def _read(path: Path) -> dict[str, Any]:
    """A JSON object; empty where it is broken off, or no file of ours: then no result was seen."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
