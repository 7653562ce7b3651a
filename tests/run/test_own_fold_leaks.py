"""A feature of the user's own that reads ahead is named like a strategy; an honest one is not accused."""

from __future__ import annotations

import time

import pytest

import tickerml.features
from leaking import candles, line_with
from small_bars import minutes
from tickerml.features import catalog
from tickerml.run.leaks.check import of_folds
from tickerml.run.strategies import Chosen

HEAD = '''"""Where the close stands against another."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl

from tickerml.tape.kernel import fold

FIELDS = {"peeked": "ratio; close against another"}
CLOSES = pl.read_csv(Path(__file__).parent / "candles.csv")["close"].to_numpy()
State = np.dtype([("n", "i8")])


@dataclass(frozen=True)
class Params:
    """It has none."""


@fold
def on_bar(s, bar, f):
    """At each bar."""
    s["n"] += 1
'''
BODIES = {"ahead": "    other = CLOSES[s['n'] + 2]\n", "behind": "    other = CLOSES[max(0, s['n'] - 3)]\n"}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A folder that features are looked for in."""
    monkeypatch.setattr(tickerml.features, "__path__", [*tickerml.features.__path__, str(tmp_path)])
    caches = (catalog.families, catalog.owners, catalog.resolve)
    for one in caches:
        one.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    for one in caches:
        one.cache_clear()


@pytest.mark.parametrize("way", BODIES)
def test_a_shifted_feature_is_named(own, way):
    tape = minutes(300)
    candles(tape, own / "candles.csv")
    path = own / f"peeked_{way}.py"
    path.write_text(
        HEAD.replace("peeked", f"peeked_{way}") + BODIES[way] + f'    f["peeked_{way}"] = bar["close"] / other\n'
    )
    sees = type("Sees", (), {"sees": (f"peeked_{way}", "sma(5, 1m)")})()
    (found,), notes = of_folds([Chosen("mine", sees)], tape, time.monotonic() + 60)
    assert not notes
    if way == "behind":
        assert not found.leaks
        assert found.decisions == 6
        return
    (leak,) = found.leaks
    assert (leak.column, leak.table, leak.strategy) == ("close", "candles.csv", "feature peeked_ahead")
    assert leak.line == line_with(path, "CLOSES[s['n'] + 2]")
