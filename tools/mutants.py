"""Mutation tests: every operator, comparison and constant of a room's code changed one by one, its tests run on each.

    python tools/mutants.py [ROOM] [--changed] [--only TEXT] [--keep]

A mutant is killed when a test fails. Survivors must stand, each with its reason, in tests/mutants/ROOM.txt, and nothing
else may stand there: what is listed and killed is an error too. `--changed` looks only at files that differ from the
last commit or from main. Mutants are made and named the same way each time: `file:function: old -> new #n`.

With `--keep` files whose mutants are all accounted for are noted in tests/mutants/judged.txt, with a fingerprint of
them, their tests and their list. Until one of these changes they are not judged again: a change asks for changed files,
`make soak` for all.

Kernels run as plain Python, each mutant in a forked child that has everything loaded but the room under test; it gets a
fixed time, because a mutant may never end.
"""

from __future__ import annotations

import argparse
import ast
import copy
import hashlib
import importlib.abc
import importlib.machinery
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
JUDGED: Final = ROOT / "tests/mutants/judged.txt"
SECONDS: Final = 20  # of CPU for one mutant; the tests of an unchanged room take a fifth of it
CHOSEN: Final = {  # of a file whose room has tests that are whole runs: those that judge its mutants, the best first
    "desk/losses.py": ("test_losses.py", "test_protections.py"),
    "desk/envelope.py": ("test_envelope.py",),
    "desk/quoted.py": ("test_quoted.py",),
    "desk/shared.py": ("test_shared.py",),
    "desk/working.py": ("test_working.py",),
    "desk/checks.py": ("test_checks_edges.py", "test_checks.py", "test_protections.py", "test_further.py"),
    "desk/sized.py": ("test_sized.py", "test_sizing.py", "test_checks.py", "test_further.py"),
    "desk/exposure.py": ("test_exposure.py", "test_checks.py", "test_further.py"),
    "desk/leverage.py": ("test_leverage.py", "test_inverse.py", "test_checks.py"),
    "desk/protections.py": ("test_protections_edges.py", "test_protections.py"),
    "desk/gates.py": ("test_gates.py",),
    "desk/legs.py": ("test_order_table.py",),
    "desk/leaving.py": ("test_leaving.py",),
    "desk/requests.py": ("test_requests.py", "test_protections_edges.py", "test_envelope.py"),
    "desk/setups.py": ("test_setups.py", "engine/test_following.py", "test_exposure.py"),
    "desk/exits.py": ("test_exits.py", "test_leaving.py"),
    "engine/following.py": ("test_following.py",),
    "engine/ending.py": ("test_following.py",),
    "desk/sizing.py": ("test_sizing.py", "test_leverage.py", "test_checks.py", "test_further.py"),
}
_SWAPS: Final[dict[type[ast.AST], tuple[type[ast.AST], ...]]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.FloorDiv,),
    ast.FloorDiv: (ast.Mult,),
    ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.USub: (ast.UAdd,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}


@dataclass(frozen=True)
class Mutant:
    """One change of one file."""

    name: str  # file:function: old -> new #n
    module: str
    source: str


class _Changes(ast.NodeVisitor):
    """Finds what can be changed: (function, node, how to say it, how to change it)."""

    def __init__(self) -> None:
        self.where = ["module"]
        self.found: list[tuple[str, ast.AST, str, object]] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.where.append(node.name)
        for part in node.body[1:] if ast.get_docstring(node) else node.body:
            self.visit(part)
        for default in node.args.defaults + [d for d in node.args.kw_defaults if d is not None]:
            self.visit(default)
        self.where.pop()

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func)
        if not name.endswith(("Error", "dtype", "_table")):  # texts of errors, layouts, published tables
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._note(node, node, not node.value)
        elif isinstance(node.value, int | float):
            self._note(node, node, node.value + 1 if isinstance(node.value, int) else node.value * 2 or 1.0)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self._swap(node, node.op)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._swap(node, node.op)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        self._swap(node, node.op)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self._swap(node, node.op)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for k in range(len(node.ops)):
            self._swap(node, node.ops[k], k)
        self.generic_visit(node)

    def _swap(self, node: ast.AST, op: ast.AST, k: int | None = None) -> None:
        for other in _SWAPS.get(type(op), ()):
            self._note(node, node, (other, k))

    def _note(self, node: ast.AST, shown: ast.AST, change: object) -> None:
        self.found.append((self.where[-1], node, ast.unparse(shown), change))


