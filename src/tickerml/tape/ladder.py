"""The L2 book on integer ticks: a dense window of levels around the touch, sorted far levels beyond it.

One LADDER record is one instrument's book; make them with `new_ladders`. `apply` folds a row into it. Quantities are
lots, prices absolute ticks. `best_bid`, `best_ask`, `bid_qty` and `ask_qty` are kept on every row, so reading the touch
costs nothing. A book is whole only at `Flag.END`: inside a message it may be crossed for a moment.

3-5 % of the rows of real books lie beyond 100,000 ticks of the mid, so the far levels are part of the book. When more
than FAR_CAPACITY of them are alive on a side, `spilled` counts those that could not be kept: whoever drives the book
must raise then, because its depth is no longer true.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.tape.bits import highest_bit, lowest_bit
from tickerml.tape.kernel import fold, kernel
from tickerml.tape.rows import BUY, MAX_TICKS, SELL, Flag, Kind, Record, Rows

WINDOW: Final = 1 << 17  # ticks held densely; a power of two and a multiple of 32
MARGIN: Final = WINDOW // 4  # a touch nearer than this to the window's edge moves the window
FAR_CAPACITY: Final = 8192  # levels a side beyond the window
NO_BID: Final = -1
NO_ASK: Final = MAX_TICKS + 1
BIDS: Final = 0  # first index of the two-sided arrays
ASKS: Final = 1

LADDER: Final = np.dtype(
    [
        ("best_bid", "i8"),  # ticks; NO_BID when the side is empty
        ("best_ask", "i8"),  # ticks; NO_ASK when the side is empty
        ("bid_qty", "i8"),  # lots at best_bid, 0 when empty
        ("ask_qty", "i8"),  # lots at best_ask, 0 when empty
        ("base", "i8"),  # tick of window index 0; may be negative
        ("valid", "i8"),  # 1 from the END of a snapshot until the next GAP or CLEAR
        ("crossed", "i8"),  # ENDs at which a valid book had best_bid >= best_ask
        ("spilled", "i8"),  # far levels that found no room: the book is wrong from here on
        ("gaps", "i8"),  # GAP rows seen
        ("moves", "i8"),  # counts what may have changed the touch or `valid`: as long as it stands still, so do they
        ("was", "i8"),  # lots that the level of the last DEPTH row held before it: additions and removals follow
        ("n_far", "i8", (2,)),
        ("bits", "i8", (2, WINDOW // 32)),  # bit i % 32 of word i // 32: window index i is not empty
        ("far_ticks", "i8", (2, FAR_CAPACITY)),  # ascending
        ("far_lots", "i8", (2, FAR_CAPACITY)),
        ("lots", "i8", (2, WINDOW)),  # by side and window index
    ]
)

_DEPTH: Final = int(Kind.DEPTH)
_CLEAR: Final = int(Kind.CLEAR)
_GAP: Final = int(Kind.GAP)
_END: Final = int(Flag.END)
_SNAPSHOT: Final = int(Flag.SNAPSHOT)
_UNSET: Final = -(1 << 62)  # `base` of a book that has held nothing yet


def new_ladders(n: int) -> Rows:
    """`n` empty books, shape (n,), dtype LADDER (2.4 MB each): not valid until their first snapshot has ended."""
    books = np.zeros(n, LADDER)
    books["best_bid"] = NO_BID
    books["best_ask"] = NO_ASK
    books["base"] = _UNSET
    return books


@fold
def apply(b: Record, row: Record) -> None:
    """Fold one row into book `b`: DEPTH sets a level, CLEAR empties, GAP invalidates; all other kinds do nothing."""
    kind = row["kind"]
    if kind == _DEPTH:
        set_level(b, int(row["side"]), int(row["price"]), row["qty"])  # one compiled version, for 64-bit integers
        end_message(b, int(row["flags"]))
    elif kind == _CLEAR:
        clear(b)
    elif kind == _GAP:
        b["valid"] = 0
        b["moves"] += 1
        b["gaps"] += 1


@fold
def end_message(b: Record, flags: int) -> None:
    """What holds at a message's last row: a snapshot makes the book valid, a crossed valid book is counted."""
    end = flags & _END
    whole = end & (flags >> 1)
    b["valid"] |= whole
    b["moves"] += whole
    b["crossed"] += end & b["valid"] & int(b["best_bid"] >= b["best_ask"])


