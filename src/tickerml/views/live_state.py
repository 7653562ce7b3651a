"""What the live screen shows: a plain snapshot of a run, made by the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Position:
    """An open position as it stands now; prices and size as they are written, money in the account's currency."""

    coin: str
    side: int
    size: Decimal
    entry: Decimal
    now: Decimal
    pnl: Decimal
    share: float  # pnl over entry value
    stop: Decimal | None = None
    target: Decimal | None = None
    left: int | None = None  # ns until its horizon


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: ns UTC, what, and its figures. `level`: INFO, WARNING or ERROR."""

    time: int
    text: str
    detail: str = ""
    level: str = "INFO"
    name: str = "paper"


@dataclass(frozen=True, slots=True)
class Feeds:
    """The state of the data as it comes in."""

    total: int = 0
    current: int = 0
    oldest_ms: float = 0.0
    gaps: int = 0
    resyncs: int = 0
    crossed: int = 0
    clock_ns: int = 0  # correction of the exchange's clock, 0 = none
    stale: tuple[tuple[str, float], ...] = ()  # (coin, seconds)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a machine wants to know of a run beside what is drawn; shares as fractions."""

    fills: int = 0
    rejects: int = 0
    messages: int = 0  # orders, changes and cancels sent to the venue
    day_loss: float = 0.0  # of the day's first equity
    drawdown: float = 0.0  # below the highest equity so far
    killed: bool = False  # the desk is stopped for good
    trades: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # by strategy: ended, won


@dataclass(frozen=True, slots=True)
class LiveState:
    """A snapshot of a run for the screen. Money in `currency`, shares as fractions, times in ns."""

    mode: str
    strategy: str
    coins: int
    run: str
    time: int
    currency: str
    start_equity: Decimal
    equity: Decimal
    synthetic: str = ""
    venue: str = ""  # where live orders go
    speed: str = "max speed"
    done: float | None = None  # share of the tape; None = no end
    elapsed: int = 0
    left: int | None = None
    rows: int = 0
    rows_per_s: float = 0.0
    doing: str = ""  # "compiling kernels 3 of 9, left 4 s", "warming up ..."
    closed: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    in_use: float = 0.0
    limit: float = 0.0
    hold: float | None = None
    worst_fall: float = 0.0
    trades: int = 0
    won: int = 0
    needed: float | None = None
    positions: tuple[Position, ...] = ()
    passes: Mapping[str, int] = field(default_factory=dict)
    refusals: Mapping[str, int] = field(default_factory=dict)
    signals: int = 0
    orders: int = 0
    confidence: str = ""  # from calibration.spoken, or what is known so far
    costs: str = ""
    feeds: Feeds = field(default_factory=Feeds)
    counted: Counted = field(default_factory=Counted)
    events: tuple[Event, ...] = ()  # newest first
