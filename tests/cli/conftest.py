"""A way to run the command line in this process, and rooms that record how they were called."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tickerml.cli.app import run
from tickerml.run import sources
from tickerml.run.leaks.found import Outcome
from tickerml.run.walkforward import Windows


@dataclass
class Told:
    """What one command line gave back."""

    code: int
    out: str
    err: str


@pytest.fixture
def tickerml(capsys, monkeypatch, tmp_path):
    """Run a command line in an empty folder, without colours or settings from outside."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "0")  # `debug` turns the compiler off: that must end with the test

    def call(*argv: str) -> Told:
        code = run(list(argv))
        told = capsys.readouterr()
        return Told(code, told.out, told.err)

    return call


@dataclass
class FakeRun:
    """Stands for a run that is over."""

    path: Path = Path("runs/8f3a21")
    id: str = "8f3a21"
    written: list[Path] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        return {"run": self.id, "pnl": "-31.42", "currency": "USDT"}

    def lines(self) -> list[str]:
        return ["psc lost 31.42 USDT", "  net         -31.42 USDT"]

    def why(self, pairs: list[str] | None = None, width: int = 100) -> str:
        if pairs == ["XX/YY"]:
            raise KeyError("XX/YY is not in this run; it has BTC/USDT")
        return f"29,817 passes {pairs}"

    def why_json(self, pairs: list[str] | None = None) -> dict[str, Any]:
        return {"passes": 29817, "asked": pairs}

    def report(self, out: Path, *, explore: bool) -> None:
        self.written.append(out)

    def write_files(self) -> None:
        """The files beside a run's journal are of no interest here."""

    def export_trades(self, path: Path) -> None:
        self.written.append(path)


class FakeSweep:
    """Stands for a sweep that is over."""

    def __init__(self) -> None:
        best = {"trades": 12, "won": 5, "total_return": 0.0123, "max_drawdown": 0.02, "fees": "3.5"}
        worse = {"trades": 0, "won": 0, "total_return": 0.0, "max_drawdown": 0.0, "fees": "0"}
        self.ranked = [{"params": {"fast": 5, "slow": 60}, **best}, {"params": {"fast": 9, "slow": 60}, **worse}]
        checked = {"engine": 12, "arrays": 12, "equal": 12, "first_difference": ""}
        self.figures: dict[str, Any] = {"combos": 2, "bars": 1000, "bar_combos_per_s": 250_000_000, "pbo": 0.25}
        self.figures |= {"best": {"fast": 5, "slow": 60, **best}, "way": "arrays", "why": "", "memory_mb": 210}
        self.figures |= {"ceiling_mb": 1024, "folder": "runs/sweep-8f3a21", "checked": checked, "assumes": "no limits"}


def fake_walk() -> SimpleNamespace:
    """Stands for a walk-forward that is over."""
    days = [{"test": [f"2024-0{n}-01T00:00:00Z", f"2024-0{n}-15T00:00:00Z"]} for n in (3, 4)]
    told = [{"in_sample": 0.03, "return": -0.01, "trades": 20}, {"in_sample": 0.02, "return": -0.002, "trades": 14}]
    splits = [{**a, **b, "params": {"fast": 5, "slow": 60}} for a, b in zip(days, told, strict=True)]
    figures = {"windows": 2, "return": -0.012, "interval": [-0.03, 0.005], "max_drawdown": 0.02, "trades": 34}
    figures |= {"in_sample": 0.025, "out_of_sample": -0.006, "gained": 0, "trials": 60, "memory_mb": 210}
    figures |= {"starts": "flat", "assumes": "no limits"}
    return SimpleNamespace(figures=figures | {"ceiling_mb": 1024, "folder": "runs/walk-8f3a21"}, splits=splits)


@pytest.fixture
def rooms(monkeypatch):
    """The run room, replaced by functions that keep their arguments; `rooms.calls` holds (name, args, kwargs)."""
    tape = SimpleNamespace(header=SimpleNamespace(instruments=(), notes=(), problems=(("missing-bar", 600),)))
    kept = SimpleNamespace(calls=[], run=FakeRun(), tape=tape, identical=True, raises=None)
    kept.outcome = Outcome(True, decisions=31)

    def recorder(name: str, value: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if name != "scenarios":  # a look-up, by the way
                kept.calls.append((name, args, kwargs))
            if kept.raises is not None and name != "open_source":
                raise kept.raises
            return value() if callable(value) else value

        return call

    def comparison() -> SimpleNamespace:
        first = None if kept.identical else {"row": 12, "recorded": "LONG", "computed": "PASS"}
        told = {"identical": kept.identical, "decisions": 18204, "fills": 14, "first_difference": first, "notes": []}
        return SimpleNamespace(identical=kept.identical, summary=lambda: told, lines=lambda: ["the answer", "in words"])

    health = {
        "symbol": "BTC/USDT",
        "venue": "binance",
        "rows": 12345,
        "gaps": 1,
        "top_of_book": {"compared": 3, "matched": 3},
        "top_of_book_late": {"compared": 0, "matched": 0},
    }
    fakes = {
        "sources": {
            "open_source": kept.tape,
            "import_paths": {
                "rows": 5,
                "instruments": ["BTC/USDT"],
                "problems": {"not-json": 2},
                "places": {"not-json": ["a.gz:7 {", "a.gz:9 }"]},
            },
            "check": {"instruments": [health]},
            "list_store": [{"symbol": "BTC/USDT", "venue": "binance", "rows": 12345}],
            "scenarios": {"calm": "an ordinary day"},
        },
        "paper": {"paper": kept.run},
        "backtest": {"backtest": kept.run},
        "replay": {"replay": comparison},
        "compare": {"compare": comparison},
        "layers": {"add_layers": False},
        "feasible": {"feasible": lambda: SimpleNamespace(as_json=lambda: {"rules": []}, lines=lambda: ["every rule"])},
        "result": {"open_run": kept.run},
        "null_twins": {"add_twins": None},
        "debug": {"debug": None},
        "warmup": {"warmup": None},
        "sweep": {"sweep": FakeSweep()},
        "tune": {"tune": FakeSweep()},
        "walkforward": {"walkforward": fake_walk(), "Windows": None},
        "judge": {"judge": lambda: kept.outcome},
    }
    for module, functions in fakes.items():
        fake = ModuleType(f"tickerml.run.{module}")
        for name, value in functions.items():
            setattr(fake, name, recorder(name, value))
        monkeypatch.setitem(sys.modules, f"tickerml.run.{module}", fake)
    sys.modules["tickerml.run.walkforward"].Windows = Windows  # type: ignore[attr-defined]
    sys.modules["tickerml.run.sources"].synthetic_name = sources.synthetic_name  # type: ignore[attr-defined]
    return kept
