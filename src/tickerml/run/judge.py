"""The check by itself: strategies over a tape, without a run's folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal

from tickerml.config import Config
from tickerml.engine.machine import drive
from tickerml.run.compiling import compiling
from tickerml.run.drive import watchable
from tickerml.run.leaks.check import check
from tickerml.run.leaks.found import Outcome
from tickerml.run.leaks.looks import looking
from tickerml.run.setup import Setting, bar_only_of, build, terms_of
from tickerml.run.strategies import choose_all, known_coins
from tickerml.tape.errors import InputError, RunError
from tickerml.tape.progress import Progress
from tickerml.tape.tape import Tape


def judge(
    strategy: str | object | Sequence[str | object],
    tape: Tape,
    *,
    config: Config,
    cash: Decimal | None = None,
    pairs: Sequence[str] = (),
    progress: Progress | None = None,
) -> Outcome:
    """Whether the strategies look ahead on `tape`, and how much history they need. Raises InputError, ConfigError.

    The check may take as long as the run; of a backtest it takes a share (run/leaks/check.py).
    """
    if getattr(tape, "live", False):
        raise InputError("sweep-live", "a live feed's rows come once; the check needs them again")
    chosen = choose_all(strategy, config)
    known_coins(chosen, config, tape.header.instruments)
    pairs = tuple(pairs) or tuple(getattr(tape, "pairs", ()))
    with compiling(progress):
        money = cash if cash is not None else config.trading.initial_balance
        setting = Setting(config, money, 0, pairs, bar_only_of(tape), terms_of(config))
        machine = build(chosen, tape.header, setting, lambda _: None)
        looks = looking(machine)
        began = time.monotonic()

        def after(rows: int) -> bool:
            """Tell how far it is."""
            if progress is not None:
                progress(rows, None, "decisions")
                if progress.stop:
                    raise RunError("interrupted", "stopped", means="nothing was judged")
            return False

        rows = drive(machine, watchable(tape.blocks()), after=after)
        if progress is not None:
            progress(0, None, "look-ahead")
        seconds = max(15.0, time.monotonic() - began)
        return check(chosen, looks, tape, setting, rows=rows, run_seconds=seconds, share=2.0)
