"""All figures of a run with their one-line definitions, as the page's last table and `tickerml explain` print them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tickerml.views import calibration, chances, figures
from tickerml.views.story import Story
from tickerml.views.words import about, count, duration, fixed, money, percent, span_of, whole_percent


@dataclass(frozen=True, slots=True)
class Entry:
    """One figure: its name, its value in words, and what it is."""

    name: str
    value: str
    definition: str


def book(story: Story) -> list[Entry]:
    """Every figure, also those that are not shown, with the reason."""
    return [*_results(story), *_chances(story), *_trades(story), *_decisions(story)]


def definition(figure: Callable[..., object]) -> str:
    """The docstring of a figure's function as one line."""
    return " ".join((inspect.getdoc(figure) or "").split())


def _entry(name: str, value: str, figure: Callable[..., object]) -> Entry:
    return Entry(name, value, definition(figure))


def _cash(story: Story, value: Decimal) -> str:
    return f"{money(value, story.head.currency, sign=True)} {story.head.currency}"


def _results(story: Story) -> list[Entry]:
    fall, held, scaled = figures.worst_fall(story), figures.hold(story), figures.hold_scaled(story)
    fell = (
        "none" if fall is None else f"{percent(fall.share)}, {duration(fall.lasted)}, {'' if fall.over else 'not '}over"
    )
    return [
        _entry("net", _cash(story, figures.net(story)), figures.net),
        _entry("net, share", percent(figures.net_share(story)), figures.net_share),
        _entry("closed trades", _cash(story, figures.closed(story)), figures.closed),
        _entry("closed trades before fees", _cash(story, figures.gross(story)), figures.gross),
        *([_entry("quotes", _cash(story, figures.quoted(story)), figures.quoted)] if figures.quoted(story) else []),
        _entry("open at the end", _cash(story, figures.open_money(story)), figures.open_money),
        _entry("fees", _cash(story, -figures.fees(story)), figures.fees),
        _entry("funding", _cash(story, figures.funding(story)), figures.funding),
        _entry("worst fall", fell, figures.worst_fall),
        _entry("hold", "no prices" if held is None else percent(held), figures.hold),
        _entry("hold, scaled", "no prices" if scaled is None else percent(scaled), figures.hold_scaled),
        _entry("exposure", percent(figures.exposure(story), sign=False), figures.exposure),
        _entry("turnover", f"{figures.turnover(story):.2f} times the equity", figures.turnover),
    ]


def _chances(story: Story) -> list[Entry]:
    interval, found, p = chances.net_interval(story), chances.chance(story), chances.p_value(story)
    short = f"not shown: {chances.too_few_to_redraw(story)}"
    net = f"{span_of(interval.low, interval.high)} {story.head.currency}" if interval else short
    as_good = f"{count(found.as_good)} of {count(found.n)} {found.source}" if found else short
    needed = figures.needed_trades(story)
    return [
        _entry("net, 95 %", net, chances.net_interval),
        _entry("as good by chance", as_good, chances.chance),
        _entry("p", short if math.isnan(p) else f"{p:.2g} ({chances.tried(story)})", chances.p_value),
        _entry("null twins", _twins(story), chances.twins_chance),
        _entry("random entry", _entries(story), chances.random_entry),
        _entry("trades needed", "not known" if math.isnan(needed) else f"about {about(needed)}", figures.needed_trades),
        _entry("Sharpe", _sharpe(story), chances.sharpe),
        *_yearly(story),
    ]


def _twins(story: Story) -> str:
    found = chances.twins_chance(story)
    if found is None:
        return f"not shown: {chances.no_twins(story)}"
    return f"{count(found.as_good)} of {count(found.n)} at least as good, p = {found.p:.2g}"


def _entries(story: Story) -> str:
    found = chances.random_entry(story)
    if found is None:
        return f"not shown: {chances.no_random_entry(story)}"
    return f"{count(found.chance.as_good)} of {count(found.chance.n)} at least as good, p = {found.chance.p:.2g}"


def _sharpe(story: Story) -> str:
    found = chances.sharpe(story)
    if found is None:
        return f"not shown: {chances.no_sharpe(story)}"
    span = span_of(found.raw.low, found.raw.high, sign=False)
    return f"deflated {found.deflated:.2f}, raw {fixed(found.raw.value, 1)}, 95 %: {span}, {chances.tried(story)}"


def _yearly(story: Story) -> list[Entry]:
    """Yearly figures of the curve, each with its reason where there is none."""
    told = chances.curve(story)
    kinds = (
        ("yearly return", told.annual_return, percent, "Return compounded to 365 days; not shown below 90 days."),
        ("yearly volatility", told.annual_volatility, percent, "Standard deviation of daily returns, times root 365."),
        ("Sortino", told.sortino, _ratio, "Mean daily return over the root of the mean squared loss, times root 365."),
        ("Calmar", told.calmar, _ratio, "Yearly return over the size of the worst fall, both of daily closes."),
    )
    return [
        Entry(name, words(figure.value) if figure.shown else f"not shown: {figure.reason}", said)
        for name, figure, words, said in kinds
    ]


def _ratio(value: float) -> str:
    return fixed(value, 2)


def _trades(story: Story) -> list[Entry]:
    rate, ratio, cost = figures.win_rate(story), figures.payoff(story), figures.round_trip_cost(story)
    factor, mean = figures.profit_factor(story), figures.expectancy(story)
    won = (
        "no trade"
        if not rate.n
        else f"{whole_percent(rate.value)} ({whole_percent(rate.low)} to {whole_percent(rate.high)})"
    )
    found = calibration.calibration(story)
    return [
        Entry("trades closed", count(len(story.trades)), "Positions that were opened and closed within the run."),
        _entry(
            "won",
            f"{won}, payoff {'not known' if math.isnan(ratio) else f'{ratio:.2f}'}" if rate.n else won,
            figures.win_rate,
        ),
        _entry("payoff", "not known" if math.isnan(ratio) else f"{ratio:.2f}", figures.payoff),
        _entry("profit factor", "not known" if math.isnan(factor) else f"{factor:.2f}", figures.profit_factor),
        _entry("expectancy", "no trade" if math.isnan(mean) else _cash(story, Decimal(mean)), figures.expectancy),
        _entry("held", duration(figures.mean_hold(story)) if rate.n else "no trade", figures.mean_hold),
        _entry(
            "round-trip cost", "no trade" if math.isnan(cost) else percent(cost, sign=False), figures.round_trip_cost
        ),
        _entry("confidence", calibration.spoken(found) or "no settled forecast", calibration.calibration),
    ]


def _decisions(story: Story) -> list[Entry]:
    told = story.decisions
    return [
        _entry("decisions", count(figures.decisions(story)), figures.decisions),
        _entry("passes", count(figures.passes(story)), figures.passes),
        Entry("signals", count(told.signals), "Intents of the strategy."),
        _entry("refusals", count(figures.refusals(story)), figures.refusals),
        Entry("orders", count(told.orders), "Approved orders that left for the venue."),
        Entry("fills", count(told.fills), "Executions of those orders, partial ones counted apart."),
        Entry("rejects", count(told.rejects), "Orders that the venue refused."),
    ]
