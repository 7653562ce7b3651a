"""H3: two runs compared. Each cause alone explains all where it is the only one; the rest is printed, never hidden."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

import tickerml as tml
from small_bars import minutes
from small_runs import WIDE, joined, market, settings
from small_strategies import Churn, Watcher
from tickerml.config import from_mapping, to_mapping
from tickerml.run import reopen
from tickerml.run.backtest import backtest
from tickerml.run.causes import CAUSES, DATA, FEES, LATENCY, PARAMETERS, QUEUE, STRATEGY, differences, taken_over
from tickerml.run.compare import compare
from tickerml.run.matching import Intent, Wishes, paired, wishes
from tickerml.run.paper import paper
from tickerml.run.record import read_manifest, write_manifest
from tickerml.run.replay import Replayed, replay
from tickerml.run.result import open_run
from tickerml.tape.block import Block
from tickerml.tape.errors import InputError
from tickerml.tape.rows import MINUTE, Kind
from tickerml.tape.tape import MemoryTape
from tickerml.views.figures import net
from tickerml.views.story import Trade

COINS = ("BTC", "TON")


@pytest.fixture(scope="module")
def tape():
    return market("busy", minutes=3, rows=9000)


@pytest.fixture(scope="module")
def made(tape, tmp_path_factory):
    """Makes runs of one strategy with some sections changed; one folder each."""
    root = tmp_path_factory.mktemp("runs")
    known = {}

    def make(name, strategy=None, source=None, mode=backtest, cash=None, **sections):
        if name not in known:
            source = source or tape
            given = strategy or Churn()
            known[name] = mode(given, source, config=settings(**sections), run_dir=root / name, cash=cash)
        return known[name]

    return make


def money(found, name):
    return next(c.money for c in found.found.causes if c.name == name)


ONE = {
    LATENCY: {"latency": {"entry_ms": 250.0, "response_ms": 80.0}},
    QUEUE: {"queue": {"model": "front"}},
    FEES: {"fees": {"maker": 0.001, "taker": 0.002}},
    PARAMETERS: {"limits": {"max_position": 0.1}},
}


@pytest.mark.parametrize("cause", list(ONE))
def test_one_cause_alone_explains_all_of_the_difference(made, cause):
    waits = {"strategy": Churn("limit", away=0.00002, ttl_s=4), "source": market("busy", minutes=3)}
    more = waits if cause == QUEUE else {}
    a, b = made("waits" if more else "a", **more), made(cause, **more, **ONE[cause])
    found = compare(a, b)
    assert not found.identical
    assert [c.name for c in found.found.causes] == [cause]
    assert money(found, cause) == Decimal(net(b.story)) - Decimal(net(a.story))
    assert found.found.residual == 0
    key = next(iter(ONE[cause][next(iter(ONE[cause]))]))
    assert key in " ".join(found.found.causes[0].differs)


def test_causes_together_leave_a_rest_that_is_printed(made):
    a, b = made("a"), made("two", **ONE[LATENCY], **ONE[FEES])
    found = compare(a, b)
    assert [c.name for c in found.found.causes] == [LATENCY, FEES]
    late = made("late", **ONE[LATENCY])
    dear = made(FEES, **ONE[FEES])
    nets = {run.id: Decimal(net(run.story)) for run in (a, b, late, dear)}
    assert money(found, LATENCY) == nets["two"] - nets[dear.id]  # b without its latency is the run with fees alone
    assert money(found, FEES) == nets["two"] - nets["late"]
    assert found.found.difference == sum(c.money for c in found.found.causes) + found.found.residual
    assert any(line.startswith("  together") for line in found.lines())


def test_other_strategies_and_their_parameters_are_causes_of_their_own(made):
    a, b = made("a"), made("tight", strategy=Churn(stop=0.001))
    found = compare(a, b)
    assert [(c.name, c.differs) for c in found.found.causes] == [(PARAMETERS, ("churn.stop 0.002 -> 0.001",))]
    assert found.found.residual == 0
    found = compare(a, made("watcher", strategy=Watcher()))
    assert STRATEGY in [c.name for c in found.found.causes]
    assert money(found, STRATEGY) == found.found.difference


def test_cash_and_seed_are_parameters(made):
    found = compare(made("a"), made("rich", cash=Decimal(50_000)))
    assert found.found.causes[0].differs == ("cash 10000 -> 50000",)
    assert found.found.residual == 0


def test_rows_that_one_run_never_saw_are_counted_named_and_weighed(made, tape):
    block = joined(tape)
    rows = block.rows
    start, stop = np.quantile(rows["recv"], (0.5, 0.7)).astype(np.int64)
    gone = (rows["recv"] >= start) & (rows["recv"] < stop) & (rows["inst"] == 0)
    gone &= np.isin(rows["kind"], (Kind.TRADE, Kind.DEPTH))
    left = Block(rows[~gone], block.messages, block.orders, block.bars, block.values, block.blobs)
    a, b = made("a"), made("holes", source=MemoryTape(tape.header, (left,)))
    found = compare(a, b)
    assert [c.name for c in found.found.causes] == [DATA]
    assert sum(g.only_a for g in found.found.gaps) == int(gone.sum())
    assert money(found, DATA) == found.found.difference
    text = "\n".join(found.lines())
    assert f"{int(gone.sum())} rows only in a" in text
    assert "not in holes" in text


def test_rows_that_made_no_difference_are_named_too(made, tape):
    block = joined(tape)
    last = np.flatnonzero((block.rows["kind"] == Kind.TRADE) & (block.rows["inst"] == 1))[-1]
    kept = np.delete(np.arange(len(block)), last)
    left = Block(block.rows[kept], block.messages, block.orders, block.bars, block.values, block.blobs)
    found = compare(made("a"), made("less", source=MemoryTape(tape.header, (left,))))
    assert found.identical
    assert found.found.causes == ()
    assert [(g.only_a, g.only_b) for g in found.found.gaps] == [(1, 0)]


def test_a_source_that_is_gone_is_said_and_left_in_the_rest(made, tape, monkeypatch):
    a, b = made("a"), made("gone", source=MemoryTape(tape.header, (joined(market("busy", minutes=3, rows=7000)),)))
    held = dict(reopen._HELD)
    held.pop(a.manifest["source"]["content_hash"])
    monkeypatch.setattr(reopen, "_HELD", held)
    found = compare(a, b)
    cause = found.found.causes[0]
    assert (cause.name, cause.money, cause.why) == (DATA, None, "its source is gone")
    assert found.found.residual == found.found.difference
    assert any("not run" in line for line in found.lines())


def test_paper_on_the_same_tape_is_the_backtest(made):
    found = compare(made("a"), made("paper", mode=paper))
    assert found.identical
    assert found.found.causes == ()
    assert "byte for byte" in found.lines()[1]  # behind the warning of a made-up market


def test_a_replay_is_its_own_answer(made):
    again = replay(made("a").path)
    assert isinstance(again, Replayed)
    assert compare(made("a"), again) is again


def test_other_code_is_a_cause_and_the_run_is_made_again_with_what_is_here(made, tmp_path, monkeypatch):
    a, b = made("a"), made(LATENCY, **ONE[LATENCY])
    manifest = {**read_manifest(b.path), "kernel_hash": "0" * 64}
    write_manifest(b.path, manifest)
    try:
        found = compare(a, open_run(b.path))
    finally:
        write_manifest(b.path, {**manifest, "kernel_hash": a.manifest["kernel_hash"]})
    by = {c.name: c for c in found.found.causes}
    assert by[STRATEGY].money == 0  # here it is the same code, so it made no difference
    assert by[LATENCY].money == found.found.difference
    assert "other code" in by[STRATEGY].differs[-1]


def test_a_setting_that_did_not_exist_then_stands_at_its_default(made):
    a, b = made("a"), made(LATENCY, **ONE[LATENCY])
    whole = read_manifest(a.path)
    config = {name: section for name, section in whole["config"].items() if name != "account"}
    try:
        write_manifest(a.path, {**whole, "config": config})
        found = compare(open_run(a.path), b)
    finally:
        write_manifest(a.path, whole)
    assert [c.name for c in found.found.causes] == [LATENCY]
    assert found.found.residual == 0


def test_money_of_two_currencies_has_no_difference(made, monkeypatch):
    a, b = made("a"), open_run(made("late", **ONE[LATENCY]).path)
    story = replace(b.story, head=replace(b.story.head, currency="BTC"))
    monkeypatch.setitem(vars(b), "story", story)
    with pytest.raises(InputError, match="USDT") as error:
        compare(a, b)
    assert error.value.code == "not-comparable"


def test_every_part_of_two_matched_trades_adds_up(made):
    found = compare(made("a"), made("two", **ONE[LATENCY], **ONE[FEES])).found
    assert found.matched()
    for pair in found.matched():
        assert sum(pair.parts().values()) == pytest.approx(pair.money, abs=Decimal("1e-9"))
    whole = sum(found.parts().values()) + sum(p.money for p in found.pairs if p not in found.matched())
    assert whole == pytest.approx(found.difference, abs=Decimal("1e-6"))


def test_every_trade_of_both_runs_is_in_one_pair(made):
    a, b = made("a"), made("two", **ONE[LATENCY], **ONE[FEES])
    pairs = compare(a, b).found.pairs
    for run, name in ((a, "a"), (b, "b")):
        mine = [getattr(p, name) for p in pairs if getattr(p, name) is not None]
        assert sorted(t.entry_time for t in mine) == sorted(t.entry_time for t in run.story.trades)


def _trade(pnl):
    one = Decimal(1)
    return Trade("X/Y", 1, 0, 1, one, one, one, Decimal(pnl), Decimal(0), Decimal(0), Decimal(pnl), one)


def _wishes(*told):
    found = Wishes()
    for seq, (strategy, coin, side, minute, fate) in enumerate(told):
        traded = _trade(seq) if fate == "traded" else None
        found.intents[seq] = Intent((strategy, coin, side), minute * MINUTE, {}, traded, fate)
    return found


def test_trades_match_by_strategy_coin_side_and_nearest_time():
    one = _wishes(("s", "X", 1, 10, "traded"), ("s", "X", 1, 13, "traded"), ("s", "Z", -1, 10, "traded"))
    two = _wishes(("s", "X", 1, 14, "traded"), ("s", "X", -1, 10, "traded"), ("t", "X", 1, 13, "traded"))
    pairs = paired(one, two, 5 * MINUTE)
    both = [(p.time // MINUTE, p.later // MINUTE) for p in pairs if p.a and p.b]
    assert both == [(13, 1)]
    assert len([p for p in pairs if p.a and not p.b]) == 2
    assert len([p for p in pairs if p.b and not p.a]) == 2
    assert paired(one, two, 0) == tuple(p for p in paired(one, two, 0) if not (p.a and p.b))


def test_what_became_of_a_wish_in_the_run_without_the_trade():
    one = _wishes(*(("s", "X", 1, 100 * n, "traded") for n in range(3)))
    two = _wishes(("s", "X", 1, 0, "refused: position open"), ("s", "X", 1, 101, "never filled"))
    assert [p.elsewhere for p in paired(one, two)] == ["refused: position open", "never filled", "not wished"]


def test_a_cause_taken_over_leaves_no_difference_of_that_cause(made):
    a = made("a").manifest
    b = made("two", **ONE[LATENCY], **ONE[FEES]).manifest
    assert set(differences(a, b)) == {LATENCY, FEES}
    assert set(differences(a, taken_over(LATENCY, b, a))) == {FEES}
    assert set(CAUSES) > {LATENCY, FEES}


def test_every_setting_of_a_run_is_some_cause():
    """No setting may be changed without a cause that shows it, besides the places where things lie."""
    plain = to_mapping(from_mapping({"limits": WIDE}))
    a = {"config": plain, "cash": "1", "seed": 0, "pairs": [], "strategies": [], "source": {"title": "x"}, "rows": 1}
    every = [("psc", "psc"), *((s, s) for s in ("dca", "swing", "channel", "five_signal", "ma_cross"))]
    a["strategies"] = [{"name": n, "source": s, "params": {}} for n, s in every]
    silent = set()
    for section, held in plain.items():
        for key in held:
            other = {**a, "config": {**plain, section: {**held, key: "other"}}}
            if not differences(a, other):
                silent.add(section if section in ("exchanges", "synthetic", "model") else f"{section}.{key}")
    chosen_before = {"manager.strategies", "ml_microstructure.enabled"}  # what is traded stands under strategies
    assert silent == {"synthetic", "model", "data.store", "data.runs", "trading.initial_balance"} | chosen_before


def test_the_door_takes_folders_and_draws_itself(made):
    found = tml.compare(made("a").path, str(made("two", **ONE[LATENCY], **ONE[FEES]).path))
    assert isinstance(found, tml.Comparison)
    page = found._repr_html_()
    assert "<img" in page
    assert "<script" not in page
    assert len(page) < 60_000
    assert all(len(line) <= 100 and line.isascii() for line in found.lines())
    assert found._repr_mimebundle_()["text/plain"] == str(found)


def test_json_has_the_figures_of_the_text(made):
    found = compare(made("a"), made("two", **ONE[LATENCY], **ONE[FEES]))
    told = found.summary()
    assert Decimal(told["difference"]) == found.found.difference
    assert Decimal(told["residual"]) == found.found.residual
    assert [c["cause"] for c in told["causes"]] == [LATENCY, FEES]
    assert told["trades"]["matched"] == len(found.found.matched())
    assert len(told["trades"]["pairs"]) == len(found.found.pairs)


def test_intents_are_read_with_their_refusals(made):
    run = made("refused", limits={"max_open_positions": 1, "cooldown_s": 60.0})
    found = wishes(run)
    assert len(found.intents) == run.manifest["counts"]["intent"]
    assert sum(i.trade is not None for i in found.intents.values()) == len(run.story.trades)
    refused = [i for i in found.intents.values() if i.fate.startswith("refused: ")]
    assert len(refused) == run.manifest["counts"]["refusal"] > 0


def test_bars_with_a_hole(tmp_path):
    tape = minutes(2000)
    block = joined(tape)
    kept = np.ones(2000, bool)
    kept[1200:1260] = False
    holes = MemoryTape(tape.header, (Block(block.rows[kept], bars=block.bars),))
    config = settings(dca={"drop": 0.01, "rsi_below": 50.0, "timeframe": "1m", "stop": 0.01, "target": 0.01})
    a, b = (backtest("dca", t, config=config, run_dir=tmp_path / n) for n, t in (("a", tape), ("b", holes)))
    found = compare(a, b)
    assert [(g.only_a, g.end - g.start) for g in found.found.gaps] == [(60, 60 * MINUTE)]
    assert found.found.residual == 0

    assert "BTC/USDT:USDT" in "\n".join(found.lines())
