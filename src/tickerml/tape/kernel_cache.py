"""The hash of all kernel sources, and the cache folder it names. Imports no numba, so that `--version` stays quick.

Numba's cache does not notice when an imported helper or number changes, so its directory is named by the hash of every
kernel source and of what these import of this package (docs/decisions/0002-kernel-cache.md).
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Container
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

SOURCE_ROOT: Final = Path(__file__).resolve().parent.parent
_MARKS: Final = (b"@kernel", b"@fold")
_TOO: Final = {"kernel.py", "kernel_compile.py"}
_IMPORT: Final = re.compile(rb"^[ \t]*from tickerml\.?([\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
_NAME: Final = re.compile(r"(?<!as )\b\w+")


def kernel_sources() -> dict[str, Path]:
    """Files that define kernels or how they are compiled, and, since numbers that kernels read are compiled into them,
    all files that these import, and so on; by name relative to the package.
    """
    texts = {path.relative_to(SOURCE_ROOT).as_posix(): path.read_bytes() for path in SOURCE_ROOT.rglob("*.py")}
    waiting = [name for name, text in texts.items() if _is_source(name, text)]
    found = set(waiting)
    while waiting:
        new = _imported(texts[waiting.pop()], texts) - found
        found |= new
        waiting += new
    return {name: SOURCE_ROOT / name for name in sorted(found)}


def _is_source(name: str, text: bytes) -> bool:
    return any(mark in text for mark in _MARKS) or name.rsplit("/", 1)[-1] in _TOO


def _imported(text: bytes, known: Container[str]) -> set[str]:
    """Names of the files of this package that a file's text imports."""
    possible: set[str] = set()
    for package, names in _IMPORT.findall(text):
        folder = package.decode().replace(".", "/")
        inside = f"{folder}/" if folder else ""
        possible |= {f"{folder}.py", f"{inside}__init__.py"}
        possible |= {f"{inside}{name}.py" for name in _NAME.findall(names.decode())}
    return {name for name in possible if name in known}


def source_hashes() -> dict[str, str]:
    """SHA-256 of each kernel source, so that two runs can name the file that differs."""
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in kernel_sources().items()}


@cache
def kernel_hash() -> str:
    """SHA-256 over all kernel sources of this installation; printed at start and written into every tape header."""
    digest = hashlib.sha256()
    for name, one in source_hashes().items():
        digest.update(f"{name}\0{one}\n".encode())
    return digest.hexdigest()


def cache_root() -> Path:
    """Folder for compiled kernels and generated modules: TICKERML_CACHE, else the user's cache folder."""
    named = os.environ.get("TICKERML_CACHE")
    if named:
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "tickerml"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tickerml"


@cache
def kernel_folder() -> Path:
    """Folder of this kernel hash: one for each set of flags, because bounds-checked code is other code."""
    flags = "checked" if os.environ.get("NUMBA_BOUNDSCHECK", "0") not in {"", "0"} else "fast"
    name = f"{kernel_hash()[:16]}-{version('numba')}-py{sys.version_info[0]}{sys.version_info[1]}-{flags}"
    return cache_root() / "kernels" / name
