"""Where a ledger lies: the URL as people write it, and as it may be shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from tickerml.tape.errors import ConfigError

FILE: Final = "ledger.sqlite"
_EXAMPLES: Final = "sqlite:///runs/ledger.sqlite, or postgresql://USER@HOST/DATABASE"
_PASSWORD: Final = re.compile(r"(?i)((?:password|passwd|pwd)=)[^&\s]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A database. `secret` is the password, which no text of ours may hold; `shown` is the URL without it."""

    url: str
    shown: str
    file: Path | None  # of SQLite
    secret: str = ""

    def clean(self, text: str) -> str:
        """Text of somebody else (a driver's message) without the password."""
        for secret in {self.secret, quote(self.secret, safe="")} - {""}:
            text = text.replace(secret, "********")
        return text

    def __repr__(self) -> str:
        return f"Place({self.shown})"


def place(url: str) -> Place:
    """The place that a URL names. Raises ConfigError `ledger-url`, which does not show the password either."""
    kind, colon, rest = url.partition("://")
    if kind == "sqlite" and colon and rest.startswith("/") and len(rest) > 1:
        return Place(url, url, Path(unquote(rest[1:].partition("?")[0])))
    if kind.partition("+")[0] in ("postgresql", "postgres") and colon and rest:
        try:
            secret = unquote(urlsplit(url).password or "")
        except ValueError:
            raise _refused(masked(url)) from None
        told = re.search(r"[?&]password=([^&\s]+)", url)
        return Place(f"postgresql://{rest}", masked(url), None, secret or (unquote(told[1]) if told else ""))
    raise _refused(masked(url))


def of_file(path: Path) -> Place:
    """An SQLite file."""
    url = f"sqlite:///{path}"
    return Place(url, url, path)


def masked(url: str) -> str:
    """A URL without its password: everything between the user's name and the last @ before the host is hidden."""
    head, at, tail = url.rpartition("@")
    if at:
        kind, colon, user = head.partition("://")
        name, secret, _ = user.partition(":")
        url = f"{kind}{colon}{name}{':********' if secret else ''}@{tail}"
    return _PASSWORD.sub(r"\1********", url)


def _refused(shown: str) -> ConfigError:
    return ConfigError("ledger-url", f'"{shown}" names no database for the ledger', key="ledger.url", try_=_EXAMPLES)
