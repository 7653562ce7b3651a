"""Fees and funding are the account's, whoever traded; what is told of the money adds up to the net (H3)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from small_bars import minutes
from small_runs import eager, market, settings
from small_strategies import Churn
from swept_market import Back
from tickerml.account.position import unrealised
from tickerml.engine.machine import drive
from tickerml.run.setup import Setting, bar_only_of, build, terms_of
from tickerml.run.strategies import choose_all
from tickerml.strategies import quoter
from tickerml.tape.block import Block, concat
from tickerml.tape.build import Builder
from tickerml.tape.rows import ROW, Kind
from tickerml.tape.tables import ORDER
from tickerml.tape.tape import MemoryTape
from tickerml.views import chapters, figures, parts
from tickerml.views.paid import Payments
from tickerml.views.read import _quoting, read_story
from tickerml.views.result import result
from tickerml.views.story import Paid, Prices, Quoted
from tickerml.views.when_where import when_where

QUOTED = settings(manager={"quoted": ["BTC"]})  # a compiled strategy has its coins to itself
LONG = Churn(style="market", stop=0.0199, target=0.04, horizon_s=20.0, size=0.2, every=1.0)


def funded():
    """Bars of one coin whose funding is exchanged twice while a trade is held, which is open at the end."""
    bars = minutes(300)
    builder = Builder(names=("funding",))
    (block,) = bars.blocks()
    builder.extend(block)
    for at, rate in ((100, 0.0001), (250, -0.0003)):
        time = int(block.rows["recv"][at]) + 1
        builder.value(time, time, 0, "funding", rate)
    made = builder.take()
    made.rows[...] = made.rows[np.argsort(made.rows["recv"], kind="stable")]
    return MemoryTape(replace(bars.header, names=builder.names), (made,))


RUNS = {
    "quotes": (quoter.Params(), lambda: market("busy", minutes=3), settings()),
    "setups": (LONG, lambda: market("busy", minutes=3), settings()),
    "psc": ("psc", lambda: market("busy", minutes=3), eager()),
    "setups and quotes": ([LONG, quoter.Params()], lambda: market("busy", minutes=3), QUOTED),
    "funding": (
        Back(stop=0.3, target=0.0, minutes=9_000, far=0.001), funded, settings(data={"bar_delay_ms": 2000.0}),
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=RUNS)
def told(request):
    """A run's name, its machine, its made rows, and its story."""
    strategy, tape, config = RUNS[request.param]
    tape, made = tape(), []
    setting = Setting(config, Decimal(10_000), 0, (), bar_only_of(tape), terms_of(config))
    machine = build(choose_all(strategy, config), tape.header, setting, made.append)
    drive(machine, tape.blocks())
    story = read_story(MemoryTape(tape.header, tuple(made)), {"cash": "10000"}, prices=at_marks(machine))
    return request.param, machine, concat(made), story


def at_marks(machine):
    """Prices that end where the books mark what is held."""
    books = machine.trader.books
    return {
        i.symbol: Prices(np.array([0]), np.array([books.prices.mark(i.id) * float(i.tick)])) for i in books.instruments
    }


def paid_by_rows(made, kind, name, machine):
    """The sum of a column of these rows' orders, of the purse's instruments, as money of the purse."""
    books = machine.trader.books
    rows = made.rows[made.rows["kind"] == kind]
    mine = [books.wallets.wallet_of[inst] == books.purse for inst in rows["inst"].tolist()]
    return books.wallets.amount(books.purse, int(made.orders[name][rows["ref"][mine]].sum()))


def test_fees_and_funding_are_those_of_the_rows_and_of_the_positions(told):
    name, machine, made, story = told
    books = machine.trader.books
    assert figures.fees(story) == paid_by_rows(made, Kind.FILL, "fee", machine) > 0
    assert figures.funding(story) == paid_by_rows(made, Kind.FUNDING, "amount", machine)
    for figure in ("fees", "funding"):
        kept = books.wallets.amount(books.purse, int(books.loop.positions[figure].sum()))
        assert getattr(figures, figure)(story) == kept
    assert (figures.funding(story) != 0) == (name == "funding")
    assert Decimal(result(story)["fees"]) == figures.fees(story)


