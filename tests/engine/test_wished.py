"""What the rows of an answer say: the program's word stands, whatever figures of its own a strategy tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
from book_path_tape import DEEP, Books, told

from small_runs import run
from tickerml.strategies.wake import Every
from tickerml.tape.intents import Pass, Setup
from tickerml.tape.rows import BUY, HOUR, Kind

OWN = {"strategy": 3, "kind": "mine", "reason": 5, "price": 1.5}


@dataclass(frozen=True)
class Tells:
    """Figures by names that the rows have themselves."""

    trades: bool = False

    wake: ClassVar = Every("1s")
    sees: ClassVar = ()

    def decide(self, view):
        return Setup(BUY, HOUR, 0.2, 0.05, size=0.1, info=OWN) if self.trades else Pass("not now", info=OWN)


@pytest.mark.parametrize(("trades", "kind"), [(False, Kind.PASS), (True, Kind.INTENT)])
def test_whose_row_it_is_no_figure_of_a_strategy_can_say(trades, kind):
    _, made = run(Tells(trades), Books().book(0.0, *DEEP).quiet(0.5, 3.0).tape())
    _, _, figures = told(made, kind)[0]
    assert figures["strategy"] == "tells"
    assert figures["price"] == 1.5  # its own figure, where no table counts by it
    assert figures.get("kind" if trades else "reason") == ("setup" if trades else "not now")
