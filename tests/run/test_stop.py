"""Ctrl-C while a broken run is computed again."""

from __future__ import annotations

import pytest

from small_runs import eager, market
from tickerml.run.paper import paper
from tickerml.run.record import RunTape, read_manifest
from tickerml.run.replay import replay
from tickerml.run.sources import open_source
from tickerml.tape.errors import RunError
from tickerml.tape.store import write_store


class Watcher:
    """Looks on; from look `n` on it asks to stop, or `breaks` the run off."""

    due = False

    def __init__(self, n, breaks=False):
        self.n, self.breaks, self.looks = n, breaks, 0

    @property
    def stop(self):
        self.looks += 1
        if self.breaks and self.looks > self.n:
            raise KeyboardInterrupt
        return self.looks > self.n

    def __call__(self, *told): ...

    def note(self, *told, **more): ...

    def show(self, state): ...


def rows_of(folder):
    return sum(map(len, RunTape(folder, None).blocks()))


def test_ctrl_c_before_a_broken_run_is_caught_up_leaves_it_as_it_was(tmp_path):
    write_store(market("busy", minutes=3), tmp_path / "store")
    folder, source = tmp_path / "run", {"spec": str(tmp_path / "store")}

    def go(progress):
        tape = open_source(source["spec"])
        return paper("psc", tape, config=eager(), run_dir=folder, source=source, progress=progress)

    with pytest.raises(KeyboardInterrupt):
        go(Watcher(3, breaks=True))
    before, recorded = read_manifest(folder), rows_of(folder)
    assert recorded > 10
    with pytest.raises(RunError, match="was computed again") as caught:
        go(Watcher(0))
    assert caught.value.code == "interrupted"
    assert (read_manifest(folder), rows_of(folder)) == (before, recorded)
    run = go(None)
    assert rows_of(folder) > recorded
    assert "stopped" not in run.manifest
    assert replay(folder).identical
