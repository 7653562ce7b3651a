"""What the null twins of a run earned, in the run's folder: twins.npz."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tickerml.lab.chance import bands
from tickerml.lab.series import Floats, Times
from tickerml.views.story import Twins

FILE: Final = "twins.npz"
POINTS: Final = 200  # places in time at which a twin's equity is kept


@dataclass(frozen=True, eq=False, slots=True)
class Made:
    """What twins earned: money each, and equity over time as a share of the start, (twins, POINTS)."""

    nets: Floats
    time: Times
    curves: Floats

    def __len__(self) -> int:
        return len(self.nets)

    @property
    def twins(self) -> Twins | None:
        """As views show them: the net of each, and the band in which they lie. None where there are none."""
        return Twins(self.nets, self.time, *bands(self.curves)) if len(self) else None


def read_twins(folder: Path, manifest: Mapping[str, Any]) -> Made | None:
    """What the folder holds of this very run; None where it was made by other code or on other rows."""
    path = folder / FILE
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as kept:
        if str(kept["of"]) != _identity(manifest):
            return None
        return Made(kept["nets"], kept["time"], kept["curves"])


def keep_twins(folder: Path, manifest: Mapping[str, Any], made: Made) -> None:
    """Write them whole or not at all."""
    partial = folder / f"{FILE}.partial"
    with partial.open("wb") as file:
        np.savez_compressed(file, of=np.array(_identity(manifest)), nets=made.nets, time=made.time, curves=made.curves)
    partial.replace(folder / FILE)


def _identity(manifest: Mapping[str, Any]) -> str:
    """The run that twins are of."""
    source = manifest["source"].get("content_hash")
    return json.dumps([manifest.get("decision_hash"), source, manifest["kernel_hash"], manifest["seed"]])


def grid_of(manifest: Mapping[str, Any]) -> Times:
    """Times at which the equity of a run's twins is kept, from its first row to its last."""
    source = manifest["source"]
    return np.linspace(int(source["start"]), int(source["end"]), POINTS).astype(np.int64)
