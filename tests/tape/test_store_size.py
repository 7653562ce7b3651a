from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROWS = 2_000_000
SCRIPT = """
import resource, sys
from pathlib import Path
import numpy as np
from mixed_tapes import coin
from tickerml.tape.block import Block
from tickerml.tape.rows import DAY, Flag, Kind, empty
from tickerml.tape.store import StoredTape, write_store
from tickerml.tape.tables import MESSAGE
from tickerml.tape.tape import Header, content_hash

PIECE = 50_000


class Long:
    header = Header("long", (coin(0), coin(1, "ETH")))

    def __init__(self, rows):
        self.rows = rows

    def blocks(self):
        for at in range(0, self.rows, PIECE):
            rng = np.random.default_rng(at)
            rows = empty(PIECE)
            rows["recv"] = 1_704_067_200_000_000_000 + (at + np.arange(PIECE)) // 5 * 5 * 40_000_000
            rows["exch"] = rows["recv"] - 5_000_000
            rows["price"] = 60_000 + rng.integers(-3000, 3000, PIECE)
            rows["qty"] = rng.integers(0, 5000, PIECE)
            rows["kind"], rows["side"] = Kind.DEPTH, 1
            rows["inst"] = np.arange(PIECE) // 50 % 2
            rows["ref"] = np.arange(PIECE) // 5
            rows["flags"][4::5] = Flag.END
            ids = np.zeros(PIECE // 5, MESSAGE)
            ids["last_id"] = at + np.arange(PIECE // 5) * 9
            yield Block(rows, ids)


def peak():
    if Path("/proc/self/status").exists():  # ru_maxrss of a child counts what its parent held when it was forked
        line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20  # bytes, on macOS


rows, root = int(sys.argv[1]), sys.argv[2]
tape = Long(rows)
report = write_store(tape, root)
written = peak()
assert report.rows == rows
assert content_hash(StoredTape(root).blocks()) == StoredTape(root).content_hash()
print(written, peak())
"""


def peaks(folder: Path, rows: int) -> tuple[int, int]:
    """Peak memory in MiB of a process after writing, and after reading too."""
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(rows), str(folder / str(rows))],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    assert run.returncode == 0, run.stderr
    written, read = map(int, run.stdout.split())
    return written, read


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module is not there on Windows")
def test_memory_is_bounded_however_long_the_tape(tmp_path):
    peaks(tmp_path, ROWS // 4)  # compiles what is not in the cache yet: that memory is not the store's
    half, whole = peaks(tmp_path, ROWS), peaks(tmp_path, 2 * ROWS)
    assert half[1] < 600
    assert whole[0] < half[0] * 1.15
    assert whole[1] < half[1] * 1.15
