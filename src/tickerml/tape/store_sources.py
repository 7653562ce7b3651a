"""Which files a store was made of: the same file once; one that has grown or changed replaces what it was."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tickerml.tape.errors import InputError, Where
from tickerml.tape.store_manifest import Manifest, Segment, Source

_READ: Final = 1 << 20


def compare(manifest: Manifest, paths: Sequence[Path]) -> tuple[list[Source], set[int]]:
    """Entries of the files, none where all are stored; and the ids of the segments that these files may replace.

    A segment may be replaced when each of its files is one of these, the beginning of one, or an older version of one
    (same folder and name). Raises InputError store-overlap when a file has grown whose segment has other files too,
    which are not given again.
    """
    owners = {_key(s): segment for segment in manifest.segments for s in segment.sources}
    sizes = sorted({s.size for segment in manifest.segments for s in segment.sources})
    found = [fingerprints(path, sizes) for path in paths]
    sources = [f[-1] for f in found]
    if all(_key(s) in owners for s in sources):
        return [], set()
    known, names = {_key(s) for f in found for s in f}, {s.name for s in sources}
    replaced = {
        s.id for s in manifest.segments if s.sources and all(_key(o) in known or o.name in names for o in s.sources)
    }
    for path, beginnings in zip(paths, found, strict=True):
        for beginning in beginnings[:-1]:
            owner = owners.get(_key(beginning))
            if owner and owner.id not in replaced and beginning.sha256 != beginnings[-1].sha256:
                raise _overlap(path.name, owner)
    return sources, replaced


def remaining(manifest: Manifest, paths: Sequence[Path]) -> list[Path]:
    """Those of `paths` that are to be read: all but those stored in a segment that stays. Raises as `compare`."""
    sources, replaced = compare(manifest, paths)
    stays = {_key(s) for segment in manifest.segments if segment.id not in replaced for s in segment.sources}
    return [path for path, source in zip(paths, sources, strict=False) if _key(source) not in stays]


def without_replaced(segments: Sequence[Segment], new: Segment, candidates: set[int]) -> tuple[Segment, ...]:
    """The segments that stay beside `new`: a candidate goes if `new` holds its time and instruments, stays if their
    times are apart (files of other days may have the same name).

    Raises InputError store-overlap when a file's older version overlaps the new one in part.
    """
    names, stay = {s.name for s in new.sources}, []
    for old in segments:
        holds = new.start <= old.start and new.stop >= old.stop and {*old.instruments} <= {*new.instruments}
        if old.id in candidates and holds:
            continue
        again = names & {s.name for s in old.sources}
        if again and old.start <= new.stop and new.start <= old.stop:
            raise _overlap(next(iter(again)), old)
        stay.append(old)
    return tuple(stay)


def _key(source: Source) -> tuple[str, str]:
    """A file is the same when its bytes are and its name, which may say which instrument it is about."""
    return source.name.rpartition("/")[2], source.sha256


def _overlap(name: str, old: Segment) -> InputError:
    files = ", ".join(s.name for s in old.sources)
    return InputError(
        "store-overlap",
        f"{name} has changed since it was imported with {files}, and the new files do not hold all that is stored",
        where=Where(name),
        means="nothing was imported; what is stored and what is new would be there twice",
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
                    found.append(Source(f"{path.absolute().parent.name}/{path.name}", at, digest.hexdigest()))
    except OSError as cause:
        raise InputError(
            "file-missing",
            f"{path.name} cannot be read: {cause.strerror}",
            where=Where(str(path)),
            means="nothing was imported",
            try_=f"ls -l {path.parent}",
        ) from cause
    return found
