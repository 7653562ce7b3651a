"""A run in a notebook: the headline, a table of figures, equity and reasons. No script, no style element, no id.

Untrusted notebooks and code hosts drop scripts, styles and raw SVG; an image with a data URI survives, so the charts
carry their own colours and background.
"""

from __future__ import annotations

import base64
import re
from html import escape
from importlib.resources import files
from typing import Final

from tickerml.views import front, verdict
from tickerml.views.charts.axes import Picture
from tickerml.views.charts.equity import equity
from tickerml.views.charts.reasons import reasons
from tickerml.views.story import Story
from tickerml.views.summary import summary

WIDTH: Final = 640  # px
PAD: Final = 10  # px
_VARIABLE: Final = re.compile(r"--([a-z-]+):(#[0-9a-f]+)")


def mimebundle(story: Story) -> dict[str, str]:
    """What `_repr_mimebundle_` returns: the summary as text, and HTML of at most 60 KB."""
    return {"text/plain": summary(story), "text/html": html(story)}


def html(story: Story) -> str:
    """The run as HTML that survives any sanitizer: what `_repr_html_` returns."""
    parts = [f"<p><strong>{escape(warning)}</strong></p>" for warning in verdict.warnings(story)]
    parts.append(f"<h3>{escape(front.subject(story))} {escape(verdict.outcome(story))}</h3>")
    parts.append(f"<p>{escape(front.lead(story))}</p>")
    parts += [f"<p><em>{escape(text)}</em></p>" for text in front.caveats(story)]
    tiles = front.tiles(story)
    head = "".join(f"<th>{escape(t.name)}</th>" for t in tiles)
    value = "".join(f"<td><strong>{escape(t.value)}</strong></td>" for t in tiles)
    against = "".join(f"<td>{escape(t.against)}</td>" for t in tiles)
    parts.append(f"<table><tr>{head}</tr><tr>{value}</tr><tr>{against}</tr></table>")
    pictures = [equity(story, (WIDTH,)) if verdict.traded(story) else None]
    pictures += [reasons(story, refused, (WIDTH,)) for refused in (True, False)]
    parts += [image(picture) for picture in pictures if picture is not None]
    return f"<div>{''.join(parts)}</div>"


def image(picture: Picture) -> str:
    """A picture as its sentence and an image with a data URI."""
    svg = standalone(picture)
    data = base64.b64encode(svg.encode()).decode()
    said = escape(f"{picture.title}. {picture.sentence}")
    sheet = picture.sheets[0]
    size = f'width="{sheet.width + 2 * PAD:.0f}" height="{sheet.height + 2 * PAD:.0f}"'
    return f'<p>{escape(picture.sentence)}</p><img {size} alt="{said}" src="data:image/svg+xml;base64,{data}">'


def standalone(picture: Picture) -> str:
    """The first drawing of a picture as an SVG file of its own: light colours, on its own background."""
    page = files("tickerml.views").joinpath("page.css").read_text("utf-8")
    colours = dict(_VARIABLE.findall(page.partition("@media")[0]))
    rules = files("tickerml.views").joinpath("charts.css").read_text("utf-8")
    for name, colour in colours.items():
        rules = rules.replace(f"var(--{name})", colour)
    style = f"<style>svg{{background:{colours['paper']}}}{rules}</style>"
    return picture.sheets[0].svg(picture.title, picture.sentence, style=style, pad=PAD)
