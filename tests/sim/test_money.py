"""T8: money is conserved to the last unit at every row, at the venue and on our side, also over restarts.

Random markets of four instruments (margined perpetuals, spot with wallets, the fee currency), every order, partial
fills, rejects, changes, funding, liquidations. The account is recomputed from the answers by a plain oracle; the
venue's books and ours (the loop's own `book_money`) must agree with it after each of them.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_market import market_rows
from venue_driver import Venue, row

from account_oracle import Account, Instrument, half_up
from tickerml.account.brackets import Tier, put_tiers
from tickerml.account.position import POSITION
from tickerml.account.wallets import OTHER
from tickerml.engine.core import CORE
from tickerml.engine.plan import Plan
from tickerml.engine.wire import module_for
from tickerml.sim.orders import Cause
from tickerml.tape.orders import AnswerKind as A
from tickerml.tape.orders import Op, OrderFlag
from tickerml.tape.orders import OrderType as T
from tickerml.tape.orders import Reject as R
from tickerml.tape.orders import TimeInForce as F
from tickerml.tape.rows import BUY, SELL, Kind
from tickerml.tape.tables import VALUE

UNIT = 100
TIERS = tuple(
    Tier(Decimal(cap), Decimal(rate), most)
    for cap, rate, most in ((200_000, "0.01", 50), (500_000, "0.025", 20), (5_000_000, "0.1", 5))
)
LEVERAGES = [0.0, 1.0, 3.0, 7.0, 10.0, 20.0, 45.0, 110.0]
PERP, SPOT, COIN, OTHER_PERP = range(4)
QUOTE, BASE, THIRD = range(3)


def terms(rng):
    """One venue: which modes, which fees, how much money."""
    return {
        "isolated": bool(rng.random() < 0.5),
        "other_isolated": bool(rng.random() < 0.3),
        "hedge": bool(rng.random() < 0.4),
        "fee_in": int(rng.integers(0, 3)),
        "check": bool(rng.random() < 0.8),
        "tiers": bool(rng.random() < 0.8),  # without them leverage has no limit, and nothing is liquidated
        "maker": int(rng.choice([20_000, 0, -10_000])),
        "cash": (int(rng.choice([20_000, 200_000, 3_000_000])), int(rng.integers(0, 9_000)), int(rng.integers(0, 60))),
    }


def build(about):
    v = Venue(queue="tickerml.sim.queue.back", n=4, maker_rate=about["maker"], self_trade=3, superp=0)
    rules = v.rules
    rules["check_balance"] = about["check"]
    for n in (PERP, OTHER_PERP):
        rules[n]["margined"] = 1
        rules[n]["hedge"] = about["hedge"] and n == PERP
        rules[n]["isolated"] = about["isolated"] if n == PERP else about["other_isolated"]
        rules[n]["liquidation_rate"] = 1_250_000
        put_tiers(rules[n], TIERS if about["tiers"] else (), 0)
    for n, base in ((SPOT, BASE), (COIN, THIRD)):
        rules[n]["spot"], rules[n]["base_wallet"], rules[n]["lot_units"] = 1, base, 1000
        rules[n]["check_balance"], rules[n]["check_coins"] = 0, about["check"]
    rules["fee_in"], rules["fee_inst"], rules["fee_discount"] = about["fee_in"], COIN, 75_000_000
    rules["mark_name"][OTHER_PERP] = -1
    v.mail["cash"][:3] = about["cash"]
    return v


def account_of(v):
    made = [
        Instrument(
            UNIT, QUOTE, spot=bool(r["spot"]), margined=bool(r["margined"]), isolated=bool(r["isolated"]),
            margin_rate=int(r["margin_rate"]), base_wallet=int(r["base_wallet"]), lot_units=int(r["lot_units"]),
        )
        for r in v.rules
    ]  # fmt: skip
    return Account([int(x) for x in v.mail["cash"][:3]], made)


def rows_of(rng, n):
    """Rows of all instruments by time; marks and funding of the first perpetual, funding of the other."""
    parts, values = [], []
    for inst in range(4):
        rows = market_rows(rng, n)
        rows["inst"] = inst
        rows["exch"] = rows["exch"] * 8 + inst
        parts.append(rows)
    for k in range(n // 4):
        time = int(rng.integers(1, n)) * 80 + 4 + k % 3
        inst, name = (PERP, int(rng.random() < 0.7)) if rng.random() < 0.8 else (OTHER_PERP, 0)
        value = float(rng.integers(900, 1101)) / 100 if name else float(rng.integers(-300, 300)) * 1e-5
        parts.append(row(Kind.VALUE, time, inst=inst, ref=len(values)))
        values.append((name, value))
    rows = np.concatenate(parts)
    rows["recv"] = rows["exch"]
    return rows[np.argsort(rows["exch"], kind="stable")], np.array(values, VALUE)


def requests_of(rng, n, last, hedge):
    made = []
    for order_id in range(1, n + 1):
        time, inst = int(rng.integers(1, last)), int(rng.choice([PERP, PERP, SPOT, COIN, OTHER_PERP]))
        u = rng.random()
        if u < 0.1:
            made.append((time, {"op": Op.CANCEL, "order_id": int(rng.integers(1, n + 1)), "inst": inst}))
            continue
        sent = [one for one in made if "type" in one[1]]
        if u < 0.25 and sent:
            at, order = sent[int(rng.integers(len(sent)))]
            change = {"op": Op.AMEND, "order_id": order["order_id"], "inst": order["inst"]}
            what = "price" if order["type"] == T.LIMIT else "trigger"
            new = {what: 100 + int(rng.integers(-4, 5)), "qty": int(rng.integers(0, 20))}
            made.append((min(at + int(rng.integers(1, 400)), last), {**change, **new}))
            continue
        side = int(rng.choice([BUY, SELL])) if inst in (PERP, OTHER_PERP) else int(rng.choice([BUY, BUY, SELL]))
        kind = T(int(rng.choice([T.LIMIT, T.MARKET, T.MARKET, T.STOP])))
        flags = OrderFlag.REDUCE_ONLY if rng.random() < 0.1 else 0
        if inst == PERP and hedge and rng.random() < 0.95:
            flags |= int(rng.choice([OrderFlag.LONG, OrderFlag.SHORT]))
        order = {
            "side": side, "inst": inst, "type": kind, "flags": int(flags), "qty": int(rng.integers(1, 30)),
            "price": 100 + int(rng.integers(-4, 5)) if kind == T.LIMIT else 0,
            "trigger": 100 + int(rng.integers(-4, 5)) if kind == T.STOP else 0,
            "tif": F.GTC, "leverage": float(rng.choice(LEVERAGES)) if inst in (PERP, OTHER_PERP) else 0.0,
        }  # fmt: skip
        if inst not in (PERP, OTHER_PERP) and rng.random() < 0.2:
            order["leverage"] = float(rng.choice([0.5, 1.0, 2.0, 20.0]))
        made.append((time, {**order, "order_id": order_id}))
    return sorted(made, key=lambda one: one[0])


def play(v, rows, values, requests, until, done=0):
    """Send what is due and run to `until`; `done` requests have been sent."""
    v.values = values
    v.feed(rows)
    for time, request in requests[done:]:
        if time <= until:
            v.send(time, **request)
            done += 1
    v.run(until)
    return done


def ours():
    return module_for(Plan(amend=True, margin=True, wallets=True)).book_money


def same(legs, oracle):
    for leg, one in zip(legs, oracle.legs, strict=True):
        told = [int(leg[k]) for k in ("position", "cost", "realised", "fees", "funding", "margin", "tied", "insured")]
        assert told == [one.lots, one.cost, one.realised, one.fees, one.funding, one.margin, one.tied, one.insured]


def check_fee(rule, a):
    worth = int(a["price"]) * int(a["qty"]) * UNIT
    fee = half_up(Fraction(worth * int(rule["maker_rate" if a["maker"] else "taker_rate"]), 10**8))
    if int(a["wallet"]) == THIRD and rule["fee_in"] == OTHER:
        assert int(a["fee"]) == half_up(Fraction(fee * 75, 100))
        return
    assert int(a["fee"]) == fee
    if int(a["wallet"]) != QUOTE:
        assert (int(a["wallet"]), int(a["side"])) == (int(rule["base_wallet"]), BUY)
        assert int(a["paid"]) == half_up(Fraction(fee * int(rule["lot_units"]), int(a["price"]) * UNIT))


def compare(v, account, answers):
    """Our side and the oracle hear the answers one by one; returns what kinds of things happened."""
    book, core, positions = ours(), np.zeros(1, CORE), np.zeros(4, POSITION)
    core[0]["cash"][:3] = account.cash
    seen = set()
    for a in answers:
        inst = int(a["inst"])
        if a["kind"] == A.FILL and a["cause"] == 0:
            check_fee(v.rules[inst], a)
            assert not v.rules[inst]["spot"] or a["leverage"] <= 1  # C3: spot has none
        account.take(a)
        account.check()
        book(core[0], a, positions[inst], v.rules[inst])
        assert [int(x) for x in core[0]["cash"][:3]] == account.cash
        if v.rules[inst]["margined"]:
            same(positions[inst]["legs"], account.instruments[inst])
        seen.add((A(int(a["kind"])).name, int(a["cause"]) if a["kind"] == A.FILL else 0))
        if a["kind"] == A.REJECT and a["reason"] == R.LEVERAGE:
            seen.add(("spot " if v.rules[inst]["spot"] else "tier ") + "leverage")
        if a["kind"] == A.FILL and a["leverage"] > 1:
            seen.add("leverage" if v.rules[inst]["n_tiers"] else "leverage without tiers")
    assert [int(x) for x in v.mail["cash"][:3]] == account.cash
    for n in range(4):
        if v.rules[n]["margined"]:
            same(v.venues[n]["legs"], account.instruments[n])
        assert (
            int(v.venues[n]["position"]) == int(v.venues[n]["net"]) == sum(i.lots for i in account.instruments[n].legs)
        )
        for name in ("position", "cost", "realised", "fees", "funding", "margin", "insured"):
            assert int(v.venues[n][name]) == int(positions[n][name])
    return seen


def example(seed, n_rows=40, n_requests=25):
    rng = np.random.default_rng(seed)
    about = terms(rng)
    rows, values = rows_of(rng, n_rows)
    requests = requests_of(rng, n_requests, n_rows * 80, about["hedge"])
    end = n_rows * 80 + 1000
    v = build(about)
    account = account_of(v)
    play(v, rows, values, requests, end)
    seen = compare(v, account, v.answers)
    if about["check"]:
        assert all(x >= 0 for x in v.mail["cash"][1:3]), "coins that nobody has were sold"
    if seed % 4:
        return seen
    cut = int(rng.integers(1, end))
    first, second = build(about), build(about)
    done = play(first, rows[rows["exch"] <= cut], values, requests, cut)
    for name in first.mail.dtype.names:
        second.mail[name] = first.mail[name]
    for name in ("rules", "venues", "books"):
        getattr(second, name)[...] = getattr(first, name)
    play(second, rows[rows["exch"] > cut], values, requests, end, done)
    assert [a.tobytes() for a in v.answers] == [a.tobytes() for a in (*first.answers, *second.answers)]
    assert v.venues.tobytes() == second.venues.tobytes()
    return seen


def test_everything_happens_in_these_markets():
    seen = set()
    for seed in range(60):
        seen |= example(seed)
    assert seen >= {("FILL", 0), ("FILL", int(Cause.LIQUIDATION)), ("FUNDING", 0), ("REJECT", 0), ("AMENDED", 0)}
    assert seen >= {"leverage", "leverage without tiers", "tier leverage", "spot leverage"}


@given(st.integers(0, 2**48), st.integers(4, 60), st.integers(1, 40))
@settings(max_examples=200, deadline=None)
def test_t8_money_is_conserved(seed, n_rows, n_requests):
    example(seed, n_rows, n_requests)


@pytest.mark.slow
def test_t8_money_is_conserved_20000_times(cases):
    """Other markets than those above: each number is one of them, and names it when it fails."""
    for k in cases(20_000):
        try:
            example(2**48 + k, 4 + k % 57, 1 + k % 40)
        except Exception as error:
            raise AssertionError(f"example({2**48 + k}, {4 + k % 57}, {1 + k % 40})") from error
