"""Was it more than chance? Equity beside exposure-scaled holding and the null twins; the fall from the peak below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tickerml.views import figures
from tickerml.views.charts.axes import (
    NARROW,
    WIDE,
    Area,
    Picture,
    corner,
    crosshair,
    end_labels,
    room_for,
    steps,
    time_axis,
    trace,
    value_axis,
)
from tickerml.views.charts.scale import Scale, padded
from tickerml.views.charts.svg import Sheet, path_of
from tickerml.views.charts.ticks import log_ticks, percent_labels, ticks
from tickerml.views.story import Floats, Story, Times
from tickerml.views.words import money, percent, stamp

LOG_FROM = 3.0  # highest over lowest value from which the axis is logarithmic
ROWS = 60  # of the table below the chart


@dataclass(frozen=True, slots=True)
class _Lines:
    """Growth (1 = the start) over time: the run, holding, and the twins' band."""

    time: Times
    run: Floats
    hold: tuple[Times, Floats] | None
    band: tuple[Times, Floats, Floats, Floats] | None


def equity(story: Story, widths: tuple[int, ...] = (WIDE, NARROW)) -> Picture | None:
    """The picture, or None with fewer than two balances."""
    if len(story.curve.time) < 2 or not story.start_equity:
        return None
    lines = _lines(story)
    drawn = [_draw(story, lines, width) for width in widths]
    parts = ["Blue: this run."]
    if lines.hold is not None:
        parts.append("Thin grey: the same coins held, with as much money in the market as this run had on average.")
    if lines.band is not None and story.twins is not None:
        parts.append(f"Grey band: 5 to 95 of 100 of {len(story.twins.nets)} runs with the edge removed.")
    if len(story.trades) < figures.FEW_TRADES and story.trades:
        parts.append("A dot is a trade that ended.")
    parts.append("Below: how far it stood under its highest value so far.")
    return Picture(
        "Equity and fall from the peak",
        " ".join(parts),
        tuple(sheet for sheet, _ in drawn),
        ("time (UTC)", f"equity, {story.head.currency}", "since the start", "below the peak"),
        _table(story),
        tuple(attributes for _, attributes in drawn),
    )


def _lines(story: Story) -> _Lines:
    start, held, twins = float(story.start_equity), figures.hold_series(story), story.twins
    scaled = None if held is None else (held[0], 1 + held[1] * figures.exposure(story))
    band = None
    if twins is not None and len(twins.time) > 1 and len(story.trades) >= figures.FEW_TRADES:
        band = (twins.time, 1 + twins.low, 1 + twins.median, 1 + twins.high)
    return _Lines(story.curve.time, story.curve.equity / start, scaled, band)


def _draw(story: Story, lines: _Lines, width: int) -> tuple[Sheet, str]:
    wide = width > 600
    tall = 270 if wide else 210
    sheet = Sheet(width, tall + (150 if wide else 130))
    values = [lines.run, *([lines.hold[1]] if lines.hold else []), *(lines.band[1:] if lines.band else ())]
    low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    log = low > 0 and high / low > LOG_FROM
    low, high = (low / 1.05, high * 1.05) if log else padded(low, high)
    marks = log_ticks(low, high) if log else [1 + t for t in ticks(low - 1, high - 1, 5)]
    labels, ends = percent_labels([_clean(m - 1) for m in marks]), _ends(story, lines, wide)
    falls = figures.fall_series(story)
    fall_end = (f"now {percent(float(falls[-1]))}", f"worst {percent(float(falls.min()))}")
    right = room_for([*(t for _, t, _ in ends), *fall_end], bold=True) + 10
    area = Area(room_for([*labels, *percent_labels([float(falls.min())])]) + 8, 18, width - right, tall)
    span = _span(story, lines)
    x, y = Scale(*span, area.left, area.right), Scale(low, high, area.bottom, area.top, log)
    value_axis(sheet, area, y, marks, labels, zero=1.0)
    _draw_lines(sheet, story, lines, x, y)
    end_labels(sheet, area, [(y(value), text, cls) for value, text, cls in ends])
    _draw_falls(sheet, story, falls, x, Area(area.left, tall + 40, area.right, sheet.height - 12), fall_end)
    time_axis(sheet, area, x, tall + 20)
    corner(sheet, story, area)
    return sheet, crosshair(area, x, y, "growth")


