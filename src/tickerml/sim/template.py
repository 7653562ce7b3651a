"""The text of the generated venue module: the pass loop with the chosen queue, latency and fee models imported.

A function passed as a value would miss numba's cache in every process and an array passed to a per-row helper costs
10x, so the loop is generated: it imports the static matching functions and the chosen modules by name. Every name
that the text defines or imports starts with `venue_`, `queue_`, `latency_`, `fee_` or `VENUE_` (and `send`), so that it
can stand in a larger module that has imported `kernel`.

The module defines
    venue_pass(rows, bars, values, cursor, stop, limit_at, stop_on_answer, mail, rules, venues, books, q, lat, fees)
        -> cursor
        rows     ROW array in venue order (tape/venue_time.py): `exch` holds the corrected venue time
        bars, values   the side tables that `ref` of BAR and VALUE rows counts into (empty arrays where there are none)
        cursor, stop   first row not applied yet, and the end of the rows
        limit_at ns; rows, requests and expiries at or before it are processed; it must not exceed the time to which
                 `rows` is complete
        stop_on_answer  1: return right after the row, request or expiry that produced an answer
        mail     MAIL record of this venue: both rings
        rules, venues, books   arrays of RULES, VENUE and LADDER records, indexed by a row's `inst`
        q, lat, fees   parameter records of the chosen models (tape/params.py `params_record`)
    send(mail, lat, now, feed_ns, op, order_id, inst, side, type, tif, price, trigger, target, qty, expiry, flags,
         leverage) -> arrival (ns), or -1 when the request ring is full
        for the strategy's side: stamps the request with the latency model; FIFO, no request overtakes another. A
        request that the latency model loses (negative latency) never arrives; a REJECT or CANCEL_REJECT with reason
        GATEWAY lies in mail["lost"], visible when we learn of it (sim/outbox.py `next_notice`). `feed_ns` is the feed
        latency last seen by the sender (for latency taken from the rows).

Order of events at the venue: by time; at one time stamp, rows before requests before expiries (an order that arrives
with a row's stamp has not overtaken it). Answers lie in mail["answers"] from ans_head to ans_tail (modulo ANSWERS); the
caller collects them and advances ans_head. `visible` holds venue time plus response latency, in order; the caller
applies the watermark on top. When less than half of the ring is free the pass returns early: collect and call again. It
is not done while a row, mail["next_expiry"] or the oldest request lies at or before `limit_at`.

What a run cannot need may be left out, because each part costs seconds of compilation once: `triggers` (stop,
take-profit, trailing and SuperP orders: they are then refused as UNKNOWN), `bars` (bar-only tapes), `values` (funding
and mark prices), `balance` (RULES["check_balance"] is then not looked at), `taking` (whatever is not post-only: it is
then refused as UNKNOWN, and orders cannot expire), `mid` (RULES["at_mid"] must then be 0), `amend` (changes of live
orders: they are then not answered, so nobody may send one), `margin` (RULES["margined"] must then be 0: no tiers, no
isolated margin, no hedge mode, no liquidation), `wallets` (base wallets and fee currencies), `volume` (the 30-day
volume that sim/fees/tiered.py charges by). A run whose only orders are
a compiled quoter's needs none of them, but for `values` on derivatives.

Errors: OverflowError when money leaves int64, RuntimeError when one step gives too many answers; b["spilled"] must be
examined by the caller.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from tickerml.sim.pass_text import TEXT
from tickerml.tape.orders import AnswerKind, Op, OrderType, Reject, TimeInForce
from tickerml.tape.rows import Flag, Kind

QUEUE: Final = "tickerml.sim.queue.log_probability"
LATENCY: Final = "tickerml.sim.latency.constant"
FEES: Final = "tickerml.sim.fees.flat"


@cache
def with_parts(text: str, **wanted: bool) -> str:
    """The lines of `text` but those of parts that are not wanted: a line ends with `# if PART` or `# unless PART`.

    `#? if PART` is the same, and is cut off the line: without the part the text is what it was before there was one.
    """
    dropped = tuple(f"{'unless' if want else 'if'} {part}" for part, want in wanted.items())
    kept = []
    for line in text.split("\n"):
        code, mark, part = line.rpartition("  #? ")
        if mark and part not in dropped:
            kept.append(code)
        elif not mark and not line.endswith(tuple(f"  # {one}" for one in dropped)):
            kept.append(line)
    return "\n".join(kept)


def venue_source(
    queue_module: str = QUEUE,
    latency_module: str = LATENCY,
    fees_module: str = FEES,
    *,
    triggers: bool = True,
    bars: bool = True,
    values: bool = True,
    balance: bool = True,
    taking: bool = True,
    mid: bool = True,
    amend: bool = True,
    margin: bool = True,
    wallets: bool = True,
    volume: bool = False,
) -> str:
    """The text of `venue_pass` and `send` with the named modules' functions; it needs `kernel` in its namespace."""
    kept = with_parts(
        TEXT,
        triggers=triggers,
        bars=bars,
        values=values,
        balance=balance,
        taking=taking,
        mid=mid,
        amend=amend,
        margin=margin,
        wallets=wallets,
        coins=wallets and amend,
        volume=volume,
    )
    return kept.format(
        queue=queue_module,
        latency=latency_module,
        fees=fees_module,
        depth=int(Kind.DEPTH),
        trade=int(Kind.TRADE),
        bar=int(Kind.BAR),
        value=int(Kind.VALUE),
        end=int(Flag.END),
        fill=int(AnswerKind.FILL),
        reject=int(AnswerKind.REJECT),
        unknown=int(Reject.UNKNOWN),
        no_balance=int(Reject.BALANCE),
        new=int(Op.NEW),
        cancel=int(Op.CANCEL),
        cancel_all=int(Op.CANCEL_ALL),
        amend_op=int(Op.AMEND),
        market=int(OrderType.MARKET),
        superp=int(OrderType.SUPERP),
        gtx=int(TimeInForce.GTX),
    )
