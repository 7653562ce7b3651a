"""Queue-position models against their published formulas, and what no model may do."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickerml.sim.orders import SLOT
from tickerml.tape.params import params_record

NAMES = (
    "front", "back", "log_probability", "log_probability2",
    "power_probability", "power_probability2", "power_probability3",
)  # fmt: skip
BEHIND = {  # probability that a lot which left stood behind us, from the lots ahead and behind
    "log_probability": lambda f, b, n: math.log(1 + b) / (math.log(1 + b) + math.log(1 + f)),
    "log_probability2": lambda f, b, n: math.log(1 + b) / math.log(1 + b + f),
    "power_probability": lambda f, b, n: b**n / (b**n + f**n),
    "power_probability2": lambda f, b, n: b**n / (b + f) ** n,
    "power_probability3": lambda f, b, n: 1 - (f / (f + b)) ** n,
}


def model(name):
    module = importlib.import_module(f"tickerml.sim.queue.{name}")
    return module, params_record(module.Params())


def order(lot=1.0):
    o = np.zeros(1, SLOT)[0]
    o["lot"] = lot
    return o


@pytest.mark.parametrize("name", BEHIND)
def test_a_cancellation_moves_us_by_its_probability(name):
    module, q = model(name)
    for front, before, after in ((30, 100, 80), (90, 100, 95), (10, 100, 99), (50, 60, 20)):
        o = order()
        module.on_new(q, o, front)
        module.on_depth(q, o, before, after)
        behind, gone = BEHIND[name](front, before - front, 3.0), before - after
        expected = front - (1 - behind) * gone + min(before - front - behind * gone, 0)
        assert o["front"] == pytest.approx(min(expected, after), rel=1e-12)


@pytest.mark.parametrize("name", BEHIND)
def test_traded_lots_are_not_counted_again_as_cancelled(name):
    module, q = model(name)
    o = order()
    module.on_new(q, o, 50)
    module.on_trade(q, o, 20)
    assert o["front"] == 30
    module.on_depth(q, o, 100, 80)  # the display shows the trade
    assert o["front"] == 30


def test_log_probability_depends_on_the_size_of_a_lot():
    module, q = model("log_probability")
    fronts = []
    for lot in (1.0, 0.001):
        o = order(lot)
        module.on_new(q, o, 30)
        module.on_depth(q, o, 100, 80)
        fronts.append(float(o["front"]))
    assert fronts[0] != fronts[1]


@pytest.mark.parametrize("name", NAMES)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50)), max_size=30), st.integers(0, 50))
@settings(max_examples=60, deadline=None)
def test_never_further_back_than_displayed_and_never_not_a_number(name, events, ahead):
    module, q = model(name)
    o = order(0.001)
    module.on_new(q, o, ahead)
    shown = ahead
    for traded, lots in events:
        if traded:
            module.on_trade(q, o, lots)
            o["front"] += min(lots, max(0, math.floor(1e-6 - o["front"])))  # as the venue executes
        else:
            before = float(o["front"])
            module.on_depth(q, o, shown, lots)
            shown = lots
            assert name in BEHIND or o["front"] <= max(before, 0)
            assert name == "front" or o["front"] <= shown
        assert not math.isnan(o["front"])


def test_front_is_never_behind_back():
    (front, q), (back, _) = model("front"), model("back")
    a, b = order(), order()
    front.on_new(q, a, 10)
    back.on_new(q, b, 10)
    back.on_depth(q, b, 10, 6)
    assert (a["front"], b["front"]) == (0, 6)
    front.on_trade(q, a, 4)
    back.on_trade(q, b, 4)
    assert (a["front"], b["front"]) == (-4, 2)
