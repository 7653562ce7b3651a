"""The state of a run as Prometheus reads it: the text exposition format 0.0.4, each metric with HELP and TYPE.

Labels are few by nature: strategies of the run, and the desk's closed list of refusals. Nothing of the settings is told
but the run's own name. Source: prometheus.io/docs/instrumenting/exposition_formats, text format.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from tickerml.tape.rows import SECOND
from tickerml.views.live_state import LiveState

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_Sample: TypeAlias = tuple[Mapping[str, str], float]
_Metric: TypeAlias = tuple[str, str, str, Iterable[_Sample]]  # name, type, help and samples


def exposition(state: LiveState, *, now: int, journal_bytes: int) -> str:
    """All metrics of a run; `now`, ns UTC by the host's clock, `journal_bytes` what its journal takes on disk."""
    journal: _Metric = ("journal_bytes", "gauge", "What the run's journal takes on disk.", [({}, float(journal_bytes))])
    every = (*_of_tape(state, now), *_of_desk(state), *_of_venue(state), *_of_account(state), journal)
    return "".join(_metric(*one) for one in every)


def _of_tape(state: LiveState, now: int) -> Iterator[_Metric]:
    """Which run it is, and how far it is on its tape."""
    named = {"run": state.run, "mode": state.mode, "strategy": state.strategy, "synthetic": state.synthetic}
    at, behind = state.time / SECOND, (now - state.time) / SECOND
    yield "run_info", "gauge", "The run, in its labels.", [(named, 1.0)]
    yield "rows_total", "counter", "Rows of the source that were taken in.", [({}, state.rows)]
    yield "rows_per_second", "gauge", "Mean rate of rows since the first frame.", [({}, state.rows_per_s)]
    yield "tape_time_seconds", "gauge", "Receive time of the newest row, seconds since 1970.", [({}, at)]
    yield "tape_lag_seconds", "gauge", "The host's clock less the tape's time.", [({}, behind)]


def _of_desk(state: LiveState) -> Iterator[_Metric]:
    """What strategies decided and the desk made of it."""
    kinds = (("pass", sum(state.passes.values())), ("signal", state.signals))
    codes = sorted(state.refusals.items())
    yield (
        "decisions_total",
        "counter",
        "What strategies decided: to pass, or to signal.",
        [({"kind": kind}, n) for kind, n in kinds],
    )
    yield "refused_total", "counter", "Signals that the desk refused.", [({}, sum(state.refusals.values()))]
    yield (
        "refusals_total",
        "counter",
        "Signals that the desk refused, by its code.",
        [({"code": code}, n) for code, n in codes],
    )
    yield (
        "killed",
        "gauge",
        "1 while the desk is stopped for good: losses, drawdown or a person.",
        [({}, float(state.counted.killed))],
    )


def _of_venue(state: LiveState) -> Iterator[_Metric]:
    """What went to the venue and came of it."""
    of = state.counted
    yield "orders_total", "counter", "Orders that left for the venue.", [({}, state.orders)]
    yield "fills_total", "counter", "Executions, partial ones counted apart.", [({}, of.fills)]
    yield "rejects_total", "counter", "Orders, changes and cancels that the venue refused.", [({}, of.rejects)]
    yield "venue_messages_total", "counter", "Orders, changes and cancels sent to the venue.", [({}, of.messages)]


def _of_account(state: LiveState) -> Iterator[_Metric]:
    """What the account is worth, has lost, holds and has closed."""
    of, money = state.counted, [({"currency": state.currency}, float(state.equity))]
    each = sorted(of.trades.items())
    ended = [({"strategy": name}, n) for name, (n, _) in each]
    won = [({"strategy": name}, n) for name, (_, n) in each]
    yield "positions_open", "gauge", "Positions that are open.", [({}, len(state.positions))]
    yield "equity", "gauge", "Cash and positions at their marks, in the currency of the run.", money
    yield (
        "day_loss_ratio",
        "gauge",
        "Share of the day's first equity that is lost; 0 while it is ahead.",
        [({}, of.day_loss)],
    )
    yield "drawdown_ratio", "gauge", "Share of the highest equity so far that is lost.", [({}, of.drawdown)]
    yield "trades_total", "counter", "Trades that have ended.", ended
    yield "trades_won_total", "counter", "Of those the ones that ended above zero after fees and funding.", won


def _metric(name: str, kind: str, said: str, samples: Iterable[_Sample]) -> str:
    full = f"tickerml_{name}"
    lines = [f"{full}{_labels(labels)} {_number(value)}" for labels, value in samples]
    return "\n".join([f"# HELP {full} {said}", f"# TYPE {full} {kind}", *lines]) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    told = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{told}}}" if told else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
