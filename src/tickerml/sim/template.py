"""The text of the generated venue module: the pass loop with the chosen queue, latency and fee models imported.

A function passed as a value would miss numba's cache in every process and an array passed to a per-row helper costs
10x, so the loop is generated: it imports the static matching functions and the chosen modules by name.

The module defines
    venue_pass(rows, bars, values, cursor, stop, limit_at, stop_on_answer, mail, rules, venues, books, q, lat, fees)
        -> cursor
        rows     ROW array in venue order (tape/venue_time.py): `exch` holds the corrected venue time
        bars, values   the side tables that `ref` of BAR and VALUE rows counts into (empty arrays where there are none)
        cursor, stop   first row not applied yet, and the end of the rows
        limit_at ns; rows and requests at or before it are processed; it must not exceed the time to which `rows` is
                 complete
        stop_on_answer  1: return right after the row or request that produced an answer
        mail     MAIL record of this venue: both rings
        rules, venues, books   arrays of RULES, VENUE and LADDER records, indexed by a row's `inst`
        q, lat, fees   parameter records of the chosen models (tape/params.py `params_record`)
    send(mail, lat, now, feed_ns, op, order_id, inst, side, type, tif, price, trigger, target, qty, expiry, flags,
         leverage) -> arrival (ns), or -1 when the request ring is full
        for the strategy's side: stamps the request with the latency model; FIFO, no request overtakes another. A
        request that the latency model loses (negative latency) is answered with REJECT, reason GATEWAY.
        `feed_ns` is the feed latency last seen by the sender (for latency taken from the rows).

Order of events at the venue: by time; at one time stamp, rows before requests before expiries (an order that arrives
with a row's stamp has not been overtaken by it: the row came first). Answers lie in mail["answers"] from ans_head to
ans_tail (modulo ANSWERS); the caller collects them and advances ans_head. `visible` holds venue time plus response
latency, in order; the caller applies the watermark on top. When fewer than the rest of the ring is free for one step,
the pass returns early: collect and call again (`cursor < stop` or a request still due tells that it is not done).

Errors: OverflowError when money leaves int64; b["spilled"] must be examined by the caller.
"""
