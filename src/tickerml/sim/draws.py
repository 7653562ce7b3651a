"""Random draws for kernels, the same bits on every machine.

The generator is L'Ecuyer's MRG32k3a ("Good parameters and implementations for combined multiple recursive random number
generators", Operations Research 47(1), 1999): its products stay below 2**53, so signed 64-bit integers never wrap.
Logarithm and exponential are series of + - * / alone, which IEEE 754 rounds alike everywhere; libm does not.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from tickerml.tape.kernel import kernel
from tickerml.tape.rows import Record

_M1: Final = 4294967087
_M2: Final = 4294944443
_SCALE: Final = 1.0 / 4294967088.0
_LN2: Final = 0.6931471805599453
_SQRT_HALF: Final = 0.7071067811865476

SEED_WORDS: Final = 6


def seed_words(*key: int) -> tuple[int, ...]:
    """Six state words, each within its modulus and not all zero, for the stream named by `key` (numpy SeedSequence)."""
    words = np.random.SeedSequence(list(key)).generate_state(SEED_WORDS)
    return tuple(1 + int(w) % (_M2 - 1) for w in words)


@kernel
def uniform(s: Record) -> float:
    """The next draw of `s["rng"]` (six i8 words), in the open interval (0, 1)."""
    p = (1403580 * s["rng"][1] - 810728 * s["rng"][0]) % _M1
    s["rng"][0] = s["rng"][1]
    s["rng"][1] = s["rng"][2]
    s["rng"][2] = p
    q = (527612 * s["rng"][5] - 1370589 * s["rng"][3]) % _M2
    s["rng"][3] = s["rng"][4]
    s["rng"][4] = s["rng"][5]
    s["rng"][5] = q
    d = p - q
    return (d if d > 0 else d + _M1) * _SCALE


@kernel
def ln(x: float) -> float:
    """Natural logarithm of a positive number: 2 atanh((m - 1) / (m + 1)) of the mantissa, to about 1e-16."""
    m, e = math.frexp(x)
    if m < _SQRT_HALF:
        m *= 2.0
        e -= 1
    z = (m - 1.0) / (m + 1.0)
    w = z * z
    total = 0.0
    for k in range(10, -1, -1):
        total = total * w + 1.0 / (2.0 * k + 1.0)
    return 2.0 * z * total + e * _LN2


@kernel
def exp(x: float) -> float:
    """Exponential for |x| <= 700: Taylor series after reduction by ln 2, to about 1e-15 relative."""
    k = math.floor(x / _LN2 + 0.5)
    r = x - k * _LN2
    total = 1.0
    for n in range(14, 0, -1):
        total = total * r / n + 1.0
    return math.ldexp(total, k)


@kernel
def normal(s: Record) -> float:
    """A standard normal draw (Marsaglia's polar method; the second of each pair is kept in `s["spare"]`)."""
    if s["has_spare"] != 0:
        s["has_spare"] = 0
        return s["spare"]
    while True:
        a = 2.0 * uniform(s) - 1.0
        b = 2.0 * uniform(s) - 1.0
        r = a * a + b * b
        if 0.0 < r < 1.0:
            scale = math.sqrt(-2.0 * ln(r) / r)
            s["spare"] = b * scale
            s["has_spare"] = 1
            return a * scale


@kernel
def poisson(s: Record, mean: float, most: int) -> int:
    """A Poisson draw by multiplying uniforms, cut at `most`; meant for means of a few."""
    limit = exp(-mean)
    product = uniform(s)
    n = 0
    while product > limit and n < most:
        product *= uniform(s)
        n += 1
    return n


DRAWS: Final = [("rng", "i8", (SEED_WORDS,)), ("spare", "f8"), ("has_spare", "i8")]
"""Fields that a record needs for these kernels."""
