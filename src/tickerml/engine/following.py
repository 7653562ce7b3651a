"""What becomes of the trades under way: at each answer of the venue, and when one is to be closed. Kernels.

They keep the desk's tables and write what is to be sent; engine/trades.py lets it leave, and settles what is over.
Each says what Python has to do about a setup: SEND, OVER and TELL are bits, in front of them its slot.
"""

from __future__ import annotations

from typing import Final

from tickerml.account.wallets import RECEIVED
from tickerml.desk import leaving
from tickerml.desk.exits import nearest
from tickerml.desk.legs import CLOSE, ENTRY, NOBODY, PART, STOP, TARGET, find
from tickerml.desk.requests import cancel
from tickerml.desk.setups import (
    BY_HAND,
    BY_STOP,
    BY_TARGET,
    BY_TIMER,
    ENTERING,
    NAKED,
    OPEN,
    deadline,
    drop,
    due,
    ended,
    fill,
    held,
    is_over,
    on_instrument,
    take_fee,
    withdraw,
)
from tickerml.engine.ending import NOTHING, leave, sell, settles, stand_or_fall, touch_of
from tickerml.engine.marks import arm, patience, watch
from tickerml.sim.orders import ANSWERS, Cause
from tickerml.tape.kernel import kernel
from tickerml.tape.orders import AnswerKind, Reject
from tickerml.tape.rows import Record, Rows

TELL: Final = 2  # the venue has refused to close it again and again
SEND: Final = 4  # there is something to be sent
BITS: Final = 3
LIQUIDATED: Final = -1  # the answer tells of a liquidation

_ACK, _FILL, _REJECT = int(AnswerKind.ACK), int(AnswerKind.FILL), int(AnswerKind.REJECT)
_CANCELED, _EXPIRED = int(AnswerKind.CANCELED), int(AnswerKind.EXPIRED)
_FUNDING, _SETTLED = int(AnswerKind.FUNDING), int(AnswerKind.SETTLED)
_CANCEL_REJECT, _GATEWAY = int(AnswerKind.CANCEL_REJECT), int(Reject.GATEWAY)
_NO_SUCH: Final = int(Reject.NO_SUCH_ORDER)
_BY_LIQUIDATION: Final = int(Cause.LIQUIDATION)
_STOPPED, _REACHED, _EXPIRY = int(Cause.STOP), int(Cause.TARGET), int(Cause.EXPIRY)


@kernel
def answered(
    core: Rows, table: Rows, legs: Rows, outs: Rows, mails: Rows, rules: Rows, marks: Rows, books: Rows, reaches: Rows
) -> int:
    """Book what the venue has just said about an order of ours, or LIQUIDATED where it closed what we held."""
    c, out, mail = core[0], outs[0], mails[0]
    a = mail["answers"][(mail["ans_head"] - 1) % ANSWERS]
    kind = a["kind"]
    if kind == _FILL and a["cause"] == _BY_LIQUIDATION:
        return LIQUIDATED
    if kind == _FUNDING:
        k = on_instrument(table, a["inst"])
        if k >= 0:
            table[k]["funding"] += a["amount"]
        return NOTHING
    if kind == _CANCEL_REJECT and a["reason"] == _GATEWAY:
        cancel(out, a["inst"], a["id"])  # it never arrived: the order still stands
        return SEND
    n = find(legs, a["id"])
    if n < 0:
        return NOTHING
    leg = legs[n]
    if leg["setup"] == NOBODY and not _adopted(table, leg, a):
        if kind == _CANCEL_REJECT or _ends(kind) or (kind == _FILL and a["left"] == 0):
            leg["id"] = 0
        return NOTHING
    leg["known"] = 1
    k = leg["setup"]
    if table[k]["superp"] != 0:
        said = _staked(core, table, legs, out, rules, marks, books, reaches, k, leg, a)
    else:
        said = _ordered(core, table, legs, out, rules, marks, books, reaches, k, leg, a, _goes_on(mail, a))
    c["deadline"] = deadline(table)
    return _said(out, k, said)


