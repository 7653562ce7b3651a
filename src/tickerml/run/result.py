"""A run that has been made: its figures, its trades, its report; and how it draws itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tickerml.run.export import export_trades
from tickerml.run.kept_twins import read_twins
from tickerml.run.leaks.found import outcome_of
from tickerml.run.record import RunTape, called, header_of, read_manifest
from tickerml.tape.errors import RunError, Where
from tickerml.tape.finite_json import json_text
from tickerml.views import notebook, page, psc_files, read, result, summary, why
from tickerml.views.story import Prices, Story

if TYPE_CHECKING:
    import polars as pl

PRICES: Final = "prices.npz"
TOLD: Final = (
    *("run", "synthetic", "rows", "decisions", "orders", "fills", "refusals", "pnl", "fees", "funding"),
    *("max_drawdown", "final_equity", "currency", "decision_hash", "state_hash", "rows_per_s"),
    *("trades", "per_strategy", "per_pair", "metrics", "sharpe", "sharpe_95", "deflated_sharpe", "trials", "benchmark"),
    *("in_sample", "per_regime", "per_month", "per_hour", "ambiguous_bars", "leaks", "not_shown", "gaps"),
    "problems",
)


class Run:
    """A run read from its folder. Every view of it comes from one story, so all of them print the same figures."""

    def __init__(self, path: Path) -> None:
        """InputError `not-a-run` when `path` holds none."""
        self.path = path
        self.manifest: Mapping[str, Any] = read_manifest(path)
        self.tape = RunTape(path, header_of(self.manifest))

    @property
    def id(self) -> str:
        """The run's short name."""
        return str(self.manifest["run"])

    @cached_property
    def story(self) -> Story:
        """Everything that can be told of the run."""
        made = read_twins(self.path, self.manifest)
        twins = None if made is None else made.twins
        told = {**self.manifest, **_look_ahead(self.path), "called": called(self.path, self.manifest)}
        return read.read_story(self.tape, told, prices=read_prices(self.path), twins=twins)

    def summary(self) -> dict[str, Any]:
        """The main figures as plain values: what --json prints. `figures` has all."""
        told = self.figures()
        return {key: told[key] for key in TOLD}

    def figures(self) -> dict[str, Any]:
        """All figures as plain values: what summary.json holds."""
        return result.result(self.story)

    def lines(self) -> list[str]:
        """The final summary, line by line."""
        return summary.summary(self.story).splitlines()

    def report(self, out: Path | None = None, *, explore: bool = False) -> Path:
        """Write the report page; returns its path. Raises RunError file-permission where no file can be made."""
        target = out or self.path / "report.html"
        told = page.page(self.story, explore=explore)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(told, encoding="utf-8")
        except FileNotFoundError as cause:  # its folder is there or was to be made: the system takes no files here
            raise RunError(
                "file-permission",
                f"{target} cannot be written: no file can be made there",
                where=Where(str(target)),
                means="the run is as it was",
                try_="tickerml report --out report.html",
            ) from cause
        return target

    def why(self, pairs: list[str] | None = None, width: int = why.WIDTH) -> str:
        """Why it did not trade: passes and refusals by reason, for all coins or for each of `pairs`."""
        chosen: tuple[str | None, ...] = tuple(pairs or (None,))
        return "\n".join(why.why(self.story, pair, width) for pair in chosen)

    def why_json(self, pairs: list[str] | None = None) -> dict[str, Any]:
        """The same as plain values; by pair where pairs are named."""
        return {p: why.why_json(self.story, p) for p in pairs} if pairs else why.why_json(self.story)

    @property
    def trades(self) -> pl.DataFrame:
        """One row a closed position."""
        import polars as pl

        return pl.DataFrame([{k: getattr(t, k) for k in t.__slots__} for t in self.story.trades])

    def export_trades(self, path: str | Path) -> Path:
        """Write the closed trades as .csv or .parquet (run/export.py); returns the path. InputError `export-kind`."""
        return export_trades(self.story.trades, self.story.head.currency, Path(path))

    def write_files(self) -> None:
        """The files beside the journal: summary.json, and the four files of PSC where it traded."""
        (self.path / "summary.json").write_text(json_text(self.figures(), indent=1) + "\n", encoding="utf-8")
        if any(one["name"] == "psc" for one in self.manifest["strategies"]):
            psc_files.write_psc_files(self.tape, self.path)

    def __repr__(self) -> str:
        return summary.summary(self.story)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return notebook.mimebundle(self.story)

    def _repr_html_(self) -> str:
        return notebook.html(self.story)


def _look_ahead(folder: Path) -> dict[str, Any]:
    """What the leak check left in a run's folder, as views read it; nothing where there was none."""
    found = outcome_of(folder)
    if found is None:
        return {}
    return {"leak_check": found.line(), "leaks": [asdict(one) for one in found.leaks] if found.checked else None}


def write_prices(folder: Path, drawn: Mapping[str, Prices]) -> None:
    """Keep what views show of the source's prices beside the run, so that all of them show the same."""
    arrays = {f"{what}{n}": getattr(one, what) for n, one in enumerate(drawn.values()) for what in ("time", "close")}
    partial = folder / f"{PRICES}.partial"
    with partial.open("wb") as file:
        np.savez_compressed(file, symbols=np.array(list(drawn), dtype=np.str_), **arrays)
    partial.replace(folder / PRICES)


def read_prices(folder: Path) -> dict[str, Prices]:
    """Inverse of `write_prices`; nothing where a run was broken off before it had them."""
    if not (folder / PRICES).is_file():
        return {}
    with np.load(folder / PRICES, allow_pickle=False) as kept:
        names = [str(name) for name in kept["symbols"]]
        return {name: Prices(kept[f"time{n}"], kept[f"close{n}"]) for n, name in enumerate(names)}


def open_run(path: str | Path) -> Run:
    """A run from its folder. InputError `not-a-run`."""
    return Run(Path(path))
