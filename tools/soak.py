"""A night of tests: what the tests of each change do, with many more cases; resumable, its result in RESULTS.md.

    python tools/soak.py [PART ...] [--jobs 2] [--hours 8] [--again]

Each part (PARTS) is a test that goes through numbered cases, in steps; each step is a process of its own. What is done
is kept in .soak/, so a night that was broken off goes on. With changed sources a part begins anew, for they have proved
nothing yet; what others proved stands in the table, with their hash, until then. After each step the section "Soak" of
benchmarks/RESULTS.md says what was done, of which sources. Exit 1 when a case failed (its output is kept in .soak/), or
when a part that was asked for is not finished.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
RESULTS: Final = ROOT / "benchmarks" / "RESULTS.md"
KEPT: Final = ROOT / ".soak"
TITLE: Final = "## Soak"


@dataclass(frozen=True)
class Part:
    """One row of the table: `cases` of them are asked for, `step` of them go into one process."""

    name: str
    what: str
    tests: tuple[str, ...]
    cases: int
    step: int
    unit: str = "cases"
    random: bool = False  # hypothesis chooses the cases, with new seeds each time; else they are numbered
    options: tuple[str, ...] = ()
    given: tuple[tuple[str, str], ...] = ()  # of the environment

    def environment(self, first: int, many: int) -> dict[str, str]:
        """What tells the tests which cases these are (tests/conftest.py)."""
        if self.random:
            return {"TICKERML_SOAK": "1"} | ({"TICKERML_EXAMPLES": str(many)} if self.cases > 1 else {})
        return dict(self.given) | ({"TICKERML_CASES": f"{first}:{many}"} if self.cases > 1 else {})


_KILL: Final = "tests/ledger/test_killed_run.py"
_HELD: Final = (
    "tests/desk/test_manager.py::test_no_limit_is_passed_by_a_burst_of_setups",
    "tests/desk/test_exposure.py::test_the_worst_case_never_falls_below_what_can_still_be_held",
    "tests/desk/test_protections.py::test_a_restart_resets_nothing",
)
_RUNS: Final = (
    "tests/desk/test_desk_trades.py::test_money_is_conserved_and_exits_only_reduce",
    "tests/desk/test_desk_trades.py::test_sizes_never_exceed_the_limits",
)
PARTS: Final = (
    Part(
        "t4-sqlite", "T4: kill -9 of a paper run with its ledger, SQLite", (_KILL,), 200, 10, "kills",
        options=("-k", "20 and sqlite"),
    ),
    Part("t4-postgresql", "T4: the same, PostgreSQL", (_KILL,), 200, 10, "kills", options=("-k", "20 and postgres")),
    Part(
        "t4-boundaries", "T4: a crash before and behind every write, both databases", ("tests/ledger/test_crash.py",),
        1, 1, "all", options=("-m", "slow"),
    ),
    Part(
        "t8-money", "T8: money is conserved", ("tests/sim/test_money.py",), 1_000_000, 10_000, "markets",
        options=("-k", "20000_times"),
    ),
    Part(
        "t8-limits", "T8: bursts, partial fills, restarts: no limit is passed", _HELD, 1_000_000, 10_000, "of each",
        random=True,
    ),
    Part(
        "t8-runs", "T8: whole runs: exits only reduce, sizes stay below their limits", _RUNS, 2_000, 50, "of each",
        random=True,
    ),
    Part(
        "t9", "T9: every mutant is killed, or listed with its reason", ("tests/test_mutants.py",), 1, 1, "all",
        options=("-m", "slow"), given=(("TICKERML_MUTANTS", "all"),),
    ),
    Part(
        "seeds", "all quick tests with new seeds and 20 times the examples", ("tests",), 1, 1, "all", random=True,
        options=("-m", "not slow", "-n", "2"),
    ),
)  # fmt: skip


@dataclass
class Done:
    """What was done of one part."""

    of: str = ""  # the sources
    steps: list[int] = field(default_factory=list)  # first case of each step that ended
    failed: list[int] = field(default_factory=list)  # of those, the ones with a failure
    seconds: float = 0.0  # by the clock, all steps together
    when: str = ""
    counts: dict[str, int] = field(default_factory=dict)  # sums of what the tests count: lines "counts: kills=20"

    def cases(self, part: Part) -> int:
        """How many cases have ended."""
        return sum(min(part.step, part.cases - first) for first in self.steps)


def sources() -> str:
    """A short hash of the program's sources: what a night proves, it proves of these."""
    found = hashlib.sha256()
    for path in sorted((ROOT / "src").rglob("*.py")):
        found.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:12]


