"""Ranges of parameters as they are typed, and the grid of all their combinations."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any, Final

from tickerml.tape.errors import ConfigError, InputError
from tickerml.tape.params import ParamField, check_settable, settable

MOST: Final = 1_000_000
"""Combinations of one grid."""

Value = float | int | str | bool


def axis(text: str, params: type[Any]) -> tuple[str, tuple[Value, ...]]:
    """`fast=5:50:5` (both ends count), `fast=5,10,20` or `fast=5` as name and values of the type that `params` has.

    Raises InputError `sweep-range`; ConfigError `sweep-param` for a name that `params` lacks, with the nearest.
    """
    name, equals, told = (part.strip() for part in text.partition("="))
    if not equals or not told:
        raise _range(text, "is no parameter with its values")
    known = {one.name: one for one in settable(params)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise ConfigError(
            "sweep-param",
            f'"{name}" is no parameter of {params.__name__}{" that a text can set" if name in _fields(params) else ""}',
            key=name,
            means=f"it has {', '.join(known) or 'none'}",
            try_=f"--param {(near or [*known, 'NAME'])[0]}=LOW:HIGH:STEP",
        )
    field = known[name]
    words = [_value(word, field, text) for word in told.split(",")] if ":" not in told else _steps(told, field, text)
    return name, tuple(dict.fromkeys(words))


def grid(axes: Mapping[str, Sequence[Value]]) -> list[dict[str, Value]]:
    """All combinations, the last name varying fastest. InputError `sweep-range` above MOST of them."""
    count = 1
    for values in axes.values():
        count *= len(values)
    if count > MOST:
        raise InputError("sweep-range", f"{count:,} combinations; a sweep has at most {MOST:,}", try_="a larger step")
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def with_params(strategy: Any, combos: Sequence[Mapping[str, Value]]) -> list[Any]:
    """The strategy with each combination. ConfigError `param-range`, `param-type` for a value that it may not have."""
    found = [replace(strategy, **combo) for combo in combos]
    for one in found:
        check_settable(one)
    return found


def _steps(told: str, field: ParamField, text: str) -> list[Value]:
    try:
        low, high, step = (Decimal(part.strip()) for part in told.split(":"))
    except (InvalidOperation, ValueError):
        raise _range(text, "has no range LOW:HIGH:STEP") from None
    if not (low.is_finite() and high.is_finite() and step.is_finite()) or step <= 0 or high < low:
        raise _range(text, "has a step that is not above 0, or ends before it begins")
    count = int((high - low) / step) + 1
    if count > MOST:
        raise _range(text, f"has {count:,} values; a sweep has at most {MOST:,}")
    return [_value(str(low + k * step), field, text) for k in range(count)]


def _value(word: str, field: ParamField, text: str) -> Value:
    word = word.strip()
    if field.type.startswith("one of"):
        return word
    if field.type == "bool":
        if word.lower() not in ("true", "false"):
            raise _range(text, f'has "{word}", which is neither true nor false')
        return word.lower() == "true"
    try:
        number = Decimal(word)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise _range(text, f'has "{word}", which is no number')
    if field.type == "int" and number != number.to_integral_value():
        raise _range(text, f"has {word}; {field.name} is a whole number")
    return int(number) if field.type == "int" else float(number)


def _fields(params: type[Any]) -> set[str]:
    return {one.name for one in fields(params)}


def _range(text: str, why: str) -> InputError:
    return InputError("sweep-range", f'"{text}" {why}', means="nothing was run", try_="--param fast=5:50:5")
