"""A compiled detector changes how often Python is called, and nothing that is decided."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import msgspec
import numpy as np
import pytest

from small_detector import Flow
from small_runs import joined, market, settings
from small_strategies import Churn
from tickerml.engine.detectors import short_names
from tickerml.engine.machine import drive
from tickerml.run.setup import Setting, bar_only_of, build, terms_of
from tickerml.run.strategies import choose
from tickerml.tape.errors import ConfigError
from tickerml.tape.rows import DAY, Kind
from tickerml.tape.tape import MemoryTape


def made_by(strategies, tape, *, detectors=True, chunk=None):
    config, blocks = settings(), []
    setting = Setting(config, Decimal(10_000), 0, (), bar_only_of(tape), terms_of(config), detectors)
    drive(
        build([choose(one, config) for one in strategies], tape.header, setting, blocks.append),
        tape.blocks(),
        chunk=chunk,
    )
    return blocks


def told(blocks):
    """Everything but passes, as comparable facts; and passes by strategy, instrument and reason."""
    facts, passes = [], Counter()
    for block in blocks:
        for row in block.rows:
            kind = int(row["kind"])
            if kind == Kind.PASS:
                blob = msgspec.json.decode(block.blobs[row["ref"]])
                passes[blob["strategy"], int(row["inst"]), blob["reason"]] += max(1, int(row["qty"]))
            elif kind == Kind.SUBMIT or kind == Kind.FILL:
                order = block.orders[row["ref"]]
                facts.append(
                    (kind, int(row["recv"]), int(row["side"]), int(row["price"]), int(row["qty"]), int(order["id"]))
                )
            elif kind == Kind.BALANCE:
                facts.append((kind, int(row["recv"]), int(row["side"]), int(row["qty"])))
            elif kind in (Kind.INTENT, Kind.SETTLED):
                blob = msgspec.json.decode(block.blobs[row["ref"]])
                blob.pop("intent", None)  # a sequence: passes between are rows of their own without the detector
                facts.append((kind, int(row["recv"]), int(row["inst"]), str(sorted(blob.items()))))
    return facts, passes


def test_the_detector_changes_nothing_that_is_decided():
    tape = market("busy", minutes=2)
    facts, passes = told(made_by([Flow(1.0)], tape))
    plain_facts, plain_passes = told(made_by([Flow(1.0)], tape, detectors=False))
    assert sum(kind == Kind.INTENT for kind, *_ in facts) > 3
    assert facts == plain_facts
    assert passes == plain_passes
    assert len(passes) >= 3


@pytest.mark.parametrize("chunk", [7, 1000])
def test_chunks_change_nothing(chunk):
    tape = market("busy", minutes=2, rows=20_000)
    whole, cut = (joined_bytes(made_by([Flow(1.0)], tape, chunk=c)) for c in (None, chunk))
    assert whole == cut


def joined_bytes(blocks):
    return b"".join(block.rows[["recv", "qty", "price", "inst", "kind", "side"]].tobytes() for block in blocks)


def test_two_with_detectors_beside_one_without():
    tape = market("busy", minutes=2)
    chosen = [Flow(1.0), Churn(every=1.0), Flow(50.0)]
    facts, passes = told(made_by(chosen, tape))
    plain_facts, plain_passes = told(made_by(chosen, tape, detectors=False))
    assert facts == plain_facts
    assert passes == plain_passes


def test_passes_are_told_once_a_day():
    tape = market("busy", minutes=2)
    shift = DAY - int(joined(tape).rows["recv"][0]) % DAY - 60_000_000_000  # midnight comes in the middle
    blocks = []
    for block in tape.blocks():
        rows = block.rows.copy()
        for name in ("recv", "exch"):
            rows[name] += np.where(rows[name] > 0, shift, 0)
        blocks.append(replace(block, rows=rows))
    made = made_by([Flow(1.0)], MemoryTape(tape.header, tuple(blocks)))
    times = {int(row["recv"]) // DAY for block in made for row in block.rows if row["kind"] == Kind.PASS}
    counts = [int(row["qty"]) for block in made for row in block.rows if row["kind"] == Kind.PASS]
    assert len(times) == 1 or len(times) == 2
    assert len(counts) <= 2 * 2 * 3
    assert sum(counts) > 100


def test_names_in_a_view():
    assert short_names(("ofi", "spread_ticks")) == {"ofi": "ofi", "spread_ticks": "spread_ticks"}
    assert short_names({"flow": "ofi"}) == {"flow": "ofi"}


def test_a_detector_with_an_unknown_argument_is_named(monkeypatch):
    import small_detector

    def detect(p, weather):
        return 0

    monkeypatch.setattr(small_detector, "detect", detect)
    with pytest.raises(ConfigError, match='asks for "weather"'):
        made_by([Flow()], market("busy", minutes=2, rows=2000))
