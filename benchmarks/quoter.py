"""The quoter on our engine against hftbacktest's ROIVector: CPU time on the same rows, fills and positions compared.

One bid and one ask a tick behind the touch, looked at every 100 ms; 10 ms + 10 ms latency, log-probability queue, whole
fills only. Both engines get the same corrected stamps and take turns. `ratio` compares with `visibility: oracle` (the
peer knows answers before the feed could prove them); `watermark_ratio` with the watermark. Fills and positions by wake
are written as CSV and compared line by line.

    python benchmarks/quoter.py [EVENTS.npz ...] [--json] [--out FOLDER] [--rounds 11]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from tickerml.config import Config
from tickerml.engine.machine import Machine, drive
from tickerml.run.setup import Setting, build, terms_of
from tickerml.run.strategies import choose
from tickerml.strategies import quoter
from tickerml.tape.block import Block, concat
from tickerml.tape.importers import hftbacktest
from tickerml.tape.importers.options import Options
from tickerml.tape.rows import FOREVER, MILLISECOND, Kind
from tickerml.tape.tape import MemoryTape, Tape

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from own_venv import peer_python

HERE = Path(__file__).parent
TICK, LOT = "0.1", "0.001"
SETTLE = 3.0  # seconds of CPU that each engine runs before its runs count
TURN = 0.3  # seconds of CPU that each engine runs before it is the other's turn


def synthetic_events(folder: Path, rows: int) -> Path:
    """A file of `rows` synthetic events, the same every time."""
    path = folder / "synthetic.npz"
    command = [sys.executable, str(HERE / "peers" / "synth_npz.py"), str(path), "--rows", str(rows)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def whole(path: Path) -> MemoryTape:
    """The events as one block: the peer holds them whole too."""
    tape = hftbacktest.read(
        path, Options(symbol="BTC/USDT:USDT", venue="binance-usdm", tick=Decimal(TICK), lot=Decimal(LOT))
    )
    return MemoryTape(tape.header, (concat(list(tape.blocks())),))


CASH = 100_000_000  # so much that no loss of the quoter's takes its quotes away: the peer knows no limits
QUOTER = quoter.Params(hard_limit=1e9)  # the peer holds an order against what it has been told that it holds


def setting(oracle: bool) -> Setting:
    """The run that `tickerml backtest -s quoter` makes, with the peer's rules."""
    config = Config()
    config = replace(config, queue=replace(config.queue, model="log_probability", partial_fills=False))
    terms = replace(terms_of(config), check_balance=False, watermark=0 if oracle else 10 * MILLISECOND)
    return Setting(config, Decimal(CASH), terms=terms, bar_only=(False,))


def unhurried(machine: Machine) -> Machine:
    """The same machine without rates of messages and a number of positions, of which the peer has none."""
    for rate in ("messages_symbol", "messages", "quotes_day"):
        machine.loop.envelopes[rate] = FOREVER
    machine.loop.shared["max_positions"] = FOREVER
    return machine


class Fills:
    """Takes the rows that a run makes and keeps its fills, as the peer's loop does; the rest is let go."""

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []
        self.orders: list[np.ndarray] = []

    def __call__(self, block: Block) -> None:
        rows = block.rows[block.rows["kind"] == Kind.FILL]
        self.rows.append(rows)
        self.orders.append(block.orders[rows["ref"]])


class Ours:
    """Our engine on one tape: a call is one run and gives its CPU seconds; `fills` and `balance` are the last run's."""

    def __init__(self, tape: Tape, oracle: bool) -> None:
        self.tape, self.setting = tape, setting(oracle)
        self.fills, self.balance = Fills(), 0.0

    def __call__(self) -> float:
        self.fills = Fills()
        machine = unhurried(build([choose(QUOTER, self.setting.config)], self.tape.header, self.setting, self.fills))
        started = time.process_time()
        drive(machine, self.tape.blocks())
        took = time.process_time() - started
        books, position = machine.trader.books, machine.loop.positions[0]
        cash = books.cash(0) + int(position["fees"]) - int(position["cost"])
        self.balance = float(books.wallets.amount(0, cash)) - CASH
        return took


class Peer:
    """The peer in its own environment, held open: each call is one run and gives its CPU seconds."""

    def __init__(self, path: Path, out: Path) -> None:
        command = [
            peer_python("hftbacktest"),
            HERE / "peers" / "hft_quoter.py",
            path,
            "--tick",
            TICK,
            "--lot",
            LOT,
            "--serve",
        ]
        command += ["--out", out]
        self.process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.ask, self.answer = self.process.stdin, self.process.stdout

    def __call__(self) -> float:
        print("run", file=self.ask, flush=True)
        return float(self.answer.readline())

    def close(self) -> dict[str, float]:
        """What it found, after the last run."""
        self.ask.close()
        found: dict[str, float] = json.loads(self.answer.read())
        if self.process.wait() != 0:
            raise SystemExit(f"the peer ended with status {self.process.returncode}")
        return found


