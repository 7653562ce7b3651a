"""A sheet of SVG: text, lines, boxes and paths. Colours are classes, so that the page's theme decides them."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

import numpy as np

from tickerml.views.story import Floats

SIZE: Final = 12  # px of ordinary text in a chart
_NARROW: Final = frozenset("iljtf.,:;'|!()[]/ -")
_WIDE: Final = frozenset("mwMW%@+")


def text_width(text: str, size: float = SIZE, *, bold: bool = False) -> float:
    """Pixels that a text takes, on the safe side: the widths of DejaVu Sans, wider than other system fonts."""
    units = sum(0.38 if c in _NARROW else 0.95 if c in _WIDE else 0.70 if c.isupper() else 0.635 for c in text)
    return units * size * (1.12 if bold else 1.0)


def number(value: float) -> str:
    """A coordinate with at most one decimal, as short as it can be written: 12, 0.5 as .5, -0.5 as -.5."""
    text = f"{value:.1f}".removesuffix(".0")
    if text == "-0":
        return "0"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def path_of(xs: Floats, ys: Floats, *, close: bool = False) -> str:
    """Path data through points: absolute start, then relative steps of a tenth of a pixel that never drift."""
    if not len(xs):
        return ""
    tenths = np.rint(np.stack((xs, ys)) * 10).astype(np.int64)
    moved = np.ones(tenths.shape[1], bool)
    moved[1:] = (np.diff(tenths, axis=1) != 0).any(axis=0)
    tenths = tenths[:, moved]
    steps = np.diff(tenths, axis=1)
    parts = [f"M{number(tenths[0, 0] / 10)} {number(tenths[1, 0] / 10)}"]
    for dx, dy in steps.T.tolist():
        x, y = number(dx / 10), number(dy / 10)
        parts.append(f"v{y}" if dx == 0 else f"h{x}" if dy == 0 else f"l{x}{y}" if dy < 0 else f"l{x} {y}")
    text = "".join(parts)
    return text + ("z" if close else "")


def triangle(x: float, y: float, up: bool, size: float = 5) -> str:
    """Path of a triangle whose tip is at (x, y), pointing up or down."""
    back = size * 1.7 if up else -size * 1.7
    return f"M{number(x)} {number(y)}l{number(size)} {number(back)}h{number(-2 * size)}z"


def squares(points: Iterable[tuple[float, float]], size: float) -> str:
    """Path of many squares around points, those on the same pixel once."""
    at = sorted({(round(x), round(y)) for x, y in points})
    return "".join(
        f"M{number(x - size / 2)} {number(y - size / 2)}h{number(size)}v{number(size)}h{number(-size)}z" for x, y in at
    )


def dots(points: Iterable[tuple[float, float]]) -> str:
    """Path of many points, those on the same pixel once: drawn as discs by a class with round line ends."""
    return "".join(f"M{x} {y}h0" for x, y in sorted({(round(x), round(y)) for x, y in points}))


class Sheet:
    """Parts of one picture, drawn in the order they are added; every number is in px from the upper left."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []

    def text(self, x: float, y: float, text: str, cls: str = "", anchor: str = "start", size: float = SIZE) -> None:
        """Text on the baseline y. `anchor`: start, middle or end of the text is at x."""
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        big = "" if size == SIZE else f' font-size="{number(size)}"'
        self._parts.append(f'<text x="{number(x)}" y="{number(y)}"{_class(cls)}{where}{big}>{escape(text)}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, cls: str) -> None:
        """A straight line."""
        ends = f'x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"'
        self._parts.append(f"<line {ends}{_class(cls)}/>")

    def box(self, x: float, y: float, width: float, height: float, cls: str) -> None:
        """A filled rectangle, at least half a pixel wide and high so that it is seen."""
        at = f'x="{number(x)}" y="{number(y)}" width="{number(max(0.5, width))}" height="{number(max(0.5, height))}"'
        self._parts.append(f"<rect {at}{_class(cls)}/>")

    def dot(self, x: float, y: float, radius: float, cls: str) -> None:
        """A circle."""
        self._parts.append(f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"{_class(cls)}/>')

    def path(self, data: str, cls: str, name: str = "") -> None:
        """A path; one with a name is read out by the crosshair."""
        known = f' data-name="{escape(name)}"' if name else ""
        if data:
            self._parts.append(f'<path d="{data}"{_class(cls)}{known}/>')

    def svg(self, title: str, sentence: str, cls: str = "", attributes: str = "", style: str = "", pad: int = 0) -> str:
        """The picture as an element with its title and a sentence that says what it shows; `pad` px of air around."""
        wide, tall = number(self.width + 2 * pad), number(self.height + 2 * pad)
        box = f'viewBox="{-pad} {-pad} {wide} {tall}"'
        size = f'width="{wide}" height="{tall}"'
        known = f"<title>{escape(title)}</title><desc>{escape(sentence)}</desc>{style}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" {box} {size}{_class(cls)} role="img" '
            f'aria-label="{escape(f"{title} {sentence}")}"{attributes}>{known}{"".join(self._parts)}</svg>'
        )


def _class(cls: str) -> str:
    return f' class="{cls}"' if cls else ""
