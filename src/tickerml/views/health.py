"""What the manifest and the tape's header say about the data: gaps, clocks, assumptions, checks."""

from __future__ import annotations

from collections.abc import Mapping

from tickerml.tape.tape import Header
from tickerml.views.story import Health, Leak
from tickerml.views.values import Json, part, whole


def health_of(header: Header, manifest: Mapping[str, Json]) -> Health:
    """The state of the data. The manifest's "source" counts win over those of the tape's header."""
    said = part(manifest, "source")
    problems = said.get("problems") or dict(header.problems)
    return Health(
        rows=int(said.get("rows") or manifest.get("rows") or 0),
        gaps=int(said.get("gaps") or 0),
        resyncs=whole(said.get("resyncs")),
        lost=whole(said.get("lost")),
        crossed=whole(said.get("crossed")),
        duplicates=whole(said.get("duplicates")),
        problems={str(k): int(v) for k, v in sorted(dict(problems).items())},
        clocks={str(k): int(v) for k, v in sorted((said.get("clocks") or {}).items())},
        assumed_clock=bool(said.get("assumed_clock", header.assumed_clock)),
        bar_only=bool(said.get("bar_only", header.bar_only)),
        both_inside=whole(manifest.get("both_inside")),
        breaks=tuple((int(a), int(b)) for a, b in said.get("breaks") or ()),
        leak_check=str(manifest.get("leak_check") or ""),
        leaks=_leaks(manifest.get("leaks")),
        visibility=str(manifest.get("visibility") or ""),
        latency=str(manifest.get("latency") or ""),
    )


def _leaks(told: Json) -> tuple[Leak, ...] | None:
    """A list as `tickerml check leaks` gives it; missing or null = not checked."""
    if told is None:
        return None
    return tuple(
        Leak(str(one.get("strategy", "")), one["column"], one["bar"], int(one["line"]), str(one.get("file", "")))
        for one in told
    )
