"""The shape that a run's manifest must have for those who read it: a run.json of another program is no run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_WORDS: Final = {dict: "an object", list: "a list", str: "a text", int: "a whole number", bool: "true or false"}
_NEEDED: Final = {
    **dict.fromkeys(("run", "mode", "cash", "kernel_hash"), str),
    **dict.fromkeys(("strategies", "pairs", "notes"), list),
    **dict.fromkeys(("config", "source"), dict),
    "seed": int,
}
_OF_SOURCE: Final = {
    **dict.fromkeys(("title", "synthetic"), str),
    **dict.fromkeys(("instruments", "names", "notes"), list),
    **dict.fromkeys(("assumed_clock", "bar_only"), bool),
}
_OF_STRATEGY: Final = {"name": str, "source": str, "params": dict}


def misshapen(found: object) -> str:
    """What a manifest lacks that its readers need, in words; nothing where it has all."""
    if not isinstance(found, dict):
        return "it holds no object"
    said = _lacks(found, _NEEDED, "") or _lacks(found["source"], _OF_SOURCE, "source.")
    for k, one in enumerate(() if said else found["strategies"]):
        said = said or (_lacks(one, _OF_STRATEGY, f"strategies[{k}].") if isinstance(one, dict) else _other(k, one))
    return said


def _other(k: int, found: object) -> str:
    return f'"strategies[{k}]" in it is {found!r}, and no object'


def _lacks(found: Mapping[str, Any], needed: Mapping[str, type], path: str) -> str:
    for key, kind in needed.items():
        if key not in found:
            return f'it has no "{path}{key}"'
        if not isinstance(found[key], kind):
            return f'"{path}{key}" in it is not {_WORDS[kind]}'
    return ""