# The hottest code of the program. Which side it is, whether a level comes or goes and how far the next one lies are
# coin tosses to a branch predictor, so all of them are computed; only rows away from the touch, most of a book's, jump.
@fold
def set_level(b: Record, side: int, price: int, qty: int) -> None:
    """Level `price` (ticks) of `side` (BUY bids, SELL asks) now holds `qty` lots; 0 removes it."""
    i = price - b["base"]
    if i < 0 or i >= WINDOW:
        _set_outside(b, side, price, qty)
        return
    k = int(side <= 0)  # BIDS or ASKS
    asks = -k  # all ones for an ask: what follows is arithmetic, which no compiler turns into a jump
    w, bit = i >> 5, 1 << (i & 31)
    b["was"] = b["lots"][k, i]
    b["lots"][k, i] = qty
    held = b["bits"][k, w]
    b["bits"][k, w] = held | bit if qty != 0 else held & ~bit
    best = b["best_bid"] ^ ((b["best_bid"] ^ b["best_ask"]) & asks)
    ahead = ((price - best) ^ asks) + k  # of the touch, in ticks: price - best for a bid, best - price for an ask
    if ahead >= 0:
        b["moves"] += 1
        _find_touch(b, side, i)


@fold
def _find_touch(b: Record, side: int, i: int) -> None:
    """The best level of `side` is the first at window index `i` or worse; mostly it lies in this word or the next."""
    bid = side > 0
    k = BIDS if bid else ASKS
    w = (i >> 5) - 1 if bid else i >> 5
    if w < 0 or w >= WINDOW // 32 - 1:
        _touch_gone(b, side, b["base"] + i)
        return
    pair = int(b["bits"][k, w]) | int(b["bits"][k, w + 1]) << 32  # int: without the JIT, numpy warns of the top bit
    if pair == 0:
        _touch_gone(b, side, b["base"] + i)
        return
    n = w * 32 + (highest_bit(pair) if bid else lowest_bit(pair))
    tick, qty = b["base"] + n, b["lots"][k, n]
    m = k - 1  # all ones for a bid
    b["best_bid"] ^= (b["best_bid"] ^ tick) & m
    b["best_ask"] ^= (b["best_ask"] ^ tick) & ~m
    b["bid_qty"] ^= (b["bid_qty"] ^ qty) & m
    b["ask_qty"] ^= (b["ask_qty"] ^ qty) & ~m
    if n < MARGIN or n >= WINDOW - MARGIN:
        _follow(b, tick)


@kernel
def level(b: Record, side: int, tick: int) -> int:
    """Lots at `tick` on `side`; 0 where there are none."""
    k = BIDS if side > 0 else ASKS
    i = tick - b["base"]
    if 0 <= i < WINDOW:
        return b["lots"][k, i]
    at = _far_place(b, k, tick)
    if at < b["n_far"][k] and b["far_ticks"][k, at] == tick:
        return b["far_lots"][k, at]
    return 0


@kernel
def next_level(b: Record, side: int, tick: int) -> int:
    """Tick of the nearest non-empty level worse than `tick` on `side`: below for bids, above for asks; or none.

    Walk a side with `tick = b["best_bid"]`, then `tick = next_level(b, BUY, tick)` until it is NO_BID.
    """
    return _level_below(b, tick) if side > 0 else _level_above(b, tick)


