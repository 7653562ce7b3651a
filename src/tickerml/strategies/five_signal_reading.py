"""What the five-signal strategy reads off the market at a scan."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """The five signals, and what the gates need."""

    flow: int
    vwap: int
    momentum: int
    crowding: int
    drift: int
    snr: float
    consensus: float  # -1 to 1, positive = up
    expected: float  # signed fraction over the horizon, by the mean-reversion fit
    sigma: float  # fraction; standard deviation of the return over the horizon

    def agreeing(self, side: int) -> tuple[str, ...]:
        """Names of the signals that confirm `side`."""
        names = ("flow", "vwap", "momentum", "crowding", "drift")
        return tuple(name for name in names if getattr(self, name) == side)
