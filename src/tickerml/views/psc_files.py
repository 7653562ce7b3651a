"""The four files of the PSC strategy, written from a run's tape alone: the same tape gives the same bytes.

- live_microstructure_signals.json: one JSON object a line, for every signal beyond the thresholds, traded or not:
  {"timestamp":1767506400100.0,"symbol":"BTCUSDT","action":"LONG","psc_ratio":10.07,"confidence":null,...}
- psc_signals.csv: every scored moment, candidates too, with ratio, score, sub-scores and what was decided
- ml_predictions.csv: what was forecast, and how it ended where the position has settled
- microstructure_training.log: what was learned, decided and refused, in the log's usual form
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

import msgspec
import numpy as np

from tickerml.tape.block import Block
from tickerml.tape.rows import SECOND, Kind
from tickerml.tape.tape import Tape

SIGNALS, RATIOS, PREDICTIONS, LOG = (
    "live_microstructure_signals.json",
    "psc_signals.csv",
    "ml_predictions.csv",
    "microstructure_training.log",
)
_SIGNAL_KEYS: Final = (
    *("action", "psc_ratio", "confidence", "leverage", "timer_window"),
    *("superp_enabled", "expected_profit_pct", "confidence_raw"),
)
_RATIO_KEYS: Final = (
    *("action", "coin_price", "ton_price", "psc_ratio", "psc_z", "ratio_difference", "score", "score_flow"),
    *("score_imbalance", "score_spread", "score_depth", "score_stability", "score_missing", "spread_bps", "volatility"),
)
_PREDICTION_KEYS: Final = (
    *("action", "confidence_raw", "confidence", "calibration_n", "expected_profit_pct", "leverage", "timer_window"),
    *("superp_expected_on_stake",),
)
_READ: Final = (Kind.INTENT, Kind.PASS, Kind.REFUSAL, Kind.SETTLED, Kind.PARAMS)
ENOUGH: Final = 200  # settled windows before confidence is calibrated


class _Fact(NamedTuple):
    """One row of the run with its blob."""

    seq: int
    kind: int
    at: int  # ns
    symbol: str
    blob: dict[str, Any]


def write_psc_files(tape: Tape, folder: Path, strategy: str = "psc") -> tuple[Path, ...]:
    """Write the four files of `strategy` into `folder` (made when missing); returns their paths.

    Reads the run's tape twice and holds no more than its settled trades. Raises OSError when a file cannot be written,
    msgspec.DecodeError when a blob is not JSON.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = tuple(folder / name for name in (SIGNALS, RATIOS, PREDICTIONS, LOG))
    ends = {f.blob.get("intent"): f.blob for f in _facts(tape, strategy) if f.kind == Kind.SETTLED}
    with ExitStack() as stack:
        files = _Files(*(stack.enter_context(p.open("w", encoding="utf-8", newline="")) for p in paths))
        files.begin(tape.header.synthetic)
        for fact in _facts(tape, strategy):
            files.write(fact, ends.get(fact.seq))
        files.end()
    return paths


def _facts(tape: Tape, strategy: str) -> Iterator[_Fact]:
    """Rows of the strategy that say more than a plain pass, with their sequence in the run's tape."""
    names = {i.id: i.raw for i in tape.header.instruments}
    seq = 0
    for block in tape.blocks():
        for at, blob in _telling(block):
            row = block.rows[at]
            if blob.get("strategy") == strategy:
                symbol = names.get(int(row["inst"]), "")
                yield _Fact(seq + at, int(row["kind"]), int(row["recv"]), symbol, blob)
        seq += len(block)


def _telling(block: Block) -> Iterator[tuple[int, dict[str, Any]]]:
    rows = block.rows
    for at in np.flatnonzero(np.isin(rows["kind"], _READ) & (rows["ref"] >= 0)):
        raw = block.blobs[rows["ref"][at]]
        plain = rows["kind"][at] == Kind.PASS and b'"psc_ratio"' not in raw and b'"learned_n"' not in raw
        if not plain:
            yield int(at), msgspec.json.decode(raw)


