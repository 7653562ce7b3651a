"""One dialect for parameters: a frozen dataclass is at once parameters, config section, `--param`, sweep and docs.

A field is `name: Annotated[float, Range(lo, hi)] = default  # unit; what it means`. Kernels read the record made here.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import math
import re
import textwrap
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from io import StringIO
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from tickerml.tape.errors import ConfigError
from tickerml.tape.instruments import Instrument
from tickerml.tape.rows import DAY, HOUR, MILLISECOND, MINUTE, SECOND, Record

VALUE_NAMES: Final = ("funding", "mark", "index", "open_interest", "liquidation", "sentiment", "weight")
"""Names of VALUE rows that folds look for; `i["names"]` holds where the tape's header has them.

A name that a table told for this symbol alone comes first: BTC/USDT.weight."""

INST: Final = np.dtype(  # what a fold may know of its instrument: the record `i`
    [
        ("tick", "f8"),  # quote per tick
        ("lot", "f8"),  # base units (or contracts) per lot
        ("multiplier", "f8"),  # coins per base unit: 1000 for 1000PEPE
        ("unit", "f8"),  # quote value of 1 tick x 1 lot; 0 for inverse contracts
        ("lot_value", "f8"),  # quote value of 1 lot whatever its price: inverse contracts; 0 for linear ones
        ("base", "i8"),  # `name_code` of the base coin (PEPE for 1000PEPE), the quote coin and the venue
        ("quote", "i8"),
        ("venue", "i8"),
        ("priced", "i8"),  # 0: only named numbers are known of it
        ("names", "i8", (len(VALUE_NAMES),)),  # index of each of VALUE_NAMES into the header's names; -1 = not there
    ]
)
"""Quote value of `qty` lots at `price` ticks is `qty * (price * i["unit"] + i["lot_value"])` for every instrument."""


@dataclass(frozen=True, slots=True)
class Range:
    """Closed interval of allowed values; also the range of a sweep. `Annotated[float, Range(0, 1)]`."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Name:
    """The field is a name, such as that of a coin: `Annotated[str, Name()]`. Kernels read its `name_code`."""


@dataclass(frozen=True, slots=True)
class ParamField:
    """One parameter as people see it: CLI help, config schema, docs table."""

    name: str
    type: str  # "float", "int", "bool", "name", "one of absolute, relative", "3 x float"
    default: Any  # None when the parameter must be given
    range: Range | None
    comment: str  # unit and meaning


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one annotated field is stored: its scalar type, how many, and the words it may take."""

    scalar: type
    count: int = 0  # of a fixed tuple; 0 = a scalar
    words: tuple[str, ...] = ()
    range: Range | None = None
    note: str = ""

    @property
    def text(self) -> str:
        """The type in words."""
        if self.words:
            return "one of " + ", ".join(self.words)
        if self.scalar is str:
            return "name"
        return f"{self.count} x {self.scalar.__name__}" if self.count else self.scalar.__name__


_SPAN_UNITS: Final = {"ms": MILLISECOND, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_CODE: Final[dict[type, str]] = {float: "f8", int: "i8", bool: "i8"}  # words and names are i8 too
_READ: Final[dict[type[Any], dict[str, _Kind]]] = {}  # what _read_kinds gave
_SET: Final[dict[type[Any], dict[str, _Kind]]] = {}  # and _settable


def describe(cls: type[Any]) -> tuple[ParamField, ...]:
    """Name, type, default, range and comment of each field, in order.

    Raises ConfigError (param-type) when `cls` is no dataclass or a field has a type that no record can hold.
    """
    return _described(cls, _kinds(cls))


def settable(cls: type[Any]) -> tuple[ParamField, ...]:
    """The same of those fields alone that a text can set: of the others a strategy in Python may have any.

    Raises ConfigError (param-type) when `cls` is no dataclass.
    """
    return _described(cls, _settable(cls))


def check_settable(obj: object) -> None:
    """ConfigError (param-type, param-range) where one of those fields has a value that it may not have."""
    for name, kind in _settable(type(obj)).items():
        _stored(name, kind, getattr(obj, name))


def params_dtype(cls: type[Any]) -> np.dtype[np.void]:
    """The record type of a parameter class: f8, i8 (ints, bools, index of a word) or a fixed run of them.

    A class without fields gives one unused byte, because numba has no empty record. Raises ConfigError (param-type).
    """
    parts: list[Any] = []
    for name, kind in _kinds(cls).items():
        code = _CODE.get(kind.scalar, "i8")
        parts.append((name, code, (kind.count,)) if kind.count else (name, code))
    return np.dtype(parts or [("none", "i1")])


def params_record(obj: object) -> Record:
    """The record of `obj` that kernels read as `p`. Raises ConfigError (param-type, param-range) naming the field."""
    record = np.zeros(1, params_dtype(type(obj)))
    for name, kind in _kinds(type(obj)).items():
        record[name] = _stored(name, kind, getattr(obj, name))
    return record[0]


def name_code(name: str) -> int:
    """The number that stands for a name in kernels: 8 bytes of its SHA-256, never 0."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little", signed=True) or 1


def span_ns(text: str) -> int | None:
    """A span such as "250ms", "30s", "5m", "4h", "1d" or "1w" in ns; 0 for the calendar month "1M"; else None."""
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        return 0 if text.strip() == "1M" else None
    return round(float(match[1]) * _SPAN_UNITS[match[2]])


