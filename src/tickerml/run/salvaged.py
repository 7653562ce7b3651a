"""A run whose journal is damaged, saved as a run that was broken off at the damage: it replays, reports and goes on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tickerml.run.record import BEGUN, COUNTED, JOURNAL, MANIFEST, read_manifest, write_manifest
from tickerml.tape.errors import InputError
from tickerml.tape.journal import Salvage, salvage

SALVAGED: Final = "Salvaged from a damaged journal: it ends"


def salvage_run(folder: Path, out: Path) -> Salvage:
    """Copy what is whole of the run in `folder` to a new run in `out`; the damaged one is only read.

    What its manifest tells of the run's end is left out where rows are missing: the saved one is computed as far as it
    goes, and the command that made the run goes on with it. A `folder` that is a journal alone gives a journal alone.
    Raises what `salvage` does, and InputError `not-a-run` for a manifest that cannot be read: nothing is copied then.
    """
    if not (folder / JOURNAL).is_dir():
        return salvage(folder, out)
    manifest = _manifest(folder, out) if (folder / MANIFEST).exists() else {}
    found = salvage(folder / JOURNAL, out / JOURNAL)
    if manifest and found.problem is not None:
        manifest = _begun(manifest, f"{SALVAGED} at sequence {found.last_seq}, before {found.problem}")
    if manifest:
        write_manifest(out, {**manifest, "run": out.name})
    return found


def _manifest(folder: Path, out: Path) -> dict[str, Any]:
    """The manifest; the error for one that cannot be read names what can be saved all the same."""
    try:
        return read_manifest(folder) if read_manifest(folder, whole=False) else {}  # {}: as good as none
    except InputError as error:
        raise InputError(
            error.code,
            error.message,
            where=error.where,
            means="nothing was copied: without it no command can compute the run again, but its journal can be saved",
            try_=f"tickerml journal salvage {shlex.quote(str(folder / JOURNAL))} --out {shlex.quote(str(out))}",
        ) from None


def _begun(manifest: Mapping[str, Any], note: str) -> dict[str, Any]:
    """The manifest as it was when the run began, with one note more."""
    kept = {key: manifest[key] for key in BEGUN if key in manifest}
    source = {key: told for key, told in kept["source"].items() if key not in COUNTED}
    notes = [one for one in kept["notes"] if not one.startswith(SALVAGED)]
    return {**kept, "source": source, "notes": [*notes, note]}
