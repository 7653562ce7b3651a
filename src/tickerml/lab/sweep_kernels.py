"""One strategy with simple exits over arrays of bars: the kernels that follow a combination of parameters bar by bar.

The same rules as the engine's on a tape of bars (sim/bar_path.py, desk/setups.py), where a strategy answers its signals
with one market entry, a stop, a target and a longest time, all fractions of the entry price:

- A signal at the close of bar t enters at the open of t + 1, worsened by slippage; lots = stake / close of t.
- Stop and target leave when the fill is known, at the close of t + 1. What the close has passed by then executes at the
  open of t + 2. Inside t + 2 the target counts only when the close is through it, and the stop executes at its trigger.
- Later a stop is reached by the bar's worst price and executes at its trigger, or at the open when the bar opened
  beyond it; a target must be traded through and executes at its price, as maker. A stop comes before a target.
- A signal to leave at the close of t, and the longest time, withdraw both and close at the next open.
- What is open behind the last bar is settled at its close, without a fee.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.account.contract import value
from tickerml.sim.fees.flat import fee
from tickerml.sim.slippage import worsened
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import FOREVER, Record, Rows

FLAT, ENTERING, HELD = 0, 1, 2
BY_STOP, BY_TARGET, BY_TIMER, BY_SIGNAL, AT_END = 1, 2, 3, 4, 5
REASONS: Final = ("", "stop", "target", "timer", "closed", "end of data")
GROUP: Final = 8  # bars that are passed over at once where nothing can happen in them

COMBO: Final = np.dtype(  # one record a combination: its setup, its trade under way, its figures so far
    [
        ("side", "i8"),
        ("stop", "f8"),  # fraction of the entry price, 0 = none
        ("target", "f8"),
        ("horizon", "i8"),  # ns
        ("stake", "i8"),  # money of one trade
        ("state", "i8"),
        ("lots", "i8"),
        ("entry", "i8"),  # ticks
        ("entry_bar", "i8"),
        ("decided", "i8"),  # ns; time of the signal that the trade follows
        ("stop_at", "i8"),  # ticks, 0 = none
        ("target_at", "i8"),
        ("arrives", "i8"),  # ns; when the venue gets the close
        ("watched", "i8"),  # last bar in which the target counts; the stop does until `close_bar`
        ("close_bar", "i8"),  # at whose open the trade is closed; FOREVER = not asked for
        ("by", "i8"),  # why it will be
        ("paid", "i8"),  # value of the entry, money
        ("entry_fee", "i8"),
        ("trades", "i8"),
        ("won", "i8"),
        ("pnl", "i8"),  # money, after fees
        ("fees", "i8"),
        ("held_bars", "i8"),
        ("ambiguous", "i8"),  # bars with stop and target inside
        ("thin", "i8"),  # targets reached in a bar of less volume than the position: the venue would fill a part
        ("small", "i8"),  # signals whose stake buys less than the least order
        ("peak", "i8"),  # of equity at the marks, money above the start
        ("worst", "i8"),  # deepest fall from it, money
    ]
)
TERMS: Final = np.dtype(  # one record: what all combinations share
    [
        ("delay", "i8"),  # ns from a bar's close to the wake
        ("entry", "i8"),  # ns until the venue has an order
        ("cancel", "i8"),  # ns until it has a cancel
        ("known", "i8"),  # ns until an answer is known
        ("bars", "i8"),  # of the whole tape
    ]
)
BARS: Final = np.dtype(
    [(name, "i8") for name in ("open", "high", "low", "close", "volume", "opened", "closed", "fresh")]
)
"""A bar in ticks and lots; when it opened and closed, and until when an order gets its open, ns."""

TRADE: Final = np.dtype(
    [(n, "i8") for n in ("entry_bar", "exit_bar", "entry", "exit", "lots", "fees", "pnl", "reason")]
)
"""A trade in ticks, lots and money; bars count from the tape's first."""


@kernel
def _due(bar: Record, by_open: int, time: int) -> bool:
    """Whether an order of `time` still gets the open of `bar` (1), or the bar closes behind `time` (0)."""
    return bar["fresh"] >= time if by_open != 0 else bar["closed"] > time


