"""A trade of several legs in the parts of a run: its money on each leg's own pair, and once in the whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from small_runs import market, settings
from tickerml.run.backtest import backtest
from tickerml.strategies.wake import Every
from tickerml.tape.intents import Leg, Legs, Pass, Setup
from tickerml.tape.rows import MINUTE, Kind
from tickerml.views.parts import by_pair, by_strategy

VENUE = "synthetic"


@dataclass(frozen=True)
class Spread:
    """Buys one coin and sells the other, again and again."""

    wake: ClassVar = Every("20s")
    sees: ClassVar = ()

    def decide(self, view):
        if not view.close > 0 or view.instrument.base != "BTC" or view.position is not None:
            return Pass("waits")
        legs = [(symbol, side) for symbol, side in (("BTC/USDT:USDT", 1), ("ETH/USDT:USDT", -1))]
        return Legs(tuple(Leg(VENUE, s, Setup(side, MINUTE, stop=0.05, size=0.1)) for s, side in legs))


def test_each_pair_has_the_money_of_its_own_legs(tmp_path):
    tape = market("busy", minutes=4, coins=("BTC", "ETH"))
    run = backtest(Spread(), tape, config=settings(), run_dir=tmp_path / "run", leaks=False)
    trades = run.story.trades
    assert trades
    assert all(len(t.legs) == 2 for t in trades)
    made = defaultdict(Decimal)
    symbols = {i.id: i.symbol for i in tape.header.instruments}
    for block in run.tape.blocks():
        for row in block.rows[block.rows["kind"] == Kind.FILL]:
            made[symbols[int(row["inst"])]] -= Decimal(int(block.orders[row["ref"]]["fee"]))
    pairs, (whole,) = {one.name: one for one in by_pair(run.story)}, by_strategy(run.story)
    assert sum(one.pnl for one in pairs.values()) == whole.pnl == sum(t.pnl for t in trades)
    for symbol in ("BTC/USDT:USDT", "ETH/USDT:USDT"):
        mine = [leg for t in trades for leg in t.legs if leg.coin == symbol]
        assert pairs[symbol].figures.trades == len(mine) == len(trades)
        assert pairs[symbol].pnl == sum(leg.pnl for leg in mine) != 0
        assert sum(leg.fees for leg in mine) > 0
    fees = [-made[symbol] for symbol in ("BTC/USDT:USDT", "ETH/USDT:USDT")]
    told = [
        sum(leg.fees for t in trades for leg in t.legs if leg.coin == s) for s in ("BTC/USDT:USDT", "ETH/USDT:USDT")
    ]
    assert fees[0] * told[1] == fees[1] * told[0]  # the same fees as the venue's, in its unit
    assert {leg.strategy for t in trades for leg in t.legs} == {"spread"}
    assert [sum(leg.notional for leg in t.legs) for t in trades] == [t.notional for t in trades]
