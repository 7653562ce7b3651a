"""How a trade leaves, order by order: what is sent for which lots, what is withdrawn, and what is left alone."""

from __future__ import annotations

import pytest

from tickerml.desk.leaving import (
    AT_MARKET,
    MOST_EXITS,
    MOST_LEGS,
    again,
    close,
    fit,
    gather,
    guard,
    inherit,
    is_legal,
    move,
    part,
    pass_on,
    protect,
    reach,
    recall,
    refused,
    reopen,
    stop,
    succeed,
    withdraw_entries,
)
from tickerml.desk.legs import AWAITED, CLOSE, ENTRY, PART, STOP, TARGET, pair
from tickerml.desk.order import Order
from tickerml.desk.setups import BY_HAND, BY_STOP, BY_TIMER, CLOSING, ENTERING, OPEN
from tickerml.tape.orders import OrderFlag, OrderType, TimeInForce
from tickerml.tape.rows import MAX_TICKS, SECOND
from trade_book import Book, Cancel

LIMIT, MARKET, STOPS, STOP_LIMIT = (
    int(x) for x in (OrderType.LIMIT, OrderType.MARKET, OrderType.STOP, OrderType.STOP_LIMIT)
)
GTC, IOC, REDUCE = int(TimeInForce.GTC), int(TimeInForce.IOC), int(OrderFlag.REDUCE_ONLY)
INST, NOW = 3, 77


def trade(*roles, side=1, lots=10, at=1000, **more):
    """A trade of 10 lots at 1,000 with its levels placed, and orders 1, 2, ... of these roles; new ones from 101 on."""
    book = Book(now=NOW)
    fields = {"intent": 9, "inst": INST, "side": side, "state": OPEN, "entered": lots, "entry_ticks": lots * at}
    placed = {"entry_at": float(at), "stop": 0.1, "stop_at": at - side * 100, "target_at": at + side * 200}
    k = book.begin({**fields, **placed, **more})
    for n, role in enumerate(roles):
        book.rest(k, role, n + 1, lots)
    return book, book.table[k]


def ids(book):
    cancelled = book.said()
    assert all(isinstance(one, Cancel) and one.inst == INST for one in cancelled)
    return [one.id for one in cancelled]


def stop_order(side, qty, trigger=None):
    """The stop of `trade` at the market."""
    return Order(INST, -side, STOPS, GTC, qty, trigger=trigger or 1000 - side * 100, flags=REDUCE)


def target_order(side, qty, price=None):
    return Order(INST, -side, LIMIT, GTC, qty, price=price or 1000 + side * 200, flags=REDUCE)


def protected(book):
    """Orders that `protect` sends, by role."""
    protect(*book.given, 0, AT_MARKET)
    roles = [int(leg["role"]) for leg in book.of(0) if leg["sent"] == NOW]
    return list(zip(roles, book.said(), strict=True))


@pytest.mark.parametrize(
    ("price", "side", "share", "far"),
    [
        *((101, 1, 0.25, 126), (101, -1, 0.25, 76), (101, 1, 0.0, 101), (101, -1, 0.0, 101)),
        *((1, -1, 0.0, 1), (1, -1, 1.0, 1), (MAX_TICKS, 1, 0.5, MAX_TICKS), (MAX_TICKS - 1, 1, 0.0, MAX_TICKS - 1)),
    ],
)
def test_an_order_reaches_so_far_and_no_tick_farther(price, side, share, far):
    assert reach(price, side, share) == far


