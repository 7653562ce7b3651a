"""SETTLED rows as trades and outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from tickerml.tape.instruments import Instrument
from tickerml.views.story import Outcome, Trade
from tickerml.views.values import Json, decimal, level, price, real, share, side, size, whole


def is_trade(blob: Mapping[str, Json]) -> bool:
    """A position ended (and not only the window of a signal that was never traded)."""
    return bool(decimal(blob.get("qty"))) and blob.get("exit") is not None


def outcome(blob: Mapping[str, Json]) -> Outcome:
    """The forecast and whether it came true: `won` where it is said, else a profit above zero."""
    confidence = blob.get("confidence")
    won = bool(blob["won"]) if blob.get("won") is not None else decimal(blob.get("pnl")) > 0
    return Outcome(float(blob["confidence_raw"]), None if confidence is None else float(confidence), won)


def trade(coin: str, thing: Instrument | None, blob: Mapping[str, Json], intent: Mapping[str, Json]) -> Trade:
    """The trade that a SETTLED blob tells; stop and target come from the blob or from its intent."""
    entry, qty = price(blob.get("entry"), thing), size(blob.get("qty"), thing)
    return Trade(
        coin=coin,
        side=side(blob.get("side", 1)),
        entry_time=whole(blob.get("entry_time")) or 0,
        exit_time=whole(blob.get("exit_time")) or 0,
        entry=entry,
        exit=price(blob.get("exit"), thing),
        qty=abs(qty),
        gross=decimal(blob.get("gross")),
        fees=decimal(blob.get("fees")),
        funding=decimal(blob.get("funding")),
        pnl=decimal(blob.get("pnl")),
        notional=_notional(entry, abs(qty), thing),
        reason=str(blob.get("reason") or ""),
        mae=share(blob.get("mae")),
        mfe=share(blob.get("mfe")),
        confidence_raw=real(blob.get("confidence_raw")),
        confidence=real(blob.get("confidence")),
        leverage=real(blob.get("leverage")),
        stop=_near(level(blob.get("stop", intent.get("stop")), thing), entry),
        target=_near(level(blob.get("target", intent.get("target")), thing), entry),
        strategy=str(blob.get("strategy") or ""),
    )


def _notional(entry: Decimal, qty: Decimal, thing: Instrument | None) -> Decimal:
    if thing is not None and thing.inverse:
        return qty * thing.contract_size / entry if entry else Decimal(0)
    return entry * qty


def _near(found: Decimal | None, entry: Decimal) -> Decimal | None:
    """A level that can be a price of this trade; a distance or a fraction is no price and is not shown as one."""
    return found if found is not None and entry / 2 < found < entry * 2 else None
