"""What the desk grants a compiled strategy as a run is built: the limits of the account, tighter where it says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tickerml.account.contract import RATE
from tickerml.desk.envelope import grant
from tickerml.desk.limits import Limits
from tickerml.desk.shared import shared
from tickerml.engine.loop import Loop
from tickerml.engine.markets import RATES
from tickerml.strategies.quoter import Params
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import SECOND, Record

_MOST: Final = 16  # own orders of a coin under way or working: a bid, an ask, and those that are leaving


def granted(limits: Limits, owner: int, params: Params, mine: Sequence[Instrument], loop: Loop) -> None:
    """Write the envelope of each of its instruments into the loop's states, and wake it: strategy number `owner`."""
    for inst in mine:
        loop.envelopes[inst.id] = _envelope(limits, params, inst, loop)
    loop.shared[0] = shared(
        max_in_use=limits.max_in_use,
        max_positions=limits.max_open_positions,
        max_orders=limits.max_open_orders,
        silent_ns=round(limits.unknown_s * SECOND),
        unknown_symbol=limits.unknown_symbol,
        unknown_venue=limits.unknown_venue,
    )
    loop.timer(owner, round(params.every * SECOND))


def _envelope(limits: Limits, params: Params, inst: Instrument, loop: Loop) -> Record:
    """Its own sizes in lots, and shares of the equity."""
    rule, lot = loop.venue.rules[inst.id], float(inst.lot)
    rate = RATES.get(inst.venue)
    return grant(
        round((params.hard_limit or params.max_position) / lot),
        max(1, round(params.size / lot)),
        max_orders=min(_MOST, limits.max_open_orders_symbol),
        position_share=limits.max_position,
        order_share=limits.order_share,
        equity=float(loop.core[0]["cash"][rule["wallet"]]),
        unit=float(rule["unit_value"]),
        inverse=bool(rule["inverse"]),
        messages_symbol=limits.messages_symbol,
        messages=limits.messages if rate is None else min(limits.messages, int(limits.messages_venue * rate)),
        quotes_day=limits.quotes_day,
        wallet=int(rule["wallet"]),
        margin=1.0 if rule["spot"] else float(rule["margin_rate"]) / RATE,
    )
