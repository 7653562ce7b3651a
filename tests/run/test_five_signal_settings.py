"""C3: the settings of the five-signal strategy reach what a run trades, at what fees and with which weights."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from small_runs import machine, market, settings
from tickerml.config import Config, from_mapping
from tickerml.desk.settings import portfolio_at
from tickerml.run.again import as_told
from tickerml.run.record import _params
from tickerml.run.strategies import again, choose, choose_all, known_coins, traded
from tickerml.strategies.five_signal import FiveSignal
from tickerml.tape.errors import ConfigError

FIFTEEN = [
    "BTC",
    "ETH",
    "SOL",
    "XRP",
    "BNB",
    "AVAX",
    "ADA",
    "LINK",
    "DOGE",
    "LTC",
    "MATIC",
    "DOT",
    "BCH",
    "UNI",
    "ATOM",
]


def coins(*bases):
    """Instruments of these base coins."""
    some = market().header.instruments[0]
    return tuple(
        replace(some, id=k, base=base, symbol=f"{base}/USDT:USDT", raw=f"{base}USDT") for k, base in enumerate(bases)
    )


def named(config, instruments, pairs=None, strategy="five_signal"):
    return [i.base for i in traded(choose(strategy, config), config, instruments, pairs)]


def test_c3_fifteen_symbols_are_traded_of_all_that_a_source_has():
    """The list is the requirement's own: eleven of S4 and four of ours."""
    source = coins("NEXO", *FIFTEEN, "PEPE")
    assert named(Config(), source) == FIFTEEN
    assert named(from_mapping({"five_signal": {"symbols": ["PEPE", "BTC"]}}), source) == ["BTC", "PEPE"]
    assert named(from_mapping({"five_signal": {"symbols": []}}), source) == [i.base for i in source]
    assert named(Config(), source, strategy=FiveSignal(symbols=("PEPE",))) == ["PEPE"]


def test_c3_pairs_that_are_named_win_and_a_source_without_any_of_them_is_traded():
    assert named(Config(), coins("NEXO", "BTC"), ["NEXO/USDT:USDT"]) == ["NEXO"]
    assert named(Config(), coins("NEXO")) == ["NEXO"]


def test_c3_a_symbol_that_the_source_lacks_is_refused_where_a_person_named_it():
    source = coins("BTC")
    known_coins(choose_all("five_signal", Config()), Config(), source)
    told = from_mapping({"five_signal": {"symbols": ["BTC", "XYZ"]}})
    with pytest.raises(ConfigError, match='"XYZ"'):
        known_coins(choose_all("five_signal", told), told, source)


def test_c3_the_fee_gate_goes_by_the_accounts_fees():
    assert choose("five_signal", Config()).strategy.fees == pytest.approx(0.001)
    dear = from_mapping({"fees": {"taker": 0.002}})
    assert choose("five_signal", dear).strategy.fees == pytest.approx(0.004)
    assert choose(FiveSignal(), dear).strategy.fees == pytest.approx(0.004)
    own = from_mapping({"fees": {"taker": 0.002}, "five_signal": {"fees": 0.003}})
    assert choose("five_signal", own).strategy.fees == 0.003


def test_c3_what_a_strategy_was_made_with_stands_in_the_record_and_comes_back():
    made = choose(FiveSignal(symbols=("PEPE", "BTC")), from_mapping({"fees": {"taker": 0.002}}))
    kept = _params(made)
    assert kept["symbols"] == ("PEPE", "BTC")
    told = {**kept, "symbols": list(kept["symbols"])}  # as JSON gives it back
    found = again(made.source, told, Config())
    assert found.strategy == made.strategy
    assert as_told(found, told) == found


@pytest.mark.parametrize(
    ("balance", "mode"), [(18, "equal"), (19.99, "equal"), (20, "inverse_volatility"), (5000, "inverse_volatility")]
)
def test_c3_weights_by_balance_are_equal_below_20_and_by_volatility_from_there(balance, mode):
    assert portfolio_at("by_balance", balance) == mode
    one, _ = machine("five_signal", market(), settings(manager={"portfolio": "by_balance"}), cash=Decimal(str(balance)))
    assert one.trader.desk.portfolio.mode == mode


def test_c3_other_weights_do_not_go_by_the_balance():
    for mode in ("none", "equal", "inverse_volatility", "given"):
        assert portfolio_at(mode, 18.0) == portfolio_at(mode, 5000.0) == mode
