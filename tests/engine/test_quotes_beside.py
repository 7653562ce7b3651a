"""Quotes and the trades of the desk share one account: at every order the limits of both together hold, worst case."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from small_runs import market, settings
from small_strategies import Churn
from tickerml.desk.exposure import Exposure
from tickerml.engine.machine import drive
from tickerml.run.setup import Setting, bar_only_of, build, terms_of
from tickerml.run.strategies import choose_all
from tickerml.strategies import quoter
from tickerml.tape.orders import OrderFlag
from tickerml.tape.rows import SECOND, Kind

COINS = ("BTC", "TON", "ETH")
TAPE = market("busy", minutes=2, coins=COINS)
BTC, TON, ETH = range(3)
REDUCE = int(OrderFlag.REDUCE_ONLY)


def driven(strategies, quoted=(), latency=None, cash=10_000, chunk=None, leverage=10.0, **limits):
    """A run of these strategies; the coins `quoted` are the quoter's."""
    told = {"latency": latency or {}, "limits": limits, "manager": {"quoted": list(quoted)}}
    config = settings(**told, trading={"leverage": leverage})
    setting = Setting(config, Decimal(cash), 0, (), bar_only_of(TAPE), terms_of(config))
    made = []
    one = build(choose_all(strategies, config), TAPE.header, setting, made.append)
    drive(one, TAPE.blocks(), chunk=chunk)
    return one, made


@dataclass
class Told:
    """The account as the rows of a run tell it."""

    lots: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(len(COINS)), 0))
    orders: dict[int, list[int]] = field(default_factory=dict)  # id -> instrument, side, lots left, ns sent, answered

    def take(self, row, order):
        kind, one, inst = row["kind"], int(order["id"]), int(row["inst"])
        if kind == Kind.SUBMIT:
            side = 0 if order["flags"] & REDUCE else int(row["side"])  # an exit makes no position larger
            self.orders[one] = [inst, side, int(order["qty"]), int(row["recv"]), 0]
            return
        known = self.orders.get(one, [inst, 0, 0, 0, 1])
        refused, known[4] = kind == Kind.REJECT and not known[4], 1
        if kind == Kind.FILL:
            self.lots[inst] += int(row["side"]) * int(row["qty"])
            known[2] -= int(row["qty"])
        if kind == Kind.CANCELED or refused or known[2] <= 0:
            self.orders.pop(one, None)

    def busy(self):
        """Coins that have a position or an order."""
        return {i for i, lots in self.lots.items() if lots} | {one[0] for one in self.orders.values()}

    def worst(self, inst):
        """Lots, all orders of a side filled."""
        sides = {s: sum(o[2] for o in self.orders.values() if o[:2] == [inst, s]) for s in (1, -1)}
        return max(self.lots[inst] + sides[1], sides[-1] - self.lots[inst])

    def takes_off(self, row, order):
        """Whether an order, with all others of its side, only takes off what is held."""
        inst, side = int(row["inst"]), int(row["side"])
        asked = sum(o[2] for o in self.orders.values() if o[:2] == [inst, side])
        return asked + int(order["qty"]) <= -side * self.lots[inst]

    def unanswered(self, now, silent):
        return [one[0] for one in self.orders.values() if not one[4] and now - one[3] > silent]


def each(made):
    """(account before it, row, order) of each row that tells of an order."""
    told = Told()
    for block in made:
        for row in block.rows:
            if row["kind"] in (Kind.SUBMIT, Kind.ACK, Kind.FILL, Kind.CANCELED, Kind.REJECT):
                order = block.orders[row["ref"]]
                yield told, row, order
                told.take(row, order)


def refused(made):
    """What the run says of quotes that stayed here: figures by instrument."""
    rows = [(r, json.loads(b.blobs[r["ref"]])) for b in made for r in b.rows if r["kind"] == Kind.DESK]
    return {int(r["inst"]): told for r, told in rows if told["what"] == "quotes refused"}


QUOTER = quoter.Params(size=1.0, max_position=50.0, behind=0)
CHURN = Churn(style="market", size=0.05, every=3.0, horizon_s=5.0)


