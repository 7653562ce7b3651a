"""A configuration file as values and places: which line and column each key and value came from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tickerml.tape.errors import ConfigError, Where

if TYPE_CHECKING:
    import yaml

KeyPath: TypeAlias = tuple[str, ...]
SECRETS: Final = frozenset({"api_key", "api_secret"})
_SECRET: Final = re.compile(r"(?i)api|key|secr|token|passw")  # also misspelt: what it holds is shown to nobody
_SECRET_VALUE: Final = re.compile(rf"(?i)(\w*(?:{_SECRET.pattern[4:]})\w*[\"']?\s*[:=]\s*)[^\s,}}]+")
_OCTAL: Final = re.compile(r"[-+]?0[0-7_]+")
_URL_SECRET: Final = re.compile(r"(://[^:/@\s]*:)[^\s\"']+@")  # the password in a URL, up to the last @
LEDGER_URL: Final = ("ledger", "url")


@dataclass
class Document:
    """One source of settings: `values` nested by section, and the place of each key and of each value."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)
    keys: dict[KeyPath, Where] = field(default_factory=dict)
    places: dict[KeyPath, Where] = field(default_factory=dict)


def read(path: Path) -> Document:
    """A YAML or JSON file (JSON is YAML). Raises ConfigError: config-file, config-syntax, config-duplicate."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            "config-file", f"there is no configuration file {path}", try_=f"tickerml new config --out {path}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("config-file", f"{path} cannot be read as text: {error}") from error
    return parse(text, str(path))


def parse(text: str, name: str) -> Document:
    """The same from text. Only the first syntax error can be known; every duplicate key is told."""
    import yaml  # here, because a run on defaults reads no file

    lines = text.splitlines()
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Where(name) if mark is None else _where(name, lines, mark.line, mark.column, 1)
        raise ConfigError("config-syntax", f"this is not YAML: {error.problem or error.context}", where=where) from None
    except RecursionError:
        raise ConfigError("config-syntax", f"{name} is nested too deeply to be read", where=Where(name)) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow: no mark
        raise ConfigError("config-syntax", f"{name} is not YAML: {error}", where=Where(name)) from None
    if root is None:
        return Document(name)
    if not isinstance(root, yaml.MappingNode):
        where = _where(name, lines, root.start_mark.line, root.start_mark.column, 1)
        raise ConfigError("config-syntax", "a configuration is sections of `key: value` lines", where=where)
    found = Document(name, values)
    problems = list(_walk(root, (), found, lines))
    if problems:
        raise together(problems)
    return found


def together(problems: list[ConfigError]) -> ConfigError:
    """The first problem, carrying the others; the last one says how many there are."""
    first, *rest = problems
    count = "1 problem" if not rest else f"{len(problems)} problems"
    problems[-1].means = f"{count}, nothing was started"
    first.more = tuple(rest)
    return first


def lookup(values: Mapping[str, Any], path: KeyPath) -> Any:
    """The value under nested keys; None where there is none."""
    found: Any = values
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _walk(node: yaml.MappingNode, path: KeyPath, into: Document, lines: list[str]) -> Iterator[ConfigError]:
    import yaml

    for key_node, value_node in node.value:
        key = str(key_node.value)
        here = (*path, key)
        mark = key_node.start_mark
        where = _where(into.name, lines, mark.line, mark.column, key_node.end_mark.column - mark.column)
        if here in into.keys:
            yield ConfigError("config-duplicate", f'"{key}" is set twice', where=where, key=".".join(here))
        into.keys[here] = where
        start, end = value_node.start_mark, value_node.end_mark
        width = end.column - start.column if end.line == start.line else 1
        into.places[here] = _where(into.name, lines, start.line, start.column, width)
        if isinstance(value_node, yaml.MappingNode):
            yield from _walk(value_node, here, into, lines)
        for one in value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]:
            if isinstance(one, yaml.ScalarNode) and one.style is None and is_other(one.value):
                at = _where(into.name, lines, one.start_mark.line, one.start_mark.column, len(one.value))
                yield other(here, one.value, at)


def is_other(text: str) -> bool:
    """Whether YAML reads these characters as another number than a person does: octal, or to the base of sixty."""
    import yaml

    return (":" in text or _OCTAL.fullmatch(text) is not None) and isinstance(yaml.safe_load(text), int | float)


def other(path: KeyPath, text: str, where: Where) -> ConfigError:
    """The problem with such a value."""
    import yaml

    key = ".".join(path)
    read = "another number" if hidden(path[-1]) else f"{yaml.safe_load(text)}"
    return ConfigError(
        "config-syntax",
        f"{key} is written {'so that' if hidden(path[-1]) else f'{text}, which'} YAML reads as {read}",
        try_="write a number without a zero in front of it and without colons; put text in quotes",
        where=where,
        key=key,
    )


def _where(name: str, lines: list[str], line: int, column: int, width: int) -> Where:
    text = lines[line] if line < len(lines) else ""
    return Where(name, line + 1, column + 1, _SECRET_VALUE.sub(r"\1********", unsigned(text)), max(1, width))


def unsigned(text: str) -> str:
    """Text without the passwords of URLs in it."""
    return _URL_SECRET.sub(r"\1********@", text)


def is_secret(path: KeyPath, value: object) -> bool:
    """Whether a setting holds what others must not read: a key of an exchange, a URL with a password."""
    return bool(value) and (path[-1] in SECRETS or (path == LEDGER_URL and unsigned(str(value)) != str(value)))


def hidden(name: str) -> bool:
    """Whether the value of a setting of this name, which may be misspelt, is kept out of messages."""
    return _SECRET.search(name) is not None
