"""Two runs beside each other as text of at most 100 columns, and as HTML for a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from html import escape
from textwrap import wrap
from typing import Final

from tickerml.tape.apart import Gap, by_coin
from tickerml.views.charts.causes import causes as picture
from tickerml.views.compared import Cause, Compared, Pair, Side
from tickerml.views.notebook import image
from tickerml.views.words import clip, count, duration, money, period, plain, plural, price, stamp

WIDTH: Final = 100
MOST: Final = 8  # trades and gaps that are shown; --json has all
_BAR: Final = 34  # columns of the longest bar
_NAMES: Final = 20  # columns of a cause's name: "margin and wallets" is the longest
_REST: Final = "together"


def lines(found: Compared, width: int = WIDTH) -> list[str]:
    """The answer first, then where the money went, then trades and data."""
    told = [*_head(found), *_told_causes(found), *_told_trades(found), *_told_gaps(found), *_foot(found)]
    return [plain(clip(part, width)) for line in told for part in _whole(line, found, width)]


def _whole(line: str, found: Compared, width: int) -> list[str]:
    """The line; the one that says up to when both are compared in as many as its runs' names need."""
    return wrap(line, width, break_on_hyphens=False) if line and line == found.cut else [line]


def html(found: Compared) -> str:
    """The same as HTML that survives any sanitizer."""
    told = [plain(line) for line in (*_head(found), *_told_trades(found), *_told_gaps(found), *_foot(found))]
    first = 1 + len(_warnings(found))
    strong = "".join(f"<p><strong>{escape(line)}</strong></p>" for line in told[:first])
    drawn = image(picture(found)) if found.causes and not found.until else ""
    return f"<div>{strong}{drawn}<pre>{escape(chr(10).join(told[first:]))}</pre></div>"


def _head(found: Compared) -> Iterator[str]:
    a, b, unit, apart = found.a, found.b, found.currency, found.difference
    yield from _warnings(found)
    nets = f"{_signed(b.net, unit)} against {_signed(a.net, unit)} {unit}"
    if found.identical:
        made = f"{plural(b.intents, 'intent')}, {plural(b.trades, 'trade')}"
        yield f"{b.run} and {a.run} are the same, byte for byte: {made}"
    elif apart:
        yield f"{b.run} made {money(abs(apart), unit)} {unit} {'more' if apart > 0 else 'less'} than {a.run}: {nets}"
    else:
        yield f"{b.run} and {a.run} made the same by different rows: {_signed(b.net, unit)} {unit}"
    yield from (_named(one) for one in (a, b))


def _warnings(found: Compared) -> list[str]:
    made_up = dict.fromkeys(one.synthetic for one in (found.a, found.b) if one.synthetic)
    told = [f"SYNTHETIC MARKET ({name}): shows that the program works, says nothing about profit" for name in made_up]
    return [*told, found.cut] if found.cut else told


def _named(one: Side) -> str:
    return f"  {one.run:<11} {one.mode} of {one.strategy}, {period(one.start, one.end)}, {one.source}"


def _told_causes(found: Compared) -> Iterator[str]:
    """From the first run's net to the second's, one cause a line, with a bar."""
    if not found.causes:
        return
    yield ""
    if found.until:
        yield "  they differ in (not weighed: a run without an end is not made again)"
        yield from (f"  {c.name:<{_NAMES}}{_differs(c)}" for c in found.causes)
        return
    steps = [(found.a.run, found.a.net), *((c.name, c.money) for c in found.causes)]
    steps += [(_REST, found.residual), (found.b.run, found.b.net)]
    largest = max((abs(m) for _, m in steps if m is not None), default=Decimal(0)) or Decimal(1)
    wide = max(10, *(len(_signed(m, found.currency)) for _, m in steps if m is not None))
    for k, (name, value) in enumerate(steps):
        if value is None:
            yield f"  {name:<{_NAMES}}{'not run':>{wide}}  {found.causes[k - 1].why}"
            continue
        bar = ("#" if 0 < k < len(steps) - 1 else "=") * max(0, round(_BAR * float(abs(value) / largest)))
        yield f"  {name:<{_NAMES}}{_signed(value, found.currency):>{wide}}  {bar}".rstrip()
    yield f"  each line: {found.b.run} made again with only that as in {found.a.run}; {_REST}: what none explains alone"
    yield from (f"  {c.name:<{_NAMES}}{_differs(c)}" for c in found.causes)


