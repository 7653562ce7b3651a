"""The tables of the live screen: open positions; passes and refusals beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tickerml.views.live_state import LiveState, Position
from tickerml.views.words import clip, clock, count, fixed, price, spoken

FULL: Final = 100  # columns from which size, stop and target are shown, and two lists of reasons fit
_COLUMNS: Final = (
    ("POSITION", 15), ("SIDE", -5), ("SIZE", 10), ("ENTRY", 10), ("NOW", 10), ("P&L", 8), ("%", 6), ("STOP", 10),
    ("TARGET", 10), ("LEFT", 5),
)  # fmt: skip
_WIDE_ONLY: Final = frozenset(("SIZE", "STOP", "TARGET"))
_NARROW: Final = 66  # columns of a row without them


def position_rows(positions: Sequence[Position], shown: int, width: int) -> Iterator[tuple[str, str]]:
    """(text, style) of the head, of `shown` positions, and "+3 more" for the rest. Figures to the right."""
    yield _row({name: name for name, _ in _COLUMNS}, width), "bold"
    for p in positions[:shown]:
        yield _row(_cells(p), width), ""
    if len(positions) > shown:
        yield f" +{len(positions) - shown} more", "dim"


def _cells(p: Position) -> dict[str, str]:
    return {
        "POSITION": p.coin,
        "SIDE": "long" if p.side > 0 else "short",
        "SIZE": price(p.size),
        "ENTRY": price(p.entry),
        "NOW": price(p.now),
        "P&L": fixed(p.pnl, 2, sign=True),
        "%": fixed(p.share * 100, 2, sign=True),
        "STOP": "" if p.stop is None else price(p.stop),
        "TARGET": "" if p.target is None else price(p.target),
        "LEFT": "" if p.left is None else clock(p.left),
    }


def _row(cells: Mapping[str, str], width: int) -> str:
    parts = []
    room = width - (FULL if width >= FULL else _NARROW)  # for names as long as 1000SHIB/USDT:USDT
    for name, size in (("POSITION", 15 + min(9, max(0, room))), *_COLUMNS[1:]):
        if width >= FULL or name not in _WIDE_ONLY:
            left = name == "POSITION" or size < 0
            parts.append(f"{clip(cells[name], abs(size)):{'<' if left else '>'}{abs(size)}}")
    return " " + " ".join(parts).rstrip()


def reason_rows(state: LiveState, width: int, most: int) -> Iterator[tuple[str, str]]:
    """Decisions to the left, signals to the right, with `most` reasons each; below 100 columns one under the other."""
    passes, refusals = sum(state.passes.values()), sum(state.refusals.values())
    decided = f"{count(passes + state.signals)} = {count(passes)} passed + {count(state.signals)} signals"
    wanted = f"{count(state.signals)} = {count(state.signals - refusals)} orders + {count(refusals)} refused"
    left, right = [f" {'DECISIONS':<12}{decided}"], [f" {'SIGNALS':<12}{wanted}"]
    half = width // 2 if width >= FULL else width
    left += _bars(state.passes, most, half)
    right += _bars(state.refusals, most, half)
    if width < FULL:
        for text in (*left, *right):
            yield text, ""
        return
    for i in range(max(len(left), len(right))):
        one, two = left[i] if i < len(left) else "", right[i] if i < len(right) else ""
        yield f"{one:<{half}}{two}".rstrip(), ""


def _bars(counts: Mapping[str, int], most: int, width: int) -> list[str]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown, rest = ranked[:most], sum(n for _, n in ranked[most:])
    rows = [(spoken(reason), n) for reason, n in shown] + ([(f"{len(ranked) - most} more", rest)] if rest else [])
    longest = max((n for _, n in rows), default=1)
    room = min(19, max(0, width - 38))
    return [f"   {clip(name, 22):<22} {count(n):>8}  {'#' * (round(room * n / longest) or 1)}" for name, n in rows]