@pytest.mark.parametrize(("side", "trigger", "limit"), [(1, 900, 675), (-1, 1100, 1375)])
def test_a_stop_becomes_a_limit_where_there_is_a_touch(side, trigger, limit):
    """Control price collar: a stop reaches so far beyond its trigger, at once or not at all; on bars any price."""
    book, _ = trade(side=side)
    assert [stop(*book.given, 0, 4, through) for through in (AT_MARKET, 0.25, 0.0)] == [101, 102, 103]
    at_market, within, at_once = book.said()
    assert at_market == stop_order(side, 4, trigger)
    assert within == Order(INST, -side, STOP_LIMIT, IOC, 4, price=limit, trigger=trigger, flags=REDUCE)
    assert at_once == Order(INST, -side, STOP_LIMIT, IOC, 4, price=trigger, trigger=trigger, flags=REDUCE)
    leg = book.leg(102)
    assert [int(leg[name]) for name in ("setup", "role", "left", "side", "price", "sent")] == [
        *(0, STOP, 4, -side, trigger, NOW)
    ]
    assert book.core[0]["next_id"] == 104


def test_an_exit_serves_the_intent_of_its_trade_and_its_side():
    book, _ = trade(side=-1)
    stop(*book.given, 0, 4, AT_MARKET)
    request = book.requests[0]["list"][0]
    assert [int(request[name]) for name in ("parent", "of", "id")] == [9, -1, 101]


@pytest.mark.parametrize("side", [1, -1])
def test_lots_without_a_stop_are_given_one_and_a_target(side):
    """Naked position: for those lots and no others, once; each of the two is cancelled by a fill of the other."""
    book, s = trade(side=side, naked=1)
    assert protected(book) == [(STOP, stop_order(side, 1)), (TARGET, target_order(side, 1))]
    assert [int(book.leg(n)["pair"]) for n in (101, 102)] == [102, 101]
    assert (s["naked"], protect(*book.given, 0, AT_MARKET), book.said()) == (0, None, [])
    book, _ = trade(side=side, naked=1)
    book.core[0]["next_id"] = 1
    protected(book)
    assert [int(book.leg(n)["pair"]) for n in (1, 2)] == [2, 1]


def test_levels_are_placed_where_the_average_entry_has_moved():
    book, s = trade(naked=10, target=0.3)
    s["stop_at"] = 950  # it was moved: the average is the one that it was made for
    assert [(o.trigger, o.price) for _, o in protected(book)] == [(950, 0), (0, 1200)]
    book, s = trade(naked=5, target=0.3, entered=15, entry_ticks=10 * 1000 + 5 * 1300)
    assert [(o.trigger, o.price) for _, o in protected(book)] == [(990, 0), (0, 1430)]
    assert s["entry_at"] == 1100.0


def test_what_has_no_level_or_watches_it_rests_no_order():
    for more, role in (({"stop": 0.0, "stop_at": 0}, TARGET), ({"target_at": 0}, STOP), ({"zones": 1}, STOP)):
        book, _ = trade(ENTRY, naked=1, **more)
        assert [one for one, _ in protected(book)] == [role]
        assert [int(book.leg(n)["pair"]) for n in (1, 101)] == [0, 0]


def test_a_trade_that_is_closing_is_given_no_protection():
    book, s = trade(naked=4, state=CLOSING)
    assert protected(book) == []
    assert s["naked"] == 4


def waiting(book):
    """Ids of the orders that wait for an heir; nothing was sent."""
    assert book.said() == []
    return sorted(int(leg["id"]) for leg in book.legs if leg["id"] and leg["heir"] == AWAITED)


def heirs(book, *orders):
    return [int(book.leg(n)["heir"]) for n in orders]


def test_at_new_levels_stop_and_target_wait_for_their_heirs():
    book, s = trade(ENTRY, STOP, TARGET, CLOSE, STOP, exited=3)
    book.leg(5)["leaving"] = 1
    book.rest(1, STOP, 90, 5)
    move(book.table, book.legs, 0, 950, 1300)
    assert waiting(book) == [2, 3]
    assert (s["stop_at"], s["target_at"], s["naked"]) == (950, 1300, 7)
    for state in (ENTERING, CLOSING):
        book, s = trade(STOP, TARGET, state=state)
        move(book.table, book.legs, 0, 950, 1300)
        assert waiting(book) == []
        assert (s["stop_at"], s["target_at"], s["naked"]) == (900, 1200, 0)


