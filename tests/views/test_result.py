"""H3: the result of a run for machines: parts, benchmarks, and why a statistic is not shown."""

import json
import math
from dataclasses import replace
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from run_tapes import MANIFEST, Writer, settled, written
from stories import COINS, START, idle, short_run, story

from tickerml.tape.rows import DAY, HOUR, MINUTE, SECOND, Kind
from tickerml.views import chances, figures, parts
from tickerml.views.charts.m4 import m4
from tickerml.views.read import read_story
from tickerml.views.result import result
from tickerml.views.story import KEEP, Curve, Prices


def two_strategies():
    run = story(120, coins=COINS[:3], days=120)
    trades = tuple(replace(t, strategy=("dca", "swing")[n % 3 == 0]) for n, t in enumerate(run.trades))
    return replace(run, trades=trades, head=replace(run.head, strategy="dca+swing", strategies=("dca", "swing", "psc")))


def test_h3_the_keys_of_the_contract_are_there_and_plain():
    found = json.loads(msgspec.json.encode(result(two_strategies())))
    keys = "per_strategy per_pair sharpe deflated_sharpe trials benchmark ambiguous_bars leaks not_shown"
    assert set(keys.split()) <= set(found)
    assert {"buy_and_hold", "random_entry_p", "null_twin_p"} <= set(found["benchmark"])
    for one in (*found["per_strategy"].values(), *found["per_pair"].values()):
        assert set(one) == {"trades", "win_rate", "pnl", "sharpe", "max_drawdown"}
    assert found["trials"] == 144
    assert 0 <= found["deflated_sharpe"] <= 1
    assert found["sharpe_95"][0] < found["sharpe"] < found["sharpe_95"][1]


def test_what_an_import_refused_is_told_as_the_check_of_data_tells_it():
    run = two_strategies()
    assert result(run)["problems"] == {}
    refused = replace(run, health=replace(run.health, problems={"file-truncated": 1}))
    assert result(refused)["problems"] == {"file-truncated": 1}


def test_h3_parts_add_up_to_the_whole():
    run = two_strategies()
    found = result(run)
    for kind in ("per_strategy", "per_pair"):
        assert sum(Decimal(one["pnl"]) for one in found[kind].values()) == figures.closed(run)
        assert sum(one["trades"] for one in found[kind].values()) == 120
    dca = [t for t in run.trades if t.strategy == "dca"]
    assert found["per_strategy"]["dca"]["win_rate"] == sum(t.pnl > 0 for t in dca) / len(dca)
    assert list(found["per_pair"]) == list(COINS[:3])


def test_h3_a_strategy_that_did_not_trade_is_named_and_its_statistics_are_not_made_up():
    found = result(two_strategies())
    assert found["per_strategy"]["psc"] == {
        "trades": 0, "win_rate": None, "pnl": "0", "sharpe": None, "max_drawdown": 0.0
    }  # fmt: skip
    assert found["not_shown"]["per_strategy.psc.win_rate"] == "no trades"
    assert found["not_shown"]["per_strategy.psc.sharpe"] == "no trade"


def test_h3_metrics_are_those_of_lab_and_say_why_there_is_none():
    run = two_strategies()
    told = result(run)
    gains = [float(t.pnl) for t in run.trades if t.pnl > 0]
    losses = [-float(t.pnl) for t in run.trades if t.pnl < 0]
    assert told["metrics"]["profit_factor"] == pytest.approx(sum(gains) / sum(losses))
    assert told["metrics"]["expectancy"] == pytest.approx(float(figures.closed(run)) / 120)
    assert told["metrics"]["drawdown_days"] == pytest.approx(figures.worst_fall(run).lasted / DAY)
    assert told["metrics"]["sortino"] == chances.curve(run).sortino.value
    short = result(story(81, days=60))
    assert short["metrics"]["annual_return"] is None
    assert short["not_shown"]["metrics.annual_return"] == "60 days, needs 90"
    assert result(idle())["not_shown"]["metrics.profit_factor"] == "no trades"