def _differs(cause: Cause) -> str:
    shown = ", ".join(cause.differs[:4])
    return shown if len(cause.differs) <= 4 else f"{shown} and {len(cause.differs) - 4} more"


def _told_trades(found: Compared) -> Iterator[str]:
    if not found.pairs or found.identical:
        return
    unit, both = found.currency, found.matched()
    apart = _signed(sum((p.money for p in both), Decimal(0)), unit)
    yield ""
    parts = "   ".join(f"{name} {_signed(value, unit)}" for name, value in found.parts().items())
    yield f"  trades      {count(len(both))} in both: {apart} {unit} apart"
    yield f"              {parts}"
    for first, side in ((True, found.a), (False, found.b)):
        alone = found.only(first=first)
        earned = sum((one.pnl for p in alone if (one := p.a or p.b) is not None), Decimal(0))
        yield f"  only in     {side.run}: {plural(len(alone), 'trade')}, {_signed(earned, unit)} {unit}"
    yield from _largest(found)


def _largest(found: Compared) -> Iterator[str]:
    """The trades that are farthest apart."""
    shown = sorted((p for p in found.pairs if p.money or p.later), key=lambda p: -abs(p.money))[:MOST]
    if not shown:
        return
    yield ""
    yield f"  {'FARTHEST APART':<36}{clip(found.a.run, 9):>10}{clip(found.b.run, 9):>10}{'APART':>10}  WHY"
    for pair in shown:
        side = "long" if pair.side > 0 else "short"
        name = f"{stamp(pair.time)[5:16]} {pair.strategy} {side} {pair.coin}"
        each = [_signed(t.pnl, found.currency) if t else "-" for t in (pair.a, pair.b)]
        apart = _signed(pair.money, found.currency)
        yield f"  {clip(name, 35):<36}{each[0]:>10}{each[1]:>10}{apart:>10}  {_why(pair, found.currency)}"


def _why(pair: Pair, currency: str) -> str:
    """What tells two matched trades apart most, or what became of the wish in the other run."""
    if pair.a is None or pair.b is None:
        return pair.elsewhere
    name, value = max(pair.parts().items(), key=lambda part: abs(part[1]))
    if not value:
        return "later" if pair.later else ""
    one, two = (getattr(t, {"size": "qty"}.get(name, name)) for t in (pair.a, pair.b))
    if name in ("fees", "funding"):
        return f"{name} {money(one, currency)} -> {money(two, currency)}"
    return f"{name} {price(one)} -> {price(two)}"


def _told_gaps(found: Compared) -> Iterator[str]:
    if not found.gaps:
        return
    yield ""
    only = sum(g.only_a for g in found.gaps), sum(g.only_b for g in found.gaps)
    rows = [f"{count(n)} rows only in {one.run}" for n, one in zip(only, (found.a, found.b), strict=True)]
    where = f"{plural(len(found.gaps), 'gap')} in {plural(len(by_coin(found.gaps)), 'coin')}"
    yield f"  data        {', '.join(rows)}; {where}"
    yield from (_gap(gap, found) for gap in sorted(found.gaps, key=lambda g: -max(g.only_a, g.only_b))[:MOST])


def _gap(gap: Gap, found: Compared) -> str:
    missing = [f"{count(n)} not in {one.run}" for n, one in ((gap.only_a, found.b), (gap.only_b, found.a)) if n]
    return f"              {gap.symbol}  {stamp(gap.start)}, {duration(gap.end - gap.start)}: {', '.join(missing)}"


def _foot(found: Compared) -> Iterator[str]:
    if found.first_difference or found.notes:
        yield ""
    if found.first_difference:
        yield f"  {found.first_difference}"
    yield from (f"  {note}" for note in found.notes)


def _signed(value: Decimal, currency: str) -> str:
    text = money(value, currency, sign=True)
    return text if any(c in "123456789" for c in text) else "0"
