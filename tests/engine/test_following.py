"""F5: what becomes of a trade, answer by answer: what is booked, what is to be sent, and what Python is left to do."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest

from tickerml.desk.leaving import REACH
from tickerml.desk.legs import CLOSE, ENTRY, NOBODY, PART, STOP, TARGET, pair
from tickerml.desk.order import Order
from tickerml.desk.setups import (
    BY_HAND,
    BY_LEG,
    BY_STOP,
    BY_TARGET,
    BY_TIMER,
    CLOSING,
    ENTERING,
    NAKED,
    NO_SETUP,
    OPEN,
    UNWOUND,
)
from tickerml.engine import following
from tickerml.engine.ending import NOTHING, OVER
from tickerml.engine.following import BITS, LIQUIDATED, SEND, TELL
from tickerml.engine.marks import MARK
from tickerml.sim.orders import RULES, Cause, new_mail
from tickerml.tape.ladder import new_ladders
from tickerml.tape.orders import AnswerKind, OrderFlag, OrderType, Reject, TimeInForce
from tickerml.tape.rows import FOREVER, SECOND
from trade_book import Book, Cancel

A, T = AnswerKind, OrderType
GTC, IOC, REDUCE = int(TimeInForce.GTC), int(TimeInForce.IOC), int(OrderFlag.REDUCE_ONLY)
LADDERS = new_ladders(2)  # two megabytes each
NOW = 1000 * SECOND
HORIZON = 5000 * SECOND


class World(Book):
    """Two instruments with books at 995 / 1005 (`bars`: that have none); stops reach 10 %, then 20 %, closes 5 %."""

    def __init__(self, *, bars=False, side=1):
        super().__init__(now=NOW)
        self.side, self.mail, self.rules, self.marks = side, new_mail(), np.zeros(2, RULES), np.zeros(2, MARK)
        self.core[0]["deadline"] = FOREVER
        self.rules["unit_value"], self.rules["lot_units"], self.rules["bar_only"] = 1, 10, bars
        self.marks["price2"], self.marks["bid"], self.marks["ask"] = 2000, 995 * (not bars), 1005 * (not bars)
        self.marks["bars"], self.marks["bar_ns"] = bars, 60 * SECOND * bars
        self.books = LADDERS
        self.reach = np.array([(0.1, 0.2, 0.05, 3 * SECOND, 4 * SECOND)], REACH)

    @property
    def trades(self):
        return self.core, self.table, self.legs, self.requests

    @property
    def market(self):
        return self.rules, self.marks, self.books, self.reach

    def setup(self, *roles, inst=0, lots=10, entered=0, group=0, **more):
        """A setup of 10 lots with stop 900 and target 1,200 (short: mirrored); its orders are 1, 2, ..., answered."""
        fields = {"intent": 9, "inst": inst, "side": self.side, "lots": lots, "stop": 0.1, "target": 0.2}
        state = OPEN if entered else ENTERING
        placed = {"entry_at": 1000.0, "stop_at": 1000 - self.side * 100, "target_at": 1000 + self.side * 200}
        held = {"entered": entered, "entry_ticks": 1000 * entered, "opened": NOW - 1, **placed} if entered else {}
        k = self.begin({**fields, "state": state, "horizon": HORIZON, "group": group, **held, **more})
        first = int((self.legs["id"] != 0).sum()) + 1
        for n, role in enumerate(roles):
            self.rest(k, role, first + n, lots if role == ENTRY else entered)
            self.leg(first + n)["known"] = 1
        return self.table[k]

    def answer(self, kind, order_id=1, **fields):
        """The venue says so; returns what is left to Python."""
        a = self.mail[0]["answers"][0]
        self.mail[0]["ans_head"] = self.mail[0]["ans_tail"] = 1
        for name in a.dtype.names:
            a[name] = 0
        a["id"], a["kind"], a["type"], a["side"] = order_id, int(kind), int(T.LIMIT), self.side
        for name, value in fields.items():
            a[name] = value
        return self.left_to_python(following.answered(*self.trades, self.mail, *self.market))

    def left_to_python(self, said):
        """What is left to Python but the sending, which it is told of whenever there is something to send."""
        assert said < 0 or bool(said & SEND) == bool(self.requests[0]["n"])
        return int(said) & ~SEND if said >= 0 else int(said)

    def fill(self, order_id, price, qty, left=0, **fields):
        return self.answer(A.FILL, order_id, price=price, qty=qty, left=left, **fields)

    def stop(self, qty, inst=0, trigger=None):
        trigger = trigger or 1000 - self.side * 100
        if self.rules[inst]["bar_only"]:
            return Order(inst, -self.side, int(T.STOP), GTC, qty, trigger=trigger, flags=REDUCE)
        far = round(trigger * (1 - self.side * 0.1))
        return Order(inst, -self.side, int(T.STOP_LIMIT), IOC, qty, price=far, trigger=trigger, flags=REDUCE)

    def target(self, qty):
        return Order(0, -self.side, int(T.LIMIT), GTC, qty, price=1000 + self.side * 200, flags=REDUCE)

    def close(self, qty, inst=0, limit=None):
        """A close; `limit` 0 = at the market, None = within its reach of the touch, where there is one."""
        if limit is None:
            touch = int(self.marks[inst]["bid" if self.side > 0 else "ask"])
            limit = ceil(0.95 * touch) if self.side > 0 else int(1.05 * touch)
        kind = T.LIMIT if limit else T.MARKET
        return Order(inst, -self.side, int(kind), IOC, qty, price=limit, flags=REDUCE)


def test_what_python_is_told_are_bits():
    assert (OVER, TELL, SEND, 1 << BITS, NOTHING) == (1, 2, 4, 8, 0)
    assert LIQUIDATED < 0


def test_an_order_that_is_not_ours_is_not_booked():
    w = World()
    w.setup(ENTRY)
    before = w.table.tobytes()
    assert w.answer(A.ACK, 5) == NOTHING
    assert w.answer(A.CANCEL_REJECT, 1, reason=int(Reject.UNKNOWN)) == NOTHING
    assert (w.table.tobytes(), w.said()) == (before, [])


def test_an_answer_makes_an_order_known():
    w = World()
    w.setup(ENTRY)
    w.leg(1)["known"] = 0
    assert w.answer(A.ACK) == NOTHING
    assert (w.leg(1)["known"], w.core[0]["deadline"]) == (1, HORIZON)


def test_a_cancel_that_never_arrived_is_sent_again():
    w = World()
    assert w.answer(A.CANCEL_REJECT, 77, inst=1, reason=int(Reject.GATEWAY)) == NOTHING
    assert w.said() == [Cancel(1, 77)]


def test_funding_is_of_the_trade_on_its_instrument():
    w = World()
    w.setup(inst=0, entered=5)
    w.setup(inst=1, entered=5)
    for inst, amount in ((1, -7), (1, -2), (0, 4)):
        assert w.answer(A.FUNDING, 0, inst=inst, amount=amount) == NOTHING
    assert w.table["funding"][:3].tolist() == [4, -9, 0]
    w.table["state"] = 0
    assert w.answer(A.FUNDING, 0, inst=1, amount=5) == NOTHING
    assert w.table["funding"][1] == -9


def test_what_insurance_bears_of_an_exit_is_the_trades():
    w = World()
    s = w.setup(STOP, entered=10)
    w.fill(1, 900, 4, left=6, amount=7)
    assert (s["amount"], s["exited"]) == (7, 4)
    w.fill(1, 900, 6, amount=5)
    assert (s["amount"], s["exited"]) == (12, 10)


def test_a_liquidation_is_left_to_python():
    w = World()
    w.setup(STOP, entered=10)
    assert w.answer(A.FILL, 1, cause=int(Cause.LIQUIDATION)) == LIQUIDATED
    assert w.answer(A.FILL, 1, cause=int(Cause.STOP), qty=1, left=9, price=900) == NOTHING


@pytest.mark.parametrize("bars", [False, True])
@pytest.mark.parametrize("side", [1, -1])
def test_the_lots_of_an_entry_are_protected_at_once(side, bars):
    w = World(side=side, bars=bars)
    s = w.setup(ENTRY)
    w.marks[0]["high2"] = w.marks[0]["low2"] = 7
    assert w.fill(1, 1000, 4, left=6, fee=3) == NOTHING
    assert w.said() == [w.stop(4), w.target(4)]
    assert [int(w.leg(n)["pair"]) for n in (101, 102)] == [102, 101]
    assert [int(s[name]) for name in ("state", "entered", "fees", "opened", "paid", "working", "naked")] == [
        *(OPEN, 4, 3, NOW, 4000, 1, 0)
    ]
    assert (w.marks[0]["high2"], w.marks[0]["low2"]) == (2000, 2000)  # excursions begin with the position
    by = NOW + (3 + 120 * bars) * SECOND
    assert (s["cover_by"], w.core[0]["deadline"]) == (by, by)
    w.marks[0]["high2"] = 2222
    assert w.fill(1, 1000, 6) == NOTHING
    assert (w.said(), s["working"], w.leg(1)) == ([w.stop(6), w.target(6)], 0, None)
    assert w.marks[0]["high2"] == 2222
    for n in (101, 103):
        assert s["cover_by"] == by
        w.answer(A.ACK, n)
    assert (s["cover_by"], w.core[0]["deadline"]) == (0, HORIZON)


def test_a_single_lot_is_protected_too():
    w = World()
    w.setup(ENTRY)
    w.fill(1, 1000, 1, left=9)
    assert w.said() == [w.stop(1), w.target(1)]


@pytest.mark.parametrize(("wallet", "taken"), [(3, 1), (0, 0)])
@pytest.mark.parametrize("role", [ENTRY, TARGET])
def test_a_fee_in_the_coin_itself_takes_lots(wallet, taken, role):
    w = World()
    w.rules["fee_in"], w.rules["base_wallet"] = 1, 3
    s = w.setup(role, entered=0 if role == ENTRY else 10)
    w.fill(1, 1000, 10, wallet=wallet, paid=7)
    assert s["taken"] == (taken if role == ENTRY else 0)
    assert s["fee_units"] == (7 * taken if role == ENTRY else 0)
    if role == ENTRY:
        assert w.said()[0] == w.stop(10 - taken)


@pytest.mark.parametrize(("role", "reason"), [(STOP, BY_STOP), (TARGET, BY_TARGET)])
def test_what_ends_a_position_withdraws_the_other(role, reason):
    w = World()
    s = w.setup(STOP, TARGET, entered=10)
    pair(w.legs, 1, 2)
    order_id, other = (1, 2) if role == STOP else (2, 1)
    assert w.fill(order_id, 900, 10, fee=2) == OVER
    assert (w.said(), w.leg(order_id)) == ([Cancel(0, other)], None)
    assert [int(s[name]) for name in ("exited", "received", "exit_ticks", "closed", "reason", "fees")] == [
        *(10, 9000, 9000, NOW, reason, 2)
    ]


def test_a_target_in_parts_fits_its_stop_to_what_is_left():
    w = World()
    w.setup(STOP, TARGET, entered=10)
    pair(w.legs, 1, 2)
    assert w.fill(2, 1200, 3, left=7) == NOTHING
    assert w.said() == [w.stop(7)]
    assert [int(w.leg(n)["pair"]) for n in (2, 101)] == [101, 2]
    assert w.answer(A.ACK, 101) == NOTHING
    assert w.said() == [Cancel(0, 1)]
    assert w.answer(A.CANCELED, 1, left=10) == NOTHING  # it was told to leave: no reason to close
    assert w.said() == []


def test_a_stop_is_fitted_once_the_venue_has_told_of_it():
    w = World()
    w.setup(STOP, TARGET, entered=10)
    pair(w.legs, 1, 2)
    w.leg(1)["known"] = 0
    w.fill(2, 1200, 3, left=7)
    assert w.said() == []
    w.answer(A.ACK, 1)
    assert w.said() == [w.stop(7)]


def test_the_last_lot_is_not_left_without_a_stop():
    w = World()
    w.setup(STOP, entered=10, exited=9)
    w.answer(A.EXPIRED, 1, left=10)
    assert w.said() == [w.close(1, limit=796)]


def test_a_stop_in_parts_withdraws_its_target():
    w = World()
    s = w.setup(STOP, TARGET, entered=10)
    pair(w.legs, 1, 2)
    assert w.fill(1, 900, 4, left=6) == NOTHING
    assert (w.said(), s["exited"]) == ([Cancel(0, 2)], 4)


@pytest.mark.parametrize("kind", [A.CANCELED, A.EXPIRED])
@pytest.mark.parametrize(("bars", "limit"), [(False, 796), (True, 0)])
def test_what_a_stop_could_not_fill_is_closed_farther_away(kind, bars, limit):
    """F3: within `through_stop_again` of the touch; on bars at the market."""
    w = World(bars=bars)
    s = w.setup(STOP, TARGET, entered=10)
    assert w.answer(kind, 1, left=10) == NOTHING
    assert w.said() == [Cancel(0, 2), w.close(10, limit=limit)]
    assert [int(s[name]) for name in ("state", "going", "reason")] == [CLOSING, 1, BY_STOP]
    assert w.core[0]["deadline"] == FOREVER


def test_a_short_is_closed_farther_away_above():
    w = World(side=-1)
    w.setup(STOP, entered=10)
    w.answer(A.EXPIRED, 1, left=10)
    assert w.said() == [w.close(10, limit=1206)]


def test_without_a_touch_it_is_closed_at_the_market():
    w = World()
    w.marks["bid"] = 0
    w.setup(STOP, entered=10)
    w.answer(A.EXPIRED, 1, left=10)
    assert w.said() == [w.close(10)]
    w = World()
    w.marks["bid"], w.marks["bars"] = 0, 1  # bars beside it, and no whole book: the mark
    w.setup(STOP, entered=10)
    w.answer(A.EXPIRED, 1, left=10)
    assert w.said() == [w.close(10, limit=800)]


def test_a_refused_stop_is_asked_for_once_more():
    """Control naked position: beside the same target, for what is held; then the position is closed."""
    w = World()
    s = w.setup(STOP, TARGET, entered=10, exited=2)
    pair(w.legs, 1, 2)
    w.leg(1)["left"] = 9
    assert w.answer(A.REJECT, 1, left=9) == NOTHING
    assert (w.said(), s["refused"]) == ([w.stop(8)], 1)
    assert [int(w.leg(n)["pair"]) for n in (2, 101)] == [101, 2]
    assert s["cover_by"] == NOW + 3 * SECOND
    assert w.answer(A.REJECT, 101, left=8) == NOTHING
    assert w.said() == [Cancel(0, 2), w.close(8)]
    assert s["reason"] == NAKED


def test_a_refused_stop_is_for_no_more_than_it_was_for():
    w = World()
    w.setup(STOP, entered=10)
    w.leg(1)["left"] = 4
    w.answer(A.REJECT, 1, left=4)
    assert w.said() == [w.stop(4)]


def test_a_stop_that_the_market_has_passed_is_not_asked_for_again():
    w = World()
    w.marks["bid"] = 900
    s = w.setup(STOP, entered=10)
    w.answer(A.REJECT, 1, left=10)
    assert (w.said(), s["reason"], s["refused"]) == ([w.close(10)], NAKED, 0)


@pytest.mark.parametrize("more", [{"exited": 10, "working": 1}, {"going": 1}])
def test_a_stop_that_nothing_needs_any_more_is_not_missed(more):
    w = World()
    s = w.setup(STOP, entered=10, **more)
    assert w.answer(A.EXPIRED, 1, left=10) == NOTHING
    assert (w.said(), s["state"]) == ([], OPEN)


def test_a_target_or_entry_that_ends_leaves_the_position_to_its_stop():
    w = World()
    s = w.setup(STOP, TARGET, ENTRY, entered=10)
    assert [w.answer(kind, n, left=10) for kind, n in ((A.REJECT, 2), (A.CANCELED, 3))] == [NOTHING, NOTHING]
    assert (w.said(), s["state"], s["working"]) == ([], OPEN, 0)


@pytest.mark.parametrize(("side", "sides"), [(1, (0, 1200)), (-1, (800, 0))])
def test_a_target_that_was_refused_is_watched(side, sides):
    """Python is called at its price, and no further one is sent to the venue, not for new levels either."""
    for kind, watched, at in ((A.CANCELED, 0, (0, 0)), (A.REJECT, 1, sides)):
        w = World(side=side)
        s = w.setup(STOP, TARGET, entered=10)
        assert w.answer(kind, 2, left=10) == NOTHING
        assert (s["watched"], int(w.marks[0]["below"]), int(w.marks[0]["above"])) == (watched, *at)
        assert w.said() == []
    w.left_to_python(following.moved(*w.trades, *w.market, 0, int(s["stop_at"]), 1000 + side * 300))
    assert w.said() == [w.stop(10)]
    assert [int(w.leg(n)["heir"]) for n in (1, 101)] == [101, 0]


@pytest.mark.parametrize("role", [STOP, ENTRY, CLOSE])
def test_nothing_else_that_was_refused_makes_the_target_watched(role):
    w = World()
    s = w.setup(role, entered=10)
    w.answer(A.REJECT, 1, left=10)
    assert s["watched"] == 0


def test_an_entry_of_which_nothing_filled_ends_the_setup():
    w = World()
    w.setup(ENTRY, ENTRY)
    assert w.answer(A.EXPIRED, 1, left=10) == NOTHING
    assert w.answer(A.REJECT, 2, left=10) == OVER


@pytest.mark.parametrize(
    ("limit", "refused", "wait"), [(796, False, 0), (1, False, 0), (0, False, 1), (0, True, 1), (796, True, 1)]
)
def test_what_a_close_could_not_fill_is_closed_again(limit, refused, wait):
    """What its limit left at once, at the market; else after a second."""
    w = World()
    s = w.setup(CLOSE, entered=10, state=CLOSING, going=1)
    w.leg(1)["price"] = limit
    w.answer(A.REJECT if refused else A.EXPIRED, 1, left=10)
    assert [int(s[name]) for name in ("state", "horizon", "wait")] == [
        *(OPEN, NOW + wait * SECOND, SECOND if refused else 0)
    ]
    assert w.core[0]["deadline"] == NOW + wait * SECOND


def test_a_venue_that_refuses_to_close_is_told_of_once():
    w = World()
    s = w.setup(inst=1, entered=10)
    s = w.setup(entered=10)
    said = []
    for n in range(8):
        s["state"] = CLOSING
        w.rest(1, CLOSE, 50 + n, 10)
        said.append(w.answer(A.REJECT, 50 + n, left=10))
    assert said == [1 << BITS, *[1 << BITS] * 5, 1 << BITS | TELL, 1 << BITS]
    w.rest(1, CLOSE, 70, 10)
    w.fill(70, 990, 1, left=9)
    assert s["wait"] == 0


def test_the_execution_of_a_close_ends_the_trade():
    w = World()
    s = w.setup(CLOSE, entered=10, state=CLOSING, going=1, wait=5)
    assert w.fill(1, 990, 6, left=4) == NOTHING
    assert (s["state"], s["wait"]) == (CLOSING, 0)
    assert w.fill(1, 990, 4) == OVER
    assert s["reason"] == BY_HAND


def test_what_a_close_has_left_of_its_last_lots_is_closed_at_once():
    w = World()
    s = w.setup(CLOSE, entered=10, state=CLOSING, going=1)
    w.fill(1, 990, 6, left=0)  # reduce-only: more than it may close is not executed
    assert (s["state"], s["horizon"], w.core[0]["deadline"]) == (OPEN, NOW, NOW)


def stake(w, **more):
    s = w.setup(ENTRY, lots=1, superp=1, stake=500, **more)
    w.leg(1)["left"] = 1
    return s


@pytest.mark.parametrize(("price", "opened"), [(1000, 0), (1, 0), (0, 0), (1000, 5)])
def test_a_superp_position_is_open_from_its_acknowledgement_on(price, opened):
    w = World()
    s = stake(w, opened=opened)
    w.marks[0]["high2"] = 7
    new = price > 0 and not opened
    assert w.answer(A.ACK, 1, type=int(T.SUPERP), price=price) == NOTHING
    assert [int(s[name]) for name in ("state", "opened", "entered", "entry_ticks")] == (
        [OPEN, NOW, 1, price] if new else [ENTERING, opened, 0, 0]
    )
    assert w.marks[0]["high2"] == (2000 if new else 7)


@pytest.mark.parametrize(
    ("cause", "before", "reason"),
    [
        *((Cause.STOP, 0, BY_STOP), (Cause.TARGET, 0, BY_TARGET), (Cause.EXPIRY, 0, BY_TIMER)),
        *((Cause.REQUEST, 0, BY_HAND), (Cause.REQUEST, BY_TIMER, BY_TIMER), (Cause.STOP, BY_HAND, BY_STOP)),
    ],
)
def test_a_superp_position_ends_by_what_the_venue_says(cause, before, reason):
    w = World()
    s = stake(w, entered=1, reason=before, amount=10, fees=1)
    told = {"price": 990, "amount": -200, "fee": 3, "cause": int(cause)}
    assert w.answer(A.SETTLED, 1, type=int(T.SUPERP), **told) == OVER
    names = ("entered", "exited", "closed", "exit_ticks", "amount", "fees", "reason", "working")
    assert [int(s[name]) for name in names] == [1, 1, NOW, 990, -190, 4, reason, 0]
    assert w.leg(1) is None


def test_a_superp_position_that_is_refused_was_never_held():
    w = World()
    stake(w)
    assert w.answer(A.REJECT, 1, type=int(T.SUPERP)) == OVER


def spread(*second, entered=10, **more):
    """Two legs of one intent: the first, filled and with its stop (1), and another whose orders are 2, 3, ..."""
    w = World()
    return w, w.setup(STOP, entered=10, group=1), w.setup(*second, inst=1, entered=entered, group=1, **more)


def test_the_first_execution_sets_the_time_for_all_legs():
    """Control legs: `legs_s`, and two bars where there are only bars."""
    w, one, other = spread(ENTRY, entered=0)
    w.answer(A.ACK, 1)
    assert [int(s["fill_by"]) for s in (one, other)] == [NOW + 4 * SECOND] * 2
    assert w.core[0]["deadline"] == NOW + 4 * SECOND
    w.core[0]["now"] += SECOND
    w.answer(A.ACK, 2)
    assert other["fill_by"] == NOW + 4 * SECOND
    w.fill(2, 1000, 10)
    assert [int(s["fill_by"]) for s in (one, other)] == [0, 0]


def test_legs_on_bars_may_take_two_bars_longer():
    w, one, _ = spread(ENTRY, entered=0)
    w.marks[1]["bars"], w.marks[1]["bar_ns"] = 1, 60 * SECOND
    w.answer(A.ACK, 1)
    assert one["fill_by"] == NOW + (4 + 120) * SECOND


def test_without_an_execution_no_leg_is_timed():
    w = World()
    legs = [w.setup(ENTRY, inst=inst, group=4) for inst in (0, 1)]
    w.answer(A.ACK, 1)
    assert [int(s["fill_by"]) for s in legs] == [0, 0]


def test_a_leg_that_cannot_get_its_lots_unwinds_all():
    w, one, other = spread(ENTRY, entered=0)
    assert w.answer(A.REJECT, 2, left=10) == 1 << BITS
    assert w.said() == [w.close(10)]
    assert [(int(s["state"]), int(s["reason"]), int(s["going"])) for s in (one, other)] == [
        *((CLOSING, UNWOUND, 1), (CLOSING, UNWOUND, 1))
    ]
    assert w.fill(101, 990, 10) == OVER  # all are over now


def test_a_leg_that_got_some_of_its_lots_sells_them_at_the_market():
    w, _, other = spread(ENTRY, entered=4)
    other["working"] = 1
    w.answer(A.EXPIRED, 2, left=6)
    assert w.said() == [w.close(4, inst=1), w.close(10)]


def test_when_one_leg_leaves_the_others_do():
    w, one, other = spread(STOP, TARGET)
    assert w.fill(1, 900, 10) == NOTHING  # it waits for the other
    assert w.said() == [Cancel(1, 3), w.close(10, inst=1)]
    assert [(int(s["state"]), int(s["reason"])) for s in (one, other)] == [(CLOSING, BY_STOP), (CLOSING, BY_LEG)]
    assert w.fill(101, 990, 10, inst=1) == 1 << BITS | OVER


def test_a_leg_that_has_reached_its_target_in_part_leaves_with_all():
    w, one, other = spread(STOP)
    w.rest(0, TARGET, 3, 10)
    assert w.fill(3, 1200, 1, left=9) == NOTHING
    assert w.said() == [Cancel(0, 3), w.close(9), w.close(10, inst=1)]
    assert [int(s["reason"]) for s in (one, other)] == [BY_TARGET, BY_LEG]


def test_a_stop_in_parts_makes_the_others_leave_and_goes_on():
    w, one, _ = spread(STOP)
    assert w.fill(1, 900, 1, left=9) == NOTHING
    assert w.said() == [w.close(10, inst=1)]
    assert (one["state"], w.leg(1)["left"]) == (OPEN, 9)


def test_another_trade_is_no_leg_of_this_one():
    w, _, _ = spread(STOP)
    w.setup(STOP, entered=10)
    free = w.table[w.begin({"group": 1})]
    free["state"] = 0
    w.fill(1, 900, 10)
    assert [order.inst for order in w.said()] == [1]
    assert free["going"] == 0


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        *(({"horizon": NOW}, BY_TIMER), ({"cover_by": NOW}, NAKED), ({"fill_by": NOW}, UNWOUND)),
        *(({"horizon": NOW, "state": ENTERING}, BY_TIMER), ({"horizon": NOW, "fill_by": NOW}, BY_TIMER)),
        *(({"cover_by": NOW, "fill_by": NOW}, NAKED), ({"horizon": NOW + 1, "cover_by": NOW + 1}, 0)),
        *(({"horizon": NOW, "state": CLOSING}, 0), ({"horizon": NOW, "state": 0}, 0), ({"fill_by": NOW + 1}, 0)),
    ],
)
def test_what_is_due_is_closed(more, reason):
    w = World()
    w.setup(inst=1, entered=10)
    s = w.setup(STOP, entered=10, **more)
    said = w.left_to_python(following.overdue(*w.trades, *w.market, 0))
    assert said == (1 << BITS if reason else -1)
    assert (s["reason"], w.said()) == (reason, [w.close(10)] if reason else [])
    assert w.left_to_python(following.overdue(*w.trades, *w.market, 2)) == -1


def test_a_setup_that_is_due_and_holds_nothing_is_over():
    w = World()
    w.setup(horizon=NOW)
    assert w.left_to_python(following.overdue(*w.trades, *w.market, 0)) == OVER


def test_a_retreat_withdraws_what_has_not_filled():
    """F3: entries off; an open position keeps its stop, unless all is to be closed."""
    for close in (False, True):
        w = World()
        w.setup(ENTRY)
        w.setup(ENTRY, STOP, entered=5)
        w.setup(entered=5, state=CLOSING)
        assert [following.retreated(*w.trades, *w.market, k, close) & ~SEND for k in range(4)] == [0, 1 << BITS, 0, 0]
        closed = [w.close(5)] if close else []
        assert w.said() == [Cancel(0, 1), Cancel(0, 2), *closed]
        assert w.table["reason"][:3].tolist() == [BY_HAND, BY_HAND if close else 0, 0]


def test_a_retreat_settles_what_is_over():
    w = World()
    w.setup()
    w.setup(entered=10, exited=10)
    w.setup(entered=1, exited=1, superp=1)
    assert [w.left_to_python(following.retreated(*w.trades, *w.market, k, False)) for k in range(3)] == [
        OVER,
        1 << BITS | OVER,
        2 << BITS,
    ]


def test_new_levels_replace_the_old():
    w = World()
    s = w.setup(STOP, TARGET, entered=10)
    assert w.left_to_python(following.moved(*w.trades, *w.market, 0, 950, 1300)) == NOTHING
    replaced = Order(0, -1, int(T.LIMIT), GTC, 10, price=1300, flags=REDUCE)
    assert w.said() == [w.stop(10, trigger=950), replaced]
    assert (s["naked"], s["cover_by"], w.core[0]["deadline"]) == (0, 0, HORIZON)  # until then the old stop covers
    assert w.answer(A.ACK, 102) == NOTHING
    assert w.said() == [Cancel(0, 2)]
    assert w.answer(A.ACK, 101) == NOTHING
    assert w.said() == [Cancel(0, 1)]
    assert s["cover_by"] == 0


def moved(w, s):
    """New levels are on their way: stop 101 and target 102 for 1 and 2."""
    pair(w.legs, 1, 2)
    for n, price in ((1, int(s["stop_at"])), (2, int(s["target_at"]))):
        w.leg(n)["price"] = price
    w.left_to_python(following.moved(*w.trades, *w.market, 0, 950, 1300))
    w.said()


def test_an_heir_that_was_refused_twice_leaves_the_old_stop_where_it_is():
    w = World()
    s = w.setup(STOP, TARGET, entered=10)
    moved(w, s)
    assert w.answer(A.REJECT, 101, left=10) == NOTHING
    assert w.said() == [w.stop(10, trigger=950)]
    assert [int(w.leg(n)["heir"]) for n in (1, 2)] == [103, 102]
    assert s["refused"] == 1
    assert w.answer(A.REJECT, 103, left=10) == NOTHING
    assert w.said() == [Cancel(0, 102)]
    assert (s["stop_at"], s["target_at"], s["state"], s["reason"]) == (900, 1200, OPEN, 0)
    assert [int(w.leg(n)["heir"]) for n in (1, 2)] == [0, 0]
    assert (s["cover_by"], s["refused"]) == (0, 0)


def test_an_heir_that_the_market_has_passed_closes_the_trade():
    w = World()
    s = w.setup(STOP, TARGET, entered=10)
    moved(w, s)
    w.marks["bid"] = 949
    assert w.answer(A.REJECT, 101, left=10) == NOTHING
    assert (s["reason"], s["state"]) == (NAKED, CLOSING)


def test_a_target_whose_heir_was_refused_leaves_and_is_watched():
    w = World()
    s = w.setup(STOP, TARGET, entered=10)
    moved(w, s)
    assert w.answer(A.REJECT, 102, left=10) == NOTHING
    assert (w.said(), s["watched"]) == ([Cancel(0, 2)], 1)


def test_a_stop_that_is_to_be_replaced_may_be_refused():
    """Another is on its way: it is not asked for again."""
    w = World()
    s = w.setup(STOP, TARGET, entered=10)
    moved(w, s)
    w.left_to_python(following.moved(*w.trades, *w.market, 0, 960, 1300))
    w.said()
    assert w.answer(A.REJECT, 101, left=10) == NOTHING
    assert (w.said(), s["refused"], s["state"]) == ([], 0, OPEN)


@pytest.mark.parametrize("leaves", [False, True])
def test_less_is_left_than_the_heirs_are_for(leaves):
    """The old target is executed in part while its heir is on its way, or after: others follow for the rest."""
    w = World()
    s = w.setup(STOP, TARGET, entered=10)
    moved(w, s)
    if leaves:
        w.answer(A.ACK, 101)
        w.answer(A.ACK, 102)
        w.said()
    assert w.fill(2, 1200, 4, left=6) == NOTHING
    rest = Order(0, -1, int(T.LIMIT), GTC, 6, price=1300, flags=REDUCE)
    assert w.said() == [w.stop(6, trigger=950), rest]
    assert [int(w.leg(n)["heir"]) for n in (101, 102)] == [103, 104]
    assert s["naked"] == 0
    w.answer(A.ACK, 103)
    assert {one.id for one in w.said()} == {101}
    w.answer(A.CANCELED, 101)
    assert {one.id for one in w.said()} == (set() if leaves else {1})  # which has waited for that one


def test_entries_end_with_the_position():
    """F5, C2: what has not filled is withdrawn when the stop has sold all; what fills meanwhile is sold at once."""
    w = World()
    s = w.setup(STOP, ENTRY, entered=10)
    assert w.fill(1, 900, 10) == NOTHING
    assert w.said() == [Cancel(0, 2)]
    assert (s["state"], s["going"], s["reason"]) == (CLOSING, 1, BY_STOP)
    assert w.fill(2, 890, 10) == NOTHING
    assert (s["state"], s["horizon"], s["naked"]) == (OPEN, NOW, 0)
    assert w.said() == []
    w.left_to_python(following.overdue(*w.trades, *w.market, 0))
    assert w.said() == [w.close(10)]
    assert w.fill(101, 889, 10) == OVER
    assert s["reason"] == BY_STOP


def test_an_entry_that_was_withdrawn_with_its_position_ends_the_trade():
    w = World()
    s = w.setup(STOP, ENTRY, entered=10)
    w.fill(1, 900, 10)
    assert w.answer(A.CANCELED, 2, left=10) == OVER
    assert s["exited"] == 10


@pytest.mark.parametrize(("filled", "withdrawn"), [(1, 2), (2, 1)])
def test_of_two_pairs_the_sibling_of_the_one_that_filled_leaves(filled, withdrawn):
    """Target 1 and stop 2 are a pair, stop 3 is of the rest; the first slot of the table is one like any other."""
    w = World()
    s = w.setup(TARGET, STOP, STOP, entered=10)
    pair(w.legs, 1, 2)
    for n in (1, 2, 3):
        w.leg(n)["left"] = 5
    assert w.fill(filled, 1000, 5) == NOTHING
    assert (w.said(), s["state"]) == ([Cancel(0, withdrawn)], OPEN)


def test_the_last_lot_is_still_a_position():
    w = World()
    s = w.setup(STOP, TARGET, ENTRY, entered=10)
    assert w.fill(2, 1200, 9, left=1) == NOTHING
    assert (w.said(), s["state"], s["going"]) == ([], OPEN, 0)


def test_an_entry_that_fills_while_it_is_withdrawn_is_protected_by_itself():
    w = World()
    s = w.setup(STOP, TARGET, ENTRY, entered=10)
    w.leg(3)["leaving"] = 1
    w.fill(3, 1000, 4, left=6)
    assert w.said() == [w.stop(4), w.target(4)]
    assert [int(w.leg(n)["heir"]) for n in (1, 2)] == [0, 0]
    assert s["naked"] == 0


def test_while_something_is_held_entries_stay():
    w = World()
    w.setup(STOP, TARGET, ENTRY, entered=10)
    w.fill(2, 1200, 3, left=7)
    assert w.said() == []


@pytest.mark.parametrize(
    ("more", "protects"), [({}, False), ({"id": 2}, True), ({"at": 1}, True), ({"kind": 1}, True), ({"tail": 1}, True)]
)
def test_fills_of_one_moment_are_protected_together(more, protects):
    """The next answer is one more execution of the same order, told now: it protects both."""
    w = World()
    s = w.setup(ENTRY)
    nxt = w.mail[0]["answers"][1]
    nxt["kind"], nxt["id"], nxt["visible"] = int(A.FILL), more.get("id", 1), more.get("at", 0)
    nxt["kind"] = int(A.EXPIRED) if "kind" in more else nxt["kind"]
    a = w.mail[0]["answers"][0]
    w.mail[0]["ans_head"], w.mail[0]["ans_tail"] = 1, more.get("tail", 2)
    for name, value in {"id": 1, "kind": int(A.FILL), "side": 1, "price": 1000, "qty": 3, "left": 7}.items():
        a[name] = value
    following.answered(*w.trades, w.mail, *w.market)
    assert len(w.said()) == (2 if protects else 0)
    assert s["naked"] == (0 if protects else 3)


def test_the_last_answer_of_all_protects_what_it_fills():
    w = World()
    w.setup(ENTRY)
    assert w.fill(1, 1000, 3, left=7) == NOTHING
    assert len(w.said()) == 2


@pytest.mark.parametrize(
    ("lots", "reason"),
    [
        *((((1, 2), (9, 1)), BY_STOP), (((9, 2), (1, 1)), BY_TARGET), (((5, 2), (5, 1)), BY_TARGET)),
        *((((3, 1), (2, 2), (2, 2)), BY_TARGET), (((2, 1), (2, 1), (3, 2)), BY_STOP)),
        (((2, 1), (3, 2), (2, 1)), BY_STOP),
    ],
)
def test_a_trade_is_told_by_what_took_most_of_its_lots(lots, reason):
    """(lots, order): 1 is its stop, 2 its target."""
    w = World()
    total = sum(qty for qty, _ in lots)
    s = w.setup(STOP, TARGET, entered=total)
    left = {1: total, 2: total}
    for qty, order_id in lots:
        left[order_id] -= qty
        w.fill(order_id, 1000, qty, left=left[order_id])
    assert s["reason"] == reason


def test_a_trade_closed_after_its_first_lot_is_told_by_the_close():
    w = World()
    s = w.setup(STOP, TARGET, entered=10)
    w.fill(2, 1200, 1, left=9)
    w.left_to_python(following.left(*w.trades, *w.market, 0, BY_TIMER))
    w.said()
    assert w.fill(101, 1100, 9) == OVER
    assert s["reason"] == BY_TIMER


def told(w):
    """The trade in the first slot has been told; its slot is free."""
    following.settled(*w.trades, w.marks, 0)
    w.table[0] = NO_SETUP
    w.said()


@pytest.mark.parametrize(
    ("kind", "fields", "gone"),
    [
        (A.CANCELED, {}, True),
        (A.EXPIRED, {}, True),
        (A.REJECT, {}, True),
        (A.CANCEL_REJECT, {"reason": int(Reject.NO_SUCH_ORDER)}, True),
        (A.FILL, {"qty": 10, "left": 0}, True),
        (A.FILL, {"qty": 3, "left": 7}, False),
        (A.ACK, {}, False),
    ],
)
def test_an_order_stays_ours_until_the_venue_says_that_it_has_ended(kind, fields, gone):
    """Its trade was told before; what it says is about no trade any more, not about the next in its slot either."""
    w = World()
    w.setup(STOP, entered=10, exited=10)
    told(w)
    s = w.setup(entered=10, side=-1)
    before = s.tobytes()
    assert w.answer(kind, 1, side=-1, **fields) == NOTHING
    assert ((w.leg(1) is None), s.tobytes() == before, w.said()) == (gone, True, [])


@pytest.mark.parametrize(("qty", "holds"), [(10, 10), (10, 12), (10, 9)])
def test_an_order_whose_cancel_was_lost_is_booked_to_the_trade_that_it_has_left(qty, holds):
    """The next trade on the coin is what it sold of: setups and account agree."""
    w = World()
    w.setup(STOP, entered=10, exited=10)
    told(w)
    s = w.setup(STOP, entered=holds)
    w.leg(2)["left"] = holds
    assert w.leg(1)["known"] == 0
    said = w.answer(A.FILL, 1, price=900, qty=qty, left=0, side=-1)
    assert (int(s["exited"]), w.leg(1)) == (qty if holds >= qty else 0, None)
    assert said == (OVER if holds == qty else NOTHING)
    assert w.said() == ([] if holds < qty else [Cancel(0, 2)] if holds == qty else [w.stop(2), w.target(2)])


def test_a_cancel_that_never_arrived_is_sent_again_for_an_order_whose_trade_was_told():
    w = World()
    w.setup(STOP, entered=10, exited=10)
    told(w)
    w.answer(A.CANCEL_REJECT, 1, reason=int(Reject.GATEWAY))
    assert (w.said(), w.leg(1) is None) == ([Cancel(0, 1)], False)


@pytest.mark.parametrize(
    ("tries", "again", "said"), [(0, 1, NOTHING), (1, 2, NOTHING), (6, 60, TELL), (7, 60, NOTHING)]
)
def test_a_superp_position_that_the_venue_does_not_close_is_closed_again(tries, again, said):
    """The book is unknown, or trading is halted: asked after twice the time each time, up to a minute."""
    w = World()
    s = w.setup(ENTRY, entered=1, superp=1, stake=100)
    w.left_to_python(following.left(*w.trades, *w.market, 0, BY_HAND))
    assert w.said() == [Cancel(0, 1)]
    s["wait"] = min(2 ** (tries - 1), 60) * SECOND if tries else 0
    assert w.answer(A.CANCEL_REJECT, 1, reason=int(Reject.BOOK_INVALID)) == said
    assert (s["state"], s["horizon"], s["reason"]) == (OPEN, NOW + again * SECOND, BY_HAND)
    assert w.core[0]["deadline"] == NOW + again * SECOND
    w.core[0]["now"] = s["horizon"]
    w.left_to_python(following.overdue(*w.trades, *w.market, 0))
    assert (w.said(), s["state"], s["reason"]) == ([Cancel(0, 1)], CLOSING, BY_HAND)


@pytest.mark.parametrize(("reason", "leaving"), [(Reject.NO_SUCH_ORDER, 1), (Reject.BOOK_INVALID, 0)])
def test_a_superp_position_that_is_gone_or_was_not_to_leave_is_not_closed_again(reason, leaving):
    w = World()
    s = w.setup(ENTRY, entered=1, superp=1, stake=100)
    s["state"] = CLOSING
    w.leg(1)["leaving"] = leaving
    assert w.answer(A.CANCEL_REJECT, 1, reason=int(reason)) == NOTHING
    assert (s["state"], w.leg(1)["leaving"], w.said()) == (CLOSING, leaving, [])


def test_what_the_venue_has_liquidated_is_over_with_its_last_order():
    w = World()
    s = w.setup(STOP, entered=10, exited=10)
    assert w.left_to_python(following.liquidated(*w.trades, *w.market, 0)) == OVER
    s["working"] = 1
    assert following.liquidated(*w.trades, *w.market, 0) == NOTHING


@pytest.mark.parametrize("ended", [0, 1])
def test_a_trade_that_was_told_leaves_nothing_behind(ended):
    """And when the tape has ended, nothing more is sent."""
    w = World()
    w.core[0]["ended"] = ended
    s = w.setup(STOP, TARGET, entered=10, exited=10, low=990)
    pair(w.legs, 1, 2)
    w.setup(STOP, inst=1, entered=10)
    w.leg(1)["leaving"] = 1
    w.marks[0]["below"] = 5
    following.settled(*w.trades, w.marks, 0)
    assert w.said() == ([] if ended else [Cancel(0, 2)])
    assert [w.leg(n) is None for n in (1, 2, 3)] == [bool(ended), bool(ended), False]
    assert ended or [(int(w.leg(n)["setup"]), int(w.leg(n)["pair"])) for n in (1, 2)] == [(NOBODY, 0), (NOBODY, 0)]
    assert (s["state"], w.marks[0]["below"], w.core[0]["alarms"], w.core[0]["deadline"]) == (0, 0, 0, HORIZON)


def test_alarms_are_named_for_exits_that_move():
    w = World()
    w.setup(STOP, entered=10, low=990, high=1010)
    w.answer(A.ACK, 1)
    assert (w.marks[0]["below"], w.marks[0]["above"], w.core[0]["alarms"]) == (989, 1011, 1)
    w.setup(inst=1, entered=10, low=900)
    following.armed(w.core, w.table, w.marks, 1)
    assert (w.marks[1]["below"], w.core[0]["alarms"]) == (899, 2)


@pytest.mark.parametrize("bars", [False, True])
@pytest.mark.parametrize("side", [1, -1])
def test_a_part_is_sold_as_far_as_a_close_would_reach_and_the_exits_stand(side, bars):
    w = World(bars=bars, side=side)
    s = w.setup(STOP, entered=10)
    assert w.left_to_python(following.lessened(*w.trades, *w.market, 0, 4)) == NOTHING
    assert w.said() == [w.close(4, limit=0 if bars else None)]
    assert (s["state"], s["going"], w.leg(101)["role"]) == (OPEN, 0, PART)
    w.answer(A.ACK, 101)
    w.fill(101, 1000 + side * 5, 4)
    assert (s["exited"], s["received"], s["reason"], s["agreed"]) == (4, 4 * (1000 + side * 5), BY_HAND, 4)
    assert w.said() == [w.stop(6), w.target(6)]
    w.answer(A.ACK, 102)
    assert w.said() == [Cancel(0, 1)]


def test_a_part_that_is_filled_in_pieces_is_protected_after_each():
    w = World()
    s = w.setup(STOP, entered=10, target_at=0)
    following.lessened(*w.trades, *w.market, 0, 4)
    w.said()
    w.fill(101, 1000, 1, 3)
    assert w.said() == [w.stop(9)]
    w.fill(101, 1000, 3)
    assert w.said() == [w.stop(6)]
    assert (s["exited"], s["state"]) == (4, OPEN)


def test_a_part_that_found_no_buyer_changes_nothing():
    w = World()
    s = w.setup(STOP, TARGET, entered=10, wait=SECOND)
    following.lessened(*w.trades, *w.market, 0, 4)
    w.said()
    assert w.answer(A.EXPIRED, 101) == NOTHING
    assert w.said() == []
    assert [int(s[name]) for name in ("state", "wait", "pause", "pressed", "watched")] == [OPEN, 0, 0, 0, 0]


def test_a_part_that_the_venue_refuses_waits_twice_as_long_each_time_and_is_told_once():
    w = World()
    s = w.setup(STOP, TARGET, entered=10)
    for n, (wait, told) in enumerate([(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (32, 0), (60, TELL), (60, 0)]):
        following.lessened(*w.trades, *w.market, 0, 4)
        w.said()
        assert w.answer(A.REJECT, 101 + n) == told
        assert [int(s[name]) for name in ("state", "wait", "pause")] == [OPEN, wait * SECOND, NOW + wait * SECOND]
    assert (s["pressed"], s["watched"], w.said()) == (0, 0, [])


def test_those_that_wait_for_an_heir_that_was_refused_wait_for_its_own():
    w = World()
    s = w.setup(STOP, entered=10, target_at=0)
    for stop_at in (910, 920):
        w.left_to_python(following.moved(*w.trades, *w.market, 0, stop_at, 0))
    assert [int(w.leg(n)["heir"]) for n in (1, 101, 102)] == [101, 102, 0]
    w.said()
    assert w.answer(A.REJECT, 101, left=10) == NOTHING
    assert int(w.leg(1)["heir"]) == 102
    assert w.said() == []
    w.answer(A.ACK, 102)
    assert w.said() == [Cancel(0, 1)]
    assert s["refused"] == 0


def test_a_stop_that_fills_while_a_part_is_under_way_ends_the_trade():
    w = World()
    s = w.setup(STOP, entered=10, target_at=0)
    following.lessened(*w.trades, *w.market, 0, 4)
    w.said()
    assert w.fill(1, 900, 10) == OVER
    assert s["reason"] == BY_STOP
    assert w.said() == [Cancel(0, 101)]


def test_the_stop_stands_while_a_position_is_closed_and_leaves_with_its_last_lot():
    """F5: also while the venue refuses the close, and takes it again and again."""
    w = World()
    s = w.setup(STOP, TARGET, entered=10)
    assert w.left_to_python(following.left(*w.trades, *w.market, 0, BY_TIMER)) == NOTHING
    assert w.said() == [Cancel(0, 2), w.close(10)]
    assert w.answer(A.REJECT, 101) == NOTHING
    assert (s["state"], s["going"], s["horizon"], w.said()) == (OPEN, 1, NOW + SECOND, [])
    assert w.left_to_python(following.left(*w.trades, *w.market, 0, BY_TIMER)) == NOTHING
    assert w.said() == [w.close(10)]
    w.answer(A.ACK, 102)
    assert w.fill(102, 990, 4, left=6) == NOTHING
    assert w.said() == []
    assert w.fill(102, 990, 6) == OVER
    following.settled(*w.trades, w.marks, 0)
    assert w.said() == [Cancel(0, 1)]


@pytest.mark.parametrize(("kind", "left"), [(A.EXPIRED, 10), (A.CANCELED, 10)])
def test_what_a_stop_leaves_while_a_close_is_to_be_tried_again_is_closed_now(kind, left):
    w = World()
    s = w.setup(STOP, entered=10, target_at=0)
    following.left(*w.trades, *w.market, 0, BY_TIMER)
    w.answer(A.REJECT, 101)
    assert s["horizon"] == NOW + SECOND
    w.answer(kind, 1, left=left)
    assert (s["state"], s["horizon"]) == (OPEN, NOW)
    assert w.core[0]["deadline"] == NOW


def test_a_stop_that_ends_beside_a_close_under_way_changes_nothing():
    w = World()
    s = w.setup(STOP, entered=10, target_at=0)
    following.left(*w.trades, *w.market, 0, BY_TIMER)
    w.said()
    w.answer(A.EXPIRED, 1, left=10)
    assert (s["state"], w.said()) == (CLOSING, [])
    assert s["horizon"] == HORIZON
