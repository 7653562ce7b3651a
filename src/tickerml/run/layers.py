"""The waterfall of a run: made at its end where that is quick, left for the report where the tape is long."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tickerml.run.abreast import MOST_HELD
from tickerml.run.again import Variant, recorded, upto
from tickerml.run.compiling import compiling
from tickerml.run.record import RunTape, header_of, read_manifest, write_manifest
from tickerml.run.reopen import source_of
from tickerml.run.waterfall import WHAT, Waterfall
from tickerml.tape.block import Block
from tickerml.tape.progress import Progress
from tickerml.tape.tape import Tape
from tickerml.views import read
from tickerml.views.figures import net
from tickerml.views.verdict import traded

LONG: Final = 500_000  # rows of bars from which on the layers wait until a report is asked for
LEFT: Final = "where the money went is left for `tickerml report`: it takes the run over again, once for each cost"


def is_long(run: Variant, rows: int) -> bool:
    """Whether the run was of so many bars that its layers wait for the report."""
    return bool(run.setting.bar_only) and all(run.setting.bar_only) and rows > LONG


def held(run: Variant, tape: Tape, rows: int) -> list[Block]:
    """All rows of a tape of bars that memory has room for; nothing of any other."""
    bars = bool(run.setting.bar_only) and all(run.setting.bar_only)
    return list(upto(tape.blocks(), rows)) if bars and rows <= MOST_HELD else []


def add_layers(folder: Path, progress: Progress | None = None) -> bool:
    """Make the layers that a run was left without and keep them in its manifest; False where none can be made."""
    manifest = read_manifest(folder)
    if manifest.get("waterfall") is not None or not manifest.get("rows") or manifest.get("stopped"):
        return False
    tape, story = source_of(manifest, folder), read.read_story(RunTape(folder, header_of(manifest)), manifest)
    if tape is None or not traded(story):
        return False
    with compiling(progress):
        earned = net(story), len(story.trades)
        found = _made(recorded(manifest), tape, folder, int(manifest["rows"]), earned, progress)
    if found:
        write_manifest(folder, {**manifest, "waterfall": found})
    return bool(found)


def _made(
    run: Variant, tape: Tape, folder: Path, rows: int, earned: tuple[Decimal, int], progress: Progress | None
) -> list[Any]:
    blocks = held(run, tape, rows)
    again = Waterfall(run, folder, earned, blocks)
    again.start()
    done = 0
    for block in () if blocks else upto(tape.blocks(), rows):
        again.push(block)
        done += len(block)
        if progress is not None:
            progress(done, rows, WHAT)
    return again.layers(progress)
