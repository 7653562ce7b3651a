"""The Python that README and docs show runs as it stands, and the commands of a tutorial with it, in their order.

A block of Python that cannot run says why in a comment above it.

A block under `<!-- file: NAME -->` is written to that file, as its reader would.
"""

import re
import shlex
from pathlib import Path

import pytest

import tickerml.features
from small_runs import command
from tickerml.features import catalog

REPOSITORY = Path(__file__).resolve().parent.parent
BLOCK = re.compile(
    r"(?:<!-- (?:not run: (?P<reason>[^>]+)|file: (?P<file>\S+)) -->\n)?^```(?P<kind>python)?\n(?P<code>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
PAGES = [
    p
    for p in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md")))
    if "```python" in p.read_text("utf-8") or p.parent.name == "tutorials"
]
CANDLES = "date,open,high,low,close,volume\n" + "".join(
    f"2024-01-01 {m // 60:02d}:{m % 60:02d}:00+00:00,{(p := 40_000 + m % 13)},{p + 9},{p - 8},{p + 3},{5 + m % 4}\n"
    for m in range(240)
)


def typed(block, folder):
    """Type the commands of a block; each must end well, without a traceback."""
    for line in re.findall(r"^tickerml .*", block, re.MULTILINE):
        told = command(*shlex.split(line)[1:], cwd=folder)
        assert told.returncode == 0, f"{line}\n{told.stdout[-1000:]}\n{told.stderr[-2000:]}"
        assert "Traceback" not in told.stderr


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    """Blocks of one page share their names, as a reader who types them would."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "BTCUSDT-1m.csv").write_text(CANDLES, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(tickerml.features, "__path__", list(tickerml.features.__path__))
    catalogue = (catalog.families, catalog.owners, catalog.resolve)
    for cached in catalogue:
        cached.cache_clear()
    names: dict[str, object] = {}
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["kind"] is None:
            if page.parent.name == "tutorials":
                typed(block["code"], tmp_path)
        elif block["file"] is not None:
            (tmp_path / block["file"]).write_text(block["code"], encoding="utf-8")
        elif block["reason"] is None:
            exec(compile(block["code"], f"{page.name}", "exec"), names)
    for cached in catalogue:
        cached.cache_clear()
