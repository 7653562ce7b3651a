"""Pieces of HTML: tables, figures with their two drawings, lists. All text is escaped here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Final

from tickerml.views.charts.axes import Picture

_FIGURE: Final = re.compile(r"(-|[-+]?[\d.,]+( ?%| s| min| h)?( \([-+\d., %to]+\))?)$")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column heads its row, columns that hold figures only are set to the right."""
    right = [bool(rows) and all(_FIGURE.match(row[i]) for row in rows if row[i]) for i in range(len(head))]
    top = "".join(f'<th scope="col"{_n(right[i])}>{escape(name)}</th>' for i, name in enumerate(head))
    body = []
    for row in rows:
        cells = "".join(f"<td{_n(right[i])}>{escape(cell)}</td>" for i, cell in enumerate(row) if i)
        body.append(f'<tr><th scope="row">{escape(row[0])}</th>{cells}</tr>')
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'


def _n(right: bool) -> str:
    return ' class="n"' if right else ""


def figure(picture: Picture) -> str:
    """A chart: its sentence, the wide and the narrow drawing (CSS shows one), and its data as a table."""
    attributes = picture.attributes or ("",) * len(picture.sheets)
    classes = ("wide", "narrow") if len(picture.sheets) > 1 else ("",)
    drawn = "".join(
        sheet.svg(picture.title, picture.sentence, cls, more)
        for sheet, cls, more in zip(picture.sheets, classes, attributes, strict=True)
    )
    data = ""
    if picture.table:
        rows = table(picture.head, picture.table)
        data = f'<details class="table"><summary>The same as a table</summary>{rows}</details>'
    return f"<figure><figcaption>{escape(picture.sentence)}</figcaption><div>{drawn}</div>{data}</figure>"


def chapter(question: str, *parts: str) -> str:
    """A chapter under its question; empty when it has no part."""
    inside = "".join(parts)
    return f"<section><h2>{escape(question)}</h2>{inside}</section>" if inside else ""


def paragraph(text: str) -> str:
    """A paragraph; empty text gives none."""
    return f"<p>{escape(text)}</p>" if text else ""


def heading(text: str) -> str:
    """A heading within a chapter."""
    return f"<h3>{escape(text)}</h3>"
