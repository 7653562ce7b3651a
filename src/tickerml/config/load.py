"""Files, environment and command line into one checked `Config`; one pass finds and tells all problems."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final

from tickerml.config.document import (
    LEDGER_URL,
    SECRETS,
    Document,
    KeyPath,
    hidden,
    is_other,
    is_secret,
    lookup,
    other,
    read,
    together,
    unsigned,
)
from tickerml.config.problems import conflicts, places, refused
from tickerml.config.schema import sections, settings
from tickerml.config.sections import Config
from tickerml.tape.errors import ConfigError, Where

PREFIX: Final = "TICKERML__"
TURBO: Final = "MICRO_TURBO_MODE"
"""The switch of the five-signal strategy that its users know: another name of TICKERML__FIVE_SIGNAL__TURBO."""
_PLACES: Final = "_places"


def load(
    paths: Iterable[str | Path] = (),
    *,
    env: Mapping[str, str] | None = None,
    options: Mapping[str, tuple[str, object]] | None = None,
) -> Config:
    """The settings of a run: `options` over `env` (default: the process's) over later files over earlier ones.

    `options`: "section.key" -> (the option as typed, `--param SECTION.KEY=` with its key; its value). Raises
    ConfigError; the first problem carries the others in `more`.
    """
    documents = [read(Path(path)) for path in paths]
    documents.append(_environment(os.environ if env is None else env))
    documents.append(_options(options or {}))
    problems = [one for document in documents for one in _exposed(document)]
    return _checked(documents, problems)


def from_mapping(values: Mapping[str, Any], name: str = "settings") -> Config:
    """The settings held in a mapping, such as a run's manifest. Raises ConfigError."""
    return _checked([Document(name, dict(values))], [])


def to_mapping(config: Config) -> dict[str, Any]:
    """JSON-ready and without secrets: what a run's manifest keeps. `from_mapping` reads it back.

    Where the run's records are kept besides (`ledger`) is no part of it: it makes no other run.
    """
    plain: dict[str, Any] = _plain(config)
    return {name: section for name, section in plain.items() if name != LEDGER_URL[0]}


def written_at(config: Config, key: str) -> Where | None:
    """Where "section.key" was set, for an error that only a market can show; None when it has its default."""
    found: dict[str, Where] = getattr(config, _PLACES, {})
    return found.get(key)


def pick(cls: type[Any], *sections: object) -> dict[str, Any]:
    """The arguments for a parameter class: each of its fields from the first section that has a key of that name."""
    found: dict[str, Any] = {}
    for section in reversed(sections):
        found |= {f.name: getattr(section, f.name) for f in fields(cls) if hasattr(section, f.name)}
    return found


def _environment(env: Mapping[str, str]) -> Document:
    """TICKERML__SECTION__KEY=value; the value is read as YAML, so lists and numbers are written as in a file.

    DATABASE_URL is the ledger's where it names a database that can be one; it may be somebody else's too.
    MICRO_TURBO_MODE=true (or 1, yes, on) is five_signal.turbo. It is read here and nowhere else, so that a run's record
    says what was switched, and what is made again from the record needs no environment.
    """
    found = Document("environment")
    turbo = env.get(TURBO, "").strip().lower()
    if turbo:
        where = Where("environment", text=f"{TURBO}={turbo}", mark=len(TURBO))
        switch = ("five_signal", "turbo")
        _put(found, switch, {"1": True, "0": False}.get(turbo, _typed(switch, turbo, where)), where)
    if env.get("DATABASE_URL", "").startswith(("postgres://", "postgresql://", "postgresql+", "sqlite:")):
        env = {"TICKERML__LEDGER__URL": env["DATABASE_URL"], **env}
    for name in sorted(env):
        if not name.startswith(PREFIX):
            continue
        path = tuple(name[len(PREFIX) :].lower().split("__"))
        shown = "********" if hidden(path[-1]) else unsigned(env[name])
        where = Where("environment", text=f"{name}={shown}", mark=len(name))
        _put(found, path, _typed(path, env[name], where), where)
    return found


def _options(options: Mapping[str, tuple[str, object]]) -> Document:
    found = Document("command line")
    for key, (typed, value) in options.items():
        path = tuple(key.split("."))
        shown = "********" if hidden(path[-1]) else unsigned(str(value))
        where = Where(
            "command line", text=f"{typed}{'' if typed.endswith('=') else ' '}{shown}", mark=len(typed.rstrip("="))
        )
        _put(found, path, _typed(path, value, where) if isinstance(value, str) else value, where)
    return found


def _typed(path: KeyPath, text: str, where: Where) -> Any:
    """Text for a setting that is text (a key of digits only stays text); else what YAML reads."""
    section = sections().get(path[0])
    if section is not None and path[-1] in settings(section) and settings(section)[path[-1]].type is str:
        return text
    import yaml  # here, as in document.py: most runs name no setting

    try:
        value = yaml.safe_load(text)
        strange = is_other(text.strip())
    except yaml.YAMLError:
        return text
    if strange:
        raise other(path, text.strip(), where)
    return value


def _put(document: Document, path: KeyPath, value: Any, where: Where) -> None:
    inner = document.values
    for part in path[:-1]:
        step = inner.setdefault(part, {})
        if not isinstance(step, dict):
            return
        inner = step
    inner[path[-1]] = value
    document.keys[path] = document.places[path] = where


def _exposed(document: Document) -> Iterator[ConfigError]:
    """A file that holds a secret must be readable by its owner only (Windows has no such bits: not checked there)."""
    secret = next((path for path in document.places if is_secret(path, lookup(document.values, path))), None)
    if secret == LEDGER_URL and document.name == "command line":
        yield ConfigError(
            "config-secret",
            "a password on the command line can be read by others on this machine",
            where=document.keys[secret],
            key=".".join(secret),
            try_="export TICKERML__LEDGER__URL=postgresql://USER:PASSWORD@HOST/DATABASE",
        )
    if secret is not None and document.places[secret].line is None:
        return
    if secret is None or sys.platform == "win32" or not Path(document.name).stat().st_mode & 0o077:
        return
    yield ConfigError(
        "config-secret",
        f"{document.name} holds {'.'.join(secret)} and others on this machine can read it",
        where=document.keys[secret],
        key=".".join(secret),
        try_=f"chmod 600 {document.name}",
    )


def _checked(documents: list[Document], problems: list[ConfigError]) -> Config:
    merged: dict[str, Any] = {}
    for document in documents:
        _merge(merged, document.values)
    if not merged and not problems:
        return Config()
    from pydantic import ValidationError  # here, because it takes longer to load than all else on the way to a run

    from tickerml.config.checked import model

    try:
        config: Config = _build(Config, model().model_validate(merged).model_dump())
    except ValidationError as error:
        raise together([*problems, *refused(error, merged, documents)]) from None
    problems += conflicts(config, documents)
    if problems:
        raise together(problems)
    object.__setattr__(config, _PLACES, places(documents))  # no field: two configs are equal wherever they come from
    return config


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Sections are joined, everything else (lists too) is replaced; an empty section says nothing."""
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        elif isinstance(value, Mapping):
            into[key] = {}
            _merge(into[key], value)
        elif value is not None or not isinstance(into.get(key, {}), dict):
            into[key] = value


def _build(cls: type[Any], values: Mapping[str, Any]) -> Any:
    """The frozen dataclass of checked values; entries of `exchanges` are built one by one."""
    made: dict[str, Any] = {}
    for name, value in values.items():
        section = sections().get(name) if cls is Config else None
        if section is None:
            made[name] = value
        elif name == "exchanges":
            made[name] = {key: _build(section, one) for key, one in value.items()}
        else:
            made[name] = _build(section, value)
    return cls(**made)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.name not in SECRETS}
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, bool | int | float | str) else str(value)
