"""Whole runs with margin and wallets: our books are the venue's, trades add up to cash, changes leave their rows."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from msgspec import structs

from small_runs import balances, joined, market, print_of, settings
from small_strategies import Churn
from tickerml.account.brackets import Tier
from tickerml.account.position import LEG
from tickerml.account.wallets import OTHER, OWN, RECEIVED, worth_of_units
from tickerml.config import Config
from tickerml.desk.approved import Order
from tickerml.desk.memory import Memory
from tickerml.desk.money import Wallets
from tickerml.desk.requests import put, requests
from tickerml.engine import core
from tickerml.engine.loop import Loop
from tickerml.engine.machine import drive
from tickerml.engine.plan import Plan
from tickerml.engine.snapshot import restore, save
from tickerml.engine.venue_setup import Terms, venue_setup
from tickerml.run.models import models_of
from tickerml.run.setup import Setting, bar_only_of, build, terms_of
from tickerml.run.strategies import choose
from tickerml.sim.orders import REQUESTS
from tickerml.tape.block import concat, part
from tickerml.tape.errors import ConfigError, RunError
from tickerml.tape.orders import Op, OrderFlag, OrderType, Reject, TimeInForce
from tickerml.tape.rows import Kind
from tickerml.tape.tape import MemoryTape

CASH = 10_000
TIGHT = {"": (Tier(Decimal(10**9), Decimal("0.0195"), 50),)}


def crash():
    """A market whose mark is the mid: nothing else is known of it."""
    tape = market("flash-crash", minutes=4)
    names = tuple(name if name != "mark" else "other" for name in tape.header.names)
    return MemoryTape(replace(tape.header, names=names), tuple(tape.blocks()))


def fresh(tape, leverage=None, limits=None, **terms):
    config = settings(
        account={"tiers": "none"}, trading={"leverage": 50}, limits={"liquidation_stops": 1.0, **(limits or {})}
    )
    chosen = replace(terms_of(config), **terms)
    setting = Setting(config, Decimal(CASH), 0, (), bar_only_of(tape), chosen)
    made = []
    strategy = Churn(style="market", stop=0.0199, target=0.04, horizon_s=50.0, size=0.2, every=1.0, leverage=leverage)
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
    assert Decimal(list(balances(concat(made)))[-1][2]["equity"]) == wallets.amount(0, end)


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


MODES = {
    "isolated": {"tiers": TIGHT, "isolated": True},
    "cross": {"tiers": TIGHT},
    "hedge": {"tiers": TIGHT, "hedge": True},
    "hedge, isolated": {"tiers": TIGHT, "hedge": True, "isolated": True},
    "without tiers": {},
}


@pytest.mark.parametrize("mode", MODES)
def test_a_setups_leverage_is_the_margin_at_the_venue(mode):
    """C3: what the desk counts is what the venue ties up, whatever the usual leverage is; both books agree."""
    tape, leverage = crash(), 17.0
    one, made = fresh(tape, leverage=leverage, **MODES[mode])
    loop, tied = one.loop, 0
    for block in tape.blocks():
        one.push(block)
        held = loop.venues["margin"] if MODES[mode].get("isolated") else loop.venues["tied"]
        tied = max(tied, int(held.sum()))
    loop.end()
    one._pump()
    one.outbox.flush()
    approved = blobs(made, Kind.APPROVED)
    assert len(approved) > 3
    assert {(a["leverage"], a["leverage_bound"]) for a in approved} == {(17.0, "wish")}
    amounts = [(one.trader.books.wallets.money(0, Decimal(a["margin"])), a) for a in approved]
    assert 0 < tied <= sum(sorted(m for m, _ in amounts)[-2:])  # two coins
    assert tied > 0.9 * min(m for m, _ in amounts)
    for money, a in amounts:
        assert money == pytest.approx(float(Decimal(a["notional"])) * 10**8 / leverage, rel=1e-6)
    for name in LEG.names:
        assert loop.positions["legs"][name].tolist() == loop.venues["legs"][name].tolist()
    assert loop.core[0]["cash"].tolist() == loop.mail[0]["cash"].tolist()
    rejected = [o for o in orders_of(made, Kind.REJECT) if o["reason"] in (Reject.LEVERAGE, Reject.POSITION_SIDE)]
    assert not rejected
    settled = blobs(made, Kind.SETTLED)
    assert {s["leverage"] for s in settled} == {leverage}


def orders_of(made, kind):
    return [b.orders[r["ref"]] for b in made for r in b.rows if r["kind"] == kind]


def test_a_leverage_beyond_the_tier_is_lowered_by_the_desk_and_never_rejected():
    """C3: capped by the venue's tier."""
    few = {"": (Tier(Decimal(10**9), Decimal("0.03"), 20),)}
    _, made = played(crash(), leverage=50.0, tiers=few)
    approved = blobs(made, Kind.APPROVED)
    assert {(a["leverage"], a["leverage_bound"]) for a in approved} == {(20.0, "margin tier")}
    assert not [o for o in orders_of(made, Kind.REJECT) if o["reason"] == Reject.LEVERAGE]


