"""Why did it not trade? Bars from zero with count and share; passes and refusals apart, each with its own scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tickerml.views import figures
from tickerml.views.charts.axes import NARROW, WIDE, Picture, corner, room_for
from tickerml.views.charts.svg import SIZE, Sheet, text_width
from tickerml.views.story import Count, Story
from tickerml.views.words import count, percent, spoken

MOST: Final = 12  # reasons a chart; the table below it has them all


def reasons(story: Story, refused: bool, widths: tuple[int, ...] = (WIDE, NARROW)) -> Picture | None:
    """The picture of the refusals or of the passes; None when there were none."""
    counts = story.decisions.refusals if refused else story.decisions.passes
    found = figures.by_reason(counts)
    total = sum(n for _, n in found)
    if not total:
        return None
    title = "Refusals by reason" if refused else "Passes by reason"
    what = "The strategy wanted to trade, the desk said no" if refused else "The strategy looked and wanted nothing"
    sheets = tuple(_draw(story, found, total, width) for width in widths)
    return Picture(title, f"{what}: {count(total)} times.", sheets, *_table(story, counts, total))


def _draw(story: Story, found: Sequence[tuple[str, int]], total: int, width: int) -> Sheet:
    shown = [(spoken(reason), n) for reason, n in found[:MOST]]
    if len(found) > MOST:
        shown.append((f"{len(found) - MOST} more", sum(n for _, n in found[MOST:])))
    figured = [f"{count(n)} ({percent(n / total, sign=False)})" for _, n in shown]
    names, right = room_for([name for name, _ in shown]) + 14, width - room_for(figured) - 10
    beside = names < width * 0.4
    left, row, top = (names, 26, 18) if beside else (0.0, 42, 18)
    sheet = Sheet(width, top + row * len(shown))
    most = max(n for _, n in shown)
    for i, ((name, n), text) in enumerate(zip(shown, figured, strict=True)):
        y = top + row * i + (0 if beside else 16)
        sheet.text(0, y + (15 if beside else 0), _fit(name, width if not beside else names))
        length = (right - left) * n / most
        sheet.box(left, y + 4, length, 14, "ref")
        sheet.text(left + max(0.5, length) + 8, y + 15, text, "mute")
    corner(sheet, story)
    return sheet


def _fit(name: str, width: float) -> str:
    """The name, or as much of its beginning as there is room for."""
    if text_width(name, SIZE) <= width:
        return name
    room, kept = width - text_width("...", SIZE), 0
    for character in name:
        room -= text_width(character, SIZE)
        if room < 0:
            break
        kept += 1
    return name[: max(1, kept)] + "..."


def _table(story: Story, counts: Sequence[Count], total: int) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    coins = sorted({c.coin for c in counts}, key=lambda c: (_place(story, c), c))
    by_coin = {coin: dict(figures.by_reason(counts, coin)) for coin in coins} if len(coins) > 1 else {}
    rows = []
    for reason, n in figures.by_reason(counts):
        rest = tuple(count(by_coin[coin].get(reason, 0)) for coin in by_coin)
        rows.append((spoken(reason), count(n), percent(n / total, sign=False), *rest))
    return ("reason", "count", "share", *by_coin), tuple(rows)


def _place(story: Story, coin: str) -> int:
    return story.head.coins.index(coin) if coin in story.head.coins else len(story.head.coins)
