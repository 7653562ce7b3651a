"""Small tables as lines: figures to the right, words to the left; the same on a terminal and in a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence


def table(rows: Sequence[Mapping[str, object]], width: int | None = None) -> list[str]:
    """One line a row under a line of names; the columns are those of the first row.

    Where a line would be longer than `width`, each row becomes a block of `name  value` lines under its first cell.
    """
    if not rows:
        return []
    names = list(rows[0])
    cells = [names, *([text(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    right = [all(isinstance(row.get(name), int | float) for row in rows) for name in names]
    if width is not None and sum(widths) + 2 * len(widths) - 2 > width:
        return [line for row in rows for line in (text(row.get(names[0])), *fields({n: row.get(n) for n in names[1:]}))]
    return [
        "  ".join(
            f"{cell:>{w}}" if r else f"{cell:<{w}}" for cell, w, r in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in cells
    ]


def fields(found: Mapping[str, object], indent: str = "  ") -> list[str]:
    """`name  value` lines; a mapping inside becomes one line of its pairs."""
    return list(_fields(found, indent))


def text(value: object) -> str:
    """A value as it stands in a table: nothing for None, thousands apart with a comma."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(text, value))
    return str(value)


def _fields(found: Mapping[str, object], indent: str) -> Iterator[str]:
    wide = max((len(name) for name in found), default=0) + 2
    for name, value in found.items():
        shown = "  ".join(f"{k} {text(v)}" for k, v in value.items()) if isinstance(value, Mapping) else text(value)
        yield f"{indent}{name:<{wide}}{shown}".rstrip()
