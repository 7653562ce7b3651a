"""The chapters of the page, each a question, its answer in a sentence, and its charts."""

from __future__ import annotations

from html import escape

import numpy as np

from tickerml.lab.chance import Chance as Drawn
from tickerml.views import chances, figures, verdict
from tickerml.views.book import book
from tickerml.views.charts.calibration import calibration_chart
from tickerml.views.charts.cards import cards
from tickerml.views.charts.equity import equity
from tickerml.views.charts.excursions import excursions
from tickerml.views.charts.price import price_chart
from tickerml.views.charts.reasons import reasons
from tickerml.views.charts.waterfall import waterfall
from tickerml.views.html import chapter, figure, heading, paragraph, table
from tickerml.views.story import Floats, Story
from tickerml.views.words import (
    count,
    duration,
    money,
    percent,
    period,
    plural,
    span_of,
    spoken,
    whole_percent,
)

COINS = 8  # price charts on the page: those with the most trades


def chance(story: Story) -> str:
    """Was it more than chance?"""
    question = "Was it more than chance?"
    if not verdict.traded(story):
        held = figures.hold(story)
        market = "" if held is None else f" Holding the same coins would have changed the money by {percent(held)}."
        return chapter(question, paragraph(f"It did not trade, so there is nothing that chance could explain.{market}"))
    picture = equity(story)
    drawn = figure(picture) if picture else paragraph("Not shown: fewer than two balances were recorded.")
    return chapter(question, paragraph(_chance_words(story)), drawn, _against(story))


def _against(story: Story) -> str:
    """What the run stands against, each with how often it did at least as well."""
    twins, entries, held = chances.twins_chance(story), chances.random_entry(story), figures.hold(story)
    currency = story.head.currency
    rows = [("this run", f"{money(figures.net(story), currency, sign=True)} {currency}", "-", "-")]
    if held is not None:
        scaled = figures.hold_scaled(story) or 0.0
        rows.append(("holding, with this run's average exposure", percent(scaled), f"all of it: {percent(held)}", "-"))
    rows.append(
        ("the same run on bars without an edge", *_drawn(twins, "null twin", story.twins.nets, currency))
        if twins is not None and story.twins is not None
        else ("the same run on bars without an edge", "not shown", chances.no_twins(story), "-")
    )
    rows.append(
        ("the same trades at random moments", *_drawn(entries.chance, "redraw", entries.nets, currency))
        if entries is not None
        else ("the same trades at random moments", "not shown", chances.no_random_entry(story), "-")
    )
    return table(("against", "net", "did at least as well", "p"), rows)


def _drawn(found: Drawn, noun: str, nets: Floats, currency: str) -> tuple[str, str, str]:
    """The middle of the draws, how many were as good, and p."""
    middle = f"{money(float(np.median(nets)), currency, sign=True)} {currency} in the middle"
    return middle, f"{count(found.as_good)} of {plural(found.n, noun)}", f"{found.p:.2g}"


def _chance_words(story: Story) -> str:
    interval, held, scaled = chances.net_interval(story), figures.hold(story), figures.hold_scaled(story)
    said = [_chance_number(story)]
    if interval is None:
        said.append(f"An interval is not shown: {chances.too_few_to_redraw(story)}.")
    else:
        span = span_of(interval.low, interval.high)
        said.append(f"The same trades redrawn in blocks end at {span} {story.head.currency} 95 times in 100.")
    if held is not None and scaled is not None:
        said.append(
            f"Holding all the time: {percent(held)}; with this run's average exposure of "
            f"{percent(figures.exposure(story), sign=False)}: {percent(scaled)}."
        )
    return " ".join(s for s in said if s)


def _chance_number(story: Story) -> str:
    """The p-value beside the natural frequency of the headline, and how many tries it counts."""
    found, p = chances.chance(story), chances.p_value(story)
    if found is None:
        return ""
    of = plural(found.n, "null twin") if found.source == "twins" else plural(found.n, "redraw")
    trials = story.head.trials or 1
    best = f" for the best of {count(trials)} trials" if trials > 1 else ""
    return f"{count(found.as_good)} of {of} without an edge did at least as well; p = {max(p, 0.001):.2g}{best}."


