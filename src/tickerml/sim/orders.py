"""What may be asked of the simulated venue and what it answers: enums, and the records that travel with latency.

Numbers are integers throughout: times ns UTC in the receiver's clock, prices ticks, quantities lots, money in the
smallest unit of the settle currency. Every @kernel of this room reads the enums through `int(...)` constants.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final

import numpy as np

from tickerml.account.brackets import TIERS
from tickerml.account.position import LEG
from tickerml.sim import draws
from tickerml.tape.rows import Rows

SLOTS: Final = 128  # live orders per instrument; more are rejected with TOO_MANY_ORDERS
REQUESTS: Final = 512  # requests under way to one venue at a time; a power of two
ANSWERS: Final = 2048  # answers of one venue that were not collected yet; a power of two
LOST: Final = 64  # lost requests that we have not learned of yet; a power of two
CURRENCIES: Final = 16  # settle currencies of one venue
DAYS: Final = 30  # of volume that count for fees
TAKEN: Final = 64  # levels at a time of which we remember what our own orders took


class Cause(IntEnum):
    """Why a SuperP position closed; LIQUIDATION: why an execution is no order's."""

    REQUEST = 1
    STOP = 2
    TARGET = 3
    EXPIRY = 4
    LIQUIDATION = 5


class SelfTrade(IntEnum):
    """What happens when our order would meet our own resting order."""

    CANCEL_NEWEST = 0
    CANCEL_OLDEST = 1
    CANCEL_BOTH = 2
    IGNORE = 3  # our orders do not see each other (as hftbacktest)


class TriggerBy(IntFlag):
    """What may trigger a stop, take-profit or trailing order."""

    TRADES = 1
    TOUCH = 2  # best bid for sells, best ask for buys, at the end of a message
    BOTH = 3


