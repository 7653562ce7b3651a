"""Two runs beside each other: what a view may show of them. Plain frozen values, made by run/compare.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tickerml.tape.apart import Gap
from tickerml.views.story import Trade
from tickerml.views.words import iso


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs. Times in ns UTC, money in the currency of the comparison."""

    run: str
    mode: str
    strategy: str
    source: str
    start: int
    end: int
    net: Decimal
    intents: int
    trades: int
    synthetic: str = ""
    endless: bool = False  # broken off, or still running


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of the difference: what of it differs, and what it made of the second run's net.

    `money` is the second run's net less that of the same run with this cause as in the first; None where that could
    not be run, for the reason in `why`.
    """

    name: str
    differs: tuple[str, ...]
    money: Decimal | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A trade of each run that answer the same wish, or a trade that only one run has. Times are of the intents."""

    strategy: str
    coin: str
    side: int  # +1 long, -1 short
    time: int
    a: Trade | None = None
    b: Trade | None = None
    later: int = 0  # ns from a's intent to b's
    elsewhere: str = ""  # what became of the wish in the run that has no trade

    @property
    def money(self) -> Decimal:
        """What the pair adds to the difference b less a."""
        return (self.b.pnl if self.b else Decimal(0)) - (self.a.pnl if self.a else Decimal(0))

    def parts(self) -> dict[str, Decimal]:
        """Of two matched trades the difference by price of entry, of exit, size, fees and funding; they add up.

        What the prices make is counted with the first trade's size, what is left of the gross is the size's.
        """
        if self.a is None or self.b is None:
            return {}
        a, b = self.a, self.b
        each = a.gross / (a.side * (a.exit - a.entry)) if a.exit != a.entry else Decimal(0)  # money of one price unit
        entry, exit_ = each * a.side * (a.entry - b.entry), each * a.side * (b.exit - a.exit)
        size = b.gross - a.gross - entry - exit_
        return {"entry": entry, "exit": exit_, "size": size, "fees": a.fees - b.fees, "funding": b.funding - a.funding}


@dataclass(frozen=True, slots=True)
class Compared:
    """All that is known of two runs. `identical`: every decision, order and fill, byte for byte."""

    a: Side
    b: Side
    currency: str
    identical: bool
    causes: tuple[Cause, ...] = ()
    pairs: tuple[Pair, ...] = ()  # by time
    gaps: tuple[Gap, ...] = ()
    first_difference: str = ""  # where the made rows part
    notes: tuple[str, ...] = field(default=())
    until: int = 0  # where one of them has no end: both are told up to here, ns; 0 = to their ends
    cut: str = ""  # the same in words

    @property
    def difference(self) -> Decimal:
        """Net of the second run less that of the first."""
        return self.b.net - self.a.net

    @property
    def residual(self) -> Decimal:
        """What no cause alone explains: causes that act together, and those that could not be run."""
        return self.difference - sum((c.money for c in self.causes if c.money is not None), Decimal(0))

    def matched(self) -> tuple[Pair, ...]:
        """Pairs of two trades."""
        return tuple(p for p in self.pairs if p.a is not None and p.b is not None)

    def only(self, *, first: bool) -> tuple[Pair, ...]:
        """Trades that only the first run has, or only the second."""
        return tuple(p for p in self.pairs if (p.b if first else p.a) is None)

    def parts(self) -> dict[str, Decimal]:
        """The differences of all matched trades by what made them, and the trades that only one run has."""
        found = dict.fromkeys(("entry", "exit", "size", "fees", "funding"), Decimal(0))
        for pair in self.matched():
            for name, money in pair.parts().items():
                found[name] += money
        return found

    def as_json(self) -> dict[str, Any]:
        """The same as plain values: what --json prints. Money as decimal strings, times as ISO 8601."""
        return {
            "a": _side(self.a),
            "b": _side(self.b),
            "currency": self.currency,
            "identical": self.identical,
            "difference": format(self.difference, "f"),
            "causes": [_cause(one) for one in self.causes],
            "residual": format(self.residual, "f"),
            "trades": {
                "matched": len(self.matched()),
                "only_a": len(self.only(first=True)),
                "only_b": len(self.only(first=False)),
                "parts": {name: _exact(money) for name, money in self.parts().items()},
                "pairs": [_pair(one) for one in self.pairs],
            },
            "gaps": [
                {"symbol": g.symbol, "start": iso(g.start), "end": iso(g.end), "only_a": g.only_a, "only_b": g.only_b}
                for g in self.gaps
            ],
            "until": iso(self.until) if self.until else None,
            "first_difference": self.first_difference,
            "notes": list(self.notes),
        }


def _side(one: Side) -> dict[str, Any]:
    told = {
        name: getattr(one, name) for name in ("run", "mode", "strategy", "source", "intents", "trades", "synthetic")
    }
    told["broken_off"] = one.endless
    return {**told, "start": iso(one.start), "end": iso(one.end), "net": format(one.net, "f")}


def _cause(one: Cause) -> dict[str, Any]:
    money = None if one.money is None else format(one.money, "f")
    return {"cause": one.name, "differs": list(one.differs), "money": money, "why": one.why}


def _pair(one: Pair) -> dict[str, Any]:
    return {
        "strategy": one.strategy,
        "pair": one.coin,
        "side": one.side,
        "time": iso(one.time),
        "later_ns": one.later,
        "a": _trade(one.a),
        "b": _trade(one.b),
        "difference": format(one.money, "f"),
        "parts": {name: _exact(money) for name, money in one.parts().items()},
        "elsewhere": one.elsewhere,
    }


def _trade(one: Trade | None) -> dict[str, Any] | None:
    if one is None:
        return None
    told = {name: format(getattr(one, name), "f") for name in ("entry", "exit", "qty", "fees", "funding", "pnl")}
    return {**told, "entry_time": iso(one.entry_time), "exit_time": iso(one.exit_time), "reason": one.reason}


def _exact(money: Decimal) -> str:
    return format(money.quantize(Decimal("1e-8")), "f")
