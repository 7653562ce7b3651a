"""Backtest: folds and the simulated venue over a stored tape, as fast as they go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from tickerml.config import Config
from tickerml.run.drive import Job, job_of, record
from tickerml.run.finish import finished
from tickerml.run.leaks.check import check
from tickerml.run.leaks.found import Outcome, write_outcome
from tickerml.run.result import Run
from tickerml.tape.progress import Progress
from tickerml.tape.tape import Tape


def backtest(
    strategy: str | object | Sequence[str | object],
    tape: Tape,
    *,
    config: Config,
    cash: Decimal | None = None,
    seed: int = 0,
    run_dir: Path | None = None,
    pairs: Sequence[str] = (),
    progress: Progress | None = None,
    source: dict[str, Any] | None = None,
    ledger: bool | None = None,
    leaks: bool = True,
    twins: int | None = 0,
) -> Run:
    """Trade `tape` from its first row to its last; the run's folder holds all that is needed to make it again.

    `leaks`: judge afterwards whether its strategies look ahead (run/leaks), and keep the answer in the folder. `twins`:
    null twins to run beside it (run/null_twins.py); None = as many as the run's length allows.
    """
    job = job_of(
        strategy,
        tape,
        config=config,
        cash=cash,
        seed=seed,
        run_dir=run_dir,
        mode="backtest",
        pairs=tuple(pairs),
        source=source,
        progress=progress,
        ledger=ledger,
    )
    job = replace(job, looks=[] if leaks else None, twins=twins)
    manifest = record(job, sync_orders=False)
    write_outcome(job.folder, _judged(job, int(manifest["rows"]), float(manifest["seconds"])))
    return finished(job)


def _judged(job: Job, rows: int, seconds: float) -> Outcome:
    """Whether its strategies look ahead, or why that was not asked."""
    if job.looks is None:
        return Outcome(False, why="--no-leak-check")
    if job.progress is not None and job.progress.stop:
        return Outcome(False, why="the run was stopped")
    if job.progress is not None:
        job.progress(0, None, "look-ahead")
    try:
        return check(job.chosen, job.looks, job.tape, job.setting, rows=rows, run_seconds=seconds)
    except (Exception, SystemExit) as error:  # the user's code, on data that it was not written for
        return Outcome(False, why=f"{type(error).__name__}: {error}")
