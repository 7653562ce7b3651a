"""Text of a run or of a person's code, as a terminal may be given it."""

from __future__ import annotations


def shown(text: str) -> str:
    """The text with its control characters written out: they colour nothing and begin no line."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def shown_lines(text: str) -> str:
    """The same for text of several lines, which stay lines."""
    return "\n".join(map(shown, text.split("\n")))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
