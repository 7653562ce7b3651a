"""The run's own account as features, worked out when a strategy reads them: see `features/own.py` for what each is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

from tickerml.account.contract import value
from tickerml.account.position import unrealised
from tickerml.desk.exposure import exposure as worst_case
from tickerml.desk.setups import held
from tickerml.engine.books import Books
from tickerml.features.own import OWN
from tickerml.tape.rows import HOUR, Record


class Own:
    """Reads books and setups at the moment it is asked; remembers nothing."""

    def __init__(self, books: Books, max_heat: float, correlation: Callable[[int, int], float]) -> None:
        """`max_heat`: the risk budget, share of equity; `correlation` of two instruments' returns, NaN = not known."""
        self._books, self._max_heat, self._correlation = books, max_heat, correlation

    def read(self, name: str, inst: int) -> float:
        """One of OWN for an instrument; shares are of the equity of its wallet. NaN while that is not known."""
        wallet = self._books.wallets.wallet_of[inst]
        equity = self._books.known_equity(wallet)
        return _READ[name](self, inst, wallet, float(equity)) if equity is not None and equity > 0 else math.nan

    def _value(self, inst: int) -> float:
        """Signed value of what is held at its mark, money of its wallet; SuperP: stake times leverage."""
        books, total = self._books, 0.0
        lots = int(books.loop.positions[inst]["position"])
        if lots:
            worth = float(value(books.wallets.contracts[inst], books.prices.mark(inst), abs(lots)))
            total += worth if lots > 0 else -worth
        for s in self._staked(inst):
            total += int(s["side"]) * float(s["leverage"]) * int(s["stake"])
        return total

    def _profit(self, inst: int) -> float:
        """Unrealised profit at the mark, money of its wallet."""
        books, mark = self._books, self._books.prices.mark(inst)
        total = int(unrealised(books.loop.positions[inst], books.wallets.contracts[inst], mark)) if mark else 0
        return float(total + sum(books.superp_worth(s, mark) for s in self._staked(inst)))

    def _staked(self, inst: int) -> Iterator[Record]:
        """SuperP positions on an instrument."""
        return (s for s in self._books.setups.open() if s["superp"] and s["entered"] and s["inst"] == inst)

    def _held(self, wallet: int) -> list[int]:
        of = self._books.wallets.wallet_of
        return [inst for inst in range(len(of)) if of[inst] == wallet and self._value(inst) != 0]

    def _position(self, inst: int, wallet: int, equity: float) -> float:
        return self._value(inst) / equity

    def _position_pnl(self, inst: int, wallet: int, equity: float) -> float:
        s = self._entered(inst)
        open_ = self._books.position(inst)
        if s is None or open_ is None:
            return math.nan
        unit = 10 ** self._books.wallets.decimals[wallet]
        left = held(s) / int(s["entered"])
        cost = float(s["stake"]) if s["superp"] else float(s["paid"]) * left
        return open_.pnl * unit / cost if cost > 0 else math.nan

    def _position_hours(self, inst: int, wallet: int, equity: float) -> float:
        s = self._entered(inst)
        return (self._books.now - int(s["opened"])) / HOUR if s is not None else math.nan

    def _entered(self, inst: int) -> Record | None:
        s = self._books.setups.on_instrument(inst)
        return s if s is not None and held(s) > 0 else None

    def _exposure(self, inst: int, wallet: int, equity: float) -> float:
        return sum(self._value(one) for one in self._held(wallet)) / equity

    def _gross(self, inst: int, wallet: int, equity: float) -> float:
        return sum(abs(self._value(one)) for one in self._held(wallet)) / equity

    def _open_pnl(self, inst: int, wallet: int, equity: float) -> float:
        return sum(self._profit(one) for one in self._held(wallet)) / equity

    def _positions(self, inst: int, wallet: int, equity: float) -> float:
        return float(sum(1 for _ in self._books.setups.open()))

    def _heat(self, inst: int, wallet: int, equity: float) -> float:
        risked = worst_case(self._books.setups, self._books.wallets.wallet_of, self._books.now).heat[wallet]
        return risked / (self._max_heat * equity) if self._max_heat > 0 else math.nan

    def _drawdown(self, inst: int, wallet: int, equity: float) -> float:
        peak = int(self._books.account[0]["peak"])
        return max(0.0, 1 - equity / peak) if peak > 0 and wallet == self._books.purse else math.nan

    def _position_correlation(self, inst: int, wallet: int, equity: float) -> float:
        total, weight = 0.0, 0.0
        for one in self._held(wallet):
            worth = self._value(one)
            total += worth * (1.0 if one == inst else self._correlation(inst, one))
            weight += abs(worth)
        return total / weight if weight > 0 else math.nan


_READ: Final = {
    "position": Own._position,
    "position_pnl": Own._position_pnl,
    "position_hours": Own._position_hours,
    "exposure": Own._exposure,
    "gross_exposure": Own._gross,
    "open_pnl": Own._open_pnl,
    "positions": Own._positions,
    "heat": Own._heat,
    "drawdown": Own._drawdown,
    "position_correlation": Own._position_correlation,
}
assert _READ.keys() == OWN.keys()
