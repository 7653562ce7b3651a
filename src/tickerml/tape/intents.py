"""What a strategy may answer: an intent of one of four kinds, or a Pass with its reason.

An intent is a wish in the strategy's own terms: distances are fractions of the entry price, sizes are hints. The
desk turns it into orders in ticks and lots, or refuses it. Every position has a stop, or says what stands in for one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from tickerml.tape.errors import ConfigError
from tickerml.tape.rows import BUY, SELL
from tickerml.tape.spans import nanoseconds

Figure: TypeAlias = float | int | str | bool | None
Info: TypeAlias = Mapping[str, Figure]
Substitute: TypeAlias = Literal["", "stake", "hedge", "envelope"]
_NO_INFO: Final[Info] = {}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry order: a limit at `price` (quote per unit), or a market order when None, for `share` of the size."""

    price: float | None = None
    share: float = 1.0  # of the setup's size; the shares of a setup sum to 1
    post_only: bool = False
    ttl_ns: int = 0  # cancelled when not filled by then; 0 = lives until the position closes or the horizon ends


@dataclass(frozen=True, slots=True)
class Setup:
    """One trade: entry orders, target, stop and the longest time it may last.

    `target` and `stop` are distances as fractions of the (average) entry price, both positive: target 0.002 is 0.2 %
    in the trade's favour. No stop is allowed only with a `substitute`. Raises ConfigError `intent`.
    """

    side: int  # BUY (+1) = long, SELL (-1) = short
    horizon_ns: int  # the position is closed at decision time + horizon at the latest
    target: float | None = None
    stop: float | None = None
    entries: tuple[Entry, ...] = (Entry(),)
    size: float | None = None  # hint: share of equity to commit (margin, where a leverage is named); None = the desk's
    stake: float | None = None  # hint: money of the settle currency to commit (SuperP: the most that can be lost)
    leverage: float | None = None  # hint: times; None = the account's usual. The desk and the margin tier lower it
    superp: bool = False  # a stake-limited position without liquidation: simulation only
    substitute: Substitute = ""  # what limits the loss where there is no stop
    info: Info = field(default_factory=dict)  # figures to be journalled with the decision
    params: Mapping[str, float] = field(default_factory=dict)  # own parameters changed by this wake: a PARAMS row
    trail: float | None = None  # the stop follows the best price since the entry at this fraction of it
    zones: bool = False  # half way to the target the stop goes to break-even; at it, half is locked (desk/exits.py)
    floor: float | None = None  # quote; the trade ends when the price closes below
    ceiling: float | None = None  # quote; the trade ends when the price closes above

    def __post_init__(self) -> None:
        for name in ("trail", "floor", "ceiling"):
            value = getattr(self, name)
            _require(value is None or _positive(value), f"{name} is {value}; it must be above 0")
        _require(self.trail is None or self.stop is not None, "a trailing stop needs a stop to begin with")
        _require(not self.zones or self.target is not None, "zones lie on the way to a target; there is none")
        _require(self.side in (BUY, SELL), f"side is {self.side}; it must be +1 (long) or -1 (short)")
        _require(self.horizon_ns > 0, f"horizon is {self.horizon_ns} ns; it must be positive")
        _require(self.target is None or _positive(self.target), f"target is {self.target}; it must be above 0")
        _require(self.stop is None or _positive(self.stop), f"stop is {self.stop}; it must be above 0")
        _require(self.stop is not None or self.substitute != "", "a setup needs a stop, or names its substitute")
        _require(self.leverage is None or _positive(self.leverage), f"leverage is {self.leverage}; it must be above 0")
        shares = sum(entry.share for entry in self.entries)
        _require(abs(shares - 1) < 1e-9, f"the shares of the entries sum to {shares}, not 1")
        _require(not self.superp or self.stake is not None, "a SuperP position needs a stake")


