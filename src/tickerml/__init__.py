"""TickerML: one tape for research, backtest, paper and live trading.

    import tickerml as tml

    tape = tml.read("synthetic:calm:7")  # or a folder, a file, a store
    run = tml.backtest("psc", tape, cash=10_000)
    print(run.why(), tml.compare(run, tml.replay(run)))

Everything is loaded when it is first used, so `import tickerml` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    from tickerml.config import Config
    from tickerml.run.compare import Comparison
    from tickerml.run.replay import Replayed
    from tickerml.run.research import MarketTape
    from tickerml.run.result import Run, open_run
    from tickerml.tape.errors import ConfigError, InputError, JournalError, RunError, TickerMLError
    from tickerml.tape.progress import Progress
    from tickerml.tape.tape import Tape

    __version__: str
    Settings = Config | Mapping[str, Any] | str | Path | None

__all__ = [
    "Comparison",
    "Config",
    "ConfigError",
    "InputError",
    "JournalError",
    "Replayed",
    "Run",
    "RunError",
    "Tape",
    "TickerMLError",
    "__version__",
    "backtest",
    "compare",
    "open_run",
    "paper",
    "read",
    "replay",
]

_HOMES = {
    "Comparison": "tickerml.run.compare",
    "Config": "tickerml.config",
    "ConfigError": "tickerml.tape.errors",
    "InputError": "tickerml.tape.errors",
    "JournalError": "tickerml.tape.errors",
    "Replayed": "tickerml.run.replay",
    "Run": "tickerml.run.result",
    "RunError": "tickerml.tape.errors",
    "Tape": "tickerml.tape.tape",
    "TickerMLError": "tickerml.tape.errors",
    "open_run": "tickerml.run.result",
}


def read(
    source: str | Path,
    *,
    pairs: Sequence[str] | None = None,
    timerange: str | None = None,
    format: str | None = None,  # noqa: A002 - the word of the command line
    progress: Progress | None = None,
) -> MarketTape:
    """A tape: a store, a folder or file in any format that can be imported, or "synthetic[:scenario][:seed]".

    `timerange` is "20240101-20240201", UTC, the end exclusive. Raises InputError.
    """
    from tickerml.run.sources import open_source
    from tickerml.tape.timerange import time_range

    return open_source(str(source), fmt=format, pairs=pairs, timerange=time_range(timerange), progress=progress)


def backtest(
    strategy: str | object | Sequence[str | object],
    tape: Tape | str | Path,
    *,
    cash: Decimal | float | str | None = None,
    config: Settings = None,
    seed: int = 0,
    run_dir: str | Path | None = None,
    pairs: Sequence[str] = (),
    twins: int | None = None,
    leaks: bool = True,
    progress: Progress | None = None,
) -> Run:
    """Trade `tape` with a strategy (a name, an object, or several) and virtual money `cash` of the quote currency.

    `config`: a Config, a mapping of sections, a file, or None for defaults and environment. `twins`: re-runs over the
    same bars without an edge, for a p-value; None = as many as the run's length allows. `leaks`: judge
    afterwards whether the strategies look ahead, in a fifth of the run's time. Raises TickerMLError.
    """
    from tickerml.run.backtest import backtest as run

    return run(
        strategy,
        _tape(tape),
        config=_settings(config),
        cash=_money(cash),
        seed=seed,
        run_dir=_path(run_dir),
        pairs=tuple(pairs),
        twins=twins,
        leaks=leaks,
        progress=progress,
    )


def paper(
    strategy: str | object | Sequence[str | object],
    tape: Tape | str | Path,
    *,
    cash: Decimal | float | str | None = None,
    config: Settings = None,
    seed: int = 0,
    run_dir: str | Path | None = None,
    pairs: Sequence[str] = (),
    speed: str = "max",
    progress: Progress | None = None,
) -> Run:
    """The same as a paper run: row by row with a journal, at full speed ("max") or at the market's pace ("1x")."""
    from tickerml.run.paper import paper as run

    return run(
        strategy,
        _tape(tape),
        config=_settings(config),
        cash=_money(cash),
        seed=seed,
        run_dir=_path(run_dir),
        pairs=tuple(pairs),
        speed=speed,
        progress=progress,
    )


def replay(run: Run | str | Path, *, chunk: int | None = None) -> Replayed:
    """Compute a recorded run again from its inputs, `chunk` rows at a time; compare every decision byte for byte."""
    from pathlib import Path

    from tickerml.run.replay import replay as again

    return again(Path(run) if isinstance(run, str | Path) else run.path, chunk=chunk)


def compare(
    run: Run | str | Path, other: Run | Replayed | str | Path, *, progress: Progress | None = None
) -> Comparison | Replayed:
    """What `other` did otherwise than `run`: trades matched one by one, each cause shown by a re-run; see Comparison.

    Of a run and its replay the replay's own answer: identical, or the first decision that differs.
    """
    from pathlib import Path

    from tickerml.run.compare import compare as side_by_side
    from tickerml.run.result import open_run

    first = open_run(run) if isinstance(run, str | Path) else run
    second = open_run(other) if isinstance(other, str | Path) else other
    return side_by_side(first, second, progress=progress)


def _settings(config: Settings) -> Config:
    from collections.abc import Mapping

    from tickerml.config import Config, from_mapping, load

    if isinstance(config, Config):
        return config
    if isinstance(config, Mapping):
        return from_mapping(config)
    return load([] if config is None else [config])


def _tape(tape: Tape | str | Path) -> Tape:
    from pathlib import Path

    return read(tape) if isinstance(tape, str | Path) else tape


def _money(cash: Decimal | float | str | None) -> Decimal | None:
    from decimal import Decimal

    return None if cash is None else Decimal(str(cash))


def _path(path: str | Path | None) -> Path | None:
    from pathlib import Path

    return None if path is None else Path(path)


def __getattr__(name: str) -> Any:
    """Load `name` from the room it lives in, the first time it is asked for."""
    if name == "__version__":
        from importlib.metadata import version

        return version("tickerml")
    if name not in _HOMES:
        raise AttributeError(f"module 'tickerml' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
