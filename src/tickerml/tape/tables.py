"""Side tables: what does not fit a row. A row's `ref` is a row number in the table of its kind, within its block."""

from __future__ import annotations

from typing import Final

import numpy as np

MESSAGE: Final = np.dtype(  # one per wire message of DEPTH and BBO rows
    [
        ("first_id", "i8"),  # first update id of the message (Binance U); 0 = the venue gives none
        ("last_id", "i8"),  # last update id (u), or the snapshot's lastUpdateId
        ("prev_id", "i8"),  # last id of the message before (pu); 0 = the venue gives none
    ]
)
ORDER: Final = np.dtype(  # one per SUBMIT, CANCEL, ACK, REJECT, FILL, CANCELED row
    [
        ("id", "i8"),  # our client order id, unique in the run
        ("parent", "i8"),  # sequence of the intent it serves
        ("price", "i8"),  # limit price in ticks, 0 = market
        ("trigger", "i8"),  # stop / take-profit trigger or trailing distance in ticks, 0 = none
        ("qty", "i8"),  # lots of the whole order
        ("left", "i8"),  # lots still open after this row
        ("fee", "i8"),  # fee of this fill in the smallest unit of `currency` (negative = rebate)
        ("amount", "i8"),  # money received with this row (payoff of a SuperP position, funding); negative = paid
        ("at", "i8"),  # venue time of the event in receiver clock, ns
        (
            "currency",
            "i2",
        ),  # fee in another wallet: its number in the run + 1, and `amount` is what it paid; 0 = its own
        ("type", "i1"),  # tape.orders.OrderType
        ("tif", "i1"),  # tape.orders.TimeInForce
        ("state", "i1"),  # tape.orders.OrderState after this row
        ("reason", "i1"),  # tape.orders.Reject, 0 = none
        ("flags", "i2"),  # reduce only, post only, ...
    ]
)
BAR: Final = np.dtype(
    [
        ("open_time", "i8"),  # ns UTC
        ("duration", "i8"),  # ns
        ("open", "i8"),  # ticks
        ("high", "i8"),
        ("low", "i8"),
        ("close", "i8"),
        ("volume", "i8"),  # lots of base
        ("buy_volume", "i8"),  # lots bought by takers; -1 = unknown
        ("trades", "i8"),  # -1 = unknown
        ("corrects", "i8"),  # sequence of the bar that this one restates; -1 = none
    ]
)
VALUE: Final = np.dtype(
    [
        ("name", "i8"),  # index into the tape's names
        ("value", "f8"),
    ]
)