def test_who_takes_over_withdraws_those_before_it():
    """Stops have the new stop, targets the new target; of another trade nothing waits."""
    book, _ = trade(STOP, TARGET)
    book.rest(1, STOP, 90, 5)
    succeed(book.table, book.legs, 0)
    protect(*book.given, 0, AT_MARKET)
    assert book.said() == [stop_order(1, 10), target_order(1, 10)]
    assert heirs(book, 1, 2, 90, 101, 102) == [101, 102, 0, 0, 0]
    inherit(book.legs, book.requests[0], 101)
    assert ids(book) == [1]
    inherit(book.legs, book.requests[0], 101)
    assert ids(book) == []  # it leaves already
    book.leg(2)["id"] = 0
    inherit(book.legs, book.requests[0], 102)
    assert ids(book) == []


@pytest.mark.parametrize(
    ("fields", "sent", "expected"),
    [
        ({"target_at": 0, "target": 0.0}, 1, [101, 101]),
        ({"watched": 1}, 1, [101, 101]),
        ({"zones": 1}, 1, [101, 101]),
        ({"stop_at": 0, "stop": 0.0}, 1, [101, 101]),
    ],
)
def test_where_one_of_two_has_no_heir_of_its_kind_it_leaves_with_the_other(fields, sent, expected):
    book, _ = trade(STOP, TARGET, **fields)
    succeed(book.table, book.legs, 0)
    protect(*book.given, 0, AT_MARKET)
    assert (len(book.said()), heirs(book, 1, 2)) == (sent, expected)


def test_what_has_no_heir_at_all_leaves_at_once():
    book, _ = trade(STOP, TARGET, stop_at=0, stop=0.0, watched=1)
    succeed(book.table, book.legs, 0)
    protect(*book.given, 0, AT_MARKET)
    assert ids(book) == [1, 2]


@pytest.mark.parametrize(("under_way", "protected"), [(MOST_EXITS - 2, True), (MOST_EXITS - 1, False)])
def test_protection_waits_while_too_many_exits_are_under_way(under_way, protected):
    """Entries do not count, nor orders of another trade; then the next answer asks again."""
    assert MOST_EXITS == 12
    book, s = trade(ENTRY, ENTRY, *[STOP, TARGET, CLOSE] * 5, naked=4)
    for leg in book.of(0)[2 + under_way :]:
        leg["setup"] = 1
    protect(*book.given, 0, AT_MARKET)
    assert (len(book.said()), s["naked"]) == ((2, 0) if protected else (0, 4))


def test_no_more_is_protected_than_is_held():
    book, _ = trade(naked=9, exited=4)
    protect(*book.given, 0, AT_MARKET)
    assert book.said() == [stop_order(1, 6), target_order(1, 6)]
    book, _ = trade(naked=9, exited=10)
    protect(*book.given, 0, AT_MARKET)
    assert book.said() == []


def refusable(**heir):
    """A trade whose stop and target (1, 2) wait for a stop and target at new levels (101, 102)."""
    book, s = trade(STOP, TARGET)
    pair(book.legs, 1, 2)
    for n, price in ((1, 900), (2, 1200)):
        book.leg(n)["known"], book.leg(n)["price"] = 1, price
    move(book.table, book.legs, 0, 950, 1300)
    protect(*book.given, 0, AT_MARKET)
    book.said()
    for name, value in heir.items():
        book.leg(1)[name] = value
    return book, s


def test_a_stop_whose_heir_was_refused_stays_with_its_target_and_its_levels():
    book, s = refusable()
    assert recall(book.table, book.legs, book.requests[0], book.leg(101))
    assert ids(book) == [102]
    assert heirs(book, 1, 2) == [0, 0]
    assert (s["stop_at"], s["target_at"], s["naked"]) == (900, 1200, 0)


