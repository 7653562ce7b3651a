"""Show me one: the price around a trade with entry, stop, target and exit. Two best, two worst, two in the middle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tickerml.views.charts.axes import corner, trace
from tickerml.views.charts.scale import Scale, apart, padded
from tickerml.views.charts.svg import Sheet, triangle
from tickerml.views.story import Prices, Story, Trade
from tickerml.views.words import day, duration, money, percent, price, spoken, stamp

SIZE: Final = (240, 120)  # px
CARDS: Final = 6


@dataclass(frozen=True, slots=True)
class Card:
    """One trade: the picture and the words below it."""

    title: str
    sheet: Sheet
    lines: tuple[str, ...]
    sentence: str


def chosen(story: Story) -> list[tuple[str, Trade]]:
    """(why it was chosen, trade): all below six, else two best, two worst, two around the median."""
    ranked = sorted(story.trades, key=lambda t: (-t.pnl, t.exit_time))
    if len(ranked) <= CARDS:
        return [("", t) for t in ranked]
    middle = len(ranked) // 2 - 1
    places = (
        ("best", 0),
        ("second best", 1),
        ("middle", middle),
        ("middle", middle + 1),
        ("second worst", -2),
        ("worst", -1),
    )
    return [(said, ranked[at]) for said, at in places]


def windows(story: Story) -> list[tuple[str, int, int]]:
    """(symbol, start, end) of the spans that the cards show: what `prices` should keep fine."""
    return [(t.coin, *span(t)) for _, t in chosen(story)]


def span(trade: Trade) -> tuple[int, int]:
    """The trade with half its length before and a quarter after it."""
    held = max(1_000_000_000, trade.exit_time - trade.entry_time)
    return trade.entry_time - held // 2, trade.exit_time + held // 4


def cards(story: Story) -> list[Card]:
    """The cards, best first."""
    return [_card(story, said, trade) for said, trade in chosen(story)]


def _card(story: Story, said: str, t: Trade) -> Card:
    side, share = "long" if t.side > 0 else "short", float(t.pnl / t.notional) if t.notional else 0.0
    title = f"{money(t.pnl, story.head.currency, sign=True)} {story.head.currency}{f', {said}' if said else ''}"
    held = duration(t.exit_time - t.entry_time)
    lines = [
        f"{t.coin} {side}, {day(t.entry_time, year=False)} {stamp(t.entry_time)[11:16]}",
        f"{price(t.entry)} to {price(t.exit)}, {percent(share)}",
        f"held {held}, ended by {spoken(t.reason)}" if t.reason else f"held {held}",
    ]
    if t.mae is not None and t.mfe is not None:
        lines.append(f"at worst {percent(-t.mae)}, at best {percent(t.mfe)}")
    confidence = t.confidence if t.confidence is not None else t.confidence_raw
    if confidence is not None:
        lines.append(f"confidence {confidence:.2f}{'' if t.confidence is not None else ' raw'}")
    return Card(title, _draw(story, t), tuple(line for line in lines if line), f"{lines[0]}, {lines[1]}")


def _draw(story: Story, t: Trade) -> Sheet:
    sheet = Sheet(*SIZE)
    start, end = span(t)
    near = _around(story.prices.get(t.coin), start, end)
    levels = [float(v) for v in (t.entry, t.exit, t.stop, t.target) if v is not None]
    values = [*levels, *(near.close.tolist() if near is not None else ())]
    low, high = padded(min(values), max(values), 0.1)
    x, y = Scale(start, end, 2, SIZE[0] - 44), Scale(low, high, SIZE[1] - 6, 16)
    lines = [(name, y(float(level))) for name, level in (("target", t.target), ("stop", t.stop)) if level is not None]
    for (name, at), label in zip(lines, apart([at for _, at in lines], 12, 20, SIZE[1] - 6), strict=True):
        sheet.line(2, at, SIZE[0] - 44, at, "level")
        sheet.text(SIZE[0] - 40, label + 4, name, "mute", size=11)
    if near is not None:
        sheet.path(trace(x, y, near.time, near.close), "price")
    cls = "won" if t.pnl > 0 else "lost"
    sheet.line(x(t.entry_time), y(float(t.entry)), x(t.exit_time), y(float(t.exit)), cls)
    sheet.path(triangle(x(t.entry_time), y(float(t.entry)), t.side > 0), "gain" if t.pnl > 0 else "loss")
    sheet.dot(x(t.exit_time), y(float(t.exit)), 3.5, "gain" if t.pnl > 0 else "loss")
    corner(sheet, story)
    return sheet


def _around(series: Prices | None, start: int, end: int) -> Prices | None:
    if series is None:
        return None
    first, last = np.searchsorted(series.time, start), np.searchsorted(series.time, end, "right")
    if last - first < 2:
        return None
    return Prices(series.time[first:last], series.close[first:last])
