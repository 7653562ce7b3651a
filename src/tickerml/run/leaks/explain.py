"""Which column a decision read ahead, and on which line: by altering one column at a time behind the decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tickerml.run.leaks.files import Change
from tickerml.run.leaks.found import Leak
from tickerml.run.leaks.looks import Look
from tickerml.run.leaks.prints import Past
from tickerml.run.leaks.shelf import Shelf
from tickerml.run.leaks.statements import pointed, text_of
from tickerml.run.leaks.times import HOWS
from tickerml.run.leaks.trace import Split, Trace, origin, splits
from tickerml.run.leaks.world import Answer, World, home_of
from tickerml.run.strategies import Chosen
from tickerml.views.words import iso


@dataclass(frozen=True)
class Case:
    """A decision that differs where history ends at it."""

    chosen: Chosen
    shelf: Shelf
    look: Look
    whole: Answer
    cut: Answer
    detect: bool

    at: int = 0  # ns; from where data is cut or altered, where that is not the decision itself

    def answer(self, change: Change | None) -> Answer:
        """Its answer where `change` holds behind it."""
        return World(self.chosen, self.shelf, self.at or self.look.now, change).ask(self.look, detect=self.detect)


def explained(case: Case) -> list[Leak]:
    """One leak for each column that the decision depends on; one without a column where that shows none."""
    changes = _guilty(case)
    found = [_leak(case, change, _line(case, change)) for change in changes]
    return found or [_leak(case, None, _line(case, None))]


def _guilty(case: Case) -> list[Change]:
    """Columns that change the decision when they alone are altered; altered together where none does alone."""
    tables = case.shelf.tables()
    for how in HOWS:
        for table, columns in tables.items():
            together = Change(table, "*", how)
            if _differs(case, together):
                alone = [Change(table, name, how) for name in columns]
                return [one for one in alone if _differs(case, one)] or [together]
    return []


def _differs(case: Case, change: Change) -> bool:
    """Whether the decision is another; code that stumbles over made-up values says nothing."""
    answer = case.answer(change)
    return not answer.failed and answer.text != case.whole.text


def _line(case: Case, change: Change | None) -> Split | None:
    """Where the traces with and without `change` part; with history cut where no change shows it."""
    at = case.at or case.look.now
    past = Past(at, case.shelf.lengths(at), case.shelf.offset)
    parts = []
    for world_at, with_change in ((None, None), (at, change)):
        trace = Trace(past, lambda file: False)
        world = _traced(case, world_at, with_change, trace)
        load, trace.steps = trace.steps, []
        world.ask(case.look, detect=False)
        parts.append((load, trace.steps))
    (load, ask), (other_load, other_ask) = parts
    return origin(splits(ask, other_ask), splits(load, other_load))


def _traced(case: Case, at: int | None, change: Change | None, trace: Trace) -> World:
    home = home_of(case.chosen)
    folder = home.parent if home is not None and ".py" in case.chosen.source else None
    trace.own = lambda file: file == str(home) or (folder is not None and _beside(file, folder))
    return World(case.chosen, case.shelf, at, change, trace)


def _beside(file: str, folder: Path) -> bool:
    return folder in Path(file).parents and "site-packages" not in file


def too_good(case: Case, table: str, column: str, why: str) -> Leak | None:
    """The leak of a column that was made ahead, where the decision leans on its rows behind `case.at`."""
    for how in HOWS:
        change = Change(table, column, how)
        answer = case.answer(change)
        if not answer.failed and answer.text != case.whole.text:
            return replace(_leak(replace(case, cut=answer), change, _line(case, change)), why=why)
    return None


def _leak(case: Case, change: Change | None, split: Split | None) -> Leak:
    column = "" if change is None else ("any" if change.column == "*" else change.column)
    table = "" if change is None else Path(change.table).name
    file, line = ("", 0) if split is None else (split.file, pointed(split.file, split.after))
    return Leak(
        strategy=case.chosen.name,
        column=column,
        bar=iso(case.look.now),
        line=line,
        file=file,
        text=text_of(file, line) if line else "",
        table=table,
        said=case.whole.text,
        cut=case.cut.text,
    )
