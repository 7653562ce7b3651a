"""What adds up: trades by strategy and day, and the fall of the equity from its peak."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any, Final

from tickerml.tape.rows import DAY

_EXACT: Final = Context(prec=60)
_NOUGHT: Final = Decimal(0)


@dataclass(slots=True)
class Sums:
    """One row of `performance_metrics`."""

    seq: int = 0
    trades: int = 0
    won: int = 0
    gross: Decimal = _NOUGHT
    fees: Decimal = _NOUGHT
    funding: Decimal = _NOUGHT
    pnl: Decimal = _NOUGHT
    won_pnl: Decimal = _NOUGHT
    lost_pnl: Decimal = _NOUGHT
    best: Decimal | None = None
    worst: Decimal | None = None
    held: int = 0
    equity: str | None = None
    drawdown: float | None = None

    def trade(self, seq: int, told: dict[str, Any]) -> None:
        """One more trade that has ended."""
        pnl = Decimal(told.get("pnl") or 0)
        self.seq, self.trades, self.won = seq, self.trades + 1, self.won + (pnl > 0)
        for name in ("gross", "fees", "funding", "pnl"):
            setattr(self, name, _EXACT.add(getattr(self, name), Decimal(told.get(name) or 0)))
        if pnl > 0:
            self.won_pnl = _EXACT.add(self.won_pnl, pnl)
        else:
            self.lost_pnl = _EXACT.add(self.lost_pnl, pnl)
        self.best = pnl if self.best is None else max(self.best, pnl)
        self.worst = pnl if self.worst is None else min(self.worst, pnl)
        self.held += max(0, int(told.get("exit_time") or 0) - int(told.get("entry_time") or 0))

    def account(self, seq: int, equity: str, drawdown: float) -> None:
        """The account at a BALANCE row."""
        self.seq, self.equity, self.drawdown = seq, equity, max(self.drawdown or 0.0, drawdown)

    def row(self, run: str, strategy: str, day: int) -> tuple[Any, ...]:
        """Its row of the table."""
        return (
            run,
            strategy,
            day,
            self.seq,
            self.trades,
            self.won,
            *(format(x, "f") for x in (self.gross, self.fees, self.funding, self.pnl, self.won_pnl, self.lost_pnl)),
            *(None if x is None else format(x, "f") for x in (self.best, self.worst)),
            self.won / self.trades if self.trades else None,
            float(self.won_pnl / -self.lost_pnl) if self.lost_pnl else None,
            float(self.pnl / self.trades) if self.trades else None,
            self.held,
            self.equity,
            self.drawdown,
        )


@dataclass
class Metrics:
    """All sums of a run. Days before the newest are dropped once they were told."""

    run: str
    peak: Decimal = _NOUGHT
    peak_text: str = "0"
    sums: dict[tuple[str, int], Sums] = field(default_factory=dict)
    touched: set[tuple[str, int]] = field(default_factory=set)
    newest: int = 0

    def trade(self, seq: int, time: int, told: dict[str, Any]) -> None:
        """A trade has ended."""
        for strategy in {"", str(told.get("strategy") or "")}:
            for one in self._both(strategy, time):
                one.trade(seq, told)

    def account(self, seq: int, time: int, equity: str) -> float:
        """A BALANCE row; returns the fall from the peak, as a share."""
        worth = Decimal(equity)
        if worth > self.peak:
            self.peak, self.peak_text = worth, equity
        fall = float(1 - worth / self.peak) if self.peak > 0 else 0.0
        for one in self._both("", time):
            one.account(seq, equity, fall)
        return fall

    def rows(self) -> list[tuple[Any, ...]]:
        """Rows that changed since the last call."""
        found = [self.sums[key].row(self.run, *key) for key in sorted(self.touched)]
        self.touched = set()
        for key in [key for key in self.sums if 0 < key[1] < self.newest]:
            del self.sums[key]
        return found

    def _both(self, strategy: str, time: int) -> tuple[Sums, Sums]:
        """Of the whole run, and of the day."""
        self.newest = max(self.newest, time // DAY * DAY)
        keys = (strategy, 0), (strategy, self.newest)
        self.touched.update(keys)
        whole, day = (self.sums.setdefault(key, Sums()) for key in keys)
        return whole, day
