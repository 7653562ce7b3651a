"""Small runs whose rows are projected: their facts, their blocks, and rows cut anywhere."""

from functools import cache
from itertools import pairwise
from types import SimpleNamespace

import numpy as np

from small_runs import eager, market, run, settings
from small_strategies import Churn, Sways
from tickerml.ledger.facts import facts_of
from tickerml.ledger.gather import gathered
from tickerml.ledger.read import content_hashes, reading
from tickerml.run.record import header_json
from tickerml.tape.block import cut

CASES = {
    "psc": lambda: ("psc", eager()),
    "quoter": lambda: ("quoter", settings()),
    "setups": lambda: (Churn(every=1.0), settings()),
    "targets": lambda: (Sways(every=1.0), settings()),
}


@cache
def recorded(name="psc", minutes=2):
    """A run of `minutes`: its facts, its rows in blocks as small as paper's, and all of them as one block."""
    strategy, config = CASES[name]()
    tape = market("busy", minutes=minutes)
    _, made = run(strategy, tape, config)
    manifest = {
        "run": "0a1b2c",
        "mode": "backtest",
        "strategy": name,
        "params": {"a": 1},
        "pairs": [],
        "seed": 0,
        "cash": "10000",
        "kernel_hash": "00",
        "versions": {},
        "command": "",
        "notes": [],
        "source": header_json(tape.header),
    }
    whole = gathered(made)
    small = pieces(whole, range(7, len(whole), 7))
    return SimpleNamespace(
        manifest=manifest, header=tape.header, facts=facts_of(manifest, tape.header), blocks=small, whole=whole
    )


def pieces(block, at):
    """The rows of a block, cut before each of the rows `at`."""
    bounds = [0, *sorted(at), len(block)]
    return [cut(block, a, b) for a, b in pairwise(bounds) if b > a]


def random_cuts(rng: np.random.Generator, n, many):
    """Some different places within `n` rows."""
    return sorted(set(rng.integers(1, n, many).tolist()))


def hashes(to, run=None):
    """Rows and hash of each table of a ledger."""
    with reading(to) as connection:
        return content_hashes(connection, run)
