"""Section `account`: each key reaches the venue's terms, changes what it says, and a run with it replays."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import ClassVar

import numpy as np
import pytest

from small_bars import minutes
from small_runs import market, run, settings
from small_strategies import Churn
from tickerml.account.brackets import BTCUSDT, ETHUSDT
from tickerml.account.wallets import OTHER, RECEIVED
from tickerml.config import Account, from_mapping
from tickerml.engine.venue_setup import Terms
from tickerml.run.backtest import backtest
from tickerml.run.record import RunTape, header_of, read_manifest
from tickerml.run.replay import replay
from tickerml.run.setup import Setting, build, terms_of, with_least
from tickerml.run.strategies import choose
from tickerml.strategies.wake import Every
from tickerml.tape.block import Block
from tickerml.tape.errors import ConfigError, RunError
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Pass, Setup
from tickerml.tape.rows import HOUR, Kind
from tickerml.tape.tape import Header, MemoryTape
from tickerml.views import figures

CHANGED = {
    "isolated": True,
    "hedge": True,
    "tiers": "binance",
    "liquidation_fee": 0.02,
    "spot_wallets": True,
    "fee_in": "other",
    "fee_currency": "TON",
    "fee_discount": 0.5,
    "balances": {"TON": 3.5},
    "min_notional": 7.0,
}


def test_every_key_reaches_the_terms_of_the_venue():
    assert set(CHANGED) == {f.name for f in fields(Account)}
    terms = terms_of(from_mapping({"account": CHANGED, "trading": {"leverage": 4.0}}))
    assert (terms.isolated, terms.hedge, terms.liquidation_fee, terms.margin) == (True, True, 0.02, 0.25)
    assert terms.tiers["BTC/USDT:USDT"] is BTCUSDT
    assert terms.tiers[""] is ETHUSDT
    assert (terms.spot_wallets, terms.fee_in, terms.fee_currency, terms.fee_discount) == (True, OTHER, "TON", 0.5)
    assert terms.balances == {"TON": Decimal("3.5")}
    received = from_mapping({"account": {"spot_wallets": True, "fee_in": "received"}})
    assert terms_of(received).fee_in == RECEIVED
    usual = terms_of(from_mapping({}))
    assert (usual.margined, usual.spot_wallets, usual.tiers) == (False, False, {})
    assert usual.liquidation_fee == Terms().liquidation_fee


@pytest.mark.parametrize(("key", "value"), [("fee_in", "other"), ("fee_in", "received"), ("balances", {"BNB": 1.0})])
def test_what_only_wallets_can_do_is_refused_without_them(key, value):
    with pytest.raises(ConfigError, match="spot_wallets") as error:
        from_mapping({"account": {key: value}})
    assert (error.value.code, error.value.key) == ("config-conflict", f"account.{key}")


def test_the_smallest_order_holds_where_the_source_names_none():
    header = minutes(10).header
    config = from_mapping({"account": {"min_notional": 5.0}})
    assert with_least(header, config).instruments[0].min_notional == 5
    made = market("busy", minutes=3).header  # these name one
    assert with_least(made, config) == made
    assert with_least(header, from_mapping({})) is header


@pytest.mark.parametrize("account", [{"tiers": "binance"}, {"isolated": True, "hedge": True}], ids=str)
def test_a_run_with_futures_margin_trades_and_replays(account, tmp_path):
    config = settings(account=account, trading={"leverage": 10.0})
    run = backtest(Churn(), market("busy", minutes=3, rows=9000), config=config, run_dir=tmp_path / "run")
    assert len(run.story.trades) > 3
    assert replay(run.path).identical


def test_orders_below_the_smallest_are_refused_by_name(tmp_path):
    config = settings(account={"min_notional": 5000.0}, dca={"drop": 0.005, "rsi_below": 60.0, "timeframe": "1m"})
    run = backtest("dca", minutes(3000), config=config, run_dir=tmp_path / "run")
    assert not run.story.trades
    assert {c.reason for c in run.story.decisions.refusals} == {"below_min_notional"}


def spot(k, symbol):
    base, _, quote = symbol.partition("/")
    return Instrument(
        id=k, venue="binance", symbol=symbol, raw=base + quote, tick=Decimal("0.01"), lot=Decimal("0.001"),
        base=base, quote=quote, settle=quote,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("symbols", "twice"),
    [
        (("BTC/USDT", "ETH/BTC"), "BTC"),
        (("ETH/BTC", "BTC/USDT"), "BTC"),
        (("BTC/USDT", "BTC/EUR"), "BTC"),
        (("BTC/USDT", "ETH/USDT"), ""),
        (("BTC/USDT", "BTC/USDT"), ""),
        (("BTC/USDT",), ""),
    ],
)
@pytest.mark.parametrize("wallets", [True, False])
def test_a_coin_that_would_be_spent_twice_is_refused(symbols, twice, wallets):
    """Equity fell by a quarter without a loss, and the close was asked for each second for ever."""
    header = Header("made", tuple(spot(k, symbol) for k, symbol in enumerate(symbols)), bar_only=True)
    config = from_mapping({"account": {"spot_wallets": wallets}})
    setting = Setting(config, Decimal(1000), terms=terms_of(config))
    if not (twice and wallets):
        assert build([choose("dca", config)], header, setting, lambda block: None)
        return
    with pytest.raises(ConfigError) as error:
        build([choose("dca", config)], header, setting, lambda block: None)
    assert error.value.code == "wallets"
    assert error.value.message.startswith(f"{twice} would be")


@pytest.mark.parametrize(("named", "least", "told"), [("0", 0.0, True), ("0", 5.0, False), ("5", 0.0, False)])
def test_a_source_without_a_smallest_order_says_so(named, least, told, tmp_path):
    """Orders of two dollars were filled, and nothing said that no venue would take them."""
    tape = minutes(200)
    header = replace(
        tape.header, instruments=tuple(replace(i, min_notional=Decimal(named)) for i in tape.header.instruments)
    )
    config = settings(account={"min_notional": least})
    made = backtest(Churn(every=60.0), replace(tape, header=header), config=config, run_dir=tmp_path / "run")
    assert any("names no smallest order" in note for note in made.manifest["notes"]) is told


@pytest.mark.parametrize(
    ("symbol", "names", "told"),
    [("BTC/USDT:USDT", (), True), ("BTC/USDT:USDT", ("funding",), False), ("BTC/USDT", (), False)],
)
def test_a_source_of_perpetuals_without_funding_says_so(symbol, names, told, tmp_path):
    tape = minutes(200)
    header = replace(tape.header, names=names, instruments=(replace(tape.header.instruments[0], symbol=symbol),))
    made = backtest(Churn(every=60.0), replace(tape, header=header), config=settings(), run_dir=tmp_path / "run")
    assert any("no funding rates" in note for note in made.manifest["notes"]) is told


@pytest.mark.parametrize("symbol", ["BTC/USDT", "BTC/USDT:USDT"])
@pytest.mark.parametrize("account", [{}, {"tiers": "binance"}, {"min_notional": 2_000.0}])
def test_cash_that_does_not_fit_the_unit_of_its_money_is_refused_with_the_most_that_does(symbol, account):
    """Eight decimals of price and size: money has sixteen, and int64 holds 920 of it."""
    tape = minutes(100)
    fine = replace(tape.header.instruments[0], symbol=symbol, tick=Decimal("1e-8"), lot=Decimal("1e-8"))
    tape = replace(tape, header=replace(tape.header, instruments=(fine,)))
    with pytest.raises(ConfigError, match=r"10,000 USDT does not fit.* at most 920") as caught:
        run("dca", tape, settings(account=account))
    assert caught.value.code == "money-unit"
    assert "--cash 920" in caught.value.try_
    one, _ = run("dca", tape, settings(account=account), cash=920)
    assert one.loop.core[0]["cash"][0] == 920 * 10**16


@dataclass(frozen=True)
class Holds:
    """Buys with a tenth of the equity at the first price, and holds."""

    wake: ClassVar = Every("1m")
    sees: ClassVar = ()
    state: ClassVar = np.dtype([("done", "i8")])

    def decide(self, view):
        if view.state["done"] or not view.close > 0:
            return Pass("once, at the first price")
        view.state["done"] = 1
        return Setup(1, 1000 * HOUR, 0.9, 0.2, size=0.1)


def test_money_that_outgrows_its_unit_ends_the_run_with_its_reason_and_keeps_what_was_done(tmp_path):
    """Of 920 at the start a tenth gains a fifth: more than the 922 that fit."""
    tape = minutes(100)
    fine = replace(tape.header.instruments[0], symbol="BTC/USDT", tick=Decimal("1e-8"), lot=Decimal("1e-8"))
    (block,) = tape.blocks()
    bars, rows = block.bars.copy(), block.rows.copy()
    bars["volume"] = rows["qty"] = 10**13
    for name in ("open", "high", "low", "close"):
        bars[name][50:] = bars[name][50:] * 6 // 5
    rows["price"] = bars["close"]
    tape = MemoryTape(replace(tape.header, instruments=(fine,)), (Block(rows, bars=bars),))
    with pytest.raises(RunError, match=r"the run ends here.* does not fit the money type") as caught:
        backtest(Holds(), tape, config=settings(trading={"initial_balance": 920.0}), run_dir=tmp_path / "run")
    assert caught.value.code == "money-unit"
    kept = RunTape(tmp_path / "run", header_of(read_manifest(tmp_path / "run")))
    assert any((b.rows["kind"] == Kind.FILL).any() for b in kept.blocks())


def test_coins_held_at_the_start_are_no_profit(tmp_path):
    """They were: 0.5 BTC beside 10,000 made a run of no trades look as if it had earned what they are worth."""
    tape = minutes(400)
    coin = replace(tape.header.instruments[0], symbol="BTC/USDT")
    tape = replace(tape, header=replace(tape.header, instruments=(coin,)))
    config = settings(account={"spot_wallets": True, "balances": {"BTC": 0.5}})
    made = backtest(Churn(every=60.0), tape, config=config, run_dir=tmp_path / "run", twins=4, leaks=False)
    story, closes = made.story, np.concatenate([b.bars["close"] for b in tape.blocks()]) * float(coin.tick)
    assert float(story.start_equity) == pytest.approx(10_000 + 0.5 * closes[0], rel=0.002)
    held = 0.5 * (closes[-1] - closes[0])
    traded = float(sum(t.pnl for t in story.trades))
    assert story.trades
    assert float(figures.net(story)) == pytest.approx(held + traded, abs=0.005 * float(story.start_equity))
    assert np.abs(story.twins.nets).max() < 0.05 * float(story.start_equity)
    assert sum(layer.money for layer in story.waterfall) == figures.net(story)
    one = run(Churn(every=60.0), tape, config)[0].trader.books
    assert one.wallets.amount(one.purse, one.begun) == story.start_equity
