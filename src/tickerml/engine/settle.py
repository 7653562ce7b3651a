"""How a trade ended, in exact figures: the SETTLED row's blob, and what the strategy is told."""

from __future__ import annotations

from decimal import Decimal
from operator import itemgetter
from typing import Any, Final

import msgspec

from tickerml.desk.money import Wallets
from tickerml.desk.setups import REASONS, SETUP
from tickerml.strategies.view import Outcome
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import Record

_CARRIED = ("confidence_raw", "confidence")  # figures of the intent that its outcome repeats
_NAMES: Final = (
    *("side", "superp", "intent", "opened", "closed", "reason", "leverage", "stake", "amount", "fees", "funding"),
    *("entered", "exited", "taken", "paid", "received", "entry_ticks", "exit_ticks", "fee_units"),
)
_READ: Final = itemgetter(*map((SETUP.names or ()).index, _NAMES))  # all at once: a field of a record takes as long


def settled_blob(
    s: Record, strategy: str, inst: Instrument, wallets: Wallets, mark: Record, intent_blob: bytes
) -> dict[str, Any]:
    """The figures of a settled setup. Money in the settle currency, prices in quote, excursions as fractions.

    `dust`: what fees in the coin itself left of it that is less than a lot; it stays in the wallet, at its cost.
    """
    wallet, of = wallets.wallet_of[inst.id], dict(zip(_NAMES, _READ(s.item()), strict=True))
    side, superp = of["side"], bool(of["superp"])
    lots, sold = max(1, of["entered"]), of["exited"]
    kept = of["paid"] * of["taken"] // lots  # cost of what fees took and left as dust: it was not sold
    gross = side * (of["received"] - of["paid"] + kept) * (-1 if inst.inverse else 1)
    gross = of["amount"] if superp else gross
    entry = Decimal(of["entry_ticks"]) / lots
    out = Decimal(of["exit_ticks"]) / sold if sold else entry
    intent = msgspec.json.decode(intent_blob)
    figures: dict[str, Any] = {key: intent.get(key) for key in _CARRIED}
    figures.update(
        intent=of["intent"],
        strategy=strategy,
        side=side,
        entry=_price(entry, inst),
        exit=_price(out, inst),
        entry_time=of["opened"],
        exit_time=of["closed"],
        qty=wallets.amount(wallet, of["stake"]) if superp else inst.size(of["entered"]),
        gross=wallets.amount(wallet, gross),
        fees=wallets.amount(wallet, of["fees"]),
        funding=wallets.amount(wallet, of["funding"]),
        pnl=wallets.amount(wallet, gross - of["fees"] + of["funding"]),
        reason=REASONS[of["reason"]],
        superp=superp,
        leverage=of["leverage"],
    )
    if of["fee_units"]:
        figures["dust"] = inst.size(of["taken"]) - wallets.amount(wallets.base_of[inst.id], of["fee_units"])
    if entry > 0:
        high, low = Decimal(int(mark["high2"])) / 2, Decimal(int(mark["low2"])) / 2
        best, worst = (high, low) if side > 0 else (low, high)
        figures["mfe"] = float(max(Decimal(0), side * (best - entry) / entry))
        figures["mae"] = float(max(Decimal(0), side * (entry - worst) / entry))
    return figures


def _price(ticks: Decimal, inst: Instrument) -> Decimal:
    """An average of tick prices, in quote, to a thousandth of a tick."""
    return (ticks * inst.tick).quantize(inst.tick / 1000).normalize()


def outcome_of(figures: dict[str, Any], intent_blob: bytes) -> Outcome:
    """What `on_settled` is told."""
    info = msgspec.json.decode(intent_blob)
    return _outcome(figures, info, tuple(_outcome(leg, {}) for leg in figures.get("legs", ())))


def _outcome(figures: dict[str, Any], info: dict[str, Any], legs: tuple[Outcome, ...] = ()) -> Outcome:
    return Outcome(
        side=figures["side"],
        entry=float(figures["entry"]),
        exit=float(figures["exit"]),
        entry_time=figures["entry_time"],
        exit_time=figures["exit_time"],
        gross=float(figures["gross"]),
        fees=float(figures["fees"]),
        funding=float(figures["funding"]),
        pnl=float(figures["pnl"]),
        reason=figures["reason"],
        info=info,
        legs=legs,
    )
