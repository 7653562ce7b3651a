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
    """Entries of the files, none where all are stored; and the ids of the segments that these files replace.

    A segment is replaced when each of its files is one of these, or the beginning of one. Raises InputError
    store-overlap when a file has grown whose segment has other files too, which are not given again.
    """
    owners = {s.sha256: segment for segment in manifest.segments for s in segment.sources}
    sizes = sorted({s.size for segment in manifest.segments for s in segment.sources})
    found = [fingerprints(path, sizes) for path in paths]
    sources = [f[-1] for f in found]
    if all(s.sha256 in owners for s in sources):
        return [], set()
    known = {s.sha256 for f in found for s in f if s.sha256 in owners}
    replaced = {s.id for s in manifest.segments if s.sources and all(one.sha256 in known for one in s.sources)}
    for path, beginnings in zip(paths, found, strict=True):
        for beginning in beginnings[:-1]:
            owner = owners.get(beginning.sha256)
            if owner and owner.id not in replaced and beginning.sha256 != beginnings[-1].sha256:
                raise _overlap(path, [s.name for s in owner.sources])
    return sources, replaced


def remaining(manifest: Manifest, paths: Sequence[Path]) -> list[Path]:
    """Those of `paths` that are to be read: all but those stored in a segment that stays. Raises as `compare`."""
    sources, replaced = compare(manifest, paths)
    stays = {s.sha256 for segment in manifest.segments if segment.id not in replaced for s in segment.sources}
    return [path for path, source in zip(paths, sources, strict=False) if source.sha256 not in stays]


def _overlap(path: Path, names: list[str]) -> InputError:
    return InputError(
        "store-overlap",
        f"{path.name} has grown since it was imported together with {', '.join(n for n in names if n != path.name)}",
        where=Where(str(path)),
        means="nothing was imported; adding it alone would store its first part twice",
        try_="give all files of that import again: what is stored is replaced by the whole",
    )


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
