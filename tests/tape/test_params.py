from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

import numpy as np
import pytest

from tickerml.tape.errors import ConfigError
from tickerml.tape.instruments import Instrument
from tickerml.tape.params import INST, Range, describe, instrument_record, params_dtype, params_record


@dataclass(frozen=True)
class Good:
    z: Annotated[float, Range(1, 6)] = 3.0  # standard deviations
    n: Annotated[int, Range(1, 100)] = 10  # levels a side
    on: bool = True  # whether it is on
    mode: Literal["absolute", "relative"] = "relative"  # how the ratio is read
    sizes: Annotated[tuple[float, float, float], Range(0, 1e9)] = (1e3, 1e4, 1e5)  # quote
    noted: Annotated[float, "basis points"] = 1.0
    wake = "no field: it has no annotation"


@dataclass(frozen=True)
class Nothing:
    pass


def test_describe_names_types_defaults_ranges_and_comments() -> None:
    found = {f.name: f for f in describe(Good)}
    assert list(found) == ["z", "n", "on", "mode", "sizes", "noted"]
    assert found["z"].type == "float"
    assert found["z"].range == Range(1, 6)
    assert found["z"].comment == "standard deviations"
    assert found["mode"].type == "one of absolute, relative"
    assert found["sizes"].type == "3 x float"
    assert found["sizes"].default == (1e3, 1e4, 1e5)
    assert found["noted"].comment == "basis points"


def test_record_holds_the_values_that_kernels_read() -> None:
    p = params_record(Good(z=2.5, on=False))
    assert p["z"] == 2.5
    assert p["n"] == 10
    assert p["on"] == 0
    assert p["mode"] == 1
    assert p["sizes"].tolist() == [1e3, 1e4, 1e5]
    assert p.dtype == params_dtype(Good)
    assert params_dtype(Good)["n"] == np.dtype("i8")


def test_a_class_without_fields_still_gives_a_record() -> None:
    assert params_record(Nothing()).dtype.itemsize == 1


@pytest.mark.parametrize(
    ("wrong", "code", "word"),
    [
        (Good(z=7.0), "param-range", "z = 7.0 is outside 1 to 6"),
        (Good(n=0), "param-range", "n = 0"),
        (Good(z=float("nan")), "param-type", "z takes float"),
        (Good(n=1.5), "param-type", "n takes int"),  # type: ignore[arg-type]
        (Good(mode="sideways"), "param-range", "one of absolute, relative"),  # type: ignore[arg-type]
        (Good(sizes=(1.0, 2.0)), "param-type", "3 x float"),  # type: ignore[arg-type]
        (Good(sizes=(1.0, 2.0, -3.0)), "param-range", "sizes = -3.0"),
        (Good(z="high"), "param-type", "'high'"),  # type: ignore[arg-type]
    ],
)
def test_wrong_values_are_named(wrong: Good, code: str, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        params_record(wrong)
    assert caught.value.code == code
    assert word in caught.value.message
    assert caught.value.key in wrong.__dataclass_fields__


def test_a_type_that_no_record_holds_is_refused() -> None:
    @dataclass(frozen=True)
    class Odd:
        name: str = "x"

    with pytest.raises(ConfigError, match=r"Odd\.name is str"):
        params_dtype(Odd)
    with pytest.raises(ConfigError, match="not a dataclass"):
        params_dtype(int)


def _instrument(**more: object) -> Instrument:
    base = {"id": 0, "venue": "v", "symbol": "S", "raw": "S", "base": "B", "quote": "Q", "settle": "Q"}
    return Instrument(**(base | {"tick": Decimal("0.1"), "lot": Decimal("0.001")} | more))  # type: ignore[arg-type]


def test_quote_value_is_one_formula_for_linear_and_inverse() -> None:
    linear = instrument_record(_instrument(multiplier=Decimal(1000)))
    assert linear.dtype == INST
    assert 5 * (600_000 * linear["unit"] + linear["lot_value"]) == pytest.approx(0.005 * 60_000)
    assert linear["multiplier"] == 1000
    inverse = instrument_record(_instrument(lot=Decimal(1), inverse=True, contract_size=Decimal(100)))
    assert 5 * (600_000 * inverse["unit"] + inverse["lot_value"]) == 500
