"""C1, F3: what the venue's insurance bears of a loss beyond an isolated margin is the trade's, however it ended."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from small_bars import minutes
from small_runs import machine, settings
from small_strategies import Churn
from tickerml.engine.machine import drive
from tickerml.tape.block import Block
from tickerml.tape.rows import Kind
from tickerml.tape.tape import MemoryTape

CASH = 10_000
GAPS = ((100, 0.7), (180, 1.5), (260, 0.6), (340, 1.6))  # between the close of the bar before and the open of this one


def gapped(*gaps, bars=400):
    """A walk whose price jumps where nobody can trade."""
    tape = minutes(bars, seed=5, sigma=0.0002)
    (block,) = tape.blocks()
    rows, told = block.rows.copy(), block.bars.copy()
    for at, factor in gaps:
        for name in ("open", "high", "low", "close"):
            told[name][at:] = (told[name][at:] * factor).round()
    rows["price"] = told["close"]
    return MemoryTape(tape.header, (Block(rows, bars=told),))


def played(tape, *, stop, leverage=20.0, cross=False, **account):
    strategy = Churn(
        style="market", stop=stop, target=0.9, horizon_s=36_000.0, every=600.0, size=0.1, leverage=leverage
    )
    one, made = machine(strategy, tape, settings(account={"isolated": not cross, **account}), cash=CASH)
    desk = one.trader.desk
    desk.limits = replace(desk.limits, liquidation_stops=0.0)  # no desk that can be set up would enter here
    drive(one, tape.blocks())
    return one, [json.loads(b.blobs[int(r["ref"])]) for b in made for r in b.rows if r["kind"] == Kind.SETTLED]


def adds_up(one, settled):
    """Trades are the money: pnl the change of cash, fees those of the positions, insurance what they were spared."""
    wallets, positions = one.trader.books.wallets, one.loop.positions
    assert not positions["position"].any()
    money = {name: sum(Decimal(s.get(name, 0)) for s in settled) for name in ("gross", "fees", "pnl", "insured")}
    end = wallets.amount(0, int(one.loop.core[0]["cash"][0]))
    assert money["pnl"] == end - CASH
    assert money["fees"] == wallets.amount(0, int(positions["fees"].sum()))
    assert money["insured"] == wallets.amount(0, int(positions["insured"].sum()))
    assert money["gross"] == wallets.amount(0, int(positions["realised"].sum())) + money["insured"]
    assert all(Decimal(s["pnl"]) == Decimal(s["gross"]) - Decimal(s["fees"]) + Decimal(s["funding"]) for s in settled)
    return [s for s in settled if "insured" in s]


@pytest.mark.parametrize("tiers", ["none", "binance"])
def test_a_stop_beyond_the_margin_loses_the_margin_and_no_more(tiers):
    one, settled = played(gapped(*GAPS), stop=0.01, tiers=tiers)
    spared = adds_up(one, settled)
    assert spared
    for s in spared:
        margin = Decimal(s["entry"]) * Decimal(s["qty"]) / 20
        assert Decimal(s["gross"]) == pytest.approx(-margin, rel=Decimal("0.05"))


def test_what_is_liquidated_pays_its_fee_and_no_negative_one():
    one, settled = played(gapped(*GAPS), stop=0.03, tiers="binance")
    spared = adds_up(one, settled)
    assert spared
    assert all(Decimal(s["fees"]) >= 0 for s in settled)


def test_what_the_end_of_the_data_finds_beyond_its_margin():
    found = adds_up(*played(gapped((150, 0.7), bars=151), stop=0.8, leverage=5.0, tiers="none"))
    assert {s["reason"] for s in found} == {"end of data"}


def test_where_nothing_is_borne_nothing_is_told():
    assert not adds_up(*played(minutes(400, seed=5, sigma=0.0002), stop=0.01))
    assert not adds_up(*played(gapped(*GAPS), stop=0.01, cross=True, tiers="none"))
