"""Probability of backtest overfitting by combinatorially symmetric cross-validation (CSCV).

Source: Bailey, Borwein, Lopez de Prado and Zhu, "The Probability of Backtest Overfitting", Journal of Computational
Finance 20(4), 2017. The rows of all trials are cut into S parts; each half of the parts serves once as the past in
which the best trial is chosen and the other half as the future in which it is ranked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tickerml.lab.series import Figure, Floats, checked, no_figure

SPLITS: Final = 16
_CELLS: Final = 2_000_000  # figures of trials held at once: 16 MB, several times over while they are worked on
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, eq=False, slots=True)
class Overfit:
    """What choosing the best of N trials is worth. Arrays have one entry per way to split: C(S, S / 2)."""

    pbo: float  # share of splits whose best in the past is at or below the median in the future
    logits: Floats  # ln(w / (1 - w)), w = rank of the chosen one in the future over N + 1
    past: Floats  # figure of the chosen trial in the past (Sharpe or mean, per period)
    future: Floats  # and in the future
    slope: Figure  # of future on past (least squares): below 0, the better it looked the worse it did
    loss: float  # share of splits in which the chosen trial lost in the future
    trials: int
    rows_used: int  # T rounded down to a multiple of S; the oldest rows are left out


def overfitting(returns: ArrayLike, *, splits: int = SPLITS, by: Literal["sharpe", "mean"] = "sharpe") -> Overfit:
    """CSCV over `returns` (T, N): a row per period, a column per trial, as shares or as money, all on one time grid.

    The best is chosen `by` Sharpe ratio or mean per period. A trial that does not vary (it never traded) has Sharpe 0
    where it earned nothing, else plus or minus infinity. Ties share their mean rank, and the first of equals is chosen.
    Memory is bounded whatever N and S are. Raises ValueError for fewer than 2 trials, an odd number of splits or one
    below 2, or fewer than 2 rows a split.
    """
    values = checked(returns, "returns", dims=2)
    rows, trials = values.shape
    if trials < 2 or splits < 2 or splits % 2 or rows < 2 * splits:
        raise ValueError(f"{rows} rows of {trials} trials in {splits} splits: needs 2 trials, even splits of 2 rows")
    each = rows // splits
    parts = _Parts(values[rows - each * splits :].reshape(splits, each, trials), by)
    found = [parts.judge(half) for half in _halves(splits, max(1, _CELLS // trials))]
    rank, past, future = (np.concatenate([f[k] for f in found]) for k in range(3))
    share = rank / (trials + 1.0)
    logits = np.log(share / (1.0 - share))
    return Overfit(
        pbo=float(np.mean(logits <= _ROUNDING)),
        logits=logits,
        past=past,
        future=future,
        slope=_slope(past, future),
        loss=float(np.mean(future < 0)),
        trials=trials,
        rows_used=each * splits,
    )


class _Parts:
    """Sums of each part of each trial, from which every half's figure follows without touching the rows again."""

    def __init__(self, parts: Floats, by: str) -> None:
        """`parts` is (S, rows, N). Squares are of distances from the trial's mean, lest rounding eat them."""
        self._each, self._by = parts.shape[1], by
        self._mean = parts.mean(axis=(0, 1))
        self._sum = parts.sum(axis=1)
        self._off = self._sum - self._each * self._mean
        self._squares = np.stack([((part - self._mean) ** 2).sum(axis=0) for part in parts])
        self._scale = np.maximum(parts.max(axis=(0, 1)), -parts.min(axis=(0, 1)))

    def judge(self, half: NDArray[np.float64]) -> tuple[Floats, Floats, Floats]:
        """Of each row of `half` (C, S), 1 = past: the chosen trial's rank (1..N) in the future, and both figures."""
        before, after = self._figure(half), self._figure(1.0 - half)
        chosen = before.argmax(axis=1)[:, None]
        past, future = (np.take_along_axis(f, chosen, axis=1) for f in (before, after))
        below, equal = (after < future).sum(axis=1), (after == future).sum(axis=1)
        return below + (equal + 1.0) / 2.0, past[:, 0], future[:, 0]

    def _figure(self, half: NDArray[np.float64]) -> Floats:
        """Figure of every trial over the parts that are 1, shape (C, N)."""
        count = half.sum(axis=1)[:, None] * self._each
        mean = half @ self._sum / count
        if self._by == "mean":
            return np.asarray(mean, np.float64)
        off = half @ self._off / count
        variance = (half @ self._squares - count * off * off) / (count - 1.0)
        still = variance <= (_ROUNDING * self._scale) ** 2
        steady = np.where(np.abs(mean) <= _ROUNDING * self._scale, 0.0, np.copysign(np.inf, mean))
        return np.where(still, steady, mean / np.sqrt(np.where(still, 1.0, variance)))


def _halves(splits: int, at_once: int) -> Iterator[NDArray[np.float64]]:
    """Every choice of half the parts as rows of 1 and 0, `at_once` at a time."""
    choices = combinations(range(splits), splits // 2)
    while part := list(islice(choices, at_once)):
        half = np.zeros((len(part), splits))
        np.put_along_axis(half, np.array(part), 1.0, axis=1)
        yield half


def _slope(past: Floats, future: Floats) -> Figure:
    known = np.isfinite(past) & np.isfinite(future)
    x, y = past[known], future[known]
    if len(x) < 2:
        return no_figure("the chosen trials do not vary")
    x = x - x.mean()
    spread = float(x @ x)
    if spread <= (_ROUNDING * float(np.abs(past[known]).max())) ** 2 * len(x):
        return no_figure("the chosen trials looked alike in every past")
    return Figure(float(x @ (y - y.mean())) / spread)
