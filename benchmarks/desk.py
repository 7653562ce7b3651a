"""What the desk costs: the compiled envelope on the quoter's tape, and the Python desk for one setup.

envelope_overhead = CPU time of the quoter / CPU time of the same loop whose envelope allows everything, in turns.
setup_p99_us = CPU time from a strategy's intent to the desk's verdict (facts of the moment, every gate, the size), per
setup of a run with several coins, of which some are refused at each stage; the slowest of a hundred.

    python benchmarks/desk.py [--json] [--rows 5000000] [--rounds 11]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from quoter import Ours, in_turn, synthetic_events, whole

from tickerml.config import from_mapping
from tickerml.desk.facts import Facts
from tickerml.desk.proposal import Proposal
from tickerml.engine import text
from tickerml.engine.machine import drive
from tickerml.run.setup import Setting, build, terms_of
from tickerml.run.strategies import choose
from tickerml.sim.synthetic import synthetic_tape
from tickerml.strategies.view import View
from tickerml.strategies.wake import Every
from tickerml.tape.intents import Intent, Setup
from tickerml.tape.params import Range

ASKED = """
from tickerml.desk.envelope import allows, in_time
from tickerml.desk.requests import count, count_quote
"""
OPEN = '''
from tickerml.desk.requests import count
from tickerml.tape.kernel import kernel as _open


@_open
def allows(e, w, side, price, qty, bid, ask, now):
    """Whatever it is."""
    return True


@_open
def in_time(e, latch, coin, now):
    """However many there were."""
    return True


@_open
def count_quote(latch, coin, now):
    """Nobody asks how many there were."""

'''
BUSY = {  # limits that let a setup through at every turn, and ask all gates
    "messages_day": 10_000_000,
    "messages": 64,
    "messages_symbol": 32,
    "entries_s": 0,
    "flips_s": 0,
    "cooldown_s": 0,
    "losses_off": 100,
    "operator_s": 1,
    "losses_size": 1.0,
    "stop_guard_s": 0,
    "low_profit_s": 0,
    "day_off": 1.0,
    "day_close": 1.0,
    "session_pause": 1.0,
    "session_kill": 1.0,
    "max_drawdown": 1.0,
    "max_correlation": 1.0,
}
COINS = ("BTC", "ETH", "SOL", "TON")


@dataclass(frozen=True)
class Asking:
    """A setup of each coin at every second, in turn long and short."""

    stop: Annotated[float, Range(0, 1)] = 0.004

    wake: ClassVar = Every("1s")
    sees: ClassVar = ()

    def decide(self, view: View) -> Intent:
        side = 1 if view.now // 1_000_000_000 % 2 else -1
        return Setup(side, 3_000_000_000, 0.008, self.stop, size=0.02)


class Open(Ours):
    """The quoter behind an envelope that allows everything."""

    def __call__(self) -> float:
        kept = text.HEAD
        assert ASKED in kept
        text.HEAD = kept.replace(ASKED, OPEN)  # type: ignore[misc]
        try:
            return super().__call__()
        finally:
            text.HEAD = kept  # type: ignore[misc]


def envelope(rows: int, rounds: int) -> float:
    """CPU time with the envelope, as a multiple of that without."""
    with tempfile.TemporaryDirectory() as folder:
        tape = whole(synthetic_events(Path(folder), rows))
    seconds = in_turn((Ours(tape, True), Open(tape, True)), rounds)
    return float(np.median(seconds[:, 0] / seconds[:, 1]))


def setups(minutes: int) -> dict[str, object]:
    """Microseconds a setup of one run, and what became of the setups."""
    config = from_mapping({"limits": BUSY})
    tape = synthetic_tape("calm", 7, minutes=minutes, coins=COINS)
    setting = Setting(config, Decimal(10_000), bar_only=(False,) * len(tape.header.instruments), terms=terms_of(config))
    machine = build([choose(Asking(), config)], tape.header, setting, lambda block: None)
    trader, spent = machine.trader, []
    facts, judge = trader.books.facts, trader.desk.round
    begun = [0.0]

    def timed_facts(*asked: object) -> Facts:
        begun[0] = time.thread_time()
        return facts(*asked)  # type: ignore[arg-type]

    def timed_round(proposals: Sequence[Proposal], at: Facts) -> object:
        verdicts = judge(proposals, at)
        spent.extend([(time.thread_time() - begun[0]) / max(1, len(proposals))] * len(proposals))
        return verdicts

    trader.books.facts = timed_facts  # type: ignore[method-assign]
    trader.desk.round = timed_round  # type: ignore[method-assign,assignment]
    drive(machine, tape.blocks())
    told = 1e6 * np.array(spent[len(spent) // 10 :])  # the first calls compile
    return {
        "setup_p99_us": round(float(np.percentile(told, 99)), 1),
        "setup_p50_us": round(float(np.median(told)), 1),
        "setups": len(spent),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--minutes", type=int, default=60, help="length of the desk's market")
    args = parser.parse_args()
    found = {**setups(args.minutes), "envelope_overhead": round(envelope(args.rows, args.rounds), 3)}
    print(json.dumps(found) if args.json else "\n".join(f"{k:<20}{v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
