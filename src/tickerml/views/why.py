"""Why did it not trade? Passes and refusals by reason, for all coins and for each."""

from __future__ import annotations

from typing import Any, Final

from tickerml.tape.shown import shown
from tickerml.views.figures import by_reason
from tickerml.views.story import Count, Story
from tickerml.views.verdict import synthetic_line
from tickerml.views.words import clip, count, fold, plain, plural, spoken

BAR: Final = 24
WIDTH: Final = 100


def why(story: Story, pair: str | None = None, width: int = WIDTH) -> str:
    """The answer as text, at most `width` columns: counts, shares and bars; per coin below, or one coin alone.

    Raises KeyError when `pair` is not a coin of this run; the message names those that are.
    """
    chosen = _chosen(story, pair)
    passes, refusals = (_of(chosen, story.decisions.passes), _of(chosen, story.decisions.refusals))
    lines = [synthetic_line(story), _first(story, pair, passes, refusals), ""]
    quotes = _of(chosen, story.decisions.quotes)
    if not passes and not refusals and not quotes:
        lines.append("  Nothing was passed over and nothing was refused.")
    lines += _table("passes: the strategy looked and wanted nothing", passes, width)
    lines += _table("refusals: the strategy wanted, the desk said no", refusals, width, story)
    lines += _table("quotes that stayed here, asked again at each wake: what kept them", quotes, width)
    if pair is None and len(story.head.coins) > 1:
        lines += _per_coin(story)
    start = 0 if lines[0] else 1
    shown = [part for line in lines[start:] for part in fold(line, min(width, WIDTH))]
    return "\n".join(plain(line.rstrip()) for line in shown).rstrip()


def why_json(story: Story, pair: str | None = None) -> dict[str, Any]:
    """The same as one object: `passes`, `refusals` and `quotes` that stayed here, by reason, in all and by pair.

    Raises KeyError as `why`.
    """
    chosen = _chosen(story, pair)
    return {
        "run": story.head.run,
        "synthetic": bool(story.head.synthetic),
        "signals": story.decisions.signals,
        "orders": story.decisions.orders,
        "trades": sum(t.coin in chosen for t in story.trades),
        "passes": dict(by_reason(_of(chosen, story.decisions.passes))),
        "refusals": dict(by_reason(_of(chosen, story.decisions.refusals))),
        "quotes": dict(by_reason(_of(chosen, story.decisions.quotes))),
        "pairs": {
            coin: {
                "passes": dict(by_reason(story.decisions.passes, coin)),
                "refusals": dict(by_reason(story.decisions.refusals, coin)),
                "quotes": dict(by_reason(story.decisions.quotes, coin)),
            }
            for coin in chosen
        },
    }


def _chosen(story: Story, pair: str | None) -> tuple[str, ...]:
    coins = tuple(dict.fromkeys((*story.head.coins, *(c.coin for c in _all(story)))))
    if pair is None:
        return coins
    found = tuple(coin for coin in coins if pair == coin) or tuple(coin for coin in coins if _means(pair, coin))
    if not found:
        raise KeyError(f"{pair} is not in this run; it has {', '.join(coins)}")
    return found


def _means(pair: str, coin: str) -> bool:
    """Whether `pair` is a shorter name of `coin`: SHIB, SHIB/USDT and SHIBUSDT all mean 1000SHIB/USDT:USDT."""
    market = coin.partition(":")[0]
    token = market.lstrip("0123456789") if market.startswith("10") else market
    names = {market, token, market.partition("/")[0], token.partition("/")[0]}
    return pair.upper() in names | {name.replace("/", "") for name in names}


def _all(story: Story) -> tuple[Count, ...]:
    return (*story.decisions.passes, *story.decisions.refusals, *story.decisions.quotes)


def _of(coins: tuple[str, ...], counts: tuple[Count, ...]) -> list[Count]:
    return [c for c in counts if c.coin in coins]


def _first(story: Story, pair: str | None, passes: list[Count], refusals: list[Count]) -> str:
    chosen = _chosen(story, pair)
    trades = [t for t in story.trades if t.coin in chosen]
    on = f" on {', '.join(chosen)}" if pair else ""
    return (
        f"{story.head.strategy}{on}: {plural(len(trades), 'trade')} closed, "
        f"{plural(sum(c.n for c in passes), 'pass')}, {plural(sum(c.n for c in refusals), 'refusal')}"
    )


def _table(title: str, counts: list[Count], width: int, story: Story | None = None) -> list[str]:
    total = sum(c.n for c in counts)
    if not total:
        return []
    lines = [f"  {title} ({count(total)})"]
    found = by_reason(counts)
    wide = min(34, max(20, width - 26), max(len(spoken(reason)) for reason, _ in found))
    room = min(BAR, width - wide - 28)
    for reason, n in found:
        bar = "#" * max(1, round(room * n / found[0][1])) if room > 2 else ""
        text = f"    {clip(spoken(reason), wide):<{wide}} {count(n):>11} {n / total * 100:>6.1f} %  {bar}".rstrip()
        example = story.decisions.examples.get(reason, "") if story else ""
        lines.append(text)
        if example and example != spoken(reason):
            lines.append(f"      the last: {shown(example)}")
    return [*lines, ""]


def _per_coin(story: Story) -> list[str]:
    lines, nothing = ["  by coin"], "nothing stayed here" if story.head.quoting else "no decision"
    for coin in _chosen(story, None):
        told = story.decisions
        passes, refusals, quotes = (by_reason(one, coin) for one in (told.passes, told.refusals, told.quotes))
        said = [f"{spoken(r)} {count(n)}" for r, n in (*passes[:1], *refusals[:2], *quotes[:2])]
        trades = sum(t.coin == coin for t in story.trades)
        lines.append(f"    {clip(coin, 18):<18} {plural(trades, 'trade'):>11}   {', '.join(said) or nothing}")
    return lines
