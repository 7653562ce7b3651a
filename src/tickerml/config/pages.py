"""What is made from the sections: the commented default file, its JSON Schema for editors, and docs/settings.md."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, Final

from tickerml.config.checked import model
from tickerml.config.schema import Setting, sections, settings

SCHEMA_NAME: Final = "config.schema.json"
_HEAD: Final = f"""\
# yaml-language-server: $schema=./{SCHEMA_NAME}
# Settings of TickerML. Every line stands at its default: delete what you do not change.
# Stronger than this file: TICKERML__SECTION__KEY in the environment, and options on the command line.
"""
_EXCHANGES: Final = """\
exchanges: {}
#  binance:
#    symbols: [BTC/USDT, ETH/USDT]
#    order_book_depth: 50
"""


def default_yaml() -> str:
    """A configuration file that says the defaults, with the unit, meaning and limits of each key beside it."""
    return "\n".join([_HEAD, *(_section(name, cls) for name, cls in sections().items())])


def json_schema() -> dict[str, Any]:
    """The JSON Schema that an editor completes and checks a configuration file with."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model().model_json_schema()}


def markdown() -> str:
    """The page docs/settings.md: one table a section."""
    parts = [
        "# Settings\n\nMade from the source by `make docs`. A file is YAML or JSON; `tickerml new config` writes one."
        " Later files win over earlier ones, `TICKERML__SECTION__KEY` in the environment over files, and options on the"
        " command line over both. Secrets belong in the environment, or in a file that only its owner can read.\n"
    ]
    for name, cls in sections().items():
        title = f"{name}.NAME" if name == "exchanges" else name
        rows = "\n".join(_row(one) for one in settings(cls).values())
        parts.append(
            f"## {title}\n\n{_text(cls)}\n\n| key | default | allowed | unit and meaning |\n|---|---|---|---|\n{rows}\n"
        )
    return "\n".join(parts)


def _text(cls: type[Any]) -> str:
    return (cls.__doc__ or "").strip().split("\n")[0]


def _row(one: Setting) -> str:
    return f"| `{one.name}` | `{one.shown}` | {one.allowed} | {one.comment} |".replace("``", "")


def _section(name: str, cls: type[Any]) -> str:
    about = textwrap.fill(_text(cls), 110, initial_indent="# ", subsequent_indent="# ")
    body = _EXCHANGES if name == "exchanges" else "\n".join([f"{name}:", *_lines(cls), ""])
    return f"{about}\n{body}"


def _lines(cls: type[Any]) -> Iterator[str]:
    for one in settings(cls).values():
        limits = f" ({one.allowed})" if one.range or one.words else ""
        yield f"  {one.name}: {one.shown}  # {one.comment}{limits}"