def _clean(value: float) -> float:
    return 0.0 if abs(value) < 1e-12 else value


def _span(story: Story, lines: _Lines) -> tuple[int, int]:
    return min(story.head.start or int(lines.time[0]), int(lines.time[0])), max(story.head.end, int(lines.time[-1]))


def _ends(story: Story, lines: _Lines, wide: bool) -> list[tuple[float, str, str]]:
    final = float(lines.run[-1])
    found = [(final, f"{'this run' if wide else 'run'} {percent(final - 1)}", "run-t")]
    if lines.hold is not None:
        held = float(lines.hold[1][-1])
        found.append((held, f"{'hold, scaled' if wide else 'hold'} {percent(held - 1)}", "mute"))
    if lines.band is not None:
        found.append((float(lines.band[3][-1]), "chance 5-95 %" if wide else "chance", "mute"))
    return found


def _draw_lines(sheet: Sheet, story: Story, lines: _Lines, x: Scale, y: Scale) -> None:
    breaks = story.health.breaks
    if lines.band is not None:
        time, low, median, high = lines.band
        xs = x.many(time.astype(np.float64))
        both = np.concatenate((xs, xs[::-1])), np.concatenate((y.many(high), y.many(low)[::-1]))
        sheet.path(path_of(*both, close=True), "band")
        sheet.path(trace(x, y, time, median, breaks), "hold dash", "chance, median")
    if lines.hold is not None:
        sheet.path(trace(x, y, *lines.hold, breaks), "hold", "hold, scaled")
    few = len(story.trades) < figures.FEW_TRADES
    time, run = steps(lines.time, lines.run) if few else (lines.time, lines.run)
    sheet.path(trace(x, y, time, run, breaks), "run", "this run")
    if few:
        for trade in story.trades:
            at = max(0, int(np.searchsorted(lines.time, trade.exit_time, "right")) - 1)
            sheet.dot(x(trade.exit_time), y(float(lines.run[at])), 3.5, "run-f")


def _draw_falls(sheet: Sheet, story: Story, falls: Floats, x: Scale, area: Area, ends: tuple[str, str]) -> None:
    worst = float(falls.min())
    if worst >= 0:
        sheet.text(area.left, area.top + 14, "It never stood below its highest value.", "mute")
        return
    y = Scale(worst * 1.05, 0, area.bottom, area.top)
    marks = ticks(worst, 0, 3)
    value_axis(sheet, area, y, marks, percent_labels(marks))
    xs = np.concatenate(([x(int(story.curve.time[0]))], [x(int(story.curve.time[-1]))]))
    line = trace(x, y, *steps(story.curve.time, falls))
    sheet.path(f"{line}L{xs[1]:.1f} {area.top:.1f}L{xs[0]:.1f} {area.top:.1f}z", "fall")
    labels = [(y(float(falls[-1])), ends[0], "mute"), (y(worst), ends[1], "mute")]
    end_labels(sheet, area, labels if ends[0].split()[1] != ends[1].split()[1] else labels[1:])


def _table(story: Story) -> tuple[tuple[str, ...], ...]:
    curve, falls = story.curve, figures.fall_series(story)
    rows = np.unique(np.linspace(0, len(curve.time) - 1, min(ROWS, len(curve.time))).astype(np.int64))
    start = float(story.start_equity)
    return tuple(
        (
            stamp(int(curve.time[i])),
            money(float(curve.equity[i]), story.head.currency),
            percent(float(curve.equity[i]) / start - 1),
            percent(float(falls[i])),
        )
        for i in rows.tolist()
    )
