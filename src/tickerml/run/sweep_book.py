"""The folder of a sweep: what was asked, every trial as it is done, and the result.

sweep.json says what was asked and what came out; trials.jsonl holds a line a trial, marks.f8 the equity of each in the
same order (float64, money above the start). A trial counts as done when both have it whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tickerml.lab.metrics import sharpe
from tickerml.run.sweep_ways import Trial
from tickerml.run.trials import MARKS, SWEEP, TRIALS
from tickerml.tape.errors import RunError
from tickerml.tape.finite_json import from_json, json_text


class SweepBook:
    """Trials on record, and a place for more. Used in a `with`."""

    def __init__(self, folder: Path, told: Mapping[str, Any], cash: Decimal) -> None:
        """`told`: what was asked, plain values. RunError `run-differs` when `folder` holds something else."""
        self.folder, self.told, self._cash = folder, from_json(json_text(told, default=str)), cash
        self.trials: list[dict[str, Any]] = []
        self._marks: list[NDArray[np.float64]] = []
        path = folder / SWEEP
        if path.is_file():
            before = from_json(path.read_text(encoding="utf-8"))
            if not _same({key: before.get(key) for key in self.told}, self.told):
                raise self._other("another sweep")
            self._read(str(before.get("way", "")))
        elif folder.exists() and any(folder.iterdir()):
            raise self._other("something that is no sweep")
        folder.mkdir(parents=True, exist_ok=True)
        self.write({})
        self._lines = (folder / TRIALS).open("a", encoding="utf-8")
        self._raw = (folder / MARKS).open("ab")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        self._raw.close()

    @property
    def marks(self) -> NDArray[np.float64]:
        """Money above the start, (trials, marks); no marks where arrays and the engine made them at other moments."""
        alike = len({len(one) for one in self._marks}) == 1
        return np.array(self._marks) if alike else np.zeros((len(self._marks), 0))

    def add(self, trial: Trial, params: Mapping[str, Any], **more: Any) -> None:
        """Record one trial, with `more` of what it was."""
        ratio = sharpe(np.diff(trial.marks, prepend=0.0)).plain
        line = {
            "number": trial.number,
            **more,
            "params": dict(params),
            "trades": trial.trades,
            "won": trial.won,
            "pnl": str(trial.pnl),
            "total_return": float(trial.pnl / self._cash),
            "sharpe_per_mark": None if ratio is None else round(ratio, 6),
            "fees": str(trial.fees),
            "max_drawdown": float(trial.worst / self._cash),
            "marks": len(trial.marks),
            "exact": trial.exact,
            "way": trial.way,
        }
        self._raw.write(trial.marks.astype("<f8").tobytes())
        self._raw.flush()
        self._lines.write(json_text(line) + "\n")
        self._lines.flush()
        self.trials.append(line)
        self._marks.append(trial.marks)

    def write(self, figures: Mapping[str, Any]) -> None:
        """Write sweep.json whole or not at all, with what is known of the result."""
        text = json_text({**self.told, **figures}, indent=1, default=str) + "\n"
        partial = self.folder / f"{SWEEP}.partial"
        partial.write_text(text, encoding="utf-8")
        partial.replace(self.folder / SWEEP)

    def _read(self, way: str) -> None:
        """Take over the trials that are whole; cut off what a broken write left. `way`: of those that do not say."""
        path, raw = self.folder / TRIALS, self.folder / MARKS
        text = path.read_bytes() if path.is_file() else b""
        marks = raw.read_bytes() if raw.is_file() else b""
        size = at = 0
        for line in text.splitlines(keepends=True):
            one = from_json(line) if line.endswith(b"\n") else None
            if one is None or at + 8 * one["marks"] > len(marks):
                break
            self._marks.append(np.frombuffer(marks, "<f8", one["marks"], at).astype(np.float64))
            self.trials.append({**one, "way": one.get("way", way)})
            at, size = at + 8 * one["marks"], size + len(line)
        if path.is_file():
            path.write_bytes(text[:size])
            raw.write_bytes(marks[:at])

    def _other(self, what: str) -> RunError:
        return RunError(
            "run-differs",
            f"{self.folder} holds {what}",
            means="nothing was changed",
            try_="name another folder with --run-dir, or leave it out",
        )


def _same(before: Any, now: Any) -> bool:
    """Whether a record is of what is asked now; older ones have a range {"low", "high"} as a list."""
    if isinstance(before, dict) and isinstance(now, dict):
        return before.keys() == now.keys() and all(_same(before[key], now[key]) for key in now)
    return bool(before == now or (isinstance(now, dict) and set(now) == {"low", "high"} and before == [*now.values()]))
