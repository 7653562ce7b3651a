"""Trades of two runs matched one by one: of the same strategy, coin and side, by the time of their intents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np

from tickerml.run.result import Run
from tickerml.tape.block import Block
from tickerml.tape.rows import MINUTE, Kind
from tickerml.views.compared import Pair
from tickerml.views.settled import is_trade, trade
from tickerml.views.story import Trade

WITHIN: Final = 5 * MINUTE  # ns between the intents of one wish: a bar of the usual timeframe
_READ: Final = (int(Kind.INTENT), int(Kind.REFUSAL), int(Kind.SETTLED))
Wish = tuple[str, str, int]  # strategy, coin, side


@dataclass(slots=True)
class Intent:
    """One wish of a strategy, and what became of it."""

    wish: Wish
    time: int  # ns
    figures: dict[str, Any]
    trade: Trade | None = None
    fate: str = "never filled"


@dataclass(slots=True)
class Wishes:
    """The intents of a run by sequence."""

    intents: dict[int, Intent] = field(default_factory=dict)


def wishes(run: Run) -> Wishes:
    """All intents of a run, each with its refusal or its trade."""
    found, seq = Wishes(), int(run.manifest.get("first_sequence") or 0)
    things = {i.id: i for i in run.tape.header.instruments}
    for block in run.tape.blocks():
        for at, kind, inst, time, blob in _told(block):
            if kind == Kind.INTENT:
                wish = str(blob.get("strategy", "")), things[inst].symbol, int(blob.get("side") or 0)
                found.intents[seq + at] = Intent(wish, time, blob)
                continue
            intent = found.intents.get(int(blob.get("intent", -1)))
            if intent is None:
                continue
            if kind == Kind.REFUSAL:
                intent.fate = f"refused: {blob.get('text') or blob.get('code')}"
            elif is_trade(blob):
                intent.trade = trade(things[inst].symbol, things[inst], blob, intent.figures)
        seq += len(block)
    return found


def paired(a: Wishes, b: Wishes, within: int = WITHIN) -> tuple[Pair, ...]:
    """Every trade of both runs, matched where the other has one of the same wish; by time."""
    mine, others = _by_wish(a), _by_wish(b)
    found = [
        pair
        for wish in dict.fromkeys((*mine, *others))
        for pair in _pairs(wish, mine.get(wish, []), others.get(wish, []), within)
    ]
    return tuple(sorted(found, key=lambda p: (p.time, p.coin, p.strategy)))


def _by_wish(found: Wishes) -> dict[Wish, list[Intent]]:
    by: dict[Wish, list[Intent]] = {}
    for intent in found.intents.values():
        by.setdefault(intent.wish, []).append(intent)
    return by


def _pairs(wish: Wish, mine: list[Intent], others: list[Intent], within: int) -> Iterator[Pair]:
    traded = [i for i in mine if i.trade], [i for i in others if i.trade]
    taken = dict(_nearest(*traded, within))
    for k, one in enumerate(traded[0]):
        other = traded[1][taken[k]] if k in taken else None
        if other is not None:
            yield Pair(*wish, one.time, one.trade, other.trade, other.time - one.time)
        else:
            yield Pair(*wish, one.time, a=one.trade, elsewhere=_fate(one, others, within))
    for k, one in enumerate(traded[1]):
        if k not in taken.values():
            yield Pair(*wish, one.time, b=one.trade, elsewhere=_fate(one, mine, within))


def _nearest(mine: list[Intent], others: list[Intent], within: int) -> Iterator[tuple[int, int]]:
    """Places that belong together: the nearest in time first, each once."""
    near = []
    times = np.array([i.time for i in others], np.int64)
    for k, one in enumerate(mine):
        low, high = np.searchsorted(times, (one.time - within, one.time + within + 1)).tolist()
        near += [(abs(int(times[n]) - one.time), k, n) for n in range(low, high)]
    done: tuple[set[int], set[int]] = set(), set()
    for _, k, n in sorted(near):
        if k not in done[0] and n not in done[1]:
            done[0].add(k)
            done[1].add(n)
            yield k, n


def _fate(one: Intent, others: Iterable[Intent], within: int) -> str:
    """What the other run made of this wish: refused, never filled, or not wished."""
    near = [i for i in others if abs(i.time - one.time) <= within]
    if not near:
        return "not wished"
    nearest = min(near, key=lambda i: abs(i.time - one.time))
    return "matched with another" if nearest.trade else nearest.fate


def _told(block: Block) -> Iterator[tuple[int, int, int, int, dict[str, Any]]]:
    """Place, kind, instrument, time and figures of the rows that tell of wishes."""
    rows = block.rows
    for at in np.flatnonzero(np.isin(rows["kind"], _READ) & (rows["ref"] >= 0)).tolist():
        row = rows[at]
        yield at, int(row["kind"]), int(row["inst"]), int(row["recv"]), msgspec.json.decode(block.blobs[row["ref"]])
