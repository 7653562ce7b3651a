"""The report: one self-contained HTML page that opens offline, without a script, on any screen and on paper.

The page comes from the story alone, so the same run gives the same bytes. A content security policy forbids every
request.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import Final

from tickerml.views import chapters, front, verdict
from tickerml.views.explore import explore_section
from tickerml.views.story import Story
from tickerml.views.when_where import when_where

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'{more}; img-src data:"


def page(story: Story, *, explore: bool = False) -> str:
    """The whole page as text. With `explore` it carries plotly, unpacked on a click.

    Raises InputError (extra-missing) when `explore` is asked for and plotly is not installed.
    """
    zoom = explore_section(story) if explore else ""
    policy = _POLICY.format(more=" 'unsafe-eval'; worker-src blob:" if explore else "")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(front.title(story))}</title>\n<style>{_asset('page.css')}{_asset('charts.css')}</style></head>\n"
        f"<body><main>{top(story)}{body(story)}{zoom}</main>\n<script>{_asset('page.js')}</script></body></html>\n"
    )


def top(story: Story) -> str:
    """Warnings, headline, lead and the four tiles."""
    warned, caveats = verdict.warnings(story), front.caveats(story)
    live = "LIVE ORDERS: real money was traded" if story.head.mode == "live" else ""
    banners = "".join(f'<div class="banner" role="note">{escape(text)}</div>' for text in (*warned, live) if text)
    if caveats:
        said = "".join(f"<p>{escape(text)}</p>" for text in caveats)
        banners += f'<div class="caveats" role="note">{said}</div>'
    headline = f"{front.subject(story)} {verdict.outcome(story)}"
    return (
        f'<header>{banners}<h1>{escape(headline)}</h1><p class="lead">{escape(front.lead(story))}</p>'
        f'<dl class="tiles">{"".join(_tile(t) for t in front.tiles(story))}</dl></header>'
    )


def _tile(tile: front.Tile) -> str:
    value = f'<dd class="big{f" {tile.cls}" if tile.cls else ""}">{escape(tile.value)}</dd>'
    return f'<div><dt>{escape(tile.name)}</dt>{value}<dd class="sub">{escape(tile.against)}</dd></div>'


def body(story: Story) -> str:
    """The chapters in order; why it did not trade comes first when it did not."""
    parts = [
        chapters.chance,
        chapters.where_money,
        chapters.trades,
        chapters.why_not,
        chapters.confidence,
        when_where,
    ]
    if not story.trades:
        parts.remove(chapters.why_not)
        parts.insert(0, chapters.why_not)
    return "\n".join(f(story) for f in (*parts, chapters.trust, chapters.again, chapters.all_figures))


def _asset(name: str) -> str:
    return files("tickerml.views").joinpath(name).read_text("utf-8")
