"""The screen of `data check`: what is wrong first, then one line an instrument, then what the words mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tickerml.cli.tables import table

CHECKED: Final = (
    *("symbol", "venue", "rows", "start", "end", "gaps", "crossed", "duplicates", "backwards", "clock_offset_ns"),
    "top_of_book",
)
"""The keys of `data check --json`: others rely on them."""
_FAULTS: Final = {
    "gaps": ("gap", "gaps", "the book is unknown from there to the next snapshot (tickerml explain book-gap)"),
    "crossed": ("crossed book", "crossed books", "bid at or above ask at the end of a message"),
    "duplicates": ("duplicate", "duplicates", "an update whose number was there before"),
    "backwards": ("row back in time", "rows back in time", "received or stamped before the row before"),
}


def health_lines(
    found: Sequence[Mapping[str, Any]], width: int | None = None, problems: Mapping[str, int] | None = None
) -> list[str]:
    """The screen, at most 100 columns where names allow; the table in blocks where `width` is less than it needs.

    `problems`: how often each was met when the source was imported, by its code.
    """
    if not found:
        return ["no instrument: there is nothing to check"]
    return list(_lines(found, None if width is None else width - 2, problems or {}))


def _lines(found: Sequence[Mapping[str, Any]], width: int | None, problems: Mapping[str, int]) -> Iterator[str]:
    wrong = {name: sum(int(one.get(name) or 0) for one in found) for name in _FAULTS}
    books = [_tops(one) for one in found]
    compared, matched = sum(b[0] for b in books), sum(b[1] for b in books)
    said = [f"{n:,} {_FAULTS[name][n != 1]}" for name, n in wrong.items() if n]
    said += [f"{code.replace('-', ' ')} {n:,} (left out at import)" for code, n in problems.items()]
    if matched < compared:
        said.append(f"{compared - matched:,} of {compared:,} best prices do not match the book")
    sound = "sound: no gap, no crossed book, no duplicate, nothing back in time"
    yield f"{'; '.join(said) if said else sound}   ({sum(int(one['rows']) for one in found):,} rows)"
    yield ""
    yield from (f"  {line}" for line in table([_row(one) for one in found], width))
    yield ""
    if compared:
        yield "  book true: best bid and ask, price and size, against the venue's own best prices of the same update"
    if any(one.get("clock_offset_ns") for one in found):
        yield "  clock: median time from the venue's stamp to the receiver's; below 0 the receiver's clock was behind"
    yield from (f"  {_FAULTS[name][1]}: {_FAULTS[name][2]}" for name, n in wrong.items() if n)


def _row(one: Mapping[str, Any]) -> dict[str, object]:
    compared, matched = _tops(one)
    start, end = str(one.get("start") or ""), str(one.get("end") or "")
    until = end[11:16] if end[:10] == start[:10] else f"{end[5:10]} {end[11:16]}"
    return {
        "symbol": one["symbol"],
        "venue": one["venue"],
        "rows": one["rows"],
        "from (UTC)": f"{start[:10]} {start[11:16]}" if start else "-",
        "to": until if end else "-",
        "gaps": one.get("gaps"),
        "clock": _seconds(int(one.get("clock_offset_ns") or 0)),
        "book true": f"{matched:,} of {compared:,}" if compared else "-",
    }


def _tops(one: Mapping[str, Any]) -> tuple[int, int]:
    """Best prices that could be compared with the book, early and late ones together, and how many matched."""
    parts = [one.get(name) or {} for name in ("top_of_book", "top_of_book_late")]
    return sum(int(p.get("compared", 0)) for p in parts), sum(int(p.get("matched", 0)) for p in parts)


def _seconds(ns: int) -> str:
    """`+1.27 s`, `-61 ms`; nothing where receive times were assumed."""
    if not ns:
        return "-"
    return f"{ns / 1e9:+.2f} s" if abs(ns) >= 1_000_000_000 else f"{ns / 1e6:+.0f} ms"
