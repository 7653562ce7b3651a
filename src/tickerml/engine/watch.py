"""What the desk judges an entry by besides the touch: median, move of a minute, usual spread, depth, volatility.

And what the tape says of venue and feed: halts, gaps, clocks that jump, an index or mark price to hold ours against.
A price and a spread are sampled at the first message of each second (each bar), a close at the first of each five
minutes. Where nothing came, the price is the one before. Wired into runs with a desk; engine/look.py reads it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from tickerml.tape.kernel import fold, kernel
from tickerml.tape.params import VALUE_NAMES
from tickerml.tape.rows import DAY, MINUTE, SECOND, Flag, Kind, Record

SAMPLES: Final = 512  # seconds with a price that are kept
BUCKETS: Final = 64  # minutes whose extremes are kept: limits.halt_s goes up to an hour
SLOT: Final = 5 * MINUTE
SLOTS: Final = DAY // SLOT
MEDIAN_S: Final = 300
LEAST_SPREADS: Final = 10  # one wide second is no wide minute: a minute's spread is the mean of at least so many
STREAMS: Final = 16
MARK, INDEX = 1, 2  # second sources, and their places in tape.params.VALUE_NAMES
LEAST: Final = 12  # returns of five minutes from which a volatility or a correlation is told: an hour

WATCH: Final = np.dtype(
    [
        ("next", "i8"),  # receive time from which a message begins a new second, ns
        ("n", "i8"),  # samples taken
        ("old", "i8"),  # number of the sample that was the newest a minute before the newest
        ("at", "i8", (SAMPLES,)),  # its second, by number modulo SAMPLES
        ("mid2", "i8", (SAMPLES,)),  # twice the mid (close), ticks
        ("minute", "i8", (BUCKETS,)),  # which minute a bucket is of, by minute modulo BUCKETS
        ("move", "f8", (BUCKETS,)),  # largest |return over one minute| that ended in it
        ("wide", "i8", (BUCKETS,)),  # sum of the spreads sampled in it, ticks
        ("sampled", "i8", (BUCKETS,)),
        ("slot", "i8"),  # number of the newest five minutes since the epoch
        ("slots", "i8"),  # closes that are known, up to SLOTS + 1
        ("closes", "i8", (SLOTS + 1,)),  # mid2 by slot modulo SLOTS + 1
        ("seen", "i8"),  # spreads sampled
        ("spreads", "i8", (SLOTS,)),  # by number modulo SLOTS
        ("ordered", "i8", (SLOTS,)),  # the same, from the narrowest to the widest
        ("halted", "i8"),  # 1: trading is halted
        ("broken", "i8"),  # 1: updates were lost and the book is not whole again yet
        ("whole", "i8"),  # receive time at which it was, ns; 0 = none was ever lost
        ("late", "i8"),  # ns: a clock that moves by more has jumped; set by the desk's limits
        ("jumped", "i8"),  # receive time of the newest jump; 0 = none
        ("clocks", "i8"),  # bit by stream kind: its offset is known
        ("offset", "i8", (STREAMS,)),  # ns, by stream kind
        ("apart", "f8"),  # how far the second source may be off, fraction; set by the desk's limits
        ("source", "i8"),  # MARK or INDEX: what the second source is; 0 = there is none
        ("value", "f8"),  # its newest price, quote
        ("value_exch", "i8"),  # its exchange time, ns
        ("bar_exch", "i8"),  # close time of the newest bar
        ("held", "i8"),  # receive time at which both were known of one moment, newest
        ("held_before", "i8"),  # and the one before
        ("gap", "f8"),  # |ours / the second source - 1| then
        ("gap_since", "i8"),  # since when it has been above `apart` without a break; 0 = it is not
    ]
)

_DEPTH, _END, _HELD = int(Kind.DEPTH), int(Flag.END), int(Flag.HELD)
_STATUS, _GAP, _CLOCK = int(Kind.STATUS), int(Kind.GAP), int(Kind.CLOCK)
assert VALUE_NAMES[MARK] == "mark"
assert VALUE_NAMES[INDEX] == "index"


@fold
def on_row(w: Record, m: Record, row: Record) -> None:
    """Fold one market row; `m` is the mark after it."""
    kind = row["kind"]
    if kind == _DEPTH:
        if row["flags"] & _END == 0 or m["bid"] == 0:
            return
        if w["broken"] != 0:
            w["broken"] = 0
            w["whole"] = row["recv"]
        if row["recv"] >= w["next"]:
            _sample(w, row["recv"], m["price2"], m["ask"] - m["bid"])
    elif kind == _STATUS:
        w["halted"] = 1 if row["qty"] == 0 else 0
    elif kind == _GAP:
        w["broken"] = 1
    elif kind == _CLOCK:
        _clock(w, row)


@fold
def _clock(w: Record, row: Record) -> None:
    """A CLOCK row: an offset that moves by more than `late` is a jump; the first one of a stream is none."""
    for k in range(STREAMS):
        if row["side"] == 0 or row["side"] == k:
            if w["clocks"] >> k & 1 != 0 and abs(row["qty"] - w["offset"][k]) > w["late"]:
                w["jumped"] = row["recv"]
            w["clocks"] |= 1 << k
            w["offset"][k] = row["qty"]


@fold
def on_bar(w: Record, m: Record, row: Record, i: Record) -> None:
    """Fold one closed bar where there is no book; `m` is the mark after it."""
    if m["bid"] != 0:
        return
    w["bar_exch"] = row["exch"]
    if w["source"] != 0 and w["value_exch"] == row["exch"]:
        _hold(w, m["price2"], row["recv"], i["tick"])
    if row["recv"] >= w["next"]:
        _sample(w, row["recv"], m["price2"], 0)


@fold
def on_value(w: Record, m: Record, row: Record, value: Record, i: Record) -> None:
    """Fold one named number: an index price, or a mark price where no index was ever told of the instrument.

    A book's mid is held against it as it comes; a bar's close only against one of the same moment.
    """
    name = value["name"]
    source = INDEX if name == i["names"][INDEX] else MARK if name == i["names"][MARK] else 0
    if source == 0 or source < w["source"] or not value["value"] > 0.0:
        return
    w["source"] = source
    w["value"] = value["value"]
    w["value_exch"] = row["exch"]
    if row["flags"] & _HELD == 0 and (m["bid"] != 0 or (m["bars"] != 0 and w["bar_exch"] == row["exch"])):
        _hold(w, m["price2"], row["recv"], i["tick"])


@fold
def _hold(w: Record, price2: int, now: int, tick: float) -> None:
    """Both prices of one moment are known."""
    w["held_before"] = w["held"]
    w["held"] = now
    w["gap"] = abs(0.5 * price2 * tick / w["value"] - 1.0)
    if not w["gap"] > w["apart"]:
        w["gap_since"] = 0
    elif w["gap_since"] == 0:
        w["gap_since"] = now


@fold
def _sample(w: Record, now: int, mid2: int, spread: int) -> None:
    second = now // SECOND
    n = w["n"]
    before = w["mid2"][(n - 1) % SAMPLES] if n > 0 else mid2
    w["at"][n % SAMPLES] = second
    w["mid2"][n % SAMPLES] = mid2
    w["n"] = n + 1
    w["next"] = (second + 1) * SECOND
    minute = second // 60
    k = minute % BUCKETS
    if w["minute"][k] != minute:
        w["minute"][k] = minute
        w["move"][k] = 0.0
        w["wide"][k] = 0
        w["sampled"][k] = 0
    w["wide"][k] += spread
    w["sampled"][k] += 1
    while w["old"] < n and w["at"][(w["old"] + 1) % SAMPLES] <= second - 60:
        w["old"] += 1
    old = w["old"] % SAMPLES
    if w["at"][old] <= second - 60:
        w["move"][k] = max(w["move"][k], abs(mid2 / w["mid2"][old] - 1.0))
    slot = now // SLOT
    if slot != w["slot"]:
        _close(w, slot, mid2, before)
        if spread > 0:
            _order(w, spread)


@fold
def _close(w: Record, slot: int, mid2: int, before: int) -> None:
    """The first price of five minutes; those in which nothing came have the price before."""
    if w["slots"] == 0:
        w["slot"] = slot - 1
    for empty in range(max(w["slot"] + 1, slot - SLOTS), slot):
        w["closes"][empty % (SLOTS + 1)] = before
    w["closes"][slot % (SLOTS + 1)] = mid2
    w["slots"] = min(SLOTS + 1, w["slots"] + slot - w["slot"])
    w["slot"] = slot


@fold
def _order(w: Record, spread: int) -> None:
    """Put a spread in its place among those of the last day, the oldest one leaves."""
    seen = w["seen"]
    n = min(seen, SLOTS)
    if seen >= SLOTS:
        gone = w["spreads"][seen % SLOTS]
        k = 0
        while w["ordered"][k] != gone:
            k += 1
        n -= 1
        for j in range(k, n):
            w["ordered"][j] = w["ordered"][j + 1]
    k = n
    while k > 0 and w["ordered"][k - 1] > spread:
        w["ordered"][k] = w["ordered"][k - 1]
        k -= 1
    w["ordered"][k] = spread
    w["spreads"][seen % SLOTS] = spread
    w["seen"] = seen + 1


@kernel
def log_return(w: Record, slot: int) -> float:
    """Of the five minutes that `slot` numbers, close to close."""
    return math.log(w["closes"][slot % (SLOTS + 1)] / w["closes"][(slot - 1) % (SLOTS + 1)])