def test_h3_trades_by_regime_month_and_hour_are_all_trades():
    run = two_strategies()
    trades = tuple(replace(t, regime=("bull", "")[n % 2]) for n, t in enumerate(run.trades))
    told = result(replace(run, trades=trades))
    for kind in ("per_regime", "per_month", "per_hour"):
        assert sum(one["trades"] for one in told[kind].values()) == 120
        assert list(told[kind]) == sorted(told[kind])
    assert list(told["per_regime"]) == ["bull", "not known"]
    assert list(told["per_month"]) == ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert set(told["per_hour"]) <= {f"{hour:02d}" for hour in range(24)}
    assert result(idle())["per_hour"] == {}


def test_h3_a_staked_position_loses_its_stake_at_most_while_it_is_open():
    """Notional times the move of the price was thousands of times the stake: a fall that no account had."""
    run = held_often()
    trade = max(run.trades, key=lambda t: t.exit_time - t.entry_time)
    staked = replace(trade, superp=True, qty=Decimal(100), notional=trade.notional * 10_000, pnl=Decimal(0))
    start = float(run.start_equity)
    lowest = float(parts.curve_of(run, [staked])[1].min())
    assert lowest == start - 100
    assert float(parts.curve_of(run, [replace(staked, superp=False)])[1].min()) < 0


def test_h3_a_single_strategy_is_the_run():
    """A run of one strategy whose balance is written at each price has the worst fall and Sharpe ratio of its part."""
    run = held_often()
    (part,) = parts.by_strategy(run)
    assert part.max_drawdown.value == pytest.approx(figures.worst_fall(run).share, abs=1e-12)
    assert part.sharpe.value == pytest.approx(chances.sharpe(run).raw.value, rel=1e-9)
    assert part.pnl == figures.net(run)


def held_often():
    """Twelve trades of one coin over 60 days, its equity marked every hour."""
    base = story(12)
    time = START + np.arange(60 * 24 + 1) * HOUR
    close = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.004, len(time))))
    money, trades = np.full(len(time), 10_000.0), []
    for first, last, side in ((n * 120 + 7, n * 120 + 100, 1 if n % 3 else -1) for n in range(12)):
        pnl = side * 5000 * (close[last] / close[first] - 1)
        money[first:last] += side * 5000 * (close[first:last] / close[first] - 1)
        money[last:] += pnl
        entry, exit_ = Decimal(repr(float(close[first]))), Decimal(repr(float(close[last])))
        trades.append(
            replace(
                base.trades[0], coin=COINS[0], side=side, entry_time=int(time[first]), exit_time=int(time[last]),
                entry=entry, exit=exit_, notional=Decimal(5000), fees=Decimal(0), pnl=Decimal(repr(float(pnl))),
            )
        )  # fmt: skip
    net = sum(t.pnl for t in trades)
    return replace(
        base, trades=tuple(trades), prices={COINS[0]: Prices(time, close)}, final_equity=Decimal(10_000) + net,
        curve=Curve(time, money, money, np.zeros(len(time))),
        head=replace(base.head, coins=COINS[:1], end=int(time[-1]), trials=1),
    )  # fmt: skip


def test_h3_a_ratio_of_few_trades_is_not_shown():
    run = held_often()
    few = replace(run, trades=run.trades[:9])
    assert result(few)["per_strategy"]["psc"]["sharpe"] is None
    assert result(few)["not_shown"]["per_strategy.psc.sharpe"] == "9 trades, needs 10"


def test_h3_too_little_data_is_null_with_the_reason_in_words():
    found = result(short_run(7))
    assert (found["sharpe"], found["deflated_sharpe"], found["pnl_95"]) == (None, None, None)
    assert found["not_shown"]["sharpe"] == "19 hours, needs 30 days"
    assert found["not_shown"]["pnl_95"] == "7 trades, needs 10"
    assert found["not_shown"]["benchmark.random_entry_p"] == "7 trades, needs 10"
    assert found["not_shown"]["benchmark.null_twin_p"] == "none were made"
    assert result(idle())["not_shown"]["sharpe"] == "19 hours, needs 30 days"


def test_h3_twins_give_a_p_value_and_it_is_no_longer_missing():
    run = story(81, twins=True)
    found = result(run)
    worse = int((run.twins.nets >= float(figures.net(run))).sum())
    assert found["benchmark"]["null_twin_p"] == pytest.approx((worse + 1) / 301)
    assert found["benchmark"]["twins"] == 300
    assert "benchmark.null_twin_p" not in found["not_shown"]


