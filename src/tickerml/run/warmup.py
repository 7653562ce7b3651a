"""Compile everything once, with progress: the loops of the built-in strategies, checks, the synthetic market."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from tickerml.config import Config
from tickerml.run.setup import Setting, bar_only_of, build, terms_of
from tickerml.run.sources import check, open_source
from tickerml.run.strategies import choose
from tickerml.tape.progress import Progress

_TINY: Final = "synthetic:calm:7"


def _market() -> None:
    for _ in open_source(_TINY, minutes=1).blocks():
        pass


def _health() -> None:
    check(open_source(_TINY, minutes=1))


def _strategy(name: str) -> Callable[[], None]:
    def compile_loop() -> None:
        tape, config = open_source(_TINY, minutes=1), Config()
        setting = Setting(config, Decimal(10000), bar_only=bar_only_of(tape), terms=terms_of(config))
        machine = build([choose(name, config)], tape.header, setting, lambda block: None)
        for block in tape.blocks():
            machine.push(block)
        machine.end()

    return compile_loop


STEPS: Final[tuple[tuple[str, Callable[[], None]], ...]] = (
    ("synthetic market", _market),
    ("data check", _health),
    ("quoter", _strategy("quoter")),
    ("psc", _strategy("psc")),
)


def warmup(progress: Progress | None = None) -> None:
    """Compile all kernels of this version into its cache folder; what is there already is only loaded."""
    for n, (name, step) in enumerate(STEPS):
        if progress is not None:
            progress(n, len(STEPS), f"compiling {name}", "steps")
        step()
    if progress is not None:
        progress(len(STEPS), len(STEPS), "compiled", "steps")
