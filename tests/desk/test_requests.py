"""What is to be sent: each request as it was told, in order."""

from __future__ import annotations

from tickerml.desk.legs import LEGS
from tickerml.desk.order import Order
from tickerml.desk.requests import MOST, cancel, new, put, requests
from tickerml.tape.orders import Op, OrderType
from trade_book import Cancel, told


def test_each_order_under_way_may_be_cancelled_and_each_place_take_a_new_one():
    assert (MOST, requests().shape) == (2 * LEGS, (1,))


def test_requests_stand_in_the_order_in_which_they_were_told():
    out = requests()[0]
    order = Order(1, -1, 3, 2, 40, price=9, trigger=8, target=7, expiry=6, flags=5, leverage=2.5)
    put(out, order, 100, 55, -1)
    cancel(out, 3, 77)
    r = new(out, 101, 56, 1)
    r = out["list"][2]  # what a compiled function returns is a copy
    r["inst"], r["qty"] = 4, 5
    assert out["list"][0].item() == (Op.NEW, 100, 55, -1, 1, -1, 3, 2, 9, 8, 7, 40, 6, 5, 2.5)
    assert out["list"][1].item() == (Op.CANCEL, 77, -1, 1, 3, 1, OrderType.LIMIT, 1, 0, 0, 0, 0, 0, 0, 0.0)
    assert out["list"][2].item() == (Op.NEW, 101, 56, 1, 4, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0.0)
    assert told(out) == [order, Cancel(3, 77), Order(4, 0, 0, 0, 5)]
    assert (told(out), out["n"], out["gone"]) == ([], 0, 0)


def test_a_request_has_nothing_of_the_one_before_in_its_place():
    out = requests()[0]
    for act in (lambda: cancel(out, 3, 77), lambda: new(out, 1, 2, 1)):
        put(out, Order(1, -1, 3, 2, 40, price=9, trigger=8, target=7, expiry=6, flags=5, leverage=2.5), 100, 55, -1)
        told(out)
        act()
        assert out["list"][0].item()[8:] == (0, 0, 0, 0, 0, 0, 0.0)
        told(out)
