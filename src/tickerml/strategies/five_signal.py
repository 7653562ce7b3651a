"""Five-signal turbo: order flow and mean reversion must agree, one of three others makes it a full trade.

Signals, each -1, 0 or 1 for the direction that it confirms:
    flow       ofi_ratio beyond +-ofi
    vwap       price on the far side of the VWAP: below it for a long (mode "reversion"; "trend": above)
    momentum   velocity and acceleration of the Kalman filter point the same way, acceleration x horizon at least
               `acceleration` of the velocity: the move is building, not ending
    crowding   funding beyond +-funding: the crowd pays, so the other side is confirmed; unavailable = not confirmed
    drift      drift of the Ornstein-Uhlenbeck fit over the horizon beyond +-ou_drift

A-trade: flow, drift and one of the other three. B-trade (scout): flow and drift alone, in turbo only, never beside a
trade on the coin. Turbo holds for balances below 100 and only where it is switched on.

Gates in order: SNR, confidence, multi-timeframe consensus, flat market, fee protection, EV guard. In turbo the gates of
consensus and flat market warn and let pass, fee protection asks for fee_multiple_turbo, and the EV guard for 0 up to a
balance of `ev_free_below`; the warnings stand in the intent.

Sizes are shares of the margin at `leverage`, which the desk lowers to what the margin tier, the liquidation distance
and its own limit allow; on spot, which has none, they are shares of the cash. Outside turbo the desk's limits on the
notional of a position and an order are the smaller ones.

Balance tiers: scans every 30 s (turbo below 100), 60 s (below 1,000), 5 min; the EV guard's three minima; at its start
a run with manager.portfolio "by_balance" takes equal weights below 20 and inverse volatility from there on (what the
source has at 50 it has at 20 already). By default there are no weights: fifteen equal ones are below the sizes of 30 to
50 %, and the smallest size of all holds, so that one of the two would be void.

What the gates can do at their defaults, as a test measures over random readings: behind SNR the gates of confidence,
flat market and fees never block, for three signals at SNR 1.5 give 0.69, the drift that confirms is flat_edge itself,
and 0.69 of the nearest target is 0.41 %, above 2.5 times 0.1 %. SNR, consensus and, for scouts, the EV guard decide.
They act where a threshold, a target or fees.taker is set higher.

The high ends of the sizes wait: the desk takes the low end (30 %, 10 %) until a confidence is calibrated, since until a
model is promoted size goes by no confidence at all (requirement F1), and the score below is none. `a_size_high` is
what the strategy asks for, `limits.tier_a_high` what the desk then grants.

Coins: `symbols`, unless pairs are named. Minimum quantities are the venue's lots, which the desk rounds down to; it
refuses an entry worth less than `min_notional`.

Ours, where the source is silent: confidence_raw = (1 + share of the five signals that agree x tanh(SNR / 2)) / 2, a
score, not a probability, until it is calibrated; target and stop lie between their ends by volatility over the horizon
(one standard deviation for the target, half of one for the stop); the funding interval is the source's own.

Source: seed 004; requirement C3 settles its contradictions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from tickerml.strategies.five_signal_gates import GROWING, MICRO, Gate, gates
from tickerml.strategies.five_signal_params import FiveSignalParams
from tickerml.strategies.five_signal_reading import Reading
from tickerml.strategies.view import View
from tickerml.strategies.wake import Every
from tickerml.tape.intents import Pass, Setup
from tickerml.tape.rows import BUY, DAY, MINUTE, SECOND, SELL

NAME: Final = "five_signal"

HELD, RESTING, WARMING = "position open", "between scans", "warming up"
NO_FLOW, NO_DRIFT, APART, SCOUT = "flow calm", "no drift", "flow and drift disagree", "two signals, no turbo"
PASSES: Final = (HELD, RESTING, WARMING, NO_FLOW, NO_DRIFT, APART, SCOUT)
"""Reasons before the gates; a gate that blocks gives its own name with "gate: " before it."""

STATE: Final = np.dtype([("scanned", "i8")])  # ns of the last scan of the coin


@dataclass(frozen=True)
class FiveSignal(FiveSignalParams):
    """Flow and drift agree, a third signal makes it a full trade; gates by balance tier."""

    wake = Every("30s")
    state: ClassVar = STATE

    @property
    def sees(self) -> dict[str, str]:
        """Flow, VWAP deviation, Kalman filter, funding, mean reversion, consensus, volatility."""
        t = self.timeframe
        return {
            "flow": f"ofi_ratio({round(self.ofi_seconds)}s)",
            "vwap": f"vwap_deviation({self.vwap_bars}, {t})",
            "velocity": f"kalman_velocity({self.kalman_bars}, {t})",
            "acceleration": f"kalman_acceleration({self.kalman_bars}, {t})",
            "snr": f"kalman_snr({self.kalman_bars}, {t})",
            "funding": "funding_rate",
            "drift": f"ou_drift({self.ou_bars}, {t})",
            "consensus": "consensus",
            "volatility": f"bar_volatility({self.ou_bars}, {t})",
        }

    def in_turbo(self, balance: float) -> bool:
        """Whether the relaxed gates hold."""
        return self.turbo and balance < MICRO

    def scan_ns(self, balance: float) -> int:
        """How often a coin is looked at: by balance tier."""
        if self.in_turbo(balance):
            return 30 * SECOND
        return MINUTE if balance < GROWING else 5 * MINUTE

    def decide(self, view: View) -> Setup | Pass:
        """The trade, or why there is none."""
        if view.now - int(view.state["scanned"]) < self.scan_ns(view.equity):
            return Pass(RESTING)
        view.state["scanned"] = view.now
        if view.position is not None:
            return Pass(HELD)
        reading = self.read(view)
        if reading is None:
            return Pass(WARMING)
        if reading.flow == 0 or reading.drift == 0:
            return Pass(NO_FLOW if reading.flow == 0 else NO_DRIFT)
        if reading.flow != reading.drift:
            return Pass(APART)
        return self._trade(view, reading)

    def read(self, view: View) -> Reading | None:
        """The signals of this moment; None while one that is needed is unknown."""
        needed = ("flow", "vwap", "velocity", "acceleration", "snr", "drift", "consensus", "volatility")
        seen = {name: view[name] for name in (*needed, "funding")}
        if any(math.isnan(seen[name]) for name in needed):
            return None
        days = self.horizon_minutes * MINUTE / DAY
        expected = seen["drift"] * days
        away = _sign(seen["vwap"], self.vwap)
        return Reading(
            flow=_sign(seen["flow"], self.ofi),
            vwap=-away if self.vwap_mode == "reversion" else away,
            momentum=self._momentum(seen["velocity"], seen["acceleration"], days),
            crowding=0 if math.isnan(seen["funding"]) else -_sign(seen["funding"], self.funding),
            drift=_sign(expected, self.ou_drift),
            snr=seen["snr"],
            consensus=seen["consensus"],
            expected=expected,
            sigma=seen["volatility"] * math.sqrt(days),
        )

    def tier(self, reading: Reading, side: int, balance: float) -> str:
        """A or B, or nothing where no trade is to be made."""
        agreeing = reading.agreeing(side)
        if "flow" not in agreeing or "drift" not in agreeing:
            return ""
        return "A" if len(agreeing) >= 3 else "B" if self.in_turbo(balance) else ""

    def confidence_raw(self, reading: Reading, side: int) -> float:
        """A score between 0.5 and 1: how many signals agree, and how clear the move is."""
        return 0.5 * (1 + len(reading.agreeing(side)) / 5 * math.tanh(reading.snr / 2))

    def distances(self, reading: Reading, tier: str) -> tuple[float, float]:
        """Target and stop as fractions: by volatility inside the ends of the tier."""
        target = min(max(reading.sigma, self.target_low), self.target_high)
        stop = min(max(0.5 * reading.sigma, self.stop_low), self.stop_high)
        if tier == "A":
            return target, stop
        spread = _part(target, self.target_low, self.target_high)
        b_target = self.b_target_low + spread * (self.b_target_high - self.b_target_low)
        spread = _part(stop, self.stop_low, self.stop_high)
        b_stop = self.b_stop_low + spread * (self.b_stop_high - self.b_stop_low)
        return min(b_target, self.b_target * target), min(b_stop, self.b_stop * stop)

    def size(self, tier: str, confidence: float) -> float:
        """Share of margin: between the ends of the tier by confidence."""
        low, high = (self.a_size_low, self.a_size_high) if tier == "A" else (self.b_size_low, self.b_size_high)
        return low + _part(confidence, 0.5, 1.0) * (high - low)

    def continues(self, view: View, side: int) -> bool:
        """Whether flow and acceleration still point to `side`: then a target that was reached moves on."""
        return continues(view["flow"], view["acceleration"], side, self.ofi)

    def _momentum(self, velocity: float, acceleration: float, days: float) -> int:
        building = acceleration * days * _one(velocity) >= self.acceleration * abs(velocity)
        return _one(velocity) if building else 0

    def _trade(self, view: View, reading: Reading) -> Setup | Pass:
        side, balance = reading.flow, view.equity
        tier = self.tier(reading, side, balance)
        if not tier:
            return Pass(SCOUT)
        confidence = self.confidence_raw(reading, side)
        target, stop = self.distances(reading, tier)
        judged = gates(self, reading, side, confidence, target, stop, balance, self.in_turbo(balance))
        blocked = next((gate for gate in judged if gate.blocks), None)
        figures = self._figures(reading, side, tier, confidence, judged)
        if blocked is not None:
            return Pass(f"gate: {blocked.name}", info=figures)
        return Setup(
            side,
            round(self.horizon_minutes * MINUTE),
            target=target,
            stop=stop,
            size=self.size(tier, confidence),
            leverage=self.leverage,
            zones=True,
            info=figures,
        )

    def _figures(
        self, reading: Reading, side: int, tier: str, confidence: float, judged: tuple[Gate, ...]
    ) -> dict[str, float | str | bool]:
        return {
            "tier": tier,
            "signals": ",".join(reading.agreeing(side)),
            "confidence_raw": confidence,
            "snr": reading.snr,
            "expected": reading.expected,
            "warnings": ",".join(gate.name for gate in judged if gate.warns),
            "turbo": self.turbo,
            "min_notional": self.min_notional,
        }


def continues(flow: float, acceleration: float, side: int, threshold: float) -> bool:
    """Whether flow and acceleration still point to `side`: then a target that was reached moves on."""
    return flow * side > threshold and acceleration * side > 0


def _sign(value: float, threshold: float) -> int:
    return BUY if value > threshold else SELL if value < -threshold else 0


def _one(value: float) -> int:
    return BUY if value > 0 else SELL if value < 0 else 0


def _part(value: float, low: float, high: float) -> float:
    """Where `value` lies between two ends, 0 to 1."""
    return min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.0
