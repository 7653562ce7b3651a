"""The synthetic market as a machine: steps of 100 ms, each leaving wire messages of every coin in buffers.

Messages come out in the order in which the exchange made them; `recv` is exchange time plus a lognormal feed latency,
never backwards within one stream of one coin. synthetic.py sorts them into receive order.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tickerml.sim.draws import exp, normal, uniform
from tickerml.sim.flow import PRINTS, STEP, TAKER, WORLD, begin_step, move, take
from tickerml.sim.made_book import ASK, BID, LEVELS, best, lots_at
from tickerml.sim.makers import MAKER, open_book, quote
from tickerml.sim.scenarios import Event
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import HOUR, MICROSECOND, MILLISECOND, MINUTE, Flag, Kind, Record, Rows

NAMES: Final = ("funding", "mark", "index")
FUNDING_PERIOD: Final = 8 * HOUR
ROOM: Final = 4 * LEVELS + 2 * LEVELS + PRINTS + 24  # most rows of one coin in one step
_MEDIAN_LATENCY: Final = 4.0 * MILLISECOND
_LATENCY_SPREAD: Final = 0.45  # standard deviation of log latency
_GHOST: Final = 0.02  # share of depth messages that cross the book, while the scenario says so

_DEPTH_STREAM, _TRADE_STREAM, _BBO_STREAM, _VALUE_STREAM = range(4)
_FUNDING, _MARK, _INDEX = range(3)  # places in NAMES
_FEES_RAISED, _FEES_RESTORED = 0, 1  # what `ref` of a PARAMS row means: synthetic.py has the blobs in this order
FEE_RATES: Final = np.array([(30_000, 75_000), (20_000, 50_000)])  # maker and taker in 1e-8: raised, usual
_BUY, _SELL, _NO_REF = 1, -1, -1
_DEPTH, _TRADE, _BBO, _CLEAR = (int(kind) for kind in (Kind.DEPTH, Kind.TRADE, Kind.BBO, Kind.CLEAR))
_VALUE, _GAP_ROW, _STATUS, _PARAMS = (int(kind) for kind in (Kind.VALUE, Kind.GAP, Kind.STATUS, Kind.PARAMS))
_END, _SNAPSHOT = int(Flag.END), int(Flag.SNAPSHOT)
_GAP, _HALT, _CROSS, _FEES = int(Event.GAP), int(Event.HALT), int(Event.CROSS), int(Event.FEES)

WORLD_STATE: Final = np.dtype(WORLD)
COIN_STATE: Final = np.dtype(
    [
        *TAKER,
        *MAKER,
        ("offset", "i8"),  # of this coin's clock within the step, ns: coins do not speak at once
        ("tick_size", "f8"),  # quote
        ("recv", "i8", (4,)),  # newest receive time by stream
        ("last_u", "i8"),  # u of the last depth message
        *[(name, "i8") for name in ("bid", "ask", "bid_lots", "ask_lots")],  # as the last BBO message said
        ("ghost", "i8"),  # tick of a bid that is not there, 0 = none
        ("lost", "i8"),  # depth messages lost in the gap
        ("basis", "f8"),  # mark over index, fraction
        ("began", "i8"),  # 1 once the first snapshot is out
    ]
)


@kernel
def _arrival(g: Record, c: Record, stream: int, exch: int) -> int:
    """Receive time of the stream's next message."""
    late = _MEDIAN_LATENCY * g["latency"] * exp(_LATENCY_SPREAD * normal(c))
    recv = max(exch + max(int(late), 50 * MICROSECOND), c["recv"][stream])
    c["recv"][stream] = recv
    return recv


@kernel
def _put(
    row: Record, recv: int, exch: int, inst: int, kind: int, side: int, price: int, qty: int, flags: int, ref: int
) -> None:
    row["recv"] = recv
    row["exch"] = exch
    row["qty"] = qty
    row["price"] = price
    row["ref"] = ref
    row["inst"] = inst
    row["kind"] = kind
    row["side"] = side
    row["flags"] = flags


@kernel
def _message(g: Record, message: Record, first: int, last: int, prev: int) -> int:
    """Fill a MESSAGE record; returns its number."""
    message["first_id"] = first
    message["last_id"] = last
    message["prev_id"] = prev
    g["n_messages"] += 1
    return g["n_messages"] - 1


