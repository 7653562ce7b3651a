"""The command line: one file a help panel. Commands are thin; what they do lives in `run`."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of `tickerml`. Ends the process with 0 done, 1 failed, 2 bad usage or bad input."""
    from tickerml.cli.app import run

    given = list(sys.argv[1:] if argv is None else argv)
    if not sys.warnoptions and "--debug" not in given:  # Python's warnings are for developers
        warnings.simplefilter("ignore")
    sys.exit(run(given))
