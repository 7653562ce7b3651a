"""The text of a run's generated module: the loop, with the chosen folds called in order. wire.py fills it in.

The loop is text because numba caches no function that takes functions; what it calls is ordinary, imported code.
"""

from __future__ import annotations

from typing import Final

HEAD: Final = '''"""Made by tickerml for one choice of folds and models; its name is the hash of this text."""

from tickerml.account.position import apply_fill
from tickerml.account.margin import told_fill, told_funding  #? if margin
from tickerml.account.wallets import move  #? if wallets
from tickerml.sim.margin import LIQUIDATION  #? if margin
from tickerml.desk.envelope import allows, in_time
from tickerml.desk.requests import count, count_quote
from tickerml.desk.shared import FITS, fits
from tickerml.desk.working import LEAVING, RESTING, add, find, on_fill, remove
from tickerml.engine import core, marks
from tickerml.engine.purse import KEEPER, keep
from tickerml.engine import watch  #? if watch
from tickerml.features.window import ends
from tickerml.sim.orders import ANSWERS, REQUESTS
from tickerml.sim.outbox import deliver_notice, next_notice
from tickerml.tape.orders import AnswerKind, Op, OrderFlag, OrderType, TimeInForce
from tickerml.tape.kernel import kernel
from tickerml.tape.ladder import apply as fold_book
from tickerml.tape.rows import FOREVER, Flag, Kind

MAKER = int(Flag.MAKER)
ACK, FILL, CANCELED = int(AnswerKind.ACK), int(AnswerKind.FILL), int(AnswerKind.CANCELED)
EXPIRED, REJECT, CANCEL_REJECT = int(AnswerKind.EXPIRED), int(AnswerKind.REJECT), int(AnswerKind.CANCEL_REJECT)
SETTLED, FUNDING = int(AnswerKind.SETTLED), int(AnswerKind.FUNDING)
NEW, CANCEL = int(Op.NEW), int(Op.CANCEL)
LIMIT, GTX = int(OrderType.LIMIT), int(TimeInForce.GTX)
ROW_ACK, ROW_FILL, ROW_CANCELED = int(Kind.ACK), int(Kind.FILL), int(Kind.CANCELED)
ROW_REJECT, ROW_SUBMIT, ROW_CANCEL = int(Kind.REJECT), int(Kind.SUBMIT), int(Kind.CANCEL)
ROW_FUNDING, ROW_AMEND = int(Kind.FUNDING), int(Kind.AMEND)
LONG, SHORT, SUPERP = int(OrderFlag.LONG), int(OrderFlag.SHORT), int(OrderType.SUPERP)
LEFT, FULL, TOO_MANY = core.LEFT, core.FULL, core.TOO_MANY
AMENDED, AMEND_REJECT = int(AnswerKind.AMENDED), int(AnswerKind.AMEND_REJECT)  #? if amend
ROW_AMENDED = int(Kind.AMENDED)  #? if amend
POSITIVE = 0x7FFFFFFF  # tells the compiler that an index does not count from the end
BAR, VALUE, TRADE, CLOCK = int(Kind.BAR), int(Kind.VALUE), int(Kind.TRADE), int(Kind.CLOCK)
MADE, ROOM, NEED_ROWS, WAKE, ANSWER = core.MADE, core.ROOM, core.NEED_ROWS, core.WAKE, core.ANSWER
DEADLINE, HAND_OVER, DONE, STRUCK, ALARM = core.DEADLINE, core.HAND_OVER, core.DONE, core.STRUCK, core.ALARM
UNSENT = core.UNSENT
'''

