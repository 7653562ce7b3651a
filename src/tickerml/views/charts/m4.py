"""M4 decimation: first, last, lowest and highest point of each pixel column keep every pixel of a line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tickerml.views.story import Floats, Times


def m4(time: Times, value: Floats, start: int, end: int, columns: int) -> NDArray[np.intp]:
    """Row numbers to keep, in order, of a series sorted by time, drawn from `start` to `end` over `columns`.

    At most 4 a column; a series of 4 x `columns` points or fewer is kept whole. Values that are not finite are
    dropped. Source: Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014.
    """
    rows = np.flatnonzero(np.isfinite(value))
    if len(rows) <= 4 * columns:
        return rows
    values = value[rows]
    column = ((time[rows] - start).astype(np.float64) * (columns / max(1, end - start))).astype(np.int64)
    begin = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
    sizes = np.diff(np.append(begin, len(rows)))
    kept = [begin, begin + sizes - 1]
    for extreme in (np.minimum, np.maximum):
        hits = np.flatnonzero(values == np.repeat(extreme.reduceat(values, begin), sizes))
        kept.append(hits[np.searchsorted(hits, begin)])  # the first of each column
    return rows[np.unique(np.concatenate(kept))]
