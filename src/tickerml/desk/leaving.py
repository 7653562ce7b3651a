"""How a trade leaves the market: its stop and target, new levels for them, withdrawing and closing.

Every fill of an entry is protected by its own stop (and target) of the same size; when one of the two ends the
position, its sibling is cancelled. Exits are reduce-only, so a stop can never turn a position round. Many small fills
are gathered under one stop. A stop that is replaced stands until the venue has told that its heir does, and stays where
the heir is refused: a position is not without a stop in between, nor while it is closed. What could not be closed is
closed again: a second later, and while the venue refuses it after twice the time each time, up to a minute. Kernels:
what they write into the requests leaves at once.

Where there is a book, a stop reaches only so far: it becomes a limit `limits.through_stop` beyond its trigger, which
fills at once or not. What it could not fill is closed by a limit `limits.through_stop_again` beyond the touch, and what
that leaves at the market: a position that two limits could not close is worth more sold than kept without a stop.
Every other close is a limit `limits.through_close` beyond the touch first, then at the market.
"""

from __future__ import annotations

from math import ceil
from typing import Final

import numpy as np

from tickerml.desk.exits import place
from tickerml.desk.legs import AWAITED, CLOSE, ENTRY, PART, STOP, TARGET, belongs, find, pair
from tickerml.desk.setups import CLOSING, OPEN, held, order, sent, withdraw
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import OrderFlag, OrderType, TimeInForce
from tickerml.tape.rows import MAX_TICKS, MINUTE, SECOND, Record, Rows

MOST_LEGS: Final = 6  # stops and targets of one setup; more are replaced by one pair for all that is held
MOST_EXITS: Final = 2 * MOST_LEGS  # of one setup under way, those included that their heirs withdraw
NEAR: Final = 0.0005  # fraction; average entry prices so near each other keep their levels
RETRY_NS: Final = SECOND  # until a close that the venue could not fill, or refused once, is sent again
LONGEST_NS: Final = MINUTE  # until one that it refuses again and again is

REACH: Final = np.dtype(  # limits of the run that exits are sent by
    [
        ("through", "f8"),  # limits.through_stop
        ("again", "f8"),  # limits.through_stop_again
        ("close", "f8"),  # limits.through_close
        ("naked_ns", "i8"),  # limits.naked_s
        ("legs_ns", "i8"),  # limits.legs_s
    ]
)
AT_MARKET: Final = -1.0  # in the place of how far a stop may reach: there is no touch to reach through

_GTC, _IOC = int(TimeInForce.GTC), int(TimeInForce.IOC)
_LIMIT, _MARKET = int(OrderType.LIMIT), int(OrderType.MARKET)
_STOP, _STOP_LIMIT = int(OrderType.STOP), int(OrderType.STOP_LIMIT)
_REDUCE: Final = int(OrderFlag.REDUCE_ONLY)


@kernel
def reach(price: int, side: int, share: float) -> int:
    """The farthest tick that an order of `side` may take when it may go `share` through `price`."""
    far = price * (1 + side * share)
    if side > 0:
        return int(far) if far < MAX_TICKS else MAX_TICKS
    return max(1, ceil(far))


@kernel
def _exit(c: Record, s: Record, out: Record, kind: int, tif: int, qty: int) -> Record:
    """An order that leaves `qty` lots of setup `s`, without its prices."""
    r = order(c, s, out)
    r["side"] = -s["side"]
    r["type"] = kind
    r["tif"] = tif
    r["qty"] = qty
    r["flags"] = _REDUCE
    return r


@kernel
def stop(c: Record, table: Rows, legs: Rows, out: Record, k: int, qty: int, through: float) -> int:
    """Send the stop for `qty` lots of setup `k`, which reaches `through` its trigger, or AT_MARKET; returns its id."""
    s = table[k]
    r = _exit(c, s, out, _STOP if through < 0 else _STOP_LIMIT, _GTC if through < 0 else _IOC, qty)
    r["trigger"] = s["stop_at"]
    if through >= 0:
        r["price"] = reach(s["stop_at"], -s["side"], through)
    sent(table, legs, k, STOP, r, c["now"])
    return r["id"]


