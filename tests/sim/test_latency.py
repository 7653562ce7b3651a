"""Latency models: each way apart, in order, repeatable, and without regard to how far the venue has run."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from random_market import market_rows
from venue_driver import Venue, snapshot

from tickerml.sim.draws import seed_words
from tickerml.sim.orders import new_mail
from tickerml.sim.outbox import deliver_notice, next_notice
from tickerml.tape.orders import AnswerKind as A
from tickerml.tape.orders import OrderType as T
from tickerml.tape.orders import Reject as R
from tickerml.tape.params import params_record
from tickerml.tape.rows import BUY, FOREVER, SELL

BOOK = {"bids": {99: 10, 98: 10}, "asks": {101: 10, 103: 10}}


def latency(name, **params):
    module = importlib.import_module(f"tickerml.sim.latency.{name}")
    return module, params_record(module.Params(**params))


def test_latencies_apart_and_in_order():
    module, lat = latency("constant", entry_ns=100, cancel_ns=10, response_ns=7)
    v = Venue(queue="tickerml.sim.queue.back")
    v.lat = lat
    v.feed(snapshot(0, **BOOK))
    order_id = v.send(1000, BUY, 98)
    v.cancel(1001, order_id)  # faster, but may not overtake
    ack, canceled = v.run()
    assert (ack["at"], ack["visible"], canceled["at"]) == (1100, 1107, 1100)
    assert module.cancel(lat, v.mail, 0) == 10


def test_feed_latency_scales_with_the_rows():
    module, lat = latency("feed", entry_factor=2.0, cancel_factor=0.5, base_ns=3)
    mail = new_mail()[0]
    assert (module.entry(lat, mail, 100), module.cancel(lat, mail, 100), module.response(lat, mail, -50)) == (
        203,
        53,
        3,
    )


def test_random_latency_repeats_with_its_seed_and_loses_its_share():
    module, lat = latency("distribution", lost=0.1, floor_ns=1000, entry_ns=5000.0)
    draws = []
    for _ in range(2):
        mail = new_mail(seed_words(7))[0]
        draws.append([int(module.entry(lat, mail, 0)) for _ in range(4000)])
    assert draws[0] == draws[1]
    arrived = np.array([d for d in draws[0] if d > 0])
    assert 0.08 < 1 - len(arrived) / 4000 < 0.12
    assert arrived.min() > 1000
    assert np.median(arrived) == pytest.approx(6000, rel=0.05)


def test_a_lost_request_is_told_and_never_arrives():
    v = Venue(queue="tickerml.sim.queue.back", latency="tickerml.sim.latency.distribution")
    _, v.lat = latency("distribution", lost=1.0, lost_ns=500)
    v.feed(snapshot(0, **BOOK))
    v.send(100, BUY, 98)
    assert v.run() == []
    assert next_notice(v.mail) == 600
    deliver_notice(v.mail)
    v.collect()
    (answer,) = v.answers
    assert (answer["kind"], R(answer["reason"]), answer["visible"]) == (A.REJECT, R.GATEWAY, 600)
    assert next_notice(v.mail) == FOREVER
    assert v.v["n"] == 0


def random_latency_run(seed, pace):
    """Orders over a random market under random latency; the venue is run by `pace` before each request is sent."""
    rng = np.random.default_rng(seed)
    rows = market_rows(rng, 300)
    v = Venue(queue="tickerml.sim.queue.back", latency="tickerml.sim.latency.distribution")
    module, v.lat = latency(
        "distribution", floor_ns=40, entry_ns=60.0, cancel_ns=30.0, response_ns=50.0, lost=0.1, lost_ns=300
    )
    v.mail = new_mail(seed_words(seed))[0]
    v.feed(rows)
    least, _ = module.least(module.Params(floor_ns=40))
    time = 0
    for k in range(80):
        time += int(rng.integers(0, 40))
        side = int(rng.choice([BUY, SELL]))
        if pace == "as far as it may":
            v.run(time + least - 1)
        elif pace == "answer by answer":
            v.run(time, stop_on_answer=1)
        if k % 5 == 4:
            v.cancel(time, int(rng.integers(1, v.next_id)))
        else:
            kind = T.LIMIT if rng.random() < 0.7 else T.MARKET
            v.send(time, side, 100 - side * int(rng.integers(0, 4)) if kind == T.LIMIT else 0, 3, kind)
    v.run(int(rows["exch"][-1]) + 10_000)
    notices = []
    while next_notice(v.mail) < FOREVER:
        deliver_notice(v.mail)
        v.collect()
        notices.append(v.answers.pop())
    return v, notices


@pytest.mark.parametrize("pace", ["as far as it may", "answer by answer"])
def test_it_does_not_matter_how_far_the_venue_has_run_when_a_request_is_sent(pace):
    for seed in range(8):
        (v, lost), (other, other_lost) = random_latency_run(seed, "not at all"), random_latency_run(seed, pace)
        assert len(lost) > 0
        assert np.array(v.answers).tobytes() == np.array(other.answers).tobytes()
        assert np.array(lost).tobytes() == np.array(other_lost).tobytes()
        assert v.venues.tobytes() == other.venues.tobytes()
        for name in ("rng", "spare", "has_spare", "our_rng", "our_spare", "our_has_spare", "cash", "last_visible"):
            assert v.mail[name].tobytes() == other.mail[name].tobytes()
        assert v.mail["rng"].tobytes() != v.mail["our_rng"].tobytes()


def test_the_venues_draws_and_ours_are_apart():
    """More answers do not change when the requests arrive."""
    arrivals = []
    for lots in (1, 25):  # one fill, or two and a cancel
        v = Venue(queue="tickerml.sim.queue.back", latency="tickerml.sim.latency.distribution")
        _, v.lat = latency("distribution", floor_ns=10)
        v.feed(snapshot(0, **BOOK))
        v.send(10, BUY, qty=lots, type=T.MARKET)
        v.run()
        v.send(10**9, BUY, 98)
        arrivals.append(int(v.mail["last_arrival"]))
        assert len(v.answers) == (1 if lots == 1 else 3)
    assert arrivals[0] == arrivals[1]
