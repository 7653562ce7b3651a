"""How long a tape is, as far as that is known without reading it: what progress is measured against."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tickerml.run.research import MarketTape
from tickerml.run.sources import SelectedTape
from tickerml.sim.synthetic import SyntheticTape
from tickerml.tape.rows import MINUTE
from tickerml.tape.store import StoredTape
from tickerml.tape.tape import MemoryTape, Tape


@dataclass(frozen=True)
class Extent:
    """Rows, and the span of receive time in ns; None = not known."""

    rows: int | None = None
    start: int | None = None
    stop: int | None = None

    def done(self, rows: int, time: int) -> float | None:
        """The share that lies behind after `rows` rows, the newest received at `time`."""
        if self.rows:
            return min(1.0, rows / self.rows)
        if self.start is not None and self.stop is not None and self.stop > self.start:
            return min(1.0, max(0.0, (time - self.start) / (self.stop - self.start)))
        return None


def extent_of(tape: Tape) -> Extent:
    """What is known of a tape before it is read."""
    if isinstance(tape, MarketTape):
        return extent_of(tape.inner)
    if isinstance(tape, SelectedTape):
        return _within(extent_of(tape.inner), tape.span)
    if isinstance(tape, SyntheticTape):
        return Extent(None, tape.start, tape.start + tape.minutes * MINUTE)
    if isinstance(tape, StoredTape):
        rows, start, stop, span = tape.extent()
        whole = Extent(rows, start, stop)
        return whole if span == (None, None) else _within(whole, span)
    if isinstance(tape, MemoryTape):
        held = [b.rows for b in tape.held if len(b)]
        return Extent(len(tape), int(held[0]["recv"][0]), int(held[-1]["recv"][-1])) if held else Extent(0)
    return Extent()


def _within(whole: Extent, span: tuple[int | None, int | None]) -> Extent:
    start, stop = whole.start, whole.stop
    first = span[0] if start is None or (span[0] is not None and span[0] > start) else start
    last = span[1] if stop is None or (span[1] is not None and span[1] < stop) else stop
    return replace(whole, rows=None, start=first, stop=last)
