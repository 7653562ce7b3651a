"""The command line: one file a help panel. Commands are thin; what they do lives in `run`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of `tickerml`. Ends the process with 0 done, 1 failed, 2 bad usage or bad input."""
    from tickerml.cli.app import run

    sys.exit(run(list(sys.argv[1:] if argv is None else argv)))