@pytest.mark.parametrize("heir", [{"known": 0}, {"leaving": 1}, {"left": 9}, {"heir": 7}, {"role": TARGET}])
def test_one_that_does_not_stand_for_all_that_is_held_is_not_recalled(heir):
    book, s = refusable(**heir)
    assert not recall(book.table, book.legs, book.requests[0], book.leg(101))
    assert (ids(book), s["stop_at"]) == ([], 950)


def test_a_target_that_leaves_is_not_recalled():
    book, s = refusable()
    book.leg(2)["leaving"] = 1
    assert recall(book.table, book.legs, book.requests[0], book.leg(101))
    assert (ids(book), s["stop_at"], s["target_at"]) == ([102], 900, 1300)


def test_of_several_the_newest_is_recalled_and_the_others_leave():
    book, s = refusable()
    for n, price, left in ((3, 910, 10), (4, 920, 9), (5, 905, 10)):
        book.rest(0, STOP, n, left, price=price)
        book.leg(n)["known"], book.leg(n)["heir"] = 1, 101
    book.leg(5)["id"] = 0
    assert recall(book.table, book.legs, book.requests[0], book.leg(101))
    assert (sorted(ids(book)), heirs(book, 3)) == ([1, 2, 4, 102], [0])
    assert (s["stop_at"], s["target_at"]) == (910, 1300)  # it has no target beside it


def test_where_the_orders_stand_in_the_table_changes_nothing():
    """The refused target in the first slot; then the kept one."""
    for order_id in (102, 2):
        book, s = refusable()
        at = [int(n) for n in book.legs["id"]].index(order_id)
        book.legs[[0, at]] = book.legs[[at, 0]]
        assert recall(book.table, book.legs, book.requests[0], book.leg(101))
        assert (ids(book), heirs(book, 1, 2)) == ([102], [0, 0])
        assert (s["stop_at"], s["target_at"]) == (900, 1200)


def test_no_order_is_recalled_where_none_waits():
    book, s = trade(STOP, TARGET, CLOSE)
    assert not recall(book.table, book.legs, book.requests[0], book.leg(1))
    assert (ids(book), s["stop_at"], heirs(book, 1, 2, 3)) == ([], 900, [0, 0, 0])


@pytest.mark.parametrize(("heir", "refused_still"), [(0, 0), (9, 1)])
def test_a_stop_that_waits_for_its_heir_covers_but_ends_no_refusals(heir, refused_still):
    """Of one lot: what is refused is its heir, for which the venue is asked once more and not without end."""
    book, s = trade(STOP, lots=1, refused=1, cover_by=5)
    book.leg(1)["known"], book.leg(1)["heir"] = 1, heir
    guard(book.table, book.legs, 0, 99)
    assert (s["cover_by"], s["refused"]) == (0, refused_still)


@pytest.mark.parametrize("roles", [(STOP, TARGET), (TARGET, STOP)])
def test_the_target_that_was_to_stay_stands_beside_the_stop_that_is_recalled(roles):
    """What a target has left: the stop for that was refused, the one for more is kept."""
    book, s = trade(*roles)
    pair(book.legs, 1, 2)
    one, target = (book.leg(roles.index(role) + 1) for role in (STOP, TARGET))
    one["known"], one["price"], target["left"], target["price"] = 1, 900, 4, 1200
    s["exited"] = 6
    fit(*book.given, 0, target, AT_MARKET)
    book.said()
    assert recall(book.table, book.legs, book.requests[0], book.leg(101))
    assert (ids(book), heirs(book, 1, 2)) == ([], [0, 0])
    assert [int(book.leg(n)["pair"]) for n in (1, 2)] == [2, 1]


def test_those_that_wait_for_one_may_wait_for_another():
    book, _ = refusable()
    pass_on(book.legs, 101, 105)
    assert heirs(book, 1, 2) == [105, 102]