@kernel
def _adopted(table: Rows, leg: Record, a: Record) -> bool:
    """An order whose trade was told has been executed: it has left what the setup holds that stands there now."""
    k = on_instrument(table, a["inst"])
    if a["kind"] != _FILL or k < 0 or a["side"] == table[k]["side"] or held(table[k]) < a["qty"]:
        return False
    leg["setup"] = k
    return True


@kernel
def _goes_on(mail: Record, a: Record) -> bool:
    """Whether the next answer, told at the same moment, is one more execution of the same order."""
    if mail["ans_head"] >= mail["ans_tail"]:
        return False
    b = mail["answers"][mail["ans_head"] % ANSWERS]
    return b["kind"] == _FILL and b["id"] == a["id"] and b["visible"] == a["visible"]


@kernel
def _said(out: Record, k: int, said: int) -> int:
    return k << BITS | said | (SEND if out["n"] != 0 else NOTHING)


@kernel
def left(
    core: Rows, table: Rows, legs: Rows, outs: Rows, rules: Rows, marks: Rows, books: Rows, reaches: Rows, k: int,
    reason: int,
) -> int:  # fmt: skip
    """Close setup `k`, with all the legs that it stands or falls with."""
    return _said(outs[0], k, leave(core[0], table, legs, outs[0], rules, marks, books, reaches[0], k, reason, 0))


@kernel
def overdue(
    core: Rows, table: Rows, legs: Rows, outs: Rows, rules: Rows, marks: Rows, books: Rows, reaches: Rows, first: int
) -> int:
    """Close the next setup from slot `first` on that has reached its horizon, has no stop or lacks a leg; -1: none."""
    for k in range(first, len(table)):
        why = due(table[k], core[0]["now"])
        if why != 0:
            return left(core, table, legs, outs, rules, marks, books, reaches, k, why)
    return -1


@kernel
def retreated(
    core: Rows, table: Rows, legs: Rows, outs: Rows, rules: Rows, marks: Rows, books: Rows, reaches: Rows, k: int,
    close: bool,
) -> int:  # fmt: skip
    """Withdraw the entries of setup `k`; with `close`, close what it holds as well."""
    s = table[k]
    if s["state"] == ENTERING or (close and s["state"] == OPEN):
        return left(core, table, legs, outs, rules, marks, books, reaches, k, BY_HAND)
    if s["state"] != OPEN:
        return NOTHING
    leaving.withdraw_entries(table, legs, outs[0], k)
    over = is_over(s) and s["superp"] == 0
    return _said(outs[0], k, settles(table, legs, outs[0], k) if over else NOTHING)


@kernel
def moved(
    core: Rows, table: Rows, legs: Rows, outs: Rows, rules: Rows, marks: Rows, books: Rows, reaches: Rows, k: int,
    stop_at: int, target_at: int,
) -> int:  # fmt: skip
    """New levels of setup `k`, ticks."""
    leaving.move(table, legs, k, stop_at, target_at)
    said = _after(core, table, legs, outs[0], rules, marks, books, reaches, k)
    core[0]["deadline"] = deadline(table)
    return _said(outs[0], k, said)


@kernel
def lessened(
    core: Rows, table: Rows, legs: Rows, outs: Rows, rules: Rows, marks: Rows, books: Rows, reaches: Rows, k: int,
    lots: int,
) -> int:  # fmt: skip
    """Close `lots` of setup `k`: less of it is wished."""
    sell(core[0], table, legs, outs[0], rules, marks, books, reaches[0], k, lots)
    return _said(outs[0], k, NOTHING)


@kernel
def liquidated(
    core: Rows, table: Rows, legs: Rows, outs: Rows, rules: Rows, marks: Rows, books: Rows, reaches: Rows, k: int
) -> int:
    """The venue has closed what setup `k` held: what becomes of its orders."""
    return _said(outs[0], k, _after(core, table, legs, outs[0], rules, marks, books, reaches, k))


@kernel
def settled(core: Rows, table: Rows, legs: Rows, outs: Rows, marks: Rows, k: int) -> None:
    """Setup `k` is told, and its slot free: what remains of its orders is withdrawn, and followed no longer."""
    drop(legs, outs[0], k, core[0]["now"], core[0]["ended"] == 0)  # when the tape has ended nothing more is sent
    table[k]["state"] = 0
    armed(core, table, marks, table[k]["inst"])
    core[0]["deadline"] = deadline(table)


