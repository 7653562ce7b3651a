"""Paper: the same folds and the same simulated venue, over a recorded tape at its own pace or a live feed of rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from tickerml.config import Config
from tickerml.engine.machine import pieces
from tickerml.run.drive import job_of, record
from tickerml.run.finish import finished
from tickerml.run.publish import publishing
from tickerml.run.result import Run
from tickerml.tape.block import Block, cut
from tickerml.tape.progress import Progress
from tickerml.tape.tape import Tape

_STEP = 2048  # rows between two looks at the clock


def paper(
    strategy: str | object | Sequence[str | object],
    tape: Tape,
    *,
    config: Config,
    cash: Decimal | None = None,
    seed: int = 0,
    run_dir: Path | None = None,
    pairs: Sequence[str] = (),
    speed: str = "max",
    progress: Progress | None = None,
    source: dict[str, Any] | None = None,
    ledger: bool | None = None,
    metrics: int | None = None,
) -> Run:
    """Paper trade `tape`; a run that was broken off goes on where its journal ends, without sending an order twice.

    `metrics`: a port of the loopback address where Prometheus finds the run while it goes on (0 = any free one); None =
    nothing listens. ConfigError `metrics-port`.
    `speed` "1x" waits for each row's receive time to come round again, counted from the first row.
    """
    job = job_of(
        strategy,
        tape,
        config=config,
        cash=cash,
        seed=seed,
        run_dir=run_dir,
        mode="paper",
        pairs=tuple(pairs),
        source=source,
        progress=progress,
        ledger=ledger,
    )
    pace = at_market_pace if speed == "1x" else None
    if metrics is None:
        record(job, sync_orders=True, pace=pace)
    else:
        with publishing(job.folder, metrics, progress) as published:
            record(replace(job, progress=published), sync_orders=True, pace=pace)
    return finished(job)


def at_market_pace(blocks: Iterator[Block], waiting: Callable[[], bool], start: int | None) -> Iterator[Block]:
    """Hold each row back until as much time has passed since the start as lies between it and `start` (ns).

    None = the first row. What a time range repeats of the time before it comes at once. `waiting` is called at least
    20 times a second; the rows end when it returns True.
    """
    began = first = 0
    for block in pieces(blocks, _STEP):
        at = 0
        while at < len(block):
            now = time.monotonic_ns()
            if not began:
                began, first = now, start or int(block.rows["recv"][0])
            due = int(np.maximum.accumulate(block.rows["recv"]).searchsorted(first + now - began, side="right"))
            if due > at:
                yield block if (at, due) == (0, len(block)) else cut(block, at, due)
                at = due
                continue
            if waiting():
                return
            time.sleep(min(0.05, (int(block.rows["recv"][at]) - first - now + began) / 1e9))
