"""The chapter that splits a run: by strategy and pair, by month, and what its trades have in common."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tickerml.views import figures, parts
from tickerml.views.charts.groups import BY, groups
from tickerml.views.charts.months import months
from tickerml.views.html import chapter, figure, heading, paragraph, table
from tickerml.views.intervals import wilson
from tickerml.views.story import Story
from tickerml.views.words import count, fixed, money, percent, plural, span_of, whole_percent


def when_where(story: Story) -> str:
    """When and where?"""
    shown = [*_tables(story)] if story.trades or figures.quoted(story) else []
    if not story.trades:
        return chapter("When and where?", *shown) if shown else ""
    by_month = months(story)
    if by_month is not None:
        shown.append(figure(by_month))
    for by in BY:
        picture = groups(story, by)
        if picture is not None:
            shown += [heading(picture.title), figure(picture)]
    if not shown:
        n = plural(len(story.trades), "trade")
        shown.append(
            paragraph(f"Not shown: {n} are too few to split. A row needs 10 trades, the map of months three months.")
        )
    return chapter("When and where?", *shown)


def _tables(story: Story) -> list[str]:
    """Each strategy and each pair by the same figures, where there are several."""
    by_strategy, by_pair = parts.by_strategy(story), parts.by_pair(story)
    found = []
    if len(by_strategy) > 1:
        found += [heading("Each strategy"), _table(story, "strategy", by_strategy)]
    if len(by_pair) > 1:
        ranked = sorted(by_pair, key=lambda one: (-one.figures.trades, one.name))
        drawn = _table(story, "pair", ranked)
        found.append(f'<details class="table"><summary>{escape("Each pair as a table")}</summary>{drawn}</details>')
    if found:
        said = "Sharpe (95 %) and worst fall are of this run's money, had it made these trades alone."
        quotes = (
            " Quotes have no trades: theirs are of what the money did beside all trades." if story.head.quoting else ""
        )
        found.insert(0, paragraph(f"{said}{quotes} A Sharpe ratio needs 30 days, and of trades 10."))
    return found


def _table(story: Story, kind: str, found: Sequence[parts.Part]) -> str:
    head = (kind, "trades", "won", "payoff", f"net, {story.head.currency}", "Sharpe", "worst fall")
    return table(head, [_row(story, one) for one in found])


def _row(story: Story, one: parts.Part) -> tuple[str, ...]:
    told, won = one.figures, wilson(one.figures.won, one.figures.trades)
    share = f"{whole_percent(won.value)} ({won.low * 100:.0f} to {won.high * 100:.0f})"
    return (
        one.name,
        count(told.trades),
        share if told.trades else "-",
        fixed(told.payoff.value, 2) if told.payoff.shown else "-",
        money(one.pnl, story.head.currency, sign=True),
        _sharpe(one),
        percent(one.max_drawdown.value) if one.max_drawdown.shown else "-",
    )


def _sharpe(one: parts.Part) -> str:
    """The ratio with its interval; "-" where there is too little for one."""
    found = one.sharpe_95
    return "-" if found is None else f"{fixed(found.value, 1)} ({span_of(found.low, found.high, sign=False)})"
