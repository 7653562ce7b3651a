from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from run_tapes import ETH, MANIFEST, T0, Writer, settled, written

from tickerml.tape.rows import MINUTE, Kind
from tickerml.tape.tape import MemoryTape
from tickerml.views import figures
from tickerml.views.read import read_story
from tickerml.views.result import result


@pytest.fixture(scope="module")
def told():
    return read_story(written().tape(synthetic="calm, seed 7"), MANIFEST)


def test_trades_carry_exact_figures_and_the_levels_of_their_intent(told):
    first, second = told.trades if told.trades[0].coin.startswith("BTC") else reversed(told.trades)
    assert (first.coin, first.side, first.pnl, first.fees) == ("BTC/USDT:USDT", 1, Decimal("3.41"), Decimal("1.6"))
    assert first.notional == Decimal("1600.000")
    assert (first.stop, first.target) == (Decimal("63744"), Decimal("64512"))
    assert (first.exit_time - first.entry_time, first.mae, first.mfe) == (4 * MINUTE, 0.001, 0.004)
    assert (second.side, second.stop, second.reason, second.confidence) == (-1, None, "stop", 0.2)


def test_a_setup_that_was_never_filled_is_no_trade_and_no_forecast(told):
    assert len(told.trades) == 2
    assert [o.won for o in told.outcomes] == [True, False, True]  # the third: a signal that says it would have won


def test_reasons_are_counted_by_coin_whatever_else_their_blobs_hold(told):
    assert dict(figures.by_reason(told.decisions.passes)) == {"ratio-neutral": 75, "spread-too-wide": 25}
    assert figures.by_reason(told.decisions.passes, "BTC/USDT:USDT") == [("ratio-neutral", 50)]
    assert figures.by_reason(told.decisions.refusals) == [("edge_below_cost", 1)]
    assert told.decisions.examples["edge_below_cost"].startswith("edge below cost (0.06 %")
    assert (told.decisions.signals, told.decisions.orders, told.decisions.fills, told.decisions.rejects) == (3, 2, 2, 1)
    assert figures.decisions(told) == 103


def test_the_account_starts_with_the_cash_and_ends_with_the_last_balance(told):
    assert (told.start_equity, told.final_equity) == (Decimal(10000), Decimal("10001.56"))
    assert figures.net(told) == figures.closed(told) == Decimal("1.56")
    assert told.curve.exposure.max() == 1600  # written as -1600: short
    assert told.curve.time[0] == T0


def test_manifest_and_header_fill_the_rest(told):
    assert (told.head.synthetic, told.head.source, told.head.trials) == ("calm, seed 7", "nexo", 3)
    assert told.recipe.parameters == {"long_above": "7.0", "mode": "absolute", "seed": "7"}
    assert told.recipe.command == "tickerml paper --seed 7"
    assert set(told.recipe.hashes) == {"decisions", "source", "kernels"}
    assert (told.health.rows, told.health.gaps, told.health.resyncs, told.health.lost) == (1234, 1, 2, None)
    assert [(x.name, x.money) for x in told.waterfall] == [
        ("at mid", Decimal("4.76")), ("fees", Decimal("-3.20")), ("queue", None)
    ]  # fmt: skip
    assert figures.residual(told) == 0


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_how_the_tape_is_cut_into_blocks_does_not_matter(told, cut):
    again = read_story(written().tape(cut, synthetic="calm, seed 7"), MANIFEST)
    assert result(again) == result(told)
    assert again.trades == told.trades
    assert np.array_equal(again.curve.equity, told.curve.equity)


def test_the_coins_of_a_run_are_those_decided_on():
    w = Writer()
    assert read_story(w.tape(), {}).head.coins == ("BTC/USDT:USDT", "ETH/USDT:USDT")
    assert read_story(w.tape(), {"pairs": ["ETH/USDT:USDT"]}).head.coins == ("ETH/USDT:USDT",)
    w.add(0, 0, Kind.PASS, {"strategy": "psc", "reason": "ratio-neutral"})
    assert read_story(w.tape(), {"pairs": ["ETH/USDT:USDT"]}).head.coins == ("BTC/USDT:USDT",)


def test_a_run_that_made_no_row_is_a_story_too():
    empty = read_story(MemoryTape(Writer().tape().header, ()), {"cash": "1000", "strategy": "psc"})
    assert (figures.net(empty), empty.trades, figures.worst_fall(empty)) == (0, (), None)


def test_the_stake_is_the_size_of_a_superp_position():
    w = Writer()
    w.add(0, 1, Kind.SETTLED, settled(0, 1, "3100", "3110", "5", qty="100", leverage=20.0, superp=True))
    assert read_story(w.tape(), {}).trades[0].notional == 2000


def test_sizes_of_inverse_contracts_are_worth_coins():
    w = Writer()
    w.add(0, 1, Kind.SETTLED, settled(0, 1, "2000", "2010", "0.001", qty="20"))
    tape = w.tape()
    inverse = replace(ETH, inverse=True, contract_size=Decimal(10), settle="ETH", lot=Decimal(1))
    tape = MemoryTape(replace(tape.header, instruments=(inverse,)), tape.held)
    assert read_story(tape, {}).trades[0].notional == Decimal("0.1")
