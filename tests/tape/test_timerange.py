"""Time ranges as people write them."""

import pytest

from tickerml.tape.errors import InputError
from tickerml.tape.timerange import time_range

DAY = 1704067200  # 2024-01-01 00:00 UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("20240101-20240102", (DAY * 10**9, (DAY + 86400) * 10**9)),
        ("20240101-", (DAY * 10**9, None)),
        ("-20240101", (None, DAY * 10**9)),
        ("20240101T0010-20240101T001001", ((DAY + 600) * 10**9, (DAY + 601) * 10**9)),
        (f"{DAY}-{DAY}001", (DAY * 10**9, DAY * 10**9 + 10**6)),
    ],
)
def test_each_form(text, expected):
    assert time_range(text) == expected


@pytest.mark.parametrize(
    "text", ["", "-", "2024-01-01", "20240101", "20240102-20240101", "20240101-20240101", "20240230-"]
)
def test_what_is_no_range_is_refused(text):
    with pytest.raises(InputError) as caught:
        time_range(text)
    assert caught.value.code == "timerange"
    assert "20240101-20240201" in caught.value.try_ or "--timerange" in caught.value.try_
