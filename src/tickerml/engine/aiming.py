"""What a wished exposure (Target) means beside what is held: enter, add, close some or all of it, or leave it so."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np
from msgspec import structs

from tickerml.account.contract import value
from tickerml.desk.exits import tightened
from tickerml.desk.exposure import Worst, worst_of
from tickerml.desk.leaving import MOST_EXITS
from tickerml.desk.legs import ENTRY, PART
from tickerml.desk.limits import Limits
from tickerml.desk.setups import ENTERING, OPEN, held
from tickerml.engine.books import Books
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Reach, Target
from tickerml.tape.rows import Record

NOTHING: Final = "nothing is held"
THERE: Final = "the exposure is there"
UNDER_WAY: Final = "its orders are under way"
CLOSING: Final = "it is being closed"
UNKNOWN: Final = "no price or equity to measure by"
REFUSED: Final = "the venue has refused it: it waits"
SMALL: Final = "the change is below the least order"
_COUNTED: Final = ("superp", "in_use", "notional", "risk", "lots", "entered", "taken", "exited")


class Aim(NamedTuple):
    """What is to be done: an entry that the desk judges, or a close, which it need not; or why it is nothing."""

    passes: str = ""  # why nothing is to be done
    slot: int = -1  # of the setup that is held
    close: bool = False  # all of it
    lots: int = 0  # to be closed of it
    stop: float = 0.0  # its new stop, a fraction of the entry price; 0 = it stays
    entry: Reach | None = None
    held: Worst | None = None  # what the entry adds to, money: at the mark, its margin, lost at its stop

    @property
    def does(self) -> str:
        """What it comes to, in a word: "enter" and "add" are judged; "close", "part" and "stop" need no approval."""
        if self.entry is not None:
            return "enter" if self.held is None else "add"
        return "close" if self.close else "part" if self.lots else "stop"


def aim(books: Books, limits: Limits, strategy: int, inst: Instrument, target: Target) -> Aim:
    """What `strategy` means by a target on an instrument, at the prices of now.

    Beside another strategy's position, a SuperP position or legs it is an entry, which the desk refuses.
    """
    table = books.setups.table
    mine = np.flatnonzero((table["state"] != 0) & (table["inst"] == inst.id) & (table["strategy"] == strategy))
    if not len(mine):
        return Aim(entry=Reach.of(target, target.stop)) if target.exposure else Aim(NOTHING)
    k = int(mine[0])
    s = table[k]
    if s["state"] not in (ENTERING, OPEN) or s["going"]:
        return Aim(CLOSING)
    if target.exposure * int(s["side"]) <= 0:
        return Aim(slot=k, close=True)
    if s["superp"] or s["group"]:
        return Aim(entry=Reach.of(target, target.stop))
    if s["state"] != OPEN or _awaits(books, k):
        return Aim(UNDER_WAY)
    return _beside(books, limits, inst, k, target)


def _awaits(books: Books, k: int) -> bool:
    """Whether an order is under way that changes how much setup `k` holds, or too many are for one more."""
    legs = books.setups.legs
    roles = legs["role"][(legs["id"] != 0) & (legs["setup"] == k)]
    changes = np.isin(roles, (ENTRY, PART))
    return bool(changes.any()) or int((~changes).sum()) > MOST_EXITS - 2


def _beside(books: Books, limits: Limits, inst: Instrument, k: int, target: Target) -> Aim:
    """What becomes of setup `k`, which is open and of the same side."""
    s, mark = books.setups.table[k], books.prices.mark(inst.id)
    equity = books.known_equity(books.wallets.wallet_of[inst.id])
    if mark < 1 or equity is None or equity <= 0:
        return Aim(UNKNOWN)
    lots, wanted = int(held(s)), abs(target.exposure) * equity
    worth = int(value(books.wallets.contracts[inst.id], mark, lots))
    stop = _tighter(s, target.stop, limits, mark)
    if abs(worth - wanted) <= limits.least_change * max(worth, wanted):
        return Aim(slot=k, stop=stop) if stop else Aim(THERE)
    if worth < wanted:
        if stop and _passed(s, stop, mark):
            return Aim(slot=k, stop=stop)
        entry = Reach.of(target, stop or float(s["stop"]) or None)
        return Aim(slot=k, stop=stop, entry=entry, held=structs.replace(counted(s), notional=worth))
    if s["wait"] and books.now < s["pause"]:
        return Aim(slot=k, stop=stop) if stop else Aim(REFUSED)
    return _less(limits, inst, k, lots, int(wanted / worth * lots), mark, stop)


def _less(limits: Limits, inst: Instrument, k: int, lots: int, rest: int, mark: int, stop: float) -> Aim:
    """Close all but `rest` lots: all of them where the rest could not leave later, none where the part cannot now."""
    if rest < 1 or _in_quote(inst, mark, rest) < Decimal(repr(limits.min_exit)) * inst.min_notional:
        return Aim(slot=k, close=True)
    if rest >= lots or _in_quote(inst, mark, lots - rest) < inst.min_notional:
        return Aim(slot=k, stop=stop) if stop else Aim(SMALL)
    return Aim(slot=k, lots=lots - rest, stop=stop)


def _tighter(s: Record, stop: float | None, limits: Limits, mark: int) -> float:
    """The stop where it is tighter than the one there by more than the least change; 0 where that one stays."""
    if stop is None or (s["stop"] and stop >= float(s["stop"]) * (1 - limits.least_change)):
        return 0.0
    return stop if not s["stop_at"] or tightened(s, stop, mark) != int(s["stop_at"]) else 0.0


def _passed(s: Record, stop: float, mark: int) -> bool:
    """Whether the market is at a stop of this fraction already: what is added would be sold at once."""
    side = int(s["side"])
    return side * (mark - float(s["entry_at"]) * (1 - side * stop)) <= 0


def counted(s: Record) -> Worst:
    """The money that a setup none of whose entries is open can still come to."""
    return worst_of(*(int(s[name]) for name in _COUNTED), stop=float(s["stop"]))


def _in_quote(inst: Instrument, mark: int, lots: int) -> Decimal:
    """Value of lots in quote, as minimum notionals are stated."""
    return lots * inst.lot * inst.contract_size if inst.inverse else inst.price(mark) * inst.size(lots)
