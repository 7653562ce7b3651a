"""Progress of long work on stderr: a bar with rate and time left on a terminal, key-value lines everywhere else."""

from __future__ import annotations

import signal
import threading
import time
from datetime import UTC, datetime
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from tickerml.cli.pace import Pace
from tickerml.cli.terminal import Terminal
from tickerml.tape.shown import shown_lines

if TYPE_CHECKING:
    from tickerml.cli.screen import Screen
    from tickerml.tape.progress import Level
    from tickerml.views.live_state import LiveState

FRAME: Final = 0.25
"""Seconds between two frames."""


class Watch:
    """Draws what work reports (tape.progress.Progress) and turns Ctrl-C into `stop`. Used in a `with`.

    `graceful`: the first Ctrl-C asks the work to end cleanly, the second stops at once; else the first one stops.
    """

    def __init__(self, name: str, to: Terminal, verbose: int = 0, *, graceful: bool = False) -> None:
        self.name, self.to, self.verbose, self.graceful = name, to, verbose, graceful
        self.stop = False
        self._screen: Screen | None = None
        self._pace = Pace()
        self._drawn = 0.0
        self._before: Any = None

    def __enter__(self) -> Self:
        if self.graceful and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._interrupted)
        if self.to.animate:
            from tickerml.cli.screen import Screen

            self._screen = Screen(self.name, self.to)
            self._screen.start()
        else:
            self._log("INFO", self.name, "started")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._screen is not None:
            self._screen.finish()
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    @property
    def due(self) -> bool:
        """True when a frame (or, without a moving display, a line) would be drawn now."""
        return time.monotonic() - self._drawn >= FRAME

    def __call__(self, done: int, total: int | None = None, what: str = "", unit: str = "rows") -> None:
        """Report `done` of `total`; cheap when nothing is due."""
        now = time.monotonic()
        self._pace.step(done, total, what or self.name, unit, now)
        if self._screen is not None:
            self._screen.step(self._pace)
        elif self._pace.line_due(now):
            self._log("INFO", self.name, "  ".join(self._pace.pairs()))

    def note(self, text: str, level: Level = "INFO", source: str = "", at: int | None = None) -> None:
        """An event worth a line: above the moving display, or as a log line; DEBUG only with -v."""
        if level == "DEBUG" and not self.verbose:
            return
        text = shown_lines(text)
        if self._screen is not None:
            self._screen.say(text if level == "INFO" else f"{level.lower()}: {text}")
        else:
            self._log(level, source or self.name, text, at)

    def show(self, state: LiveState) -> None:
        """The newest state of a running market: drawn at the next frame, or a line when one is due."""
        self._drawn = time.monotonic()
        if self._screen is not None:
            self._screen.show(state)
            return
        total = None if state.done is None else 1000
        self._pace.step(round(1000 * (state.done or 0.0)), total, state.mode, "rows", self._drawn)
        if self._pace.line_due(self._drawn):
            from tickerml.views.live import plain_line

            self.to.write(plain_line(state))

    def _log(self, level: str, source: str, text: str, at: int | None = None) -> None:
        when = datetime.now(UTC) if at is None else datetime.fromtimestamp(at // 10**9, UTC)
        stamp = when.strftime("%Y-%m-%d %H:%M:%S")
        self.to.write(f"{stamp} - {source} - {level} - {text}")

    def _interrupted(self, _signal: int, _frame: FrameType | None) -> None:
        if self.stop:
            raise KeyboardInterrupt
        self.stop = True
        self.note(f"closing: {self.name} ends cleanly with what it has; Ctrl-C again stops at once")