class Night:
    """What is done so far, in .soak/progress.json."""

    def __init__(self, folder: Path, of: str, *, again: bool = False) -> None:
        """`of`: the sources of this night. `again`: begin anew, whatever was done."""
        self.folder, self.of = folder, of
        path = folder / "progress.json"
        kept: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() and not again else {}
        self.told = {name: Done(**one) for name, one in kept.items()}  # of whatever sources

    def done(self, part: Part) -> Done:
        """What these sources have done of a part."""
        told = self.told.get(part.name)
        return told if told and told.of == self.of else Done(self.of)

    def add(self, part: Part, first: int, failed: bool, seconds: float, said: str) -> Done:
        """One step has ended; what it said is kept when it failed."""
        done = self.told[part.name] = self.done(part)
        done.steps.append(first)
        done.seconds += seconds
        done.when = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
        for line in re.findall(r"^counts: (.*)$", said, re.MULTILINE):
            for name, many in re.findall(r"(\w+)=(\d+)", line):
                done.counts[name] = done.counts.get(name, 0) + int(many)
        self.folder.mkdir(exist_ok=True)
        if failed:
            done.failed.append(first)
            (self.folder / f"{part.name}-{first}.log").write_text(said, "utf-8")
        half = self.folder / "progress.part"
        half.write_text(json.dumps({name: vars(one) for name, one in self.told.items()}), "utf-8")
        half.replace(self.folder / "progress.json")
        return done

    def left(self, parts: Sequence[Part]) -> list[tuple[Part, int]]:
        """Steps that are still to be made, one part behind the other."""
        return [
            (part, first)
            for part in parts
            for first in range(0, part.cases, part.step)
            if first not in self.done(part).steps
        ]

    def section(self) -> list[str]:
        """The lines of RESULTS.md."""
        lines = [
            TITLE,
            "",
            f"Written by `make soak` ({platform.system()} {platform.machine()}, {os.cpu_count()} cores).",
            "Each part names the sources that it proves; what is not done goes on where the sources are the same.",
            "",
            "| part | asked for | done | steps that failed | counted | minutes | until (UTC) | sources |",
            "|---|---|---|---|---|---|---|---|",
        ]
        return lines + [self._row(part, self.told.get(part.name, Done())) for part in PARTS]

    def _row(self, part: Part, done: Done) -> str:
        failed = f"**{len(done.failed)}**" if done.failed else "0" if done.steps else ""
        counted = ", ".join(f"{many:,} {name.replace('_', ' ')}" for name, many in done.counts.items())
        many = f"{done.cases(part):,}" if part.cases > 1 else "yes" if done.steps else "no"
        asked = f"{part.cases:,} {part.unit}" if part.cases > 1 else part.unit
        last = f"{done.seconds / 60:.0f} | {done.when} | {f'`{done.of}`' if done.of else ''}"
        return f"| {part.what} | {asked} | {many} | {failed} | {counted} | {last} |"


def step(part: Part, first: int) -> tuple[bool, float, str]:
    """Run one step; whether it failed, how long it took, and what it said."""
    many = min(part.step, part.cases - first)
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--no-header", *part.options, *part.tests]
    env = {**os.environ, **part.environment(first, many)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)  # noqa: S603  ours
    return done.returncode != 0, time.monotonic() - began, done.stdout + done.stderr


def steps(work: Sequence[tuple[Part, int]], jobs: int, until: float) -> Iterator[tuple[Part, int, bool, float, str]]:
    """Make the steps, `jobs` at a time, until all are made or the time is over; each as it ends."""
    left = list(work)
    going: dict[Future[tuple[bool, float, str]], tuple[Part, int]] = {}
    with ThreadPoolExecutor(jobs) as pool:
        while left or going:
            while left and len(going) < jobs and time.monotonic() < until:
                one = left.pop(0)
                going[pool.submit(step, *one)] = one
            if not going:
                return
            for ended in wait(going, return_when=FIRST_COMPLETED).done:
                yield (*going.pop(ended), *ended.result())


def write(night: Night, path: Path = RESULTS) -> None:
    """Put the section into RESULTS.md in place of the one that stands there; benchmarks/run.py leaves it alone."""
    text = path.read_text("utf-8") if path.is_file() else "# Benchmarks\n"
    head = text.partition(f"\n{TITLE}\n")[0].rstrip()
    path.write_text("\n".join([head, "", *night.section()]) + "\n", "utf-8")


def report(part: Part, done: Done, seconds: float) -> str:
    """One line of progress."""
    many = done.cases(part)
    rest = (part.cases - many) / max(1, many) * done.seconds / 60
    return (
        f"{datetime.now(UTC):%H:%M} {part.name}: {many:,} of {part.cases:,}, {len(done.failed)} steps failed, "
        f"{seconds:.0f} s, about {rest:,.0f} min left"
    )


def asked(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    about = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    about.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(p.name for p in PARTS)}; default: all")
    about.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="steps at a time")
    about.add_argument("--hours", type=float, default=1e6, help="begin no step after so many")
    about.add_argument("--again", action="store_true", help="begin anew, whatever was done")
    told = about.parse_args(words)
    unknown = sorted(set(told.parts) - {part.name for part in PARTS})
    if unknown:
        about.error(f"there is no part {', '.join(unknown)}; there are {', '.join(p.name for p in PARTS)}")
    return told


def main(words: Sequence[str] | None = None) -> int:
    """Go on with the night; exit 1 when something failed or is not finished."""
    told = asked(words)
    chosen = [part for part in PARTS if not told.parts or part.name in told.parts]
    night = Night(KEPT, sources(), again=told.again)
    for part in chosen:
        print(f"{part.name}: {part.what}: {night.done(part).cases(part):,} of {part.cases:,} done")
    until = time.monotonic() + told.hours * 3600
    try:
        for part, first, failed, seconds, said in steps(night.left(chosen), max(1, told.jobs), until):
            print(report(part, night.add(part, first, failed, seconds, said), seconds), flush=True)
            write(night)
            if failed:
                print(f"  failed: {KEPT.name}/{part.name}-{first}.log", flush=True)
    except KeyboardInterrupt:
        print("broken off; the same command goes on")
    missing = night.left(chosen)
    failures = sum(len(night.done(part).failed) for part in chosen)
    print(f"{len(missing)} steps left, {failures} failed; {RESULTS.name} says so")
    return 1 if missing or failures else 0


if __name__ == "__main__":
    sys.exit(main())
