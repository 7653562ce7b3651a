"""The one decorator for compiled code. Importing this module keys numba's cache before anything is compiled."""

from __future__ import annotations

import os
import sys

from tickerml.tape.kernel_cache import kernel_folder

os.environ["NUMBA_CACHE_DIR"] = str(kernel_folder())
if "numba" in sys.modules:  # imported by somebody else first: it has read the variable already, so tell it again
    sys.modules["numba"].config.CACHE_DIR = str(kernel_folder())

from numba import njit

kernel = njit(cache=True, error_model="numpy", nogil=True)
"""Compile a function of scalars, arrays and records. No fastmath, no parallel: bits must not depend on the machine."""

fold = kernel
"""Marks the `on_row`, `on_bar` or `on_value` of a fold: (p, s, row[, side-table record], f[, out])."""
