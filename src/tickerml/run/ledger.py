"""A run and its ledger: where the tables lie, who writes them while it runs, and how they are made again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tickerml.config import Config
from tickerml.run.record import MANIFEST, RunTape, header_of, read_manifest
from tickerml.tape.block import Block
from tickerml.tape.errors import InputError, JournalError, RunError, TickerMLError
from tickerml.tape.progress import Progress

if TYPE_CHECKING:
    from tickerml.ledger.follow import Follower
    from tickerml.ledger.place import Place
    from tickerml.tape.journal import Journal

Sink = Callable[[Block], None]


def place_of(config: Config, folder: Path | None = None, url: str = "") -> Place:
    """The ledger of the run in `folder`, or of all runs: `url`, the setting, or a file beside the runs.

    A run that was given a folder elsewhere has its ledger in that folder: nothing outside of it is written.
    Raises ConfigError `ledger-url`.
    """
    from tickerml.ledger.place import FILE, of_file, place

    if url or config.ledger.url:
        return place(url or config.ledger.url)
    runs = Path(config.data.runs)
    shared = folder is None or folder.resolve().parent == runs.resolve()
    return of_file((runs if shared or folder is None else folder) / FILE)


class Following:
    """What a run that is being made has to do with its ledger, in a `with` around the run."""

    def __init__(self, to: Place | None, folder: Path, progress: Progress | None) -> None:
        """The run in `folder` is followed into the ledger `to`, None = into none; `progress` hears warnings."""
        self._to, self._folder, self._progress = to, folder, progress
        self._follower: Follower | None = None
        self.ended = False  # the manifest says how the run ended, be it with a fault

    def behind(self, sink: Sink, manifest: dict[str, Any], journal: Journal) -> Sink:
        """The sink, and the ledger behind it: a row is on the tape before the ledger hears of it."""
        if self._to is None:
            return sink
        from tickerml.ledger.facts import facts_of
        from tickerml.ledger.follow import Follower

        def settle() -> None:
            """Wait until the journal is on the disk."""
            try:
                journal.sync()  # what people are shown survives a loss of power
            except JournalError as error:
                if error.code != "journal-closed":  # by then all of it is synced
                    raise

        facts, tape = facts_of(manifest, header_of(manifest)), tape_of(self._folder, manifest)
        follower = self._follower = Follower(
            self._to, facts, tape, tell=_teller(self._progress), settle=settle
        ).__enter__()

        def both(block: Block) -> None:
            """To the journal first, then to the ledger."""
            sink(block)
            follower.take(block)

        return both

    def forget(self) -> None:
        """Take the run out of its ledger: its folder goes, and nothing could make the tables of it again."""
        follower, self._follower = self._follower, None
        if follower is None:
            return
        follower.close()
        from tickerml.ledger.link import link, wipe

        try:
            made = link(follower.to)
            try:
                made.begin()
                wipe(made, follower.facts.run)
                made.commit()
            finally:
                made.close()
        except RunError as error:  # the run's own error is the one to end with
            _teller(self._progress)(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._follower is None:
            return
        if error is not None and not self.ended:
            self._follower.close()
            return
        from tickerml.ledger.facts import facts_of

        ended = read_manifest(self._folder)
        self._follower.close(facts_of(ended, header_of(ended)))


def tape_of(folder: Path, manifest: dict[str, Any]) -> Callable[[], Iterable[Block]]:
    """Reads the made rows of a run, from the first on, each time it is called."""
    return RunTape(folder, header_of(manifest)).blocks


def _teller(progress: Progress | None) -> Callable[[TickerMLError], None]:
    def tell(error: TickerMLError) -> None:
        """A warning where the run is watched, else in the log."""
        if progress is not None:
            parts = [f"{error.code}: {error.message}", error.means, f"try: {error.try_}" if error.try_ else ""]
            progress.note("; ".join(part for part in parts if part), "WARNING", "ledger")
            return
        import logging

        logging.getLogger("tickerml.ledger").warning("%s", error)

    return tell


def rebuild(
    folders: Sequence[Path], to: Callable[[Path], Place], progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Remove each run from its ledger and project it anew from its tape.

    For each: "run", "folder", "database", "rows" of its tape, "tables" (name -> rows and hash), "as_before" (whether
    all tables came out as they were, None when they were not there), and "error" in place of these when its tape
    cannot be read or written. Raises RunError `ledger-locked`, `ledger-gone` when the database is away: nothing else
    would work.
    """
    return [_rebuilt(folder, to(folder), progress) for folder in folders]


