"""Where did the money go? One bar a layer, from the profit at mid to the net; each bar is a re-run."""

from __future__ import annotations

from dataclasses import dataclass

from tickerml.views import figures
from tickerml.views.charts.axes import NARROW, WIDE, Area, Picture, corner, room_for, value_axis
from tickerml.views.charts.scale import Scale, padded
from tickerml.views.charts.svg import Sheet, number
from tickerml.views.charts.ticks import number_labels, ticks
from tickerml.views.story import Story
from tickerml.views.summary import short_money, shown_residual
from tickerml.views.verdict import is_gain, traded


@dataclass(frozen=True, slots=True)
class _Bar:
    name: str
    value: float | None  # None = not simulated
    first: float  # from
    last: float  # to
    text: str
    cls: str


def waterfall(story: Story) -> Picture | None:
    """The picture, or None when nothing was traded or no layer was run."""
    if not story.waterfall or not traded(story):
        return None
    bars = _bars(story)
    missing = [b.name for b in bars if b.value is None]
    said = f"{story.head.currency}. Each step is a re-run of the same tape with that cost switched on as well."
    if missing:
        said += f" Hatched: not simulated ({', '.join(missing)})."
    if any(x.name == "latency" and x.money == 0 for x in story.waterfall):
        said += " Latency took nothing: no order met another price within its latency."
    table = tuple((b.name, b.text) for b in bars)
    sheets = (_upright(story, bars, WIDE), _lying(story, bars, NARROW))
    return Picture("Edge waterfall", said, sheets, ("layer", story.head.currency), table)


def _bars(story: Story) -> list[_Bar]:
    layers = [(x.name, x.money) for x in story.waterfall]
    if shown_residual(story):
        layers.append(("not explained", figures.residual(story)))
    found, at = [], 0.0
    for name, value in layers:
        if value is None:
            found.append(_Bar(name, None, at, at, "not simulated", "mute"))
            continue
        text, cls = short_money(value, story), "gain" if value >= 0 else "loss"
        found.append(_Bar(name, float(value), at, at + float(value), text, cls))
        at += float(value)
    net = figures.net(story)
    cls = "loss" if net < 0 else "gain" if is_gain(story) else "ref"
    return [*found, _Bar("net", float(net), 0.0, float(net), short_money(net, story), cls)]


def _range(bars: list[_Bar]) -> tuple[float, float]:
    ends = [v for b in bars for v in (b.first, b.last)]
    return padded(min(0.0, *ends), max(0.0, *ends), 0.12)


def _upright(story: Story, bars: list[_Bar], width: int) -> Sheet:
    sheet = Sheet(width, 280)
    low, high = _range(bars)
    marks = ticks(low, high, 5)
    labels = number_labels(marks, sign=True)
    area = Area(room_for(labels) + 8, 18, width, 252)
    y = Scale(low, high, area.bottom, area.top)
    value_axis(sheet, area, y, marks, labels)
    slot = (area.right - area.left) / len(bars)
    for i, bar in enumerate(bars):
        left, middle = area.left + (i + 0.14) * slot, area.left + (i + 0.5) * slot
        top, bottom = sorted((y(bar.first), y(bar.last)))
        if bar.value is None:
            _hatch(sheet, left, top - 16, slot * 0.72, 32)
            sheet.text(middle, top - 22, bar.text, "mute", "middle")
        else:
            sheet.box(left, top, slot * 0.72, bottom - top, bar.cls)
            below = bar.value < 0 and bottom + 16 < area.bottom and not bottom < y(0) < bottom + 18
            sheet.text(middle, bottom + 14 if below else top - 5, bar.text, "", "middle")
        if i + 1 < len(bars) - 1:
            sheet.line(left + slot * 0.72, y(bar.last), left + slot, y(bar.last), "link")
        sheet.text(middle, sheet.height - 6, bar.name, "mute", "middle")
    corner(sheet, story)
    return sheet


def _lying(story: Story, bars: list[_Bar], width: int) -> Sheet:
    top, row = 20, 30
    sheet = Sheet(width, top + row * len(bars) + 4)
    left = room_for([b.name for b in bars]) + 8
    right = width - room_for([b.text for b in bars]) - 8
    low, high = _range(bars)
    x = Scale(low, high, left, right)
    sheet.line(x(0), top, x(0), sheet.height, "zero")
    for i, bar in enumerate(bars):
        y = top + row * i
        sheet.text(0, y + 19, bar.name, "mute")
        first, last = sorted((x(bar.first), x(bar.last)))
        if bar.value is None:
            _hatch(sheet, first - 14, y + 5, 28, row - 10)
        else:
            sheet.box(first, y + 5, last - first, row - 10, bar.cls)
        sheet.text(width, y + 19, bar.text, "mute" if bar.value is None else "", "end")
    corner(sheet, story)
    return sheet


def _hatch(sheet: Sheet, x: float, y: float, width: float, height: float) -> None:
    """A box of slanted lines: a layer that was not simulated."""
    lines = []
    for i in range(int((width + height) // 7) + 1):
        at = i * 7.0
        x1, y1 = x + max(0.0, at - height), y + min(at, height)
        x2, y2 = x + min(at, width), y + max(0.0, at - width)
        lines.append(f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}")
    sheet.path("".join(lines), "hatch")
