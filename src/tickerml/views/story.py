"""The story of a run: everything that a view may show, read once from the run's tape. Plain frozen values."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Times: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

KEEP: Final = 8_000  # columns of a thinned series of prices: more than any screen has


@dataclass(frozen=True, slots=True)
class Head:
    """Who ran, on what, when. Times in ns UTC."""

    run: str  # "8f3a21"
    mode: str  # "paper", "backtest", "live", "replay"
    strategy: str
    coins: tuple[str, ...]  # ccxt symbols, in the order of the source
    currency: str  # of all money in the story
    source: str  # title of the source tape
    start: int
    end: int
    synthetic: str = ""  # "calm, seed 7" for a made-up market, else empty
    notes: tuple[str, ...] = ()  # assumptions that stay on every view
    trials: int | None = None  # trials on record before this result was shown; None = unknown
    trials_variance: float | None = None  # of their Sharpe ratios per day; None = not known
    strategies: tuple[str, ...] = ()  # in the order in which they are asked
    quoting: str = ""  # the one of them that is compiled: it quotes, and has no trades
    in_sample: str = ""  # searches that tried its parameters on rows of this run: "sweep-8f3a21 (9 parameter sets)"
    stopped: bool = False  # by Ctrl-C: it has another end than its source
    called: str = ""  # what commands find it by: its name in the folder of runs, else its path; "" = its name

    @property
    def command_name(self) -> str:
        """The run as an argument of a command, quoted for a shell; nothing where it has no name."""
        return shlex.quote(self.called or self.run) if self.run else ""


@dataclass(frozen=True, slots=True)
class Trade:
    """One closed position. Money in the story's currency; fees > 0 were paid, funding > 0 was received."""

    coin: str
    side: int  # +1 long, -1 short
    entry_time: int
    exit_time: int
    entry: Decimal
    exit: Decimal
    qty: Decimal  # base units (or contracts)
    gross: Decimal  # before fees and funding, with `insured`
    fees: Decimal
    funding: Decimal
    pnl: Decimal  # gross - fees + funding
    notional: Decimal  # entry value of the position, in the story's currency
    reason: str = ""  # why it ended: "target", "stop", "horizon", ...
    mae: float | None = None  # worst move against the position, fraction of the entry price, >= 0
    mfe: float | None = None  # best move for the position, fraction of the entry price, >= 0
    confidence_raw: float | None = None
    confidence: float | None = None  # calibrated
    leverage: float | None = None
    stop: Decimal | None = None
    target: Decimal | None = None
    strategy: str = ""
    regime: str = ""  # of the market at its entry, as the desk saw it: "bull", "caution", ...
    superp: bool = False  # `qty` is its stake, in money: the most that it loses
    dust: Decimal = Decimal(0)  # base units that fees taken in the coin left and that are less than a lot
    legs: tuple[Trade, ...] = ()  # of a trade of several legs: each that was filled, by itself
    insured: Decimal = Decimal(0)  # of a loss beyond its isolated margin, borne by the venue's insurance


@dataclass(frozen=True, slots=True)
class Quoted:
    """What a compiled strategy's quotes made of one coin: all executions, and what it holds at the last price."""

    coin: str
    net: Decimal  # after fees and funding


@dataclass(frozen=True, slots=True)
class Paid:
    """What the account paid over the whole run, in the story's currency, whether trades closed or not."""

    fees: Decimal  # of all executions; more than 0 was paid
    funding: Decimal  # of all positions; more than 0 was received
    quoted: Decimal = Decimal(0)  # closed by a compiled strategy, average cost, before fees and funding
    quotes: tuple[Quoted, ...] = ()  # each coin that it traded
    exchanged: Decimal = Decimal(0)  # value of all that its quotes bought and sold


@dataclass(frozen=True, slots=True)
class Outcome:
    """A forecast whose outcome is known: of a trade, or of a signal whose window ended."""

    raw: float  # confidence before calibration, 0..1
    confidence: float | None  # after it; None = uncalibrated
    won: bool


