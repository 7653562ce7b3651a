"""Numbers, dates and durations as people read them. Never "-0 %", never more digits than the figure has."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from decimal import Decimal
from textwrap import wrap
from typing import Final

from tickerml.tape.rows import DAY, HOUR, MINUTE, SECOND
from tickerml.tape.shown import shown

CENTS: Final = frozenset({"USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI", "EUR", "GBP"})
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def fixed(value: float | Decimal, decimals: int, *, sign: bool = False) -> str:
    """Thousands separated by commas; with `sign` a plus as well; a value that rounds to zero has no sign."""
    text = f"{value:,.{decimals}f}"
    if not any(c in "123456789" for c in text):
        return text.lstrip("-")
    return text if text.startswith("-") or not sign else f"+{text}"


def money(value: float | Decimal, currency: str, *, sign: bool = False) -> str:
    """Realised money: cents of dollars and euros (small sums to a hundredth of one), six digits of coins."""
    size = abs(float(value))
    if currency in CENTS:
        decimals = 4 if 0.00005 <= size < 0.005 else 2
    else:
        decimals = 2 if size == 0 else min(8, max(2, 5 - math.floor(math.log10(size))))
    return fixed(value, decimals, sign=sign)


def percent(share: float, *, sign: bool = True) -> str:
    """A share as percent: 2 decimals below 1 %, 1 below 100 %, none above. -0.0631 is "-6.3 %"."""
    size = abs(share * 100)
    return f"{fixed(share * 100, 2 if size < 0.995 else 1 if size < 99.95 else 0, sign=sign)} %"


def whole_percent(share: float) -> str:
    """A share as whole percent without sign, for frequencies: 0.36 is "36 %"."""
    return f"{fixed(share * 100, 0)} %"


def span_of(low: float, high: float, *, sign: bool = True) -> str:
    """Both ends of an interval, rounded to two digits of its width: "-122 to +59"."""
    width = high - low
    decimals = 2 if width <= 0 or not math.isfinite(width) else min(8, max(0, 1 - math.floor(math.log10(width))))
    return f"{fixed(low, decimals, sign=sign)} to {fixed(high, decimals, sign=sign)}"


def count(n: int) -> str:
    """A whole number with thousands separated: 29,402."""
    return f"{n:,d}"


def plural(n: int, noun: str) -> str:
    """A count with its noun: "1 trade", "23 trades", "2 passes"."""
    ending = "" if n == 1 else "es" if noun.endswith("s") else "s"
    return f"{count(n)} {noun}{ending}"


def amount(n: float) -> str:
    """A large count in short: 4.77 M, 214 k, 812."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if n >= size:
            short = n / size
            return f"{short:.{2 if short < 10 else 1 if short < 100 and unit != ' k' else 0}f}{unit}"
    return f"{n:.0f}"


def about(n: float) -> str:
    """A rough count, two significant digits: 283.7 is "280"."""
    if n < 10:
        return f"{math.ceil(n)}"
    step = 10 ** (math.floor(math.log10(n)) - 1)
    return count(int(math.ceil(n / step) * step))


def price(value: float | Decimal) -> str:
    """A price with the digits it was quoted in, at most seven significant ones (Decimal), or six of them (float)."""
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        quoted = max(0, -exponent) if isinstance(exponent, int) else 2
        return f"{value:,.{min(quoted, max(0, 6 - value.adjusted()))}f}"
    if value == 0 or not math.isfinite(value):
        return "0"
    return f"{value:,.{min(10, max(0, 5 - math.floor(math.log10(abs(value)))))}f}"


def duration(ns: int) -> str:
    """How long, two units at most: "45 s", "3 min 31 s", "7 h 10 min", "206 days"."""
    if ns < MINUTE:
        return f"{ns / SECOND:.3g} s"
    if ns < HOUR:
        minutes, rest = divmod(ns, MINUTE)
        return f"{minutes} min {rest // SECOND} s" if rest >= SECOND and minutes < 10 else f"{minutes} min"
    if ns < 2 * DAY:
        hours, rest = divmod(ns, HOUR)
        return f"{hours} h {rest // MINUTE} min" if rest >= MINUTE and hours < 10 else plural(int(hours), "hour")
    return plural(int(ns // DAY), "day")


def clock(ns: int) -> str:
    """A duration as a clock: 2:10, 1:04:09."""
    minutes, seconds = divmod(max(0, ns) // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def moment(ns: int) -> datetime:
    """The UTC time of a stamp, to the second."""
    return datetime.fromtimestamp(ns // SECOND, UTC)


def stamp(ns: int) -> str:
    """A time to the second, UTC: 2026-01-04 11:42:10."""
    return moment(ns).strftime("%Y-%m-%d %H:%M:%S")


def iso(ns: int) -> str:
    """A time for machines, ISO 8601 UTC with all nanoseconds that are not zero."""
    rest = f".{ns % SECOND:09d}".rstrip("0") if ns % SECOND else ""
    return moment(ns).strftime("%Y-%m-%dT%H:%M:%S") + rest + "Z"


def period(start: int, end: int) -> str:
    """From when to when, UTC, without repeating the day: "2026-01-04 00:00 to 19:00 UTC"; 0 = never."""
    if not end:
        return "no row yet"
    first, last = moment(start), moment(end)
    if end - start >= 14 * DAY:
        return f"{first:%Y-%m-%d} to {last:%Y-%m-%d} UTC"
    until = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
    return f"{first:%Y-%m-%d %H:%M} to {until} UTC"


def day(ns: int, *, year: bool = True) -> str:
    """A date in words: 31 Jul 2024."""
    at = moment(ns)
    return f"{at.day} {_MONTHS[at.month - 1]}" + (f" {at.year}" if year else "")


def days(start: int, end: int) -> str:
    """From when to when in words: "1 Jan to 31 Jul 2024"; within two days with the hours."""
    if end - start < 2 * DAY:
        first, last = moment(start), moment(end)
        same = first.date() == last.date()
        return f"{day(start)}, {first:%H:%M} to {'' if same else day(end) + ', '}{last:%H:%M} UTC"
    return f"{day(start, year=moment(start).year != moment(end).year)} to {day(end)}"


def month(number: int) -> str:
    """The short name of month 1 to 12."""
    return _MONTHS[number - 1]


def spoken(code: str) -> str:
    """A reason code in words: edge-below-cost is "edge below cost"."""
    return shown(code.replace("-", " ").replace("_", " "))


def clip(text: str, width: int) -> str:
    """`text` cut to `width` characters, the cut marked by "..."."""
    return text if len(text) <= width else text[: max(0, width - 3)] + "..."


def fold(text: str, width: int) -> list[str]:
    """A line too long for `width` as several: cut at wide gaps, then at words, under what stands behind its label."""
    if len(text) <= width:
        return [text]
    lead = len(text) - len(text.lstrip())
    label = re.match(r" *\S+(?: \S+)? {2,}", text)
    behind = (lead or 2) if label is None else label.end()
    indent = " " * (behind if behind <= 2 * width // 5 else lead + 2)
    found, line = [], ""
    for gap in re.split(r"(?<=\S)(?=\s{3,}\S)", text):
        part = gap
        if line and len(line) + len(part) > width:
            found.append(line)
            line, part = "", indent + part.strip()
        line += part
    words = {"subsequent_indent": indent, "break_long_words": False, "break_on_hyphens": False}
    return [short for long in (*found, line) for short in wrap(long, width, **words)]  # type: ignore[arg-type]


def plain(text: str) -> str:
    """The text in ASCII; what has no ASCII form becomes "?", control characters are written out."""
    return shown(text).encode("ascii", "replace").decode()
