"""PSC microstructure: the ratio of a coin's price to TON's names a direction, the order book a confidence.

decide() reads straight down: ratio, candidate, score, confidence, then every reason not to trade, then the setup.
Performance claims of its source are not repeated here: a run's report says what it earned, how well its confidence was
calibrated, and what chance would have earned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tickerml.strategies import calibration, psc_windows
from tickerml.strategies.psc_params import PscParams
from tickerml.strategies.psc_ratio import ROLLING, fold_ratio, psc_ratio, side_of
from tickerml.strategies.psc_score import BOOK_FEATURES, bar_features
from tickerml.strategies.psc_signal import Reading, Signal, figures, signal_of
from tickerml.strategies.timer import EXIT
from tickerml.strategies.view import Outcome, View
from tickerml.strategies.wake import Every
from tickerml.tape.errors import InputError, Where
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Figure, Intent, Pass, Setup
from tickerml.tape.rows import BUY, MINUTE, SECOND, Record

NAME: Final = "psc"

NO_PRICE, NO_TON = "no price yet", "no TON price yet"
WARMING, UNKNOWN = "warming up", "book unknown"
NEUTRAL, CANDIDATE = "ratio neutral", "ratio below threshold"
HELD, WIDE, COOLDOWN = "position open", "spread too wide", "cooldown"
LATE, EDGE, UNSURE = "timer in EXIT window", "edge below cost", "confidence < "
PASSES: Final = (
    *(NO_PRICE, NO_TON, WARMING, UNKNOWN, NEUTRAL, CANDIDATE),
    *(HELD, WIDE, COOLDOWN, LATE, EDGE, UNSURE),
)
"""Every reason of a Pass; UNSURE is followed by the threshold, "confidence < 0.30"."""

STATE: Final = np.dtype(  # of one coin
    [
        *ROLLING,
        *psc_windows.WINDOW,
        ("tried", "i8"),  # ns of the last intent or settlement
        ("logged", "i8"),  # ns of the last signal with figures
        ("told_raw", "f8"),  # a window that has counted and is not journalled yet
        ("told_net", "f8"),
        ("told_n", "i8"),  # settled windows with it; 0 = nothing to tell
    ]
)
SHARED: Final = np.dtype(  # of all coins
    [
        *calibration.CALIBRATION,
        ("threshold", "f8"),  # chosen min_confidence, 0 = none
        ("threshold_told", "f8"),  # as last journalled
    ]
)
_RECHOOSE: Final = 50  # settled windows between two choices of the threshold


@dataclass(frozen=True)
class Psc(PscParams):
    """Ratio to TON for direction, microstructure for confidence, ten-minute timer for the exit."""

    wake = Every("1s")
    state = STATE
    shared = SHARED

    @property
    def sees(self) -> tuple[str, ...]:
        """Order-book features, and those of bars for sources that have no book."""
        return (*BOOK_FEATURES, *bar_features(self.timeframe))

    def decide(self, view: View) -> Intent | Pass:
        """One wake: learn from what has ended, then trade, or pass with a reason of PASSES."""
        learned = self._learn(view)
        answer = self._judge(view)
        if not learned:
            return answer
        return replace(answer, info={**answer.info, **learned}, params=self._new_threshold(view.shared))

    def on_settled(self, view: View, outcome: Outcome) -> None:
        """A position has closed: its real prices count, in place of what its window would have shown."""
        s = view.state
        if outcome.entry > 0 and outcome.exit > 0:
            raw = outcome.info.get("confidence_raw")
            gross = psc_windows.gross_return(outcome.side, outcome.entry, outcome.exit)
            self._count(view, float(s["w_raw"] if raw is None else raw), gross)
        psc_windows.close_window(s)
        s["tried"] = view.now

    def least_confidence(self, shared: Record) -> float:
        """The threshold in force: the chosen one where there is one, else the configured."""
        chosen = float(shared["threshold"])
        return chosen if self.choose_confidence and chosen > 0 else self.min_confidence

    def _judge(self, view: View) -> Setup | Pass:
        reading = self._read(view)
        if isinstance(reading, Pass):
            return reading
        s = view.state
        held, due = view.position is not None, view.now - int(s["logged"]) >= self.signal_every_s * SECOND
        waiting = reading.beyond >= 0 and view.now - int(s["tried"]) < self.cooldown_s * SECOND
        if (held or waiting) and not due:
            return Pass(HELD if held else COOLDOWN)
        if not view.bar_only and math.isnan(view["spread_bps"]):
            return Pass(UNKNOWN)
        if math.isnan(view["volatility"]):
            return Pass(WARMING)
        signal = signal_of(self, view, reading)
        reason = HELD if held else COOLDOWN if waiting else self._refusal(signal, view)
        if reading.beyond >= 0 and not held:
            psc_windows.open_window(s, signal, view.now, sent=reason is None)
        if reason is None:
            s["tried"] = s["logged"] = view.now
            return self._setup(signal, figures(self, view, signal))
        if not due:
            return Pass(reason)
        s["logged"] = view.now
        return Pass(reason, figures(self, view, signal))

    def _read(self, view: View) -> Reading | Pass:
        """The ratio and its side, or why there is none."""
        if not view.close > 0:
            return Pass(NO_PRICE)
        if not view.ton > 0:
            return Pass(NO_TON)
        multiplier = float(view.instrument.multiplier)
        ratio = psc_ratio(view.close, view.ton, multiplier, logarithmic=self.use_logarithmic_ratios)
        margin = self.long_threshold - self.min_signal_ratio  # a candidate is scored this far before its threshold
        value, z, high, low = ratio, 0.0, self.long_threshold, self.short_threshold
        if self.mode == "relative":
            value = z = fold_ratio(view.state, ratio, view.now, self.mean_minutes * MINUTE)
            high, low = self.z_entry, -self.z_entry
            if math.isnan(z):
                return Pass(WARMING)
        side = side_of(value, high - margin, low + margin)
        return Reading(ratio, z, side, value - high if side == BUY else low - value) if side else Pass(NEUTRAL)

    def _refusal(self, signal: Signal, view: View) -> str | None:
        """The first reason that speaks against trading a candidate."""
        least = self.least_confidence(view.shared)
        if signal.reading.beyond < 0:
            return CANDIDATE
        if signal.spread_bps > self.wide_bps:
            return WIDE
        if signal.timer.window == EXIT and not self.exit_entries:
            return LATE
        if signal.target < self.min_move:
            return EDGE
        return f"{UNSURE}{least:.2f}" if signal.confidence < least else None

    def _setup(self, signal: Signal, info: dict[str, Figure]) -> Setup:
        return Setup(
            side=signal.reading.side,
            horizon_ns=signal.timer.left_ns,
            target=signal.target,
            stop=signal.stop,
            stake=self.stake if self.superp else None,
            leverage=max(signal.leverage, 1.0),
            superp=self.superp,
            substitute="stake" if self.superp else "",
            info=info,
        )

    def _learn(self, view: View) -> dict[str, Figure]:
        """Follow the coin's window by one wake; what has counted since the last, for the journal."""
        s = view.state
        if s["w_side"] != 0 and not (s["w_sent"] and view.position is not None):
            gross = psc_windows.follow(s, view.now, self._touch(view))
            if gross is not None:
                self._count(view, float(s["w_raw"]), gross)
        if s["told_n"] == 0:
            return {}
        raw, net, n = float(s["told_raw"]), float(s["told_net"]), int(s["told_n"])
        s["told_n"] = 0
        return {"learned_raw": raw, "learned_net": net, "learned_won": net > 0, "learned_n": n}

    def _touch(self, view: View) -> psc_windows.Touch:
        if not view.bar_only:
            return psc_windows.Touch(view["bid"], view["ask"])
        half = view.close * self.assumed_spread_bps / 20_000
        low, high = view[f"bar({self.timeframe}).low"], view[f"bar({self.timeframe}).high"]
        return psc_windows.Touch(view.close - half, view.close + half, low, high)

    def _count(self, view: View, raw: float, gross: float) -> None:
        """One settled window: fold it, and now and then choose the threshold anew."""
        s, shared, net = view.state, view.shared, gross - self.cost
        calibration.learn(shared, raw, net)
        s["told_raw"], s["told_net"], s["told_n"] = raw, net, int(shared["settled"])
        if self.choose_confidence and int(shared["settled"]) % _RECHOOSE == 0:
            shared["threshold"] = calibration.best_threshold(shared) or 0.0

    def _new_threshold(self, shared: Record) -> dict[str, float]:
        """The chosen threshold when it has changed since it was last told: a PARAMS row."""
        if shared["threshold"] == shared["threshold_told"]:
            return {}
        shared["threshold_told"] = shared["threshold"]
        return {"min_confidence": self.least_confidence(shared), "settled": int(shared["settled"])}


def coin_of(instrument: Instrument) -> str:
    """The token's own name, as trading_coins has it: PEPE for 1000PEPE."""
    return instrument.coin


def no_ton_price(span: str, where: Where | None = None) -> InputError:
    """The error of a source without a TON price: for whoever starts a run, before anything is traded."""
    return InputError(
        "no-ton-price",
        f"PSC needs a TON price; the source has none for {span}",
        where=where,
        key="psc_integration.ton_price",
        means="nothing was traded; a guess would move every ratio",
        try_="--param psc_integration.ton_price=6.50   (the report will say so), or add TON candles to the source",
    )
