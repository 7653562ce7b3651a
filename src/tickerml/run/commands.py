"""An operator's commands to a run: asked for in its folder, taken between two rows, kept on its tape as COMMAND rows.

A command is an input like a market row: the row says behind how many source rows it came, so that a run which goes on,
and a replay, meet it at the same place.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, Literal, Self

import msgspec

from tickerml.engine.machine import Machine
from tickerml.run.record import JOURNAL
from tickerml.tape.block import Block, part
from tickerml.tape.journal.disk import OsDisk
from tickerml.tape.journal.host import LOCK
from tickerml.tape.rows import Kind

REQUEST: Final = "command.json"
LOOK_S: Final = 0.1  # between two looks at the folder
SIGNAL: Final = "SIGUSR1"  # the same as `stop`, where the system has it

What = Literal["stop", "resume"]


@dataclass(frozen=True)
class Command:
    """What a person wants of a run."""

    what: What
    reason: str
    close: bool = False  # with `stop`: close what is held, too
    after: int = 0  # source rows that had come before it


def ask(folder: Path, command: Command) -> Path:
    """Leave a command for the run in `folder`, whole or not at all; the file goes when the run has taken it."""
    request = folder / REQUEST
    partial = request.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(json.dumps(asdict(command)), encoding="utf-8")
    partial.replace(request)
    return request


def on_record(blocks: Iterable[Block]) -> list[Command]:
    """The commands among the rows of a run."""
    found = []
    for block in blocks:
        for row in block.rows[block.rows["kind"] == Kind.COMMAND]:
            told = msgspec.json.decode(block.blobs[int(row["ref"])])
            found.append(Command(told["what"], told["reason"], told["close"], int(row["qty"])))
    return found


class Commands:
    """Hands a machine its commands: those on record where they stood, and new ones when it has caught up with them."""

    def __init__(self, machine: Machine, folder: Path | None, known: Iterable[Command] = (), begun: int = 0) -> None:
        """`folder` None: no new ones, for a replay; `begun`: source rows that the machine has had already."""
        self._machine, self._folder = machine, folder
        self._known = sorted((one for one in known if one.after > begun), key=lambda one: one.after)
        self._rows = begun  # fed so far
        self._due = 0.0
        self._signalled = False
        self._before: Any = None

    def __enter__(self) -> Self:
        number = getattr(signal, SIGNAL, None)
        if self._folder is not None and number is not None and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(number, self._signal)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(getattr(signal, SIGNAL), self._before)

    def through(self, blocks: Iterable[Block], behind: Callable[[], bool] = lambda: False) -> Iterator[Block]:
        """The blocks, cut where a command came. What is asked for while the run is `behind` its record waits."""
        for block in blocks:
            start = 0
            while start < len(block):
                stop = min(len(block), start + max(1, self._next() - self._rows))
                yield block if (start, stop) == (0, len(block)) else part(block, start, stop)
                self._rows, start = self._rows + stop - start, stop
                while self._next() <= self._rows:
                    self._give(self._known.pop(0))
                if not behind():
                    self.look()

    def look(self) -> None:
        """Take what was asked for since the last look; nothing before the first row."""
        now = time.monotonic()
        if self._folder is None or not self._rows or self._known or (now < self._due and not self._signalled):
            return
        self._due = now + LOOK_S
        if self._signalled:
            self._signalled = False
            self._give(Command("stop", f"signal {SIGNAL}", after=self._rows))
        request = self._folder / REQUEST
        if request.is_file():
            self._give(_read(request, self._rows))
            request.unlink(missing_ok=True)

    def _next(self) -> int:
        return self._known[0].after if self._known else 1 << 62

    def _give(self, command: Command) -> None:
        self._machine.trader.command(command.what, command.reason, close=command.close, after=command.after)

    def _signal(self, number: int, frame: FrameType | None) -> None:
        self._signalled = True


def _read(request: Path, rows: int) -> Command:
    """A command as another program left it. What cannot be read stops: whoever writes there wants it stopped."""
    try:
        told = json.loads(request.read_text(encoding="utf-8"))
        what: What = "resume" if told["what"] == "resume" and str(told["reason"]).strip() else "stop"
        return Command(what, str(told["reason"]), bool(told.get("close")), rows)
    except (OSError, ValueError, KeyError, TypeError):
        return Command("stop", f"{REQUEST} in the run's folder", after=rows)


def holder(folder: Path) -> int:
    """The process that works on the run in `folder`, 0 = none."""
    journal, disk = folder / JOURNAL, OsDisk()
    if not (journal / LOCK).is_file():
        return 0
    try:
        disk.close(disk.claim(journal, LOCK))
        return 0
    except BlockingIOError:
        text = (journal / LOCK).read_text(encoding="ascii", errors="replace")
        return int(text[1:].split()[0])