@kernel
def protect(c: Record, table: Rows, legs: Rows, out: Record, k: int, through: float) -> None:
    """Send stop and target for the lots of setup `k` that have none yet; the fill of one cancels the other."""
    s = table[k]
    qty = min(s["naked"], held(s))
    if qty <= 0 or s["state"] == CLOSING or _exits(legs, k) > MOST_EXITS - 2:
        return  # too many are under way: the next answer about one of them asks again
    s["naked"] = 0
    entry = s["entry_ticks"] / s["entered"]
    if entry != s["entry_at"]:
        place(s, entry)
    stop_id = stop(c, table, legs, out, k, qty, through) if s["stop_at"] != 0 else 0
    target_id = 0
    if s["target_at"] != 0 and s["zones"] == 0 and s["watched"] == 0:  # else the desk watches for it
        r = _exit(c, s, out, _LIMIT, _GTC, qty)
        r["price"] = s["target_at"]
        sent(table, legs, k, TARGET, r, c["now"])
        target_id = r["id"]
        if stop_id != 0:
            pair(legs, stop_id, target_id)
    _name_heirs(legs, out, k, stop_id, target_id)


@kernel
def _exits(legs: Rows, k: int) -> int:
    """Orders under way that leave setup `k`."""
    n = 0
    for m in range(len(legs)):
        n += belongs(legs[m], k) and legs[m]["role"] != ENTRY
    return n


@kernel
def _name_heirs(legs: Rows, out: Record, k: int, stop_id: int, target_id: int) -> None:
    """Those of setup `k` that wait for an heir have one; a target whose heir is none leaves with the stop, or now."""
    for n in range(len(legs)):
        leg = legs[n]
        if belongs(leg, k) and leg["heir"] == AWAITED:
            one, other = (stop_id, target_id) if leg["role"] == STOP else (target_id, stop_id)
            leg["heir"] = one if one != 0 else other
            if leg["heir"] == 0:
                withdraw(leg, out)


@kernel
def succeed(table: Rows, legs: Rows, k: int) -> None:
    """All that setup `k` holds is protected anew by `protect`; until that stands its stops and targets do.

    For a moment both stand; both are reduce-only, so the position cannot turn. What has an heir waits for that one:
    each answer withdraws what stood before it, however quickly levels move.
    """
    table[k]["naked"] = held(table[k])
    for n in range(len(legs)):
        if _protects(legs[n], k) and legs[n]["heir"] == 0:
            legs[n]["heir"] = AWAITED


@kernel
def inherit(legs: Rows, out: Record, heir: int) -> None:
    """The order of this id stands, or will never: withdraw those whose place it takes."""
    for n in range(len(legs)):
        if legs[n]["id"] != 0 and legs[n]["heir"] == heir:
            withdraw(legs[n], out)


@kernel
def pass_on(legs: Rows, heir: int, other: int) -> None:
    """Those that wait for the order `heir` wait for `other`."""
    for n in range(len(legs)):
        if legs[n]["id"] != 0 and legs[n]["heir"] == heir:
            legs[n]["heir"] = other


@kernel
def _waits_for(table: Rows, legs: Rows, leg: Record) -> int:
    """Id of the newest stop that waits for the order `leg` and stands for all that is held; 0 without any."""
    newest, k = 0, leg["setup"]
    for n in range(len(legs)):
        one = legs[n]
        stands = belongs(one, k) and one["role"] == STOP and one["leaving"] == 0 and one["known"] != 0
        if stands and one["heir"] == leg["id"] and one["left"] >= held(table[k]):
            newest = max(newest, one["id"])
    return newest


