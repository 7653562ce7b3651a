"""Values as they stand in blobs and manifests: decimal strings, whole numbers, words. None is "not said"."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from tickerml.tape.instruments import Instrument

Json: TypeAlias = Any  # whatever a JSON document may hold


def side(value: Json) -> int:
    """+1 for long or buy, -1 for short or sell, whole numbers as they are."""
    return {"long": 1, "buy": 1, "short": -1, "sell": -1}.get(value, 0) if isinstance(value, str) else int(value)


def price(value: Json, thing: Instrument | None) -> Decimal:
    """A price: a decimal string as written, a whole number as ticks."""
    return thing.price(value) if isinstance(value, int) and thing is not None else decimal(value)


def size(value: Json, thing: Instrument | None) -> Decimal:
    """A size: a decimal string as written, a whole number as lots."""
    return thing.size(value) if isinstance(value, int) and thing is not None else decimal(value)


def decimal(value: Json) -> Decimal:
    """An exact number; what is not said is 0."""
    return Decimal(str(value)) if value not in (None, "") else Decimal(0)


def whole(value: Json) -> int | None:
    """A whole number, or None."""
    return None if value is None else int(value)


def real(value: Json) -> float | None:
    """A number, or None."""
    return None if value is None else float(value)


def share(value: Json) -> float | None:
    """The size of a number without its sign, or None."""
    return None if value is None else abs(float(value))


def part(of: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    """A section of a manifest; empty where it is missing."""
    value = of.get(key)
    return value if isinstance(value, Mapping) else {}


def written(value: Json) -> str:
    """A parameter as it is shown: words as they are, all else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()
