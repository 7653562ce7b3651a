import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickerml.venues.binance.numbers import COUNT, NOT_A_NUMBER, read_numbers


def read(*texts):
    text = "".join(t + "\n" for t in texts).encode()
    mantissa, decimals = np.zeros(len(text), np.int64), np.zeros(len(text), np.int8)
    counts = np.zeros(len(texts), COUNT)
    n = read_numbers(np.frombuffer(text, np.int8), mantissa, decimals, counts)
    return list(zip(mantissa[:n].tolist(), decimals[:n].tolist(), strict=True)), counts


@pytest.mark.parametrize(
    ("text", "mantissa", "decimals"),
    [
        ("61800.20", 618002, 1),
        ("61737.63000000", 6173763, 2),
        ("0.00001234", 1234, 8),
        ("100", 100, 0),
        ("0.000", 0, 0),
        ("-0.00038167", -38167, 8),
        ("5000000000000.00000000", 5000000000000, 0),
        ("999999999999999999", 999999999999999999, 0),
    ],
)
def test_decimals_are_exact(text, mantissa, decimals):
    assert read(f'"{text}"')[0] == [(mantissa, decimals)]
    assert read(text)[0] == [(mantissa, decimals)]


@pytest.mark.parametrize(
    "text", ["NaN", "", "1e5", "1.2.3", "--1", "-", ".", "inf", "0x10", "1 2", "12345678901234567890", "é"]
)
def test_what_is_no_plain_decimal_is_said_so(text):
    numbers, counts = read(f'"{text}"', '"7"')
    assert numbers[0][1] == NOT_A_NUMBER
    assert numbers[-1] == (7, 0)
    assert counts["numbers"][1] == 1


def test_levels_are_pairs_in_two_arrays():
    numbers, counts = read(
        '[["1.5","2"],["1.4","0"]][["1.6","3"]]', "[][]", '[["1","2"]][["3"]]', '[ [ "1" , "2", [] ] ][]'
    )
    assert numbers[:6] == [(15, 1), (2, 0), (14, 1), (0, 0), (16, 1), (3, 0)]
    assert counts["numbers"].tolist() == [6, 0, 3, 2]
    assert counts["first"].tolist() == [4, 0, 2, 2]
    assert counts["arrays"].tolist() == [2, 2, 2, 2]
    assert counts["misshapen"].tolist()[:3] == [0, 0, 1]


@given(st.lists(st.decimals(-(10**9), 10**9, allow_nan=False, places=8), min_size=1, max_size=20))
def test_any_decimal_reads_back(values):
    numbers, _ = read(json.dumps([[format(v, "f") for v in values]]))
    assert [Decimal(m).scaleb(-d) for m, d in numbers] == values
    assert all(d == 0 or m % 10 for m, d in numbers)
