"""Slippage where there is no book to walk: a fixed share of the price, or a share of the bar's range, or both."""

from __future__ import annotations

from tickerml.account.contract import RATE
from tickerml.tape.kernel import kernel
from tickerml.tape.rows import MAX_TICKS, Record


@kernel
def worsened(rules: Record, side: int, price: int, span: int) -> int:
    """`price` (ticks) moved against an order of `side`, rounded against it; `span` is the bar's high minus low, ticks.

    The distance is RULES["slippage_rate"] x price + RULES["slippage_range"] x span, both rates in 1e-8.
    """
    distance = (price * rules["slippage_rate"] + span * rules["slippage_range"] + RATE - 1) // RATE
    return min(price + distance, MAX_TICKS) if side > 0 else max(price - distance, 1)
