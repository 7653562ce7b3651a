"""From the options of a command to a checked `Config`, and from a name to a run's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tickerml.cli.options import pair_list
from tickerml.tape.errors import InputError
from tickerml.tape.timerange import time_range

if TYPE_CHECKING:
    from tickerml.config import Config
    from tickerml.tape.progress import Progress
    from tickerml.tape.tape import Tape

CONFIG_NAMES: Final = ("config.yaml", "config.yml", "config.json")
MANIFEST: Final = "run.json"
"""What the folder of a run holds; the folders of searches have none."""


def load_config(
    files: list[Path] | None, userdir: Path, params: list[str] | None = None, **named: tuple[str, object]
) -> Config:
    """Command line over environment over files. `named`: section__key=(option as typed, value), None values left out.

    Without -c the first of config.yaml, config.yml, config.json in `userdir` is read, if there is one.
    Raises ConfigError with all problems; InputError `param`.
    """
    from tickerml.config import load

    options = {key.replace("__", "."): told for key, told in named.items() if told[1] is not None}
    for text in params or []:
        key, equals, value = text.partition("=")
        if not equals or not all(part.strip() for part in key.split(".")) or "." not in key:
            raise InputError(
                "param",
                f'"{text}" is no setting with its value',
                try_="--param risk.max_drawdown=0.1   (SECTION.KEY=VALUE)",
            )
        options[key.strip()] = (f"--param {key.strip()}=", value.strip())
    return load(config_files(files, userdir), options=options)


def config_files(files: list[Path] | None, userdir: Path) -> list[Path]:
    """The files that settings are read from: those named, else the first of the usual ones in `userdir`."""
    return files or [path for path in (userdir / name for name in CONFIG_NAMES) if path.is_file()][:1]


def market(source: str, config: Config) -> str:
    """`synthetic` and `synthetic:SCENARIO` filled up from the settings; anything else as it is."""
    if source.split(":")[0] != "synthetic":
        return source
    given = source.split(":")[1:]
    told = [str(config.synthetic.scenario), str(config.synthetic.seed)]
    if len(given) == 1 and given[0].isdecimal():  # synthetic:9 is a seed alone
        given = [told[0], *given]
    return ":".join(["synthetic", *given, *told[len(given) :]])


def open_market(
    source: str,
    config: Config,
    pairs: list[str] | None,
    timerange: str | None,
    file_format: str | None,
    progress: Progress,
    venue: str = "",
) -> Tape:
    """The tape that the shared options name."""
    from tickerml.run.sources import open_source
    from tickerml.tape.importers.naming import checked_venue
    from tickerml.tape.importers.options import Options

    return open_source(
        market(source, config),
        fmt=file_format,
        pairs=pair_list(pairs),
        timerange=time_range(timerange),
        progress=progress,
        options=Options(venue=checked_venue(venue), delay=round(config.data.bar_delay_ms * 1e6)),
        minutes=config.synthetic.minutes if source.split(":")[0] == "synthetic" else None,
        coins=config.synthetic.coins or None if source.split(":")[0] == "synthetic" else None,
    )


def find_run(name: str, runs: Path) -> Path:
    """The folder of a run: a path, the start of an id in `runs`, or the newest run when `name` is empty.

    Searches leave their folders in `runs`, too: one of them is found by its name only, so that whoever reads it can
    say what it is not. Raises InputError `run-missing` naming the newest runs, `run-ambiguous`.
    """
    if name and Path(name).is_dir():
        return Path(name)
    made = runs_in(runs)
    found = [path for path in made if path.name.startswith(name)]
    if name and not found:
        found = [path for path in _folders(runs) if path.name.startswith(name)]
    if not found:
        newest = ", ".join(path.name for path in made[:5])
        raise InputError(
            "run-missing",
            f"there is no run {name}" if name else f"there is no run in {runs} yet",
            means=f"the newest in {runs}: {newest}" if newest else "",
            try_="tickerml paper" if not newest else f"tickerml why {made[0].name}",
        )
    if name and len(found) > 1 and found[0].name != name:
        exact = [path for path in found if path.name == name]
        if exact:
            return exact[0]
        raise InputError(
            "run-ambiguous",
            f"{len(found)} runs begin with {name}",
            means=f"they are {', '.join(path.name for path in found[:5])}",
        )
    return found[0]


def runs_in(runs: Path) -> list[Path]:
    """The folders in `runs` that hold a run, the newest first."""
    return [path for path in _folders(runs) if (path / MANIFEST).is_file()]


def _folders(runs: Path) -> list[Path]:
    found = [path for path in (runs.iterdir() if runs.is_dir() else ()) if path.is_dir()]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
