"""Trials on record for a source: runs and parameter sets of sweeps whose results were there before this one's.

An honest p-value and Sharpe ratio must be corrected for them; they are found beside the run's folder.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tickerml.lab.bootstrap import sharpe_ratio
from tickerml.lab.sharpe import trials_variance
from tickerml.tape.rows import DAY

SWEEP: Final = "sweep.json"
"""What a sweep's folder holds in the place of a run's run.json."""
TRIALS: Final = "trials.jsonl"
"""Beside it: a line for each parameter set that was tried."""
MARKS: Final = "marks.f8"
"""And the equity of each in the same order: float64, money above the start, at equal steps."""
ENOUGH: Final = 10  # ratios on record, below which their variance says nothing


@dataclass(frozen=True, slots=True)
class Record:
    """How many trials there were, the run itself included, and the variance of the others' Sharpe ratios per day."""

    count: int
    variance: float | None  # None with fewer than ten ratios on record


def trials_on_record(folder: Path, content_hash: str, span: int) -> Record:
    """Trials on the source of the run in `folder`, which is `span` ns long. A run is one, so is each set of a sweep."""
    count, ratios = 1, list[float]()
    for path in folder.parent.glob("*/run.json"):
        if path.parent != folder and (_read(path).get("source") or {}).get("content_hash") == content_hash:
            count += 1
            ratios += _of_run(path.with_name("summary.json"))
    for path in folder.parent.glob(f"*/{SWEEP}"):
        if _read(path).get("content_hash") == content_hash:
            found = list(_of_sweep(path.parent, span / DAY))
            count += len(found)
            ratios += found
    return Record(count, trials_variance(ratios).plain if len(ratios) >= ENOUGH else None)


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
