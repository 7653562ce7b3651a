"""What the desk is told of each instrument: touch, costs, how the market has been, and what it may be held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tickerml.account.contract import RATE
from tickerml.desk.facts import Market, Tier
from tickerml.desk.limits import Limits
from tickerml.desk.setups import Setups
from tickerml.engine.look import ABSENT, BROKEN, HALTED, LATE
from tickerml.engine.loop import Loop
from tickerml.engine.moment import Moment
from tickerml.engine.pairs import apart, correlation
from tickerml.engine.prices import Prices
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import SECOND, Record

RATES: Final = {"binance": 10, "binance-usdm": 20, "binance-coinm": 20}
"""Orders a second that a venue allows one account, by its exchangeInfo: 100 in 10 s on spot, 1,200 a minute on futures.

Binance's FAQ of November 2024 says 50 in 10 s on spot; half of 100, `limits.messages_venue`, is within that, too.
"""

DOLLARS: Final = ("USD", "USDC", "USDT", "DAI", "FDUSD", "TUSD")  # a quote coin's price is read off the first there is


class Markets:
    """Reads the loop's states at the moment it is asked; remembers nothing."""

    def __init__(
        self, loop: Loop, prices: Prices, instruments: Sequence[Instrument], limits: Limits, setups: Setups
    ) -> None:
        """Second sources and the price of quote coins are looked for among `instruments`, once."""
        self.loop, self.prices, self.instruments, self.limits = loop, prices, instruments, limits
        self.moment = Moment(loop, setups, instruments, limits)
        self._tiers = [_tiers(loop.venue.rules[one.id]) for one in instruments]
        self._second = [_second_source(one, instruments) for one in instruments]
        self._par = {one.quote: _par(one.quote, instruments) for one in instruments}
        self._rates = [RATES.get(one.venue, 0) for one in instruments]
        self._later = {one.id: [i for i in instruments if i.previous == one.id] for one in instruments}
        self._drifts = [one.previous >= 0 or bool(self._later[one.id]) for one in instruments]
        loop.watches["apart"], loop.watches["late"] = limits.apart, round(limits.late_s * SECOND)

    def of(self, insts: Sequence[int], now: int) -> dict[int, Market]:
        """The markets of these instruments, each named once, at `now`, ns; `moment` has looked then."""
        return {inst: self._market(inst, now, seen) for inst, seen in zip(insts, self.moment.look(insts), strict=True)}

    def _market(self, inst: int, now: int, seen: tuple[Any, ...]) -> Market:
        """What was seen (LOOK) of an instrument, and what others say of it."""
        bid, ask, age, patience, bars, crossed, blocked, late, ready, gap_ns, gap, *figures, margin, taker, cost = seen
        if bars:
            figures = [None if x == ABSENT else x for x in figures]
        median, move, spread, below, above, volatility = figures
        other = self._second[inst]
        if other is not None:
            gap, gap_ns = self._apart(inst, other, now)
        return Market(
            bid,
            ask,
            age_ns=age,
            patience_ns=patience,
            bar_only=bool(bars),
            crossed=bool(crossed),
            blocked=_blocked(blocked, late) if blocked else "",
            rebasing=self._drifts[inst] and self._rebasing(inst, now),
            venue_rate=self._rates[inst],
            ready_ns=None if ready < 0 else ready,
            margin=margin,
            tiers=self._tiers[inst],
            cost=cost,
            taker=taker,
            median=median,
            move_1m=move,
            spread_ratio=spread,
            depth_bid=below,
            depth_ask=above,
            apart=None if gap == ABSENT else gap,
            apart_ns=gap_ns,
            off_par=self._off_par(inst),
            volatility=volatility,
        )

    def correlation(self, one: int, other: int) -> float:
        """Of two instruments' returns over the last day; NaN = too little history."""
        return float(correlation(self.loop.watches[one], self.loop.watches[other]))

    def _rebasing(self, inst: int, now: int) -> bool:
        """Whether a change of tick, lot or contract stands between us and this instrument.

        One that has been replaced is not entered; one that replaces another waits until nothing is left of that.
        """
        for later in self._later[inst]:
            if later.valid_from <= now and self.prices.known(later.id):
                return True
        before, setups = self.instruments[inst].previous, self.loop.states["setups"]
        if before < 0 or before >= len(self.instruments):
            return False
        return bool(self.loop.positions[before]["position"]) or bool(
            ((setups["inst"] == before) & (setups["state"] != 0)).any()
        )

    def _apart(self, inst: int, other: int, now: int) -> tuple[float, int]:
        """Distance from the same pair on another venue, and how long it has been too much, ns."""
        watches = self.loop.watches
        ratio = float(self.instruments[inst].tick / self.instruments[other].tick)
        gap, seconds = apart(watches[inst], watches[other], ratio, now, self.limits.apart)
        return float(gap), int(seconds) * SECOND

    def _off_par(self, inst: int) -> float | None:
        found = self._par[self.instruments[inst].quote]
        if found is None:
            return None
        price = self.prices.mark(found[0]) * float(self.instruments[found[0]].tick)
        if not price:
            return float("nan")
        return abs((price if found[1] else 1 / price) - 1)


def _blocked(why: int, late: int) -> str:
    """Why the venue allows no entry, in words."""
    words = {HALTED: "trading is halted", BROKEN: "book not whole after lost updates"}
    return f"feed {late / SECOND:.1f} s late" if why == LATE else words[why]


def _tiers(rules: Record) -> tuple[Tier, ...]:
    """The margin tiers of an instrument as the desk reads them."""
    told = zip(rules["tier_cap"].tolist(), rules["tier_rate"].tolist(), rules["tier_leverage"].tolist(), strict=True)
    return tuple(Tier(cap, rate / RATE, most) for cap, rate, most in list(told)[: int(rules["n_tiers"])])


def _second_source(one: Instrument, instruments: Sequence[Instrument]) -> int | None:
    """The same pair on another venue, spot by spot, perpetual by perpetual."""
    for other in instruments:
        if other.symbol == one.symbol and other.venue != one.venue and not other.values_only:
            return other.id
    return None


def _par(quote: str, instruments: Sequence[Instrument]) -> tuple[int, bool] | None:
    """The instrument that prices a dollar coin in another dollar: (its id, whether the coin is its base)."""
    if quote not in DOLLARS:
        return None
    for other in instruments:
        if other.values_only:
            continue
        if other.base == quote and other.quote in DOLLARS:
            return other.id, True
        if other.quote == quote and other.base in DOLLARS:
            return other.id, False
    return None
