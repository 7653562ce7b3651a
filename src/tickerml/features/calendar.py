"""Where bars begin: timeframes in ns cut UTC time at their multiples, weeks on Mondays, months on the first."""

from __future__ import annotations

from typing import Final

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import DAY

MONTH: Final = 0
"""The timeframe of a calendar month, which has no fixed length."""

WEEK: Final = 7 * DAY
_MONDAY: Final = 3 * DAY  # 1970-01-01 was a Thursday


@kernel
def bar_start(time: int, timeframe: int) -> int:
    """Start of the bar that `time` (ns UTC) lies in."""
    if timeframe == MONTH:
        return _month_start(time)
    if timeframe % WEEK == 0:
        return (time + _MONDAY) // timeframe * timeframe - _MONDAY
    return time // timeframe * timeframe


@kernel
def bar_end(start: int, timeframe: int) -> int:
    """End of the bar that begins at `start`: the start of the next."""
    return _month_start(start + 31 * DAY) if timeframe == MONTH else start + timeframe


@kernel
def _month_start(time: int) -> int:
    """First of the month, by Hinnant's `civil_from_days`: years begin in March, so that leap days come last."""
    days = time // DAY
    shifted = days + 719_468
    of_era = shifted % 146_097
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day_of_month = of_year - (153 * month + 2) // 5
    return (days - day_of_month) * DAY
