"""The four output files of requirement C1, from a run's tape built by hand."""

import csv
import json
from decimal import Decimal

import msgspec
import numpy as np

from tickerml.tape.block import Block
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import SECOND, Flag, Kind, empty
from tickerml.tape.tape import Header, MemoryTape
from tickerml.views.psc_files import write_psc_files

START = 1_767_506_400_000_000_000
BTC = Instrument(0, "synthetic", "BTC/USDT:USDT", "BTCUSDT", Decimal("0.1"), Decimal("0.001"), "BTC", "USDT", "USDT")
FIGURES = {
    "action": "LONG", "psc_ratio": 10.0658, "ratio_difference": 3.0658, "coin_price": 64000.0, "ton_price": 5.5,
    "score": 8.25, "score_flow": 1.5, "score_imbalance": None, "score_missing": "imbalance",
    "confidence_raw": 0.84, "confidence": None,
    "calibration_n": 17, "leverage": 5000.0, "timer_window": "ENTRY_WINDOW", "superp_enabled": True,
    "expected_profit_pct": 0.11, "superp_expected_on_stake": 0.7,
}  # fmt: skip


def tape_of(*facts, synthetic="calm, seed 7"):
    rows = empty(len(facts))
    rows["recv"] = START + 10 * SECOND * np.arange(len(facts))
    rows["kind"] = [kind for kind, _ in facts]
    rows["ref"] = np.arange(len(facts))
    rows["flags"] = Flag.END
    blobs = tuple(msgspec.json.encode({"strategy": "psc", **blob}, order="sorted") for _, blob in facts)
    header = Header("run", (BTC,), synthetic=synthetic)
    half = len(facts) // 2
    cut = [Block(rows[:half], blobs=blobs), Block(rows[half:], blobs=blobs)]  # sequences count on across blocks
    return MemoryTape(header, tuple(cut))


RUN = (
    (Kind.PASS, {"reason": "ratio neutral"}),
    (Kind.PASS, {"reason": "ratio below threshold", **FIGURES, "action": "CANDIDATE_LONG"}),
    (Kind.INTENT, {"kind": "setup", **FIGURES}),
    (Kind.INTENT, {"kind": "setup", **FIGURES, "confidence": 0.41}),
    (Kind.REFUSAL, {"intent": 3, "code": "position_open", "text": "a position is open"}),
    (Kind.SETTLED, {"intent": 2, "pnl": "12.50", "reason": "target"}),
    (
        Kind.PASS,
        {"reason": "cooldown", "learned_raw": 0.84, "learned_net": 0.002, "learned_won": True, "learned_n": 18},
    ),
    (Kind.PARAMS, {"min_confidence": 0.25, "settled": 250}),
    (Kind.PASS, {"strategy": "other", "reason": "x", "psc_ratio": 1.0, "action": "LONG"}),
)


def test_c1_live_signals_have_the_format_of_the_source(tmp_path):
    signals, *_ = write_psc_files(tape_of(*RUN), tmp_path)
    assert signals.name == "live_microstructure_signals.json"
    lines = [json.loads(line) for line in signals.read_text().splitlines()]
    assert lines[0] == {
        "timestamp": (START + 20 * SECOND) / 1e6, "symbol": "BTCUSDT", "action": "LONG", "psc_ratio": 10.0658,
        "confidence": None, "leverage": 5000.0, "timer_window": "ENTRY_WINDOW", "superp_enabled": True,
        "expected_profit_pct": 0.11, "confidence_raw": 0.84,
    }  # fmt: skip
    assert list(lines[0])[:9] == [
        "timestamp", "symbol", "action", "psc_ratio", "confidence", "leverage", "timer_window",
        "superp_enabled", "expected_profit_pct",
    ]  # fmt: skip
    assert [line["confidence"] for line in lines] == [None, 0.41]  # the candidate is no signal


def test_c1_psc_signals_hold_candidates_and_decisions(tmp_path):
    _, ratios, *_ = write_psc_files(tape_of(*RUN), tmp_path)
    rows = list(csv.DictReader(ratios.read_text().splitlines()))
    assert [(r["action"], r["decision"]) for r in rows] == [
        ("CANDIDATE_LONG", "ratio below threshold"),
        ("LONG", "intent"),
        ("LONG", "intent"),
    ]
    assert (rows[0]["psc_ratio"], rows[0]["score"], rows[0]["score_imbalance"], rows[0]["score_missing"]) == (
        "10.0658",
        "8.25",
        "",
        "imbalance",
    )


def test_c1_predictions_say_how_they_ended(tmp_path):
    _, _, predictions, _ = write_psc_files(tape_of(*RUN), tmp_path)
    rows = list(csv.DictReader(predictions.read_text().splitlines()))
    assert [(r["confidence_raw"], r["won"], r["pnl"], r["exit_reason"]) for r in rows] == [
        ("0.84", "", "", ""),
        ("0.84", "1", "12.50", "target"),
        ("0.84", "", "", ""),
    ]


def test_c1_training_log_says_what_was_learned_and_chosen(tmp_path):
    *_, log = write_psc_files(tape_of(*RUN), tmp_path)
    lines = log.read_text().splitlines()
    assert lines[0] == "SYNTHETIC MARKET (calm, seed 7): shows that the program works, says nothing about profit"
    assert (
        lines[1]
        == "2026-01-04 06:00:10 - psc - WARNING - SuperP positions exist in simulation only: no venue sells them"
    )
    assert "refused BTCUSDT: a position is open" in lines[2]
    assert "closed BTCUSDT pnl 12.50 by target" in lines[3]
    assert lines[4].endswith("learned BTCUSDT raw 0.840 won net +0.200 % (n 18 of 200, uncalibrated)")
    assert lines[5].endswith("min_confidence 0.25, chosen on 250 settled windows before now")
    assert lines[6].endswith("signals 2  candidates 1  intents 2  refusals 1  settled 1  learned 1")


def test_the_same_tape_gives_the_same_bytes_and_an_empty_one_gives_headings(tmp_path):
    one, two = (write_psc_files(tape_of(*RUN), tmp_path / name) for name in ("one", "two"))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    signals, ratios, predictions, log = write_psc_files(tape_of(synthetic=""), tmp_path / "empty")
    assert signals.read_text() == ""
    assert len(ratios.read_text().splitlines()) == len(predictions.read_text().splitlines()) == 1
    assert "signals 0" in log.read_text()
