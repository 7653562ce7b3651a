"""Many parameter sets of one strategy over the bars of one instrument, at once: each feature is computed once, the
detector runs over arrays, and trades are followed from signal to exit (rules: lab/sweep_kernels.py).

Memory is bounded: features exist for `WIDTH` bars at a time. Threads share the arrays; each has its own combinations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tickerml.lab.sweep_kernels import BARS, COMBO, GROUP, LOGGED, TRADE, finish
from tickerml.lab.sweep_text import Reads, module_of, reads_of
from tickerml.tape.block import Block
from tickerml.tape.params import params_dtype, params_record
from tickerml.tape.rows import FOREVER, ROW, SECOND, Kind, Record, Rows
from tickerml.tape.tables import BAR
from tickerml.tape.tape import Tape

STEP: Final = 1024  # bars that a combination is followed through before the next has its turn: they stay in the cache
WIDTH: Final = 8 * STEP  # bars whose features exist at the same time
PIECES: Final = 4  # of work for each thread, between two barriers
MARKS: Final = 64  # at least so many marks of equity, where there are bars enough
_FRESH_SHARE: Final = 20  # sim/bar_path.py: part of a bar that is still its open
_FRESH: Final = 5 * SECOND
_SILENT: Final = (int(Kind.INSTRUMENT), int(Kind.CLOCK), int(Kind.SOURCE))  # rows that change no bar

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, slots=True)
class Market:
    """The bars of one instrument and the venue's terms for it, as the engine has them."""

    rows: Rows  # BAR rows
    table: Array  # BAR, what they refer to
    bars: Array  # sweep_kernels.BARS
    instrument: Record  # tape.params.INST
    rules: Record  # sim.orders.RULES
    fees: Record  # parameters of sim.fees.flat
    terms: Record  # sweep_kernels.TERMS


@dataclass(frozen=True, eq=False, slots=True)
class Swept:
    """What a sweep found: one entry per combination, in the order given."""

    combos: Array  # sweep_kernels.COMBO: trades, pnl, fees ... in money
    marks: NDArray[np.int64]  # (combinations, marks): money above the start, positions at the mark
    every: int  # bars from one mark to the next


def bars_of(tape: Tape, inst: int) -> tuple[Rows, Array]:
    """BAR rows of an instrument and their table. ValueError, with the reason, where it has other rows or no bars."""
    rows: list[Rows] = []
    table: list[Array] = []
    for block in tape.blocks():
        chosen = np.flatnonzero((block.rows["inst"] == inst) & ~np.isin(block.rows["kind"], _SILENT))
        kinds = np.bincount(block.rows["kind"][chosen], minlength=int(Kind.BAR) + 1)
        kinds[Kind.BAR] = 0
        if kinds.any():
            raise ValueError(f"the tape has {Kind(int(kinds.argmax())).name} rows beside bars")
        if len(chosen):
            whole = block if len(chosen) == len(block) else Block(block.rows[chosen], bars=block.bars)
            kept = whole.rows
            if table:  # the first is left as the tape has it
                kept = kept.copy()
                kept["ref"] += sum(len(one) for one in table)
            rows.append(kept)
            table.append(whole.bars)
    if not rows:
        raise ValueError("the instrument has no bars")
    if len(rows) == 1:
        return rows[0], table[0]
    return np.concatenate(rows, dtype=ROW), np.concatenate(table, dtype=BAR)


