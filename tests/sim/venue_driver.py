"""A stand-alone driver of the generated venue pass: what a test needs and nothing of the engine."""

from __future__ import annotations

import hashlib
import importlib
import sys
from functools import cache

import numpy as np

from tickerml.sim.orders import ANSWERS, RULES, new_mail, new_venues
from tickerml.sim.template import FEES, LATENCY, QUEUE, venue_source
from tickerml.tape.kernel_cache import kernel_folder
from tickerml.tape.ladder import new_ladders
from tickerml.tape.orders import AnswerKind as A
from tickerml.tape.orders import Op, OrderType, TimeInForce
from tickerml.tape.orders import Reject as R
from tickerml.tape.params import params_record
from tickerml.tape.rows import FOREVER, Flag, Kind, empty
from tickerml.tape.tables import BAR, VALUE

Q = "tickerml.sim.queue."


@cache
def module(queue=QUEUE, latency=LATENCY, fees=FEES, lean=False):
    """The generated module alone, imported by name; `lean`: without all that can be left out."""
    left_out = (
        dict.fromkeys(("triggers", "bars", "values", "balance", "taking", "mid", "amend", "margin", "wallets"), False)
        if lean
        else {}
    )
    left_out["volume"] = hasattr(importlib.import_module(fees), "BY_VOLUME")
    text = "from tickerml.tape.kernel import kernel\n" + venue_source(queue, latency, fees, **left_out)
    name = "venue_for_test_" + hashlib.sha256(text.encode()).hexdigest()[:12]
    folder = kernel_folder() / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    if not path.exists():
        path.write_text(text)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    importlib.invalidate_caches()
    return importlib.import_module(name)


def rules(n=1, **changes):
    record = np.zeros(n, RULES)
    defaults = {
        "unit_value": 100, "lot": 0.001, "tick": 0.1, "tick_step": 1, "lot_step": 1, "min_lots": 1,
        "maker_rate": 20_000, "taker_rate": 50_000, "margin_rate": 10_000_000, "partial": 1, "trigger_by": 3,
        "superp": 1, "superp_cost": 100_000, "funding_name": 0, "mark_name": 1, "base_wallet": -1, "fee_inst": -1,
        "one": 10**8,
    }  # fmt: skip
    for name, value in {**defaults, **changes}.items():
        record[name] = value
    return record


def row(kind, time, side=0, price=0, qty=0, flags=Flag.END, inst=0, ref=-1, recv=None):
    one = empty(1)
    one["exch"], one["recv"], one["kind"], one["side"] = time, time if recv is None else recv, kind, side
    one["price"], one["qty"], one["flags"], one["inst"], one["ref"] = price, qty, flags, inst, ref
    return one


def depth(time, side, price, qty, flags=Flag.END, inst=0):
    return row(Kind.DEPTH, time, side, price, qty, flags, inst)


def trade(time, side, price, qty, inst=0):
    return row(Kind.TRADE, time, side, price, qty, Flag.END, inst)


def snapshot(time, bids, asks, inst=0):
    """CLEAR and a full book from {price: lots}."""
    levels = [(1, p, q) for p, q in bids.items()] + [(-1, p, q) for p, q in asks.items()]
    parts = [row(Kind.CLEAR, time, flags=0, inst=inst)]
    for k, (side, price, qty) in enumerate(levels):
        flags = Flag.SNAPSHOT | (Flag.END if k == len(levels) - 1 else 0)
        parts.append(depth(time, side, price, qty, flags, inst))
    return np.concatenate(parts)


class Venue:
    """Rows and requests in, answers out."""

    def __init__(
        self, *, queue=Q + "back", latency=LATENCY, fees=FEES, n=1, cash=0, latency_params=None, lean=False, **changes
    ):
        self.module = module(queue, latency, fees, lean)
        self.rules, self.venues, self.books = rules(n, **changes), new_venues(n), new_ladders(n)
        self.mail = new_mail()[0]
        self.mail["cash"][0] = cash
        self.q = params_record(importlib.import_module(queue).Params())
        instant = {"entry_ns": 0, "cancel_ns": 0, "response_ns": 0}
        lat = importlib.import_module(latency)
        self.lat = params_record(latency_params or lat.Params(**instant))
        self.fees = params_record(importlib.import_module(fees).Params())
        self.rows = empty(0)
        self.bars, self.values = np.zeros(0, BAR), np.zeros(0, VALUE)
        self.cursor = 0
        self.next_id = 1
        self.answers = []

    @property
    def v(self):
        return self.venues[0]

    def feed(self, *rows):
        self.rows = np.concatenate([self.rows[self.cursor :], *rows])
        self.cursor = 0

    def run(self, until=FOREVER, stop_on_answer=0):
        """Process up to `until`; returns the answers of this call."""
        first = len(self.answers)
        while True:
            self.cursor = self.module.venue_pass(
                self.rows, self.bars, self.values, self.cursor, len(self.rows), until, stop_on_answer, self.mail,
                self.rules, self.venues, self.books, self.q, self.lat, self.fees,
            )  # fmt: skip
            self.collect()
            mail = self.mail
            waiting = (
                mail["req_head"] != mail["req_tail"] and mail["requests"][mail["req_head"] % 512]["arrival"] <= until
            )
            more = self.cursor < len(self.rows) and self.rows[self.cursor]["exch"] <= until
            if not (waiting or more or mail["next_expiry"] <= until < FOREVER):
                return self.answers[first:]

    def collect(self):
        while self.mail["ans_head"] < self.mail["ans_tail"]:
            self.answers.append(self.mail["answers"][self.mail["ans_head"] % ANSWERS].copy())
            self.mail["ans_head"] += 1

    def send(
        self, time, side=1, price=0, qty=1, type=OrderType.LIMIT, tif=TimeInForce.GTC,  # noqa: A002  as requests say
        trigger=0, target=0, expiry=0, flags=0, leverage=0.0, inst=0, op=Op.NEW, order_id=None,
    ):  # fmt: skip
        if order_id is None:
            order_id = self.next_id
            self.next_id += 1
        self.module.send(
            self.mail, self.lat, time, 0, int(op), order_id, inst, side, int(type), int(tif), price, trigger, target,
            qty, expiry, flags, leverage,
        )  # fmt: skip
        return order_id

    def amend(self, time, order_id, price=0, trigger=0, qty=0, target=0, inst=0):
        self.send(time, price=price, trigger=trigger, qty=qty, target=target, op=Op.AMEND, order_id=order_id, inst=inst)

    def cancel(self, time, order_id, inst=0):
        self.send(time, op=Op.CANCEL, order_id=order_id, inst=inst)


def bars(v, *candles):
    """(close time, open, high, low, close, volume); each lasts 60 ns."""
    v.bars = np.zeros(len(candles), BAR)
    rows = []
    for k, (time, o, h, low, c, volume) in enumerate(candles):
        v.bars[k] = (time - 60, 60, o, h, low, c, volume, -1, -1, -1)
        rows.append(row(Kind.BAR, time, price=c, qty=volume, ref=k))
    v.feed(*rows)


def bar_venue(*candles, **changes):
    v = Venue(queue="tickerml.sim.queue.back", bar_only=1, **changes)
    bars(v, *candles)
    return v


def short(answers):
    return [(A(a["kind"]), int(a["price"]), int(a["qty"]), R(a["reason"])) for a in answers]
