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
from tickerml.tape.block import concat
from tickerml.tape.build import Builder
from tickerml.tape.rows import Kind
from tickerml.tape.tape import MemoryTape
from tickerml.views import chapters, figures
from tickerml.views.read import read_story
from tickerml.views.result import result

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
    return request.param, machine, concat(made), read_story(MemoryTape(tape.header, tuple(made)), {"cash": "10000"})


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


def test_quotes_are_told_where_there_are_any(told):
    name, _, _, story = told
    assert (figures.quoted(story) != 0) == ("quotes" in name)
    assert ("quotes closed before fees" in chapters.where_money(story)) == ("quotes" in name)
    if name == "quotes":
        assert (story.trades, figures.gross(story)) == ((), 0)
