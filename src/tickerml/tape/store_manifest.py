"""The manifest of a store: what it holds, in which files and order. Written last, so it names only whole files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from tickerml.tape.errors import InputError, Where
from tickerml.tape.instruments import Instrument
from tickerml.tape.tape import Header

NAME: Final = "tickerml-store.json"
VERSION: Final = 2


class File(msgspec.Struct, frozen=True, array_like=True):
    """One Parquet file: path relative to the store, size in bytes, CRC-32."""

    path: str
    size: int
    crc: int


class Part(msgspec.Struct, frozen=True):
    """One instrument's rows of a chunk, a file a table."""

    inst: int
    rows: int
    tables: dict[str, File]


class Chunk(msgspec.Struct, frozen=True):
    """Consecutive rows of all instruments; `order` says which instrument comes next, None when there is one."""

    rows: int
    start: int  # least and greatest receive time, ns
    stop: int
    parts: tuple[Part, ...]
    order: File | None = None


class Source(msgspec.Struct, frozen=True):
    """A file that was imported: folder/name, size in bytes, SHA-256. The same is never imported twice."""

    name: str
    size: int
    sha256: str


class Segment(msgspec.Struct, frozen=True):
    """One import, whole: the tape's header, its hash, its chunks in sequence."""

    id: int
    title: str
    rows: int
    start: int
    stop: int
    content_hash: str
    instruments: tuple[int, ...]
    chunks: tuple[Chunk, ...]
    sources: tuple[Source, ...] = ()
    synthetic: str = ""
    assumed_clock: bool = False
    bar_only: bool = False
    notes: tuple[str, ...] = ()
    problems: tuple[tuple[str, int], ...] = ()
    made_by: dict[str, str] = {}  # versions, kernel hash and CPU of the writer

    def files(self) -> list[File]:
        """Every file of the segment."""
        found = [f for c in self.chunks for p in c.parts for f in p.tables.values()]
        return found + [c.order for c in self.chunks if c.order]


class Manifest(msgspec.Struct, frozen=True):
    """Instruments and names are shared by all segments: an id means the same thing in the whole store."""

    format: str = "tickerml-store"
    version: int = VERSION
    instruments: tuple[Instrument, ...] = ()
    names: tuple[str, ...] = ()
    segments: tuple[Segment, ...] = ()

    def header(self, title: str) -> Header:
        """The tape's header: what is true of any segment is said of the store."""
        each = self.segments
        problems: dict[str, int] = {}
        for reason, n in (pair for s in each for pair in s.problems):
            problems[reason] = problems.get(reason, 0) + n
        return Header(
            title=title,
            instruments=self.instruments,
            names=self.names,
            synthetic="; ".join(dict.fromkeys(s.synthetic for s in each if s.synthetic)),
            assumed_clock=any(s.assumed_clock for s in each),
            bar_only=bool(each) and all(s.bar_only for s in each),
            notes=tuple(dict.fromkeys(note for s in each for note in s.notes)),
            problems=tuple(sorted(problems.items())),
        )


def load(root: Path) -> Manifest:
    """Read the manifest. Raises InputError: not-a-store, store-version, store-corrupt."""
    path = root / NAME
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise InputError(
            "not-a-store",
            f"{root} is not a store: {NAME} is missing or cannot be read ({cause.strerror})",
            where=Where(str(path)),
            means="nothing was read; a store's manifest is written last, so an import that never finished leaves none",
            try_=f"tickerml data import PATH --store {root}",
        ) from cause
    try:
        head = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        version = msgspec.json.decode(head.get("version", msgspec.Raw(b"null")))
        if version != VERSION:
            raise InputError(
                "store-version",
                f"the store is of version {version}; this program reads version {VERSION}",
                where=Where(str(path)),
                means="nothing was read or changed",
                try_=f"tickerml data import PATH --store {root}-new     (import the sources again)",
            )
        return msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as cause:
        raise InputError(
            "store-corrupt",
            f"the manifest is damaged: {cause}",
            where=Where(str(path)),
            means="nothing was read; the Parquet files beside it were not touched",
            try_=f"tickerml data import PATH --store {root}-new     (import the sources again)",
        ) from cause


def dump(manifest: Manifest) -> bytes:
    """The manifest's bytes: JSON, indented, so that a person can read it."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