def foreseen(right):
    """Sixty trades of an hour each, all on the side that wins (`right`), or each on a random side."""
    rng = np.random.default_rng(8)
    run = story(60, days=60)
    time = START + np.arange(60 * 24 + 1) * HOUR
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(time))))
    at = np.sort(rng.choice(60 * 24 - 2, 60, replace=False))
    trades = []
    for trade, k in zip(run.trades, at.tolist(), strict=True):
        side = (1 if close[k + 1] > close[k] else -1) if right else int(rng.choice([-1, 1]))
        pnl = Decimal(repr(round(float(side * 1000 * (close[k + 1] / close[k] - 1)), 6)))
        moved = {"entry_time": int(time[k]), "exit_time": int(time[k + 1]), "coin": COINS[0], "side": side}
        trades.append(replace(trade, **moved, notional=Decimal(1000), fees=Decimal(0), pnl=pnl))
    head = replace(run.head, coins=COINS[:1], end=int(time[-1]))
    return replace(run, head=head, trades=tuple(trades), prices={COINS[0]: Prices(time, close)})


def test_h3_random_entries_know_a_foreseen_market_from_a_guessed_one():
    assert result(foreseen(right=True))["benchmark"]["random_entry_p"] < 0.01
    assert result(foreseen(right=False))["benchmark"]["random_entry_p"] > 0.05
    bare = replace(foreseen(right=True), prices={})
    assert result(bare)["not_shown"]["benchmark.random_entry_p"] == "no prices of 1 coin"


def test_h3_leaks_are_what_the_manifest_says():
    leak = {
        "strategy": "mine", "column": "rsi", "bar": "2024-01-03T05:00:00Z", "line": 41, "file": "mine.py"
    }  # fmt: skip
    told = [result(read_story(written().tape(), {**MANIFEST, "leaks": leaks}))["leaks"] for leaks in ([leak], [], None)]
    assert told == [[leak], [], None]
    off = {**MANIFEST, "leak_check": "look-ahead not checked: --no-leak-check"}
    for manifest, why in ((MANIFEST, "not checked"), (off, off["leak_check"])):
        found = result(read_story(written().tape(), manifest))
        assert (found["leaks"], found["not_shown"]["leaks"]) == (None, why)


def test_f4_a_trade_knows_the_regime_at_its_entry():
    w = Writer()
    w.add(1, 0, Kind.PARAMS, {"strategy": "psc", "threshold": 1.0})
    w.add(2, 0, Kind.DESK, {"what": "trend", "from": "sideways", "to": "bull"})
    w.add(4, 0, Kind.DESK, {"what": "regime", "from": "NORMAL", "to": "PANIC"})
    w.add(6, 0, Kind.DESK, {"what": "regime", "from": "PANIC", "to": "NORMAL"})
    minute = 60 * 10**9
    start = int(w.tape().held[0].rows["recv"][0]) - minute
    for at in (1, 3, 5, 7):
        w.add(9, 0, Kind.SETTLED, settled(0, 1, "64000", "64200.5", "3.41", entry_time=start + at * minute))
    told = sorted(read_story(w.tape(), {}).trades, key=lambda t: t.entry_time)
    assert [t.regime for t in told] == ["sideways", "bull", "panic", "bull"]
    assert {t.regime for t in read_story(written().tape(), {}).trades} == {""}


def test_h3_a_month_of_bars_has_a_return_for_each_of_its_days():
    """It begins a second after midnight and ends with the bar told five minutes before the month does."""
    run, bar = held_often(), 5 * MINUTE
    time = START + np.arange(0, 31 * DAY, bar) + SECOND
    money = 10_000 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 1e-3, len(time))))
    month = replace(
        run, curve=Curve(time, money, money, np.zeros(len(time))),
        head=replace(run.head, start=int(time[0]), end=int(time[-1])),
    )  # fmt: skip
    days = chances.daily(month)
    assert (len(days), days[0], days[-1]) == (32, money[0], money[-1])
    assert chances.sharpe(month).raw.n == 31


