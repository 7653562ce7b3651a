"""From a section's dataclass to what checks it (pydantic), what editors read (JSON Schema) and what people read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, is_dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

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


def idle(config: Any) -> list[str]:
    """Settings that were changed and that nothing reads yet: their comment says so, and so does the report of a run."""
    found = []
    for name, kind in sections().items():
        held = getattr(config, name)
        for one in held.values() if isinstance(held, Mapping) else (held,):
            quiet = [s for s in settings(kind).values() if s.comment.startswith("not used yet")]
            found += [f"{name}.{s.name}" for s in quiet if getattr(one, s.name) != s.default]
    return list(dict.fromkeys(found))


@cache
def model() -> type[BaseModel]:
    """The pydantic model of a whole configuration."""
    return _model(Config)


def _setting(one: dataclasses.Field[Any], hint: Any, comment: str) -> Setting:
    extras: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        extras = tuple(rest)
    words = get_args(hint) if get_origin(hint) is Literal else ()
    kind = str if words else get_origin(hint) or hint
    default = one.default_factory() if one.default_factory is not MISSING else one.default
    return Setting(one.name, kind, default, next((e for e in extras if isinstance(e, Range)), None), words, comment)


def _model(cls: type[Any]) -> type[BaseModel]:
    hints, notes = get_type_hints(cls, include_extras=True), comments(cls)
    members: dict[str, Any] = {}
    for one in dataclasses.fields(cls):
        start: Any = one.default_factory() if one.default_factory is not MISSING else one.default
        about = Field(default=start, description=notes.get(one.name), validate_default=False)
        members[one.name] = (_checked(hints[one.name]), about)
    config = ConfigDict(extra="forbid", allow_inf_nan=False)
    return create_model(cls.__name__, __config__=config, __doc__=cls.__doc__, **members)


def _checked(hint: Any) -> Any:
    """The same type with what pydantic needs: limits, and no silent change of type (true is no number)."""
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        spans = [Field(ge=e.low, le=e.high) for e in extras if isinstance(e, Range)]
        return Annotated[(_checked(inner), *spans)]
    if is_dataclass(hint):
        return _model(hint)  # type: ignore[arg-type] # is_dataclass is true of instances too
    if get_origin(hint) is Mapping:
        return dict[str, _checked(get_args(hint)[1])]  # type: ignore[misc] # built at run time
    if get_origin(hint) is tuple:
        return tuple[_checked(get_args(hint)[0]), ...]  # type: ignore[misc] # built at run time
    before: Callable[[Any], Any] | None = {float: _number, int: _whole, Decimal: _money, str: _text}.get(hint)
    if before is not None:
        return Annotated[hint, BeforeValidator(before), Field(strict=True)]
    return Annotated[hint, Field(strict=True)] if hint is bool else hint


def _number(value: Any) -> Any:
    """YAML reads 1e-4 as text (it wants 1.0e-4); people write the first."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _whole(value: Any) -> Any:
    number = _number(value)
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _money(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return value


def _text(value: Any) -> Any:
    """`ton_price: 6.50` is a number to YAML; true and false stay what they are, and are refused."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
