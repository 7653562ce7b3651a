"""The market's regime as the desk saw it, read off the rows in which it said that it had changed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Final

from tickerml.views.values import Json

_CALM: Final = "NORMAL"
_FIRST: Final = {"regime": _CALM, "trend": "sideways"}  # what the desk takes a market for until it knows more


class Regimes:
    """The trend ("bull", "bear", "sideways"), or the circuit breaker ("caution", "panic") while it is not at rest."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._now = dict(_FIRST)
        self._times, self._told = [0], [_FIRST["trend"]]

    def note(self, time: int, blob: Mapping[str, Json]) -> None:
        """Take a DESK row; latches and pauses are left out."""
        what = str(blob.get("what"))
        if what not in _FIRST:
            return
        self._now[what] = str(blob.get("to"))
        breaker, trend = self._now["regime"], self._now["trend"]
        self._times.append(time)
        self._told.append(trend if breaker == _CALM else breaker.lower())

    def at(self, time: int) -> str:
        """The regime at a time, ns; empty for a run whose desk told of none."""
        return "" if len(self._times) == 1 else self._told[bisect_right(self._times, time) - 1]