def market_of(
    rows: Rows, table: Array, instrument: Record, rules: Record, fees: Record, terms: Record, duration: int
) -> Market:
    """The bars as the kernels take them. ValueError, with the reason, where the fast way would not be the engine's."""
    told = table if np.array_equal(rows["ref"], np.arange(len(table))) else table[rows["ref"]]
    bars = np.zeros(len(told), BARS)
    for name in ("open", "high", "low", "close", "volume"):
        bars[name] = told[name]
    bars["opened"] = told["open_time"]
    bars["closed"] = told["open_time"] + told["duration"]
    bars["fresh"] = bars["opened"] + min(duration // _FRESH_SHARE, _FRESH)
    reasons = (
        ((told["duration"] != duration).any(), "bars of the source are not those that the strategy looks at"),
        ((np.diff(bars["opened"]) <= 0).any() or (told["corrects"] >= 0).any(), "bars restate others, or go backwards"),
        ((rows["recv"] != bars["closed"] + terms["delay"]).any(), "bars come at other times than the settings say"),
        (terms["delay"] + terms["entry"] > min(duration // _FRESH_SHARE, _FRESH), "orders come too late for an open"),
        (terms["known"] > terms["delay"], "answers are known after the wake that follows them"),
        (terms["cancel"] >= duration - terms["delay"], "cancels take longer than a bar"),
        (rules["inverse"] != 0, "the contract is inverse"),
    )
    found = next((why for wrong, why in reasons if wrong), "")
    if found:
        raise ValueError(found)
    terms["bars"] = len(bars)
    return Market(rows, table, bars, instrument, rules, fees, terms)


@dataclass(eq=False)
class BarSweep:
    """All combinations of one strategy class over one market; `run` follows them."""

    strategies: Sequence[Any]  # of one class, with `detect` beside it and a `setup`
    stakes: Sequence[int]  # money of one trade, by combination
    market: Market
    threads: int = 1
    room: int = 1 << 28  # bytes that the columns of a window may take
    _reads: Reads = field(init=False)
    _module: Any = field(init=False)

    def __post_init__(self) -> None:
        """ValueError, with the reason, where the detector or a feature cannot be computed over arrays."""
        self._reads = reads_of(self.strategies)
        self._module = module_of(self.strategies[0], self._reads)

    def run(self, after: Callable[[int], bool] = lambda _: False) -> Swept:
        """Follow all of them from the first bar to the last; `after(bars)` may end it (then ValueError)."""
        done = self._follow(np.arange(len(self.strategies)), np.zeros(0, TRADE), self.threads, after)
        return Swept(done.combos, done.marks, done.step)

    def only(self, numbers: Sequence[int]) -> BarSweep:
        """The same sweep of these combinations."""
        if len(numbers) == len(self.strategies):
            return self
        return replace(self, strategies=[self.strategies[k] for k in numbers], stakes=[self.stakes[k] for k in numbers])

    def memory(self, count: int) -> int:
        """Bytes that following `count` combinations at once takes, beside the market."""
        folds = sum(len(f.params) * (f.module.State.itemsize + 8 * len(f.module.FIELDS)) for f in self._reads.features)
        columns = min(self.room, 8 * WIDTH * len(self._reads.columns))
        marks = 8 * max(MARKS, -(-len(self.market.bars) // STEP))
        return folds + columns + count * (COMBO.itemsize + 3 * marks)

    def trades(self, k: int, most: int) -> Array:
        """The trades of combination `k` alone (TRADE), at most `most`."""
        log = np.zeros(most, TRADE)
        done = self._follow(np.array([k]), log, 1, lambda _: False)
        return log[: int(done.logged[0]["logged"])]

    def _follow(self, chosen: Array, log: Array, threads: int, after: Callable[[int], bool]) -> _Pass:
        one = _Pass(self, chosen, log)
        parts = _parts(len(chosen), threads)
        with ThreadPoolExecutor(threads) as pool:
            for base, width in _windows(len(self.market.bars), one.width):
                list(pool.map(partial(one.columns, base, width), *zip(*one.jobs(threads), strict=True)))
                list(pool.map(partial(one.run, base, width), *zip(*parts, strict=True)))
                if after(base + width):
                    raise ValueError("stopped")
        one.finish()
        return one


def _parts(count: int, threads: int) -> list[tuple[int, int, int]]:
    """(number, first, last) of pieces of work: several for each thread, so that a slow one does less."""
    pieces = min(count, threads if threads == 1 else PIECES * threads)
    edges = np.linspace(0, count, pieces + 1).astype(int).tolist()
    return list(zip(range(pieces), edges[:-1], edges[1:], strict=True))


def _windows(bars: int, wide: int) -> Iterator[tuple[int, int]]:
    for base in range(0, bars, wide):
        yield base, min(wide, bars - base)


class _Pass:
    """One pass over the bars: states of folds and combinations, and the columns of the present window."""

    def __init__(self, sweep: BarSweep, chosen: Array, log: Array) -> None:
        self.sweep, self.log, self.logged = sweep, log, np.zeros(1, LOGGED)
        market, reads = sweep.market, sweep._reads
        n = len(market.bars)
        self.step = max(GROUP, min(STEP, n // MARKS // GROUP * GROUP))
        strategies = [sweep.strategies[k] for k in chosen]
        self.params = _records(strategies)
        self.at = np.array([reads.at[k] for k in chosen], np.int64)
        self.combos = _combos(strategies, [sweep.stakes[k] for k in chosen])
        self.marks = np.zeros((len(chosen), -(-n // self.step)), np.int64)
        most = min(WIDTH, sweep.room // (8 * len(reads.columns)))
        self.width = max(1, most // self.step) * self.step
        self.x = np.zeros((len(reads.columns), self.width))
        self.folds = [_fold_arrays(one) for one in reads.features]
        self.to = [np.full((len(f.params), len(f.fields)), -1) for f in reads.features]
        for row, (feature, number, name) in enumerate(reads.columns):
            self.to[feature][number, reads.features[feature].fields.index(name)] = row
        self.scratch = np.zeros((PIECES * max(1, sweep.threads), 2, self.step // GROUP + 8), np.int64)
        whole = -(-n // GROUP) * GROUP
        self.lowest = _by_group(market.bars["low"], whole, FOREVER, np.minimum)
        self.highest = _by_group(market.bars["high"], whole, -1, np.maximum)

    def jobs(self, threads: int) -> list[tuple[int, int, int]]:
        """(feature, first, last of its parameters): the work of computing a window's columns."""
        features = self.sweep._reads.features
        return [(k, *part[1:]) for k, one in enumerate(features) for part in _parts(len(one.params), threads)]

    def columns(self, base: int, width: int, feature: int, first: int, last: int) -> None:
        """Compute the columns of a feature's parameters first..last for the window."""
        market = self.sweep.market
        kernel = getattr(self.sweep._module, f"columns_{feature}")
        kernel(
            *self.folds[feature],
            self.to[feature],
            self.x,
            market.rows,
            market.table,
            market.instrument,
            base,
            base + width,
            first,
            last,
        )

    def run(self, base: int, width: int, number: int, first: int, last: int) -> None:
        """Follow combinations first..last, piece `number`, through the window."""
        market, (enters, leaves) = self.sweep.market, self.scratch[number]
        self.sweep._module.run(
            self.combos,
            self.params,
            self.at,
            self.x,
            market.instrument,
            base,
            width,
            self.step,
            market.bars,
            self.lowest,
            self.highest,
            enters.view(np.int8),
            leaves.view(np.int8),
            enters,
            leaves,
            market.rules,
            market.fees,
            market.terms,
            self.log,
            self.logged[0],
            self.marks,
            first,
            last,
        )

    def finish(self) -> None:
        """Settle what is open behind the last bar."""
        market = self.sweep.market
        for k in range(len(self.combos)):
            finish(self.combos[k], market.bars, market.rules, market.fees, self.log, self.logged[0])


def _by_group(prices: Array, whole: int, filled: int, of: Any) -> Array:
    """Lowest or highest of each GROUP of bars."""
    padded = np.full(whole, filled, np.int64)
    padded[: len(prices)] = prices
    found: Array = of.reduce(padded.reshape(-1, GROUP), axis=1)
    return found


def _fold_arrays(feature: Any) -> tuple[Array, Array, Array]:
    n, module = len(feature.params), feature.module
    outputs = np.full(n, np.nan, np.dtype([(name, "f8") for name in module.FIELDS]))
    return _records(feature.params), np.zeros(n, module.State), outputs


def _records(params: Sequence[Any]) -> Array:
    found = np.zeros(len(params), params_dtype(type(params[0])))
    for k, one in enumerate(params):
        found[k] = params_record(one)
    return found


def _combos(strategies: Sequence[Any], stakes: Sequence[int]) -> Array:
    found = np.zeros(len(strategies), COMBO)
    for k, (strategy, stake) in enumerate(zip(strategies, stakes, strict=True)):
        setup, one = strategy.setup, found[k]
        one["side"], one["horizon"], one["stake"] = setup.side, setup.horizon_ns, stake
        one["stop"], one["target"] = setup.stop or 0.0, setup.target or 0.0
    return found
