"""A recorded run's source, found again from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tickerml.run.record import KeptTape, header_of
from tickerml.run.sources import reopened
from tickerml.tape.errors import InputError
from tickerml.tape.tape import Tape

_HELD: dict[str, Tape] = {}  # tapes of this process by content hash: a tape made in memory has no other place


def hold(content_hash: str, tape: Tape) -> None:
    """Keep a tape of this process reachable, so that its runs can be replayed here."""
    _HELD[content_hash] = tape


def source_of(manifest: Mapping[str, Any], folder: Path) -> Tape | None:
    """The source tape of a run, or None when it is gone."""
    source = manifest["source"]
    if source.get("embedded"):
        return KeptTape(folder, header_of(manifest))
    held = _HELD.get(source.get("content_hash", ""))
    if held is not None:
        return held
    if not source.get("spec"):
        return None
    try:
        return reopened(source)
    except InputError:
        return None