@dataclass(frozen=True, eq=False, slots=True)
class Curve:
    """The account over time, same length each: ns UTC, equity and cash in currency, exposure as money in the market."""

    time: Times
    equity: Floats
    cash: Floats
    exposure: Floats  # size of the net position value, >= 0


@dataclass(frozen=True, eq=False, slots=True)
class Prices:
    """A coin's price over time, thinned without loss of extremes: ns UTC, price in quote."""

    time: Times
    close: Floats


@dataclass(frozen=True, slots=True)
class Layer:
    """One bar of the edge waterfall: what the run earned less when this cost was switched on; None = not simulated."""

    name: str
    money: Decimal | None
    trades: int | None = None  # that the re-run with this cost made; None = not known


@dataclass(frozen=True, eq=False, slots=True)
class Twins:
    """Runs with the edge removed: final net of each (money), and bands over time as fractions of the start."""

    nets: Floats
    time: Times
    low: Floats
    median: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Count:
    """How often a reason was given for a coin."""

    reason: str
    coin: str
    n: int


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the strategy and the desk decided. A decision is one intent or one pass."""

    passes: tuple[Count, ...] = ()
    refusals: tuple[Count, ...] = ()
    examples: Mapping[str, str] = field(default_factory=dict)  # refusal code -> the text of its last refusal
    signals: int = 0  # intents
    orders: int = 0
    fills: int = 0
    rejects: int = 0
    quotes: tuple[Count, ...] = ()  # of a compiled strategy, that stayed here: by what kept them


@dataclass(frozen=True, slots=True)
class Leak:
    """A decision that changes when what came later is taken away."""

    strategy: str
    column: str  # what looked ahead; "" where it could not be named
    bar: str  # the bar whose decision differs, ISO 8601 UTC
    line: int  # of the source; 0 where it could not be named
    file: str


@dataclass(frozen=True, slots=True)
class Health:
    """What can be said for and against the data. Counts are of the source; None = not measured."""

    rows: int = 0
    gaps: int = 0
    resyncs: int | None = None
    lost: int | None = None  # updates lost in gaps
    crossed: int | None = None
    duplicates: int | None = None
    problems: Mapping[str, int] = field(default_factory=dict)
    clocks: Mapping[str, int] = field(default_factory=dict)  # stream -> ns added to exchange time
    assumed_clock: bool = False
    bar_only: bool = False
    both_inside: int | None = None  # bars with stop and target both inside: the stop was taken
    breaks: tuple[tuple[int, int], ...] = ()  # spans without any data, ns UTC
    leak_check: str = ""  # "no look-ahead in 48 decisions", "look-ahead not checked: ..."; empty = not asked
    leaks: tuple[Leak, ...] | None = None  # what the leak check found; None = not checked
    visibility: str = ""  # "watermark", "oracle"
    latency: str = ""  # "constant 20 ms"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to get the same again."""

    command: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)  # "decisions", "states", "source", "kernels" -> SHA-256
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Story:
    """A run as views see it. The page comes from this alone: no wall clock, host or random id."""

    head: Head
    start_equity: Decimal
    final_equity: Decimal
    curve: Curve
    trades: tuple[Trade, ...] = ()  # by exit time
    outcomes: tuple[Outcome, ...] = ()
    prices: Mapping[str, Prices] = field(default_factory=dict)
    waterfall: tuple[Layer, ...] = ()
    twins: Twins | None = None
    decisions: Decisions = field(default_factory=Decisions)
    health: Health = field(default_factory=Health)
    recipe: Recipe = field(default_factory=Recipe)
    seconds: float | None = None  # how long the run took; shown in the terminal only, never on the page
    report: str = ""  # where the page lies, for the last line of the summary
    paid: Paid | None = None  # None = no account was kept: what closed trades tell is all that is known
    no_twins: str = ""  # why there are no null twins, in words
