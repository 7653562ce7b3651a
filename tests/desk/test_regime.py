"""F4: the circuit breaker and the trend, their thresholds on both sides, and their hysteresis."""

from __future__ import annotations

import math

import pytest
from desks import NOW
from hypothesis import given
from hypothesis import strategies as st

from tickerml.desk.regime import BREAKER, STEP, RegimeFold, Stance, on_price
from tickerml.desk.settings import Regime
from tickerml.tape.rows import MINUTE


def observe(fold, now, price):
    """What has changed with the reference's price at `now`, as the engine has it told."""
    return fold.told(on_price(fold.table[0], fold.marks[0], now, float(price)))


def fed(prices, rules=None, fold=None, start=0):
    """A fold that has seen these closes, five minutes apart, and what it told."""
    fold = fold or RegimeFold(rules or Regime())
    told = [c for k, price in enumerate(prices) for c in observe(fold, NOW + (start + k) * STEP, price)]
    return fold, told


def breaker(prices, rules=None):
    return fed(prices, rules)[0].stance().breaker


CALM = [100.0] * 30


@pytest.mark.parametrize(
    ("last", "state"),
    [
        *((95.0, "PANIC"), (95.01, "CAUTION"), (97.0, "CAUTION"), (97.01, "NORMAL"), (104.99, "NORMAL")),
        (105.0, "EUPHORIA"),
    ],
)
def test_within_an_hour(last, state):
    """F4: PANIC / CAUTION / EUPHORIA / NORMAL by the move within an hour."""
    calm = Regime(caution_volatility=100.0)
    assert breaker([*CALM, last], calm) == state
    assert breaker([100.0, last], calm) == state  # from the first minutes on


@pytest.mark.parametrize(
    ("factor", "state"),
    [(0.85, "PANIC"), (0.851, "CAUTION"), (0.9199, "CAUTION"), (0.921, "NORMAL"), (1.12, "EUPHORIA")],
)
def test_within_a_day(factor, state):
    slow = [100.0 * (1 + (factor - 1) * k / 200) for k in range(201)]
    assert breaker(slow, Regime(caution_volatility=100.0)) == state


def test_volatility_of_the_hour_against_the_week():
    quiet = [100.0 + 0.01 * (k % 2) for k in range(2000)]
    wild = [100.0 + 0.2 * (k % 2) for k in range(12)]
    fold, told = fed([*quiet, *wild])
    assert fold.stance().breaker == "CAUTION"
    assert [c.figures["to"] for c in told] == ["CAUTION"]
    assert fold.moves()[4] > 3


def test_a_state_lasts_and_is_left_later_than_entered():
    """Hysteresis: 30 minutes at least, and below 70 % of its threshold; a worse state comes at once."""
    rules = Regime(caution_volatility=100.0)
    fold, _ = fed([100.0] * 12, rules)
    fed([96.9], fold=fold, start=12)
    assert fold.stance().breaker == "CAUTION"
    fed([97.5] * 30, fold=fold, start=13)  # the hour's high falls back after 12 steps
    assert fold.stance().breaker == "NORMAL"
    fold, _ = fed([100.0] * 12, rules)
    fed([96.9, 97.5, 97.89], fold=fold, start=12)
    assert fold.stance().breaker == "CAUTION"
    fed([97.95], fold=fold, start=15)  # 2.05 %: below 70 % of 3 %, but not 30 minutes yet
    assert fold.stance().breaker == "CAUTION"
    fed([97.89, 97.89], fold=fold, start=16)
    assert fold.stance().breaker == "CAUTION"  # 30 minutes, 2.11 %
    fed([97.95], fold=fold, start=18)
    assert fold.stance().breaker == "NORMAL"
    fed([96.9, 94.9], fold=fold, start=19)
    assert fold.stance().breaker == "PANIC"


def test_trend():
    """F4: bull, bear, sideways: the day's over the week's average."""
    up = [100.0 * 1.0001**k for k in range(2500)]
    fold, told = fed(up)
    assert fold.stance().trend == "bull"
    assert ("sideways", "bull") in [(c.figures["from"], c.figures["to"]) for c in told if c.what == "trend"]
    assert fed([100.0 / 1.0001**k for k in range(2500)])[0].stance().trend == "bear"
    assert fed([100.0] * 2500)[0].stance().trend == "sideways"


def test_what_a_stance_asks():
    """F4: entries stop or shrink; favouring Swing / DCA / Channel; tighter targets in chop (S1)."""
    sizes = []
    for k in range(len(BREAKER)):
        fold, _ = fed([100.0])
        fold.table["breaker"] = k
        sizes.append(fold.stance().size)
    assert sizes == [1.0, 0.75, 0.5, 0.0]
    bear = Stance("NORMAL", "bear", 1.0, 0.75, 0.8)
    assert [bear.value_factor(n) for n in ("dca", "swing", "channel", "psc")] == [1.0, 0.75, 0.75, 1.0]
    assert bear.target_factor("swing") == 1.0
    flat = Stance("NORMAL", "sideways", 1.0, 0.75, 0.8)
    assert [flat.target_factor(n) for n in ("swing", "dca", "channel", "psc")] == [0.8, 0.8, 1.0, 1.0]


def test_without_a_reference_nothing_is_asked():
    assert RegimeFold(Regime()).stance() == Stance()
    fold, told = fed([math.nan, 0.0, -1.0, math.inf])
    assert fold.stance() == Stance()
    assert told == []


def test_one_price_a_step():
    fold = RegimeFold(Regime())
    observe(fold, NOW, 100.0)
    assert observe(fold, NOW + MINUTE, 1.0) == []
    assert fold.table[0]["n"] == 1


@given(st.lists(st.floats(50, 200), min_size=2, max_size=80), st.integers(0, 79))
def test_the_record_is_all_that_it_remembers(prices, cut):
    whole, _ = fed(prices)
    first, _ = fed(prices[:cut])
    again = RegimeFold(Regime())
    again.table[...] = first.table
    fed(prices[cut:], fold=again, start=cut)
    assert whole.table.tobytes() == again.table.tobytes()
