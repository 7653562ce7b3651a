"""The pydantic model of all sections: what checks settings, and the JSON Schema that editors read.

Apart from schema.py because pydantic takes longer to load than all else here, and a run on defaults needs none of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import MISSING, is_dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from tickerml.config.sections import Config
from tickerml.tape.params import Range, comments


@cache
def model() -> type[BaseModel]:
    """The pydantic model of a whole configuration."""
    return _model(Config)


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
        return tuple[_item(get_args(hint)[0]), ...]  # type: ignore[misc] # built at run time
    before: Callable[[Any], Any] | None = {float: _number, int: _whole, Decimal: _money, str: _text}.get(hint)
    if before is not None:
        return Annotated[hint, BeforeValidator(before), Field(strict=True)]
    return Annotated[hint, Field(strict=True)] if hint is bool else hint


def _item(hint: Any) -> Any:
    """What stands in a list: a text is written as one there, and says something."""
    return Annotated[str, Field(strict=True, pattern=r"\S")] if hint is str else _checked(hint)


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
