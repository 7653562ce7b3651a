"""A strategy closes what it holds by wishing for no exposure."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from small_bars import minutes
from small_runs import run
from swept_market import Back, setting_of
from tickerml.engine.machine import drive
from tickerml.run.setup import build
from tickerml.run.strategies import choose
from tickerml.strategies.wake import Bars
from tickerml.tape.intents import Pass, Setup, Target
from tickerml.tape.rows import Kind


class Hasty:
    """Buys, and closes two bars later; once more with nothing held."""

    wake = Bars("1m")
    sees = ("bar(1m).close",)
    asked = 0

    def decide(self, view):
        self.asked += 1
        if self.asked == 3:
            return Setup(1, 10**15, stop=0.2, stake=100.0)
        return Target(0.0) if self.asked in (6, 20) else Pass("waits")


def told(made, kind):
    return [msgspec.json.decode(b.blobs[r["ref"]]) for b in made for r in b.rows[b.rows["kind"] == kind]]


def test_no_exposure_closes_at_the_next_open_and_withdraws_the_stop():
    tape = minutes(40)
    machine, made = run(Hasty(), tape)
    (settled,) = told(made, Kind.SETTLED)
    assert settled["reason"] == "closed"
    bars = tape.held[0].bars
    assert Decimal(settled["exit"]) <= Decimal(int(bars["open"][6])) / 100
    assert machine.loop.venues[0]["n"] == 0
    assert machine.loop.positions[0]["position"] == 0


def test_with_nothing_held_it_is_a_pass():
    _, made = run(Hasty(), minutes(40))
    assert told(made, Kind.REFUSAL) == []
    assert [one["reason"] for one in told(made, Kind.PASS) if one["reason"] != "waits"] == ["nothing is held"]


def test_another_strategys_trade_is_left_alone():
    tape, setting = minutes(300), setting_of(minutes(300))
    made = []
    chosen = [choose(Back(far=0.001, minutes=30), setting.config), choose(Hasty(), setting.config)]
    drive(build(chosen, tape.header, setting, made.append), tape.blocks())
    alone = []
    drive(build(chosen[:1], tape.header, setting, alone.append), tape.blocks())
    of_back = [[t["entry_time"], t["exit_time"]] for t in told(made, Kind.SETTLED) if t["strategy"] == "back"]
    assert [[t["entry_time"], t["exit_time"]] for t in told(alone, Kind.SETTLED)][-3:] == of_back[-3:]
