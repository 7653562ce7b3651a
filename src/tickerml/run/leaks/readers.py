"""Puts itself between a strategy's code and the readers of data files, so that what they open can be another file."""

from __future__ import annotations

import builtins
import functools
import importlib
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

Redirect = Callable[[Path], Path]

_READERS: Final = {
    "polars": (
        *(f"{way}_{form}" for way in ("read", "scan") for form in ("csv", "parquet", "ipc", "ndjson")),
        "read_json",
    ),
    "pandas": ("read_csv", "read_parquet", "read_feather", "read_json", "read_table", "read_pickle"),
    "numpy": ("load", "loadtxt", "genfromtxt", "fromfile", "memmap"),
}
_PATHS: Final = ("source", "path", "filepath_or_buffer", "path_or_buf", "file", "fname", "filename")


@contextmanager
def reading(redirect: Redirect) -> Iterator[None]:
    """While inside, files named to a reader of polars, pandas, numpy or to `open` go through `redirect` first."""
    before: list[tuple[Any, str, Any]] = []

    def put(holder: Any, name: str, value: Any) -> None:
        """Put `value` in its place until the end."""
        before.append((holder, name, getattr(holder, name)))
        setattr(holder, name, value)

    try:
        for module_name, names in _READERS.items():
            module = sys.modules.get(module_name)
            for name in names if module is not None else ():
                if hasattr(module, name):
                    put(module, name, _through(getattr(module, name), redirect))
        opened = _opener(io.open, redirect)
        put(builtins, "open", opened)
        put(io, "open", opened)
        yield
    finally:
        for holder, name, value in reversed(before):
            setattr(holder, name, value)


def load_readers(imported: frozenset[str]) -> None:
    """Import the libraries among `imported` whose readers are watched, before the strategy does."""
    for name in sorted(imported & _READERS.keys()):
        importlib.import_module(name)


def _through(function: Callable[..., Any], redirect: Redirect) -> Callable[..., Any]:
    @functools.wraps(function, updated=())
    def read(*args: Any, **named: Any) -> Any:
        """The reader, with another file."""
        if args:
            return function(_other(args[0], redirect), *args[1:], **named)
        return function(**{k: _other(v, redirect) if k in _PATHS else v for k, v in named.items()})

    return read


def _other(given: Any, redirect: Redirect) -> Any:
    """Another path, or other paths for a folder, a pattern or a list of files; what is no path stays."""
    if isinstance(given, list | tuple):
        return [_other(one, redirect) for one in given]
    if not isinstance(given, str | Path):
        return given
    path = Path(given)
    if path.is_file():
        return type(given)(redirect(path)) if isinstance(given, str) else redirect(path)
    if "*" in str(given):
        found = sorted(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))))
        return [redirect(one) for one in found] or given
    return given


def _opener(function: Callable[..., Any], redirect: Redirect) -> Callable[..., Any]:
    def open_other(file: Any, mode: str = "r", *args: Any, **named: Any) -> Any:
        """`open`, with another file where one is read."""
        if isinstance(file, str | Path) and not set(mode) & set("wax+") and Path(file).is_file():
            file = redirect(Path(file))
        return function(file, mode, *args, **named)

    return open_other
