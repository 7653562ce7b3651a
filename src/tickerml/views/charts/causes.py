"""What made two runs differ: from the first run's net to the second's, one bar a cause."""

from __future__ import annotations

from tickerml.views.charts.axes import Picture, room_for
from tickerml.views.charts.scale import Scale, padded
from tickerml.views.charts.svg import Sheet
from tickerml.views.compared import Compared
from tickerml.views.words import money

WIDTH = 640  # px
_ROW = 28  # px


def causes(found: Compared) -> Picture:
    """Lying bars: both nets from zero, each cause from where the one before it ended."""
    unit = found.currency
    steps = [(c.name, c.money) for c in found.causes] + [("together", found.residual)]
    bars = [(found.a.run, 0.0, float(found.a.net), "ref", money(found.a.net, unit, sign=True))]
    at = float(found.a.net)
    for name, value in steps:
        size = 0.0 if value is None else float(value)
        text = "not run" if value is None else money(value, unit, sign=True)
        bars.append((name, at, at + size, "gain" if size >= 0 else "loss", text))
        at += size
    bars.append((found.b.run, 0.0, float(found.b.net), "ref", money(found.b.net, unit, sign=True)))
    said = f"{unit}. Each step is {found.b.run} made again with only that as in {found.a.run}."
    table = tuple((name, text) for name, _, _, _, text in bars)
    return Picture("What made the difference", said, (_draw(bars),), ("cause", unit), table)


def _draw(bars: list[tuple[str, float, float, str, str]]) -> Sheet:
    sheet = Sheet(WIDTH, _ROW * len(bars) + 8)
    left, right = room_for([b[0] for b in bars]) + 12, WIDTH - room_for([b[4] for b in bars]) - 12
    ends = [0.0, *(v for b in bars for v in b[1:3])]
    x = Scale(*padded(min(ends), max(ends)), left, right)
    sheet.line(x(0), 0, x(0), sheet.height, "zero")
    for k, (name, start, stop, cls, text) in enumerate(bars):
        y = _ROW * k + 4
        sheet.text(0, y + 15, name, "mute")
        low, high = sorted((x(start), x(stop)))
        sheet.box(low, y + 3, high - low, _ROW - 10, cls)
        sheet.text(WIDTH, y + 15, text, "", "end")
    return sheet
