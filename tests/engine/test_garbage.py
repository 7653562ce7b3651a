"""What strategies leave behind goes between their wakes, and none of it is looked for while one is asked and judged."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass
from typing import ClassVar

from small_runs import market, run
from small_strategies import Often
from tickerml.tape.intents import Pass


class Round:
    """Something that refers to itself: it goes only when it is looked for."""

    def __init__(self):
        self.me = self
        self.more = [[] for _ in range(2000)]


@dataclass(frozen=True)
class Untidy(Often):
    """Leaves such things behind at each wake."""

    every: float = 1.0

    sees: ClassVar = ()
    left: ClassVar[list] = []
    most: ClassVar[list] = []

    def decide(self, view):
        assert not gc.isenabled()
        self.left.append(weakref.ref(Round()))
        self.most.append(sum(one() is not None for one in self.left))
        return Pass("untidy")


def test_what_a_strategy_leaves_behind_does_not_pile_up():
    """One block of rows has all of the wakes: garbage must not wait for its end."""
    Untidy.left.clear()
    Untidy.most.clear()
    run(Untidy(), market("calm", minutes=2, coins=("BTC",)))
    assert len(Untidy.left) > 100
    assert max(Untidy.most) < 20
    assert gc.isenabled()
