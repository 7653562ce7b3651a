"""The first line: what happened, in money, and whether chance explains it. A closed list of verdicts."""

from __future__ import annotations

import math

from tickerml.views import chances, figures
from tickerml.views.story import Story
from tickerml.views.words import about, money, percent, plural

CONVINCING = 0.05  # p after all trials, below which "more than chance" is said


def synthetic_line(story: Story) -> str:
    """The warning of a made-up market, or nothing."""
    if not story.head.synthetic:
        return ""
    return f"SYNTHETIC MARKET ({story.head.synthetic}): shows that the program works, says nothing about profit"


def sample_line(story: Story) -> str:
    """The warning of a run on the very rows that its parameters were tried on, or nothing."""
    if not story.head.in_sample:
        return ""
    return f"IN SAMPLE: its parameters were tried on these rows by {story.head.in_sample}"


def warnings(story: Story) -> list[str]:
    """What stands above the verdict, on every view: a made-up market, a run in sample."""
    return [line for line in (synthetic_line(story), sample_line(story)) if line]


def traded(story: Story) -> bool:
    """Whether anything was bought or sold."""
    return bool(story.trades) or story.decisions.fills > 0


def outcome(story: Story) -> str:
    """What happened, in money: "did not trade", "lost 31.42 USDT (-0.31 %)", "made 12.00 USDT (+0.12 %)"."""
    if not traded(story):
        return "did not trade"
    net = figures.net(story)
    said = f"{money(abs(net), story.head.currency)} {story.head.currency} ({percent(figures.net_share(story))})"
    return f"{'lost' if net < 0 else 'made'} {said}"


def judgement(story: Story) -> str:
    """Whether chance explains it; empty for a loss with enough trades and for no trade at all."""
    if not traded(story):
        return ""
    if figures.too_few(story):
        needed = figures.needed_trades(story)
        return "too few to judge" if math.isnan(needed) else f"too few to judge (needs about {_needs(needed)})"
    if figures.net(story) < 0:
        return ""
    p = chances.p_value(story)
    if math.isnan(p) or p >= CONVINCING:
        return "no more than chance"
    known = plural(story.head.trials, "trial") if story.head.trials else "trials unknown: read as best of many"
    return f"more than chance (p = {max(p, 0.001):.2g}, {known})"


def headline(story: Story) -> str:
    """The verdict in one line: "psc lost 31.42 USDT (-0.31 %) in 23 trades; too few to judge (needs about 280)"."""
    said = f"{story.head.strategy} {outcome(story)}"
    if traded(story):
        said += f" in {plural(len(story.trades), 'trade')}" if story.trades else ", no trade closed yet"
    judged = judgement(story)
    return f"{said}; {judged}" if judged else said


def is_gain(story: Story) -> bool:
    """A gain that chance does not explain: only then may it wear the colour of gain."""
    return judgement(story).startswith("more than chance")


def in_words(story: Story) -> str:
    """The chance figure as a natural frequency: "Without an edge, 58 of 100 runs do at least this well."."""
    found = chances.chance(story)
    if found is None:
        return ""
    times = max(1, round(found.share * 100)) if found.n >= 100 else found.as_good
    of = 100 if found.n >= 100 else found.n
    often = "once" if times == 1 else f"{times} times"
    if found.source == "twins":
        return f"A run with no edge does at least this well {often} in {of}."
    return f"With no edge, the same trades redrawn do at least this well {often} in {of}."


def _needs(needed: float) -> str:
    return about(max(figures.FEW_TRADES, needed))
