"""Are stops too near or targets too far? Worst against best move of each trade, in units of its cost."""

from __future__ import annotations

import math
from statistics import median
from typing import Final

from tickerml.views import figures
from tickerml.views.charts.axes import NARROW, Area, Picture, corner, value_axis
from tickerml.views.charts.scale import Scale
from tickerml.views.charts.svg import Sheet, dots, squares
from tickerml.views.charts.ticks import number_labels, ticks
from tickerml.views.story import Story, Trade
from tickerml.views.words import fixed, percent

ENOUGH: Final = 30  # trades


def excursions(story: Story) -> Picture | None:
    """The picture, or None below 30 trades whose moves are known, or without a cost to measure in."""
    cost = figures.round_trip_cost(story)
    trades = [t for t in story.trades if t.mae is not None and t.mfe is not None]
    if len(trades) < ENOUGH or not cost > 0:
        return None
    said = (
        f"Each mark is a trade: how far it went against it (across) and for it (up), in round-trip costs of "
        f"{percent(cost, sign=False)}. Blue dot: won, orange square: lost. Lines: the median stop and target."
    )
    groups = (("won", [t for t in trades if t.pnl > 0]), ("lost", [t for t in trades if t.pnl <= 0]))
    rows = tuple(
        (
            name,
            str(len(some)),
            fixed(median(t.mae or 0 for t in some) / cost, 1),
            fixed(median(t.mfe or 0 for t in some) / cost, 1),
        )
        for name, some in groups
        if some
    )
    sheets = (_draw(story, trades, cost, 620), _draw(story, trades, cost, NARROW))
    head = ("trades", "n", "median worst move, costs", "median best move, costs")
    return Picture("Worst and best move of each trade", said, sheets, head, rows)


def _draw(story: Story, trades: list[Trade], cost: float, width: int) -> Sheet:
    sheet = Sheet(width, 320)
    against, favour = [(t.mae or 0) / cost for t in trades], [(t.mfe or 0) / cost for t in trades]
    right, top = _limit(against), _limit(favour)
    area = Area(52, 18, width - 60, 272)
    x, y = Scale(0, right, area.left, area.right), Scale(0, top, area.bottom, area.top)
    marks = ticks(0, top, 5)
    value_axis(sheet, area, y, marks, number_labels(marks))
    across = ticks(0, right, 5)
    for mark, label in zip(across, number_labels(across), strict=True):
        sheet.text(x(mark), area.bottom + 18, label, "mute", "middle")
    sheet.text((area.left + area.right) / 2, area.bottom + 38, "against it, in costs", "mute", "middle")
    sheet.text(2, 11, "for it, in costs", "mute")
    places = [(x(min(a, right)), y(min(f, top))) for a, f in zip(against, favour, strict=True)]
    sheet.path(squares((p for p, t in zip(places, trades, strict=True) if t.pnl <= 0), 5), "loss soft")
    sheet.path(dots(p for p, t in zip(places, trades, strict=True) if t.pnl > 0), "discs soft")
    _levels(sheet, trades, cost, area, x, y)
    corner(sheet, story)
    return sheet


def _limit(values: list[float]) -> float:
    """The axis ends at the 98th of 100; marks beyond it stand on the edge."""
    ranked = sorted(values)
    return max(1.0, ranked[min(len(ranked) - 1, math.floor(0.98 * len(ranked)))] * 1.08)


def _levels(sheet: Sheet, trades: list[Trade], cost: float, area: Area, x: Scale, y: Scale) -> None:
    stops = [abs(float(t.stop / t.entry) - 1) / cost for t in trades if t.stop is not None and t.entry]
    targets = [abs(float(t.target / t.entry) - 1) / cost for t in trades if t.target is not None and t.entry]
    if stops and median(stops) <= x.high:
        at = x(median(stops))
        sheet.line(at, area.top, at, area.bottom, "level")
        sheet.text(at + 4, area.top + 10, "stop", "mute")
    if targets and median(targets) <= y.high:
        at = y(median(targets))
        sheet.line(area.left, at, area.right, at, "level")
        sheet.text(area.right + 4, at + 4, "target", "mute")