def mutants(path: Path, room: str) -> Iterator[Mutant]:
    """All mutants of one file, in order."""
    tree = ast.parse(path.read_text("utf-8"))
    looked = _Changes()
    looked.visit(tree)
    seen: dict[str, int] = {}
    for function, node, before, change in looked.found:
        kept = copy.copy(node.__dict__)
        _apply(node, change)
        after = ast.unparse(node)
        source = ast.unparse(tree)
        node.__dict__.clear()
        node.__dict__.update(kept)
        name = f"{path.name}:{function}: {before} -> {after}"
        seen[name] = seen.get(name, 0) + 1
        yield Mutant(f"{name} #{seen[name]}", f"tickerml.{room}.{path.stem}", source)


def _apply(node: ast.AST, change: object) -> None:
    if not isinstance(change, tuple):
        node.value = change  # type: ignore[attr-defined]  # a Constant
    elif change[1] is None:
        node.op = change[0]()  # type: ignore[attr-defined]
    else:
        ops = list(node.ops)  # type: ignore[attr-defined]
        ops[change[1]] = change[0]()
        node.ops = ops  # type: ignore[attr-defined]


class _Loader(importlib.abc.Loader, importlib.abc.MetaPathFinder):
    """Gives the mutant's source for its module."""

    def __init__(self, mutant: Mutant, path: Path) -> None:
        self.mutant, self.path = mutant, path

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != self.mutant.module:
            return None
        return importlib.machinery.ModuleSpec(name, self, origin=str(self.path))

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(self.path)
        exec(compile(self.mutant.source, str(self.path), "exec"), module.__dict__)  # noqa: S102  that is the mutant


def survives(mutant: Mutant | None, tests: Sequence[str]) -> bool:
    """Whether all of these test files pass on the mutant (None: on the room as it is), in a forked child."""
    child = os.fork()
    if child == 0:
        os._exit(_run(mutant, tests))
    limit = time.monotonic() + 6 * SECONDS
    while time.monotonic() < limit:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _run(mutant: Mutant | None, tests: Sequence[str]) -> int:
    """Test files in this process, on a mutant or as they are."""
    import pytest
    from hypothesis import Phase, settings

    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    settings.register_profile(
        "mutants", phases=(Phase.explicit, Phase.generate), derandomize=True, deadline=None, database=None
    )
    if mutant is not None:
        sys.meta_path.insert(0, _Loader(mutant, ROOT / "src" / Path(*mutant.module.split(".")).with_suffix(".py")))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", "--hypothesis-profile=mutants", "--assert=plain"]
    return int(pytest.main([*options, *tests]))


def tests_of(module: str) -> tuple[str, ...]:
    """The test files that judge mutants of this module: those chosen for it, else its room's, its own first."""
    room, name = module.split(".")[1:]
    tests = ROOT / "tests"
    chosen = CHOSEN.get(f"{room}/{name}.py") or sorted(path.name for path in (tests / room).glob("test_*.py"))
    first = sorted(chosen, key=lambda file: file != f"test_{name}.py")
    return tuple(str(tests / (file if "/" in file else f"{room}/{file}")) for file in first)


def files(room: str, *, changed: bool = False) -> list[Path]:
    """The room's files, or those of them that differ from the last commit or from main."""
    every = sorted((ROOT / "src/tickerml" / room).glob("*.py"))
    if not changed:
        return every
    told = ""
    for against in ("HEAD", "main...HEAD"):
        command = ["git", "-C", str(ROOT), "diff", "--name-only", against]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  the developer's git
        told += done.stdout
    return [path for path in every if str(path.relative_to(ROOT)) in told.split("\n")]


def listed(room: str) -> dict[str, str]:
    """Known survivors and their reasons: `name | reason`, one a line."""
    path = ROOT / "tests/mutants" / f"{room}.txt"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    found = {}
    for line in lines:
        if line and not line.startswith("#"):
            name, reason = line.rsplit(" | ", 1)
            found[name] = reason
    return found


