"""Research: features of a tape as columns, from the compiled folds that trade; and the tape that people hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tickerml.config import Config
from tickerml.desk.money import Wallets
from tickerml.engine.core import WALLETS
from tickerml.engine.loop import Loop
from tickerml.engine.machine import pieces
from tickerml.engine.plan import Fold, Plan, folds_for
from tickerml.engine.venue_setup import Terms, venue_setup
from tickerml.features.sets import members
from tickerml.run.models import models_of
from tickerml.run.setup import dense
from tickerml.tape.block import Block
from tickerml.tape.errors import InputError, RunError
from tickerml.tape.instruments import Instrument
from tickerml.tape.params import span_ns
from tickerml.tape.tape import Header, Tape

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class MarketTape:
    """A tape with what people ask of it: `columns`, and a picture of itself in a notebook. `tml.read` gives one."""

    inner: Tape
    found: Mapping[str, Any] = field(default_factory=dict)  # how a run's manifest finds the same source again
    pairs: tuple[str, ...] = ()  # symbols that were asked for; empty = all

    @property
    def header(self) -> Header:
        """What is true of the whole tape."""
        return self.inner.header

    @property
    def live(self) -> bool:
        """True for a feed: its rows come once, and whoever trades them keeps them."""
        return bool(getattr(self.inner, "live", False))

    @property
    def bar_only(self) -> tuple[bool, ...]:
        """Instruments without an order book, where the sender of a feed said so; else empty: to be found out."""
        return tuple(getattr(self.inner, "bar_only", ()))

    def blocks(self) -> Iterator[Block]:
        """All blocks from the first row on."""
        return self.inner.blocks()

    def content_hash(self) -> str:
        """SHA-256 of the content."""
        return self.inner.content_hash()

    def columns(self, *names: str, every: str = "1s") -> pl.DataFrame:
        """Features at each multiple of `every` of receive time before which an instrument had news, as it is read then.

        An instrument whose feed is silent has no rows: nothing old is repeated as if it were new. Columns: `time` (UTC,
        ns), `symbol` where there are several instruments, then `names`, null while unavailable. A row holds all that
        was received up to its time and nothing later. Memory: one block and the frame. Raises ConfigError
        `feature-unknown`, `feature-argument`; InputError `timeframe`.
        """
        return columns(self, names, every, self.pairs)

    def __repr__(self) -> str:
        header = self.header
        held = ", ".join(i.symbol for i in header.instruments if not i.values_only)
        return f"{'SYNTHETIC ' if header.synthetic else ''}tape {header.title}: {held}"

    def _repr_html_(self) -> str:
        header = self.header
        warning = f"SYNTHETIC MARKET ({header.synthetic}): says nothing about profit. " if header.synthetic else ""
        notes = "; ".join([warning + header.title, *header.notes])
        rows = "".join(
            f"<tr><td>{escape(i.symbol)}</td><td>{escape(i.venue)}</td><td>{i.tick}</td><td>{i.lot}</td></tr>"
            for i in header.instruments
        )
        head = "<tr><th>symbol</th><th>venue</th><th>tick</th><th>lot</th></tr>"
        return f"<table><caption>{escape(notes)}</caption>{head}{rows}</table>"


def columns(tape: Tape, names: Sequence[str], every: str, pairs: Sequence[str] = ()) -> pl.DataFrame:
    """See `MarketTape.columns`."""
    step = span_ns(every)
    if not step:
        raise InputError(
            "timeframe", f'"{every}" is no span of time', key="every", try_='every="1s"   (250ms, 1s, 5m, 1h)'
        )
    names = members(names)
    loop, shown = _research(tape.header, names), _shown(tape.header.instruments, pairs)
    taken = _Taken(loop, names, [i.id for i in shown])
    for piece in pieces(tape.blocks(), 1 << 16):
        _fold(loop, piece, step, taken)
    if loop.spilled():
        raise RunError("book-spilled", "a book holds more far levels than there is room for; its depth is wrong")
    return taken.frame(shown)


def research_plan(names: Sequence[str]) -> Plan:
    """The folds of these features and nothing that only a trading run has a use for."""
    folds, models = folds_for(names), models_of(Config())
    return Plan(
        folds,
        models.queue,
        models.latency,
        models.fees,
        triggers=False,
        values=_listen(folds),
        balance=False,
        marks=False,
    )


def _research(header: Header, names: Sequence[str]) -> Loop:
    """A loop that only folds: the same generated pass as a run with these features, without orders."""
    instruments = dense(header.instruments)
    models, wallets = models_of(Config()), Wallets.of(instruments, WALLETS)
    setup = venue_setup(
        instruments,
        wallets,
        (),
        Terms(),
        names=header.names,
        bar_only=[header.bar_only] * len(instruments),
        models=models.params,
        least=models.least,
        seed=0,
    )
    return Loop(research_plan(names), instruments, setup)


def _listen(folds: Sequence[Fold]) -> bool:
    return any("on_value" in fold.handlers() for fold in folds)


def _shown(instruments: Sequence[Instrument], pairs: Sequence[str]) -> list[Instrument]:
    able = [i for i in instruments if not i.values_only]
    return [i for i in able if not pairs or i.symbol in pairs or i.raw in pairs]


def _fold(loop: Loop, block: Block, step: int, taken: _Taken) -> None:
    """Fold a block; sample at each multiple of `step` behind whose last row a later one has been seen."""
    received = np.maximum.accumulate(block.rows["recv"])
    due = -(-received // step) * step
    last = int(due[0] if loop.core[0]["rows"] == 0 else -(-int(loop.core[0]["now"]) // step) * step)
    loop.hand(block)
    times, starts = np.unique(due, return_index=True)
    for time, insts in zip(times.tolist(), np.split(block.rows["inst"], starts[1:]), strict=True):
        if time > last:
            taken.sample(last)
        taken.hear(insts)
        loop.fold_only(time)
        last = max(last, time)


class _Taken:
    """Samples by block of a few thousand, so that no list of single numbers grows."""

    def __init__(self, loop: Loop, names: Sequence[str], insts: list[int]) -> None:
        self._loop, self._names, self._insts = loop, list(names), insts
        places = [loop.columns.get(name) for name in names]  # none for what is of an account: research has no account
        self._fields = [None if place is None else (loop.outputs[place[0]], place[1]) for place in places]
        self._unknown = np.full(len(insts), np.nan)
        self._news = np.zeros(len(loop.books), np.bool_)  # instruments with rows since the last sample
        self._times: list[int] = []
        self._seen: list[NDArray[np.bool_]] = []
        self._values: list[NDArray[np.float64]] = []
        self._done: list[tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]] = []

    def hear(self, insts: NDArray[np.int32]) -> None:
        """Note which instruments the rows folded next are of."""
        self._news[insts] = True

    def sample(self, time: int) -> None:
        """Keep the features as they are, under `time`."""
        news = self._news[self._insts]
        if not news.any():
            return
        self._news[:] = False
        self._times.append(time)
        self._seen.append(news)
        seen = [self._unknown if one is None else one[0][one[1]][self._insts] for one in self._fields]
        self._values.append(np.stack(seen))
        if len(self._times) == 4096:
            self._pack()

    def _pack(self) -> None:
        if self._times:
            packed = np.array(self._times, np.int64), np.stack(self._seen), np.stack(self._values)
            self._done.append(packed)
            self._times, self._seen, self._values = [], [], []

    def frame(self, shown: Sequence[Instrument]) -> pl.DataFrame:
        """All samples as one frame, by time, then in the order of the source."""
        import polars as pl

        self._pack()
        n, m = len(shown), len(self._names)
        times = np.concatenate([t for t, _, _ in self._done]) if self._done else np.zeros(0, np.int64)
        seen = np.concatenate([s for _, s, _ in self._done]) if self._done else np.zeros((0, n), np.bool_)
        values = np.concatenate([v for _, _, v in self._done]) if self._done else np.zeros((0, m, n))
        kept = seen.ravel()
        found: dict[str, Any] = {"time": np.repeat(times, n)[kept]}
        if n > 1:
            codes = np.tile(np.arange(n), len(times))[kept]
            found["symbol"] = pl.Series([i.symbol for i in shown])[codes]
        for k, name in enumerate(self._names):
            found[name] = values[:, k, :].ravel()[kept]
        frame = pl.DataFrame(found).with_columns(pl.col("time").cast(pl.Datetime("ns", "UTC")))
        return frame.with_columns(pl.col(name).fill_nan(None) for name in self._names)
