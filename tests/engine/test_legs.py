"""Control "legs" in whole runs: a spread of two coins fills whole or is unwound, and is settled as one trade."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, ClassVar

import numpy as np
import pytest
from bar_path_tape import bars
from book_path_tape import DEEP, Books, closes, fills, moved, sent, settled, told
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from small_runs import machine, market, print_of, run, settings
from tickerml.engine import snapshot
from tickerml.engine.machine import drive, pieces
from tickerml.ledger.project import Projector
from tickerml.ledger.schema import TABLES
from tickerml.strategies.wake import Every
from tickerml.tape.errors import ConfigError
from tickerml.tape.intents import Entry, Leg, Legs, Pass, Setup, Target
from tickerml.tape.params import Range
from tickerml.tape.rows import HOUR, MINUTE, SECOND, Kind

VENUE, ONE, OTHER = "binance-usdm", "BTC/USDT:USDT", "ETH/USDT:USDT"


@dataclass(frozen=True)
class Spread:
    """Sells the coin that has run ahead of the other since the start, and buys the one behind; out when they meet."""

    apart: Annotated[float, Range(0, 1)] = 0.01  # how far one must have run ahead, fraction

    wake: ClassVar = Every("1s")
    sees: ClassVar = ()
    state: ClassVar = np.dtype([("first", "f8")])
    shared: ClassVar = np.dtype([("ahead", "f8")])

    def decide(self, view):
        if not view.close > 0:
            return Pass("no price")
        view.state["first"] = view.state["first"] or view.close
        gone = view.close / view.state["first"] - 1
        if view.instrument.symbol == ONE:  # asked before the other coin, which then knows how far this one has gone
            view.shared["ahead"] = gone
            return Pass("waits for the other")
        gap = float(view.shared["ahead"]) - gone
        if view.position is not None:
            return Target(0.0) if abs(gap) < self.apart / 4 else Pass("in a spread")
        if abs(gap) < self.apart:
            return Pass("together")
        side = -1 if gap > 0 else 1
        legs = [
            Leg(VENUE, symbol, Setup(to, HOUR, stop=0.05, size=0.1)) for symbol, to in ((ONE, side), (OTHER, -side))
        ]
        return Legs(tuple(legs), {"gap": gap})


@dataclass(frozen=True)
class Once:
    """One spread at the first prices of both, each leg with its own entries."""

    first: tuple[Entry, ...] = (Entry(),)
    second: tuple[Entry, ...] = (Entry(),)
    target: float = 0.2
    sizes: tuple[float | None, float | None] = (0.1, 0.1)
    symbol: str = OTHER
    horizon: int = HOUR
    told: list = field(default_factory=list, compare=False)

    wake: ClassVar = Every("1s")
    sees: ClassVar = ()
    shared: ClassVar = np.dtype([("done", "i8")])

    def decide(self, view):
        if view.instrument.symbol != OTHER or view.shared["done"] or not view.close > 0:
            return Pass("not now")
        view.shared["done"] = 1
        one = Setup(1, self.horizon, self.target, 0.05, self.first, self.sizes[0])
        other = Setup(-1, self.horizon, self.target, 0.05, self.second, self.sizes[1])
        return Legs((Leg(VENUE, ONE, one), Leg(VENUE, self.symbol, other)), {"score": 1.5})

    def on_settled(self, view, outcome):
        self.told.append(outcome)


def pair(until=8.0, last=None):
    """Two equal books; those of the second coin may end in another."""
    books = Books(2).book(0.0, *DEEP, 0).book(0.0, *DEEP, 1)
    for inst in (0, 1):
        books.quiet(0.5, until, inst=inst)
    if last is not None:
        for inst, book in last.items():
            books.book(until + 0.5, *book, inst)
            books.quiet(until + 1.0, until + 8.0, inst=inst)
    return books.tape()


def kinds(made, *wanted):
    return {kind.name: len(told(made, kind)) for kind in wanted}


def test_f3_a_spread_is_one_intent_one_approval_and_one_trade():
    """A plain strategy: the coins run apart by 2 %, meet again, and the trade is told with both legs."""
    apart = {0: moved(DEEP, 0.02), 1: DEEP}
    books = Books(2).book(0.0, *DEEP, 0).book(0.0, *DEEP, 1)
    for inst in (0, 1):
        books.quiet(0.5, 3.0, inst=inst).book(3.5, *apart[inst], inst).quiet(4.0, 8.0, inst=inst)
        books.book(8.5, *DEEP, inst).quiet(9.0, 14.0, inst=inst)
    one, made = run(Spread(), books.tape())
    assert kinds(made, Kind.INTENT, Kind.APPROVED, Kind.SETTLED, Kind.REFUSAL) == {
        "INTENT": 2,  # the spread, and the wish to hold nothing
        "APPROVED": 1,
        "SETTLED": 1,
        "REFUSAL": 0,
    }
    wish, gone = (figures for _, _, figures in told(made, Kind.INTENT))
    assert (wish["kind"], gone["kind"]) == ("legs", "target")
    assert [(leg["symbol"], leg["side"]) for leg in wish["legs"]] == [(ONE, -1), (OTHER, 1)]
    entries = sent(made)[:2]
    assert [e[0] for e in entries] == [4.0, 4.0]  # sent together
    assert [(e[1], e[2]) for e in entries] == [(0, -1), (1, 1)]
    (trade,) = settled(made)
    assert trade["reason"] == "closed"
    assert [leg["symbol"] for leg in trade["legs"]] == [ONE, OTHER]
    for name in ("gross", "fees", "funding", "pnl"):
        assert Decimal(trade[name]) == sum(Decimal(leg[name]) for leg in trade["legs"])
    lots = {e[1]: e[6] for e in entries}
    sold, bought = round(9_999 * 1.02), 10_001
    assert Decimal(trade["gross"]) == Decimal((sold - 10_001) * lots[0] + (9_999 - bought) * lots[1]) / 100_000
    assert (trade["side"], trade["entry"]) == (-1, format(Decimal(sold) / 100, "f"))
    assert not one.loop.positions["position"].any()
    books = one.trader.books
    cash = books.wallets.amount(books.purse, books.cash(books.purse))
    assert cash == 10_000 + Decimal(trade["pnl"])


def test_the_strategy_is_told_once_with_its_legs():
    asked = Once()
    _, made = run(asked, pair())
    (outcome,) = asked.told
    assert outcome.reason == "end of data"
    assert outcome.info["score"] == 1.5
    assert [leg.side for leg in outcome.legs] == [1, -1]
    assert outcome.pnl == pytest.approx(sum(leg.pnl for leg in outcome.legs))
    assert len(settled(made)) == 1


@pytest.mark.parametrize("legs_s", [2.0, 3.0])
def test_legs_s_what_is_filled_alone_is_closed(legs_s):
    """Control legs: the second leg rests far away; the first is closed legs_s after its fill was told."""
    second = (Entry(103.0),)
    _, made = run(Once(second=second), pair(), settings(limits={"legs_s": legs_s, "collar": 1.0, "collar_major": 1.0}))
    (close,) = closes(made)
    assert close[:2] == (pytest.approx(1.06 + legs_s), 0)
    assert [f[0] for f in fills(made)] == [1, -1]
    (trade,) = settled(made)
    assert trade["reason"] == "unwound"
    assert [leg["reason"] for leg in trade["legs"]] == ["unwound", "not filled"]


def test_legs_that_fill_in_time_stay():
    """The second leg rests at 100.5 and the market comes there 1.5 s after the first has filled."""
    tape = pair(2.0, {1: moved(DEEP, 0.01)})
    _, made = run(Once(second=(Entry(100.5),)), tape)
    assert settled(made)[0]["reason"] == "end of data"
    assert [leg["reason"] for leg in settled(made)[0]["legs"]] == ["end of data"] * 2
    assert len(fills(made)) == 2
    legs = settled(made)[0]["legs"]
    assert [(inst, lots) for inst, lots in settled(made)[0]["left"]] == [
        (inst, leg["side"] * int(Decimal(leg["qty"]) / tape.header.instruments[inst].lot))
        for inst, leg in enumerate(legs)
    ]


def test_a_leg_that_can_no_longer_be_filled_unwinds_at_once():
    """The second book is too thin for the size of a hundredth more: its rest is cancelled, nobody waits."""
    thin = ({9_999: 2_000, 9_900: 50_000}, DEEP[1])
    books = Books(2).book(0.0, *DEEP, 0).book(0.0, *thin, 1)
    for inst in (0, 1):
        books.quiet(0.5, 8.0, inst=inst)
    _, made = run(Once(), books.tape(), settings(limits={"depth_share": 1.0}))
    (trade,) = settled(made)
    assert trade["reason"] == "unwound"
    assert {one[1] for one in closes(made)} == {0, 1}
    assert max(one[0] for one in closes(made)) < 1.2


@pytest.mark.parametrize(
    ("last", "first_reason"), [(moved(DEEP, -0.06), "stop"), (moved(DEEP, 0.06), "target")], ids=["stop", "target"]
)
def test_when_one_leg_leaves_the_other_leaves(last, first_reason):
    _, made = run(Once(target=0.04), pair(4.0, {0: last, 1: DEEP}))
    (trade,) = settled(made)
    assert trade["reason"] == first_reason
    assert [leg["reason"] for leg in trade["legs"]] == [first_reason, "other leg"]
    assert max(leg["exit_time"] for leg in trade["legs"]) - min(leg["exit_time"] for leg in trade["legs"]) < SECOND


def test_all_or_none():
    """A leg that the desk refuses takes the other along; the refusal names the leg at fault."""
    books = Books(2).book(0.0, *DEEP, 0).book(0.0, *DEEP, 1)
    for inst in (0, 1):
        books.quiet(0.5, 4.0, inst=inst)
    _, made = run(Once(second=(Entry(90.0),)), books.tape())
    assert sent(made) == []
    ((_, _, no),) = told(made, Kind.REFUSAL)
    assert (no["code"], no["text"].split(":")[0]) == ("collar", "ETH/USDT")
    kinds_made = [int(r["kind"]) for b in made for r in b.rows]
    assert no["intent"] == kinds_made.index(Kind.INTENT)


@pytest.mark.parametrize(("sizes", "ratio"), [((0.1, 0.2), 2.0), ((0.1, 0.1), 1.0), ((None, None), 1.0)])
def test_a_hedge_keeps_its_proportion_when_one_leg_is_held_down(sizes, ratio):
    """The second leg may only be 3 % of the account (depth): the first shrinks along."""
    thin = (DEEP[0], DEEP[1])
    books = Books(2).book(0.0, *DEEP, 0).book(0.0, {t: n // 10 for t, n in thin[0].items()}, thin[1], 1)
    for inst in (0, 1):
        books.quiet(0.5, 4.0, inst=inst)
    _, made = run(Once(sizes=sizes), books.tape(), settings(limits={"depth_share": 0.1}))
    lots = [one[6] for one in sent(made)[:2]]
    assert lots[1] == 999  # a tenth of what its bids are worth, at the ask
    assert lots[1] / lots[0] == pytest.approx(ratio, rel=0.003)
    ((_, _, yes),) = told(made, Kind.APPROVED)
    assert f"{ONE}: legs" in yes["bound"]


def test_on_bars_both_fill_at_the_next_open():
    _, made = run(Once(), bars([100, 100, 101, 102, 102, 102], [50, 50, 50, 50, 50, 50]))
    (trade,) = settled(made)
    assert trade["reason"] == "end of data"
    assert len({leg["entry_time"] for leg in trade["legs"]}) == 1


def test_a_leg_that_the_run_does_not_trade_is_the_strategys_mistake():
    with pytest.raises(ConfigError) as caught:
        run(Once(symbol="XRP/USDT:USDT"), pair())
    assert caught.value.code == "intent"
    assert "XRP/USDT:USDT" in str(caught.value)


@pytest.mark.parametrize(
    "legs",
    [
        (Leg(VENUE, ONE, Setup(1, 1, stop=0.1)), Leg(VENUE, ONE, Setup(-1, 1, stop=0.1))),
        (Leg(VENUE, ONE, Setup(1, 1, stop=0.1)), Leg(VENUE, OTHER, Setup(1, 1, stake=1.0, superp=True, stop=0.1))),
    ],
    ids=["same instrument", "superp"],
)
def test_legs_that_cannot_be(legs):
    with pytest.raises(ConfigError) as caught:
        Legs(legs)
    assert caught.value.code == "intent"


def test_the_kill_switch_closes_all_legs():
    one, made = machine(Once(), pair())
    blocks = list(pieces(pair().blocks(), 1))
    for n, piece in enumerate(blocks):
        one.push(piece)
        if n == len(blocks) // 2:
            one.trader.command("stop", "enough", close=True, after=n)
    one.end()
    (trade,) = settled(made)
    assert trade["reason"] == "closed"
    assert all(Decimal(leg["exit"]) > 0 for leg in trade["legs"])


CASES = {
    "in time": (Once(second=(Entry(100.5),)), lambda: pair(2.0, {1: moved(DEEP, 0.01)})),
    "unwound": (Once(second=(Entry(100.9),)), lambda: pair(6.0)),
    "stop": (Once(), lambda: pair(4.0, {0: moved(DEEP, -0.06), 1: DEEP})),
}


@pytest.mark.parametrize("case", CASES)
def test_no_chunk_and_no_restart_changes_a_byte(case, tmp_path):
    """Which setups are legs, and until when they must fill, lies in the snapshot."""
    strategy, make = CASES[case]
    tape = make()
    whole = print_of(*run(strategy, tape))
    assert print_of(*run(strategy, tape, chunk=1)) == whole
    rows = sum(len(b) for b in tape.blocks())
    for at in range(12, rows, max(1, rows // 8)):
        first, before = machine(strategy, tape)
        for n, piece in enumerate(pieces(tape.blocks(), 1)):
            if n == at:
                break
            first.push(piece)
        snapshot.save(first, tmp_path / f"{at}.npz", at)
        second, after = machine(strategy, tape)
        drive(second, tape.blocks(), skip=snapshot.restore(second, tmp_path / f"{at}.npz"))
        assert print_of(second, before + after) == whole


@dataclass(frozen=True)
class Pairs:
    """A spread at each wake, with what its fields say; for random runs."""

    away: float = 0.0
    stop: float = 0.001
    target: float = 0.002
    horizon_s: float = 10.0

    wake: ClassVar = Every("2s")
    sees: ClassVar = ()
    shared: ClassVar = np.dtype([("n", "i8"), ("close", "f8"), ("busy", "i8")])

    def decide(self, view):
        if not view.close > 0:
            return Pass("no price")
        if view.instrument.base == "BTC":
            view.shared["close"], view.shared["busy"] = view.close, view.position is not None
            return Pass("the other is asked")
        if view.shared["busy"] or view.position is not None or not view.shared["close"] > 0:
            return Pass("in a trade")
        view.shared["n"] += 1
        side = 1 if view.shared["n"] % 2 else -1
        legs = []
        for inst, close, to in (
            ("BTC", float(view.shared["close"]), side),
            (view.instrument.base, view.close, -side),
        ):
            entries = (Entry(),) if not self.away else (Entry(close * (1 - to * self.away)),)
            symbol = view.instrument.symbol.replace(view.instrument.base, inst)
            setup = Setup(to, round(self.horizon_s * SECOND), self.target, self.stop, entries, 0.05)
            legs.append(Leg(view.instrument.venue, symbol, setup))
        return Legs(tuple(legs))


@examples(max_examples=15, deadline=None)
@given(
    st.builds(
        Pairs,
        away=st.sampled_from([0.0, 0.00005, 0.0005]),
        stop=st.sampled_from([0.0003, 0.001, 0.01]),
        target=st.sampled_from([0.0002, 0.001]),
        horizon_s=st.sampled_from([1.0, 7.0, 60.0]),
    ),
    st.sampled_from(["busy", "thin", "gap", "halt", "flash-crash"]),
    st.sampled_from([{}, {"model": "distribution", "params": {"lost": 0.1}}]),
)
def test_money_is_conserved_and_every_spread_is_settled_once(strategy, scenario, latency):
    tape = market(scenario, 1, minutes=4, coins=("BTC", "ETH"))
    one, made = run(strategy, tape, settings(latency=latency))
    trades = settled(made)
    intents, refused = len(told(made, Kind.INTENT)), len(told(made, Kind.REFUSAL))
    assert len(trades) == intents - refused
    assert len({trade["intent"] for trade in trades}) == len(trades)
    assert not one.loop.positions["position"].any()
    assert not one.trader.trades.setups.table["state"].any()
    books = one.trader.books
    final = books.wallets.amount(books.purse, books.cash(books.purse))
    assert final == 10_000 + sum(Decimal(trade["pnl"]) for trade in trades)
    for trade in trades:
        assert len(trade["legs"]) == 2
        assert Decimal(trade["pnl"]) == sum(Decimal(leg["pnl"]) for leg in trade["legs"])


def test_a_report_reads_a_spread_as_one_trade(tmp_path):
    """The ledger and the report take the money of both legs, and the notional of both."""
    from tickerml.views.settled import trade as read

    one, made = run(Once(), pair())
    (figures,) = settled(made)
    thing = one.trader.books.instruments[0]
    shown = read("BTC", thing, figures, json.loads(json.dumps({"legs": []})))
    assert shown.notional == sum(Decimal(leg["notional"]) for leg in figures["legs"])
    assert shown.pnl == Decimal(figures["pnl"])
    assert shown.mae is None


def test_the_ledger_keeps_a_spread_as_one_trade():
    """One decision with the gates of both legs, one trade with the money of both, orders of both under its intent."""
    one, made = run(Once(), pair(4.0, {0: moved(DEEP, -0.06), 1: DEEP}))
    projector = Projector("spread", one.trader.books.instruments)
    for block in made:
        projector.take(block)
    tables = {
        name: [dict(zip(TABLES[name].names, row, strict=True)) for row in rows]
        for name, rows in projector.batch().tables.items()
    }
    (trade,), (decision,), (figures,) = tables["trade_history"], tables["trade_decisions"], settled(made)
    assert trade["pnl"] == figures["pnl"]
    assert (trade["reason"], trade["intent"]) == ("stop", decision["seq"])
    named = {gate[0].split(" ", 1)[0] for gate in json.loads(decision["gates"])}
    assert named == {ONE, OTHER}
    assert {(order["symbol"], order["intent"]) for order in tables["orders"]} == {
        (ONE, decision["seq"]),
        (OTHER, decision["seq"]),
    }


def test_the_horizon_closes_both():
    _, made = run(Once(horizon=3 * SECOND), pair(8.0))
    (trade,) = settled(made)
    assert trade["reason"] == "timer"
    assert trade["exit_time"] - trade["entry_time"] < MINUTE
