"""From a section's dataclass to what people read of it: names, types, what is allowed, what it means."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

from tickerml.config.sections import Config
from tickerml.tape.params import Range, comments

_WORDS: Final = {
    float: "number",
    int: "whole number",
    bool: "true or false",
    str: "text",
    Decimal: "amount of money",
    tuple: "list",
    Mapping: "mapping of names to numbers",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One key as people see it."""

    name: str
    type: type  # float, int, bool, str, Decimal, tuple or Mapping
    default: Any
    range: Range | None
    words: tuple[str, ...]  # the allowed ones, where it is a choice
    comment: str  # unit and meaning

    @property
    def allowed(self) -> str:
        """What may stand there: "whole number, 1 to 100"; "one of dynamic, fixed"."""
        if self.words:
            return "one of " + ", ".join(self.words)
        kind = _WORDS[self.type]
        return kind if self.range is None else f"{kind}, {span(self.range)}"

    @property
    def wanted(self) -> str:
        """The same with its article, for a sentence: "a whole number, 1 to 100"."""
        article = {float: "a ", int: "a ", Decimal: "an ", tuple: "a ", Mapping: "a "}.get(self.type, "")
        return self.allowed if self.words else article + self.allowed

    @property
    def shown(self) -> str:
        """The default as it is written in a file."""
        if isinstance(self.default, bool):
            return str(self.default).lower()
        if isinstance(self.default, tuple):
            return "[" + ", ".join(map(str, self.default)) + "]"
        return '""' if self.default == "" else str(self.default)


def span(allowed: Range) -> str:
    """The limits in words, "0 to 0.05"; large ones without an exponent."""
    return " to ".join(f"{v:.0f}" if abs(v) >= 1e4 else f"{v:g}" for v in (allowed.low, allowed.high))


def settings(section: type[Any]) -> dict[str, Setting]:
    """Every key of a section, in order."""
    hints, notes = get_type_hints(section, include_extras=True), comments(section)
    return {f.name: _setting(f, hints[f.name], notes.get(f.name, "")) for f in dataclasses.fields(section)}


@cache
def sections() -> dict[str, type[Any]]:
    """Section name -> its dataclass; for `exchanges` the dataclass of one entry."""
    hints = get_type_hints(Config)
    return {name: get_args(hint)[1] if get_origin(hint) is Mapping else hint for name, hint in hints.items()}


def _setting(one: dataclasses.Field[Any], hint: Any, comment: str) -> Setting:
    extras: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        extras = tuple(rest)
    words = get_args(hint) if get_origin(hint) is Literal else ()
    kind = str if words else get_origin(hint) or hint
    default = one.default_factory() if one.default_factory is not MISSING else one.default
    return Setting(one.name, kind, default, next((e for e in extras if isinstance(e, Range)), None), words, comment)