@pytest.mark.parametrize(("many", "gathered"), [(MOST_LEGS - 1, False), (MOST_LEGS, True)])
def test_many_small_protections_become_one(many, gathered):
    """Six orders of one trade are the most; entries and those that leave already are not of them, nor another's."""
    assert MOST_LEGS == 6
    book, s = trade(*[STOP, TARGET, STOP, TARGET, STOP, TARGET][:many], ENTRY, STOP, exited=2)
    book.leg(many + 2)["leaving"] = 1
    book.rest(1, STOP, 90, 5)
    gather(book.table, book.legs, 0)
    assert waiting(book) == (list(range(1, many + 1)) if gathered else [])
    assert s["naked"] == (8 if gathered else 0)


def test_those_that_wait_for_an_heir_are_not_counted_again():
    book, s = trade(*[STOP, TARGET] * 3)
    book.leg(1)["heir"] = 9
    gather(book.table, book.legs, 0)
    assert (waiting(book), s["naked"]) == ([], 0)


@pytest.mark.parametrize(
    ("entry_at", "entered", "ticks", "gathered"),
    [
        *((2000.0, 10, 20_010, False), (2000.0, 10, 20_011, True), (2000.0, 10, 19_990, False)),
        *((2000.0, 10, 19_989, True), (1000.0, 4, 4_003, True), (1000.0, 1, 1000, False)),
        *((0.0, 10, 20_000, False), (2000.0, 0, 2000, False)),  # not placed yet; nothing entered: no average
    ],
)
def test_protection_is_gathered_when_the_average_entry_has_moved(entry_at, entered, ticks, gathered):
    """By more than a twentieth of a percent."""
    book, s = trade(STOP, TARGET, entry_at=entry_at, entered=entered, entry_ticks=ticks)
    gather(book.table, book.legs, 0)
    assert waiting(book) == ([1, 2] if gathered else [])
    assert s["naked"] == (entered if gathered else 0)


def test_nothing_is_gathered_of_a_trade_that_closes_or_has_no_orders():
    book, s = trade(*[STOP] * 7, state=CLOSING)
    gather(book.table, book.legs, 0)
    assert waiting(book) == []
    book, s = trade(entry_ticks=10 * 1500)
    gather(book.table, book.legs, 0)
    assert waiting(book) == []
    assert s["naked"] == 0
    book, _ = trade(STOP, entry_ticks=10 * 1500)
    gather(book.table, book.legs, 0)
    assert waiting(book) == [1]


def test_withdrawing_leaves_the_protection():
    book, _ = trade(ENTRY, STOP, TARGET, ENTRY, CLOSE)
    withdraw_entries(*book.given[1:], 0)
    assert ids(book) == [1, 4]
    withdraw_entries(*book.given[1:], 0)
    assert ids(book) == []  # their cancels are under way


@pytest.mark.parametrize(("state", "gone"), [(ENTERING, [1]), (OPEN, [])])
def test_an_open_superp_position_is_no_entry_to_withdraw(state, gone):
    """Its one order is the position: a cancel would close it."""
    book, _ = trade(ENTRY, lots=1, superp=1, state=state)
    withdraw_entries(*book.given[1:], 0)
    assert ids(book) == gone


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(("limit", "kind"), [(0, MARKET), (970, LIMIT)])
def test_closing_withdraws_all_but_the_stop_and_sells_what_is_held(side, limit, kind):
    """F5: the stop stands until nothing is held: the venue may refuse the close."""
    book, s = trade(ENTRY, STOP, TARGET, side=side, exited=8, taken=1, cover_by=5, fill_by=6)
    close(*book.given, 0, BY_TIMER, limit)
    wanted = Order(INST, -side, kind, IOC, 1, price=limit, flags=REDUCE)
    assert book.said() == [*(Cancel(INST, n) for n in (1, 3)), wanted]
    assert [int(s[name]) for name in ("state", "reason", "going", "cover_by", "fill_by")] == [
        *(CLOSING, BY_TIMER, 1, 0, 0)
    ]
    assert (book.leg(101)["role"], book.leg(101)["price"]) == (CLOSE, limit)


