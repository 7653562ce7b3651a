"""A compiled strategy and one of the desk on one coin would share one position: they are kept apart, or refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from small_runs import eager, market
from small_strategies import Churn
from tickerml.engine.machine import drive
from tickerml.run.record import manifest_of
from tickerml.run.setup import Setting, bar_only_of, build, terms_of
from tickerml.run.strategies import choose, choose_all, known_coins, traded
from tickerml.strategies import quoter
from tickerml.tape.errors import ConfigError

TAPE = market("busy", minutes=1)  # BTC and TON


def built(strategies, pairs=(), **manager):
    config = eager(manager=manager)
    setting = Setting(config, Decimal(10_000), 0, pairs, bar_only_of(TAPE), terms_of(config))
    return build(choose_all(strategies, config), TAPE.header, setting, lambda block: None)


@pytest.mark.parametrize("order", [1, -1])
def test_one_coin_for_both_is_refused_with_both_names_the_coin_and_what_to_do(order):
    with pytest.raises(ConfigError) as error:
        built([quoter.Params(), Churn()][::order])
    assert error.value.code == "strategy"
    assert "quoter and churn would both trade BTC/USDT:USDT" in str(error.value)
    assert error.value.try_ == "name the coins that quoter alone trades: --param 'manager.quoted=[TON]'"
    with pytest.raises(ConfigError) as error:
        built([quoter.Params(), Churn()][::order], pairs=("BTC/USDT:USDT",))
    assert error.value.try_ == "leave one of the two out: -s churn"


def test_coins_that_are_kept_apart_are_traded_by_one_each():
    one = built([quoter.Params(), Churn()], quoted=["TON"])
    assert one.loop.envelopes["max_order"].astype(bool).tolist() == [False, True]
    assert [i.base for i in one.trader.strategies[0].traded] == ["BTC"]


def test_strategies_of_the_desk_alone_may_share_a_coin():
    one = built([Churn(), "psc"])
    assert [[i.base for i in woken.traded] for woken in one.trader.strategies] == [["BTC", "TON"], ["BTC"]]


@pytest.mark.parametrize("quoted", [["BTC", "TON"], ["ETH"]])
def test_a_strategy_that_no_coin_is_left_for_is_refused(quoted):
    with pytest.raises(ConfigError, match="no coin left"):
        built([quoter.Params(), Churn()], quoted=quoted)


def test_a_coin_that_the_source_does_not_have_is_refused():
    config = eager(manager={"quoted": ["TONN"]})
    with pytest.raises(ConfigError, match=r'manager.quoted has "TONN"'):
        known_coins([choose("quoter", config)], config, TAPE.header.instruments)


def test_the_quoters_coins_are_its_own_in_other_runs_too():
    config = eager(manager={"quoted": ["TON"]})
    known = TAPE.header.instruments
    assert [i.base for i in traded(choose("quoter", config), config, known, ())] == ["TON"]
    assert [i.base for i in traded(choose(Churn(), config), config, known, ())] == ["BTC"]


@pytest.mark.parametrize(("most", "pairs", "said"), [(1, (), True), (2, (), False), (1, ("BTC/USDT:USDT",), False)])
def test_a_run_says_that_not_all_of_its_coins_can_be_quoted_at_once(most, pairs, said):
    config = eager(limits={"max_open_positions": most})
    setting = Setting(config, Decimal(10_000), 0, pairs, bar_only_of(TAPE), terms_of(config))
    notes = manifest_of(choose_all([quoter.Params()], config), TAPE, setting, "backtest", "x", {})["notes"]
    (told,) = [one for one in notes if "quote" in one] or [""]
    assert told == said * (
        "quoter may quote 2 coins and has a position or quotes in 1 at once (limits.max_open_positions): "
        "which they are, the first quotes decide"
    )


def test_what_the_quoter_holds_counts_when_the_desk_judges_a_setup():
    one = built([quoter.Params(size=30.0, max_position=3_000.0, every=0.2), Churn()], quoted=["TON"])
    seen, facts = [], one.trader.books.facts

    def noted(*asked):
        found = facts(*asked)
        w, rule = one.loop.working[1], one.loop.venue.rules[1]
        long, short = int(w["position"] + w["buying"]), int(w["selling"] - w["position"])
        ask = one.trader.books.prices.touch(1)[1]
        seen.append((found.exposure.notional[1], max(long, short) * ask * int(rule["unit_value"])))
        assert found.exposure.side.get(1, 0) == (0 if not (long or short) else 1 if long >= short else -1)
        assert found.exposure.in_use[int(rule["wallet"])] >= seen[-1][0] * int(rule["margin_rate"]) // 100_000_000
        return found

    one.trader.books.facts = noted
    drive(one, TAPE.blocks())
    assert len({worth for worth, _ in seen}) > 2, "it held nothing: this shows nothing"
    assert all(mine == theirs for mine, theirs in seen)