def in_turn(engines: Sequence[Callable[[], float]], rounds: int) -> np.ndarray:
    """CPU seconds of a run, (rounds, engines): in each round every engine has its turn, of runs that add up to TURN.

    The machine's neighbours slow whole seconds, and not every program equally: engines are compared within one round.
    What runs before SETTLE seconds of each do not count: until the kernel has found large pages for the rows, a run is
    up to 1.5 times slower.
    """

    def turn(engine: Callable[[], float], length: float) -> float:
        seconds: list[float] = []
        while sum(seconds) < length:
            seconds.append(engine())
        return statistics.median(seconds)

    for engine in engines:
        turn(engine, SETTLE)
    return np.array([[turn(engine, TURN) for engine in engines] for _ in range(rounds)])


def fills_of(made: Fills) -> tuple[np.ndarray, np.ndarray]:
    """Fills as (venue time, side, tick, lots) sorted as the peer's are, and (visible time, signed lots)."""
    rows, orders = np.concatenate(made.rows), np.concatenate(made.orders)
    table = np.stack([orders["at"], rows["side"].astype(np.int64), rows["price"].astype(np.int64), rows["qty"]], axis=1)
    order = np.lexsort((table[:, 2], table[:, 1], table[:, 0]))
    return table[order], np.stack([rows["recv"], rows["side"] * rows["qty"]], axis=1)


def positions_at(known: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Our position as known at each of the peer's wakes."""
    held = np.concatenate([[0], np.cumsum(known[:, 1])])
    return held[np.searchsorted(known[:, 0], times, side="right")]


def measure(path: Path, out: Path, rounds: int) -> dict[str, object]:
    """Both engines on one file, in turn; ratios are medians of the rounds' ratios."""
    tape, prefix = whole(path), out / path.stem
    oracle, watermark, peer = Ours(tape, True), Ours(tape, False), Peer(path, Path(f"{prefix}.peer"))
    seconds = in_turn((oracle, watermark, peer), rounds)
    ratios, (took, slower, theirs_took) = seconds[:, 2:] / seconds[:, :2], np.median(seconds, axis=0)
    found = peer.close()
    fills, known = fills_of(oracle.fills)
    np.savetxt(f"{prefix}.fills.csv", fills, fmt="%d", delimiter=",", header="exch_ns,side,tick,lots", comments="")
    theirs = np.loadtxt(f"{prefix}.peer.fills.csv", np.int64, delimiter=",", skiprows=1, ndmin=2)
    wakes = np.loadtxt(f"{prefix}.peer.positions.csv", np.int64, delimiter=",", skiprows=1, ndmin=2)
    mine = positions_at(known, wakes[:, 0])
    at_wakes = np.stack([wakes[:, 0], mine], axis=1)
    np.savetxt(f"{prefix}.positions.csv", at_wakes, fmt="%d", delimiter=",", header="local_ns,lots", comments="")
    return {
        "tape": path.stem,
        "tickerml_s": round(took, 4),
        "hftbacktest_roivector_s": round(theirs_took, 4),
        "ratio": round(float(np.median(ratios[:, 0])), 2),
        "watermark_s": round(slower, 4),
        "watermark_ratio": round(float(np.median(ratios[:, 1])), 2),
        "rounds": rounds,
        "rounds_ratio": [round(float(r), 2) for r in np.percentile(ratios[:, 0], [0, 25, 75, 100])],
        "rows": len(tape),
        "rows_per_s": round(len(tape) / took),
        "fills": len(fills),
        "peer_fills": len(theirs),
        "fills_identical": bool(np.array_equal(fills, theirs)),
        "position_identical": bool(np.array_equal(mine, wakes[:, 1])),
        "balance": oracle.balance,
        "peer_balance": found["balance"],
        "balance_identical": bool(abs(oracle.balance - found["balance"]) < 1e-4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", nargs="*", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--rows", type=int, default=5_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = args.out or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        paths = list(args.events)
        if not paths:
            paths = [synthetic_events(out, args.rows)]
        for path in paths:
            found = measure(path, out, args.rounds)
            print(json.dumps(found) if args.json else "\n".join(f"{k:<26}{v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
