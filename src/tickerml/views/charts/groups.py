"""When and where? Mean net per trade of each coin, hour, side and ending, with its interval, sorted by n."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from tickerml.tape.rows import DAY, HOUR
from tickerml.views import figures
from tickerml.views.charts.axes import NARROW, WIDE, Picture, corner, room_for
from tickerml.views.charts.scale import Scale, padded
from tickerml.views.charts.svg import Sheet
from tickerml.views.intervals import Interval, mean_95
from tickerml.views.story import Story, Trade
from tickerml.views.words import moment, money, month, percent, span_of, spoken

FEWEST: Final = 10  # trades a row; smaller ones are merged into "other"
ROWS: Final = 12


@dataclass(frozen=True, slots=True)
class Group:
    """The trades that share something: returns per trade with interval, and of all others."""

    name: str
    mean: Interval
    others: float | None
    net: float

    @property
    def known(self) -> bool:
        """Whether there are trades enough for an interval."""
        return not math.isnan(self.mean.low)


BY: Final[dict[str, Callable[[Trade], str]]] = {
    "strategy": lambda t: t.strategy,
    "coin": lambda t: t.coin,
    "regime at entry": lambda t: t.regime,
    "month of entry": lambda t: _month(t.entry_time),
    "hour of entry (UTC)": lambda t: "{:02d} to {:02d} h".format(*_hours(t.entry_time)),
    "side": lambda t: "long" if t.side > 0 else "short",
    "ending": lambda t: spoken(t.reason),
}


def _month(ns: int) -> str:
    at = moment(ns)
    return f"{month(at.month)} {at.year}"


def _hours(ns: int) -> tuple[int, int]:
    first = ns % DAY // HOUR // 4 * 4
    return first, first + 4


def grouped(story: Story, by: str) -> list[Group]:
    """Rows of 10 trades or more, the most trades first, smaller ones as "other"; empty unless there are two."""
    trades = [t for t in story.trades if t.notional]
    names = [BY[by](t) or "not said" for t in trades]
    large = [n for n in dict.fromkeys(names) if names.count(n) >= FEWEST]
    names = [n if n in large else "other" for n in names]
    values = np.array([float(t.pnl) / float(t.notional) for t in trades])
    nets = np.array([float(t.pnl) for t in trades])
    found = []
    for name in sorted(set(names), key=lambda n: (n == "other", -names.count(n), n)):
        mine = np.array([n == name for n in names])
        mean = mean_95(values[mine], figures.seed(story, f"{by}:{name}"))
        others = None if mine.all() else float(values[~mine].mean())
        found.append(Group(name, mean, others, float(nets[mine].sum())))
    return found[:ROWS] if len(found) > 1 and large else []


def groups(story: Story, by: str) -> Picture | None:
    """The picture of one grouping, or None when there are not two rows to compare."""
    found = grouped(story, by)
    if not found:
        return None
    said = "Mean net per trade as a share of its entry value, 95 % bootstrap interval. Grey tick: all other trades."
    head = (by, "n", "mean per trade", "95 %", f"net, {story.head.currency}")
    table = tuple(
        (
            g.name,
            str(g.mean.n),
            percent(g.mean.value),
            f"{span_of(g.mean.low * 100, g.mean.high * 100)} %" if g.known else f"not shown: {g.mean.n} trades",
            money(g.net, story.head.currency, sign=True),
        )
        for g in found
    )
    return Picture(f"By {by}", said, (_draw(story, found, WIDE), _draw(story, found, NARROW)), head, table)


def _draw(story: Story, found: list[Group], width: int) -> Sheet:
    row, top = 26, 18
    sheet = Sheet(width, top + row * len(found) + 2)
    names, figured = [g.name for g in found], [f"{percent(g.mean.value)}, n {g.mean.n}" for g in found]
    left, right = min(room_for(names) + 12, width * 0.36), width - room_for(figured) - 12
    ends = [v for g in found for v in (g.mean.low, g.mean.high, g.mean.value, g.others or 0.0) if not math.isnan(v)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    x = Scale(*padded(low, high, 0.03), left, right)
    sheet.line(x(0), top, x(0), sheet.height, "zero")
    for i, (g, text) in enumerate(zip(found, figured, strict=True)):
        y = top + row * i + row / 2
        sheet.text(0, y + 4, g.name)
        if g.known:
            sheet.line(x(g.mean.low), y, x(g.mean.high), y, "whisker")
        if g.others is not None:
            sheet.line(x(g.others), y - 8, x(g.others), y + 8, "tick")
        sheet.dot(x(g.mean.value), y, 4.5, "run-f")
        sheet.text(width, y + 4, text, "mute", "end")
    corner(sheet, story)
    return sheet
