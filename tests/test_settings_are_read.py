"""H4: nothing is silently ignored. Every key of the settings is read by some code, or its comment says that it is not.

What is walked is the source: a key counts as read where code outside of the room `config` takes it from a value that
holds its section, in a file that has to do with it. Which values hold a section, and where, stands in HOLDERS.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import tickerml
from tickerml.config.idle import MARK, reasons
from tickerml.config.schema import sections, settings
from tickerml.config.sections import OLDER

SOURCE = Path(tickerml.__file__).parent
_OF_PSC = r"strategies/psc\w*\.py|strategies/timer\.py|run/strategies\.py"
_OWN = r"self|p|one|f"
HOLDERS = {  # section: (files, what holds it there); beside `config.SECTION` and the like, which holds it anywhere
    "limits": (r"desk/.*|engine/.*|run/(?:setup|granted)\.py", r"(?:\w+\.)*limits|steps|rules"),
    "manager": (r"desk/.*|engine/.*", r"(?:\w+\.)*rules"),
    "regime": (r"desk/.*|engine/.*", r"(?:\w+\.)*rules"),
    "ml_microstructure": (_OF_PSC, _OWN),
    "psc_integration": (_OF_PSC, rf"{_OWN}|psc"),
    "superp": (_OF_PSC, _OWN),
    "account": (r"run/setup\.py", "held"),
    "fees": (r"run/.*", "fees"),
    "latency": (r"run/.*", "latency"),
    "exchanges": (r"venues/.*", r"exchange"),
    **{name: (rf"strategies/{name}\w*\.py", _OWN) for name in ("dca", "swing", "channel", "five_signal", "ma_cross")},
}
BY_NAME = {  # keys that are put together from words where they are read: the file, and the text that does
    "latency.entry_ms": ("run/models.py", 'getattr(latency, f"{what}_ms")'),
    "latency.cancel_ms": ("run/models.py", 'getattr(latency, f"{what}_ms")'),
    "latency.response_ms": ("run/models.py", 'getattr(latency, f"{what}_ms")'),
    **{".".join(key): ("run/setup.py", "in OLDER.items()") for key in OLDER.values()},
}
KEYS = [f"{name}.{key}" for name, cls in sections().items() for key in settings(cls)]


@cache
def taken() -> dict[str, set[tuple[str, str]]]:
    """By name: the files that take an attribute or an item of that name, and what they take it from."""
    found: dict[str, set[tuple[str, str]]] = {}
    for path in SOURCE.rglob("*.py"):
        file = path.relative_to(SOURCE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                found.setdefault(node.attr, set()).add((file, ast.unparse(node.value)))
            elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                found.setdefault(str(node.slice.value), set()).add((file, ast.unparse(node.value)))
    return found


def is_read(name: str) -> bool:
    """Whether code reads this key."""
    if name in BY_NAME:
        file, text = BY_NAME[name]
        return text in (SOURCE / file).read_text(encoding="utf-8")
    section, _, key = name.partition(".")
    files, holder = HOLDERS.get(section, ("", ""))
    for file, held in taken().get(key, ()):
        if file.startswith("config/"):
            continue
        whole = re.fullmatch(rf".*\b(?:config|ready|settings)\b.*\.{section}", held)
        if whole or (re.fullmatch(files, file) and re.fullmatch(holder, held)):
            return True
    return False


@pytest.mark.parametrize("name", KEYS)
def test_h4_every_setting_is_read_or_says_that_it_is_not(name):
    if name in reasons():
        assert not is_read(name), f"{name} is read, and its comment begins with {MARK!r}"
    else:
        assert is_read(name), f"no code reads {name}, and its comment does not begin with {MARK!r}"


@pytest.mark.parametrize("name", ["limits.nobody", "dca.nobody", "trading.nobody", "manager.scan_minutes"])
def test_h4_the_walk_finds_what_nobody_reads(name):
    assert not is_read(name)
