"""The last lines of a run, on stdout: at most 100 columns, ASCII; a statistic that does not exist has no line."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from tickerml.views import calibration, chances, figures, verdict
from tickerml.views.story import Count, Story
from tickerml.views.words import (
    amount,
    clip,
    count,
    duration,
    fixed,
    money,
    percent,
    period,
    plain,
    plural,
    span_of,
    spoken,
)

WIDTH: Final = 100


def summary(story: Story) -> str:
    """The summary as text: the warning of a synthetic market first, then the verdict, then the figures by name."""
    named = (
        ("stopped", "by Ctrl-C; the source goes on behind its last row" if story.head.stopped else ""),
        ("leaks", leak_line(story)),
        ("net", net_line(story)),
        ("money", money_line(story)),
        ("", others_line(story)),
        ("twins", twins_line(story)),
        ("worst fall", fall_line(story)),
        ("Sharpe", sharpe_line(story)),
        ("confidence", calibration.spoken(calibration.calibration(story))),
        ("no trade", reasons_line(story)),
        ("data", data_line(story)),
        ("at import", problems_line(story)),
    )
    lines = [*verdict.warnings(story), verdict.headline(story)]
    lines += [f"  {name:<12}{text}" for name, text in named if text]
    shown = [line if line.startswith("  twins ") else clip(line, WIDTH) for line in lines if line]  # to be pasted
    return "\n".join(map(plain, [*shown, *next_lines(story)]))


def leak_line(story: Story) -> str:
    """That a strategy looked ahead, before any figure that this made worthless; nothing where none did."""
    health = story.health
    return f"{health.leak_check}; the figures below are worth nothing" if health.leaks else ""


def net_line(story: Story) -> str:
    """Net with its interval, holding and chance, as far as they exist."""
    held, currency = figures.hold(story), story.head.currency
    hold = [("     ", f"hold {percent(held)}")] if held is not None else []
    if not verdict.traded(story):
        return _fit([("", f"0 {currency}"), *hold]) if hold else ""
    parts = [("", f"{money(figures.net(story), currency, sign=True)} {currency}")]
    interval, found = chances.net_interval(story), chances.chance(story)
    if interval is not None:
        parts.append(("   ", f"95 %: {span_of(interval.low, interval.high)}"))
    parts += hold
    if found is None:
        return _fit(parts)
    times, of = frequency(found)
    whole = [*parts, ("    ", f"by chance as good: {times} of {of} {found.source}")]
    fitted = _fit(whole)
    return fitted if whole[-1][1] in fitted else _fit([*parts, ("    ", f"by chance: {times} of {of} {found.source}")])


def twins_line(story: Story) -> str:
    """What makes null twins of a run that has none, and why it has none; nothing where they are there or cannot be."""
    why, _, rest = chances.no_twins(story).partition(": tickerml ")
    return _fit([("", f"tickerml {rest}: was it chance?"), ("   ", f"({why})")]) if rest else ""


def _fit(parts: list[tuple[str, str]]) -> str:
    """(gap before, text) as one line; gaps shrink to two columns, then the last parts go, until it fits."""
    for shown in [parts[:n] for n in range(len(parts), 0, -1)]:
        for widest in (5, 3, 2):
            line = "".join(gap[:widest] + text for gap, text in shown)
            if len(line) <= WIDTH - 14:
                return line
    return parts[0][1]


def frequency(found: chances.Chance) -> tuple[int, int]:
    """Chance as a natural frequency: of 100 where there are 100 draws or more."""
    return (max(1, round(found.share * 100)), 100) if found.n >= 100 else (found.as_good, found.n)


def money_line(story: Story) -> str:
    """The waterfall's layers with their money, the residual when it is not 0."""
    layers = [(layer.name, layer.money) for layer in story.waterfall if layer.money is not None]
    if not layers or not verdict.traded(story):
        return ""
    if shown_residual(story):
        layers.append(("rest", figures.residual(story)))
    for decimals in (None, 1, 0, -3):  # all layers or none: they add up only together
        parts = [f"{name} {_layer(value, story, decimals)}" for name, value in layers]
        parts = [part for part in parts if part != "rest 0"]
        if len("  ".join(parts)) <= WIDTH - 14:
            break
    return _fit([("   " if i else "", text) for i, text in enumerate(parts)])


def _layer(value: Decimal, story: Story, decimals: int | None) -> str:
    """Money as exact as `decimals` allows: None = exact, -3 = thousands."""
    if decimals is None:
        return short_money(value, story)
    text = fixed(value / 1000, 0, sign=True) if decimals < 0 else fixed(value, decimals, sign=True)
    return f"{text}k" if decimals < 0 and text != "0" else text