def test_what_is_open_at_the_end_is_the_positions_at_their_marks(told):
    """Worked out from the positions, not as what is left over: no unit of money is told twice or not at all."""
    _, machine, _, story = told
    books = machine.trader.books
    positions, wallets = books.loop.positions, books.wallets
    worth = sum(
        int(unrealised(positions[n], contract, books.prices.mark(n)))
        for n, contract in enumerate(wallets.contracts)
        if positions[n]["position"]
    )
    realised = wallets.amount(books.purse, int(positions["realised"].sum()))
    held = wallets.amount(books.purse, worth)
    before = figures.gross(story) + figures.quoted(story) + figures.open_money(story)
    assert before == realised + held
    assert before - figures.fees(story) + figures.funding(story) == figures.net(story) != 0
    assert (figures.gross(story) + figures.quoted(story), figures.open_money(story)) == (realised, held)


def parted(name, story, machine):
    """The story with its strategies named, and the prices at its end."""
    quoting = "quoter" if "quotes" in name else ""
    names = tuple(dict.fromkeys(t.strategy for t in story.trades)) + ((quoting,) if quoting else ())
    return replace(story, head=replace(story.head, strategies=names, quoting=quoting))


def test_quotes_are_a_part_of_the_run(told):
    """What each strategy and each pair made adds up to the net, quotes among them."""
    name, machine, _, story = told
    story = parted(name, story, machine)
    by_strategy, by_pair = parts.by_strategy(story), parts.by_pair(story)
    assert [one.name for one in by_strategy] == [*story.head.strategies]
    made = figures.net(story) if story.head.quoting else figures.closed(story)
    assert sum(one.pnl for one in by_strategy) == sum(one.pnl for one in by_pair) == made
    if name == "quotes":
        (part,), fall = by_strategy, figures.worst_fall(story)
        assert part.pnl == figures.net(story) != 0
        assert figures.turnover(story) > 1
        assert part.max_drawdown.value == fall.share < 0
        assert result(story)["per_strategy"]["quoter"]["max_drawdown"] == fall.share


def test_quotes_on_several_coins_are_told_by_coin():
    """By instrument, from the machine's own positions; money over time is not kept by coin, and says so."""
    tape, made, config = market("busy", minutes=3, coins=("BTC", "ETH")), [], settings()
    setting = Setting(config, Decimal(10_000), 0, (), bar_only_of(tape), terms_of(config))
    machine = build(choose_all(quoter.Params(), config), tape.header, setting, made.append)
    drive(machine, tape.blocks())
    books, positions = machine.trader.books, machine.loop.positions
    story = read_story(MemoryTape(tape.header, tuple(made)), {"cash": "10000"}, prices=at_marks(machine))
    story = parted("quotes", story, machine)
    assert len(story.paid.quotes) == 2
    for quoted, inst in zip(story.paid.quotes, books.instruments, strict=True):
        p, contract = positions[inst.id], books.wallets.contracts[inst.id]
        worth = int(unrealised(p, contract, books.prices.mark(inst.id)))
        net = books.wallets.amount(books.purse, int(p["realised"] - p["fees"] + p["funding"]) + worth)
        assert (quoted.coin, quoted.net) == (inst.symbol, net)
    assert sum(q.net for q in story.paid.quotes) == figures.net(story)
    by_pair = result(story)["per_pair"]
    assert {coin: Decimal(one["pnl"]) for coin, one in by_pair.items()} == {q.coin: q.net for q in story.paid.quotes}
    assert {one["max_drawdown"] for one in by_pair.values()} == {None}
    assert result(story)["not_shown"]["per_pair.ETH/USDT:USDT.max_drawdown"] == "quoted beside other coins"