def fingerprint(room: str, file: str) -> str:
    """Of a file, the tests that judge its mutants and their helpers, its list and this tool.

    A change elsewhere in the room may let a mutant of it live: a night, which judges all, finds that.
    """
    tests, names = ROOT / "tests", listed(room)
    judges = [Path(one) for one in tests_of(f"tickerml.{room}.{Path(file).stem}")]
    every = [path for folder in {tests, *(one.parent for one in judges)} for path in folder.glob("*.py")]
    helpers = [path for path in every if not path.name.startswith("test_")]
    found = hashlib.sha256()
    for path in (Path(__file__), ROOT / "src/tickerml" / room / file, *sorted({*helpers, *judges})):
        found.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    for name in sorted(names):
        if name.startswith(f"{file}:"):
            found.update(f"{name} | {names[name]}\n".encode())
    return found.hexdigest()[:16]


def judged() -> dict[str, tuple[str, int, int]]:
    """What is noted: "room/file.py" -> fingerprint, mutants, and how many of them are listed."""
    lines = JUDGED.read_text("utf-8").splitlines() if JUDGED.exists() else []
    words = [line.split() for line in lines if line and not line.startswith("#")]
    return {name: (of, int(made), int(alive)) for name, of, made, alive in words}


def keep(room: str, file: str, before: str, made: int, alive: int) -> None:
    """Note that all mutants of a file are accounted for; `before`: its fingerprint when they were made.

    What has changed since is not noted: nobody knows which of it the mutants met.
    """
    if fingerprint(room, file) != before:
        print(f"{file} is not noted: it, its tests or its list have changed meanwhile")
        return
    noted = judged() | {f"{room}/{file}": (before, made, alive)}
    head = "# Files whose mutants are all killed or listed: fingerprint of what decides on it, mutants, listed ones\n"
    JUDGED.write_text(head + "".join(f"{k} {of} {n} {m}\n" for k, (of, n, m) in sorted(noted.items())), "utf-8")


def prepare(room: str) -> None:
    """Load what children share, everything but the room; kernels are plain Python."""
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
    import hypothesis
    import numpy
    import pytest

    import tickerml.tape.errors
    import tickerml.tape.instruments
    import tickerml.tape.kernel
    import tickerml.tape.rows

    loaded = [one.__name__ for one in (hypothesis, numpy, pytest, tickerml.tape.rows)]
    if any(name.startswith(f"tickerml.{room}") for name in sys.modules):
        raise RuntimeError(f"{loaded} load the room {room} itself: its mutants would not be seen")


def judge(chosen: Sequence[Mutant], say: bool = False) -> list[str]:
    """The names of those that survive. RuntimeError when the tests fail without any mutant."""
    for tests in {tests_of(mutant.module) for mutant in chosen}:
        if not survives(None, tests):
            raise RuntimeError(f"these tests fail without any mutant: {' '.join(tests)}")
    alive = []
    for k, mutant in enumerate(chosen):
        if survives(mutant, tests_of(mutant.module)):
            alive.append(mutant.name)
            if say:
                print(f"{k + 1}/{len(chosen)} survived: {mutant.name}", flush=True)
    return alive


def main() -> int:
    """Run the mutants; exit 1 when one survives unlisted, or one that is listed is killed."""
    about = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    about.add_argument("room", nargs="?", default="account")
    about.add_argument("--changed", action="store_true", help="only files that differ from the last commit or main")
    about.add_argument("--only", default="", help="only mutants whose name starts so: FILE.py:")
    about.add_argument("--keep", action="store_true", help="note the files that are judged whole, and without a fault")
    told = about.parse_args()
    prepare(told.room)
    before = {path.name: fingerprint(told.room, path.name) for path in files(told.room, changed=told.changed)}
    made = {path.name: list(mutants(path, told.room)) for path in files(told.room, changed=told.changed)}
    chosen = [m for of_one in made.values() for m in of_one if m.name.startswith(told.only)]
    start = time.monotonic()
    alive, known = set(judge(chosen, say=True)), listed(told.room)
    dead = sorted(name for name in known if name in {m.name for m in chosen} and name not in alive)
    new = sorted(alive - set(known))
    seconds = time.monotonic() - start
    print(f"{len(chosen)} mutants, {len(chosen) - len(alive)} killed, {len(alive)} survived, {seconds:.0f} s")
    for title, names in (("survived and not listed", new), ("listed and killed", dead)):
        for name in names:
            print(f"{title}: {name}")
    whole = [name for name, of_one in made.items() if of_one and f"{name}:".startswith(told.only)]
    for name in whole if told.keep and not (new or dead) else ():
        keep(told.room, name, before[name], len(made[name]), sum(one.startswith(f"{name}:") for one in alive))
    return 1 if new or dead else 0


if __name__ == "__main__":
    sys.exit(main())
