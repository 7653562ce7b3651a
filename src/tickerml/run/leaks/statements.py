"""What a line of a strategy's file is about: the statement that it belongs to, and the names in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_AHEAD: Final = re.compile(
    r"shift\(\s*(?:periods\s*=\s*)?-|center\s*=\s*True|\+\s*\d+\s*\]|\[::-1\]|backward|bfill"
    r"|\.(?:mean|std|max|min|quantile|median|rank|sum|var)\(|iloc\[-1\]|\[-\d+\]"
)
"""Text of lines that look ahead more often than others."""


@dataclass(frozen=True)
class Statement:
    """Lines of one statement (of a compound one its head), and the names that it mentions."""

    first: int
    last: int
    names: tuple[str, ...]


@cache
def statements(file: str) -> dict[int, Statement]:
    """Statement of each line; empty where the file cannot be read."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    found: dict[int, Statement] = {}
    for node in ast.walk(tree):  # outer ones come first
        if isinstance(node, ast.stmt):
            one = _statement(node)
            found |= dict.fromkeys(range(one.first, one.last + 1), one)
    return found


def text_of(file: str, line: int) -> str:
    """The line as it is written."""
    try:
        return Path(file).read_text(encoding="utf-8").splitlines()[line - 1].strip()
    except (OSError, IndexError):
        return ""


def pointed(file: str, line: int) -> int:
    """Of a statement over several lines the one that looks most like it reads ahead; else `line` itself."""
    one = statements(file).get(line)
    if one is None or one.first == one.last:
        return line
    ahead = [n for n in range(one.first, one.last + 1) if _AHEAD.search(text_of(file, n))]
    return ahead[0] if ahead else one.first


def _statement(node: ast.stmt) -> Statement:
    body = getattr(node, "body", None)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return Statement(node.lineno, node.lineno, (node.name,))
    if isinstance(body, list) and body:
        last = max(node.lineno, body[0].lineno - 1)
        return Statement(node.lineno, last, tuple(_names(_heads(node))))
    return Statement(node.lineno, node.end_lineno or node.lineno, tuple(_names([node])))


def _heads(node: ast.stmt) -> list[ast.AST]:
    inside = {"body", "orelse", "finalbody", "handlers", "cases"}
    return [one for name, value in ast.iter_fields(node) if name not in inside for one in _nodes(value)]


def _nodes(value: object) -> Iterator[ast.AST]:
    if isinstance(value, ast.AST):
        yield value
    elif isinstance(value, list):
        yield from (one for one in value if isinstance(one, ast.AST))


def _names(nodes: list[ast.AST]) -> dict[str, None]:
    return {one.id: None for node in nodes for one in ast.walk(node) if isinstance(one, ast.Name)}
