"""The run tape's write-ahead log. docs/journal.md is its specification.

>>> journal = Journal.create(folder, "run-1")              # doctest: +SKIP
>>> seq = journal.append(block, Sync.ORDER)                # doctest: +SKIP
>>> journal.sync(seq)                                      # doctest: +SKIP
"""

from tickerml.tape.journal.archive import Archived, archive
from tickerml.tape.journal.disk import Disk, OsDisk
from tickerml.tape.journal.host import Host
from tickerml.tape.journal.journal import Journal
from tickerml.tape.journal.parquet import Encoder, ParquetEncoder
from tickerml.tape.journal.record import Sync
from tickerml.tape.journal.recovery import Recovery
from tickerml.tape.journal.salvage import Run, Salvage, salvage
from tickerml.tape.journal.scan import Problem, Verdict
from tickerml.tape.journal.settings import FSYNC_INTERVAL, SEGMENT_BYTES, State
from tickerml.tape.journal.space import Space
from tickerml.tape.journal.verify import Report, SegmentReport, read, verify

__all__ = [
    "FSYNC_INTERVAL",
    "SEGMENT_BYTES",
    "Archived",
    "Disk",
    "Encoder",
    "Host",
    "Journal",
    "OsDisk",
    "ParquetEncoder",
    "Problem",
    "Recovery",
    "Report",
    "Run",
    "Salvage",
    "SegmentReport",
    "Space",
    "State",
    "Sync",
    "Verdict",
    "archive",
    "read",
    "salvage",
    "verify",
]