class _Files:
    """The four open files and what has gone into them."""

    def __init__(self, signals: TextIO, ratios: TextIO, predictions: TextIO, log: TextIO) -> None:
        self.signals, self.log = signals, log
        self.ratios, self.predictions = csv.writer(ratios), csv.writer(predictions)
        self.counts = dict.fromkeys(("signals", "candidates", "intents", "refusals", "settled", "learned"), 0)
        self.last = 0
        self.superp_said = False

    def begin(self, synthetic: str) -> None:
        """Headings; a made-up market is named in the log's first line."""
        self.ratios.writerow(("timestamp", "symbol", *_RATIO_KEYS, "decision"))
        self.predictions.writerow(("timestamp", "symbol", *_PREDICTION_KEYS, "decision", "won", "pnl", "exit_reason"))
        if synthetic:
            self.log.write(f"SYNTHETIC MARKET ({synthetic}): shows that the program works, says nothing about profit\n")

    def write(self, fact: _Fact, end: Mapping[str, Any] | None) -> None:
        """One row of the run, and how its trade ended, where it was an intent that traded."""
        self.last = fact.at
        if "psc_ratio" in fact.blob:
            self._signal(fact, end)
        if fact.blob.get("learned_n"):
            self._learned(fact)
        if fact.kind == Kind.REFUSAL:
            self.counts["refusals"] += 1
            self._line(fact.at, f"refused {fact.symbol}: {fact.blob.get('text') or fact.blob.get('code')}")
        elif fact.kind == Kind.SETTLED:
            self.counts["settled"] += 1
            self._line(fact.at, f"closed {fact.symbol} pnl {fact.blob.get('pnl')} by {fact.blob.get('reason')}")
        elif fact.kind == Kind.PARAMS and "min_confidence" in fact.blob:
            chosen, n = fact.blob.get("min_confidence"), fact.blob.get("settled")
            self._line(fact.at, f"min_confidence {chosen}, chosen on {n} settled windows before now")

    def end(self) -> None:
        """The last line of the log: how much there was of each."""
        self._line(self.last, "  ".join(f"{name} {n}" for name, n in self.counts.items()))

    def _signal(self, fact: _Fact, end: Mapping[str, Any] | None) -> None:
        blob, stamp = fact.blob, fact.at / 1e6
        intent = fact.kind == Kind.INTENT
        beyond = not str(blob["action"]).startswith("CANDIDATE")
        decision = "intent" if intent else str(blob.get("reason", ""))
        self.counts["signals" if beyond else "candidates"] += 1
        self.counts["intents"] += intent
        if beyond:
            line = {"timestamp": stamp, "symbol": fact.symbol, **{key: blob.get(key) for key in _SIGNAL_KEYS}}
            self.signals.write(msgspec.json.encode(line).decode() + "\n")
        self.ratios.writerow((stamp, fact.symbol, *_cells(blob, _RATIO_KEYS), decision))
        ending = ("", "", "") if end is None else (int(float(end["pnl"]) > 0), end["pnl"], end.get("reason", ""))
        self.predictions.writerow((stamp, fact.symbol, *_cells(blob, _PREDICTION_KEYS), decision, *ending))
        if blob.get("superp_enabled") and not self.superp_said:
            self.superp_said = True
            self._line(fact.at, "SuperP positions exist in simulation only: no venue sells them", "WARNING")

    def _learned(self, fact: _Fact) -> None:
        blob, self.counts["learned"] = fact.blob, self.counts["learned"] + 1
        result, n = ("won" if blob["learned_won"] else "lost"), int(blob["learned_n"])
        count = f"{n} of {ENOUGH}, uncalibrated" if n < ENOUGH else f"{n}, calibrated"
        net = 100 * blob["learned_net"]
        self._line(
            fact.at, f"learned {fact.symbol} raw {blob['learned_raw']:.3f} {result} net {net:+.3f} % (n {count})"
        )

    def _line(self, at: int, text: str, level: str = "INFO") -> None:
        when = datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")
        self.log.write(f"{when} - psc - {level} - {text}\n")


def _cells(blob: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[object]:
    """Values of these keys; what is not known is an empty cell."""
    return ("" if blob.get(key) is None else blob[key] for key in keys)
