"""A whole run without its surroundings: loop, trader and outbox, driven over rows in any chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from tickerml.engine import core
from tickerml.engine.loop import Loop
from tickerml.engine.outbox import Outbox
from tickerml.engine.trader import Trader
from tickerml.tape.block import Block, part
from tickerml.tape.errors import RunError
from tickerml.tape.kernel_garbage import later

_PIECE: Final = 1 << 15  # rows: with the venue's copy of them they stay in the cache between the two passes


@dataclass(frozen=True)
class Machine:
    """What backtest, paper, replay and debug all drive."""

    loop: Loop
    trader: Trader
    outbox: Outbox

    def push(self, block: Block) -> None:
        """Take rows and do all that they allow."""
        self.loop.push(block)
        self._pump()

    def hand_over(self) -> None:
        """Pass on the rows that the compiled loop has made so far."""
        self.outbox.draw()

    def end(self) -> None:
        """The tape has ended: do what was still due, and settle what is open."""
        self.loop.end()
        self._pump()
        with _money():
            self.trader.finish()

    def _pump(self) -> None:
        with _money():
            self._advance()

    def _advance(self) -> None:
        while True:
            reason = self.loop.advance()
            if reason == core.HAND_OVER:
                self.hand_over()
            elif reason in (core.NEED_ROWS, core.DONE):
                if reason == core.DONE or len(self.loop.made) >= max(self.outbox.held, 1):
                    self.hand_over()
                if self.loop.spilled():
                    raise RunError(
                        "book-spilled", "a book holds more far levels than there is room for; its depth is wrong"
                    )
                return
            else:
                with later():  # between two acts: what a strategy leaves behind does not pile up
                    self.trader.handle(reason)


@contextmanager
def _money() -> Iterator[None]:
    """RunError `money-unit` where an amount of money has outgrown what an account holds."""
    try:
        yield
    except OverflowError as fault:
        raise RunError(
            "money-unit",
            f"the run ends here: {fault}, which holds 9.2e18 of the smallest unit",
            means="all rows before it are kept; nothing was rounded or came round to the other sign",
            try_="begin with less money (--cash), or import with a coarser --tick and --lot",
        ) from fault


def drive(
    machine: Machine,
    blocks: Iterable[Block],
    *,
    chunk: int | None = None,
    skip: int = 0,
    after: Callable[[int], bool] | None = None,
) -> int:
    """Feed `blocks` to the end, `chunk` rows at a time (None = as they come), leaving out the first `skip` rows.

    `after(rows)` is called behind each chunk with the rows fed so far; the run ends early when it returns True.
    """
    fed = skip
    for piece in pieces(blocks, chunk, skip):
        machine.push(piece)
        fed += len(piece)
        if after is not None and after(fed):
            break
    machine.end()
    return fed


def pieces(blocks: Iterable[Block], chunk: int | None, skip: int = 0) -> Iterator[Block]:
    """The blocks behind the first `skip` rows, in pieces of at most `chunk` rows (None: of a size for the cache)."""
    size = chunk or _PIECE
    for block in blocks:
        if skip >= len(block):
            skip -= len(block)
            continue
        for start in range(skip, len(block), size):
            stop = min(start + size, len(block))
            yield block if (start, stop) == (0, len(block)) else part(block, start, stop)
        skip = 0
