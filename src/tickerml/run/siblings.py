"""Files beside a user's own file: what it imports of its folder, found by content and never by a bare name.

Two folders may each have a `helper.py`: neither is put on the search path, so that each own file gets its own.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

PACKAGE: Final = "__init__.py"
_PLAIN_IMPORT: Final = builtins.__import__


def home(path: Path) -> Path:
    """The folder that a file's imports look into: its own; of a package the one that the package lies in."""
    return path.parent.parent if path.name == PACKAGE else path.parent


def digest(path: Path, above: frozenset[Path] = frozenset()) -> str:
    """SHA-256 of a file, or of all files of a package, and, in turn, of all beside it that they import."""
    parts = [(str(part.relative_to(path.parent)), part.read_bytes()) for part in _parts(path)]
    found = hashlib.sha256(b"\0".join(name.encode() + b"\0" + text for name, text in parts[1:]) + parts[0][1])
    for name in sorted({name for _, text in parts for name in _imported(text)}):
        beside = sibling(home(path), name)
        if beside is not None and beside not in above and beside != path:
            found.update(f"\0{name}\0{digest(beside, above | {path})}".encode())
    return found.hexdigest()


def imported(path: Path, above: frozenset[Path] = frozenset()) -> frozenset[str]:
    """First names of all that a file (a package) and, in turn, those beside it import."""
    found = frozenset(name for part in _parts(path) for name in _imported(part.read_bytes()))
    beside = [place for name in found if (place := sibling(home(path), name)) is not None]
    return found.union(*(imported(place, above | {path}) for place in beside if place not in above | {path}))


def mentions(path: Path, word: str, above: frozenset[Path] = frozenset()) -> bool:
    """Whether `word` stands in a file (a package) or, in turn, in one beside it that it imports."""
    parts = _parts(path)
    if any(word.encode() in part.read_bytes() for part in parts):
        return True
    above = above | {path}
    names = {name for part in parts for name in _imported(part.read_bytes())}
    beside = (place for name in sorted(names) if (place := sibling(home(path), name)) is not None)
    return any(mentions(place, word, above) for place in beside if place not in above)


def _parts(path: Path) -> list[Path]:
    """A file alone; of a package all its files, `__init__.py` first."""
    inside = sorted(path.parent.rglob("*.py")) if path.name == PACKAGE else []
    return [path, *(one for one in inside if one != path)]


def sibling(folder: Path, name: str) -> Path | None:
    """The file in `folder` that `import name` means: `name.py` or `name/__init__.py`, first as for a script."""
    places = (folder / f"{name}.py", folder / name / PACKAGE)
    return next((place for place in places if place.is_file()), None)


def own_builtins(folder: Path, load: Callable[[Path], ModuleType]) -> dict[str, Any]:
    """Builtins for a module in `folder` whose imports look into that folder first; `load` gives a file's module."""

    def look(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002  # the names of the builtin
        locals: Mapping[str, object] | None = None,  # noqa: A002  # the same
        fromlist: tuple[str, ...] = (),
        level: int = 0,
    ) -> ModuleType:
        """What `import` and `from ... import` call."""
        first, _, rest = name.partition(".")
        beside = sibling(folder, first) if level == 0 else None
        if beside is None:
            return _PLAIN_IMPORT(name, globals, locals, fromlist, level)
        module = load(beside)
        if not rest and not (fromlist and hasattr(module, "__path__")):
            return module
        inner = _PLAIN_IMPORT(f"{module.__name__}.{rest}".rstrip("."), globals, locals, fromlist or ("*",), 0)
        return inner if fromlist else module

    return {**vars(builtins), "__import__": look}


def _imported(text: bytes) -> Iterator[str]:
    """First names of all that a file imports, wherever in it; none where it cannot be parsed: running it says so."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]
