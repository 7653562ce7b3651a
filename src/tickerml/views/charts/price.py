"""What did it trade? A coin's price in grey, entries as triangles, a line from each entry to its exit."""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.views.charts.axes import (
    NARROW,
    WIDE,
    Area,
    Picture,
    corner,
    crosshair,
    room_for,
    time_axis,
    trace,
    value_axis,
)
from tickerml.views.charts.scale import Scale, padded
from tickerml.views.charts.svg import Sheet, number, triangle
from tickerml.views.charts.ticks import number_labels, ticks
from tickerml.views.story import Prices, Story, Trade
from tickerml.views.words import duration, money, percent, plural, price, spoken, stamp

ALL: Final = 200  # up to here every trade is drawn
MOST: Final = 100  # beyond that the largest, the others are a strip of density
PAGE: Final = 600  # trades drawn on one page, over all coins
STRIP: Final = 16  # px


def price_chart(story: Story, coin: str, coins: int = 1) -> Picture | None:
    """The picture of one of `coins` coins on the page, or None when it was not traded."""
    series, trades = story.prices.get(coin), [t for t in story.trades if t.coin == coin]
    if not trades:
        return None
    if series is None or len(series.time) < 2:
        series = _from_trades(trades)
    most = min(len(trades) if len(trades) <= ALL else MOST, max(20, PAGE // coins))
    shown = sorted(sorted(trades, key=lambda t: (-abs(t.pnl), t.exit_time))[:most], key=lambda t: t.entry_time)
    said = "Grey: price. Triangle up: bought (long), down: sold (short). Solid blue line: won, dashed orange: lost."
    if len(trades) > most:
        said += f" The {most} largest of {len(trades)} by money; the strip below counts all of them."
    fine = 1 if coins <= 4 else 2  # px a column: many coins share the page's budget
    drawn = [_draw(story, series, trades, shown, width, fine) for width in (WIDE, NARROW)]
    head = ("entry (UTC)", "side", "entry", "exit", "held", "size", f"net, {story.head.currency}", "fees", "ended by")
    return Picture(
        f"{coin}: {plural(len(trades), 'trade')}",
        said,
        tuple(sheet for sheet, _ in drawn),
        head,
        tuple(_row(story, t) for t in shown),
        tuple(attributes for _, attributes in drawn),
    )


def _from_trades(trades: list[Trade]) -> Prices:
    """Without prices of the source: the entries and exits themselves."""
    points = sorted({(t.entry_time, float(t.entry)) for t in trades} | {(t.exit_time, float(t.exit)) for t in trades})
    return Prices(np.array([t for t, _ in points], np.int64), np.array([p for _, p in points], np.float64))


def _draw(
    story: Story, series: Prices, trades: list[Trade], shown: list[Trade], width: int, fine: int
) -> tuple[Sheet, str]:
    strip = STRIP + 8 if len(trades) > len(shown) else 0
    tall = 270 if width > 600 else 210
    sheet = Sheet(width, tall + strip + 24)
    ends = [float(p) for t in shown for p in (t.entry, t.exit)]
    low, high = padded(min(float(series.close.min()), *ends), max(float(series.close.max()), *ends), 0.08)
    marks = ticks(low, high, 5)
    labels = number_labels(marks)
    area = Area(room_for(labels) + 8, 18, width - 8, tall)
    start, end = min(story.head.start, int(series.time[0])), max(story.head.end, int(series.time[-1]))
    x, y = Scale(start, end, area.left, area.right), Scale(low, high, area.bottom, area.top)
    value_axis(sheet, area, y, marks, labels, zero=-1.0)
    sheet.path(trace(x, y, series.time, series.close, story.health.breaks, fine), "price", "price")
    _marks(sheet, shown, x, y, 4.5 if width > 600 else 4)
    if strip:
        _density(sheet, trades, x, tall + 6 + STRIP)
    time_axis(sheet, area, x, tall + strip + 20)
    corner(sheet, story, area)
    return sheet, crosshair(area, x, y, "price")


def _marks(sheet: Sheet, shown: list[Trade], x: Scale, y: Scale, size: float) -> None:
    """All that won in one path, all that lost in another: small pages."""
    for trades, line, mark in (
        ([t for t in shown if t.pnl <= 0], "lost", "loss"),
        ([t for t in shown if t.pnl > 0], "won", "gain"),
    ):
        ends = [(x(t.entry_time), y(float(t.entry)), x(t.exit_time), y(float(t.exit)), t.side > 0) for t in trades]
        lines = (f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}" for x1, y1, x2, y2, _ in ends)
        sheet.path("".join(lines), line)
        sheet.path("".join(triangle(x1, y1, up, size) for x1, y1, _, _, up in ends), mark)


def _density(sheet: Sheet, trades: list[Trade], x: Scale, bottom: float) -> None:
    columns = int((x.last - x.first) // 4)
    at = [min(columns - 1, int((x(t.entry_time) - x.first) // 4)) for t in trades]
    counts = np.bincount(np.array(at), minlength=columns)
    bars = []
    for i in np.flatnonzero(counts).tolist():
        height = max(1.0, STRIP * float(counts[i]) / float(counts.max()))
        bars.append(f"M{number(x.first + 4 * i)} {number(bottom)}v{number(-height)}h3v{number(height)}z")
    sheet.path("".join(bars), "ref")


def _row(story: Story, t: Trade) -> tuple[str, ...]:
    currency = story.head.currency
    return (
        stamp(t.entry_time),
        "long" if t.side > 0 else "short",
        price(t.entry),
        price(t.exit),
        duration(t.exit_time - t.entry_time),
        price(t.qty),
        f"{money(t.pnl, currency, sign=True)} ({percent(float(t.pnl / t.notional)) if t.notional else '-'})",
        money(t.fees, currency),
        spoken(t.reason),
    )