def test_a_close_under_way_is_not_sent_again():
    """And the first reason stands."""
    book, s = trade(STOP, TARGET, CLOSE, reason=BY_STOP)
    close(*book.given, 0, BY_TIMER, 0)
    assert ids(book) == [2]
    assert s["reason"] == BY_STOP
    book, _ = trade(ENTRY, STOP, lots=0)
    close(*book.given, 0, BY_TIMER, 0)
    assert ids(book) == [1, 2]


def test_a_superp_position_is_closed_by_the_cancel_of_its_order():
    book, s = trade(ENTRY, lots=1, superp=1)
    close(*book.given, 0, BY_HAND, 0)
    assert ids(book) == [1]
    assert (s["state"], s["reason"], s["going"]) == (CLOSING, BY_HAND, 1)


@pytest.mark.parametrize(
    ("roles", "more", "again"),
    [
        *(((STOP,), {}, True), ((), {"exited": 9}, True), ((CLOSE,), {}, False), ((), {"exited": 10}, False)),
        *(((), {"superp": 1}, False), ((), {"state": OPEN}, False)),
    ],
)
def test_what_could_not_be_closed_is_closed_again(roles, more, again):
    book, s = trade(*roles, **{"state": CLOSING, "naked": 2, "horizon": 1, **more})
    before = int(s["state"]), 1, 2
    reopen(book.table, book.legs, 0, 77)
    assert tuple(int(s[name]) for name in ("state", "horizon", "naked")) == ((OPEN, 77, 0) if again else before)


def test_a_close_of_another_trade_is_none_of_this_one():
    book, s = trade(state=CLOSING)
    book.rest(1, CLOSE, 5, 10)
    reopen(book.table, book.legs, 0, 77)
    assert s["state"] == OPEN


def test_a_refused_close_waits_twice_as_long_each_time_and_a_minute_at_most():
    """And it is told the one time that the wait has come to the minute."""
    _, s = trade()
    assert again(s, 7) == 7 + SECOND
    told = []
    for _ in range(9):
        told.append(bool(refused(s)))
        assert again(s, 7) == 7 + s["wait"]
        told.append(int(s["wait"]) // SECOND)
    assert told[1::2] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert told[::2] == [False] * 6 + [True, False, False]


@pytest.mark.parametrize("by", [1, 2])
@pytest.mark.parametrize(("more", "fits"), [({}, False), ({"left": 10}, True), ({"known": 0}, True)])
def test_a_stop_is_fitted_to_what_a_target_has_left(by, more, fits):
    """Never for more than is held: whichever of the two the venue has told of."""
    book, _ = trade(STOP, TARGET)
    pair(book.legs, 1, 2)
    book.leg(1)["known"], book.leg(2)["left"] = 1, 4
    for name, value in more.items():
        book.leg(2 if name == "left" else 1)[name] = value
    fit(*book.given, 0, book.leg(by), AT_MARKET)
    assert book.said() == ([] if fits else [stop_order(1, 4)])
    if not fits:
        assert heirs(book, 1, 2) == [101, 0]
        book.leg(101)["known"] = 1
        fit(*book.given, 0, book.leg(by), AT_MARKET)
        assert book.said() == []  # it waits for its heir
        assert [int(book.leg(n)["pair"]) for n in (1, 2, 101)] == [2, 101, 2]


def test_a_fitted_stop_stands_beside_the_target_wherever_that_is_kept():
    book, _ = trade(TARGET, STOP)
    pair(book.legs, 1, 2)
    book.leg(2)["known"], book.leg(1)["left"] = 1, 4
    fit(*book.given, 0, book.leg(2), AT_MARKET)
    assert [int(book.leg(n)["pair"]) for n in (1, 101)] == [101, 1]


def test_a_stop_that_leaves_or_has_no_target_is_fitted_to_nothing():
    book, _ = trade(STOP, TARGET)
    book.leg(1)["known"], book.leg(2)["left"] = 1, 4
    fit(*book.given, 0, book.leg(1), AT_MARKET)
    pair(book.legs, 1, 2)
    book.leg(1)["leaving"] = 1
    fit(*book.given, 0, book.leg(1), AT_MARKET)
    assert book.said() == []


@pytest.mark.parametrize(
    ("known", "left", "covered"), [((1, 1), (6, 4), True), ((1, 1), (6, 3), False), ((1, 0), (6, 4), False)]
)
def test_a_position_is_covered_by_stops_that_the_venue_has_told_of(known, left, covered):
    """Control naked position: for all that is held, of stops alone."""
    book, s = trade(STOP, STOP, TARGET, refused=2)
    for n in range(3):
        leg = book.leg(n + 1)
        leg["known"], leg["left"] = (*known, 1)[n], (*left, 99)[n]
    guard(book.table, book.legs, 0, 50)
    assert (s["cover_by"], s["refused"]) == ((0, 0) if covered else (50, 2))
    guard(book.table, book.legs, 0, 60)
    assert s["cover_by"] == (0 if covered else 50)  # the time runs from when it was first bare


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        *(({}, True), ({"exited": 9}, True), ({"exited": 10}, False), ({"stop": 0.0}, False), ({"stop": 0.9}, True)),
        *(({"going": 1}, False), ({"superp": 1}, False), ({"state": CLOSING}, False), ({"state": ENTERING}, False)),
    ],
)
def test_only_a_trade_that_stays_needs_cover(more, wanted):
    """What closes, or never had a stop, is not waited for, and what it waited for before is forgotten."""
    book, s = trade(**more)
    guard(book.table, book.legs, 0, 50)
    assert s["cover_by"] == (50 if wanted else 0)
    s["cover_by"], s["refused"] = 40, 1
    guard(book.table, book.legs, 0, 50)
    assert (s["cover_by"], s["refused"]) == ((40, 1) if wanted else (0, 0))


