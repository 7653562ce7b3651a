"""The gates of the five-signal strategy, in order. In turbo some warn where they would block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tickerml.strategies.five_signal_params import FiveSignalParams
from tickerml.strategies.five_signal_reading import Reading

SNR, CONFIDENCE, CONSENSUS, FLAT, FEES, EV = "snr", "confidence", "consensus", "flat market", "fees", "expected value"
MICRO, GROWING = 100.0, 1000.0  # balances at which scans and the least expectation change
GATES: Final = (SNR, CONFIDENCE, CONSENSUS, FLAT, FEES, EV)


@dataclass(frozen=True)
class Gate:
    """One gate's verdict: what it saw, what it asked for, and whether it only warns."""

    name: str
    value: float
    least: float
    soft: bool = False  # warns where it would block

    @property
    def holds(self) -> bool:
        """Whether the value reaches what is asked for."""
        return self.value >= self.least

    @property
    def blocks(self) -> bool:
        """Whether it stops the trade."""
        return not self.holds and not self.soft

    @property
    def warns(self) -> bool:
        """Whether it would have stopped the trade outside turbo."""
        return not self.holds and self.soft


def gates(
    p: FiveSignalParams,
    reading: Reading,
    side: int,
    confidence: float,
    target: float,
    stop: float,
    balance: float,
    turbo: bool,
) -> tuple[Gate, ...]:
    """All gates for a trade of `side` with these distances at this balance."""
    agreement = (1 + side * reading.consensus) / 2  # share of timeframes that point the same way
    profit = confidence * target  # what a trade brings before fees, when it reaches its target as often as it believes
    net = confidence * target - (1 - confidence) * stop - p.fees
    return (
        Gate(SNR, reading.snr, p.snr_turbo if turbo else p.snr),
        Gate(CONFIDENCE, confidence, p.confidence_turbo if turbo else p.confidence),
        Gate(CONSENSUS, agreement, p.consensus, soft=turbo),
        Gate(FLAT, abs(reading.expected), p.flat_edge, soft=turbo),
        Gate(FEES, profit, (p.fee_multiple_turbo if turbo else p.fee_multiple) * p.fees),
        Gate(EV, net, least_ev(p, balance, turbo)),
    )


def least_ev(p: FiveSignalParams, balance: float, turbo: bool) -> float:
    """What the EV guard asks for at this balance; 0 in turbo up to `ev_free_below` (requirement C3)."""
    if turbo and balance <= p.ev_free_below:
        return 0.0
    return p.ev_micro if balance < MICRO else p.ev_growing if balance < GROWING else p.ev_large
