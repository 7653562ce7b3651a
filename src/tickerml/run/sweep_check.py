"""The engine's word on a trial of the fast way: both make its trades, which are compared one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from tickerml.engine.machine import drive
from tickerml.lab.sweep_kernels import REASONS
from tickerml.run.setup import Setting, build
from tickerml.run.strategies import Chosen
from tickerml.run.sweep_alone import alone
from tickerml.run.sweep_ways import Fast
from tickerml.tape.block import Block
from tickerml.tape.progress import Progress
from tickerml.tape.rows import Kind
from tickerml.tape.tape import Tape
from tickerml.views.words import iso


@dataclass(frozen=True)
class Checked:
    """How many trades each made, how many are the same, the first that is not, and what the engine's come to."""

    engine: int
    arrays: int
    equal: int
    first: str = ""
    pnl: Decimal = Decimal(0)  # of the engine's trades

    @property
    def same(self) -> bool:
        """Whether all are."""
        return self.engine == self.arrays == self.equal

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "same": self.same,
            "engine": self.engine,
            "arrays": self.arrays,
            "equal": self.equal,
            "first_difference": self.first,
            "engine_pnl": format(self.pnl, "f"),
        }


def compared(
    chosen: Chosen, tape: Tape, setting: Setting, way: Fast, number: int, progress: Progress | None = None
) -> Checked:
    """Run `chosen`, which is combination `number` of `way`, in the engine and compare the trades of both.

    The desk's limits and regimes are off: the arrays know none of those that look back on earlier trades.
    """
    settled = _Settled()
    machine = build([chosen], tape.header, alone(setting), settled)

    def after(rows: int) -> bool:
        """Tell how far it is."""
        if progress is not None:
            progress(rows, None, "check of the best")
        return False

    drive(machine, tape.blocks(), after=after)
    engine = sorted(settled.trades)
    arrays = sorted(arrays_of(way, number))
    equal = (Counter(engine) & Counter(arrays)).total()
    pairs = zip(engine, arrays, strict=False)
    first = next((f"{iso(min(a[0], b[0]))}: engine {_said(a)}, arrays {_said(b)}" for a, b in pairs if a != b), "")
    if not first and len(engine) != len(arrays):
        more, whose = (engine, "the engine") if len(engine) > len(arrays) else (arrays, "the arrays")
        extra = more[min(len(engine), len(arrays))]
        first = f"{iso(extra[0])}: {_said(extra)} by {whose} alone"
    return Checked(len(engine), len(arrays), equal, first, sum((Decimal(one[6]) for one in engine), Decimal(0)))


Told = tuple[int, int, int, str, str, str, str, str]
"""Entry time, instrument, exit time, entry, exit, size, P&L (exact decimals) and reason."""


class _Settled:
    """Takes the rows that a run makes and keeps how its trades ended."""

    def __init__(self) -> None:
        self.trades: list[Told] = []

    def __call__(self, block: Block) -> None:
        for row in block.rows[block.rows["kind"] == Kind.SETTLED]:
            told = msgspec.json.decode(block.blobs[row["ref"]])
            if not told["entry_time"]:  # nothing was filled
                continue
            exit_time = 0 if told["reason"] == REASONS[-1] else told["exit_time"]
            entry, out, size, pnl = (str(Decimal(told[key]).normalize()) for key in ("entry", "exit", "qty", "pnl"))
            known = (told["entry_time"], int(row["inst"]), exit_time)
            self.trades.append((*known, entry, out, size, pnl, told["reason"]))


def arrays_of(way: Fast, number: int, most: int | None = None) -> list[Told]:
    """The trades of a combination of the fast way, told as the engine tells its own; at most `most` of a coin."""
    found: list[Told] = []
    wallets = way.machine.trader.books.wallets
    for sweep, inst in zip(way.sweeps, way.traded, strict=True):
        bars, delay = sweep.market.bars, int(sweep.market.terms["known"])
        for one in sweep.trades(number, len(bars) if most is None else most):  # a bar ends one trade at most
            reason = REASONS[one["reason"]]
            exit_time = 0 if reason == REASONS[-1] else int(bars[one["exit_bar"]]["closed"]) + delay
            money = wallets.amount(wallets.wallet_of[inst.id], int(one["pnl"]))
            exact = (inst.price(one["entry"]), inst.price(one["exit"]), inst.size(one["lots"]), money)
            entry, out, size, pnl = (str(each.normalize()) for each in exact)
            entered = int(bars[one["entry_bar"]]["closed"]) + delay
            found.append((entered, inst.id, exit_time, entry, out, size, pnl, reason))
    return found


def _said(one: Told) -> str:
    return f"{one[5]} from {one[3]} to {one[4]} ({one[7]})"