def where_money(story: Story) -> str:
    """Where did the money go?"""
    if not verdict.traded(story):
        return ""
    question, picture = "Where did the money go?", waterfall(story)
    currency = story.head.currency
    rows = [
        ("closed trades before fees and funding", figures.gross(story)),
        *([("quotes closed before fees and funding", figures.quoted(story))] if figures.quoted(story) else []),
        ("fees", -figures.fees(story)),
        ("funding", figures.funding(story)),
        ("open at the end", figures.open_money(story)),
        ("net", figures.net(story)),
    ]
    account = table(("from the account", currency), [(name, money(v, currency, sign=True)) for name, v in rows])
    if picture is None:
        return chapter(question, paragraph("The layers of cost were not simulated for this run."), account)
    return chapter(question, paragraph(_eaten(story)), figure(picture), account)


def _eaten(story: Story) -> str:
    costs = [(layer.name, layer.money) for layer in story.waterfall[1:] if layer.money is not None and layer.money < 0]
    first = story.waterfall[0].money
    if first is None or not costs:
        return ""
    others = sorted({x.trades for x in story.waterfall if x.trades is not None} - {len(story.trades)})
    if others:
        made = ", ".join(map(count, others))
        return (
            f"The re-runs did not make the same {plural(len(story.trades), 'trade')} ({made}): a step is also what "
            "other trades earned, not the cost alone."
        )
    name, worst = min(costs, key=lambda item: item[1])
    total = sum((m for _, m in costs), start=worst * 0)
    currency = story.head.currency
    return (
        f"At mid it would have {'made' if first >= 0 else 'lost'} {money(abs(first), currency)} {currency}; "
        f"costs took {money(-total, currency)}, of which {name} {money(-worst, currency)}."
    )


def trades(story: Story) -> str:
    """What did it trade? Nothing when it did not."""
    if not story.trades:
        return ""
    by_coin: dict[str, int] = {}
    for trade in story.trades:
        by_coin[trade.coin] = by_coin.get(trade.coin, 0) + 1
    coins = sorted(by_coin, key=lambda c: (-by_coin[c], c))
    parts = [paragraph(_traded_words(story))]
    for i, coin in enumerate(coins[:COINS]):
        picture = price_chart(story, coin, min(COINS, len(coins)))
        if picture is not None:
            opened = " open" if i == 0 else ""
            net = sum((t.pnl for t in story.trades if t.coin == coin), start=story.trades[0].pnl * 0)
            said = f"{picture.title}, {money(net, story.head.currency, sign=True)} {story.head.currency}"
            head = f'<details class="coin" name="coin"{opened}><summary>{escape(said)}</summary>'
            parts.append(f"{head}{figure(picture)}</details>")
    if len(coins) > COINS:
        parts.append(paragraph(f"The {COINS} coins with the most trades of {len(coins)} are drawn."))
    few = len(story.trades) <= 6
    parts.append(heading("Its trades" if few else "Six trades: the best, the worst, and two in the middle"))
    parts.append(_cards(story))
    moves = excursions(story)
    if moves is not None:
        parts += [heading("Are stops too near, or targets too far?"), figure(moves)]
    return chapter("What did it trade?", *parts)


def _traded_words(story: Story) -> str:
    rate, ratio = figures.win_rate(story), figures.payoff(story)
    said = (
        f"{plural(rate.n, 'trade')} closed, {count(figures.won(story))} won: {whole_percent(rate.value)} "
        f"({span_of(rate.low * 100, rate.high * 100, sign=False)})"
    )
    if ratio == ratio:
        said += f"; a winner makes {ratio:.2f} times what a loser loses"
    return f"{said}. Held {duration(figures.mean_hold(story))} on average."


def _cards(story: Story) -> str:
    found = []
    for card in cards(story):
        drawn = card.sheet.svg(card.title, card.sentence)
        lines = "".join(f"<span>{escape(line)}</span>" for line in card.lines)
        found.append(f"<li><strong>{escape(card.title)}</strong>{drawn}{lines}</li>")
    return f'<ul class="cards">{"".join(found)}</ul>'


