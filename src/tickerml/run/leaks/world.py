"""A strategy's code loaded anew, with data that ends at a time or is altered behind it, and asked again."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final

import numpy as np

import tickerml
from tickerml.run.leaks.files import Change
from tickerml.run.leaks.held import put
from tickerml.run.leaks.looks import Again, Look, told
from tickerml.run.leaks.readers import reading
from tickerml.run.leaks.shelf import TAPE, Shelf
from tickerml.run.leaks.trace import Trace
from tickerml.run.strategies import Chosen, from_file
from tickerml.tape.intents import side_of
from tickerml.tape.rows import Record

_ROOM: Final = str(Path(tickerml.__file__).parent)
_HERE: Final = str(Path(__file__).parent)
_OWN: Final = "own_"  # how modules of own files are named (run/own_file.py)


@dataclass(frozen=True)
class Answer:
    """What a strategy answered, or how it failed to."""

    text: str
    failed: bool = False
    kind: str = ""  # what it comes to: which intent and side, or why it passes


@dataclass
class World:
    """One strategy where all that it can read is as `shelf` has it at `at`, or with `change` behind it."""

    chosen: Chosen
    shelf: Shelf
    at: int | None = None
    change: Change | None = None
    trace: Trace | None = None
    reads: dict[Path, tuple[str, int]] = field(default_factory=dict)  # data -> first line that read it
    failed: str = ""  # why its code could not be loaded
    strategy: Any = None
    _modules: dict[str, ModuleType] = field(default_factory=dict)
    _busy: bool = False

    def __post_init__(self) -> None:
        source = self.chosen.source
        if ".py" not in source:  # of TickerML, or an object that somebody made: there is nothing to load
            self.strategy = self.chosen.strategy
            return
        with self._inside():
            try:
                made = getattr(self.chosen, "made", None)
                self.strategy = made() if made is not None else like(from_file(source)(), self.chosen.strategy)
            except (Exception, SystemExit) as error:  # code of the user's, on less data than it was written for
                self.failed = f"{type(error).__name__}: {error}"

    def own(self, file: str) -> bool:
        """Whether `file` is the strategy's own, or beside it."""
        home = home_of(self.chosen)
        return home is not None and (file == str(home) or (home.parent in Path(file).parents and self._loaded(file)))

    def _loaded(self, file: str) -> bool:
        return ".py" in self.chosen.source and "site-packages" not in file

    def ask(self, look: Look, *, detect: bool = True) -> Answer:
        """Its answer to what was seen at a look."""
        if self.failed:
            return Answer(self.failed, failed=True)
        with self._inside():
            try:
                silent = _refused(self.strategy, look) if detect else 0
                if silent:
                    return Answer(f"its detector says {self.strategy.passes[silent - 1]}")
                answer = self.strategy.decide(Again(look))
                kind = getattr(answer, "reason", "") or side_of(answer) or ""
                return Answer(told(answer), kind=f"{type(answer).__name__} {kind}")
            except (Exception, SystemExit) as error:  # the same
                return Answer(f"{type(error).__name__}: {error}", failed=True)

    @contextmanager
    def _inside(self) -> Iterator[None]:
        """Its own modules in the place of others, its own data in the place of the whole."""
        others = _taken(self._modules)
        try:
            with ExitStack() as stack:
                stack.enter_context(redirect_stdout(io.StringIO()))  # what it prints, it has printed before
                stack.enter_context(reading(self._redirect))
                stack.enter_context(self.shelf.tape(self.at, self.change, self._note))
                stack.enter_context(put(self.shelf.held, self.at, self.change))
                if self.trace is not None:
                    stack.enter_context(self.trace.on())
                yield
        finally:
            self._modules = _taken(others)

    def _redirect(self, path: Path) -> Path:
        if self._busy or not self.shelf.known(path):
            return path
        self._busy = True  # to make a copy, files are opened too
        try:
            return self.shelf.copy(path, self.at, self.change) if self._note(path) else path
        finally:
            self._busy = False

    def _note(self, path: Path) -> bool:
        """Remember who reads `path`; False where it is TickerML itself, whose tapes are cut elsewhere."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and not self.own(file := frame.f_code.co_filename):
            if file.startswith(_ROOM) and not file.startswith(_HERE) and path.name != TAPE:
                return False
            frame = frame.f_back
        if frame is not None:
            self.reads.setdefault(path.resolve(), (frame.f_code.co_filename, frame.f_lineno))
        return True


def home_of(chosen: Chosen) -> Path | None:
    """The file that a strategy was written in."""
    if ".py" in chosen.source:
        return Path(chosen.source.partition(".py")[0] + ".py")
    code = getattr(getattr(type(chosen.strategy), "decide", None), "__code__", None)
    return None if code is None else Path(code.co_filename)


def like(strategy: Any, other: Any) -> Any:
    """`strategy` with the plain parameters of `other`, which is of the same class loaded at another time."""
    if not is_dataclass(strategy) or isinstance(strategy, type):
        return strategy
    changed = {
        f.name: value
        for f in fields(strategy)
        if f.init and isinstance(value := getattr(other, f.name, None), int | float | str | bool)
    }
    return replace(strategy, **changed)


def _taken(put: dict[str, ModuleType]) -> dict[str, ModuleType]:
    """Take all modules of own files out of sys.modules, and put others there."""
    found = {name: module for name, module in sys.modules.items() if name.startswith(_OWN)}
    for name in found:
        del sys.modules[name]
    sys.modules.update(put)
    return found


def _refused(strategy: Any, look: Look) -> int:
    """The number of the reason for which the strategy's detector would not have it asked; 0 = it would."""
    code: Callable[..., int] | None = getattr(sys.modules.get(type(strategy).__module__), "detect", None)
    if code is None or not hasattr(strategy, "passes"):
        return 0
    plain = getattr(code, "py_func", code)
    given = {"p": _Fields(strategy), "d": look.features, "a": _asked(look), "i": _Fields(look.instrument)}
    names = plain.__code__.co_varnames[: plain.__code__.co_argcount]
    return 0 if "i" in names else int(plain(*(given[name] for name in names)))


def _asked(look: Look) -> Record:
    side = 0 if look.position is None else int(np.sign(look.position.lots))
    return np.array([(1, 0, side, side)], [(name, "i8") for name in ("traded", "ask", "held", "mine")])[0]


class _Fields:
    """Attributes read as a record is."""

    def __init__(self, holder: Any) -> None:
        self._holder = holder

    def __getitem__(self, name: str) -> Any:
        return getattr(self._holder, name)
