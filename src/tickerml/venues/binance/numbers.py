"""Decimals of the wire as exact integers: "61800.20" is 6180020 / 10**2, stored as mantissa 618002 and 1 decimal.

No float is involved, so nothing is rounded. Trailing zeros say nothing about the grid and are dropped while reading.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Rows

NOT_A_NUMBER: Final = -1
"""`decimals` of a text that is no plain decimal of at most 18 digits: NaN, an empty string, 1e5."""
_DIGITS: Final = 18
_ROOM: Final = 10**17  # a mantissa below this takes one more digit
POWERS: Final = np.array([10**k for k in range(19)], np.int64)
"""10**k for k = 0 .. 18."""

COUNT: Final = np.dtype(
    [
        ("numbers", "i4"),  # numbers of the message
        ("first", "i4"),  # numbers in its first array: the bids
        ("arrays", "i4"),
        ("misshapen", "i4"),  # levels that are not a pair, numbers that are in no level
    ]
)


# One long kernel that reads straight down: the text is walked once, and cutting it up would pass arrays to helpers.
@kernel
def read_numbers(text: NDArray[np.int8], mantissa: NDArray[np.int64], decimals: NDArray[np.int8], counts: Rows) -> int:
    """Read messages of JSON numbers, strings of numbers and arrays of pairs; each message ends with a line end.

    text: int8. mantissa i8, decimals i1: every number in order. counts: COUNT, one a message. Returns the numbers read.
    """
    n, m, start, depth, arrays, pair = 0, 0, 0, 0, 0, 0
    i, end = 0, len(text)
    while i < end:
        c = int(text[i])
        if c == 10:  # line end
            counts[m]["numbers"] = n - start
            m += 1
            start, arrays, depth = n, 0, 0
        elif c == 91:  # [
            depth += 1
            pair = n
        elif c == 93:  # ]
            if depth == 2 and n - pair != 2:
                counts[m]["misshapen"] += 1
            depth -= 1
            if depth == 0:
                if arrays == 0:
                    counts[m]["first"] = n - start
                arrays += 1
                counts[m]["arrays"] = arrays
        elif c != 44 and c != 32 and c != 9 and c != 13:  # not a comma, not white space: a number
            quoted = c == 34
            if quoted:
                i += 1
            value, digits, dot, places, zeros, sign, good = 0, 0, False, 0, 0, 1, True
            first = i
            if depth != 0 and depth != 2:
                counts[m]["misshapen"] += 1
            while i < end:
                c = int(text[i])
                if 48 <= c <= 57:
                    digits += 1
                    if dot and c == 48:
                        zeros += 1
                    else:
                        while zeros > 0 and value < _ROOM:
                            value *= 10
                            places += 1
                            zeros -= 1
                        if value >= _ROOM:
                            good = False
                            value = 0
                        value = value * 10 + (c - 48)
                        if dot:
                            places += 1
                elif c == 46 and not dot:
                    dot = True
                elif c == 45 and i == first:
                    sign = -1
                elif c == 34 or c == 10 or (not quoted and (c == 44 or c == 93 or c == 32)):
                    break
                else:
                    good = False
                i += 1
            good = good and digits > 0 and places <= _DIGITS
            mantissa[n] = sign * value if good else 0
            decimals[n] = places if good else NOT_A_NUMBER
            n += 1
            if not quoted or (i < end and text[i] != 34):
                i -= 1  # what ended the number is read again
        i += 1
    return n