def test_a_usual_leverage_beyond_the_tier_is_lowered_too():
    few = {"": (Tier(Decimal(10**9), Decimal("0.03"), 20),)}
    _, made = played(crash(), tiers=few)  # 50 by the settings
    assert {(a["leverage"], a["leverage_bound"]) for a in blobs(made, Kind.APPROVED)} == {(20.0, "margin tier")}
    assert not [o for o in orders_of(made, Kind.REJECT) if o["reason"] == Reject.LEVERAGE]


def test_leverage_on_spot_is_lowered_by_the_desk():
    """C3: spot has no leverage; the setup trades without, and its row says so."""
    _, made = played(spot(market("busy", minutes=3)), leverage=50.0)
    approved = blobs(made, Kind.APPROVED)
    assert {(a["leverage"], a["leverage_bound"], a["margin"] == a["notional"]) for a in approved} == {
        (1.0, "spot", True)
    }
    assert not [o for o in orders_of(made, Kind.REJECT) if o["reason"] == Reject.LEVERAGE]


@pytest.mark.parametrize("isolated", [True, False])
def test_hedge_mode_orders_name_their_leg(isolated):
    """Every order of a setup names the leg of its side: entries, stops, targets, closes; money adds up to the end."""
    one, made = played(crash(), tiers=TIGHT, hedge=True, isolated=isolated)
    sides = {s["intent"]: s["side"] for s in blobs(made, Kind.SETTLED)}
    sent = orders_of(made, Kind.SUBMIT)
    rows = [r for b in made for r in b.rows if r["kind"] == Kind.SUBMIT]
    assert len(sent) > 20
    for row, order in zip(rows, sent, strict=True):
        leg = OrderFlag.LONG if sides[int(order["parent"])] > 0 else OrderFlag.SHORT
        assert int(order["flags"]) & (OrderFlag.LONG | OrderFlag.SHORT) == leg
        opens = int(row["side"]) == sides[int(order["parent"])]
        assert bool(int(order["flags"]) & OrderFlag.REDUCE_ONLY) != opens
    assert set(sides.values()) == {1, -1}
    assert not [o for o in orders_of(made, Kind.REJECT) if o["reason"] == Reject.POSITION_SIDE]
    wallets = one.trader.books.wallets
    won = sum(wallets.money(0, Decimal(s["pnl"])) for s in blobs(made, Kind.SETTLED))
    assert int(one.loop.core[0]["cash"][0]) - wallets.money(0, Decimal(CASH)) == won
    assert not one.loop.positions["legs"]["position"].any()


def test_one_way_orders_name_no_leg():
    _, made = played(crash(), tiers=TIGHT)
    assert not any(int(o["flags"]) & (OrderFlag.LONG | OrderFlag.SHORT) for o in orders_of(made, Kind.SUBMIT))


def test_quotes_cannot_be_in_hedge_mode():
    config, tape = settings(account={"hedge": True}), market("busy", minutes=1)
    setting = Setting(config, Decimal(CASH), 0, (), bar_only_of(tape), terms_of(config))
    with pytest.raises(ConfigError, match="hedge-mode"):
        build([choose("quoter", config)], tape.header, setting, lambda block: None)


