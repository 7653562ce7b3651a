"""Whole runs with margin and wallets: our books are the venue's, trades add up to cash, changes leave their rows."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from small_runs import joined, market, print_of, settings
from small_strategies import Churn
from tickerml.account.brackets import Tier
from tickerml.account.position import LEG
from tickerml.account.wallets import OTHER, OWN, worth_of_units
from tickerml.config import Config
from tickerml.desk.approved import Order
from tickerml.desk.money import Wallets
from tickerml.engine import core
from tickerml.engine.loop import Loop
from tickerml.engine.machine import drive
from tickerml.engine.plan import Plan
from tickerml.engine.snapshot import restore, save
from tickerml.engine.venue_setup import Terms, venue_setup
from tickerml.run.models import models_of
from tickerml.run.setup import Setting, bar_only_of, build, terms_of
from tickerml.run.strategies import choose
from tickerml.tape.block import part
from tickerml.tape.errors import ConfigError
from tickerml.tape.orders import Op, OrderType, Reject, TimeInForce
from tickerml.tape.rows import Kind
from tickerml.tape.tape import MemoryTape

CASH = 10_000
TIGHT = {"": (Tier(Decimal(10**9), Decimal("0.0195"), 50),)}


def crash():
    """A market whose mark is the mid: nothing else is known of it."""
    tape = market("flash-crash", minutes=4)
    names = tuple(name if name != "mark" else "other" for name in tape.header.names)
    return MemoryTape(replace(tape.header, names=names), tuple(tape.blocks()))


def fresh(tape, **terms):
    config = settings(trading={"leverage": 50}, limits={"liquidation_stops": 1.0})
    chosen = replace(terms_of(config), **terms)
    setting = Setting(config, Decimal(CASH), 0, (), bar_only_of(tape), chosen)
    made = []
    strategy = Churn(style="market", stop=0.0199, target=0.04, horizon_s=50.0, size=0.2, every=1.0)
    one = build([choose(strategy, config)], tape.header, setting, made.append)
    desk = one.trader.desk
    desk.limits = replace(desk.limits, liquidation_stops=0.0)  # no desk that can be set up would enter here
    return one, made


def played(tape, **terms):
    one, made = fresh(tape, **terms)
    drive(one, tape.blocks())
    return one, made


def blobs(made, kind):
    return [json.loads(b.blobs[int(r["ref"])]) for b in made for r in b.rows if r["kind"] == kind]


@pytest.mark.parametrize("isolated", [True, False])
def test_liquidations_are_rows_and_trades_add_up_to_the_cash(isolated):
    tape = crash()
    one, made = played(tape, tiers=TIGHT, isolated=isolated)
    settled = blobs(made, Kind.SETTLED)
    rows = [(r, b.orders[r["ref"]]) for b in made for r in b.rows if r["kind"] == Kind.FILL]
    forced = [r for r, o in rows if o["reason"] == Reject.LIQUIDATION]
    if isolated:
        assert forced
        assert any(s["reason"] == "liquidated" for s in settled)
    assert (len(forced) > 0) == any(s["reason"] == "liquidated" for s in settled)
    wallets = one.trader.books.wallets
    start, end = wallets.money(0, Decimal(CASH)), int(one.loop.core[0]["cash"][0])
    assert not one.loop.positions["position"].any()
    assert sum(wallets.money(0, Decimal(s["pnl"])) for s in settled) == end - start
    assert Decimal(blobs(made, Kind.BALANCE)[-1]["equity"]) == wallets.amount(0, end)


def test_our_books_are_the_venues_when_all_answers_are_in():
    tape = crash()
    one, _ = fresh(tape, tiers=TIGHT, isolated=True)
    for block in tape.blocks():
        one.push(block)
    one.loop.end()
    one._pump()  # all but the settlement of what is open
    loop = one.loop
    for name in LEG.names:
        assert loop.positions[name].tolist() == loop.venues[name].tolist()
        assert loop.positions["legs"][name].tolist() == loop.venues["legs"][name].tolist()
    assert loop.core[0]["cash"].tolist() == loop.mail[0]["cash"].tolist()


def test_a_snapshot_in_the_middle_changes_nothing(tmp_path):
    tape = crash()
    whole = print_of(*played(tape, tiers=TIGHT, isolated=True))
    first, made = fresh(tape, tiers=TIGHT, isolated=True)
    second, more = fresh(tape, tiers=TIGHT, isolated=True)
    rows = joined(tape)
    cut = len(rows) // 2
    first.push(part(rows, 0, cut))
    save(first, tmp_path / "middle.npz", cut)
    done = restore(second, tmp_path / "middle.npz")
    drive(second, tape.blocks(), skip=done)
    assert print_of(second, made + more) == whole


def spot(tape):
    """The same rows as if they were of a spot market."""
    made = [replace(i, symbol=i.symbol.split(":")[0]) for i in tape.header.instruments]
    return MemoryTape(replace(tape.header, instruments=tuple(made)), tuple(tape.blocks()))


@pytest.mark.parametrize("fee_in", [OWN, OTHER])
def test_spot_wallets_in_a_run(fee_in):
    tape = spot(market("busy", minutes=3))
    one, made = played(
        tape, spot_wallets=True, fee_in=fee_in, fee_currency="TON", balances={"TON": Decimal(5), "BTC": Decimal("0.5")}
    )
    loop, wallets = one.loop, one.trader.books.wallets
    assert wallets.currencies == ("USDT", "BTC", "TON")
    fills = [b.orders[r["ref"]] for b in made for r in b.rows if r["kind"] == Kind.FILL]
    assert len(fills) > 4
    paid = sum(int(o["amount"]) for o in fills if o["currency"] == 3)
    assert (paid > 0) == (fee_in == OTHER)
    assert fee_in == OTHER or not any(o["currency"] for o in fills)
    coins = [wallets.money(1, Decimal("0.5")), wallets.money(2, Decimal(5)) - paid]
    assert loop.core[0]["cash"][1:3].tolist() == coins  # all that was bought is sold
    worth = int(loop.core[0]["cash"][0])
    won = sum(wallets.money(0, Decimal(s["pnl"])) for s in blobs(made, Kind.SETTLED))
    elsewhere = sum(int(o["fee"]) for o in fills if o["currency"])
    assert worth - wallets.money(0, Decimal(CASH)) == won + elsewhere
    for inst, base in ((0, 1), (1, 2)):
        rule, mark = loop.venue.rules[inst], one.trader.books.prices.mark(inst)
        worth += int(
            worth_of_units(int(loop.core[0]["cash"][base]), mark, int(rule["unit_value"]), int(rule["lot_units"]))
        )
    assert Decimal(blobs(made, Kind.BALANCE)[-1]["equity"]) == wallets.amount(0, worth)


def loop_of(tape, plan, **terms):
    instruments = tape.header.instruments
    wallets, models = Wallets.of(instruments, 16), models_of(Config())
    setup = venue_setup(
        instruments, wallets, [Decimal(CASH)], Terms(**terms), names=tape.header.names,
        bar_only=[False] * len(instruments), models=models.params, least=models.least, seed=0,
    )  # fmt: skip
    return Loop(plan, instruments, setup)


def test_a_change_of_an_order_leaves_its_rows():
    tape = market("busy", minutes=1)
    loop = loop_of(tape, Plan(amend=True, bars=False, values=False))
    loop.core[0]["by_answers"] = 1
    rows = joined(tape)
    loop.push(part(rows, 0, len(rows) // 2))
    loop.advance()
    book = loop.books[0]
    order = Order(0, 1, int(OrderType.LIMIT), int(TimeInForce.GTC), 5, price=int(book["best_bid"]) - 500)
    for op, kind, one in (
        (Op.NEW, Kind.SUBMIT, order),
        (Op.AMEND, Kind.AMEND, replace(order, price=order.price - 7, qty=3)),
        (Op.AMEND, Kind.AMEND, replace(order, price=order.price, trigger=9, qty=0)),
    ):
        loop.make_order(kind, 1, -1, one)
        loop.send(op, 1, one)
    loop.push(part(rows, len(rows) // 2, len(rows)))
    loop.end()
    while loop.advance() != core.DONE:
        pass
    made = loop.take_made()
    ours = [(Kind(int(r["kind"])), made.orders[r["ref"]]) for r in made.rows]
    assert [kind for kind, _ in ours] == [
        Kind.SUBMIT, Kind.AMEND, Kind.AMEND, Kind.ACK, Kind.AMENDED, Kind.REJECT,
    ]  # fmt: skip
    amended, refused = ours[4][1], ours[5][1]
    assert (amended["price"], amended["qty"], amended["left"]) == (order.price - 7, 3, 3)
    assert (refused["reason"], refused["state"], refused["left"]) == (Reject.AMEND, amended["state"], 3)


def test_modes_that_do_not_exist_are_refused():
    tape = market("busy", minutes=1)
    one = tape.header.instruments[0]
    inverse = replace(one, symbol="BTC/USD:BTC", settle="BTC", quote="USD", inverse=True, contract_size=Decimal(100),
                      lot=Decimal(1))  # fmt: skip
    changed = MemoryTape(replace(tape.header, instruments=(inverse,)), ())
    with pytest.raises(ConfigError, match="hedge-mode"):
        loop_of(changed, Plan(margin=True), hedge=True)
