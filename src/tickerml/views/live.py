"""The terminal while a run goes on: one screen from a plain `LiveState`, drawn by rich; and one line for pipes.

The caller refreshes (4 times a second, on stderr) and decides by `stderr.isatty()` whether to draw or to print lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tickerml.views.intervals import wilson
from tickerml.views.live_rows import position_rows, reason_rows
from tickerml.views.live_state import Event, LiveState
from tickerml.views.words import amount, clip, clock, count, fixed, fold, money, percent, plain, plural, stamp

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

NARROWEST: Final = 60  # columns below which only lines are printed
SHORTEST: Final = 16  # rows
EVENTS: Final = 6
ALWAYS_SHOWN: Final = 5  # positions


@dataclass(frozen=True, slots=True)
class Screen:
    """What rich draws: give a new one to `Live.update` with each snapshot."""

    state: LiveState

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines of this console's size, styled; words say everything that a colour says."""
        from rich.text import Text

        height = options.height or console.size.height
        for text, style in lines(self.state, options.max_width, height):
            yield Text(text, style=style, no_wrap=True, overflow="crop")


def lines(state: LiveState, width: int = 100, height: int = 32) -> list[tuple[str, str]]:
    """(text, rich style) of each line, at most `height` (from 16 on) and `width`: events go first, then reasons,
    then positions beyond five.
    """
    events, reasons, shown = min(EVENTS, len(state.events)), 4, len(state.positions)
    while True:
        found = []
        for text, style in _all(state, width, events, reasons, shown):
            found += [(part, style) for part in fold(text, width)]
        if len(found) <= height or not (events or reasons > 1 or shown > ALWAYS_SHOWN):
            return [(clip(text, width), style) for text, style in found[:height]]
        if events:
            events -= 1
        elif reasons > 1:
            reasons -= 1
        else:
            shown -= 1


def _all(state: LiveState, width: int, events: int, reasons: int, shown: int) -> Iterator[tuple[str, str]]:
    rule = ("-" * width, "dim")
    yield from _head(state, width)
    yield rule
    yield from _equity(state)
    yield rule
    if state.positions:
        yield from position_rows(state.positions, shown, width)
    yield f" {max(0, state.coins - len(state.positions))} of {plural(state.coins, 'coin')} flat", "dim"
    yield rule
    yield from reason_rows(state, width, reasons)
    for name, said in (("CONFIDENCE", state.confidence), ("COSTS", state.costs)):
        if said:
            yield f" {name:<12}{said}", ""
    yield rule
    yield _feeds(state), ""
    for i, event in enumerate(state.events[:events]):
        at = stamp(event.time)[11:]
        text = f" {'LAST' if i == 0 else '':<12}{at}  {event.text:<36} {event.detail}".rstrip()
        yield clip(text, width), "" if event.level == "INFO" else "bold"
    yield " Ctrl-C: close, write the report, stop.  Twice: stop at once (nothing stored is lost).", "dim"


def _head(state: LiveState, width: int) -> Iterator[tuple[str, str]]:
    if state.venue:
        yield f" LIVE ORDERS ON {state.venue} ".ljust(width), "reverse bold"
    if state.synthetic:
        said = f" SYNTHETIC MARKET ({state.synthetic}): shows that the program works, says nothing about profit"
        yield said, "bold yellow"
    if state.feeds.stale:
        yield " STALE " + ", ".join(f"{coin} {seconds:.0f} s" for coin, seconds in state.feeds.stale), "bold"
    name = f" tickerml {state.mode}  {state.strategy}  {plural(state.coins, 'coin')}   run {state.run}"
    when = f"{stamp(state.time)} UTC   {state.speed}"
    yield f"{name}{when:>{max(1, width - len(name))}}" if len(name) + len(when) < width else name, "bold"
    if state.doing:
        yield f" {state.doing}", ""
    yield _progress(state, width), ""


def _progress(state: LiveState, width: int) -> str:
    speed = f"{amount(state.rows)} rows   {amount(state.rows_per_s)} rows/s"
    if state.done is None:
        return f" live {clock(state.elapsed)}   {speed}"
    bars = max(10, min(50, width - 50))
    full = round(bars * min(1.0, max(0.0, state.done)))
    left = f"   left {clock(state.left)}" if state.left is not None else ""
    return f" [{'#' * full}{'-' * (bars - full)}] {state.done * 100:3.0f} %   {speed}{left}"


def _equity(state: LiveState) -> Iterator[tuple[str, str]]:
    net = state.equity - state.start_equity
    share = float(net / state.start_equity) if state.start_equity else 0.0
    coin = state.currency
    held = "" if state.hold is None else f"      hold {percent(state.hold)}"
    gained = f"{money(net, coin, sign=True)}  {percent(share)}"
    fell = f"      worst fall {percent(state.worst_fall)}"
    yield f" EQUITY     {money(state.equity, coin):>10} {coin}     {gained}{held}{fell}", ""
    inside = f"(fees {money(-state.fees, coin, sign=True)}, funding {money(state.funding, coin, sign=True)} in it)"
    use = (
        f"in use {state.in_use * 100:.0f} % of {state.limit * 100:.0f} %"
        if state.limit
        else f"in use {state.in_use * 100:.0f} %"
    )
    opened = money(net - state.closed, coin, sign=True)
    yield f"            closed {money(state.closed, coin, sign=True)} {inside}     open {opened}     {use}", ""
    yield f"            {_won(state)}", ""


def _won(state: LiveState) -> str:
    if not state.trades:
        return "no trade closed yet"
    rate = wilson(state.won, state.trades)
    said = f"{plural(state.trades, 'trade')} closed, {state.won} won: "
    said += f"{rate.value * 100:.0f} % ({rate.low * 100:.0f} to {rate.high * 100:.0f})."
    if state.needed is not None and state.trades < state.needed:
        said += f"  Too few to judge: needs about {count(int(state.needed))}."
    return said


def _feeds(state: LiveState) -> str:
    feeds = state.feeds
    corrected = f"   clock {feeds.clock_ns / 1e9:+.2f} s corrected" if feeds.clock_ns else ""
    current = f"{feeds.current} of {feeds.total} current, oldest {feeds.oldest_ms:.0f} ms"
    counts = f"gaps {count(feeds.gaps)}   resyncs {count(feeds.resyncs)}   crossed {count(feeds.crossed)}"
    return f" FEEDS       {current}   {counts}{corrected}"


def plain_line(state: LiveState) -> str:
    """The state as one line for pipes and logs: ASCII, `key value` pairs, no cursor codes."""
    pairs = [
        ("rows", str(state.rows)),
        ("rows_s", f"{state.rows_per_s:.0f}"),
        ("equity", fixed(state.equity, 2).replace(",", "")),
        ("trades", str(state.trades)),
        ("orders", str(state.orders)),
        ("refused", str(sum(state.refusals.values()))),
        ("gaps", str(state.feeds.gaps)),
    ]
    if state.left is not None:
        pairs.append(("left", f"{state.left // 1_000_000_000}s"))
    done = "" if state.done is None else f"{state.done * 100:.0f} %  "
    said = "  ".join(f"{key} {value}" for key, value in pairs)
    warned = "synthetic  " if state.synthetic else ""
    return plain(f"{stamp(state.time)} - {state.mode} - INFO - {warned}{done}{said}")


def event_line(event: Event) -> str:
    """An event as one line for pipes and logs."""
    said = f"{event.text}  {event.detail}".rstrip()
    return plain(f"{stamp(event.time)} - {event.name} - {event.level} - {said}")
