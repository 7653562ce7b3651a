"""SETTLED rows as trades and outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from tickerml.tape.instruments import Instrument
from tickerml.views.story import Outcome, Trade
from tickerml.views.values import Json, decimal, price, real, share, side, size, whole


def is_trade(blob: Mapping[str, Json]) -> bool:
    """A position ended (and not only the window of a signal that was never traded)."""
    return bool(decimal(blob.get("qty"))) and blob.get("exit") is not None


def is_forecast(blob: Mapping[str, Json]) -> bool:
    """A confidence was said and its outcome is known: of a trade, or of a signal whose row says whether it won."""
    return blob.get("confidence_raw") is not None and (is_trade(blob) or blob.get("won") is not None)


def outcome(blob: Mapping[str, Json]) -> Outcome:
    """The forecast and whether it came true: `won` where it is said, else a profit above zero."""
    confidence = blob.get("confidence")
    won = bool(blob["won"]) if blob.get("won") is not None else decimal(blob.get("pnl")) > 0
    return Outcome(float(blob["confidence_raw"]), None if confidence is None else float(confidence), won)


def trade(coin: str, thing: Instrument | None, blob: Mapping[str, Json], intent: Mapping[str, Json]) -> Trade:
    """The trade that a SETTLED blob tells; stop and target are its intent's, as fractions of the entry price."""
    direction = side(blob.get("side", 1))
    entry, qty = price(blob.get("entry"), thing), size(blob.get("qty"), thing)
    return Trade(
        coin=coin,
        side=direction,
        entry_time=whole(blob.get("entry_time")) or 0,
        exit_time=whole(blob.get("exit_time")) or 0,
        entry=entry,
        exit=price(blob.get("exit"), thing),
        qty=abs(qty),
        gross=decimal(blob.get("gross")),
        fees=decimal(blob.get("fees")),
        funding=decimal(blob.get("funding")),
        pnl=decimal(blob.get("pnl")),
        notional=_notional(blob, entry, abs(qty), thing),
        reason=str(blob.get("reason") or ""),
        mae=share(blob.get("mae")),
        mfe=share(blob.get("mfe")),
        confidence_raw=real(blob.get("confidence_raw")),
        confidence=real(blob.get("confidence")),
        leverage=real(blob.get("leverage")),
        stop=_level(entry, -direction, intent.get("stop")),
        target=_level(entry, direction, intent.get("target")),
        strategy=str(blob.get("strategy") or ""),
        superp=bool(blob.get("superp")),
        dust=decimal(blob.get("dust")),
        insured=decimal(blob.get("insured")),
        legs=tuple(_leg(leg, blob) for leg in blob.get("legs") or () if whole(leg.get("entry_time"))),
    )


def _leg(leg: Mapping[str, Json], whole_trade: Mapping[str, Json]) -> Trade:
    """One leg as a trade of its own coin."""
    told = {**leg, "strategy": whole_trade.get("strategy"), "leverage": whole_trade.get("leverage")}
    return replace(trade(str(leg.get("symbol") or ""), None, told, {}), notional=decimal(leg.get("notional")))


def _notional(blob: Mapping[str, Json], entry: Decimal, qty: Decimal, thing: Instrument | None) -> Decimal:
    if blob.get("legs"):
        return sum((decimal(leg.get("notional")) for leg in blob["legs"]), Decimal(0))
    if blob.get("superp"):  # the size of a SuperP position is its stake in money
        return qty * (decimal(blob.get("leverage")) or 1)
    if thing is not None and thing.inverse:
        return qty * thing.contract_size / entry if entry else Decimal(0)
    return entry * qty


def _level(entry: Decimal, direction: int, distance: Json) -> Decimal | None:
    """The price at a distance (fraction of the entry price); None without one."""
    return None if not distance else entry * (1 + direction * decimal(distance))
