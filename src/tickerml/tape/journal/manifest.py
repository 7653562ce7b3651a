"""manifest.json: the sealed segments that have a Parquet file, with the hashes that chain them to the others."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from tickerml.tape.journal.disk import Disk, put_file

MANIFEST: Final = "manifest.json"


class Entry(msgspec.Struct, frozen=True):
    """One sealed segment."""

    number: int
    run_id: str
    first_seq: int
    next_seq: int
    previous_sha256: str  # hex; as in the segment's header
    previous_bytes: int
    segment_sha256: str  # hex; of the first `segment_bytes` of the segment file
    segment_bytes: int
    parquet: str  # file name
    parquet_sha256: str  # hex


class _Manifest(msgspec.Struct, frozen=True):
    sha256: str  # of the canonical JSON of `entries`
    entries: tuple[Entry, ...]


def _digest(entries: tuple[Entry, ...]) -> str:
    return hashlib.sha256(msgspec.json.encode(entries, order="sorted")).hexdigest()


def read_manifest(disk: Disk, directory: Path, names: list[str]) -> dict[int, Entry]:
    """Entries by segment number; none where there is no manifest. Raises ValueError when it is damaged."""
    if MANIFEST not in names:
        return {}
    try:
        manifest = msgspec.json.decode(disk.read(directory / MANIFEST), type=_Manifest)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no manifest: {error}") from error
    if manifest.sha256 != _digest(manifest.entries):
        raise ValueError("the manifest fails its checksum")
    return {entry.number: entry for entry in manifest.entries}


def write_manifest(disk: Disk, directory: Path, entries: dict[int, Entry]) -> None:
    """Replace the manifest, whole or not at all. Raises OSError."""
    ordered = tuple(entries[number] for number in sorted(entries))
    data = msgspec.json.encode(_Manifest(_digest(ordered), ordered), order="sorted")
    put_file(disk, directory / MANIFEST, msgspec.json.format(data, indent=1))