def test_h3_thirty_days_are_those_of_which_the_ratio_is():
    run = held_often()
    for late, said in ((10, "29 whole days, needs 30 days"), (0, "")):
        begin, end = START + late * HOUR, START + (30 * 24 + late) * HOUR
        time = np.arange(begin, end + 1, HOUR)
        money = 10_000 + np.arange(len(time)) % 50.0
        month = replace(
            run, curve=Curve(time, money, money, np.zeros(len(time))), head=replace(run.head, start=begin, end=end)
        )
        assert chances.no_sharpe(month) == said
        assert result(month)["metrics"]["sortino"] is None if said else chances.curve(month).sortino.shown


def test_h3_a_run_has_one_length_whichever_figure_it_is_too_short_for():
    """Days at either end that lack at most four hours count, so that a ratio may be of a day more than have passed."""
    run = held_often()
    begin, end = START + 2 * HOUR, START + 29 * DAY - 3 * HOUR
    time = np.arange(begin, end + 1, HOUR)
    money = 10_000 + np.arange(len(time)) % 50.0
    month = replace(
        run, curve=Curve(time, money, money, np.zeros(len(time))), head=replace(run.head, start=begin, end=end)
    )
    assert len(chances.daily(month)) - 1 == 29
    told = {name: why for name, why in result(month)["not_shown"].items() if " days, needs " in why}
    assert set(told) >= {"sharpe", "metrics.sortino", "metrics.calmar"}
    assert {why.partition(",")[0] for why in told.values()} == {"28 days"}


def often(step, held, count=30, bars=40_001, coins=COINS[:1]):
    """Trades of `held` bars each, all coins' prices kept as a run keeps them."""
    run, rng = story(count), np.random.default_rng(6)
    time = START + np.arange(bars) * step
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.002, bars)))
    kept = m4(time, close, int(time[0]), int(time[-1]), KEEP)
    at = np.sort(rng.choice(bars // held - 1, count, replace=False)) * held
    trades = [
        replace(
            t, coin=coins[n % len(coins)], entry_time=int(time[k]), exit_time=int(time[k + held]),
            notional=Decimal(1000),
        )
        for n, (t, k) in enumerate(zip(run.trades, at.tolist(), strict=True))
    ]  # fmt: skip
    head = replace(run.head, coins=coins, start=START, end=int(time[-1]))
    one = Prices(time[kept], close[kept])
    return replace(run, head=head, trades=tuple(trades), prices=dict.fromkeys(coins, one)), close


@pytest.mark.parametrize("bars", [7_000, 9_000, 31_000])
def test_h3_redraws_hold_one_bar_where_a_trade_held_one(bars):
    run, close = often(5 * MINUTE, 1, bars=bars)
    found = chances.random_entry(run)
    moves = 1000 * np.diff(close) / close[:-1]
    assert found.nets.std() == pytest.approx(math.sqrt(30) * moves.std(), rel=0.06)


def test_h3_random_entries_of_trades_shorter_than_the_kept_prices_are_not_shown():
    run, _ = often(5 * MINUTE, 1)
    assert chances.random_entry(run) is None
    said = "trades last 5 min, prices are kept every 25 min"
    assert result(run)["not_shown"]["benchmark.random_entry_p"] == said
    long, close = often(5 * MINUTE, 48)
    moves = 1000 * (close[48:] / close[:-48] - 1)
    assert chances.random_entry(long).nets.std() == pytest.approx(math.sqrt(30) * moves.std(), rel=0.1)


def test_h3_coins_that_were_known_for_a_part_move_by_the_step_of_all():
    run, _ = often(5 * MINUTE, 48, coins=COINS[:2])
    short = Prices(START + np.array([0, 5 * MINUTE]), np.array([1.0, 1.1]))
    assert chances.random_entry(replace(run, prices={**run.prices, COINS[1]: short})) is not None
    still = Prices(np.array([START, START]), np.array([1.0, 1.1]))
    assert chances.no_random_entry(replace(run, prices={**run.prices, COINS[1]: still})) == "no prices of 1 coin"


def test_h3_days_are_those_of_the_run():
    assert len(chances.daily(held_often())) == 61
