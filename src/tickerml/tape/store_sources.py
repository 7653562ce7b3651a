"""Which files a store was made of: the same bytes once; a file that has grown replaces its beginning."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tickerml.tape.errors import InputError, Where
from tickerml.tape.store_manifest import Manifest, Source

_READ: Final = 1 << 20


def compare(manifest: Manifest, paths: Sequence[Path]) -> tuple[list[Source], set[int]]:
    """The sources to import, none where all are stored; and the ids of segments made of beginnings of them."""
    stored = {s.sha256: s for segment in manifest.segments for s in segment.sources}
    sizes = sorted({s.size for s in stored.values()})
    known: set[str] = set()
    sources: list[Source] = []
    for path in paths:
        found = fingerprints(path, sizes)
        sources.append(found[-1])
        known |= {s.sha256 for s in found if s.sha256 in stored}
    if all(s.sha256 in stored for s in sources):
        return [], set()
    return sources, {s.id for s in manifest.segments if s.sources and all(one.sha256 in known for one in s.sources)}


def fingerprints(path: Path, sizes: Sequence[int] = ()) -> list[Source]:
    """Entries of the file's beginnings of the given (ascending) sizes, where it is that long; last, of the whole file.

    Raises InputError file-missing.
    """
    digest, at = hashlib.sha256(), 0
    found: list[Source] = []
    try:
        with path.open("rb") as file:
            for size in (*sizes, None):
                while data := file.read(_READ if size is None else min(_READ, size - at)):
                    digest.update(data)
                    at += len(data)
                if size is None or size == at:
                    found.append(Source(path.name, at, digest.hexdigest()))
    except OSError as cause:
        raise InputError(
            "file-missing",
            f"{path.name} cannot be read: {cause.strerror}",
            where=Where(str(path)),
            means="nothing was imported",
            try_=f"ls -l {path.parent}",
        ) from cause
    return found
