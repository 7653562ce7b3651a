"""The table of controls is whole: every limit in one control, every refusal in one, every control with its own test."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import pytest

from tickerml.config import from_mapping
from tickerml.config.sections import OLDER
from tickerml.desk.controls import CONTROLS
from tickerml.desk.limits import Limits, Refused
from tickerml.run.setup import limits_of
from tickerml.tape.errors import ConfigError

HERE = Path(__file__).resolve().parent


def test_every_limit_stands_in_one_control():
    keys = [key for one in CONTROLS for key in one.keys]
    assert sorted(keys) == sorted(f.name for f in dataclasses.fields(Limits))


def test_every_refusal_belongs_to_a_control():
    assert {reason for one in CONTROLS for reason in one.refuses} == set(Refused)


def test_every_control_names_a_test_that_exists():
    for one in CONTROLS:
        file, _, function = one.test.partition(":")
        path = HERE.parent / f"{file}.py" if "/" in file else HERE / f"{file}.py"
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert function in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}, one.test
    assert len({one.name for one in CONTROLS}) == len(CONTROLS)


@pytest.mark.parametrize("key", sorted(OLDER))
def test_older_names_set_the_same_limit(key):
    """H4: the sources' YAML snippets load verbatim, and mean what they say."""
    section, older = OLDER[key]
    wish = 3 if key == "max_open_positions" else 0.17
    assert getattr(limits_of(from_mapping({section: {older: wish}})), key) == wish
    assert getattr(limits_of(from_mapping({"limits": {key: wish}})), key) == wish
    assert getattr(limits_of(from_mapping({})), key) == getattr(Limits(), key)
    with pytest.raises(ConfigError) as caught:
        from_mapping_twice(section, older, key, wish)
    assert caught.value.code == "config-conflict"


def from_mapping_twice(section, older, key, wish):
    from tickerml.config import load

    other = 4 if key == "max_open_positions" else 0.18
    load(options={f"{section}.{older}": ("--older", wish), f"limits.{key}": ("--limits", other)}, env={})


def test_a_negative_limit_is_refused_with_its_range():
    with pytest.raises(ConfigError) as caught:
        from_mapping({"limits": {"max_heat": -0.1}})
    assert caught.value.code == "config-range"
