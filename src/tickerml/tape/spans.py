"""Spans of time as people write them."""

from __future__ import annotations

import math
import re
from typing import Final

import numpy as np

from tickerml.tape.errors import ConfigError
from tickerml.tape.intent_ranges import said
from tickerml.tape.rows import DAY, HOUR, MILLISECOND, MINUTE, SECOND

_UNITS: Final = {"ms": MILLISECOND, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")


def nanoseconds(span: str | float) -> int:
    """A span of time in ns: "250ms", "30s", "5m", "48h", "1d", "1w", or ns already. ConfigError `span` otherwise.

    A part of a ns counts as one, as it does in a Setup.
    """
    if isinstance(span, (int, np.integer)):
        return int(span)
    if isinstance(span, (float, np.floating)) and math.isfinite(span):
        return math.ceil(span)
    match = _SPAN.fullmatch(span.strip()) if isinstance(span, str) else None
    length = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if length == math.inf or (ns := round(length)) <= 0:
        shown = f'"{span}"' if isinstance(span, str) else said(span)
        raise ConfigError(
            "span", f"{shown} is not a span of time", try_='write it as "250ms", "30s", "5m", "48h" or "1d"'
        )
    return ns