@pytest.mark.parametrize("side", [1, -1])
def test_a_refused_stop_is_asked_for_again_only_behind_the_touch(side):
    """A stop only ever tightens: one that the market has passed is not moved away from it."""
    _, s = trade(side=side)
    assert [is_legal(s, 1000 - side * (100 + n)) for n in (-1, 0, 1)] == [True, False, False]
    assert not is_legal(trade(side=side, stop_at=0)[1], 1000)
    assert [bool(is_legal(trade(stop_at=1)[1], touch)) for touch in (0, 1, 2)] == [True, False, True]


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(("limit", "kind"), [(0, MARKET), (970, LIMIT)])
def test_a_part_of_it_is_closed_and_all_its_orders_stay(side, limit, kind):
    book, s = trade(STOP, TARGET, side=side)
    part(*book.given, 0, 4, limit)
    assert book.said() == [Order(INST, -side, kind, IOC, 4, price=limit, flags=REDUCE)]
    assert (book.leg(101)["role"], book.leg(101)["left"], book.leg(101)["price"]) == (PART, 4, limit)
    assert (s["state"], s["going"], s["leaves"]) == (OPEN, 0, 0)


@pytest.mark.parametrize(
    ("lots", "more", "sent"),
    [
        *((1, {}, 1), (9, {}, 1), (0, {}, 0), (-1, {}, 0), (10, {}, 0), (9, {"exited": 1}, 0), (8, {"exited": 1}, 1)),
        *((4, {"state": CLOSING}, 0), (4, {"state": ENTERING}, 0), (4, {"going": 1}, 0)),
    ],
)
def test_a_part_is_less_than_what_an_open_trade_holds(lots, more, sent):
    book, _ = trade(STOP, **more)
    part(*book.given, 0, lots, 0)
    assert len(book.said()) == sent


@pytest.mark.parametrize(("under_way", "sent"), [(MOST_EXITS - 2, 1), (MOST_EXITS - 1, 0)])
def test_no_part_is_closed_while_too_many_exits_are_under_way(under_way, sent):
    book, _ = trade(ENTRY, *[STOP] * under_way)
    part(*book.given, 0, 4, 0)
    assert len(book.said()) == sent
