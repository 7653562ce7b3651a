"""Asks for parameter sets where earlier ones did well: Optuna's tree-structured Parzen estimator, in fixed batches.

Source: Bergstra, Bardenet, Bengio and Kegl, "Algorithms for Hyper-Parameter Optimization", NIPS 2011, as Optuna has it.
The same space, seed and values give the same questions, whoever answers them and however many at a time: that is what a
search that was broken off goes on by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from tickerml.lab.grid import Value, axis
from tickerml.tape.errors import InputError
from tickerml.tape.params import settable

BATCH: Final = 16
"""Parameter sets that are asked for at once; all are answered before the next are chosen."""
_DECADES: Final = 100.0  # a range that spans so much is searched by its logarithm


@dataclass(frozen=True)
class Space:
    """Values that a parameter may have: those listed, in their order, or all from `low` to `high`."""

    values: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = False  # whole numbers only

    def plain(self) -> list[Value] | dict[str, float]:
        """As a record has it: a list of values, or the two ends."""
        return list(self.values) if self.values else {"low": self.low, "high": self.high}


def space(text: str, params: type[Any]) -> tuple[str, Space]:
    """`fast=5:50` (all between), `fast=5:50:5` or `fast=5,10,20` as name and space. Raises as `axis`."""
    name, _, told = (part.strip() for part in text.partition("="))
    known = {one.name: one for one in settable(params)}
    if told.count(":") != 1 or name not in known or known[name].type not in ("int", "float"):
        found, values = axis(text, params)
        return found, Space(values)
    try:
        low, high = (Decimal(part.strip()) for part in told.split(":"))
    except InvalidOperation:
        low = high = Decimal("NaN")
    if not (low.is_finite() and high.is_finite() and low < high):
        raise InputError("sweep-range", f'"{text}" has no range LOW:HIGH', means="nothing was run", try_="fast=5:50")
    axis(f"{name}={low},{high}", params)  # both ends are values that it may have
    return name, Space(low=float(low), high=float(high), whole=known[name].type == "int")


class Tuner:
    """A search of at most `trials` parameter sets. `ask` for some, `tell` what they were worth, until none is asked."""

    def __init__(self, spaces: Mapping[str, Space], *, trials: int, seed: int) -> None:
        """InputError `extra-missing` where Optuna is not installed."""
        try:
            import optuna
        except ImportError:
            raise InputError(
                "extra-missing", "tuning needs optuna", means="nothing was run", try_="pip install 'tickerml[tune]'"
            ) from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._spaces, self._left = spaces, trials
        self._kinds = {name: _distribution(optuna, one) for name, one in spaces.items()}
        self._asked: list[Any] = []

    def ask(self) -> list[dict[str, Value]]:
        """The next parameter sets; empty when all were tried."""
        self._asked = [self._study.ask(self._kinds) for _ in range(min(BATCH, self._left))]
        self._left -= len(self._asked)
        return [
            {name: one.values[trial.params[name]] if one.values else trial.params[name] for name, one in self._of()}
            for trial in self._asked
        ]

    def tell(self, values: Sequence[float]) -> None:
        """What each of those asked last was worth; more is better."""
        for trial, value in zip(self._asked, values, strict=True):
            self._study.tell(trial, value)

    def _of(self) -> Sequence[tuple[str, Space]]:
        return list(self._spaces.items())


def _distribution(optuna: Any, one: Space) -> Any:
    kinds = optuna.distributions
    if one.values:
        return kinds.IntDistribution(0, len(one.values) - 1)
    wide = one.low > 0 and one.high / one.low >= _DECADES
    if one.whole:
        return kinds.IntDistribution(int(one.low), int(one.high), log=wide)
    return kinds.FloatDistribution(one.low, one.high, log=wide)
