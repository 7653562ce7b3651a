"""Backtest: folds and the simulated venue over a stored tape, as fast as they go."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from tickerml.config import Config
from tickerml.run.drive import job_of, record
from tickerml.run.finish import finished
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
) -> Run:
    """Trade `tape` from its first row to its last; the run's folder holds all that is needed to make it again."""
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
    record(job, sync_orders=False)
    return finished(job)
