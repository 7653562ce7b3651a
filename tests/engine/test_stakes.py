"""A stake is said in the settle currency: whatever the wallet's unit is, all that a setup may say can be judged."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from small_runs import market, run, settings
from small_strategies import Churn
from tickerml.tape.intents import Setup
from tickerml.tape.rows import MINUTE, Kind


@dataclass(frozen=True)
class Staking(Churn):
    """Opens a position with this stake as often as it may."""

    stake: float = 100.0
    superp: bool = False

    def decide(self, view):
        return Setup(1, MINUTE, 0.01, 0.01, stake=self.stake, superp=self.superp, leverage=10.0)


def told(made, kind):
    return [json.loads(b.blobs[r["ref"]]) for b in made for r in b.rows if r["kind"] == kind]


@pytest.mark.parametrize("superp", [False, True])
@pytest.mark.parametrize("stake", [2e7, 1e15])
def test_a_stake_beyond_the_account_is_no_limit(stake, superp):
    _, made = run(Staking(stake=stake, superp=superp), market("busy"), settings(superp={"enabled": True}))
    approved = told(made, Kind.APPROVED)
    assert approved
    for one in approved:
        assert one["bound"] != "stake"
        assert float(one["sizes"]["stake"]) == pytest.approx(stake, rel=1e-15)


@pytest.mark.parametrize(("superp", "code"), [(False, "below_min_notional"), (True, "no_cash")])
def test_a_stake_that_rounds_to_nothing_is_refused(superp, code):
    _, made = run(Staking(stake=1e-9, superp=superp), market("busy"), settings(superp={"enabled": True}))
    found = told(made, Kind.REFUSAL)
    assert {one["code"] for one in found if "sizes" in one} == {code}
    assert {one["sizes"]["stake"] for one in found if "sizes" in one} == {"0.00000000"}
    assert not told(made, Kind.APPROVED)


def test_the_cost_of_a_staked_position_is_its_fee():
    machine, made = run(Staking(superp=True), market("busy"), settings(superp={"enabled": True}))
    closed = [one for one in told(made, Kind.SETTLED) if one["reason"] == "timer"]
    assert len(closed) > 3
    for one in closed:
        assert one["fees"] == "1.00000000"  # 0.1 % of ten times 100
        moved = one["side"] * (float(one["exit"]) / float(one["entry"]) - 1)
        assert float(one["gross"]) == pytest.approx(1000 * moved, abs=2e-8)
        assert float(one["pnl"]) == pytest.approx(1000 * moved - 1, abs=2e-8)
    assert machine.loop.positions["fees"].sum() == 10**8 * len(closed)
