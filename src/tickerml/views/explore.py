"""Zoom on request: plotly, compressed, inside the page; and a plotly figure for those who ask for one."""

from __future__ import annotations

import base64
import gzip
import importlib.util
from importlib.resources import files
from typing import Any, Final

import msgspec
import numpy as np

from tickerml.tape.errors import InputError
from tickerml.tape.rows import MILLISECOND
from tickerml.views import figures
from tickerml.views.charts.m4 import m4
from tickerml.views.story import Floats, Story, Times

POINTS: Final = 50_000  # of all lines together
SCALE: Final = 1_000_000  # values are whole numbers of a millionth (or finer for small prices)


def available() -> bool:
    """Whether plotly is installed (extra `plot`)."""
    return importlib.util.find_spec("plotly") is not None


def explore_section(story: Story) -> str:
    """The Explore chapter: a button, plotly and the data as gzip in base64. Raises InputError without plotly."""
    _need_plotly()
    from plotly.offline import get_plotlyjs  # heavy: only for pages that carry it

    script = files("tickerml.views").joinpath("explore.js").read_text("utf-8")
    data = msgspec.json.encode({"currency": story.head.currency, "lines": coded(story)})
    return (
        '<section id="explore"><h2>Explore</h2><p>Zoom and pan the equity and the prices. '
        "Plotly lies in this page and is unpacked on this click; nothing is loaded from elsewhere.</p>"
        '<button id="open-explore" type="button">Open the zoomable chart</button><div id="zoom"></div>'
        f'<script type="application/gzip" id="plotly-gz">{_packed(get_plotlyjs().encode())}</script>'
        f'<script type="application/gzip" id="explore-gz">{_packed(data)}</script><script>{script}</script></section>'
    )


def plot(story: Story) -> Any:
    """A plotly figure of equity, scaled holding and prices. Raises InputError without plotly."""
    _need_plotly()
    from plotly.graph_objects import Figure, Scatter

    drawn = Figure()
    for name, axis, time, value, shown, _ in _lines(story):
        x = time.astype("datetime64[ns]")
        drawn.add_trace(Scatter(x=x, y=value, name=name, yaxis=axis, visible=True if shown else "legendonly"))
    title = f"SYNTHETIC MARKET ({story.head.synthetic})" if story.head.synthetic else None
    drawn.update_layout(
        title=title, hovermode="x unified", yaxis={"domain": [0.52, 1]}, yaxis2={"domain": [0, 0.46], "anchor": "x"}
    )
    return drawn


def coded(story: Story) -> list[dict[str, Any]]:
    """The lines as whole numbers, each as its step from the one before: small when compressed."""
    lines = _lines(story)
    columns = max(1, POINTS // max(1, len(lines)) // 4)
    found = []
    for name, axis, time, value, shown, colour in lines:
        kept = m4(time, value, int(time[0]), int(time[-1]), columns)
        scale = SCALE if not len(kept) or abs(value[kept]).max() >= 0.01 else SCALE * 10_000
        whole = np.rint(value[kept] * scale).astype(np.int64)
        found.append(
            {
                "name": name,
                "axis": axis,
                "shown": shown,
                "colour": colour,
                "scale": scale,
                "time": np.diff(time[kept] // MILLISECOND, prepend=0).tolist(),
                "value": np.diff(whole, prepend=0).tolist(),
            }
        )
    return found


def _lines(story: Story) -> list[tuple[str, str, Times, Floats, bool, str]]:
    found: list[tuple[str, str, Times, Floats, bool, str]] = []
    if len(story.curve.time):
        found.append(("equity", "y", story.curve.time, story.curve.equity, True, "run"))
    held = figures.hold_series(story)
    if held is not None:
        growth = 1 + held[1] * figures.exposure(story)
        found.append(("hold, scaled", "y", held[0], float(story.start_equity) * growth, True, "ref"))
    for i, (coin, series) in enumerate(story.prices.items()):
        found.append((coin, "y2", series.time, series.close, i == 0, ""))
    return [line for line in found if len(line[2])]


def _packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


def _need_plotly() -> None:
    if not available():
        raise InputError(
            "extra-missing",
            "the zoomable chart needs plotly, which is not installed",
            means="nothing was written; the page without Explore needs no extra",
            try_="pip install 'tickerml[plot]'",
        )
