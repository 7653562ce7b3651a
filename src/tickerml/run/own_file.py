"""A Python file of the user's own as a module whose name holds its content: two files of one name are two modules.

It may import the files beside it, which become modules in the same way.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from tickerml.run.siblings import digest, home, own_builtins
from tickerml.tape.errors import ConfigError


def module_of(path: Path, what: str) -> ModuleType:
    """The module in `path`, loaded once for each content; generated loops import it by its name.

    ConfigError with code `what` ("model", "strategy"), file and line when the file cannot be run.
    """
    stem = re.sub(r"\W", "_", path.parent.name if path.name == "__init__.py" else path.stem)
    name = f"own_{stem}_{digest(path)[:16]}"
    known = sys.modules.get(name)
    if known is not None and known.__file__ == str(path):  # a copy elsewhere has other data beside it
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(what, f"{path} is no Python file", means="nothing was started")
    module = importlib.util.module_from_spec(spec)
    vars(module)["__builtins__"] = _INSIDE.of[name] = own_builtins(home(path), partial(module_of, what=what))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ConfigError:  # of a file beside it: says where
        del sys.modules[name]
        raise
    except (Exception, SystemExit) as error:  # what the user's own code raises is theirs to read
        del sys.modules[name]
        raise ConfigError(
            what, f"{path}, line {_line(error, path)}: {type(error).__name__}: {error}", means="nothing was started"
        ) from error
    return module


class _Inside:
    """Finds the files inside a package of the user's: their imports look where those of the package do."""

    def __init__(self) -> None:
        self.of: dict[str, dict[str, Any]] = {}  # builtins by the package's name
        sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of a module inside a package that `module_of` has loaded, None of all others."""
        own = self.of.get(name.partition(".")[0])
        spec = importlib.machinery.PathFinder.find_spec(name, path) if own is not None and path else None
        if spec is not None and own is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Looking(spec.loader.name, spec.loader.path, own)
        return spec


class _Looking(importlib.machinery.SourceFileLoader):
    """Runs a file with these builtins."""

    def __init__(self, name: str, path: str, own: dict[str, Any]) -> None:
        super().__init__(name, path)
        self._own = own

    def exec_module(self, module: ModuleType) -> None:
        """Run the file in `module`."""
        vars(module)["__builtins__"] = self._own
        super().exec_module(module)


_INSIDE: Final = _Inside()


def _line(error: BaseException, path: Path) -> int:
    """The line of `path` that the error comes from."""
    if isinstance(error, SyntaxError):
        return error.lineno or 1
    frames = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return next((line for line in reversed(frames) if line), 1)
