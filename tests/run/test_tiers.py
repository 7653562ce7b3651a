"""C1, C3: a perpetual above leverage 1 has the venue's margin tiers and is liquidated; the settings can only say so."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from small_runs import machine, market, settings
from small_strategies import Churn
from tickerml.account.brackets import TABLES, Tier
from tickerml.config import Config, from_mapping
from tickerml.engine.machine import drive
from tickerml.run.feasible import feasible
from tickerml.run.record import manifest_of
from tickerml.run.setup import Setting, bar_only_of, terms_of
from tickerml.run.strategies import choose, choose_all
from tickerml.run.tiers import most_leverage, tiered
from tickerml.tape.orders import Reject
from tickerml.tape.rows import Kind
from tickerml.tape.tape import MemoryTape

NONE = {"account": {"tiers": "none"}}
CASES = [  # strategy, settings, the most leverage, whether auto has tiers for it
    ("dca", {}, 1, False),
    (("dca", "swing", "channel"), {}, 1, False),
    ("dca", {"trading": {"leverage": 3.0}}, 3, True),
    ("five_signal", {}, 50, True),
    ("five_signal", {"five_signal": {"leverage": 1.0}}, 1, False),
    ("five_signal", {"limits": {"max_leverage": 1.0}}, 1, False),
    (("dca", "five_signal"), {}, 50, True),
    ("psc", {}, 50, True),
    ("psc", {"superp": {"enabled": True}}, 1, False),
    ("quoter", {}, 1, False),
    ("quoter", {"trading": {"leverage": 2.0}}, 2, True),
    (Churn(), {}, 1, False),
    (Churn(leverage=10.0), {}, 10, True),
]


def spot(tape):
    """The same rows as if they were of a spot market."""
    made = [replace(i, symbol=i.symbol.split(":")[0]) for i in tape.header.instruments]
    return MemoryTape(replace(tape.header, instruments=tuple(made)), tuple(tape.blocks()))


@pytest.mark.parametrize(("strategy", "sections", "most", "needed"), CASES, ids=str)
def test_c3_auto_has_tiers_where_leverage_may_be_above_one(strategy, sections, most, needed):
    config = from_mapping(sections)
    chosen = choose_all(strategy, config)
    assert most_leverage(chosen, config) == most
    coins = market().header.instruments
    assert tiered(terms_of(config), chosen, coins, config).tiers == (TABLES if needed else {})
    assert tiered(terms_of(config), chosen, spot(market()).header.instruments, config).tiers == {}
    none = from_mapping({**sections, **NONE})
    assert tiered(terms_of(none), chosen, coins, none).tiers == {}


OWN = """
from tickerml.strategies.wake import Bars
from tickerml.tape.intents import Long
{imports}

class Mine:
    wake = Bars("1m")
    sees = ()
    {declared}

    def decide(self, view):
        return {answer}
"""
BOLD, PLAIN = "Long(60, stop=0.01, leverage=20)", "Long(60, stop=0.01)"
FILES = {  # of one's own file: what it declares, answers and imports, what stands beside it; the most leverage
    "names one": ("", BOLD, "", "", 50),
    "names none": ("", PLAIN, "", "", 1),
    "declares none": ("leverage = None", BOLD, "", "", 1),
    "declares it": ("leverage = 20", BOLD, "", "", 20),
    "a method of that name": ("leverage = lambda self, view: 50", BOLD, "", "", 50),
    "of a helper": ("", "entry()", "from helping import entry", f"def entry():\n    return {BOLD}\n", 50),
    "of a plain helper": ("", "entry()", "from helping import entry", f"def entry():\n    return {PLAIN}\n", 1),
    "of helpers in turn": ("", "entry()", "from helping import entry", "from further import entry\n", 50),
}


@pytest.mark.parametrize("case", FILES)
def test_c3_own_code_that_speaks_of_a_leverage_may_trade_at_the_largest(case, tmp_path):
    declared, answer, imports, beside, most = FILES[case]
    (tmp_path / "helping.py").write_text(beside)
    (tmp_path / "further.py").write_text(f"import helping\n\n\ndef entry():\n    return {BOLD}\n")
    file = tmp_path / "mine.py"
    file.write_text(OWN.format(declared=declared, answer=answer, imports=imports))
    config = from_mapping({})
    assert most_leverage(choose_all(str(file), config), config) == most


def test_c3_code_that_cannot_be_read_may_trade_at_the_largest():
    made: dict[str, object] = {"__name__": "__nowhere__"}
    exec(OWN.format(declared="", answer=PLAIN, imports=""), made)
    config = from_mapping({})
    assert most_leverage(choose_all(made["Mine"](), config), config) == 50


HIDDEN = """
from tickerml.strategies.wake import Every
from tickerml.tape.intents import Entry, Setup

