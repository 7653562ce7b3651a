"""Names to folds; what every fold of the folder must offer; and that docs/features.md is current."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

from tickerml.features import catalog
from tickerml.features.catalog import families, owners, resolve
from tickerml.tape.errors import ConfigError
from tickerml.tape.params import describe, params_dtype
from tickerml.tape.rows import MINUTE, SECOND

DOCS = Path(__file__).resolve().parents[2] / "docs" / "features.md"


@pytest.mark.parametrize(
    ("name", "module", "field", "params"),
    [
        ("ofi", "flow", "ofi", {"window": 10 * SECOND}),
        ("ofi(30s)", "flow", "ofi", {"window": 30 * SECOND}),
        ("ofi(window=1m)", "flow", "ofi", {"window": MINUTE}),
        ("depth_imbalance(5)", "depth", "depth_imbalance_5", {"levels": 10}),
        ("depth(25)", "liquidity", "depth", {"bps": 25.0}),
        ("bar(1m).close", "bars", "bar_close", {"timeframe": MINUTE}),
        ("bar_close(15m, 0)", "bars", "bar_close", {"timeframe": 15 * MINUTE, "grace": 0}),
        ("bar(1M).open", "bars", "bar_open", {"timeframe": 0}),
        ("trend(1h)", "timeframes", "trend_1h", {}),
        ("large_trades(10k)", "large", "large_trades_10k", {"window": MINUTE}),
        (" vpin( n = 20 , bucket=5) ", "toxicity", "vpin", {"n": 20, "bucket": 5.0}),
        ("microprice", "touch", "microprice", {}),
        ("corr(BTC, 5m, 288)", "correlation", "corr", {"reference": "BTC", "timeframe": 5 * MINUTE, "n": 288}),
        ("lead_lag(reference=ETH)", "lead_lag", "lead_lag", {"reference": "ETH", "lags": 6}),
    ],
)
def test_names_find_their_fold(name, module, field, params):
    use = resolve(name)
    assert (use.module, use.field) == (f"tickerml.features.{module}", field)
    assert {key: getattr(use.params, key) for key in params} == params


def test_the_same_words_share_one_state():
    assert resolve("ofi(10s)") == resolve("ofi(10000ms)")
    assert hash(resolve("ofi").params) == hash(resolve("ofi_ratio(10s)").params)


@pytest.mark.parametrize(
    ("name", "code", "hint"),
    [
        ("microprize", "feature-unknown", "did you mean microprice"),
        ("depth_imbalance(7)", "feature-unknown", "depth_imbalance_5"),
        ("zzz", "feature-unknown", "docs/features.md"),
        ("ofi(", "feature-unknown", ""),
        ("ofi(10x)", "feature-argument", ""),
        ("ofi(1s, 2s)", "feature-argument", ""),
        ("ofi(1s, window=2s)", "feature-argument", ""),
        ("ofi(span=2s)", "feature-argument", ""),
        ("ofi(1ms)", "param-range", ""),
        ("mid(3)", "feature-argument", ""),
    ],
)
def test_wrong_names_say_what_was_meant(name, code, hint):
    with pytest.raises(ConfigError) as caught:
        resolve(name)
    assert caught.value.code == code
    assert hint in caught.value.means


def asked(fold):
    return inspect.signature(getattr(fold, "py_func", fold)).parameters


def test_every_fold_keeps_the_contract():
    assert len(families()) >= 14
    assert sum(len(module.FIELDS) for module in families().values()) == len(owners()), "two folds share a field's name"
    for name, module in families().items():
        handlers = [h for h in ("on_row", "on_bar", "on_value") if hasattr(module, h)]
        assert handlers, name
        for handler in handlers:
            fold = getattr(module, handler)
            assert set(asked(fold)) <= set("psbfi") | {"row", "bar", "value"}
        if hasattr(module, "across"):
            assert set(asked(module.across)) <= {"p", "n", "row", "ss", "fs", "insts"}
        assert params_dtype(module.Params).itemsize > 0
        assert all(p.comment for p in describe(module.Params)), f"{name}: a parameter without a unit"
        assert all("; " in text for text in module.FIELDS.values()), f"{name}: a field without a unit"
        assert "Source: " in module.__doc__, f"{name}: no source"
        assert not module.State.hasobject


def test_no_state_begins_with_another():
    """Numba takes one record for a wider one that begins alike: which code runs would depend on the order of calls."""
    layouts = {
        name: {(key, offset, str(dtype)) for key, (dtype, offset, *_) in module.State.fields.items()}
        for name, module in families().items()
    }
    for one, small in layouts.items():
        assert not [other for other, large in layouts.items() if other != one and small <= large], one


def test_docs_are_current():
    assert DOCS.read_text(encoding="utf-8") == catalog.table(), (
        "run: python -m tickerml.features.catalog > docs/features.md"
    )


def test_fields_start_as_nan_free_floats():
    """All fields are f8, so one feature row of any choice of folds is a plain record of floats."""
    for module in families().values():
        assert np.dtype([(field, "f8") for field in module.FIELDS]).itemsize == 8 * len(module.FIELDS)
