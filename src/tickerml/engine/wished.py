"""What the rows of an answer say, and which instruments its legs name.

Whose row it is, and what it says, is the program's word: `strategy`, `kind` and `reason` are no names of own figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import structs

from tickerml.desk.approved import Refusal, Verdict
from tickerml.desk.limits import TEXT, Refused
from tickerml.desk.proposal import Proposal
from tickerml.engine.view import EngineView
from tickerml.tape.errors import ConfigError
from tickerml.tape.instruments import Instrument
from tickerml.tape.intents import Leg, Legs, Pass

_TOLD: Final = ("side", "target", "stop", "exposure", "leverage", "stake", "superp", "substitute")


def intent_figures(name: str, intent: Any, view: EngineView, does: str = "") -> dict[str, Any]:
    """The blob of an INTENT row: what was wished, at which price, the strategy's figures, features to be told.

    `does`: what a wished exposure comes to beside what is held (engine/aiming.py).
    """
    figures = {"price": view.close, **intent.info, "strategy": name, "kind": type(intent).__name__.lower()}
    if does:
        figures["does"] = does
    told = view.told()
    if told:
        figures["features"] = told
    for key in _TOLD:
        if hasattr(intent, key):
            figures.setdefault(key, getattr(intent, key))
    if hasattr(intent, "horizon_ns"):
        figures["horizon"] = intent.horizon_ns
    if isinstance(intent, Legs):
        figures["legs"] = [_leg_figures(leg) for leg in intent.legs]
    return figures


def pass_figures(name: str, answer: Pass) -> dict[str, Any]:
    """The blob of a PASS row."""
    return {**answer.info, "strategy": name, "reason": answer.reason}


def changed_figures(name: str, answer: Any) -> dict[str, Any]:
    """The blob of a PARAMS row: own parameters that a wake has changed."""
    return {**answer.params, "strategy": name}


def _leg_figures(leg: Leg) -> dict[str, Any]:
    setup = leg.setup
    named = {"venue": leg.venue, "symbol": leg.symbol, "size": setup.size, "horizon": setup.horizon_ns, **setup.info}
    return {**named, **{key: getattr(setup, key) for key in _TOLD if hasattr(setup, key)}}


def leg_instrument(leg: Leg, traded: Sequence[Instrument]) -> Instrument:
    """The instrument of a leg, among those that the strategy trades. ConfigError `intent` when it is none of them."""
    found = next((i for i in traded if (i.venue, i.symbol) == (leg.venue, leg.symbol)), None)
    if found is None:
        known = ", ".join(f"{i.venue} {i.symbol}" for i in traded)
        raise ConfigError(
            "intent",
            f"a leg is on {leg.venue} {leg.symbol}, which the strategy does not trade in this run",
            means=f"nothing was sent; it trades {known}",
        )
    return found


def refused(seq: int, judged: Sequence[tuple[Proposal, Verdict]]) -> Refusal:
    """The desk's no to an intent; to one of several legs it is that of the leg at fault, which it names."""
    no = [(p, v) for p, v in judged if isinstance(v, Refusal)]
    if not no:
        return Refusal(seq, Refused.UNKNOWN_KIND, TEXT[Refused.UNKNOWN_KIND])
    at_fault, verdict = next(((p, v) for p, v in no if v.reason != Refused.LEG), no[0])
    alone = len(judged) == 1
    return verdict if alone else structs.replace(verdict, text=f"{at_fault.inst.symbol}: {verdict.text}")