def _rebuilt(folder: Path, to: Place, progress: Progress | None) -> dict[str, Any]:
    from tickerml.ledger.facts import facts_of
    from tickerml.ledger.link import FAULT, link, wipe
    from tickerml.ledger.read import content_hashes, reading
    from tickerml.ledger.write import project

    told = {"run": folder.name, "folder": str(folder), "database": to.shown}
    try:
        manifest = read_manifest(folder)
        facts, total = facts_of(manifest, header_of(manifest)), sum(manifest.get("counts", {}).values()) or None
        blocks = tape_of(folder, manifest)
        for _ in blocks():
            break  # a tape that cannot be read costs the ledger nothing
    except TickerMLError as error:
        return {**told, "error": str(error)}
    made = link(to)
    try:
        with reading(to) as connection:
            before = content_hashes(connection, facts.run)
        made.begin()
        wipe(made, facts.run)
        made.commit()

        def after(rows: int) -> None:
            """Show how far it is."""
            if progress is not None:
                progress(rows, total, f"ledger {folder.name}")

        try:
            rows = project(made, facts, blocks, after=after)
        except TickerMLError as error:
            if error.code.startswith("ledger-") and error.code != FAULT:
                raise
            return {**told, "error": str(error)}
        with reading(to) as connection:
            tables = content_hashes(connection, facts.run)
    finally:
        made.close()
    same = tables == before if before["progress"][0] else None
    shown = {name: {"rows": n, "hash": digest} for name, (n, digest) in tables.items()}
    return {**told, "run": facts.run, "rows": rows, "tables": shown, "as_before": same}


def folders_of(config: Config) -> list[Path]:
    """All runs in the folder of runs, oldest first. InputError `run-missing`."""
    runs = Path(config.data.runs)
    found = [path for path in (runs.iterdir() if runs.is_dir() else ()) if (path / MANIFEST).is_file()]
    if not found:
        raise InputError("run-missing", f"there is no run in {runs} yet", try_="tickerml paper")
    return sorted(found, key=lambda path: (path.stat().st_mtime, path.name))


def show(to: Place, table: str, run: str, limit: int) -> dict[str, Any]:
    """Rows of a table ("table", "rows"), or without one the number of rows of each ("tables"), and all "runs".

    `run`: the start of a run's name in the ledger, empty = all. Raises InputError `ledger-table`, `ledger-missing`,
    `run-missing`, `run-ambiguous`; RunError `ledger-gone`.
    """
    from tickerml.ledger.read import counts, reading, rows, runs
    from tickerml.ledger.schema import TABLES

    if table and table not in TABLES:
        raise InputError("ledger-table", f'the ledger has no table "{table}"', try_=f"one of: {', '.join(TABLES)}")
    with reading(to) as connection:
        known = runs(connection)
        chosen = _chosen(run, known, to.shown) if run else None
        told: dict[str, Any] = {"database": to.shown, "runs": known if chosen is None else [chosen]}
        if not table:
            return {**told, "tables": counts(connection, chosen)}
        return {**told, "table": table, "rows": rows(connection, table, chosen, limit)}


def kinds(table: str) -> dict[str, str]:
    """What the columns of a table hold: exact, time, int, real, flag, json, text."""
    from tickerml.ledger.schema import TABLES

    return {column.name: column.kind for column in TABLES[table].columns}


def _chosen(run: str, known: list[str], shown: str) -> str:
    found = [name for name in known if name == run] or [name for name in known if name.startswith(run)]
    if not found:
        raise InputError("run-missing", f"the ledger {shown} holds no run {run}", try_=f"tickerml ledger rebuild {run}")
    if len(found) > 1:
        raise InputError(
            "run-ambiguous", f"{len(found)} runs begin with {run}", means=f"they are {', '.join(found[:5])}"
        )
    return found[0]
