"""Our own orders as we know them: what each answer leaves, and how old what has none is."""

from __future__ import annotations

import numpy as np

from tickerml.desk.working import LEAVING, RESTING, SENT, WORKING, add, find, most, on_fill, remove, unanswered


def three():
    """Two buys and a sell, sent at 5, 7 and 9."""
    w = np.zeros(1, WORKING)[0]
    for k, (side, price, lots, at) in enumerate(((1, 90, 2, 5), (-1, 95, 3, 7), (1, 91, 4, 9))):
        add(w, k + 11, side, price, lots, at)
    return w


def slots(w):
    """(id, side, price, lots left, state, ns sent) of each order."""
    names = ("id", "side", "price", "left", "state", "since")
    return [tuple(int(w[name][k]) for name in names) for k in range(int(w["n"]))]


def test_states_are_told_apart():
    assert len({SENT, RESTING, LEAVING, 0}) == 4


def test_what_was_sent_stands_with_its_side_and_age():
    w = three()
    assert slots(w) == [(11, 1, 90, 2, SENT, 5), (12, -1, 95, 3, SENT, 7), (13, 1, 91, 4, SENT, 9)]
    assert (int(w["buying"]), int(w["selling"]), int(w["sent"]), most(w)) == (6, 3, 3, 6)


def test_an_order_is_found_by_its_id_or_not():
    w = three()
    assert [find(w, one) for one in (11, 12, 13, 14, 0)] == [0, 1, 2, -1, -1]


def test_one_that_has_gone_leaves_the_others_in_their_order():
    w = three()
    w["state"][2] = RESTING
    remove(w, 0)
    assert slots(w) == [(12, -1, 95, 3, SENT, 7), (13, 1, 91, 4, RESTING, 9)]
    assert (int(w["buying"]), int(w["selling"]), int(w["sent"])) == (4, 3, 3)
    remove(w, 0)
    assert (slots(w), int(w["selling"])) == ([(13, 1, 91, 4, RESTING, 9)], 0)


def test_fills_move_the_position_and_end_what_is_filled():
    w = three()
    on_fill(w, 1, 2)
    assert (int(w["position"]), int(w["selling"]), slots(w)[1]) == (-2, 1, (12, -1, 95, 1, SENT, 7))
    on_fill(w, 1, 1)
    assert (int(w["position"]), int(w["selling"]), int(w["n"]), most(w)) == (-3, 0, 2, 3)
    on_fill(w, 1, 4)
    assert (int(w["position"]), int(w["buying"]), slots(w)) == (1, 2, [(11, 1, 90, 2, SENT, 5)])


def test_the_worst_case_is_of_either_side():
    w = three()
    w["position"] = -6
    assert most(w) == 9
    w["position"] = 1
    assert most(w) == 7


def test_orders_without_an_answer_are_counted_by_their_age():
    w = three()
    assert [unanswered(w, before) for before in (5, 6, 7, 8, 10)] == [0, 1, 1, 2, 3]
    w["state"][1], w["state"][0] = RESTING, LEAVING
    assert unanswered(w, 10) == 1