@kernel
def armed(core: Rows, table: Rows, marks: Rows, inst: int) -> None:
    """Name the nearest prices at which an exit of this instrument is to be looked at."""
    below, above = nearest(table, OPEN, inst)
    core[0]["alarms"] = arm(marks, inst, below, above)


@kernel
def _staked(
    core: Rows, table: Rows, legs: Rows, out: Record, rules: Rows, marks: Rows, books: Rows, reaches: Rows, k: int,
    leg: Record, a: Record,
) -> int:  # fmt: skip
    """An answer about the order of a SuperP position, which is the position."""
    s, kind, now = table[k], a["kind"], core[0]["now"]
    if kind == _ACK and a["price"] > 0 and s["opened"] == 0:
        s["state"] = OPEN
        s["opened"] = now
        s["entered"] = 1
        s["entry_ticks"] = a["price"]
        watch(marks[s["inst"]])
    elif kind == _SETTLED:
        s["entered"] = s["exited"] = 1
        s["closed"] = now
        s["exit_ticks"] = a["price"]
        s["amount"] += a["amount"]
        s["fees"] += a["fee"]
        s["reason"] = _reason_of(a["cause"], s["reason"])
        ended(table, leg)
        return settles(table, legs, out, k)
    elif kind == _CANCEL_REJECT and a["reason"] != _NO_SUCH and leg["leaving"] != 0:
        leg["leaving"] = 0  # its close was refused: it is asked for again
        s["state"] = OPEN
        told = leaving.refused(s)
        s["horizon"] = leaving.again(s, now)
        return TELL if told else NOTHING
    elif _ends(kind):
        ended(table, leg)
        return _after(core, table, legs, out, rules, marks, books, reaches, k)
    return NOTHING


@kernel
def _reason_of(cause: int, known: int) -> int:
    if cause == _STOPPED:
        return BY_STOP
    if cause == _REACHED:
        return BY_TARGET
    if cause == _EXPIRY:
        return BY_TIMER
    return known if known != 0 else BY_HAND


@kernel
def _ends(kind: int) -> bool:
    return kind in (_CANCELED, _EXPIRED, _REJECT)


@kernel
def _ordered(
    core: Rows, table: Rows, legs: Rows, out: Record, rules: Rows, marks: Rows, books: Rows, reaches: Rows, k: int,
    leg: Record, a: Record, goes_on: bool,
) -> int:  # fmt: skip
    """An answer about an order: executions are protected, what one ends is withdrawn, what is left is closed again.

    `goes_on`: the next answer follows at once, and protects what both have filled.
    """
    c, s, kind, rule = core[0], table[k], a["kind"], rules[a["inst"]]
    said = NOTHING
    if kind != _REJECT:
        leaving.inherit(legs, out, leg["id"])
    if kind == _FILL:
        if s["opened"] == 0:
            watch(marks[a["inst"]])
        fill(s, leg, rule, a["price"], a["qty"], a["fee"], c["now"])
        s["amount"] += a["amount"]  # what insurance bore
        if leg["role"] == ENTRY and rule["fee_in"] == RECEIVED and a["wallet"] == rule["base_wallet"]:
            take_fee(s, a["paid"], rule["lot_units"])
        other = find(legs, leg["pair"]) if leg["role"] != TARGET or a["left"] == 0 else -1
        if other >= 0:
            withdraw(legs[other], out)
        if a["left"] == 0:
            ended(table, leg)
        _exited(c, table, legs, out, k, leg)
        leaving.reopen(table, legs, k, c["now"])
    if (leg["role"] == CLOSE or leg["role"] == PART) and kind != _REJECT:
        s["wait"] = 0
    through = leaving.AT_MARKET if rule["bar_only"] != 0 else reaches[0]["through"]
    if _ends(kind):
        said = _ended(c, table, legs, out, rules, marks, books, reaches[0], k, leg, kind == _REJECT)
    if leg["id"] != 0:
        leaving.fit(c, table, legs, out, k, leg, through)
    return said if goes_on else said | _after(core, table, legs, out, rules, marks, books, reaches, k)


