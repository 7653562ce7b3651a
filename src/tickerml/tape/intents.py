"""What a strategy may answer: an intent of one of four kinds, or a Pass with its reason.

An intent is a wish in the strategy's own terms: distances are fractions of the entry price, sizes are hints. The
desk turns it into orders in ticks and lots, or refuses it. Every position has a stop, or says what stands in for one.

Each number has a range, wide enough for every wish that makes sense and narrow enough that what is computed from it
later fits: one outside is refused here, on the strategy's own line, with the field and the range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal, TypeAlias

from tickerml.tape.instruments import coin_in
from tickerml.tape.intent_ranges import (
    DEAREST,
    EXACT,
    FARTHEST,
    LARGEST,
    LONGEST,
    RICHEST,
    STEEPEST,
    above,
    either,
    optional,
    refuse,
    require,
    said,
    within,
)
from tickerml.tape.rows import BUY, SELL
from tickerml.tape.spans import nanoseconds

Figure: TypeAlias = float | int | str | bool | None
Info: TypeAlias = Mapping[str, Figure]
Substitute: TypeAlias = Literal["", "stake", "hedge", "envelope"]
_NO_INFO: Final[Info] = {}
STAKE: Final = "stake"  # of a SuperP position: no more than it can be lost
HEDGE: Final = "hedge"  # of a leg: other legs hold as much of the same coin on the other side
ENVELOPE: Final = "envelope"  # of a wished exposure, as of quotes: what the desk grants


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry order: a limit at `price` (quote per unit), or a market order when None, for `share` of the size.

    Raises ConfigError `intent`.
    """

    price: float | None = None
    share: float = 1.0  # of the setup's size; the shares of a setup sum to 1
    post_only: bool = False
    ttl_ns: int = 0  # cancelled when not filled by then; 0 = lives until the position closes or the horizon ends

    def __post_init__(self) -> None:
        optional("the price of an entry", self.price, DEAREST)
        above("the share of an entry", self.share, EXACT)
        within("the ttl_ns of an entry", self.ttl_ns, 0, LONGEST)
        either("post_only", self.post_only)
        object.__setattr__(self, "ttl_ns", math.ceil(self.ttl_ns))


@dataclass(frozen=True, slots=True)
class Setup:
    """One trade: entry orders, target, stop and the longest time it may last.

    `target` and `stop` are distances as fractions of the (average) entry price, both positive: target 0.002 is 0.2 %
    in the trade's favour. No stop is allowed only with a `substitute`: "stake" of a SuperP position, or "hedge" of a
    leg that other legs hedge (see Legs). Raises ConfigError `intent`.
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

    STANDS_IN: ClassVar[str] = HEDGE  # for a stop

    def __post_init__(self) -> None:
        if self.side not in (BUY, SELL):
            refuse(f"side is {said(self.side)}; it must be +1 (long) or -1 (short)")
        above("horizon", self.horizon_ns, LONGEST, " ns")
        for name, most in _OF_SETUP:
            optional(name, getattr(self, name), most)
        if self.size is not None:
            within("size", self.size, 0, LARGEST)
        for name in ("superp", "zones"):
            either(name, getattr(self, name))
        require(self.trail is None or self.stop is not None, "a trailing stop needs a stop to begin with")
        require(not self.zones or self.target is not None, "zones lie on the way to a target; there is none")
        _shares(self.entries)
        for name in ("side", "horizon_ns"):  # numbers of numpy would wrap, and floats lose nanoseconds
            object.__setattr__(self, name, math.ceil(getattr(self, name)))
        require(not self.superp or self.stake is not None, "a SuperP position needs a stake")
        allowed = STAKE if self.superp else self.STANDS_IN
        _stands_in(self.substitute, allowed, "a SuperP position" if self.superp else "a setup")
        require(self.stop is not None or self.substitute != "", f"a setup needs a stop, or {_BY_SETUP}")


@dataclass(frozen=True, slots=True)
class Target:
    """A wished exposure: signed, as a multiple of equity (-0.5 = short half of it).

    What is held is brought there: from nothing it is entered at the market; more of the same side is a further entry,
    judged as what it adds; less is sold in part; the other side, or 0, closes it, and a later wake enters anew. What
    is within `limits.least_change` of it stays. A stop that is tighter than the one before takes its place.

    Without a stop it needs the `substitute` "envelope": it has no stake, and is no leg; what the desk grants can be
    lost whole, and it sizes it so. Raises ConfigError `intent`.
    """

    exposure: float
    stop: float | None = None  # fraction of the average entry price
    substitute: Substitute = ""
    info: Info = field(default_factory=dict)
    params: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        within("exposure", self.exposure, -LARGEST, LARGEST)
        optional("stop", self.stop, FARTHEST)
        _stands_in(self.substitute, ENVELOPE, "a target")
        object.__setattr__(self, "exposure", float(self.exposure))  # numbers of numpy wrap, and some are no float64
        object.__setattr__(self, "stop", None if self.stop is None else float(self.stop))
        guarded = self.exposure == 0 or self.stop is not None or self.substitute != ""
        require(guarded, 'an exposure needs a stop, or the substitute "envelope"')


@dataclass(frozen=True, slots=True)
class Reach(Setup):
    """What the desk judges of a Target: its exposure is `size`, and it lasts until the strategy wishes another."""

    STANDS_IN: ClassVar[str] = ENVELOPE

    @classmethod
    def of(cls, target: Target, stop: float | None) -> Reach:
        """Enter at the market up to its exposure, with this stop. ConfigError `intent`."""
        side = BUY if target.exposure > 0 else SELL
        stands_in = "" if stop is not None else target.substitute
        return cls(side, LONGEST, stop=stop, size=abs(target.exposure), substitute=stands_in, info=target.info)


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
        for name in ("bid", "ask"):
            optional(name, getattr(self, name), DEAREST)
        crossed = self.bid is not None and self.ask is not None and self.bid >= self.ask
        require(not crossed, f"bid {self.bid} is not below ask {self.ask}")
        above("size", self.size, RICHEST)
        above("inventory limit", self.inventory_limit, RICHEST)
        above("time to live", self.ttl_ns, LONGEST, " ns")


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
    leave; they are settled as one trade. A leg without a stop has the substitute "hedge": other legs hold the same coin
    on the other side, at least as much of it as all legs that lean on them.
    """

    legs: tuple[Leg, ...]
    info: Info = field(default_factory=dict)
    params: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(len(self.legs) >= 2, f"legs need at least two setups, got {len(self.legs)}")
        places = {(leg.venue, leg.symbol) for leg in self.legs}
        require(len(places) == len(self.legs), "two legs are on one instrument: a coin has one setup at a time")
        require(not any(leg.setup.superp for leg in self.legs), "a SuperP position cannot be a leg")
        require(not any(isinstance(leg.setup, Reach) for leg in self.legs), _NO_REACH)
        bare = unhedged([(coin_in(leg.symbol.partition("/")[0]), leg.setup) for leg in self.legs])
        if bare:
            named = self.legs[bare[0]].symbol
            refuse(f'the leg on {named} has the substitute "hedge", and no other leg hedges it: {_HEDGED}')


