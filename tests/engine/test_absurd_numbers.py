"""Whatever numbers a strategy answers with, a run ends well or says which of them cannot be: it never fails inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from book_path_tape import DEEP, Books, told
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from small_runs import run
from tickerml.desk.approved import Approved
from tickerml.desk.beginning import fields_of
from tickerml.desk.exits import alarms, at_price, place
from tickerml.desk.order import Order
from tickerml.desk.setups import SETUP
from tickerml.strategies.wake import Every
from tickerml.tape.errors import ConfigError
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Entry, Leg, Legs, Pass, Setup, Target
from tickerml.tape.rows import FOREVER, MAX_TICKS, MINUTE, Kind

VENUE, ONE, OTHER = "binance-usdm", "BTC/USDT:USDT", "ETH/USDT:USDT"
EDGES = (1e308, -1e308, 1e30, 1e13, 1e12, 1e6, 1_000.0, 1.0, 1e-9, 5e-324, 0.0, -0.0, -1.0, float("inf"), float("nan"))
WHOLE = (0, 1, -1, 2**31, 2**63 - 1, 2**63, 2**64, 10**30, 10**400, 10**5000, -(2**63), True)
ABSURD = (
    st.sampled_from(EDGES) | st.sampled_from(WHOLE) | st.floats() | st.sampled_from([np.float64("nan"), np.int64(9)])
)
NEAR = st.floats(1e-4, 0.1)  # what most strategies answer with, so that some of the setups are traded
FIELDS = {
    "side": st.sampled_from([1, -1]),
    "horizon_ns": st.sampled_from([MINUTE, 1]),
    "target": st.none() | NEAR,
    "stop": NEAR,
    "size": st.none() | NEAR,
    "leverage": st.none() | st.floats(1, 20),
    "trail": st.none() | NEAR,
    "floor": st.none() | st.floats(50, 99),
    "ceiling": st.none() | st.floats(101, 200),
    "zones": st.just(False),
    "stake": st.none() | st.floats(1, 100),
    "superp": st.just(False),
    "price": st.none() | st.floats(99, 101),
    "share": st.just(1.0),
    "ttl_ns": st.just(0),
    "confidence": st.none(),
    "signal": st.none(),
    "exposure": st.just(0.0),
}
TAPE = Books(2).book(0.0, *DEEP, 0).book(0.0, *DEEP, 1).quiet(0.5, 4.0, inst=0).quiet(0.5, 4.0, inst=1).tape()


@st.composite
def wishes(draw):
    """Fields of an answer of which up to three are absurd."""
    absurd = draw(st.sets(st.sampled_from(sorted(FIELDS)), max_size=3))
    return {name: draw(ABSURD if name in absurd else usual) for name, usual in FIELDS.items()}


def setup_of(wish):
    """The Setup of these fields."""
    names = (
        "horizon_ns",
        "target",
        "stop",
        "size",
        "stake",
        "leverage",
        "superp",
        "trail",
        "zones",
        "floor",
        "ceiling",
    )
    info = {name: wish[name] for name in ("confidence", "signal")}
    entries = (Entry(wish["price"], wish["share"], ttl_ns=wish["ttl_ns"]),)
    return Setup(wish["side"], entries=entries, info=info, **{name: wish[name] for name in names})


@dataclass(frozen=True)
class Odd:
    """Answers once a coin with what it is given."""

    kind: str
    wish: dict[str, Any]

    wake: ClassVar = Every("1s")
    sees: ClassVar = ()
    state: ClassVar = np.dtype([("done", "i8")])

    def decide(self, view):
        if view.state["done"] or not view.close > 0:
            return Pass("not now")
        view.state["done"] = 1
        if self.kind == "target":
            return Target(self.wish["exposure"], self.wish["stop"])
        one = setup_of(self.wish)
        if self.kind == "setup":
            return one
        return Legs((Leg(VENUE, ONE, one), Leg(VENUE, OTHER, Setup(-1, MINUTE, stop=0.05, size=0.1))))


@examples(max_examples=150, deadline=None)
@given(st.sampled_from(["setup", "setup", "legs", "target"]), wishes())
def test_a_run_ends_well_or_names_the_field(kind, wish):
    try:
        one, made = run(Odd(kind, wish), TAPE)
    except ConfigError as error:  # "strategy", an InputError, would be a TypeError of ours within the user's answer
        if error.code != "intent":
            raise
        return
    for block in made:
        for name in ("price", "trigger"):
            assert ((block.orders[name] >= 0) & (block.orders[name] <= MAX_TICKS)).all()
        assert (block.orders["qty"] >= 0).all()
    assert not one.loop.positions["position"].any()
    assert all(figures["reason"] for _, _, figures in told(made, Kind.SETTLED))


@examples(max_examples=300, deadline=None)
@given(wishes(), st.integers(1, MAX_TICKS), st.sampled_from(["1e-8", "0.01", "1"]))
def test_levels_of_what_is_taken_are_prices(wish, entry, tick):
    """What goes into the table of trades fits it, and where it is placed the market can be."""
    try:
        wished = setup_of(wish)
    except ConfigError as error:
        if error.code != "intent":
            raise
        return
    inst = Instrument(
        id=0, venue=VENUE, symbol=ONE, raw="X", tick=tick, lot="1", base="BTC", quote="USDT", settle="USDT"
    )
    order = Order(0, wished.side, 0, 0, 5)
    s = np.zeros(1, SETUP)[0]
    approved = Approved(1, (order,), "size", target=wished.target)
    for name, value in fields_of(1, 0, inst, wished, approved, 1_800_000_000 * 10**9).items():
        s[name] = value
    assert 0 < s["horizon"] < FOREVER
    place(s, float(entry))
    for price in (entry, max(1, entry // 2), min(MAX_TICKS, entry * 2)):
        assert all(abs(at) <= 2**62 for at in alarms(s))
        at_price(s, price, agree=True)
        assert 1 <= s["stop_at"] <= MAX_TICKS
        assert (s["target_at"] == 0) == (wished.target is None)
        assert 0 <= s["target_at"] <= MAX_TICKS
        assert 0 <= s["low"] <= MAX_TICKS
        assert (s["high"] == 0) == (wished.ceiling is None)