def test_fees_in_what_was_received_leave_exits_no_larger_than_what_is_held():
    """A stop never exceeds the remaining position: lots that fees made unsellable are neither protected nor sold."""
    tape = spot(market("busy", minutes=4))
    one, made = played(tape, spot_wallets=True, fee_in=RECEIVED)
    wallets, rules, instruments = one.trader.books.wallets, one.loop.venue.rules, one.trader.books.instruments
    coins = dict.fromkeys((0, 1), 0)  # units of each coin, from what the rows tell
    stops = fees = 0
    for block in made:
        for row in block.rows:
            if row["kind"] not in (Kind.SUBMIT, Kind.FILL):
                continue
            inst, order = int(row["inst"]), block.orders[row["ref"]]
            lot = int(rules[inst]["lot_units"])
            if row["kind"] == Kind.SUBMIT:
                if int(row["side"]) < 0:
                    assert int(order["qty"]) * lot <= coins[inst]
                if int(order["type"]) in (OrderType.STOP, OrderType.STOP_LIMIT):
                    stops += 1
            else:
                coins[inst] += int(row["side"]) * int(row["qty"]) * lot
                if int(order["currency"]) == int(rules[inst]["base_wallet"]) + 1:
                    coins[inst] -= int(order["amount"])
                    fees += 1
    assert stops > 5
    assert fees > 5
    assert not [o for o in orders_of(made, Kind.REJECT) if o["reason"] in (Reject.BALANCE, Reject.REDUCE_ONLY)]
    settled = blobs(made, Kind.SETTLED)
    assert [s["reason"] for s in settled].count("end of data") <= 2  # everything else was closed whole
    for inst in (0, 1):
        wallet, mine = wallets.base_of[inst], [s for s in settled if s["intent"] in of_coin(made, inst)]
        dust = sum(wallets.money(wallet, Decimal(s["dust"])) for s in mine if "dust" in s)
        assert int(one.loop.core[0]["cash"][wallet]) == dust
        assert all(0 <= Decimal(s["dust"]) < instruments[inst].lot for s in mine if "dust" in s)
    kept = sum(Decimal(s["dust"]) * Decimal(s["entry"]) for s in settled if "dust" in s)
    start, cash = Decimal(CASH), wallets.amount(0, int(one.loop.core[0]["cash"][0]))
    won = sum(Decimal(s["pnl"]) for s in settled)
    assert float(cash - start + kept) == pytest.approx(float(won), abs=1e-3)  # dust is booked at its cost


def of_coin(made, inst):
    return {json.loads(b.blobs[int(r["ref"])])["intent"] for b in made for r in b.rows
            if r["kind"] == Kind.SETTLED and r["inst"] == inst}  # fmt: skip


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
    assert Decimal(list(balances(concat(made)))[-1][2]["equity"]) == wallets.amount(0, worth)


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
    asked, memory = requests(), Memory(1, 1, 1)
    for op, one in (
        (Op.NEW, order),
        (Op.AMEND, structs.replace(order, price=order.price - 7, qty=3)),
        (Op.AMEND, structs.replace(order, price=order.price, trigger=9, qty=0)),
    ):
        put(asked[0], one, 1, -1, 1)
        asked[0]["list"]["op"][int(asked[0]["n"]) - 1] = op
    assert loop.leave(asked, memory.latch, memory.coins)
    assert (memory.latch[0]["messages"], asked[0]["n"]) == (3, 0)
    loop.push(part(rows, len(rows) // 2, len(rows)))
    loop.end()
    while loop.advance() != core.DONE:
        pass
    made = loop.made.take(())
    ours = [(Kind(int(r["kind"])), made.orders[r["ref"]]) for r in made.rows]
    assert [kind for kind, _ in ours] == [
        Kind.SUBMIT, Kind.AMEND, Kind.AMEND, Kind.ACK, Kind.AMENDED, Kind.REJECT,
    ]  # fmt: skip
    amended, refused = ours[4][1], ours[5][1]
    assert (amended["price"], amended["qty"], amended["left"]) == (order.price - 7, 3, 3)
    assert (refused["reason"], refused["state"], refused["left"]) == (Reject.AMEND, amended["state"], 3)


def test_requests_wait_for_room_among_the_rows_that_were_made():
    """All of them leave, in order and once, however full the buffer was."""
    loop = loop_of(market("busy", minutes=1), Plan(bars=False, values=False))
    order, asked, memory = Order(0, 1, int(OrderType.LIMIT), 1, 5, price=9), requests(), Memory(1, 1, 1)
    for order_id in range(1, 41):
        put(asked[0], order, order_id, -1, 1)
    loop.core[0]["made"] = loop.core[0]["made_orders"] = core.MADE - 20
    assert not loop.leave(asked, memory.latch, memory.coins)
    first = loop.made.take(())
    assert loop.leave(asked, memory.latch, memory.coins)
    ids = [*first.orders["id"][core.MADE - 20 :], *loop.made.take(()).orders["id"]]
    assert ids == list(range(1, 41))
    assert (memory.latch[0]["messages"], memory.coins[0]["n"]) == (40, 40)
    loop.mail[0]["req_tail"] = loop.mail[0]["req_head"] + REQUESTS
    put(asked[0], order, 41, -1, 1)
    with pytest.raises(RunError, match="more requests"):
        loop.leave(asked, memory.latch, memory.coins)


def test_modes_that_do_not_exist_are_refused():
    tape = market("busy", minutes=1)
    one = tape.header.instruments[0]
    inverse = replace(one, symbol="BTC/USD:BTC", settle="BTC", quote="USD", inverse=True, contract_size=Decimal(100),
                      lot=Decimal(1))  # fmt: skip
    changed = MemoryTape(replace(tape.header, instruments=(inverse,)), ())
    with pytest.raises(ConfigError, match="hedge-mode"):
        loop_of(changed, Plan(margin=True), hedge=True)
