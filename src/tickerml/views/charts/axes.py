"""Axes, end labels, lines with gaps and the corner text: what every chart over time shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tickerml.tape.rows import MILLISECOND
from tickerml.views.charts.m4 import m4
from tickerml.views.charts.scale import Scale, apart
from tickerml.views.charts.svg import SIZE, Sheet, path_of, text_width
from tickerml.views.charts.ticks import time_ticks
from tickerml.views.story import Floats, Story, Times

WIDE: Final = 960  # px, desks and print
NARROW: Final = 380  # px, phones


@dataclass(frozen=True, slots=True)
class Picture:
    """One chart: the question is the chapter's; `title` and `sentence` say what is drawn, `table` holds its data."""

    title: str
    sentence: str
    sheets: tuple[Sheet, ...]  # one that fits all widths, or a wide and a narrow one
    head: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    attributes: tuple[str, ...] = ()  # of each sheet, for the crosshair


@dataclass(frozen=True, slots=True)
class Area:
    """The rectangle inside the axes, px."""

    left: float
    top: float
    right: float
    bottom: float


def room_for(labels: Sequence[str], *, bold: bool = False) -> float:
    """Pixels that the widest of some labels takes."""
    return max((text_width(t, bold=bold) for t in labels), default=0.0)


def value_axis(
    sheet: Sheet, area: Area, scale: Scale, marks: Sequence[float], labels: Sequence[str], zero: float = 0.0
) -> None:
    """Grid lines with labels to the left, the one at `zero` stronger; a label that would touch another is left out."""
    last = float("inf")
    for mark, label in zip(marks, labels, strict=True):
        y = scale(mark)
        if area.top - 1 <= y <= area.bottom + 1:
            sheet.line(area.left, y, area.right, y, "zero" if abs(mark - zero) < 1e-12 else "grid")
            if abs(last - y) >= SIZE + 2:
                sheet.text(area.left - 6, y + 4, label, "mute", "end")
                last = y


def time_axis(sheet: Sheet, area: Area, scale: Scale, y: float) -> None:
    """Round UTC times under the chart, none of them cut or touching."""
    most = max(3, int((area.right - area.left) // 80))
    end = -float("inf")
    for ns, label in time_ticks(int(scale.low), int(scale.high), most):
        x, half = scale(ns), text_width(label) / 2
        if x - half > end and x + half <= sheet.width:
            sheet.line(x, y - 14, x, y - 10, "grid")
            sheet.text(x, y, label, "mute", "middle")
            end = x + half + 8


def end_labels(sheet: Sheet, area: Area, labels: Sequence[tuple[float, str, str]]) -> None:
    """(y, text, class) of lines' ends, at the right of the chart, nudged apart."""
    placed = apart([y for y, _, _ in labels], SIZE + 3, area.top + 4, area.bottom)
    for y, (_, text, cls) in zip(placed, labels, strict=True):
        sheet.text(area.right + 6, y + 4, text, cls)


def trace(
    x: Scale, y: Scale, time: Times, values: Floats, breaks: Sequence[tuple[int, int]] = (), fine: int = 1
) -> str:
    """Path of a series, thinned to columns of `fine` px; spans without data stay empty."""
    columns = max(1, int(abs(x.last - x.first)) // fine)
    edges = sorted({int(np.searchsorted(time, end, "left")) for _, end in breaks} - {0, len(time)})
    parts = []
    for first, last in zip([0, *edges], [*edges, len(time)], strict=True):
        some_time, some = time[first:last], values[first:last]
        kept = m4(some_time, some, int(x.low), int(x.high), columns)
        xs = x.many(some_time[kept].astype(np.float64))
        if len(kept) > 2 * columns:  # dense: what lies in one column is drawn as one upright
            xs = x.first + np.floor((xs - x.first) / fine) * fine
        parts.append(path_of(xs, y.many(some[kept])))
    return "".join(parts)


def steps(time: Times, values: Floats) -> tuple[Times, Floats]:
    """The same series as stairs: each value holds until the next."""
    return np.repeat(time, 2)[1:], np.repeat(values, 2)[:-1]


def corner(sheet: Sheet, story: Story, area: Area | None = None) -> None:
    """The words that travel with a chart of a made-up market, in its upper right corner."""
    if story.head.synthetic:
        right = sheet.width - 2 if area is None else area.right
        sheet.text(right, 11, "SYNTHETIC MARKET", "warn", "end", 11)


def crosshair(area: Area, x: Scale, y: Scale, unit: str) -> str:
    """What the crosshair needs to read values from pixels: time in ms, values, and whether the axis is logarithmic."""
    start, end = int(x.low) // MILLISECOND, int(x.high) // MILLISECOND
    box = f"{x.first:.1f},{x.last:.1f},{area.top:.1f},{area.bottom:.1f}"
    axis = f"{y.low:.8g},{y.high:.8g},{y.first:.1f},{y.last:.1f},{int(y.log)}"
    return f' tabindex="0" data-box="{box}" data-time="{start},{end}" data-axis="{axis}" data-unit="{unit}"'
