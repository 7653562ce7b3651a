"""What a moment looks like to the desk: read off the loop's states for some instruments, in one call."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.account.contract import RATE
from tickerml.engine.watch import BUCKETS, LEAST, LEAST_SPREADS, MEDIAN_S, SAMPLES, SLOTS, log_return
from tickerml.tape.kernel import kernel
from tickerml.tape.ladder import NO_ASK, NO_BID, level, next_level
from tickerml.tape.rows import BUY, MINUTE, SECOND, SELL, Record, Rows

OPEN, HALTED, BROKEN, LATE = range(4)  # why a venue allows no entry
SOURCE_NS: Final = 90 * SECOND  # a second source that is told more seldom than this (bars: and two bars) is none
ABSENT: Final = -1.0

LOOK: Final = np.dtype(  # of the f8: NaN = not known yet, ABSENT = this source cannot have it
    [
        ("bid", "i8"),  # touch in ticks; the last close for both where there are only bars; 0 = unknown
        ("ask", "i8"),
        ("age", "i8"),  # ns since the newest row
        ("patience", "i8"),  # ns that bars may be late: two of them
        ("bars", "i8"),  # 1: bars and no whole book
        ("crossed", "i8"),  # 1: the book is crossed
        ("blocked", "i8"),  # OPEN, HALTED, BROKEN: the book is not whole after lost updates, LATE: the feed is
        ("late", "i8"),  # ns that the feed's newest message took
        ("ready", "i8"),  # ns since the book was whole after lost updates; -1 = none was ever lost
        ("apart_ns", "i8"),  # ns that `apart` has been too much
        ("apart", "f8"),  # from the index or mark price that the tape tells, fraction
        ("median", "f8"),  # ticks
        ("move", "f8"),  # fraction
        ("spread_ratio", "f8"),
        ("depth_bid", "f8"),  # money
        ("depth_ask", "f8"),
        ("volatility", "f8"),  # of a day, fraction
        ("margin", "f8"),  # shares of the notional, as desk/facts.py has them
        ("taker", "f8"),
        ("cost", "f8"),
    ]
)
SCRATCH: Final = np.dtype(  # one an instrument; nothing in it is state
    [
        ("numbers", "i8", (SAMPLES,)),
        ("slot", "i8"),  # five minutes at whose begin `volatility` was computed
        ("volatility", "f8"),
    ]
)


@kernel
def looks(
    insts: NDArray[np.int64],
    n: int,
    watches: Rows,
    marks: Rows,
    books: Rows,
    rules: Rows,
    now: int,
    halt: int,
    collars: NDArray[np.float64],
    out: Rows,
    scratch: Rows,
) -> None:
    """`look` at the first `n` of `insts` in one call; `collars` are by instrument."""
    for k in range(n):
        i = insts[k]
        look(watches[i], marks[i], books[i], rules[i], now, halt, collars[i], out[k], scratch[i])
        _feed(watches[i], marks[i], now, out[k])
        _apart(watches[i], now, out[k])
        _shares(rules[i], marks[i], out[k])


@kernel
def alert(watches: Rows, now: int, wait: int) -> int:
    """How long the oldest clock that jumped has waited for a person, who comes `wait` ns after it (0: nobody does)."""
    oldest = now
    for k in range(len(watches)):
        jumped = watches[k]["jumped"]
        if jumped > 0 and (wait == 0 or now - jumped < wait):
            oldest = min(oldest, jumped)
    return now - oldest


@kernel
def _feed(w: Record, m: Record, now: int, out: Record) -> None:
    """What the tape says of venue and feed."""
    out["late"] = m["exch_recv"] - m["exch"] if m["exch"] != 0 else 0
    if w["halted"] != 0:
        out["blocked"] = HALTED
    elif w["broken"] != 0:
        out["blocked"] = BROKEN
    else:
        out["blocked"] = LATE if out["late"] > w["late"] else OPEN
    out["ready"] = now - w["whole"] if w["whole"] != 0 else -1


@kernel
def _apart(w: Record, now: int, out: Record) -> None:
    """The index or mark price that the tape tells, beside ours: absent where it comes seldom, NaN where no more."""
    within = SOURCE_NS + out["patience"]
    out["apart_ns"] = 0
    if w["held_before"] == 0 or w["held"] - w["held_before"] > within:
        out["apart"] = ABSENT
    elif now - w["held"] > within:
        out["apart"] = math.nan
    else:
        out["apart"] = w["gap"]
        out["apart_ns"] = now - w["gap_since"] if w["gap_since"] != 0 else 0


@kernel
def _shares(rule: Record, m: Record, out: Record) -> None:
    """Margin, and costs by the fees that we know of."""
    taker, bid, ask = m["taker"] / RATE, out["bid"], out["ask"]
    out["taker"] = taker
    out["margin"] = rule["margin_rate"] / RATE
    out["cost"] = 2 * taker + (2 * (ask - bid) / (ask + bid) if bid > 0 else 0.0)


@kernel
def look(
    w: Record, m: Record, b: Record, rule: Record, now: int, halt: int, collar: float, out: Record, scratch: Record
) -> None:
    """Fill `out` for the moment `now`: extremes of the last `halt` seconds, depth within `collar` of the mid."""
    bars = b["valid"] == 0 and m["bars"] > 0
    last = m["price2"] // 2 if bars else 0
    out["bid"] = m["bid"] if m["bid"] != 0 else last
    out["ask"] = m["ask"] if m["ask"] != 0 else last
    out["age"] = now - m["time"]
    out["patience"] = 2 * m["bar_ns"] if bars else 0
    out["bars"] = bars
    out["crossed"] = b["valid"] != 0 and b["best_bid"] >= b["best_ask"]
    known = w["n"] > 0
    out["median"] = _median(w, now // SECOND, scratch) if known else math.nan
    out["move"] = out["spread_ratio"] = math.nan
    out["depth_bid"] = out["depth_ask"] = math.nan
    out["volatility"] = _volatility(w, scratch)
    if known:
        _extremes(w, now // MINUTE, halt, out)
    if m["bid"] > 0:
        mid = 0.5 * (m["bid"] + m["ask"])
        out["depth_bid"] = _depth(b, rule, BUY, mid - collar * mid)
        out["depth_ask"] = _depth(b, rule, SELL, mid + collar * mid)
    if bars:
        out["spread_ratio"] = out["depth_bid"] = out["depth_ask"] = ABSENT
        if m["bar_ns"] > MINUTE:
            out["move"] = ABSENT


@kernel
def _extremes(w: Record, minute: int, halt: int, out: Record) -> None:
    move, wide, spread = 0.0, 0.0, 0
    for k in range(BUCKETS):
        if w["minute"][k] > minute - 1 - (halt + 59) // 60:
            move = max(move, w["move"][k])
            wide = max(wide, w["wide"][k] / max(LEAST_SPREADS, w["sampled"][k]))
    out["move"] = move
    n = min(w["seen"], SLOTS)
    if n > 0:
        spread = w["ordered"][(n - 1) // 2] + w["ordered"][n // 2]
    if spread > 0:
        out["spread_ratio"] = 2.0 * wide / spread


@kernel
def _median(w: Record, second: int, out: Record) -> float:
    """Median of the prices sampled within the last five minutes, ticks; of the newest, where there was none."""
    n, k = 0, w["n"]
    least = max(0, k - SAMPLES)
    while k > least and (n == 0 or w["at"][(k - 1) % SAMPLES] > second - MEDIAN_S):
        k -= 1
        out["numbers"][n] = w["mid2"][k % SAMPLES]
        n += 1
    low = _nth(out, n, (n - 1) // 2)
    return 0.25 * (low + (low if n % 2 == 1 else _nth(out, n, n // 2)))


@kernel
def _nth(out: Record, n: int, k: int) -> int:
    """The k-th smallest of the first n numbers of the scratch (Hoare's selection)."""
    low, high = 0, n - 1
    while low < high:
        pivot = out["numbers"][(low + high) // 2]
        i, j = low, high
        while i <= j:
            while out["numbers"][i] < pivot:
                i += 1
            while out["numbers"][j] > pivot:
                j -= 1
            if i <= j:
                kept = out["numbers"][i]
                out["numbers"][i] = out["numbers"][j]
                out["numbers"][j] = kept
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return out["numbers"][k]


@kernel
def _volatility(w: Record, scratch: Record) -> float:
    """Realised volatility of a day: root of the sum of squared log returns of five minutes, scaled to 24 hours.

    Computed once for each five minutes.
    """
    n = w["slots"] - 1
    if n < LEAST:
        return math.nan
    if scratch["slot"] == w["slot"]:
        return scratch["volatility"]
    total = 0.0
    for k in range(n):
        r = log_return(w, w["slot"] - k)
        total += r * r
    scratch["slot"] = w["slot"]
    scratch["volatility"] = math.sqrt(total * SLOTS / n)
    return scratch["volatility"]


@kernel
def _depth(b: Record, rule: Record, side: int, edge: float) -> float:
    """Money of all levels of a side up to `edge` ticks; in floats: a wall of any size fits."""
    money = 0.0
    tick = b["best_bid"] if side > 0 else b["best_ask"]
    while tick != NO_BID and tick != NO_ASK and side * (tick - edge) >= 0:
        lots = float(level(b, side, tick)) * rule["unit_value"]
        money += lots / tick if rule["inverse"] != 0 else lots * tick
        tick = next_level(b, side, tick)
    return money