@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize("chunk", [None, 61])
@pytest.mark.parametrize("every", [0.1, 5.0])
def test_positions_of_quotes_and_trades_together_keep_to_the_limit(most, chunk, every):
    """One coin is the quoter's, two are traded by setups: who comes first has the room, the other waits."""
    _, made = driven((replace(QUOTER, every=every), CHURN), ["TON"], chunk=chunk, max_open_positions=most)
    busy = [frozenset(told.busy()) for told, *_ in each(made)]
    assert max(map(len, busy)) == most
    refusals = sum(r["kind"] == Kind.REFUSAL for b in made for r in b.rows)
    if every < CHURN.every:
        assert busy[1] == {TON}
        assert not refused(made)
        assert refusals > 20
    else:
        assert TON not in busy[1]
        assert refused(made)[TON]["by_positions"] > 0


def test_without_the_limit_all_of_them_have_one():
    _, made = driven((QUOTER, CHURN), ["TON"], max_open_positions=3)
    assert max(len(told.busy()) for told, *_ in each(made)) == 3


def test_a_quoter_of_many_coins_begins_as_many_as_may_be():
    _, made = driven([quoter.Params(size=1.0, max_position=10.0)], cash=10_000_000, max_open_positions=2)
    busy = [frozenset(told.busy()) for told, *_ in each(made)]
    assert max(map(len, busy)) == 2
    assert sum(told["by_positions"] for told in refused(made).values()) > 100


@pytest.mark.parametrize("most", [1, 2, 4])
def test_open_orders_of_all_coins_keep_to_the_limit(most):
    _, made = driven([quoter.Params(size=0.001, max_position=0.01, behind=0)], max_open_orders=most)
    assert max(quoted_orders(made)) == most


def quoted_orders(made, coins=(BTC, TON, ETH)):
    """Open orders of the account, counting it, at each quote on these coins that is an entry."""
    for told, row, order in each(made):
        if row["kind"] == Kind.SUBMIT and row["inst"] in coins and not told.takes_off(row, order):
            yield len(told.orders) + 1


def test_quotes_leave_room_for_the_orders_of_trades():
    """Exits always leave; a quote is sent where it is not one too many beside them."""
    one, made = driven((QUOTER, CHURN), ["TON"], max_open_orders=5, max_open_positions=10)
    seen = list(quoted_orders(made, [TON]))
    assert len(seen) > 20
    assert max(seen) == 5
    assert one.loop.shared["orders"][0] <= 5


@pytest.mark.parametrize(("strategies", "quoted"), [([QUOTER], ()), ([QUOTER, CHURN], ["TON", "ETH"])])
@pytest.mark.parametrize("share", [0.0005, 0.002])
def test_margin_of_quotes_and_trades_together_keeps_to_the_limit(strategies, quoted, share):
    """Worth of every coin at the price of its newest order, margin of it, against the equity that was told last."""
    one, made = driven(strategies, quoted, max_in_use=share, max_position=1.0, latency={"entry_ms": 60.0})
    rules, decimals = one.loop.venue.rules, one.trader.books.wallets.decimals[0]
    equity, prices, worst, told = 10_000.0 * 10**decimals, {}, 0.0, Told()
    quotes = 0
    for block in made:
        for row in block.rows:
            if row["kind"] == Kind.BALANCE and row["side"] == 0:
                equity = float(row["qty"])
            if row["kind"] not in (Kind.SUBMIT, Kind.ACK, Kind.FILL, Kind.CANCELED, Kind.REJECT):
                continue
            order, inst = block.orders[row["ref"]], int(row["inst"])
            told.take(row, order)
            price = int(order["price"]) or int(row["price"])
            if price:
                prices[inst] = price
            if row["kind"] == Kind.SUBMIT and one.loop.envelopes["max_order"][inst]:
                quotes += 1
                used = [
                    told.worst(i) * price * int(rules["unit_value"][i]) * int(rules["margin_rate"][i]) / 1e8
                    for i, price in prices.items()
                ]
                worst = max(worst, sum(used) / equity)
    assert quotes > 20
    assert 0.6 * share < worst <= share * 1.01, "the newest price is not that of the moment"
    assert sum(figures["by_in_use"] for figures in refused(made).values()) > 0


def test_quotes_wait_while_an_order_has_no_answer():
    latency = {"entry_ms": 10.0, "response_ms": 400.0}
    _, made = driven([quoter.Params(size=0.001, max_position=0.01, behind=0)], latency=latency, unknown_s=0.2)
    silent = round(0.2 * SECOND)
    for told, row, order in each(made):
        if row["kind"] == Kind.SUBMIT:
            late = told.unanswered(int(row["recv"]), silent)
            assert int(row["inst"]) not in late
            assert len(late) < 3 or told.takes_off(row, order)
    assert all(figures["by_unknown"] > 10 for figures in refused(made).values())
    _, before = driven([quoter.Params(size=0.001, max_position=0.01, behind=0)], latency=latency, unknown_s=0.6)
    assert not any(figures["by_unknown"] for figures in refused(before).values())


