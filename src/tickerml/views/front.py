"""The top of the page: warnings that stay, the verdict in words, four figures with what they stand against."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tickerml.views import calibration, chances, figures, verdict
from tickerml.views.story import Story
from tickerml.views.words import (
    about,
    amount,
    count,
    days,
    duration,
    fixed,
    money,
    percent,
    plural,
    span_of,
    spoken,
    whole_percent,
)


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure large, with its name above and what it stands against below. `cls`: gain, loss or none."""

    name: str
    value: str
    against: str
    cls: str = ""


def title(story: Story) -> str:
    """The window's title; a made-up market and a run in sample say so first."""
    said = f"{'in sample: ' if story.head.in_sample else ''}{subject(story)} {verdict.outcome(story)}"
    return f"SYNTHETIC: {said}" if story.head.synthetic else said


def subject(story: Story) -> str:
    """The strategy and what it was run on: "dip on BTC/USDT", "psc on 6 coins"."""
    coins = story.head.coins
    return f"{story.head.strategy} on {coins[0] if len(coins) == 1 else plural(len(coins), 'coin')}"


def caveats(story: Story) -> list[str]:
    """What must be known before any figure is believed."""
    health, found = story.health, calibration.calibration(story)
    said: list[str] = []
    if health.visibility == "oracle":
        said.append("Visibility: oracle. Simulated answers were seen before they could have been known.")
    if health.assumed_clock:
        said.append(
            "Assumed clocks: receive times were not recorded; close or settlement plus a delay stands for them."
        )
    if health.bar_only:
        said.append("Bars only: no order book was recorded; fills inside a bar follow a stated, pessimistic path.")
    if health.leak_check and (health.leaks is None or health.leaks):
        said.append(f"{health.leak_check[0].upper()}{health.leak_check[1:]}.")
    if found is not None and not found.enough:
        said.append(f"Uncalibrated: {found.n} forecasts of {figures.ENOUGH_TO_CALIBRATE} are settled.")
    return [*said, *_dust(story), *_insured(story), *story.head.notes]


def _dust(story: Story) -> list[str]:
    """What fees that were taken in coins have left of them, and nobody can sell."""
    left: dict[str, Decimal] = {}
    for trade in story.trades:
        coin = trade.coin.split("/")[0]
        left[coin] = left.get(coin, Decimal(0)) + trade.dust
    told = ", ".join(f"{format(amount.normalize(), 'f')} {coin}" for coin, amount in sorted(left.items()) if amount)
    why = "less than a lot a trade: not sold, at its cost in what trades earned, at the market's price in equity"
    return [f"Fees in coins left dust: {told}; {why}."] if told else []


def _insured(story: Story) -> list[str]:
    """What of the losses the venue's insurance bore: the account would owe it elsewhere."""
    borne = [trade.insured for trade in story.trades if trade.insured]
    told = f"{money(sum(borne, Decimal(0)), story.head.currency)} {story.head.currency} of {plural(len(borne), 'loss')}"
    return [f"The venue's insurance bore {told} beyond the margin."] if borne else []


def lead(story: Story) -> str:
    """What stands under the headline: how many trades, when, and whether chance explains it."""
    head, judged = story.head, verdict.judgement(story)
    said = [f"{plural(len(story.trades), 'trade')}, {days(head.start, head.end)}."]
    if not verdict.traded(story):
        told = story.decisions
        said = [
            f"{days(head.start, head.end)}. It looked {count(figures.decisions(story))} times, passed "
            f"{count(figures.passes(story))} times, wanted to trade {count(told.signals)} times; "
            f"the desk refused {count(figures.refusals(story))}."
        ]
    elif judged.startswith("too few"):
        needed = figures.needed_trades(story)
        said.append("Too few to judge." if needed != needed else f"Too few to judge: needs about {_needs(needed)}.")
    elif judged:
        said.append(judged[0].upper() + judged[1:] + ".")
    return " ".join([*said, verdict.in_words(story)]).strip()


def _needs(needed: float) -> str:
    return about(max(figures.FEW_TRADES, needed))


def tiles(story: Story) -> list[Tile]:
    """Net, chance, worst fall, Sharpe; for a run that did not trade what it did instead."""
    if not verdict.traded(story):
        return _idle(story)
    return [_net(story), _chance(story), _fall(story), _sharpe(story)]


def _net(story: Story) -> Tile:
    interval, start = chances.net_interval(story), float(story.start_equity) or 1.0
    against = f"{plural(len(story.trades), 'trade')}: too few for an interval"
    if interval is not None:
        against = f"95 %: {span_of(interval.low / start * 100, interval.high / start * 100)} %"
    cls = "loss" if figures.net(story) < 0 else "gain" if verdict.is_gain(story) else ""
    return Tile("Net", percent(figures.net_share(story)), against, cls)


def _chance(story: Story) -> Tile:
    found = chances.chance(story)
    if found is None:
        return Tile("As good by chance", "not shown", chances.too_few_to_redraw(story))
    of = f"{count(found.n)} null twins" if found.source == "twins" else "same trades redrawn, no edge"
    return Tile("As good by chance", whole_percent(max(0.01, found.share)), of)


def _fall(story: Story) -> Tile:
    fall = figures.worst_fall(story)
    if fall is None:
        return Tile("Worst fall", "none", "never below its peak")
    return Tile("Worst fall", percent(fall.share), f"{duration(fall.lasted)}, {'over' if fall.over else 'not over'}")


def _sharpe(story: Story) -> Tile:
    found = chances.sharpe(story)
    if found is None:
        return Tile("Sharpe, deflated", "not shown", chances.no_sharpe(story))
    return Tile("Sharpe, deflated", f"{found.deflated:.2f}", f"raw {fixed(found.raw.value, 1)}, {chances.tried(story)}")


def _idle(story: Story) -> list[Tile]:
    told, held = story.decisions, figures.hold(story)
    passed = figures.by_reason(told.passes)
    refused = figures.by_reason(told.refusals)
    return [
        Tile("Passes", count(figures.passes(story)), f"most: {spoken(passed[0][0])}" if passed else "never looked"),
        Tile("Signals", count(told.signals), plural(told.orders, "order")),
        Tile(
            "Refusals",
            count(figures.refusals(story)),
            f"most: {spoken(refused[0][0])}" if refused else "none",
        ),
        Tile("Hold", "not known" if held is None else percent(held), f"{amount(story.health.rows)} rows of data"),
    ]
