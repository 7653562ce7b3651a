"""Write the pages that are made from the source: settings, errors, limits, the ledger's tables, claims, strategies.

`make docs`, or `python tools/pages.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # this is run as a script and imported as a module

from tools import claims, strategies

from tickerml.cli.errors import codes, page
from tickerml.config.pages import markdown
from tickerml.config.schema import settings
from tickerml.desk.controls import CONTROLS, Control
from tickerml.desk.limits import TEXT, Limits
from tickerml.ledger.schema import TABLES

DOCS = Path(__file__).resolve().parent.parent / "docs"


def errors() -> str:
    """One page of all error and warning codes, as `tickerml explain CODE` shows them."""
    parts = ["# Errors and warnings\n\nMade from the source by `make docs`; `tickerml explain CODE` shows one.\n"]
    for code in codes():
        title, _, body = (page(code) or "").partition("\n")
        parts.append(f"## `{code}`\n\n**{title.lstrip('# ')}**\n{body.replace('## What to do', '*What to do:*')}")
    return "\n".join(parts).rstrip() + "\n"


def limits() -> str:
    """The controls of the desk, each with its keys, defaults, units and reason; and every reason for a refusal."""
    parts = [
        "# Limits\n\nMade from the source by `make docs`. Each key stands in the section `limits` of the settings. A"
        " check that cannot be computed counts as failed; one whose number a source cannot have (depth on bars, a"
        " second venue) is told as not applicable, and in a live session counts as failed too. Exits and cancels pass"
        " the limits on entries. docs/desk.md says how they are asked.\n"
    ]
    parts += [_control(one) for one in CONTROLS]
    rows = "\n".join(f"| `{reason.name.lower()}` | {text} |" for reason, text in TEXT.items())
    parts.append(f"## Reasons for a refusal\n\n| code | what people read |\n|---|---|\n{rows}")
    return "\n".join(parts) + "\n"


def _control(one: Control) -> str:
    known = settings(Limits)
    codes = ", ".join(f"`{r.name.lower()}`" for r in one.refuses) or "nothing: it sets sizes"
    head = f"## {one.name}\n\n{one.why[0].upper()}{one.why[1:]}. Refuses with {codes}; shown by `{one.test}`.\n"
    head += f"In a simulation: {one.simulated}.\n" if one.simulated else ""
    if not one.keys:
        return head
    rows = "\n".join(f"| `{k}` | {known[k].shown} | {known[k].allowed} | {known[k].comment} |" for k in one.keys)
    return f"{head}\n| key | default | allowed | unit and meaning |\n|---|---|---|---|\n{rows}\n"


def ledger() -> str:
    """docs/ledger.md as it is, with its last part, the tables, written anew."""
    head, mark, _ = (DOCS / "ledger.md").read_text(encoding="utf-8").partition("## Tables\n")
    parts = [f"{head}{mark}Made from the source by `make docs`. The key comes first.\n"]
    for table in TABLES.values():
        rows = [f"| `{c.name}` | {c.kind} | {c.note} |" for c in table.columns[1:]]
        keys = ", ".join(f"`{name}`" for name in table.names[: table.keys])
        parts += [f"### {table.name}\n{table.note}; key {keys}\n", "| column | | |\n|---|---|---|", *rows, ""]
    return "\n".join(parts).rstrip() + "\n"


def pages() -> dict[Path, str]:
    """Each generated page with its text."""
    measured = json.loads(Path(__file__).with_name("measured.json").read_text(encoding="utf-8"))
    return {
        DOCS / "claims.md": claims.page(measured),
        DOCS / "strategies.md": strategies.page(measured),
        DOCS / "settings.md": markdown(),
        DOCS / "errors.md": errors(),
        DOCS / "limits.md": limits(),
        DOCS / "ledger.md": ledger(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(DOCS.parent)}")
