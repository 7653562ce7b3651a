from __future__ import annotations

import numpy as np
import pytest

from tickerml.tape.store_files import read_columns, write_table

ZSTD_FRAME = b"\x28\xb5\x2f\xfd"


@pytest.mark.parametrize("noise", [False, True])
def test_columns_that_zstd_hardly_shortens_are_stored_as_lz4(tmp_path, noise):
    random = np.random.default_rng(5)
    values = random.integers(0, 1 << 30, 20_000) if noise else random.geometric(0.4, 20_000)
    column = values.astype(np.uint32)
    entry = write_table(tmp_path, "one.parquet", {"exch_0": column})
    assert (ZSTD_FRAME in (tmp_path / "one.parquet").read_bytes()) != noise
    assert np.array_equal(read_columns(tmp_path, entry)["exch_0"], column)