@dataclass(frozen=True, slots=True)
class Pass:
    """No trade now, and why, in words that a table of counts can show: "ratio neutral".

    `info` is journalled beside the reason; a strategy fills it only where the figures matter (a scored candidate).
    """

    reason: str
    info: Info = field(default_factory=dict)
    params: Mapping[str, float] = field(default_factory=dict)


Intent: TypeAlias = Setup | Target | Quotes | Legs


def side_of(intent: Intent) -> int:
    """BUY or SELL; 0 where it has no side."""
    if isinstance(intent, Target):
        return (intent.exposure > 0) - (intent.exposure < 0)
    return intent.side if isinstance(intent, Setup) else 0


def Long(  # noqa: N802 - reads as what it makes
    *,
    target: float | None = None,
    stop: float | None = None,
    horizon: str | float,
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
    horizon: str | float,
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


def shares_of(setups: Sequence[Setup]) -> list[float]:
    """What legs are worth beside each other: as their `size` hints say where all have one, else the same."""
    hints = [setup.size or 0.0 for setup in setups]
    return hints if all(hints) else [1.0] * len(hints)


def unhedged(legs: Sequence[tuple[str, Setup]]) -> list[int]:
    """Places of the legs (coin, setup) that name a hedge and have none.

    A hedge is what other legs hold of the same coin on the other side; it must be worth all that leans on it.
    """
    leaning: dict[tuple[str, int], float] = {}
    held: dict[tuple[str, int], float] = {}
    for (base, setup), share in zip(legs, shares_of([setup for _, setup in legs]), strict=True):
        held[base, setup.side] = held.get((base, setup.side), 0.0) + share
        if setup.substitute == HEDGE:
            leaning[base, setup.side] = leaning.get((base, setup.side), 0.0) + share
    bare = {at for at, share in leaning.items() if share > held.get((at[0], -at[1]), 0.0) * EXACT}
    return [k for k, (base, one) in enumerate(legs) if one.substitute == HEDGE and (base, one.side) in bare]


def stands_alone(setup: Setup) -> None:
    """A setup that is no leg has nothing that could hedge it, nor may it be a Reach. Raises ConfigError `intent`."""
    require(not isinstance(setup, Reach), _NO_REACH)
    require(setup.substitute != HEDGE, f'a setup of its own has the substitute "hedge": {_HEDGED}')


_OF_SETUP: Final = (
    *(("target", FARTHEST), ("stop", FARTHEST), ("trail", FARTHEST), ("floor", DEAREST), ("ceiling", DEAREST)),
    *(("stake", RICHEST), ("leverage", STEEPEST)),
)
_BY_SETUP: Final = 'the substitute "stake" (of a SuperP position) or "hedge" (of a leg of Legs)'
_NO_REACH: Final = "a Reach is what the desk makes of a Target(...): answer with that"
_HEDGED: Final = "only other legs of the same coin, on the other side and worth as much, do"


def _stands_in(substitute: object, allowed: str, of: str) -> None:
    """A substitute is one of the closed list, and one that a thing of this kind can have."""
    if not (isinstance(substitute, str) and substitute in ("", allowed)):
        known = f'"{STAKE}" (a SuperP position), "{HEDGE}" (a leg of Legs), "{ENVELOPE}" (a Target)'
        refuse(f"the substitute of {of} is {said(substitute)}; for a stop may stand in {known}")


def _shares(entries: object) -> None:
    if not isinstance(entries, tuple | list):
        refuse(f"entries are {said(entries)}; they must be a tuple of Entry(...)")
    shares = sum([entry.share for entry in entries])
    if not abs(shares - 1) < EXACT - 1:
        refuse(f"the shares of the entries sum to {shares}, not 1")
