"""The Python that README and docs show runs as it stands. A block that cannot says why in a comment above it.

A block under `<!-- file: NAME -->` is written to that file, as its reader would.
"""

import re
from pathlib import Path

import pytest

import tickerml.features
from tickerml.features import catalog

REPOSITORY = Path(__file__).resolve().parent.parent
BLOCK = re.compile(
    r"(?:<!-- (?:not run: (?P<reason>[^>]+)|file: (?P<file>\S+)) -->\n)?^```python\n(?P<code>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
PAGES = [
    p
    for p in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md")))
    if "```python" in p.read_text("utf-8")
]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    """Blocks of one page share their names, as a reader who types them would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(tickerml.features, "__path__", list(tickerml.features.__path__))
    catalogue = (catalog.families, catalog.owners, catalog.resolve)
    for cached in catalogue:
        cached.cache_clear()
    names: dict[str, object] = {}
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["file"] is not None:
            (tmp_path / block["file"]).write_text(block["code"], encoding="utf-8")
        elif block["reason"] is None:
            exec(compile(block["code"], f"{page.name}", "exec"), names)
    for cached in catalogue:
        cached.cache_clear()
