"""The moving display on a terminal: one bar with rate and time left and, while a market runs, its live table."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tickerml.cli.terminal import Terminal

if TYPE_CHECKING:
    from tickerml.cli.pace import Pace
    from tickerml.views.live_state import LiveState

FRAMES_PER_SECOND = 4


class Screen:
    """Draws the newest pace and state 4 times a second, on a thread of its own; leaves nothing behind at the end."""

    def __init__(self, name: str, to: Terminal) -> None:
        self._pace: Pace | None = None
        self._state: LiveState | None = None
        self._name = name
        self._began = time.monotonic()
        self._live = Live(
            console=to.console(),
            get_renderable=self._frame,
            refresh_per_second=FRAMES_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def start(self) -> None:
        """The first frame appears at once: nothing is silent for longer than a second."""
        self._live.start(refresh=True)

    def finish(self) -> None:
        """Take the display away; what was said above it stays."""
        self._live.stop()

    def step(self, pace: Pace) -> None:
        """The newest progress: from now on its bar is drawn, until a state is shown again."""
        self._pace, self._state = pace, None

    def show(self, state: LiveState) -> None:
        """The newest state of a running market; its screen has a bar of its own."""
        self._state = state

    def say(self, text: str) -> None:
        """A line above the display."""
        self._live.console.print(text, markup=False)

    def _frame(self) -> RenderableType:
        if self._state is None:
            return self._bar()
        from tickerml.views.live import Screen as Market

        return Market(self._state)

    def _bar(self) -> RenderableType:
        pace, now = self._pace, time.monotonic()
        if pace is None:
            return Text(f"{self._name}: starting, {now - self._began:.0f} s")
        rate, left = pace.rate(now), pace.left(now)
        unit = pace.unit.removesuffix("s") if pace.done == 1 else pace.unit
        parts = [f"{pace.done:,} {unit}".replace(",", " ")]
        if rate and pace.total:
            parts.append(f"{rate:,.0f} {pace.unit}/s".replace(",", " "))
        if left is not None:
            parts.append(f"left {int(left) // 60}:{int(left) % 60:02d}")
        elif pace.total is None:
            parts.append(f"{pace.spent(now):.0f} s")
        row = Table.grid(padding=(0, 2))
        bar = ProgressBar(
            total=pace.total,
            completed=pace.done,
            width=20,
            pulse=pace.total is None,
            animation_time=now,
            complete_style="blue",
            finished_style="blue",
            pulse_style="blue",
        )
        share = f"{100 * pace.done // pace.total} %" if pace.total else ""
        row.add_row(pace.what, bar, share, "   ".join(parts))
        return row