@kernel
def _trades(g: Record, c: Record, inst: int, rows: Rows) -> None:
    """Every execution is a message of its own."""
    for k in range(c["n_prints"]):
        exch = c["print_at"][k] + c["offset"]
        recv = _arrival(g, c, _TRADE_STREAM, exch)
        _put(
            rows[g["n_rows"]],
            recv,
            exch,
            inst,
            _TRADE,
            c["print_side"][k],
            c["print_tick"][k],
            c["print_lots"][k],
            _END,
            -1,
        )
        g["n_rows"] += 1


@kernel
def _bbo(g: Record, c: Record, inst: int, exch: int, rows: Rows, messages: Rows) -> None:
    """The best bid and ask, when either has changed since they were last told."""
    bid, ask = best(c, BID), best(c, ASK)
    bid_lots, ask_lots = c["lots"][0], c["lots"][LEVELS]
    if bid == c["bid"] and ask == c["ask"] and bid_lots == c["bid_lots"] and ask_lots == c["ask_lots"]:
        return
    c["bid"] = bid
    c["ask"] = ask
    c["bid_lots"] = bid_lots
    c["ask_lots"] = ask_lots
    recv = _arrival(g, c, _BBO_STREAM, exch)
    ref = _message(g, messages[g["n_messages"]], 0, c["u"], 0)
    _put(rows[g["n_rows"]], recv, exch, inst, _BBO, _BUY, bid, bid_lots, 0, ref)
    _put(rows[g["n_rows"] + 1], recv, exch, inst, _BBO, _SELL, ask, ask_lots, _END, ref)
    g["n_rows"] += 2


@kernel
def _ghost(g: Record, c: Record, recv: int, exch: int, inst: int, ref: int, rows: Rows) -> None:
    """Mend a false bid of the message before, or, while the scenario lasts, now and then add one above the best ask."""
    if c["ghost"] != 0:
        _put(rows[g["n_rows"]], recv, exch, inst, _DEPTH, _BUY, c["ghost"], lots_at(c, BID, -c["ghost"]), 0, ref)
        g["n_rows"] += 1
        c["ghost"] = 0
    elif g["phase"] == _CROSS and uniform(c) < _GHOST:
        c["ghost"] = best(c, ASK) + 1
        _put(rows[g["n_rows"]], recv, exch, inst, _DEPTH, _BUY, c["ghost"], c["lots"][0], 0, ref)
        g["n_rows"] += 1


@kernel
def _depth(g: Record, c: Record, inst: int, exch: int, rows: Rows, messages: Rows) -> None:
    """The levels that changed since the last depth message, as they are now."""
    if c["n_changed"] == 0:
        return
    recv = _arrival(g, c, _DEPTH_STREAM, exch)
    ref = _message(g, messages[g["n_messages"]], c["last_u"] + 1, c["u"], c["last_u"])
    _ghost(g, c, recv, exch, inst, ref, rows)
    for k in range(c["n_changed"]):
        side = c["changed_side"][k]
        key = c["changed_key"][k]
        sign = 1 if side == BID else -1
        tick = -key if side == BID else key
        _put(rows[g["n_rows"]], recv, exch, inst, _DEPTH, sign, tick, lots_at(c, side, key), 0, ref)
        g["n_rows"] += 1
    rows[g["n_rows"] - 1]["flags"] = _END
    c["last_u"] = c["u"]
    c["n_changed"] = 0


@kernel
def _snapshot(g: Record, c: Record, inst: int, exch: int, rows: Rows, messages: Rows) -> None:
    """The whole book: CLEAR, then every level, behind a GAP row when depth messages were lost."""
    for stream in range(4):
        c["recv"][stream] = max(c["recv"][stream], exch)
    recv = _arrival(g, c, _DEPTH_STREAM, exch)
    for stream in range(4):
        c["recv"][stream] = recv
    if c["began"] != 0:
        _put(rows[g["n_rows"]], recv, exch, inst, _GAP_ROW, 0, 0, c["lost"], _END, _NO_REF)
        g["n_rows"] += 1
    ref = _message(g, messages[g["n_messages"]], 0, c["u"], 0)
    _put(rows[g["n_rows"]], recv, exch, inst, _CLEAR, 0, 0, 0, 0, ref)
    g["n_rows"] += 1
    for side in range(2):
        for k in range(c["n"][side]):
            key = c["keys"][side * LEVELS + k]
            tick = -key if side == BID else key
            sign = 1 if side == BID else -1
            _put(rows[g["n_rows"]], recv, exch, inst, _DEPTH, sign, tick, c["lots"][side * LEVELS + k], _SNAPSHOT, ref)
            g["n_rows"] += 1
    rows[g["n_rows"] - 1]["flags"] = _SNAPSHOT | _END
    c["last_u"] = c["u"]
    c["n_changed"] = 0
    c["ghost"] = 0
    c["lost"] = 0
    c["began"] = 1


