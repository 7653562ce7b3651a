"""What the tests of whole runs share: small tapes, machines over them, and what two runs are compared by."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np

from tickerml.account.contract import from_money
from tickerml.config import from_mapping
from tickerml.engine.machine import drive
from tickerml.run.pending import facts
from tickerml.run.setup import Setting, bar_only_of, build, terms_of
from tickerml.run.strategies import choose
from tickerml.sim.synthetic import synthetic_tape
from tickerml.tape.balances import balances_of
from tickerml.tape.block import concat, part
from tickerml.tape.rows import Kind
from tickerml.tape.tape import MemoryTape

HERE = Path(__file__).resolve().parent


def balances(block, first=0):
    """Of each balance in a block of whole messages: (sequence, ns, figures as decimal text)."""
    told = balances_of(block.rows)
    for k in range(len(told)):
        money = {name: getattr(told, name)[k] for name in ("equity", "cash", "exposure")}
        figures = {name: format(from_money(amount, int(told.decimals[k])), "f") for name, amount in money.items()}
        yield first + int(told.place[k]), int(told.time[k]), figures


@cache
def market(scenario="busy", seed=7, minutes=3, coins=("BTC", "TON"), rows=None):
    """A synthetic market held in memory, cut off after `rows` rows."""
    made = synthetic_tape(scenario, seed, minutes=minutes, coins=coins)
    return shortened(MemoryTape(made.header, tuple(made.blocks())), rows)


def shortened(tape, rows):
    """The first `rows` rows of a tape, held in memory."""
    kept, left = [], rows
    for block in tape.blocks():
        if left is None or len(block) <= left:
            kept.append(block)
        elif left > 0:
            kept.append(part(block, 0, left))
        left = None if left is None else left - len(kept[-1])
        if left is not None and left <= 0:
            break
    return MemoryTape(tape.header, tuple(kept))


WIDE = {  # limits that let a strategy trade all the time: what is tested is what follows from an approval
    "entries_s": 0,
    "flips_s": 0,
    "cooldown_s": 0,
    "stop_guard_s": 0,
    "low_profit_s": 0,
    "low_profit_loss": 1.0,
    "losses_off": 100,
    "losses_size": 1.0,
    "messages_day": 10_000_000,
    "quotes_day": 10_000_000,
    "messages": 64,
    "messages_symbol": 32,
    "day_off": 1.0,
    "day_close": 1.0,
    "session_pause": 1.0,
    "session_kill": 1.0,
    "cost_floor": 0.0,
    "order_share": 1.0,
    "depth_share": 1.0,
    "max_correlation": 1.0,
    "halt_move_major": 1.0,
    "halt_move": 1.0,
    "halt_spread": 1000.0,
    "max_heat": 1.0,
    "stale_major": 10.0,
    "unknown_s": 600.0,
}


def settings(**sections):
    """Settings with these sections changed, and wide limits."""
    return from_mapping({**sections, "limits": {**WIDE, **sections.get("limits", {})}})


EAGER = {  # psc that trades on a few minutes of synthetic market
    "ml_microstructure": {"min_confidence": 0.0, "min_signal_ratio": -20.0, "cooldown_s": 5.0, "min_move": 0.0},
    "psc_integration": {"long_threshold": 6.0},
}


def eager(**sections):
    """Settings under which psc trades often."""
    return settings(**{**EAGER, **sections})


def machine(strategy, tape, config=None, *, cash=10_000, seed=0, pairs=()):
    """A fresh machine for `tape`, and the list that its made blocks go to."""
    config = settings() if config is None else config
    setting = Setting(config, Decimal(cash), seed, tuple(pairs), bar_only_of(tape), terms_of(config))
    made = []
    return build([choose(strategy, config)], tape.header, setting, made.append), made


def run(strategy, tape, config=None, *, chunk=None, **more):
    """A whole run without a folder; returns the machine and its made blocks."""
    one, made = machine(strategy, tape, config, **more)
    drive(one, tape.blocks(), chunk=chunk)
    return one, made


def print_of(one, made):
    """What must be equal in two equal runs: hashes of decisions, of states, of all made rows with their tables."""
    rows = hashlib.sha256()
    for block in made:
        for fact in facts(block):
            rows.update(fact)
    return one.outbox.decision_hash(), one.loop.states.hash(), rows.hexdigest()


def kinds(made):
    """Made rows by kind."""
    return dict(sorted((Kind(k).name, n) for k, n in counted(made).items()))


def counted(made):
    every = np.concatenate([b.rows["kind"] for b in made]) if made else np.zeros(0, "i1")
    return {int(k): int(n) for k, n in zip(*np.unique(every, return_counts=True), strict=True)}


def joined(tape):
    """A tape's rows as one block."""
    return concat(list(tape.blocks()))


def python(code, *arguments, timeout=600, **environment):
    """The standard output of a fresh Python that runs `code`; asserts that it ended well."""
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


def command(*words, cwd=None, **environment):
    """A finished process of the command line."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "tickerml", *map(str, words)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        timeout=600,
    )
