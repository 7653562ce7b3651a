"""Strategies that wait for bars which their source does not have."""

from __future__ import annotations

from collections.abc import Sequence

from tickerml.run.setup import Setting
from tickerml.run.strategies import Chosen, traded
from tickerml.strategies.wake import Bars
from tickerml.tape.rows import Rows
from tickerml.tape.tape import Header
from tickerml.views.words import duration


def too_coarse(chosen: Sequence[Chosen], setting: Setting, header: Header, marks: Rows) -> list[str]:
    """A line for each strategy that looks at shorter bars than there are; `marks` (MARK) hold the newest ones' length.

    Where there are trades or a book, bars of any length are made of them.
    """
    told = []
    for one in chosen:
        wake = getattr(one.strategy, "wake", ())  # one that is compiled wakes as it says in its kernel
        wakes = wake if isinstance(wake, tuple) else (wake,)
        mine = traded(one, setting.config, header.instruments, setting.pairs)
        bars = [int(marks[i.id]["bar_ns"]) for i in mine if setting.bar_only[i.id] and marks[i.id]["bar_ns"]]
        for asked in wakes:
            if isinstance(asked, Bars) and bars and min(bars) > asked.ns:
                least = f"the source has none below {duration(min(bars))}"
                told.append(f"{one.name} looks at bars of {asked.timeframe}, {least}: it sees none")
    return told