@kernel
def recall(table: Rows, legs: Rows, out: Record, leg: Record) -> bool:
    """The venue has refused stop `leg`: the stop whose place it was to take stays, with its target and its levels.

    False where none is known to stand for all that is held.
    """
    before = _waits_for(table, legs, leg)
    if before == 0:
        return False
    s, kept, beside = table[leg["setup"]], legs[find(legs, before)], find(legs, leg["pair"])
    if beside >= 0 and kept["pair"] == leg["pair"]:
        pair(legs, kept["id"], leg["pair"])  # the target was to stay
    elif beside >= 0:
        pass_on(legs, leg["pair"], leg["id"])
        withdraw(legs[beside], out)
    kept["heir"] = s["naked"] = 0
    s["stop_at"] = kept["price"]
    target = find(legs, kept["pair"])
    if target >= 0 and legs[target]["leaving"] == 0:
        legs[target]["heir"] = 0
        s["target_at"] = legs[target]["price"]
    inherit(legs, out, leg["id"])
    return True


@kernel
def move(table: Rows, legs: Rows, k: int, stop_at: int, target_at: int) -> None:
    """New levels for setup `k`, ticks: `protect` sends the stop and target that take over."""
    s = table[k]
    if s["state"] != OPEN:
        return
    s["stop_at"] = stop_at
    s["target_at"] = target_at
    succeed(table, legs, k)


@kernel
def gather(table: Rows, legs: Rows, k: int) -> None:
    """Before more lots of setup `k` are protected: one pair takes the place of all its stops and targets.

    Where they are many, or the average entry price has moved by more than NEAR: levels are of the average.
    """
    s = table[k]
    mine = 0
    for n in range(len(legs)):
        mine += _protects(legs[n], k) and legs[n]["heir"] == 0
    moved = abs(s["entry_ticks"] / max(1, s["entered"]) - s["entry_at"]) > NEAR * s["entry_at"] > 0
    if s["state"] == CLOSING or not (mine >= MOST_LEGS or (moved and mine > 0)):
        return
    succeed(table, legs, k)


@kernel
def _protects(leg: Record, k: int) -> bool:
    return belongs(leg, k) and leg["leaving"] == 0 and (leg["role"] == STOP or leg["role"] == TARGET)


@kernel
def withdraw_entries(table: Rows, legs: Rows, out: Record, k: int) -> None:
    """Cancel the entries of setup `k` that may still fill; its stop and target stay. An open SuperP position stays."""
    if table[k]["superp"] != 0 and table[k]["state"] == OPEN:
        return  # its one order is the position
    for n in range(len(legs)):
        if belongs(legs[n], k) and legs[n]["role"] == ENTRY:
            withdraw(legs[n], out)


@kernel
def close(c: Record, table: Rows, legs: Rows, out: Record, k: int, reason: int, limit: int) -> None:
    """Withdraw the orders of setup `k` and close what it holds: up to `limit` ticks, 0 = at the market.

    Its stops stand until nothing is held: the venue may refuse the close, or fill some of it, or be halted.
    """
    s = table[k]
    closing = _closing(legs, k)
    lots = held(s)
    stays = s["superp"] == 0 and lots > 0
    s["going"] = 1
    s["cover_by"] = s["fill_by"] = 0
    for n in range(len(legs)):
        role = legs[n]["role"]
        if belongs(legs[n], k) and (role != CLOSE or s["superp"] != 0) and not (role == STOP and stays):
            withdraw(legs[n], out)
    s["state"] = CLOSING
    if s["leaves"] == 0:
        s["leaves"] = reason
    if s["superp"] != 0:
        s["reason"] = s["leaves"]
        return
    if lots > 0 and not closing:
        r = _exit(c, s, out, _LIMIT if limit != 0 else _MARKET, _IOC, lots)
        r["price"] = limit
        sent(table, legs, k, CLOSE, r, c["now"])
    if s["reason"] == 0:
        s["reason"] = reason