REQUEST: Final = np.dtype(
    [
        ("arrival", "i8"),  # when it reaches the venue
        ("sent", "i8"),
        ("id", "i8"),  # client order id, unique in the run
        ("inst", "i8"),
        ("op", "i8"),  # Op
        ("side", "i8"),  # BUY or SELL
        ("type", "i8"),  # OrderType
        ("tif", "i8"),  # TimeInForce
        ("price", "i8"),  # ticks; limit price; 0 where the type has none
        ("trigger", "i8"),  # ticks; stop / take-profit price, trailing distance; SuperP: its stop, 0 = none
        ("target", "i8"),  # ticks; SuperP: its target, 0 = none
        ("qty", "i8"),  # lots; SuperP: stake, money
        ("expiry", "i8"),  # GTD and SuperP: ns; 0 = none
        ("flags", "i8"),  # OrderFlag
        ("leverage", "f8"),  # SuperP, and what opens a margined position; 0 = the usual
    ]
)
ANSWER: Final = np.dtype(
    [
        ("at", "i8"),  # venue time of the event
        ("visible", "i8"),  # at + response latency, never before an earlier answer; the watermark may delay it further
        ("id", "i8"),
        ("inst", "i8"),
        ("kind", "i8"),  # AnswerKind
        ("reason", "i8"),  # Reject
        ("state", "i8"),  # OrderState after it
        ("type", "i8"),  # OrderType
        ("tif", "i8"),  # TimeInForce
        ("side", "i8"),
        ("price", "i8"),  # FILL, SETTLED: execution price, ticks; else the order's own price
        ("qty", "i8"),  # FILL: lots of this execution
        ("left", "i8"),  # lots still open
        ("fee", "i8"),  # money; negative = rebate
        ("amount", "i8"),  # money: SuperP payoff before its fee, funding received; by liquidation: what insurance bore
        ("maker", "i8"),  # FILL: 1 when the order rested
        ("cause", "i8"),  # SETTLED, FILL: Cause
        ("trigger", "i8"),  # AMENDED: its trigger now, ticks
        ("leg", "i8"),  # FILL, FUNDING: 0 in one-way mode, 1 = the long leg, 2 = the short
        ("wallet", "i8"),  # FILL: the wallet that paid the fee,
        ("paid", "i8"),  # and how much, in its unit; `fee` is its value in the instrument's money
        ("leverage", "f8"),  # FILL: of the order, 0 = the usual
    ]
)
MAIL: Final = np.dtype(  # one record per venue: both rings, and what all its instruments share
    [
        ("req_head", "i8"),  # requests taken by the venue
        ("req_tail", "i8"),  # requests sent; next goes to requests[req_tail % REQUESTS]
        ("ans_head", "i8"),  # answers collected
        ("ans_tail", "i8"),
        ("last_arrival", "i8"),  # FIFO: no request overtakes another
        ("last_visible", "i8"),
        ("now", "i8"),  # venue time of what is being processed
        ("feed_ns", "i8"),  # feed latency of the row last processed: receive time minus venue time
        ("next_expiry", "i8"),  # earliest expiry of any live order, FOREVER = none
        ("rng", "i8", (6,)),  # sim/draws.py: the latency model's own draws, at the venue
        ("spare", "f8"),
        ("has_spare", "i8"),
        ("our_rng", "i8", (6,)),  # the same on our side: who draws first must not depend on how far the venue ran ahead
        ("our_spare", "f8"),
        ("our_has_spare", "i8"),
        ("lost_head", "i8"),  # notices of lost requests that were shown
        ("lost_tail", "i8"),
        ("cash", "i8", (CURRENCIES,)),  # money by wallet (RULES["wallet"])
        ("ambiguous", "i8"),  # bars inside which stop and target both lay: the stop was taken
        ("requests", REQUEST, (REQUESTS,)),
        ("answers", ANSWER, (ANSWERS,)),
        ("lost", ANSWER, (LOST,)),  # notices by the time at which we learn of them
        ("day", "i8"),  # days since 1970; fees by volume (sim/volume.py)
        ("traded", "i8", (CURRENCIES, DAYS + 1)),  # money executed by wallet, on day d at d % (DAYS + 1)
    ]
)
RULES: Final = np.dtype(  # one record per instrument; the tape may change its fees (sim/rows.py), nothing else changes
    [
        ("unit_value", "i8"),  # money of one tick x one lot; inverse: see account/contract.py
        ("inverse", "i8"),
        ("spot", "i8"),  # 1: cash pays the whole value, and no short position is possible
        ("wallet", "i8"),  # index into MAIL["cash"]
        ("tick", "f8"),  # price of one tick, for VALUE rows
        ("lot", "f8"),  # size of one lot, for queue models that are not scale-free
        ("bar_only", "i8"),  # 1: no book; orders meet bars (sim/bar_path.py)
        ("tick_step", "i8"),  # prices are multiples of it, ticks
        ("lot_step", "i8"),
        ("min_lots", "i8"),
        ("max_lots", "i8"),  # 0 = no limit
        ("min_notional", "i8"),  # money
        ("maker_rate", "i8"),  # 1e-8 of the notional; negative = rebate
        ("taker_rate", "i8"),
        ("margin_rate", "i8"),  # 1e-8: initial margin; 1e8 / leverage
        ("check_balance", "i8"),
        ("partial", "i8"),  # 0: whole fills only, exactly as hftbacktest's NoPartialFillExchange
        ("at_mid", "i8"),  # 1: executions meet the mid, at no cost (sim/mid.py)
        ("remember_taken", "i8"),  # 1: displayed lots that our orders took stay taken until the display shrinks
        ("self_trade", "i8"),  # SelfTrade
        ("trigger_by", "i8"),  # TriggerBy
        ("superp_cost", "i8"),  # 1e-8 of the notional, round trip
        ("superp", "i8"),  # 1: SuperP positions are allowed (simulation)
        ("slippage_rate", "i8"),  # 1e-8: bar-only tapes, fixed share of the price
        ("slippage_range", "i8"),  # 1e-8: bar-only tapes, share of the bar's range
        ("funding_name", "i8"),  # index of "funding" into the tape's names; -1 = none
        ("mark_name", "i8"),  # index of "mark"; -1 = funding is paid on the touch
        ("margined", "i8"),  # account/brackets.py MARGIN
        ("isolated", "i8"),
        ("hedge", "i8"),
        ("liquidation_rate", "i8"),
        ("n_tiers", "i8"),
        ("tier_cap", "i8", (TIERS,)),
        ("tier_rate", "i8", (TIERS,)),
        ("tier_amount", "i8", (TIERS,)),
        ("tier_leverage", "i8", (TIERS,)),
        ("base_wallet", "i8"),  # account/wallets.py WALLET; without the part `wallets` nobody looks at these
        ("lot_units", "i8"),
        ("fee_in", "i8"),
        ("fee_inst", "i8"),
        ("fee_discount", "i8"),
        ("check_coins", "i8"),  # 1: the wallets carry an order (instead of check_balance)
        ("one", "i8"),  # money of one whole unit of the currency
        ("volume", "i8"),  # money executed in the wallet's currency in the 30 days before today (sim/volume.py)
    ]
)
SLOT: Final = np.dtype(  # one live order at the venue
    [
        ("id", "i8"),
        ("side", "i8"),
        ("type", "i8"),
        ("tif", "i8"),
        ("state", "i8"),  # NEW = it starts to work in this step; on bars at the next open
        ("price", "i8"),  # SuperP: entry price
        ("trigger", "i8"),
        ("target", "i8"),
        ("extreme", "i8"),  # trailing: best price seen; SuperP on bars: when its close was asked for, 0 = it was not
        ("qty", "i8"),
        ("left", "i8"),
        ("expiry", "i8"),
        ("born", "i8"),  # when it arrived
        ("flags", "i8"),
        ("leverage", "f8"),
        ("lot", "f8"),  # size of one lot, for queue models
        ("front", "f8"),  # queue models: lots ahead of us; below 0 = executable
        ("passed", "f8"),  # queue models: lots traded since the level last changed
    ]
)
VENUE: Final = np.dtype(  # one record per instrument: our orders there, oldest first, and our position as it knows it
    [
        ("buy_hi", "i8"),  # highest price of our resting buys; -FAR = none
        ("sell_lo", "i8"),  # lowest price of our resting sells; FAR = none
        ("near_from", "i8", (2,)),  # a level of bids, of asks, from here to buy_hi concerns us,
        ("near_upto", "i8", (2,)),  # and one from sell_lo to here
        ("n", "i8"),  # live orders, in orders[0:n]
        ("watch", "i8"),  # armed orders and open SuperP positions: they look at every row
        ("due", "i8"),  # orders in state NEW
        ("changed", "i8"),  # 1: an order came, went or rests since the bounds were computed
        ("inst", "i8"),  # its own index
        ("net", "i8"),  # position in lots, at once after each fill
        ("position", "i8"),  # the same, as the account booked it
        ("cost", "i8"),  # account/position.py
        ("realised", "i8"),
        ("fees", "i8"),
        ("funding", "i8"),
        ("fills", "i8"),
        ("volume", "i8"),  # lots executed
        ("halted", "i8"),
        ("mark", "i8"),  # ticks; last VALUE "mark", 0 = none
        ("last_trade", "i8"),  # ticks; bar-only: last close; 0 = none
        ("seen_bid", "i8"),  # touch at which armed orders were last examined
        ("seen_ask", "i8"),
        ("long", "i8"),  # hedge mode: lots of the long leg, at once after each fill
        ("short", "i8"),
        ("margin", "i8"),  # account/position.py
        ("tied", "i8"),
        ("insured", "i8"),
        ("legs", LEG, (2,)),
        ("n_taken", "i8"),
        ("taken_tick", "i8", (TAKEN,)),
        ("taken_side", "i8", (TAKEN,)),
        ("taken_lots", "i8", (TAKEN,)),
        ("orders", SLOT, (SLOTS,)),
        ("moved", SLOT, (1,)),  # an order on its way to the youngest slot
    ]
)
FAR: Final = 1 << 40  # beyond any price


def new_mail(seed_words: tuple[int, ...] = (1, 2, 3, 4, 5, 6)) -> Rows:
    """One MAIL record, shape (1,), with empty rings; `seed_words` from `draws.seed_words`."""
    mail = np.zeros(1, MAIL)
    mail["next_expiry"] = (1 << 63) - 1
    mail["rng"] = seed_words
    mail["our_rng"] = draws.seed_words(*seed_words)
    return mail


def new_venues(n: int) -> Rows:
    """VENUE records of `n` instruments without orders or position, shape (n,)."""
    venues = np.zeros(n, VENUE)
    venues["buy_hi"], venues["sell_lo"] = -FAR, FAR
    venues["near_from"], venues["near_upto"] = (FAR, -FAR), (FAR, -FAR)
    venues["inst"] = np.arange(n)
    return venues