def instrument_record(instrument: Instrument, names: Sequence[str] = ()) -> Record:
    """The record `i` of an instrument's constants, see INST; `names` are those of the tape's header."""
    tick, lot = instrument.tick, instrument.lot
    record = np.zeros(1, INST)
    record["tick"], record["lot"], record["multiplier"] = float(tick), float(lot), float(instrument.multiplier)
    if instrument.inverse:
        record["lot_value"] = float(lot * instrument.contract_size)
    else:
        record["unit"] = float(tick * lot)
    record["base"], record["quote"] = name_code(instrument.coin), name_code(instrument.quote)
    record["venue"], record["priced"] = name_code(instrument.venue), int(not instrument.values_only)
    record["names"] = [_place(names, f"{instrument.symbol}.{name}", name) for name in VALUE_NAMES]
    return record[0]


def _place(names: Sequence[str], *wanted: str) -> int:
    """Index of the first of `wanted` that is there; -1 = none is."""
    return next((names.index(name) for name in wanted if name in names), -1)


def _kinds(cls: type[Any]) -> dict[str, _Kind]:
    """By field, read off the annotations once: a sweep makes thousands of records of one class."""
    found = _READ.get(cls)
    if found is None:
        found = _READ[cls] = _read_kinds(cls)
    return found


def _settable(cls: type[Any]) -> dict[str, _Kind]:
    """By field, without those that no record can hold."""
    found = _SET.get(cls)
    if found is None:
        kinds = {name: _kind(hint) for name, hint in _hints(cls).items()}
        found = _SET[cls] = {name: kind for name, kind in kinds.items() if kind is not None}
    return found


def _read_kinds(cls: type[Any]) -> dict[str, _Kind]:
    found: dict[str, _Kind] = {}
    for name, hint in _hints(cls).items():
        kind = _kind(hint)
        if kind is None:
            wanted = "float, int, bool, a Literal of words, or a tuple of a fixed number of them"
            shown = hint if get_origin(hint) in {Union, UnionType} else getattr(hint, "__name__", hint)
            raise ConfigError(
                "param-type", f"{cls.__name__}.{name} is {shown}, which no kernel can read", means=f"use {wanted}"
            )
        found[name] = kind
    return found


def _hints(cls: type[Any]) -> dict[str, object]:
    """The annotation of each field. ConfigError (param-type) when `cls` is no dataclass."""
    if not is_dataclass(cls):
        raise ConfigError(
            "param-type", f"{cls.__name__} is not a dataclass", try_="put @dataclass(frozen=True) above it"
        )
    hints = get_type_hints(cls, include_extras=True)
    return {f.name: hints[f.name] for f in fields(cls)}


def _kind(hint: object) -> _Kind | None:
    """How a field of this annotation is stored; None where no record can hold it."""
    extras: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        extras = tuple(rest)
    span = next((e for e in extras if isinstance(e, Range)), None)
    note = next((e for e in extras if isinstance(e, str)), "")
    args = get_args(hint)
    if hint in _CODE:
        return _Kind(hint, range=span, note=note)
    if hint is str and any(isinstance(e, Name) for e in extras):
        return _Kind(str, note=note)
    if get_origin(hint) is Literal and all(isinstance(a, str) for a in args):
        return _Kind(str, words=args, note=note)
    if get_origin(hint) is tuple and args and args[0] in _CODE and len(set(args)) == 1:
        return _Kind(args[0], count=len(args), range=span, note=note)
    return None


def _stored(name: str, kind: _Kind, value: object) -> object:
    """What a record has of a value. ConfigError (param-type, param-range)."""
    if kind.words:
        return kind.words.index(_word(name, kind, value))
    return name_code(str(value)) if kind.scalar is str else _numbers(name, kind, value)


def _numbers(name: str, kind: _Kind, value: object) -> object:
    many = value if isinstance(value, tuple) else (value,)
    if isinstance(value, tuple) != bool(kind.count) or len(many) != max(1, kind.count):
        raise ConfigError("param-type", f"{name} takes {kind.text}, not {value!r}", key=name)
    for one in many:
        if not isinstance(one, int | float) or (kind.scalar is not float and one != int(one)) or math.isnan(one):
            raise ConfigError("param-type", f"{name} takes {kind.text}, not {one!r}", key=name)
        if kind.range is not None and one not in kind.range:
            low, high = kind.range.low, kind.range.high
            raise ConfigError("param-range", f"{name} = {one!r} is outside {low:g} to {high:g}", key=name)
    return value


def _word(name: str, kind: _Kind, value: object) -> str:
    if not isinstance(value, str) or value not in kind.words:
        raise ConfigError("param-range", f"{name} = {value!r}; it is one of {', '.join(kind.words)}", key=name)
    return value


def _described(cls: type[Any], kinds: Mapping[str, _Kind]) -> tuple[ParamField, ...]:
    notes = comments(cls)
    return tuple(
        ParamField(f.name, kind.text, _default(f), kind.range, kind.note or notes.get(f.name, ""))
        for f in fields(cls)
        if (kind := kinds.get(f.name)) is not None
    )


def _default(field: Field[object]) -> object:
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else None


def comments(cls: type[Any]) -> dict[str, str]:
    """The inline comment of each field; empty where the source is not at hand (an interactive session)."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        try:
            source = textwrap.dedent(inspect.getsource(base))
        except (OSError, TypeError):
            continue
        by_line = dict(_comment_lines(source))
        (body,) = ast.parse(source).body
        for node in body.body if isinstance(body, ast.ClassDef) else ():
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found[node.target.id] = by_line.get(node.end_lineno or 0, "")
    return found


def _comment_lines(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("#").strip()