def shown_residual(story: Story) -> bool:
    """Whether the layers leave something that can be seen: half a cent or more."""
    rest = short_money(figures.residual(story), story)
    return bool(story.waterfall) and rest != "0"


def short_money(value: Decimal, story: Story) -> str:
    """Signed money; "0" for what rounds to nothing."""
    text = money(value, story.head.currency, sign=True)
    return text if any(c in "123456789" for c in text) else "0"


def others_line(story: Story) -> str:
    """That a step of the money may be what other trades earned, where the re-runs made others."""
    if not verdict.traded(story):
        return ""
    made = sorted({x.trades for x in story.waterfall if x.money is not None and x.trades is not None})
    if set(made) <= {len(story.trades)}:
        return ""
    span = " to ".join(map(count, dict.fromkeys((made[0], made[-1]))))
    return f"(re-runs made {span} trades: a step holds what other trades earned, too)"


def fall_line(story: Story) -> str:
    """The worst fall, how long it lasted, and whether it is over."""
    fall = figures.worst_fall(story)
    return (
        "" if fall is None else f"{percent(fall.share)}, {duration(fall.lasted)}, {'over' if fall.over else 'not over'}"
    )


def sharpe_line(story: Story) -> str:
    """Deflated Sharpe first, then the raw one with its interval; or why it is not shown."""
    trials = story.head.trials
    record = f"trials on record {trials}" if trials is not None else "trials unknown: read as best of many"
    found = chances.sharpe(story)
    if found is not None:
        span = span_of(found.raw.low, found.raw.high, sign=False)
        return f"deflated {found.deflated:.2f}, raw {fixed(found.raw.value, 1)}, 95 %: {span}       {record}"
    if not verdict.traded(story):
        return ""
    return f"not shown: {chances.no_sharpe(story)}       {record}"


def reasons_line(story: Story) -> str:
    """Passes and refusals with their commonest reasons, as many as fit."""
    sides = (("pass", story.decisions.passes), ("refusal", story.decisions.refusals))
    shown = [[plural(sum(c.n for c in counts), noun), *top(counts)] for noun, counts in sides if counts]
    budget = WIDTH - 14 - 3 * (len(shown) - 1)
    taken = [2] * len(shown)
    for _ in range(8):
        for i, parts in enumerate(shown):
            longer = [*taken[:i], taken[i] + 1, *taken[i + 1 :]]
            if taken[i] < len(parts) and sum(len(_side(p, n)) for p, n in zip(shown, longer, strict=True)) <= budget:
                taken = longer
    return "   ".join(_side(parts, n) for parts, n in zip(shown, taken, strict=True))


def top(counts: Iterable[Count]) -> list[str]:
    """Reasons in words with their counts, largest first."""
    return [f"{spoken(reason)} {count(n)}" for reason, n in figures.by_reason(counts)]


def _side(parts: list[str], n: int) -> str:
    return f"{parts[0]}: {', '.join(parts[1:n])}"


def data_line(story: Story) -> str:
    """Rows, coins, period, gaps; then the speed, the only figure that may differ between two runs."""
    health, head = story.health, story.head
    span = period(head.start, head.end)
    said = f"{amount(health.rows)} rows, {plural(len(head.coins), 'coin')}, {span}, gaps {count(health.gaps)}"
    parts = [("", said)]
    if health.crossed:
        parts.append((", ", f"crossed {count(health.crossed)}"))
    if story.seconds:
        parts += [("; ", f"{story.seconds:.1f} s"), (", ", f"{amount(health.rows / story.seconds)} rows/s")]
    return _fit(parts)


def problems_line(story: Story) -> str:
    """What an import refused or marked, the most frequent first, as many kinds as fit; nothing where all was good."""
    told = sorted(story.health.problems.items(), key=lambda one: -one[1])
    for n in range(len(told), 0, -1):
        said = ", ".join(f"{spoken(problem)} {count(times)}" for problem, times in told[:n])
        more = f", and {plural(len(told) - n, 'kind')} more" if n < len(told) else ""
        if len(said + more) <= WIDTH - 14:
            return said + more
    return ""


def next_lines(story: Story) -> list[str]:
    """What to type next, and where the page lies: on lines of their own where one is too long, and never cut."""
    if not story.head.run:
        return []
    run = story.head.command_name
    parts = [f"tickerml why {run}", f"tickerml replay {run}"]
    parts += [f"report: {story.report}"] if story.report else []
    label = f"  {'next':<12}"
    whole = label + " | ".join(parts)
    if len(whole) <= WIDTH:
        return [whole]
    return [label + parts[0], *(" " * len(label) + part for part in parts[1:])]