@kernel
def clear(b: Record) -> None:
    """Forget all levels; the book is not valid until a snapshot has ended. The counters stay."""
    for k in range(2):
        for w in range(WINDOW // 32):
            if b["bits"][k, w] != 0:
                b["bits"][k, w] = 0
                for i in range(w * 32, w * 32 + 32):
                    b["lots"][k, i] = 0
        b["n_far"][k] = 0
    b["best_bid"] = NO_BID
    b["best_ask"] = NO_ASK
    b["bid_qty"] = 0
    b["ask_qty"] = 0
    b["base"] = _UNSET
    b["valid"] = 0
    b["moves"] += 1


@kernel
def _level_below(b: Record, tick: int) -> int:
    """Nearest bid below `tick`: of the far levels above the window, then in it, then of those below it."""
    i = min(tick - b["base"], WINDOW)
    if tick - b["base"] > WINDOW:
        at = _far_place(b, BIDS, tick) - 1
        if at >= 0 and b["far_ticks"][BIDS, at] >= b["base"] + WINDOW:
            return b["far_ticks"][BIDS, at]
    if i > 0:
        w = (i - 1) >> 5
        word = b["bits"][BIDS, w] & ((2 << ((i - 1) & 31)) - 1)
        while word == 0 and w > 0:
            w -= 1
            word = b["bits"][BIDS, w]
        if word != 0:
            return b["base"] + w * 32 + highest_bit(word)
    at = _far_place(b, BIDS, min(tick, b["base"])) - 1
    return b["far_ticks"][BIDS, at] if at >= 0 else NO_BID


@kernel
def _level_above(b: Record, tick: int) -> int:
    """Nearest ask above `tick`: of the far levels below the window, then in it, then of those above it."""
    i = max(tick - b["base"], -1)
    if tick - b["base"] < -1:
        at = _far_place(b, ASKS, tick + 1)
        if at < b["n_far"][ASKS] and b["far_ticks"][ASKS, at] < b["base"]:
            return b["far_ticks"][ASKS, at]
    if i < WINDOW - 1:
        w = (i + 1) >> 5
        word = b["bits"][ASKS, w] & -(1 << ((i + 1) & 31))
        while word == 0 and w < WINDOW // 32 - 1:
            w += 1
            word = b["bits"][ASKS, w]
        if word != 0:
            return b["base"] + w * 32 + lowest_bit(word)
    at = _far_place(b, ASKS, max(tick + 1, b["base"] + WINDOW))
    return b["far_ticks"][ASKS, at] if at < b["n_far"][ASKS] else NO_ASK


@kernel
def _touch_gone(b: Record, side: int, gone: int) -> None:
    """The best level of `side`, at tick `gone`, was removed: the next one is the touch now."""
    if side > 0:
        tick = _level_below(b, gone)
        b["best_bid"] = tick
        b["bid_qty"] = 0 if tick == NO_BID else level(b, BUY, tick)
        if tick != NO_BID:
            _follow(b, tick)
    else:
        tick = _level_above(b, gone)
        b["best_ask"] = tick
        b["ask_qty"] = 0 if tick == NO_ASK else level(b, SELL, tick)
        if tick != NO_ASK:
            _follow(b, tick)


@kernel
def _set_outside(b: Record, side: int, price: int, qty: int) -> None:
    """A level beyond the window, or the first one of an empty book."""
    b["was"] = level(b, side, price)
    b["moves"] += 1
    if b["base"] == _UNSET:
        if qty == 0:
            return
        b["base"] = price - WINDOW // 2
        k = BIDS if side > 0 else ASKS
        b["lots"][k, WINDOW // 2] = qty
        b["bits"][k, WINDOW // 64] |= 1 << (WINDOW // 2 & 31)
    else:
        _set_far(b, BIDS if side > 0 else ASKS, price, qty)
    best = b["best_bid"] if side > 0 else b["best_ask"]
    if qty == 0 and price == best:
        _touch_gone(b, side, price)
    elif qty != 0 and side > 0 and price >= best:
        b["best_bid"] = price
        b["bid_qty"] = qty
        _follow(b, price)
    elif qty != 0 and side <= 0 and price <= best:
        b["best_ask"] = price
        b["ask_qty"] = qty
        _follow(b, price)


@kernel
def _far_place(b: Record, k: int, tick: int) -> int:
    """Index of the first far level of side index `k` at or above `tick`."""
    low, high = 0, b["n_far"][k]
    while low < high:
        mid = (low + high) >> 1
        if b["far_ticks"][k, mid] < tick:
            low = mid + 1
        else:
            high = mid
    return low


@kernel
def _set_far(b: Record, k: int, tick: int, qty: int) -> None:
    """Set, insert or remove a level outside the window."""
    at = _far_place(b, k, tick)
    n = b["n_far"][k]
    known = at < n and b["far_ticks"][k, at] == tick
    if known and qty != 0:
        b["far_lots"][k, at] = qty
    elif known:
        for j in range(at, n - 1):
            b["far_ticks"][k, j] = b["far_ticks"][k, j + 1]
            b["far_lots"][k, j] = b["far_lots"][k, j + 1]
        b["n_far"][k] = n - 1
    elif qty != 0 and n == FAR_CAPACITY:
        b["spilled"] += 1
    elif qty != 0:
        for j in range(n, at, -1):
            b["far_ticks"][k, j] = b["far_ticks"][k, j - 1]
            b["far_lots"][k, j] = b["far_lots"][k, j - 1]
        b["far_ticks"][k, at] = tick
        b["far_lots"][k, at] = qty
        b["n_far"][k] = n + 1


@kernel
def _follow(b: Record, tick: int) -> None:
    """Move the window when the touch nears its edge; a spread too wide for one window leaves it where it is."""
    i = tick - b["base"]
    if MARGIN <= i < WINDOW - MARGIN:
        return
    other = tick
    if b["best_bid"] != NO_BID and b["best_ask"] != NO_ASK:
        other = b["best_bid"] + b["best_ask"] - tick
    if abs(tick - other) < WINDOW // 4:
        _move_window(b, (tick + other) // 2 - WINDOW // 2)


@kernel
def _move_window(b: Record, base: int) -> None:
    """Re-base the window: levels that leave it go to the far arrays, far levels that it now covers come in."""
    shift = base - b["base"]
    b["base"] = base
    for n in range(WINDOW // 32):
        w = n if shift > 0 else WINDOW // 32 - 1 - n  # so that a moved level lands on a vacated place
        for k in range(2):
            word = b["bits"][k, w]
            b["bits"][k, w] = 0
            while word != 0:
                bit = lowest_bit(word) if shift > 0 else highest_bit(word)
                word &= ~(1 << bit)
                i = w * 32 + bit
                lots = b["lots"][k, i]
                b["lots"][k, i] = 0
                if 0 <= i - shift < WINDOW:
                    b["lots"][k, i - shift] = lots
                    b["bits"][k, (i - shift) >> 5] |= 1 << ((i - shift) & 31)
                else:
                    _set_far(b, k, base + i - shift, lots)
    _take_in(b, BIDS)
    _take_in(b, ASKS)


@kernel
def _take_in(b: Record, k: int) -> None:
    """Far levels that lie inside the window move into it; the rest close up."""
    kept = 0
    for n in range(b["n_far"][k]):
        i = b["far_ticks"][k, n] - b["base"]
        if 0 <= i < WINDOW:
            b["lots"][k, i] = b["far_lots"][k, n]
            b["bits"][k, i >> 5] |= 1 << (i & 31)
        else:
            b["far_ticks"][k, kept] = b["far_ticks"][k, n]
            b["far_lots"][k, kept] = b["far_lots"][k, n]
            kept += 1
    b["n_far"][k] = kept