def test_quotes_that_stayed_here_are_told_by_what_kept_them():
    """One coin alone may begin: of the other it is told why it was never quoted."""
    tape, made, config = market("busy", minutes=1, coins=("BTC", "ETH")), [], settings(limits={"max_open_positions": 1})
    setting = Setting(config, Decimal(10_000), 0, (), bar_only_of(tape), terms_of(config))
    machine = build(choose_all(quoter.Params(), config), tape.header, setting, made.append)
    drive(machine, tape.blocks())
    told = read_story(MemoryTape(tape.header, tuple(made)), {"cash": "10000"}).decisions.quotes
    kept = {(one.coin, one.reason): one.n for one in told}
    assert kept["ETH/USDT:USDT", "positions-at-once"] > 100
    assert all(n > 0 for n in kept.values())
    assert sum(kept.values()) == machine.loop.working["refused"].sum()


def test_quotes_of_one_symbol_at_two_venues_are_one_pair(told):
    _, _, _, story = told
    coin = story.head.coins[0]
    both = (Quoted(coin, Decimal(7)), Quoted(coin, Decimal(-2)))
    before = sum((t.pnl for t in story.trades if t.coin == coin), Decimal(0))
    found = replace(story, paid=replace(story.paid, quotes=both), head=replace(story.head, quoting="quoter"))
    part = next(one for one in parts.by_pair(found) if one.name == coin)
    assert part.pnl == before + 5
    assert part.max_drawdown.shown


@pytest.mark.parametrize(("quotes", "names", "quoting"), [
    ((Quoted("A", Decimal(1)),), ["some"], "some"),
    ((Quoted("A", Decimal(1)),), ["some", "other"], ""),
    ((), ["some"], ""),
])  # fmt: skip
def test_a_run_that_does_not_say_which_strategy_is_compiled(quotes, names, quoting):
    """An older one: alone it is told by what it did, beside others it cannot be told."""
    strategies, paid = [{"name": name} for name in names], Paid(Decimal(0), Decimal(0), quotes=quotes)
    assert _quoting(strategies, paid) == quoting
    assert _quoting([*strategies, {"name": "said", "compiled": True}], paid) == "said"


def test_pairs_that_were_only_quoted_have_their_table(told):
    name, machine, _, story = told
    story = parted(name, story, machine)
    found = when_where(replace(story, trades=()))
    assert ("Each pair as a table" in found) == (name != "funding" and bool(figures.quoted(story)))
    assert ("beside all trades" in found) == bool(figures.quoted(story))


def test_quotes_are_told_where_there_are_any(told):
    name, _, _, story = told
    assert (figures.quoted(story) != 0) == ("quotes" in name)
    assert ("quotes closed before fees" in chapters.where_money(story)) == ("quotes" in name)
    if name == "quotes":
        assert (story.trades, figures.gross(story)) == ((), 0)


@pytest.mark.parametrize(("currency", "borne"), [(0, Decimal("0.30")), (3, Decimal(0))])
def test_what_insurance_bore_of_a_quoters_loss_is_part_of_what_it_made(currency, borne):
    """Bought at 1.00, closed at 0.50: 0.5 of one lot each; `amount` beside a fee in coins is that fee."""
    (thing,) = minutes(2).header.instruments
    rows, orders = np.zeros(2, ROW), np.zeros(2, ORDER)
    rows["kind"], rows["ref"], rows["qty"] = int(Kind.FILL), (0, 1), 1_000
    rows["side"], rows["price"] = (1, -1), (100, 50)
    orders["id"], orders["fee"] = (1, 2), (1_000_000, 0)
    orders["amount"], orders["currency"] = (0, 30_000_000), currency
    paid = Payments()
    paid.add(Block(rows, orders=orders))
    (quoted,) = paid.total([thing], "USDT", 8, [], {}).quotes
    assert quoted.net == Decimal("-0.50") - Decimal("0.01") + borne
