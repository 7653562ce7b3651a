"""What the tests of sweeps share: tapes of bars that are plain enough for the fast way, and the engine beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Annotated, ClassVar

from tickerml.config import from_mapping
from tickerml.run.setup import Setting, bar_only_of, terms_of
from tickerml.run.strategies import choose
from tickerml.run.sweep_ways import fast
from tickerml.strategies.ma_cross import MaCross
from tickerml.strategies.wake import Bars
from tickerml.tape.block import concat, part
from tickerml.tape.intents import Pass, Setup, Target
from tickerml.tape.kernel import fold
from tickerml.tape.params import Range
from tickerml.tape.tape import MemoryTape


@fold
def detect(p, d, a):
    """Enter and leave by where the close lies between two means."""
    if d["slow"] != d["slow"]:
        return 1
    away = (d["close"] - d["slow"]) / d["slow"]
    if a["held"] == 0:
        return 0 if away * p["side"] < -p["far"] else 2
    return 0 if away * a["mine"] > p["far"] else 3


Cross = partial(MaCross, timeframe="1m")


@dataclass(frozen=True)
class Back:
    """Expects the close to come back to its mean; long or short, with every simple exit."""

    side: Annotated[int, Range(-1, 1)] = 1  # +1 buys below the mean, -1 sells above it
    bars: Annotated[int, Range(1, 500)] = 20  # bars of the mean
    far: Annotated[float, Range(0, 0.5)] = 0.004  # fraction away from it
    stop: Annotated[float, Range(0.0001, 0.5)] = 0.005  # fraction of the entry price
    target: Annotated[float, Range(0, 0.5)] = 0.004  # fraction of the entry price; 0 = none
    minutes: Annotated[float, Range(1, 10_000)] = 40.0  # minutes; the longest time in a trade
    stake: Annotated[float, Range(1, 1e6)] = 300.0  # quote; money of one trade

    wake: ClassVar = Bars("1m")
    passes: ClassVar = ("warming up", "near", "held")

    @property
    def sees(self):
        return {"close": "bar(1m).close", "slow": f"sma({self.bars}, 1m)"}

    @property
    def setup(self):
        return Setup(
            self.side, round(self.minutes * 60e9), target=self.target or None, stop=self.stop, stake=self.stake
        )

    def decide(self, view):
        slow = view["slow"]
        if slow != slow:
            return Pass("warming up")
        away = (view["close"] - slow) / slow * self.side
        if view.position is None:
            return self.setup if away < -self.far else Pass("near")
        return Target(0.0) if away > self.far else Pass("held")


@dataclass(frozen=True)
class Sized(Back):
    """The same with a share of equity for each trade, which the fast way does not know."""

    @property
    def setup(self):
        return replace(super().setup, size=0.1)


@dataclass(frozen=True)
class Trailing(Back):
    """The same; above 0 its stop follows the price, which the fast way does not know."""

    trail: Annotated[float, Range(0, 1)] = 0.0

    @property
    def setup(self):
        return replace(super().setup, trail=self.trail or None)


@dataclass(frozen=True)
class Renamed(Back):
    """The same under other names where the mean is long: a column found by its name would be another one."""

    @property
    def sees(self):
        mean, close = {"slow": f"sma({self.bars}, 1m)"}, {"close": "bar(1m).close"}
        return mean | close if self.bars > 20 else close | mean


@dataclass(frozen=True)
class Watching(Back):
    """The same; with a long mean it sees the account, which the fast way does not have."""

    @property
    def sees(self):
        return super().sees | ({"own": "exposure"} if self.bars > 20 else {"own": "sma(3, 1m)"})


def spot(tape):
    """The tape with its one instrument as a spot pair."""
    (inst,) = tape.header.instruments
    return MemoryTape(
        replace(tape.header, instruments=(replace(inst, symbol=f"{inst.base}/{inst.quote}"),)), tuple(tape.blocks())
    )


def plain(tape, start=0, stop=None):
    """A tape without named values; rows start to stop of it."""
    block = concat(list(tape.blocks()))
    return MemoryTape(replace(tape.header, names=()), (part(block, start, stop or len(block)),))


def setting_of(tape, cash=10_000, pairs=(), **sections):
    """Settings of a run on bars that are known 2 seconds after they close."""
    config = from_mapping({"data": {"bar_delay_ms": 2000.0}, **sections})
    return Setting(config, Decimal(cash), 0, tuple(pairs), bar_only_of(tape), terms_of(config))


def fast_of(strategies, tape, setting, threads=1):
    """The fast way for strategies of one class."""
    return fast(choose(strategies[0], setting.config), strategies, tape, setting, threads)
