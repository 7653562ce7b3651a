"""A tape over a file: read anew at each pass, so that memory stays bounded, with its problems counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tickerml.tape.block import Block
from tickerml.tape.problems import Problems
from tickerml.tape.tape import Header, content_hash


class SourceTape:
    """`make` yields the blocks of a fresh pass and counts into `problems` what it refuses."""

    def __init__(self, header: Header, make: Callable[[Problems], Iterator[Block]]) -> None:
        self._header, self._make = header, make
        self.problems = Problems()
        self._hash = ""

    @property
    def header(self) -> Header:
        """The header, with the problems of the latest pass."""
        return replace(self._header, problems=self.problems.as_tuple())

    def blocks(self) -> Iterator[Block]:
        """Blocks of a fresh pass."""
        self.problems.clear()
        yield from self._make(self.problems)

    def content_hash(self) -> str:
        """SHA-256 of the content, computed by one pass and kept."""
        self._hash = self._hash or content_hash(self.blocks())
        return self._hash