SHOW: Final = '''
@kernel
def row_kind(kind):
    """The kind of row that tells of an answer."""
    if kind == FILL or kind == SETTLED:
        return ROW_FILL
    if kind == CANCELED or kind == EXPIRED:
        return ROW_CANCELED
    if kind == REJECT or kind == CANCEL_REJECT:
        return ROW_REJECT
    if kind == FUNDING:
        return ROW_FUNDING
    if kind == AMENDED:  #? if amend
        return ROW_AMENDED  #? if amend
    if kind == AMEND_REJECT:  #? if amend
        return ROW_REJECT  #? if amend
    return ROW_ACK


@kernel
def book_money(c, a, position, rule):
    """Our own account, told by the answer: the same arithmetic as the venue's, at the time we learn of it."""
    kind = a["kind"]
    if rule["margined"] != 0 and kind == FILL:  #? if margin
        c["cash"][rule["wallet"]] += told_fill(position, rule, a)  #? if margin
        move(c, rule, a["side"], a["qty"], a["fee"], a["wallet"], a["paid"])  #? if both
        return  #? if margin
    if rule["margined"] != 0 and kind == FUNDING:  #? if margin
        c["cash"][rule["wallet"]] += told_funding(position, rule, a["leg"], a["amount"])  #? if margin
        return  #? if margin
    if kind == FILL:
        c["cash"][rule["wallet"]] += apply_fill(position, rule, a["side"], a["price"], a["qty"], a["fee"])
        move(c, rule, a["side"], a["qty"], a["fee"], a["wallet"], a["paid"])  #? if wallets
    elif kind == FUNDING:
        position["funding"] += a["amount"]
        c["cash"][rule["wallet"]] += a["amount"]
    elif kind == SETTLED:
        position["realised"] += a["amount"]
        position["fees"] += a["fee"]
        c["cash"][rule["wallet"]] += a["amount"] - a["fee"]


@kernel
def show(c, a, working, positions, rules, made_rows, made_orders):
    """Tell our side of answer `a`: a made row, and our own orders. True when the Python desk must hear it."""
    kind = a["kind"]
    flags = a["maker"] * MAKER
    o = core.make(c, made_rows, made_orders, row_kind(kind), a["inst"], a["side"], a["price"], a["qty"], flags)
    o["id"] = a["id"]
    o["price"] = a["price"]
    o["qty"] = a["qty"]
    o["left"] = a["left"]
    o["fee"] = a["fee"]
    o["amount"] = a["amount"]
    o["at"] = a["at"]
    o["type"] = a["type"]
    o["tif"] = a["tif"]
    o["state"] = a["state"]
    o["reason"] = a["reason"]
    o["trigger"] = a["trigger"]  #? if amend
    if kind == FILL and a["wallet"] != rules[a["inst"]]["wallet"]:  #? if wallets
        o["amount"] = a["paid"]  #? if wallets
        o["currency"] = a["wallet"] + 1  #? if wallets
    book_money(c, a, positions[a["inst"]], rules[a["inst"]])
    w = working[a["inst"]]
    if kind == FILL and a["cause"] == LIQUIDATION:  #? if margin
        w["position"] += a["side"] * a["qty"]  #? if margin
    k = find(w, a["id"])
    if k < 0:
        return c["by_answers"] != 0
    if kind == ACK:
        if w["state"][k] != LEAVING:
            w["state"][k] = RESTING
    elif kind == FILL:
        on_fill(w, k, a["qty"])
    elif kind == CANCELED or kind == EXPIRED or kind == REJECT:
        remove(w, k)
    elif kind == CANCEL_REJECT and w["state"][k] == LEAVING:
        w["state"][k] = RESTING
    return False
'''

RESEARCH: Final = '''
@kernel
def fold_rows(c, cur, upto, rows, bars, values, books, marks_, insts, {states}):
    """Fold rows with a receive time of at most `upto` into the strategy's side. The only place that calls folds."""
{params}
    i = cur["row"]
    stop = cur["rows"]
    first = i
    while i < stop:
        row = rows[i & POSITIVE]
        if row["recv"] > upto:
            break
        n = row["inst"] & POSITIVE
        b = books[n]
        fold_book(b, row)
{on_row}
        i += 1
    if i > first:
        c["now"] = max(c["now"], rows[i - 1]["recv"])
        c["rows"] += i - first
        cur["row"] = i
'''

AT_ENDS: Final = """        if ends(row) or row["kind"] == TRADE or row["kind"] == CLOCK:
{on_row}"""

BARS: Final = """        if row["kind"] == BAR:
            bar = bars[row["ref"]]
{on_bar}"""

VALUES: Final = """        if row["kind"] == VALUE:
            value = values[row["ref"]]
{on_value}"""

