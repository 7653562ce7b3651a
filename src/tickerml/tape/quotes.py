"""The message of strategies that act at row speed: a bid and an ask that they wish to have in the book."""

from __future__ import annotations

from typing import Final

import numpy as np

QUOTES: Final = np.dtype(  # one record per instrument; a compiled strategy writes it, the desk's envelope reads it
    [
        ("bid", "i8"),  # ticks; 0 = no bid
        ("ask", "i8"),  # ticks; 0 = no ask
        ("size", "i8"),  # lots a side
        ("max_position", "i8"),  # lots held, as told, from which a side sends no new order; a standing one stays
    ]
)
