"""Saves a run between two rows of its tape and restores it: the same bytes follow as without the break."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tickerml.tape.block import Block
from tickerml.tape.errors import RunError
from tickerml.tape.kernel_cache import kernel_hash

if TYPE_CHECKING:
    from tickerml.engine.machine import Machine

_TABLES = ("rows", "bars", "values")


def save(machine: Machine, path: Path, source_rows: int) -> None:
    """Write all that `machine` remembers after `source_rows` rows of its tape; whole or absent, and synced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    machine.hand_over()
    feed = machine.loop.feed
    head = {
        "kernel_hash": kernel_hash(),
        "source_rows": source_rows,
        "outbox": machine.outbox.state(),
        "states": list(machine.loop.states),
    }
    arrays = {f"state.{name}": machine.loop.states[name] for name in machine.loop.states}
    arrays["feed.rows"] = feed.rows[feed.start : feed.stop]
    arrays["feed.bars"], arrays["feed.values"] = feed.bars, feed.values
    waiting = machine.loop.waiting
    arrays |= {f"waiting.{name}": getattr(waiting, name) for name in _TABLES}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, head=json.dumps(head), **arrays)  # type: ignore[arg-type]  # stubs know no **dict
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        file.write(buffer.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def restore(machine: Machine, path: Path) -> int:
    """Fill a fresh `machine` from `path`; returns how many rows of the tape it has seen.

    RunError `snapshot` when other code or other folds saved it.
    """
    with np.load(path, allow_pickle=False) as saved:
        head: dict[str, Any] = json.loads(str(saved["head"]))
        if head["kernel_hash"] != kernel_hash():
            raise RunError("snapshot", f"{path.name} was saved by kernels {head['kernel_hash'][:6]}, not by this code")
        states = machine.loop.states
        if head["states"] != list(states):
            raise RunError("snapshot", f"{path.name} was saved by a run with other folds")
        for name in states:
            array = saved[f"state.{name}"]
            if array.dtype != states[name].dtype or array.shape != states[name].shape:
                raise RunError("snapshot", f'{path.name} holds another layout of "{name}"')
            states[name][...] = array
        feed = machine.loop.feed
        feed.rows, feed.bars, feed.values = (saved[f"feed.{name}"] for name in _TABLES)
        feed.start, feed.stop = 0, len(feed.rows)
        machine.loop.waiting = Block(**{name: saved[f"waiting.{name}"] for name in _TABLES})
    machine.outbox.restore(head["outbox"])
    machine.trader.restored()
    return int(head["source_rows"])