LARGE_TRADES: Final = """        if row["kind"] == TRADE:
            worth = row["qty"] * (row["price"] * insts[n]["unit"] + insts[n]["lot_value"])
            if worth >= c["large_trade"]:
                c["struck"] = n + 1
"""

ALARMS: Final = """        if marks_[n]["alarm"] != 0:
            c["alarmed"] = n + 1
"""

CALLED: Final = """        if c["struck"] != 0 or c["alarmed"] != 0:
            i += 1
            break
"""

ADVANCE: Final = '''
@kernel
def live_orders(mail, venues):
    """How many things at the venue may still answer: requests under way, orders, positions that pay funding."""
    n = mail["req_tail"] - mail["req_head"]
    for k in range(len(venues)):
        n += venues[k]["n"] + abs(venues[k]["net"])
        n += venues[k]["long"]  #? if margin
    return n


@kernel
def may_answer(c, cur, mail, rows):
    """When an answer to what is still to happen may be shown at the soonest.

    Nothing happens at the venue before its next row, request or expiry: between two bars there may be hours of nothing.
    """
    first = min(c["final"], mail["next_expiry"])
    if cur["venue_row"] < cur["venue_rows"]:
        first = min(first, rows[cur["venue_row"]]["exch"])
    if mail["req_head"] != mail["req_tail"]:
        first = min(first, mail["requests"][mail["req_head"] % REQUESTS]["arrival"])
    return FOREVER if first == FOREVER else max(first, c["venue_time"]) + c["least_answer"]


@kernel
def answer_time(c, mail):
    """When the next answer, or the notice of a lost request, may be shown; FOREVER when there is none."""
    first = next_notice(mail)
    if mail["ans_head"] != mail["ans_tail"]:
        a = mail["answers"][mail["ans_head"] % ANSWERS]
        first = min(first, max(a["visible"], a["at"] + c["watermark"]))
    return first if first == FOREVER else max(c["shown"], first)


@kernel
def next_answer(c, mail, time, working, positions, rules, made_rows, made_orders):
    """Show the next answer at `time`. True when the Python desk must hear it."""
    c["now"] = time
    c["shown"] = time
    if next_notice(mail) <= time:
        deliver_notice(mail)
    a = mail["answers"][mail["ans_head"] % ANSWERS]
    mail["ans_head"] += 1
    core.answer_is_news(c, time)
    return show(c, a, working, positions, rules, made_rows, made_orders)


@kernel
def run_venue(c, cur, limit, stop_on_answer, mail, rows, bars, values, rules, venues, books, queue, lat, fees):
    """Let the venue process what happens there until `limit`."""
    if limit <= c["venue_time"]:
        return
    cur["venue_row"] = venue_pass(rows, bars, values, cur["venue_row"], cur["venue_rows"], limit, stop_on_answer, mail,
                                  rules, venues, books, queue, lat, fees)
    done = cur["venue_row"] >= cur["venue_rows"] or rows[cur["venue_row"]]["exch"] > limit
    if mail["next_expiry"] <= limit:
        done = False
    if mail["req_head"] != mail["req_tail"] and mail["requests"][mail["req_head"] % REQUESTS]["arrival"] <= limit:
        done = False
    if done:
        c["venue_time"] = limit
    else:
        c["venue_time"] = max(c["venue_time"], mail["now"] - 1)


@kernel
def advance(core_, cursor, rows, bars, values, books, marks_, insts, venue_rows, venue_bars, venue_values, mails, rules,
            venues, venue_books, queues, lats, feess, working, positions, envelopes, shared_, quotes, purses,
            funds, latches, steps, regimes, thresholds, setups, coins, made_rows, made_orders, {states}):
    """Run until rows are needed, Python must act, or all is done; returns the reason (engine/core.py).

    Two machines: the venue runs ahead to where our next act could reach it, then our side runs to the next event.
    """
    c = core_[0]
    cur = cursor[0]
    mail = mails[0]
    queue = queues[0]
    lat = lats[0]
    fees = feess[0]
    while c["made"] < MADE - ROOM:
        if c["alarmed"] != 0:
            return ALARM
        timer = min(core.next_timer(c), c["deadline"])
        act = min(timer, core.heard(c, answer_time(c, mail)))
        if live_orders(mail, venues) > 0:
            act = min(act, core.heard(c, max(may_answer(c, cur, mail, venue_rows), c["now"])))
        if (c["by_rows"] != 0 or c["alarms"] != 0) and cur["row"] < cur["rows"]:
            act = min(act, rows[cur["row"]]["recv"])
        limit = c["final"] if act == FOREVER else min(max(act, c["now"]) + c["least_entry"] - 1, c["final"])
        if limit > c["venue_time"]:
            run_venue(c, cur, limit, c["by_answers"], mail, venue_rows, venue_bars, venue_values, rules, venues,
                      venue_books, queue, lat, fees)
        told = answer_time(c, mail)
        known = may_answer(c, cur, mail, venue_rows) if live_orders(mail, venues) > 0 else FOREVER
        event = min(timer, core.heard(c, told))
        if cur["row"] < cur["rows"] and rows[cur["row"]]["recv"] <= min(event, known):
            fold_rows(c, cur, min(event, known), rows, bars, values, books, marks_, insts, {names})
        if c["struck"] != 0:
            return STRUCK
        if c["alarmed"] != 0:
            return ALARM
        if cur["row"] >= cur["rows"] and c["ended"] == 0:
            return NEED_ROWS
        if c["by_answers"] == 0:
            while told <= min(min(event, known), c["rows_time"]) and c["made"] < MADE - ROOM:
                next_answer(c, mail, told, working, positions, rules, made_rows, made_orders)
                told = answer_time(c, mail)
            if c["made"] >= MADE - ROOM:
                return HAND_OVER
        if event > known and known < c["rows_time"]:
            if c["venue_time"] >= c["final"]:
                return NEED_ROWS
            c["now"] = max(c["now"], known)
            continue
        if event > known or event > c["rows_time"]:
            run_venue(c, cur, FOREVER, 0, mail, venue_rows, venue_bars, venue_values, rules, venues, venue_books,
                      queue, lat, fees)
            c["now"] = max(c["now"], c["rows_time"])
            return DONE
        if c["by_answers"] != 0 and told <= timer:
            if next_answer(c, mail, max(told, c["now"]), working, positions, rules, made_rows, made_orders):
                return ANSWER
            continue
        c["now"] = max(c["now"], event)
        if c["deadline"] == event:
            c["deadline"] = FOREVER
            return DEADLINE
        k = core.due_timer(c, event)
        if c["granted"] == 0 and c["timer_owner"][k] == COMPILED:  #? if quoter
            c["owner"] = COMPILED  #? if quoter
            return WAKE  #? if quoter
        core.skip_empty(c, k, rows[cur["row"]]["recv"] if cur["row"] < cur["rows"] else 0)
        c["owner"] = c["timer_owner"][k]
        c["wakes"] += 1
        if c["owner"] == KEEPER:
            a = purses[0]
            if c["now"] >= a["due"] or keep(c, a, funds, latches[0], steps[0], regimes[0], thresholds[0],
                                            positions, rules, books, marks_, setups, made_rows, envelopes):
                return WAKE
            continue
{on_wake}
    return HAND_OVER
'''

RETURN_TO_PYTHON: Final = "return WAKE"
ASK_FIRST: Final = "if ask(c, marks_, insts, {names}):\n{indent}    return WAKE"

COMPILED_WAKE: Final = """        if c["owner"] != COMPILED:
{else_}
        for n in range(len(books)):
            if envelopes[n]["max_order"] > 0:
                q = quotes[n]
                bid, ask = q["bid"], q["ask"]
                quoter.on_wake(qp[0], books[n], q, insts[n])
                if c["off"] != 0:
                    q["bid"] = 0
                    q["ask"] = 0
                if q["bid"] != bid or q["ask"] != ask:
                    c["quotes"] += 1
                    core.make_intent(c, made_rows, n, 1, q["bid"], q["size"], 0)
                    core.make_intent(c, made_rows, n, -1, q["ask"], q["size"], 1)
                if not quote(c, n, mail, lat, marks.feed_ns(marks_[n], c["watermark"]), working[n], envelopes[n], q,
                             books[n], working, envelopes, books, shared_[0], latches[0], coins[n], made_rows,
                             made_orders):
                    return UNSENT
"""