@kernel
def _value(g: Record, c: Record, inst: int, exch: int, name: int, value: float, rows: Rows, values: Rows) -> None:
    """One named number."""
    recv = _arrival(g, c, _VALUE_STREAM, exch)
    values[g["n_values"]]["name"] = name
    values[g["n_values"]]["value"] = value
    _put(rows[g["n_rows"]], recv, exch, inst, _VALUE, 0, 0, 0, _END, g["n_values"])
    g["n_values"] += 1
    g["n_rows"] += 1


@kernel
def _quoted_values(g: Record, c: Record, inst: int, rows: Rows, values: Rows) -> None:
    """Mark and index price every minute, and the funding rate at each settlement (Binance's clamped formula)."""
    if g["now"] % MINUTE != 0:
        return
    c["basis"] = 0.997 * c["basis"] + 0.00004 * normal(c)
    exch = g["now"] + c["offset"]
    mark = c["fair"] * c["tick_size"]
    _value(g, c, inst, exch, _MARK, mark, rows, values)
    _value(g, c, inst, exch, _INDEX, mark / (1.0 + c["basis"]), rows, values)
    if g["now"] % FUNDING_PERIOD == 0 and g["now"] > g["start"]:
        rate = c["basis"] + min(max(0.0001 - c["basis"], -0.0005), 0.0005)
        _value(g, c, inst, exch, _FUNDING, rate, rows, values)


@kernel
def _announce(g: Record, c: Record, inst: int, rows: Rows) -> None:
    """STATUS and PARAMS rows where an event begins or ends; fees stand in price (maker) and qty (taker), in 1e-8."""
    if g["phase"] == g["phase_before"]:
        return
    exch = g["now"] + c["offset"]
    kind, price, qty, ref = 0, 0, 0, _NO_REF
    if g["phase"] == _HALT or g["phase_before"] == _HALT:
        kind, qty = _STATUS, (0 if g["phase"] == _HALT else 1)
    elif g["phase"] == _FEES or g["phase_before"] == _FEES:
        kind, ref = _PARAMS, (_FEES_RAISED if g["phase"] == _FEES else _FEES_RESTORED)
        price, qty = FEE_RATES[ref, 0], FEE_RATES[ref, 1]
    if kind != 0:
        recv = _arrival(g, c, _DEPTH_STREAM, exch)
        _put(rows[g["n_rows"]], recv, exch, inst, kind, 0, price, qty, _END, ref)
        g["n_rows"] += 1


@kernel
def _coin_step(g: Record, c: Record, inst: int, rows: Rows, messages: Rows, values: Rows) -> None:
    """One coin in one step: takers, makers, and what the feed tells of it."""
    move(g, c)
    if g["phase"] != _GAP:
        _announce(g, c, inst, rows)
    if g["phase"] == _HALT:
        return
    if c["n"][BID] == 0:
        open_book(g, c)
        _snapshot(g, c, inst, g["now"] + c["offset"], rows, messages)
    elif g["phase_before"] == _GAP and g["phase"] != _GAP:
        _snapshot(g, c, inst, g["now"] + c["offset"], rows, messages)
    take(g, c)
    if g["phase"] == _GAP:
        quote(g, c)
        c["lost"] += 1 if c["n_changed"] > 0 else 0
        c["n_changed"] = 0
        c["last_u"] = c["u"]
        return
    end = g["now"] + STEP - MILLISECOND + c["offset"]
    if c["n_prints"] > 0:
        _trades(g, c, inst, rows)
        _bbo(g, c, inst, c["print_at"][c["n_prints"] - 1] + c["offset"], rows, messages)
    quote(g, c)
    _bbo(g, c, inst, end, rows, messages)
    _depth(g, c, inst, end, rows, messages)
    _quoted_values(g, c, inst, rows, values)


@kernel
def run(g: Record, coins: Rows, rows: Rows, messages: Rows, values: Rows, until: int) -> None:
    """Step the market while it is before `until` and the buffers have room.

    Writes behind the first g["n_rows"] rows, g["n_messages"] messages and g["n_values"] values, and counts them up. The
    buffers need ROOM x coins free rows for a step. Where a call stops has no influence on what comes next.
    """
    room = ROOM * len(coins)
    while g["now"] < until and g["n_rows"] + room <= len(rows):
        begin_step(g)
        for inst in range(len(coins)):
            _coin_step(g, coins[inst], inst, rows, messages, values)
        g["now"] += STEP