@pytest.mark.parametrize("most", [1, 2, 3])
def test_orders_of_the_desk_that_nobody_answers_hold_quotes_up_while_it_sleeps(most):
    """It wakes each 10 seconds; its orders turn silent in between, and no answer wakes it."""
    churn, silent = replace(CHURN, style="ladder", every=10.0, ttl_s=60.0), round(0.2 * SECOND)
    _, made = driven(
        (replace(QUOTER, every=0.25), churn),
        ["TON"],
        latency={"entry_ms": 10.0, "response_ms": 1_500.0},
        unknown_s=0.2,
        unknown_symbol=100,
        unknown_venue=most,
        max_open_positions=3,
    )
    seen = []
    for told, row, order in each(made):
        if row["kind"] == Kind.SUBMIT and row["inst"] == TON and not told.takes_off(row, order):
            late = told.unanswered(int(row["recv"]), silent)
            assert len(late) < most
            seen.append(len(late))
    assert len(seen) > 20
    assert refused(made)[TON]["by_unknown"] > 20


def test_quotes_that_nobody_answers_are_unknown_to_the_desk():
    _, made = driven(
        (QUOTER, CHURN),
        ["TON"],
        latency={"entry_ms": 10.0, "response_ms": 1_500.0},
        unknown_s=0.2,
        unknown_venue=1,
        max_open_positions=3,
    )
    codes = Counter(json.loads(b.blobs[r["ref"]])["code"] for b in made for r in b.rows if r["kind"] == Kind.REFUSAL)
    assert codes["unknown_orders"] > 5


def shares(one):
    """What the loop knows of the desk's trades."""
    told = one.loop.shared[0]
    waiting = [int(x) for x in told["silent_from"][: told["waiting"]]]
    return int(told["positions"]), int(told["orders"]), waiting, one.loop.envelopes["others"].tolist()


def test_what_the_desk_uses_is_told_at_every_return_of_the_loop():
    """Against the same counted anew, and after a command that sends orders."""
    config = settings(limits={"max_open_positions": 3}, manager={"quoted": ["TON"]}, latency={"response_ms": 700.0})
    setting = Setting(config, Decimal(10_000), 0, (), bar_only_of(TAPE), terms_of(config))
    one = build(choose_all((QUOTER, CHURN), config), TAPE.header, setting, lambda block: None)
    handle, seen = one.trader.handle, set()

    def counted():
        found, waiting = one.trader.books.under_way(one.loop.shared["silent_ns"].item(0))
        wallet = one.trader.books.wallets.wallet_of[TON]
        assert shares(one) == (found.positions, found.orders, sorted(waiting), [0, found.in_use[wallet], 0])
        seen.add((found.positions, found.orders, len(waiting)))

    def handled(reason):
        handle(reason)
        counted()

    one.trader.handle = handled
    drive(one, TAPE.blocks())
    assert len(seen) > 8
    one.trader.command("stop", "news", close=True, after=0)
    counted()


def test_what_the_desk_uses_is_part_of_the_states():
    one, _ = driven((QUOTER, CHURN), ["TON"], max_open_positions=3)
    assert one.loop.states["account_shared"] is one.loop.shared


def test_a_grant_names_wallet_and_margin_and_the_limits_of_the_account():
    limits = {"max_in_use": 0.4, "max_open_positions": 3, "max_open_orders": 44, "unknown_s": 0.5}
    one, _ = driven([QUOTER], **limits, unknown_symbol=2, unknown_venue=6)
    assert one.loop.shared[0].item()[:6] == (0.4, 3, 44, SECOND // 2, 2, 6)
    rules = one.loop.venue.rules
    assert one.loop.envelopes["margin"].tolist() == [0.1] * 3
    assert one.loop.envelopes["wallet"].tolist() == rules["wallet"].tolist()


def test_each_wallet_is_told_what_is_used_of_it():
    one, _ = driven([QUOTER])
    one.loop.envelopes["wallet"] = [0, 1, 0]
    found = Exposure(positions=2, orders=3)
    found.in_use.update({0: 50, 1: 70})
    one.trader._grants.share(found, [9, 5])
    assert shares(one) == (2, 3, [5, 9], [50, 70, 50])
    one.trader._grants.share(Exposure(), [])
    assert shares(one) == (0, 0, [], [0, 0, 0])
