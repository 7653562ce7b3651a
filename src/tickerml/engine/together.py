"""Legs of one intent: all of them fill or none stays, all leave when one does, and they are settled as one trade."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np

from tickerml.desk.money import Wallets
from tickerml.desk.setups import BY_LEG, UNWOUND
from tickerml.tape.instruments import Instrument
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record, Rows

_SUMS: Final = ("gross", "fees", "funding", "pnl")
_OF_LEG: Final = ("side", "entry", "exit", "entry_time", "exit_time", "qty", *_SUMS, "reason")
_FOLLOWED: Final = ("", "not filled", "other leg")  # reasons of legs that left because another one did


def mates(table: Rows, k: int) -> list[int]:
    """Slots of all legs that setup `k` stands or falls with, itself included."""
    group = int(table[k]["group"])
    if not group:
        return [k]
    found: list[int] = np.flatnonzero((table["group"] == group) & (table["state"] != 0)).tolist()
    return found


@kernel
def is_mate(table: Rows, n: int, k: int) -> bool:
    """Whether slot `n` is one of them."""
    return n == k or (table[k]["group"] != 0 and table[n]["group"] == table[k]["group"] and table[n]["state"] != 0)


@kernel
def is_short(s: Record) -> bool:
    """Whether a leg has not got all its lots."""
    return s["entered"] < s["lots"]


@kernel
def look(table: Rows, k: int, by: int) -> bool:
    """After an answer about leg `k`: whether it can no longer get its lots, so that all must be unwound.

    The first execution of any leg sets the time `by` which all must have filled, ns.
    """
    s = table[k]
    if s["going"] != 0 or s["exited"] != 0:
        return False
    if s["working"] == 0 and is_short(s):
        return True
    waits, begun, due = False, False, 0
    for n in range(len(table)):
        if is_mate(table, n, k):
            waits = waits or is_short(table[n])
            begun = begun or table[n]["entered"] != 0
            due = max(due, table[n]["fill_by"])
    if not (waits and begun):
        due = 0
    elif due == 0:
        due = by
    for n in range(len(table)):
        if is_mate(table, n, k):
            table[n]["fill_by"] = due
    return False


@kernel
def why(s: Record) -> int:
    """Why the other legs leave when leg `s` does."""
    return UNWOUND if is_short(s) else BY_LEG


def lead_of(legs: Sequence[Record]) -> int:
    """Place of the leg that the trade goes by: the first that was filled, else the first."""
    return next((n for n, s in enumerate(legs) if s["entered"]), 0)


def as_one(
    ended: Sequence[tuple[Record, dict[str, Any]]], things: Sequence[Instrument], wallets: Wallets, lead: int
) -> dict[str, Any]:
    """The figures of a settled trade of several legs: money of all, prices, size and side of the leading one.

    Its reason is that of the leg which made the others leave. Excursions are left out: no leg has those of the trade.
    """
    legs = [
        one | {"notional": wallets.amount(wallets.wallet_of[thing.id], int(s["paid"]))}
        for (s, one), thing in zip(ended, things, strict=True)
    ]
    alone = ("mae", "mfe", "notional", "insured")
    figures = {name: value for name, value in legs[lead].items() if name not in alone}
    filled = [one for one in legs if one["entry_time"]] or list(legs)
    figures.update({name: sum((one[name] for one in legs), Decimal(0)) for name in _SUMS})
    if any("insured" in one for one in legs):
        figures["insured"] = sum((one.get("insured", Decimal(0)) for one in legs), Decimal(0))
    figures["entry_time"] = min(one["entry_time"] for one in filled)
    figures["exit_time"] = max(one["exit_time"] for one in filled)
    figures["reason"] = next((one["reason"] for one in legs if one["reason"] not in _FOLLOWED), legs[lead]["reason"])
    figures["legs"] = [
        {"symbol": thing.symbol, "venue": thing.venue, **{name: _plain(one[name]) for name in (*_OF_LEG, "notional")}}
        for thing, one in zip(things, legs, strict=True)
    ]
    return figures


def _plain(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else value
