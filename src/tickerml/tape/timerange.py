"""Time ranges as people write them: `20240101-20240201`, UTC, the end exclusive."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from tickerml.tape.errors import InputError

_STAMP: Final = r"\d{8}(?:T\d{4}(?:\d{2})?)?|\d{10}|\d{13}"
_RANGE: Final = re.compile(rf"({_STAMP})?-({_STAMP})?")


def time_range(text: str | None) -> tuple[int | None, int | None] | None:
    """`FROM-TO` as ns UTC, the end exclusive. Raises InputError `timerange`."""
    if text is None:
        return None
    if text == "-" or not _RANGE.fullmatch(text):
        raise InputError(
            "timerange",
            f'"{text}" is no time range; write FROM-TO, either may be left out',
            try_="--timerange 20240101-20240201   (UTC, the end is exclusive)",
        )
    first, last = text.split("-")
    start, end = (_stamp(first) if first else None), (_stamp(last) if last else None)
    if start is not None and end is not None and start >= end:
        raise InputError("timerange", f'"{text}" ends before it begins', try_=f"--timerange {last}-{first}")
    return start, end


def _stamp(text: str) -> int:
    if len(text) in {10, 13} and "T" not in text:
        return int(text) * 10 ** (19 - len(text))
    form = {8: "%Y%m%d", 13: "%Y%m%dT%H%M", 15: "%Y%m%dT%H%M%S"}[len(text)]
    try:
        return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()) * 10**9
    except ValueError as error:
        raise InputError("timerange", f'"{text}" is no date', try_="--timerange 20240101-20240201") from error