def why_not(story: Story) -> str:
    """Why did it not trade?"""
    told = story.decisions
    passed, refused = reasons(story, refused=False), reasons(story, refused=True)
    said = (
        f"{plural(figures.decisions(story), 'decision')} = {plural(figures.passes(story), 'pass')} + "
        f"{plural(told.signals, 'signal')}; {plural(told.orders, 'order')} left, "
        f"{plural(figures.refusals(story), 'refusal')}, {plural(told.rejects, 'reject')} by the venue."
    )
    parts = [paragraph(said)]
    if refused is not None:
        parts += [heading("It wanted to, and the desk said no"), figure(refused), _examples(story)]
    if passed is not None:
        parts += [heading("It looked, and wanted nothing"), figure(passed)]
    if told.quotes:
        kept = [(spoken(reason), count(n)) for reason, n in figures.by_reason(told.quotes)]
        parts += [
            heading("Quotes that stayed here, asked again at each wake"),
            table(("what kept them", "quotes"), kept),
        ]
    elif passed is None and refused is None:
        parts.append(paragraph("Nothing was passed over and nothing was refused: every decision became an order."))
    return chapter("Why did it not trade?", *parts)


def _examples(story: Story) -> str:
    rows = [(spoken(code), text) for code, text in story.decisions.examples.items() if text and text != spoken(code)]
    if not rows:
        return ""
    said = table(("reason", "what was said"), rows)
    return f'<details class="table"><summary>The last refusal of each reason</summary>{said}</details>'


def confidence(story: Story) -> str:
    """Is its confidence true?"""
    picture = calibration_chart(story)
    if picture is None:
        said = "It said no confidence whose outcome is known." if verdict.traded(story) else ""
        return chapter("Is its confidence true?", paragraph(said))
    return chapter("Is its confidence true?", figure(picture))


def trust(story: Story) -> str:
    """Can I trust the data?"""
    health = story.health
    good = health.gaps == 0 and not health.crossed and not health.problems
    said = "No gap, no crossed book, nothing refused at import."
    if not good:
        said = "Not all of it is whole; each place is counted below."
    rows = [*_source_rows(story), *_health_rows(story)]
    return chapter("Can I trust the data?", paragraph(said), table(("what", "found"), rows))


def _source_rows(story: Story) -> list[tuple[str, str]]:
    head = story.head
    return [
        ("source", head.source),
        ("period", period(head.start, head.end)),
        ("coins", ", ".join(head.coins)),
        ("rows", count(story.health.rows)),
    ]


def _health_rows(story: Story) -> list[tuple[str, str]]:
    """Counts of what went wrong, clocks, assumptions and checks; what was not measured has no row."""
    health = story.health
    counted = {
        "gaps": health.gaps,
        "updates lost": health.lost,
        "resyncs": health.resyncs,
        "crossed books": health.crossed,
        "duplicates": health.duplicates,
    }
    checked = {"leak check": health.leak_check, "visibility": health.visibility, "latency": health.latency}
    rows = [(name, count(n)) for name, n in counted.items() if n is not None]
    rows.append(("receive times", "assumed: not recorded" if health.assumed_clock else "as recorded"))
    rows += [(f"clock of {stream}", f"{ns / 1e9:+.3f} s corrected") for stream, ns in health.clocks.items()]
    if health.both_inside is not None:
        taken = f"{count(health.both_inside)}: the stop was taken" if health.both_inside else "0"
        rows.append(("bars with stop and target both inside", taken))
    rows += [(name, value) for name, value in checked.items() if value]
    return rows + [(f"at import: {spoken(problem)}", count(n)) for problem, n in health.problems.items()]


def again(story: Story) -> str:
    """How do I get the same again?"""
    recipe = story.recipe
    replay = f"tickerml replay {story.head.command_name}" if story.head.run else ""
    made = "" if recipe.command.startswith("tickerml replay ") else recipe.command  # which names it as it was called
    commands = [c for c in (made, replay) if c]
    parts = [f"<pre>{escape(chr(10).join(commands))}</pre>"] if commands else []
    hashes = [(f"{name} (SHA-256)", value) for name, value in recipe.hashes.items()]
    rows = [*hashes, *((name, value) for name, value in recipe.versions.items())]
    if rows:
        parts.append(table(("what made it", "which"), rows))
    if recipe.parameters:
        parts += [heading("Parameters"), table(("parameter", "value"), list(recipe.parameters.items()))]
    return chapter("How do I get the same again?", *parts)


def all_figures(story: Story) -> str:
    """Every figure with its definition."""
    rows = [(e.name, e.value, e.definition) for e in book(story)]
    return chapter("All figures, and what each one is", table(("figure", "value", "definition"), rows))
