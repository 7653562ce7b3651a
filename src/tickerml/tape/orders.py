"""The vocabulary of orders, as it stands in ORDER rows: what may be asked of a venue, and what it answers."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class OrderType(IntEnum):
    """How an order is executed. STOP: on the losing side of the market; TAKE_PROFIT: on the winning side."""

    LIMIT = 1
    MARKET = 2  # walks the book; what the book cannot fill is cancelled
    STOP = 3  # becomes MARKET when the market reaches `trigger`
    STOP_LIMIT = 4  # becomes LIMIT at `price`
    TAKE_PROFIT = 5
    TAKE_PROFIT_LIMIT = 6
    TRAILING = 7  # STOP whose trigger follows the market at a distance of `trigger` ticks
    SUPERP = 8  # a stake-limited position, simulation only (sim/superp.py)


class TimeInForce(IntEnum):
    """How long an order lives."""

    GTC = 1  # until cancelled
    IOC = 2  # fill what is there, cancel the rest
    FOK = 3  # fill all at once or nothing
    GTX = 4  # post-only: rejected when it would take
    GTD = 5  # until `expiry`


class OrderState(IntEnum):
    """Where an order stands after an answer."""

    NEW = 1  # sent, not answered
    WORKING = 2  # resting in the book
    ARMED = 3  # a trigger order that waits
    PARTIAL = 4  # filled in part and working
    FILLED = 5
    CANCELED = 6
    REJECTED = 7
    EXPIRED = 8
    OPEN = 9  # a SuperP position that is open


class OrderFlag(IntFlag):
    """Bits of a request's `flags`."""

    REDUCE_ONLY = 1  # may only shrink the position; clipped to it
    LONG = 2  # hedge mode: of the long leg; a sell closes it
    SHORT = 4  # hedge mode: of the short leg; a buy closes it


class Op(IntEnum):
    """What a request asks for."""

    NEW = 1
    CANCEL = 2  # of order `id`; closes a SuperP position at the touch
    CANCEL_ALL = 3  # all orders of the instrument
    AMEND = 4  # of order `id`, in one step: other price, trigger, target or whole quantity; 0 = as it is


class AnswerKind(IntEnum):
    """What an answer says."""

    ACK = 1  # resting, armed or (SuperP) open
    FILL = 2
    CANCELED = 3
    EXPIRED = 4
    REJECT = 5  # of a new order
    CANCEL_REJECT = 6  # of a cancel
    TRIGGERED = 7  # an armed order became active
    SETTLED = 8  # a SuperP position closed; `amount` is its payoff before `fee`, which its cost took
    FUNDING = 9  # funding was exchanged; `amount` is what we received (negative: paid)
    AMENDED = 10  # the order has its new terms; `qty` is its whole quantity, executed lots included
    AMEND_REJECT = 11  # of an amend: the order stands as it was


class Reject(IntEnum):
    """Why a request was refused, or an order ended early. 0 = no reason."""

    NONE = 0
    TICK = 1  # the price is not positive or not a multiple of the venue's step
    LOT = 2  # the quantity is not positive, not a multiple of the step, or outside the venue's limits
    MIN_NOTIONAL = 3
    POST_ONLY = 4  # would have taken
    BALANCE = 5
    NO_SUCH_ORDER = 6  # filled, cancelled or never known
    BOOK_INVALID = 7  # a gap: the venue's book is unknown to us
    HALTED = 8
    TOO_MANY_ORDERS = 9
    REDUCE_ONLY = 10  # there is no position that this order could shrink
    NO_LIQUIDITY = 11  # the book was empty before the order was filled
    UNFILLABLE = 12  # FOK: not all of it was there
    SELF_TRADE = 13  # would have met our own order
    TRIGGER = 14  # a trigger order without a positive trigger, or a SuperP position without a stake
    SUPERP_ONLY_IN_SIMULATION = 15
    GATEWAY = 16  # lost or refused before it reached the matching engine
    EXPIRY = 17  # GTD without a future expiry
    IOC = 18  # the rest of an IOC order
    AMEND = 19  # the order has no such term, or is just starting to work
    UNKNOWN = 20  # an order type, side or operation that does not exist
    LEVERAGE = 21  # more than the margin tier of the position would allow; above 1 on spot
    POSITION_SIDE = 22  # hedge mode and no leg named, or a leg named in one-way mode
    LIQUIDATION = 23  # the position was liquidated
