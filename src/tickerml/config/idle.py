"""Settings that other programs know and that have no meaning here, each with its reason: named, never ignored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tickerml.config.document import KeyPath, read
from tickerml.config.schema import sections, settings
from tickerml.tape.errors import Where

MARK: Final = "not used yet"  # what the comment of such a setting begins with
_MARKET: Final = "markets come from --source, coins from -p"
_MODEL: Final = "no model is served in this version; confidence is asked where a model has given one"
_KEYS: Final = "no order leaves this program for a venue in this version: paper and backtest only"
REASONS: Final[Mapping[str, str]] = {
    "risk.stop_loss_default": "every strategy has a stop of its own, in its section",
    "model.inference_mode": _MODEL,
    "model.ensemble_voting": _MODEL,
    "model.confidence_threshold": _MODEL,
    "exchanges.symbols": _MARKET,
    "exchanges.order_book_depth": "a source has the levels that were recorded; all of them are used",
    "exchanges.trade_stream": "trades of a source are used where it has them",
    "exchanges.api_key": _KEYS,
    "exchanges.api_secret": _KEYS,
    "superp.no_liquidation": "a SuperP position always ends at its stake; without it set superp.enabled: false",
    "manager.scan_minutes": "a bar strategy is asked at each close of its bars (dca.timeframe 5m, swing and channel "
    "15m): between two closes a scan would see the same",
    "data.min_latency_ms": "clocks are corrected by the lower envelope of what was recorded (docs/tape.md)",
}
"""By section.key (an exchange's name left out), why the setting does nothing; for others their comment says it."""


def reasons() -> dict[str, str]:
    """By section.key, why a setting does nothing: all whose comment begins so."""
    every = ((f"{name}.{one.name}", one) for name, cls in sections().items() for one in settings(cls).values())
    return {key: REASONS.get(key, "this version does not ask it") for key, one in every if one.comment.startswith(MARK)}


def idle(config: Any) -> list[str]:
    """Settings that were changed and do nothing, with the reason: what the notes of a run say."""
    found = []
    for name, reason in reasons().items():
        section, _, key = name.partition(".")
        held = getattr(config, section)
        default = settings(sections()[section])[key].default
        for one in held.values() if isinstance(held, Mapping) else (held,):
            if getattr(one, key) != default:
                found.append(f"{name} does nothing: {reason}")
    return list(dict.fromkeys(found))


def without_effect(paths: Iterable[str | Path]) -> list[str]:
    """Every key in these files that does nothing, with its place and reason, whatever its value. Raises ConfigError."""
    return [text for path in paths for text in _told(read(Path(path)).keys)]


def _told(keys: Mapping[KeyPath, Where]) -> Iterator[str]:
    known = reasons()
    for path, where in keys.items():
        reason = known.get(f"{path[0]}.{path[-1]}") if len(path) > 1 else None
        if reason is not None:
            yield f"{where.file}:{where.line} {'.'.join(path)} does nothing: {reason}"