class Mine:
    wake = Every(2_000_000_000)
    sees = ()
    {declared}

    def decide(self, view):
        return Setup(1, 60 * 10**9, 0.01, 0.002, (Entry(),), 0.2, None, 20.0)
"""
UNSAID = {  # what a file hides, settings; the leverage that its setups get
    "by its place": ("", {}, 1),
    "beside a parameter": ("leverage = 1.0", {}, 1),
    "where nothing is to be liquidated": ("", NONE, 20),
}


@pytest.mark.parametrize("case", UNSAID)
def test_c3_what_no_code_tells_of_trades_at_leverage_one(case, tmp_path):
    """Its venue has no tiers, so nothing would be liquidated at the leverage that it names."""
    declared, sections, times = UNSAID[case]
    file = tmp_path / "mine.py"
    file.write_text(HIDDEN.format(declared=declared))
    one, made = machine(choose(str(file), Config()), market(), settings(**sections))
    drive(one, market().blocks())
    approved = [json.loads(b.blobs[int(r["ref"])]) for b in made for r in b.rows if r["kind"] == Kind.APPROVED]
    assert approved
    assert {one["leverage"] for one in approved} == {times}


def test_c3_the_machine_of_a_run_has_them():
    for strategy, has in ((Churn(leverage=10.0), True), (Churn(), False)):
        one, _ = machine(strategy, market())
        assert bool(one.loop.venue.rules["n_tiers"].all()) is has
    one, _ = machine(Churn(leverage=10.0), market(), settings(**NONE))
    assert not one.loop.venue.rules["n_tiers"].any()


@pytest.mark.parametrize(("account", "liquidated"), [({}, True), ({"tiers": "none"}, False)])
def test_c1_a_perpetual_at_fifty_times_is_liquidated_by_default(account, liquidated, monkeypatch):
    """The made crash is small: the tables are such that a loss of a twentieth of a percent is enough."""
    monkeypatch.setattr("tickerml.run.tiers.TABLES", {"": (Tier(Decimal(10**9), Decimal("0.0195"), 50),)})
    tape = market("flash-crash", minutes=4)
    names = tuple(name if name != "mark" else "other" for name in tape.header.names)
    tape = MemoryTape(replace(tape.header, names=names), tuple(tape.blocks()))
    config = settings(
        account={"isolated": True, **account}, trading={"leverage": 50}, limits={"liquidation_stops": 1.0}
    )
    strategy = Churn(style="market", stop=0.0199, target=0.04, horizon_s=50.0, size=0.2, every=1.0)
    one, made = machine(strategy, tape, config, cash=10_000)
    desk = one.trader.desk
    desk.limits = replace(desk.limits, liquidation_stops=0.0)  # no desk that can be set up would enter here
    drive(one, tape.blocks())
    forced = [
        b.orders[r["ref"]]
        for b in made
        for r in b.rows
        if r["kind"] == Kind.FILL and b.orders[r["ref"]]["reason"] == Reject.LIQUIDATION
    ]
    assert bool(forced) is liquidated


@pytest.mark.parametrize(
    ("strategy", "sections", "told"),
    [
        ("five_signal", NONE, True),
        ("dca", {**NONE, "trading": {"leverage": 5.0}}, True),
        ("dca", NONE, False),
        ("five_signal", {}, False),
    ],
)
def test_h4_leverage_without_tiers_is_a_note_of_the_run(strategy, sections, told):
    config, tape = from_mapping(sections), market()
    setting = Setting(config, Decimal(1000), 0, (), bar_only_of(tape), terms_of(config))
    notes = manifest_of(choose_all(strategy, config), tape, setting, "backtest", "x", {})["notes"]
    assert any("nothing is liquidated" in note for note in notes) is told
    on_spot = manifest_of(choose_all(strategy, config), spot(tape), setting, "backtest", "x", {})["notes"]
    assert not any("nothing is liquidated" in note for note in on_spot)


def test_c3_feasible_counts_with_the_tiers_that_the_run_will_have():
    def leverage(**sections):
        config = from_mapping({"five_signal": {"turbo": True, "leverage": 125.0}, **sections})
        sections = replace(config, limits=replace(config.limits, max_leverage=125.0))
        return [rule.bound for rule in feasible("five_signal", market(), config=sections, cash=Decimal(60)).rules]

    assert leverage() == leverage(account={"tiers": "binance"})