@kernel
def part(c: Record, table: Rows, legs: Rows, out: Record, k: int, lots: int, limit: int) -> None:
    """Close `lots` of setup `k`, fewer than it holds, up to `limit` ticks, 0 = at the market; its exits stand until
    those for the rest do. One at a time, and none where too many orders are under way.
    """
    s = table[k]
    if s["state"] != OPEN or s["going"] != 0 or not 0 < lots < held(s) or _exits(legs, k) > MOST_EXITS - 2:
        return
    r = _exit(c, s, out, _LIMIT if limit != 0 else _MARKET, _IOC, lots)
    r["price"] = limit
    sent(table, legs, k, PART, r, c["now"])


@kernel
def _closing(legs: Rows, k: int) -> bool:
    """Whether an order is under way that closes setup `k`."""
    found = False
    for n in range(len(legs)):
        found = found or (belongs(legs[n], k) and legs[n]["role"] == CLOSE)
    return found


@kernel
def reopen(table: Rows, legs: Rows, k: int, at: int) -> None:
    """Setup `k` is closing, holds lots and has no order under way that closes them: close again at `at`, ns."""
    s = table[k]
    if s["state"] == CLOSING and s["superp"] == 0 and held(s) > 0 and not _closing(legs, k):
        s["state"] = OPEN
        s["horizon"] = at
        s["naked"] = 0


@kernel
def refused(s: Record) -> bool:
    """The venue has refused a close of `s`: the next waits twice as long. True when that has become the longest."""
    before = s["wait"]
    s["wait"] = min(max(RETRY_NS, 2 * before), LONGEST_NS)
    return before < LONGEST_NS and s["wait"] >= LONGEST_NS


@kernel
def again(s: Record, now: int) -> int:
    """When what an order has left of `s` is closed again, ns."""
    return now + max(RETRY_NS, s["wait"])


@kernel
def guard(table: Rows, legs: Rows, k: int, by: int) -> None:
    """Setup `k` must have a stop for all that it holds: the venue has told of one, or it must do so by `by`, ns."""
    s = table[k]
    lots = held(s)
    wanted = s["state"] == OPEN and s["going"] == 0 and s["superp"] == 0 and s["stop"] > 0 and lots > 0
    covered = stays = 0
    for n in range(len(legs)):
        leg = legs[n]
        if belongs(leg, k) and leg["role"] == STOP and leg["known"] != 0 and leg["leaving"] == 0:
            covered += leg["left"]
            stays += leg["left"] if leg["heir"] == 0 else 0
    if not wanted or stays >= lots:
        s["refused"] = 0
    if not wanted or covered >= lots:
        s["cover_by"] = 0
    elif s["cover_by"] == 0:
        s["cover_by"] = by


@kernel
def is_legal(s: Record, touch: int) -> bool:
    """Whether a stop that the venue refused may be asked for once more: it lies behind `touch` (ticks, 0 = unknown).

    One that the market has passed is not moved away from it: a stop only ever tightens.
    """
    return s["stop_at"] > 0 and (touch == 0 or s["side"] * (touch - s["stop_at"]) > 0)


@kernel
def fit(c: Record, table: Rows, legs: Rows, out: Record, k: int, leg: Record, through: float) -> None:
    """After executions of a target its stop is replaced by one for what is left: never for more than is held.

    `leg`: one of the two, an order of setup `k`.
    """
    other = find(legs, leg["pair"])
    if other < 0:
        return
    is_stop = leg["role"] == STOP
    one, target = (leg, legs[other]) if is_stop else (legs[other], leg)
    if one["known"] == 0 or one["leaving"] != 0 or one["heir"] != 0 or one["left"] <= target["left"]:
        return
    one["heir"] = stop_again(c, table, legs, out, k, target["left"], target["id"], through)


@kernel
def stop_again(c: Record, table: Rows, legs: Rows, out: Record, k: int, qty: int, target: int, through: float) -> int:
    """Another stop for `qty` lots of setup `k`, beside the target of this id, 0 = none; returns its id."""
    order_id = stop(c, table, legs, out, k, qty, through)
    if find(legs, target) >= 0:
        pair(legs, target, order_id)
    return order_id
