"""Compile everything once, with progress: the loops of the built-in strategies, checks, the synthetic market."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tickerml.config import Config
from tickerml.run.backtest import backtest
from tickerml.run.sources import check, open_source
from tickerml.tape.progress import Progress

_TINY: Final = "synthetic:calm:7"


def _market() -> None:
    for _ in open_source(_TINY, minutes=1).blocks():
        pass


def _health() -> None:
    check(open_source(_TINY, minutes=1))


def _research() -> None:
    open_source(_TINY, minutes=1).columns("microprice", "ofi", every="1s")


def _strategy(name: str, minutes: int) -> Callable[[], None]:
    def compile_loop() -> None:
        """A whole backtest with its waterfall: what a first run calls is what gets compiled."""
        with TemporaryDirectory() as folder:
            tape = open_source(_TINY, minutes=minutes)
            backtest(name, tape, config=Config(), cash=Decimal(10000), run_dir=Path(folder) / "run")

    return compile_loop


STEPS: Final[tuple[tuple[str, Callable[[], None]], ...]] = (
    ("synthetic market", _market),
    ("data check", _health),
    ("columns", _research),
    ("quoter", _strategy("quoter", 1)),
    ("psc", _strategy("psc", 20)),
)


def warmup(progress: Progress | None = None) -> None:
    """Compile all kernels of this version into its cache folder; what is there already is only loaded."""
    for n, (name, step) in enumerate(STEPS):
        if progress is not None:
            progress(n, len(STEPS), f"compiling {name}", "steps")
        step()
    if progress is not None:
        progress(len(STEPS), len(STEPS), "compiled", "steps")