@kernel
def _exited(c: Record, table: Rows, legs: Rows, out: Record, k: int, leg: Record) -> None:
    """After an execution of `leg`: what it means for the other orders of setup `k`.

    Entries end with the position. Heirs are for what was held when they were sent: where less is left, others follow.
    """
    s = table[k]
    if leg["role"] == ENTRY or s["state"] != OPEN or s["going"] != 0:
        return
    if held(s) == 0:
        leaving.close(c, table, legs, out, k, s["reason"], 0)
    elif leg["role"] == PART or leg["heir"] != 0 or leg["leaving"] != 0:
        leaving.succeed(table, legs, k)


@kernel
def _ended(
    c: Record, table: Rows, legs: Rows, out: Record, rules: Rows, marks: Rows, books: Rows, far: Record, k: int,
    leg: Record, refused: bool,
) -> int:  # fmt: skip
    """An order of setup `k` has left the venue with lots open: a position must not stand without its stop.

    A target that the venue has refused is watched by the desk, which closes the trade there.
    """
    s, now, inst = table[k], c["now"], leg["inst"]
    gone = leg["role"] == STOP and leg["leaving"] == 0 and held(s) > 0 and s["going"] == 0
    gone = gone and (leg["heir"] == 0 or not refused)  # else one more is on its way
    tried = leg["role"] == CLOSE and leg["price"] > 0 and not refused  # its limit, at once at the market
    shut = (leg["role"] == CLOSE or leg["role"] == PART) and refused  # read now: another order may take the leg's place
    bars = rules[inst]["bar_only"] != 0
    touch = 0 if bars else touch_of(books[inst], marks[inst], s["side"])
    said = NOTHING
    if leg["role"] == STOP and s["going"] != 0 and s["state"] == OPEN:
        s["horizon"] = now  # it stood while a close was to be tried again: what it left is closed now
    if leg["role"] == TARGET and refused:
        s["watched"] = 1
        leaving.inherit(legs, out, leg["id"])
    order_id, pair = leg["id"], leg["pair"]
    if refused and leg["heir"] != 0:
        leaving.pass_on(legs, order_id, leg["heir"])  # its own heir is on its way
    legal = gone and refused and leaving.is_legal(s, touch)
    once = legal and s["refused"] == 0
    kept = legal and not once and leaving.recall(table, legs, out, leg)
    ended(table, leg)
    if once:
        s["refused"] += 1
        through = leaving.AT_MARKET if bars else far["through"]
        heir = leaving.stop_again(c, table, legs, out, k, min(leg["left"], held(s)), pair, through)
        leaving.pass_on(legs, order_id, heir)
    elif gone and not kept:
        limit = leaving.reach(touch, -s["side"], far["again"]) if touch != 0 and not refused else 0
        said = leave(c, table, legs, out, rules, marks, books, far, k, NAKED if refused else BY_STOP, limit)
    if tried:
        s["pressed"] = 1
    if shut and leaving.refused(s):
        said |= TELL
    if shut:
        s["pause"] = leaving.again(s, now)
    leaving.reopen(table, legs, k, now if tried else leaving.again(s, now))
    return said


@kernel
def _after(
    core: Rows, table: Rows, legs: Rows, out: Record, rules: Rows, marks: Rows, books: Rows, reaches: Rows, k: int
) -> int:
    """Protect what an entry has just filled; what becomes of the setup, and of those it stands or falls with."""
    c, s, far = core[0], table[k], reaches[0]
    inst, said = s["inst"], NOTHING
    if s["state"] == 0:
        return NOTHING
    if s["naked"] != 0:
        leaving.gather(table, legs, k)
        leaving.protect(c, table, legs, out, k, leaving.AT_MARKET if rules[inst]["bar_only"] != 0 else far["through"])
    leaving.guard(table, legs, k, c["now"] + far["naked_ns"] + patience(books[inst], marks[inst]))
    if s["group"] != 0:
        said = stand_or_fall(c, table, legs, out, rules, marks, books, far, k)
    if is_over(s):
        return said | settles(table, legs, out, k)
    armed(core, table, marks, inst)
    return said
