"""Whether a folder's run is the one that was asked for: what must be the same for it to go on, and what is not.

A run that went on with another source or with other code would be told by a recipe that does not make it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tickerml.run.causes import named, param_differences, told
from tickerml.run.recipe import span_of
from tickerml.run.record import header_json, header_of, same_code
from tickerml.run.trials import search_in
from tickerml.tape.errors import RunError
from tickerml.tape.tape import Header
from tickerml.views.words import iso

Manifest = Mapping[str, Any]
FOUND: Final = ("spec", "format", "timerange", "minutes", "coins", "options", "embedded")
"""What a manifest's source says of how it was opened (run/sources.py), besides what its rows are."""
_OF_RUN: Final = ("cash", "seed", "pairs")
_MOST: Final = 4  # differences that are named


def check_same(folder: Path, before: Manifest, now: Manifest, header: Header) -> None:
    """RunError `run-differs`, naming each setting with what it was and is, unless `now` asks for the run `before`."""
    found = list(dict.fromkeys(_differences(before, plain(now))))
    if found:
        more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
        raise other(folder, f"another run (there -> asked for): {'; '.join(found[:_MOST])}{more}")
    if before.get("stopped"):
        raise other(folder, f"a run that was stopped at {iso(int(before['source'].get('end') or 0))} and is over")
    if header_json(header_of(before)) != plain(header_json(header)):
        raise other(folder, "a run on another source, or on this one before something was added to it")


def check_free(folder: Path) -> None:
    """RunError `run-differs` where a folder without a run holds a search: its trials would not be counted."""
    found = search_in(folder)
    if found:
        raise other(folder, f"a {found}")


def other(folder: Path, what: str) -> RunError:
    """The error for a folder that holds something else than what was asked for."""
    return RunError(
        "run-differs",
        f"{folder} holds {what}",
        means="nothing was changed",
        try_="name another folder with --run-dir, or leave it out",
    )


def plain(value: Any) -> Any:
    """As JSON gives it back."""
    return json.loads(json.dumps(value, default=str))


def _differences(a: Manifest, b: Manifest) -> Iterator[str]:
    if a.get("mode") != b["mode"]:
        yield told("mode", a.get("mode"), b["mode"])
    yield from _of_source(a.get("source") or {}, b["source"])
    yield from _of_strategies(a, b)
    config = list(_of_config(a.get("config") or {}, b["config"]))
    for key in _OF_RUN:
        if a.get(key) != b[key]:
            yield told(key, a.get(key), b[key])
            config = [one for one in config if key != "cash" or not one.startswith("trading.initial_balance ")]
    yield from config
    if a.get("kernel_hash") != b["kernel_hash"]:
        yield told("TickerML's code", str(a.get("kernel_hash"))[:6], b["kernel_hash"][:6])


def _of_source(a: Manifest, b: Manifest) -> Iterator[str]:
    for key in FOUND:
        one, two = a.get(key), b.get(key)
        if one == two:
            continue
        if key == "timerange":
            yield told(key, *(span_of(span) or "all" for span in (one, two)))
        elif key == "options":
            held = one or {}, two or {}
            yield from (
                told(f"source option {name}", *(some.get(name) for some in held))
                for name in dict.fromkeys((*held[0], *held[1]))
                if held[0].get(name) != held[1].get(name)
            )
        else:
            yield told("source" if key == "spec" else f"source {key}", one, two)


def _of_strategies(a: Manifest, b: Manifest) -> Iterator[str]:
    mine, others = (m.get("strategies") or [] for m in (a, b))
    if [s["source"] for s in mine] != [s["source"] for s in others]:
        names = named(a), named(b)
        sources = ["+".join(str(s["source"]) for s in some) for some in (mine, others)]
        yield told("strategy", *(names if names[0] != names[1] else sources))
        return
    for one, two in zip(mine, others, strict=True):
        yield from param_differences(two["name"], one["params"], two["params"])
        if not same_code(a, b, two["source"]):
            yield f"the code of {two['name']}, which was changed since"


def _of_config(a: Manifest, b: Manifest) -> Iterator[str]:
    for section in dict.fromkeys((*a, *b)):
        one, two = a.get(section) or {}, b.get(section) or {}
        if not isinstance(one, Mapping) or not isinstance(two, Mapping):
            if one != two:
                yield told(section, one, two)
            continue
        for key in dict.fromkeys((*one, *two)):
            if one.get(key) != two.get(key):
                yield told(f"{section}.{key}", one.get(key), two.get(key))
