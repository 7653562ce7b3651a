"""Write the documentation pages that are made from the source: docs/settings.md and docs/errors.md (`make docs`)."""

from __future__ import annotations

from pathlib import Path

from tickerml.cli.errors import codes, page
from tickerml.config.pages import markdown

DOCS = Path(__file__).resolve().parent.parent / "docs"


def errors() -> str:
    """One page of all error and warning codes, as `tickerml explain CODE` shows them."""
    parts = ["# Errors and warnings\n\nMade from the source by `make docs`; `tickerml explain CODE` shows one.\n"]
    for code in codes():
        title, _, body = (page(code) or "").partition("\n")
        parts.append(f"## `{code}`\n\n**{title.lstrip('# ')}**\n{body.replace('## What to do', '*What to do:*')}")
    return "\n".join(parts).rstrip() + "\n"


def pages() -> dict[Path, str]:
    """Each generated page with its text."""
    return {DOCS / "settings.md": markdown(), DOCS / "errors.md": errors()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(DOCS.parent)}")
