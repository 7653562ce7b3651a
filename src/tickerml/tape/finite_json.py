"""JSON that every reader takes: Python's own writes NaN and Infinity, which JSON does not have."""

from __future__ import annotations

import json
import math
from typing import Any


def json_text(value: Any, **form: Any) -> str:
    """`value` as JSON, `form` as for `json.dumps`; null for a number that there is not (NaN, infinite)."""
    return json.dumps(_finite(value), allow_nan=False, **form)


def from_json(text: str | bytes) -> Any:
    """What a file of ours holds; None for the NaN and Infinity that older ones have."""
    return json.loads(text, parse_constant=lambda _: None)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value
