"""Funding rate and z-score (B5) against plain Python, on made settlements."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tickerml.features import funding
from tickerml.tape.params import INST, VALUE_NAMES, params_record
from tickerml.tape.rows import HOUR, ROW
from tickerml.tape.tables import VALUE

NAMES = ("mark", "funding")


def folded(rates, *, n, name=1, times=None):
    """The emitted (rate, z) after each settlement."""
    s, f = np.zeros(1, funding.State), np.full(1, np.nan, [(field, "f8") for field in funding.FIELDS])
    i, row, value = np.zeros(1, INST), np.zeros(1, ROW), np.zeros(1, VALUE)
    i["names"] = [NAMES.index(one) if one in NAMES else -1 for one in VALUE_NAMES]
    p, out = params_record(funding.Params(n=n)), []
    for k, rate in enumerate(rates):
        row["exch"] = times[k] if times else (k + 1) * 8 * HOUR
        value["name"], value["value"] = name, rate
        funding.on_value(p, s[0], row[0], value[0], f[0], i[0])
        out.append((float(f["funding_rate"][0]), float(f["funding_z"][0])))
    return out


def test_b5_against_plain_python():
    rates = np.random.default_rng(1).normal(1e-4, 5e-5, 700).tolist()
    for n in (2, 90, 512):
        for k, (rate, z) in enumerate(folded(rates, n=n)):
            assert rate == rates[k]
            if k < n:
                assert math.isnan(z)
            else:
                before = np.array(rates[k - n : k])
                assert z == pytest.approx((rates[k] - before.mean()) / before.std(), rel=1e-9)


def test_b5_unavailable_is_never_zero():
    assert all(math.isnan(x) for x in folded([1e-4], n=2, name=0)[0])  # a mark price is no funding
    assert math.isnan(folded([1e-4, 1e-4, 1e-4], n=2)[-1][1])  # all equal: nothing to compare with


def test_a_settlement_told_again_changes_nothing():
    times = [8 * HOUR, 16 * HOUR, 16 * HOUR, 24 * HOUR]
    once = folded([1e-4, 2e-4, 4e-4], n=2)
    again = folded([1e-4, 2e-4, 9e-4, 4e-4], n=2, times=times)
    assert again[2] == pytest.approx(again[1], nan_ok=True)
    assert again[3] == once[2]
