"""Ranges of parameters: both ends count, values have the parameter's type, and what cannot be read is named."""

from __future__ import annotations

import pytest

from tickerml.lab.grid import axis, grid, with_params
from tickerml.strategies.ma_cross import MaCross
from tickerml.strategies.psc_params import PscParams
from tickerml.tape.errors import ConfigError, InputError


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("fast=5:20:5", (5, 10, 15, 20)),
        ("fast=5:19:5", (5, 10, 15)),
        ("stop=0.1:0.3:0.1", (0.1, 0.2, 0.3)),
        ("stop=0.01, 0.02,0.01", (0.01, 0.02)),
        ("timeframe=1m,5m", ("1m", "5m")),
        ("fast = 7", (7,)),
    ],
)
def test_values(text, values):
    name, found = axis(text, MaCross)
    assert (name, found) == (text.split("=")[0].strip(), values)
    assert [type(v) for v in found] == [type(v) for v in values]


def test_a_switch_is_swept_too():
    assert axis("exit_entries=true,false", PscParams) == ("exit_entries", (True, False))


@pytest.mark.parametrize(
    "text",
    ["fast", "fast=", "fast=5:1:1", "fast=1:5:0", "fast=1:5", "fast=a:b:c", "fast=1.5", "fast=x", "fast=1:9e9:1"],
)
def test_what_cannot_be_read(text):
    with pytest.raises(InputError, match=r"^sweep-range: .*fast"):
        axis(text, MaCross)


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(ConfigError) as told:
        axis("fasst=1:2:1", MaCross)
    assert told.value.code == "sweep-param"
    assert told.value.try_.startswith("--param fast=")


def test_the_grid_is_every_combination_once():
    found = grid({"fast": (1, 2), "slow": (3, 4, 5)})
    assert len(found) == 6
    assert found[:2] == [{"fast": 1, "slow": 3}, {"fast": 1, "slow": 4}]
    with pytest.raises(InputError, match="at most"):
        grid({"fast": range(2000), "slow": range(2000)})


def test_a_value_out_of_its_range_is_refused_before_anything_is_run():
    with pytest.raises(ConfigError) as told:
        with_params(MaCross(), [{"fast": 5}, {"fast": 5000}])
    assert told.value.code == "param-range"
