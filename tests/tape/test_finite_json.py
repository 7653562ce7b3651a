"""JSON without the numbers that JSON lacks."""

import json
import math

from tickerml.tape.finite_json import from_json, json_text


def test_a_number_that_there_is_not_is_null():
    held = {"a": math.nan, "b": [math.inf, (1.5, -math.inf)], "c": {"d": math.nan, "e": "NaN", "f": True}}
    text = json_text(held)
    assert json.loads(text) == {"a": None, "b": [None, [1.5, None]], "c": {"d": None, "e": "NaN", "f": True}}
    assert from_json('{"a": NaN, "b": -Infinity, "c": 2.5}') == {"a": None, "b": None, "c": 2.5}
