"""When? Net of each month as a share of the equity it began with; blue above zero, orange below, the sign in words."""

from __future__ import annotations

import numpy as np

from tickerml.tape.rows import DAY
from tickerml.views.charts.axes import NARROW, WIDE, Picture, corner
from tickerml.views.charts.svg import Sheet, text_width
from tickerml.views.story import Story
from tickerml.views.words import moment, month, percent

LEVELS = 4  # steps of colour on each side of zero


def month_returns(story: Story) -> dict[tuple[int, int], float]:
    """(year, month) -> change of equity within it as a share of the equity at its start."""
    time, equity = story.curve.time, story.curve.equity
    if len(time) < 2:
        return {}
    stamps = [moment(int(day) * DAY) for day in np.unique(time // DAY)]
    found: dict[tuple[int, int], float] = {}
    numbers = np.array([at.year * 12 + at.month - 1 for at in stamps])
    of_row = numbers[np.searchsorted(np.unique(time // DAY), time // DAY)]
    before = float(equity[0])
    for number in np.unique(of_row).tolist():
        last = float(equity[np.flatnonzero(of_row == number)[-1]])
        found[number // 12, number % 12 + 1] = last / before - 1 if before else 0.0
        before = last
    return found


def months(story: Story) -> Picture | None:
    """The picture, or None for a run that touches fewer than three months."""
    found = month_returns(story)
    if len(found) < 3:
        return None
    said = "Change of equity within each month (UTC). Blue: gain, orange: loss, stronger is more."
    table = tuple((f"{month(m)} {year}", percent(share)) for (year, m), share in found.items())
    sheets = (_draw(story, found, WIDE, 12), _draw(story, found, NARROW, 4))
    return Picture("Net by month", said, sheets, ("month", "change"), table)


def _draw(story: Story, found: dict[tuple[int, int], float], width: int, across: int) -> Sheet:
    years = sorted({year for year, _ in found})
    left, cell, lines = 44.0, (width - 44.0) / across, 12 // across
    sheet = Sheet(width, 20 + len(years) * (lines * 46 + 6))
    most = max(abs(v) for v in found.values()) or 1.0
    for row, year in enumerate(years):
        top = 18 + row * (lines * 46 + 6)
        sheet.text(0, top + 26, str(year), "mute")
        for m in range(1, 13):
            x, y = left + (m - 1) % across * cell, top + (m - 1) // across * 46
            share = found.get((year, m))
            level = 0 if share is None else min(LEVELS, int(abs(share) / most * LEVELS) + 1)
            sheet.box(
                x + 1, y, cell - 2, 42, f"{'gain' if (share or 0) >= 0 else 'loss'} l{level}" if level else "none"
            )
            sheet.text(x + cell / 2, y + 16, month(m), "mute on" if share is None else "on", "middle", 11)
            if share is not None:
                text = percent(share)
                size = 12 if text_width(text) <= cell - 6 else 11
                sheet.text(x + cell / 2, y + 33, text, "on", "middle", size)
    corner(sheet, story)
    return sheet
