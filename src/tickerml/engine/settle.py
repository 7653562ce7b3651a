"""How a trade ended, in exact figures: the SETTLED row's blob, and what the strategy is told."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from tickerml.desk.money import Wallets
from tickerml.desk.setups import REASONS
from tickerml.strategies.view import Outcome
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import Record

_CARRIED = ("confidence_raw", "confidence")  # figures of the intent that its outcome repeats


def settled_blob(
    s: Mapping[str, Any], strategy: str, inst: Instrument, wallets: Wallets, mark: Record, intent_blob: bytes
) -> dict[str, Any]:
    """The figures of a settled setup, from its fields as plain numbers.

    Money in the settle currency, prices in quote, excursions as fractions.
    `insured`: what the venue's insurance bore of a loss beyond the margin, part of `gross`.
    `dust`: what fees in the coin itself left of it that is less than a lot; it stays in the wallet, at its cost.
    """
    wallet = wallets.wallet_of[inst.id]
    side, superp = s["side"], bool(s["superp"])
    lots, sold = max(1, s["entered"]), s["exited"]
    kept = s["paid"] * s["taken"] // lots  # cost of what fees took and left as dust: it was not sold
    gross = side * (s["received"] - s["paid"] + kept) * (-1 if inst.inverse else 1)
    gross = s["amount"] if superp else gross + s["amount"]
    entry = Decimal(s["entry_ticks"]) / lots
    out = Decimal(s["exit_ticks"]) / sold if sold else entry
    intent = msgspec.json.decode(intent_blob)
    figures: dict[str, Any] = {key: intent.get(key) for key in _CARRIED}
    figures.update(
        intent=s["intent"],
        strategy=strategy,
        side=side,
        entry=_price(entry, inst),
        exit=_price(out, inst),
        entry_time=s["opened"],
        exit_time=s["closed"],
        qty=wallets.amount(wallet, s["stake"]) if superp else inst.size(s["entered"]),
        gross=wallets.amount(wallet, gross),
        fees=wallets.amount(wallet, s["fees"]),
        funding=wallets.amount(wallet, s["funding"]),
        pnl=wallets.amount(wallet, gross - s["fees"] + s["funding"]),
        reason=REASONS[s["reason"]],
        superp=superp,
        leverage=s["leverage"],
    )
    if s["amount"] and not superp:
        figures["insured"] = wallets.amount(wallet, s["amount"])
    if s["fee_units"]:
        figures["dust"] = inst.size(s["taken"]) - wallets.amount(wallets.base_of[inst.id], s["fee_units"])
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
