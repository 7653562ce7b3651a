"""Named, versioned feature sets: what a version means never changes, neither its definition nor its numbers."""

from __future__ import annotations

import itertools
import json
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from feature_feed import START, Player, bar_rows, instrument, random_rows

from tickerml.engine.detectors import short_names
from tickerml.features import catalog, rsi
from tickerml.features.catalog import definition, resolve
from tickerml.features.sets import SETS, members
from tickerml.strategies.channel import Channel
from tickerml.strategies.dca import Dca
from tickerml.strategies.swing import Swing
from tickerml.tape.errors import ConfigError
from tickerml.tape.params import VALUE_NAMES
from tickerml.tape.rows import HOUR, MINUTE, ROW, SECOND, Flag, Kind
from tickerml.tape.tables import VALUE

NUMBERS = Path(__file__).parent / "golden" / "sets.json"
COINS = ("ETH", "BTC", "SOL")
BEGIN = START // HOUR * HOUR


@pytest.mark.parametrize("name", SETS)
def test_a_changed_definition_needs_a_new_version(name):
    told = f"the meaning of {name} has changed: leave it as it was and make {name.split('@')[0]}@N, or change it back"
    assert definition(name) == SETS[name].hash, told


def test_the_hash_sees_parameters_and_formulas(monkeypatch):
    before = definition("rules@1")
    monkeypatch.setitem(rsi.FIELDS, "rsi", "0 to 100; another formula")
    assert definition("rules@1") != before
    monkeypatch.undo()
    monkeypatch.setattr(rsi.Params, "__init__", lambda self, **_: object.__setattr__(self, "n", 15))
    monkeypatch.setattr(catalog, "asdict", lambda params: dict(vars(params)))
    resolve.cache_clear()
    try:
        assert definition("rules@1") != before
    finally:
        monkeypatch.undo()
        resolve.cache_clear()
    assert definition("rules@1") == before


def test_a_set_stands_for_its_members():
    assert members(["ofi", "own@1", "drawdown"]) == ("ofi", *SETS["own@1"].names)
    assert all(resolve(name) for one in SETS.values() for name in one.names)
    assert all("@" not in name for one in SETS.values() for name in one.names)
    with pytest.raises(ConfigError, match='no set of features is called "micro@2"') as caught:
        members(["micro@2"])
    assert caught.value.code == "feature-unknown"
    assert caught.value.try_ == "micro@1"


def test_b8_rules_2_is_what_the_rule_strategies_see_with_their_defaults():
    """Bars included: a set that names other timeframes than the strategies would show figures that decide nothing."""
    seen = {resolve(name) for rule in (Dca(), Swing(), Channel()) for name in short_names(rule.sees).values()}
    assert {resolve(name) for name in SETS["rules@2"].names} == seen


@cache
def stream(name):
    """A coin's book for two minutes, or a week of 5m bars (of three coins where they are compared) and what is told."""
    if name == "micro@1":
        return random_rows(70, 6000), None, None
    r, parts, tables = np.random.default_rng(9), [], []
    for k in range(3 if name == "cross@1" else 1):
        closes = np.cumsum(r.integers(-20, 21, 2200)) + 20_000
        bars = [
            {"open_time": BEGIN + j * 5 * MINUTE, "duration": 5 * MINUTE, "volume": int(r.integers(1, 900))}
            | {"open": int(before), "close": int(close), "high": int(max(before, close)) + 7}
            | {"low": int(min(before, close)) - 7}
            for j, (before, close) in enumerate(itertools.pairwise(closes))
        ]
        rows, table = bar_rows(bars)
        rows["inst"], rows["ref"] = k, np.arange(len(rows)) + sum(map(len, tables))
        parts.append(rows)
        tables.append(table)
    rows, values = told(r)
    rows = np.concatenate([*parts, rows])
    return rows[np.argsort(rows["recv"], kind="stable")], np.concatenate(tables), values


def told(r):
    n = 600
    rows, values = np.zeros(n, ROW), np.zeros(n, VALUE)
    rows["recv"] = BEGIN + 60 * MINUTE + np.arange(n) * 5 * MINUTE
    rows["exch"], rows["kind"], rows["flags"], rows["ref"] = rows["recv"] - SECOND, Kind.VALUE, Flag.END, np.arange(n)
    names = ("funding", "open_interest", "open_interest", "sentiment", "liquidation")
    values["name"] = [VALUE_NAMES.index(names[k % 5]) for k in range(n)]
    scale = {"funding": 1e-4, "open_interest": 1e6, "sentiment": 1.0, "liquidation": 2500.0}
    values["value"] = [scale[names[k % 5]] * r.uniform(0.5, 1) for k in range(n)]
    rows["qty"], rows["side"] = r.integers(1, 50, n), r.choice((-1, 1), n)
    return rows, values


def numbers(name, within):
    """What the first coin's feature comes to: the last number that it showed."""
    use, (rows, bars, values) = resolve(name), stream(within)
    insts = [*(instrument(base=coin) for coin in COINS[:2]), instrument(base="ETH", venue="okx")]
    player, last = Player(use.module.rpartition(".")[2], use.params, insts=insts), math.nan
    for row in rows:
        player.step(row, bars, values)
        got = float(player.out[use.field][0])
        last = last if math.isnan(got) else got
    return last


@pytest.mark.parametrize("name", [name for name in SETS if name != "own@1"])
def test_the_numbers_of_a_version_stay(name):
    """To make a new version's: python tests/features/test_sets.py."""
    kept = json.loads(NUMBERS.read_text(encoding="utf-8"))[name]
    assert list(kept) == list(SETS[name].names)
    for one, value in kept.items():
        assert numbers(one, name) == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True), one


if __name__ == "__main__":
    found = {s: {n: numbers(n, s) for n in one.names} for s, one in SETS.items() if s != "own@1"}
    NUMBERS.parent.mkdir(exist_ok=True)
    NUMBERS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