@kernel
def first_at(bars: Rows, by_open: int, time: int, low: int) -> int:
    """The first bar from `low` on that is `_due`, mostly the next; the number of bars when none is."""
    high = len(bars)
    if low + 1 < high and _due(bars[low + 1], by_open, time) and not _due(bars[low], by_open, time):
        return low + 1
    if not _due(bars[high - 1], by_open, time):
        return high
    while low < high:
        middle = (low + high) >> 1
        if _due(bars[middle], by_open, time):
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def enter(c: Record, bar: Record, t: int, rules: Record, fees: Record, bars: Rows, terms: Record) -> None:
    """The entry order gets the open of bar `t`."""
    side = c["side"]
    price = worsened(rules, side, bar["open"], bar["high"] - bar["low"])
    paid = value(rules, price, c["lots"])
    c["state"], c["entry"], c["entry_bar"], c["paid"] = HELD, price, t, paid
    c["entry_fee"] = fee(fees, rules, paid, 0)
    c["stop_at"] = max(1, int(np.rint(price * (1 - side * c["stop"])))) if c["stop"] > 0 else 0
    c["target_at"] = max(1, int(np.rint(price * (1 + side * c["target"])))) if c["target"] > 0 else 0
    due = c["decided"] + c["horizon"]
    if due < bars[len(bars) - 1]["closed"]:
        leave_at(c, due, BY_TIMER, bars, terms, t)
    else:
        c["by"], c["watched"], c["close_bar"] = BY_TIMER, FOREVER, FOREVER


@kernel
def leave_at(c: Record, time: int, reason: int, bars: Rows, terms: Record, t: int) -> None:
    """Ask at `time`, not before bar `t`, for the trade to be closed at the next open."""
    c["by"], c["arrives"] = reason, time + terms["entry"]
    c["watched"] = first_at(bars, 0, time + terms["cancel"], t) - 1
    c["close_bar"] = first_at(bars, 1, time + terms["entry"], t)


@kernel
def settle(
    c: Record, t: int, price: int, maker: int, reason: int, rules: Record, fees: Record, log: Rows, n: Record
) -> None:
    """The trade ended at `price` in bar `t`."""
    got = value(rules, price, c["lots"])
    paid_fees = c["entry_fee"] + (0 if reason == AT_END else fee(fees, rules, got, maker))
    pnl = c["side"] * (got - c["paid"]) - paid_fees
    c["trades"] += 1
    c["won"] += 1 if pnl > 0 else 0
    c["pnl"] += pnl
    c["fees"] += paid_fees
    c["held_bars"] += t - c["entry_bar"]
    c["state"] = FLAT
    k = n["logged"]
    n["logged"] = k + 1
    if k < len(log):
        one = log[k]
        one["entry_bar"], one["exit_bar"], one["entry"], one["exit"] = c["entry_bar"], t, c["entry"], price
        one["lots"], one["fees"], one["pnl"], one["reason"] = c["lots"], paid_fees, pnl, reason


LOGGED: Final = np.dtype([("logged", "i8")])  # trades that were settled, more than the log may hold


@kernel
def in_bar(c: Record, bars: Rows, t: int, rules: Record, fees: Record, terms: Record, log: Rows, n: Record) -> bool:
    """Take the held trade through bar `t`, not that of its entry; True when it ended in it."""
    bar, side = bars[t], c["side"]
    span = bar["high"] - bar["low"]
    stop, target = c["stop_at"], c["target_at"] if t <= c["watched"] else 0  # the stop stands until it is closed
    if t >= c["close_bar"]:
        between = bars[t - 1]["closed"] <= c["arrives"] < bar["opened"]  # then it is executed before the stop
        by = BY_STOP if stop != 0 and not between and (bar["open"] - stop) * side <= 0 else c["by"]
        settle(c, t, worsened(rules, -side, bar["open"], span), 0, by, rules, fees, log, n)
        return True
    inside = False
    if t == c["entry_bar"] + 1:
        before = bars[t - 1]["close"]
        at_open = worsened(rules, -side, bar["open"], span)
        if stop != 0 and (before - stop) * side <= 0:
            settle(c, t, at_open, 0, BY_STOP, rules, fees, log, n)
            return True
        if target != 0 and (target - before) * side <= 0 and (at_open - target) * side >= 0:
            settle(c, t, at_open, 0, BY_TARGET, rules, fees, log, n)
            return True
        inside = bars[t - 1]["closed"] + terms["known"] + terms["entry"] > bar["opened"]
    worst = bar["low"] if side > 0 else bar["high"]
    best = bar["close"] if inside else bar["high"] if side > 0 else bar["low"]
    reaches = target != 0 and (best - target) * side > 0
    if stop != 0 and (worst - stop) * side <= 0:
        c["ambiguous"] += 1 if reaches else 0
        beyond = not inside and (bar["open"] - stop) * side < 0
        settle(c, t, worsened(rules, -side, bar["open"] if beyond else stop, span), 0, BY_STOP, rules, fees, log, n)
        return True
    if reaches and bar["volume"] > 0:
        c["thin"] += 1 if bar["volume"] < c["lots"] else 0
        settle(c, t, target, 1, BY_TARGET, rules, fees, log, n)
        return True
    return False