@dataclass(frozen=True, slots=True)
class Target:
    """A wished exposure: signed, as a multiple of equity (-0.5 = short half of it). Raises ConfigError `intent`."""

    exposure: float
    stop: float | None = None  # fraction of the average entry price
    substitute: Substitute = ""
    info: Info = field(default_factory=dict)
    params: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require(math.isfinite(self.exposure), f"exposure is {self.exposure}; it must be a finite number")
        guarded = self.exposure == 0 or self.stop is not None or self.substitute != ""
        _require(guarded, "an exposure needs a stop, or names its substitute")


@dataclass(frozen=True, slots=True)
class Quotes:
    """A bid and an ask to keep in the book; the envelope that the desk grants stands in for the stop.

    Prices are quote per unit, None = no order on that side; sizes are base units. Raises ConfigError `intent`.
    """

    bid: float | None
    ask: float | None
    size: float
    inventory_limit: float  # no order that would carry the position beyond this, either way
    ttl_ns: int  # both are cancelled then, unless renewed
    info: Info = field(default_factory=dict)
    params: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        crossed = self.bid is not None and self.ask is not None and self.bid >= self.ask
        _require(not crossed, f"bid {self.bid} is not below ask {self.ask}")
        _require(_positive(self.size), f"size is {self.size}; it must be above 0")
        _require(_positive(self.inventory_limit), f"inventory limit is {self.inventory_limit}; it must be above 0")
        _require(self.ttl_ns > 0, f"time to live is {self.ttl_ns} ns; it must be positive")


@dataclass(frozen=True, slots=True)
class Leg:
    """One setup of several, on the instrument with this venue and unified symbol."""

    venue: str
    symbol: str
    setup: Setup


@dataclass(frozen=True, slots=True)
class Legs:
    """Setups on several instruments or venues that stand or fall together. Raises ConfigError `intent`.

    All are approved and sent at once, or none. The legs' `size` hints are kept in proportion (without them all legs are
    worth the same). What is filled while another leg is not within `limits.legs_s` is closed; when one leg leaves, all
    leave; they are settled as one trade.
    """

    legs: tuple[Leg, ...]
    info: Info = field(default_factory=dict)
    params: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require(len(self.legs) >= 2, f"legs need at least two setups, got {len(self.legs)}")
        places = {(leg.venue, leg.symbol) for leg in self.legs}
        _require(len(places) == len(self.legs), "two legs are on one instrument: a coin has one setup at a time")
        _require(not any(leg.setup.superp for leg in self.legs), "a SuperP position cannot be a leg")


@dataclass(frozen=True, slots=True)
class Pass:
    """No trade now, and why, in words that a table of counts can show: "ratio neutral".

    `info` is journalled beside the reason; a strategy fills it only where the figures matter (a scored candidate).
    """

    reason: str
    info: Info = field(default_factory=dict)
    params: Mapping[str, float] = field(default_factory=dict)


Intent: TypeAlias = Setup | Target | Quotes | Legs


def Long(  # noqa: N802 - reads as what it makes
    *,
    target: float | None = None,
    stop: float | None = None,
    horizon: str | int,
    entries: tuple[Entry, ...] = (Entry(),),
    size: float | None = None,
    info: Info = _NO_INFO,
    trail: float | None = None,
    zones: bool = False,
    leverage: float | None = None,
) -> Setup:
    """A setup that buys. `horizon` is a span ("48h") or ns; distances are fractions of the entry price."""
    span = nanoseconds(horizon)
    return Setup(BUY, span, target, stop, entries, size, None, leverage, info=info, trail=trail, zones=zones)


def Short(  # noqa: N802 - reads as what it makes
    *,
    target: float | None = None,
    stop: float | None = None,
    horizon: str | int,
    entries: tuple[Entry, ...] = (Entry(),),
    size: float | None = None,
    info: Info = _NO_INFO,
    trail: float | None = None,
    zones: bool = False,
    leverage: float | None = None,
) -> Setup:
    """A setup that sells. `horizon` is a span ("48h") or ns; distances are fractions of the entry price."""
    span = nanoseconds(horizon)
    return Setup(SELL, span, target, stop, entries, size, None, leverage, info=info, trail=trail, zones=zones)


def _positive(x: float) -> bool:
    return math.isfinite(x) and x > 0


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError("intent", message, means="the strategy's answer was not sent to the desk")