@kernel
def decide(c: Record, bars: Rows, t: int, rules: Record, terms: Record) -> None:
    """A signal to enter at the close of bar `t`: the order leaves, unless its stake is less than the least order."""
    close = bars[t]["close"]
    lots = c["stake"] // max(1, value(rules, close, 1))
    if lots <= 0 or value(rules, close, lots) < rules["min_notional"]:
        c["small"] += 1
        return
    c["lots"], c["state"], c["decided"] = lots, ENTERING, bars[t]["closed"] + terms["delay"]


@kernel
def quiet_until(
    c: Record, t: int, stop: int, base: int, lowest: Rows, highest: Rows, leaves: Rows, leave_words: Rows
) -> int:
    """The first bar from `t` on in which the held trade may end or is asked to; `stop` when there is none before.

    Bars count from the block's first, `base` is its number; `leave_words` holds `leaves`, GROUP to a word. Prices are
    looked at by group, so what is found is where to look closer.
    """
    low = c["stop_at"] if c["side"] > 0 else c["target_at"]
    high = c["target_at"] if c["side"] > 0 else c["stop_at"]
    if high == 0:
        high = FOREVER
    last = min(stop, c["close_bar"] - base)
    while t < last:
        k = t // GROUP
        group = base // GROUP + k
        if lowest[group] <= low or highest[group] >= high:
            return t
        after = (k + 1) * GROUP
        if leave_words[k] != 0:
            while t < after and leaves[t] == 0:
                t += 1
            if t < after:
                return min(t, last)
        t = min(after, last)
    return t


@kernel
def walk(
    c: Record,
    base: int,
    count: int,
    bars: Rows,
    lowest: Rows,
    highest: Rows,
    enters: Rows,
    leaves: Rows,
    enter_words: Rows,
    leave_words: Rows,
    rules: Record,
    fees: Record,
    terms: Record,
    log: Rows,
    n: Record,
) -> None:
    """Follow combination `c` through `count` bars from bar `base` on, a multiple of GROUP.

    `enters` and `leaves` (int8) hold its signals at each close, the words the same GROUP to an int64.
    """
    t = 0
    while t < count:
        if c["state"] == FLAT:
            while t < count and enters[t] == 0:
                t += 1
                while t % GROUP == 0 and t < count and enter_words[t // GROUP] == 0:
                    t += GROUP
            if t < count:
                decide(c, bars, base + t, rules, terms)
                t += 1
            continue
        if c["state"] == ENTERING:
            enter(c, bars[base + t], base + t, rules, fees, bars, terms)
        else:
            if base + t > c["entry_bar"] + 1:
                t = quiet_until(c, t, count, base, lowest, highest, leaves, leave_words)
                if t >= count:
                    return
            if in_bar(c, bars, base + t, rules, fees, terms, log, n):
                continue  # its close may be the next signal
        if leaves[t] != 0 and c["by"] == BY_TIMER:
            now = bars[base + t]["closed"] + terms["delay"]
            if now < c["decided"] + c["horizon"]:
                leave_at(c, now, BY_SIGNAL, bars, terms, base + t)
        t += 1


@kernel
def mark(c: Record, bars: Rows, last: int, rules: Record) -> int:
    """Money above the start at the close of bar `last`; keeps the peak and the deepest fall from it."""
    money = c["pnl"]
    if c["state"] == HELD:
        money += c["side"] * (value(rules, bars[last]["close"], c["lots"]) - c["paid"]) - c["entry_fee"]
    c["peak"] = max(c["peak"], money)
    c["worst"] = max(c["worst"], c["peak"] - money)
    return money


@kernel
def finish(c: Record, bars: Rows, rules: Record, fees: Record, log: Rows, n: Record) -> None:
    """The tape has ended: what is open is settled at the last close."""
    last = len(bars) - 1
    if c["state"] == HELD:
        settle(c, last, bars[last]["close"], 0, AT_END, rules, fees, log, n)
    c["state"] = FLAT
