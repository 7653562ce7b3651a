"""The edge waterfall: the same tape again with each cost switched on in turn; what a layer took is a difference.

Runs that cannot differ are not made: the last layer is the run itself, no order was rejected for want of money, none
rested in a queue, or bars leave latency no room. All that is left runs side by side, a tape of bars in processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tickerml.config import Config
from tickerml.engine.venue_setup import Terms
from tickerml.run.abreast import Abreast
from tickerml.run.again import Variant
from tickerml.run.record import RunTape
from tickerml.run.setup import Setting
from tickerml.sim.orders import RULES
from tickerml.tape.block import Block
from tickerml.tape.orders import OrderType, Reject
from tickerml.tape.progress import Progress
from tickerml.tape.rows import MILLISECOND, SECOND, Kind

LAYERS: Final = ("at mid", "spread", "fees", "latency", "queue", "rejects")
TOUCH: Final = "at the touch"
WHAT: Final = "where the money went"


class Waterfall:
    """Give it the tape's rows, held or pushed one by one, then ask for `layers`."""

    def __init__(self, run: Variant, folder: Path, earned: tuple[Decimal, int], held: Sequence[Block] = ()) -> None:
        """`folder`: of the run, which is over; `earned`: its net and trades; `held`: all rows of its tape, or none."""
        self._earned = earned
        rejected, rested = _happened(run, folder)
        late = not held or _late(run.setting, held)
        self._same = {5: 5, 4: 4 if rejected else 5}  # a layer whose run would be equal to another's
        self._same[3] = 3 if rested else self._same[4]
        self._same[2] = 2 if late else self._same[3]
        steps = _settings(run.setting, rejected=rejected, rested=rested)
        wanted = [n for n in range(5) if self._same.get(n, n) == n and (n > 0 or _knows_mid())]
        self._again = Abreast({n: replace(run, setting=steps[n]) for n in wanted}, held)

    def __len__(self) -> int:
        """Runs that are made again."""
        return len(self._again)

    def start(self) -> None:
        """Begin with the held rows, in processes of their own where that can be."""
        self._again.start()

    def stop(self) -> None:
        """The layers are not wanted any more."""
        self._again.stop()

    def push(self, block: Block) -> None:
        """The next rows, where none are held."""
        self._again.push(block)

    def layers(self, progress: Progress | None = None) -> list[tuple[str, str | None, int | None]]:
        """(layer, money, trades with that cost on) from the profit at mid to the net.

        The first two are None where the mid cannot be met. Empty when the user asked to stop.
        """
        again = self._again.nets(progress, WHAT)
        if len(again) < len(self):
            return []
        nets, trades = {**again, 5: self._earned[0]}, {**self._again.trades, 5: self._earned[1]}
        for n in (4, 3, 2):
            nets[n], trades[n] = nets[self._same[n]], trades[self._same[n]]
        steps = [(name, format(nets[n] - nets[n - 1], "f"), trades[n]) for n, name in enumerate(LAYERS) if n >= 2]
        if 0 not in nets:
            return [(LAYERS[0], None, None), (LAYERS[1], None, None), (TOUCH, format(nets[1], "f"), trades[1]), *steps]
        spread = format(nets[1] - nets[0], "f")
        return [(LAYERS[0], format(nets[0], "f"), trades[0]), (LAYERS[1], spread, trades[1]), *steps]


def _late(setting: Setting, held: Sequence[Block]) -> bool:
    """Whether latency can make a difference: where there are bars alone, an order that is there soon after a bar opened
    gets its open all the same (sim/bar_path.py), and its answer comes when the bar closes.
    """
    told = setting.config.latency
    if not setting.bar_only or not all(setting.bar_only) or told.model != "constant":
        return True
    durations = [int(block.bars["duration"].min()) for block in held if len(block.bars)]
    delay = round((setting.config.data.bar_delay_ms + told.entry_ms + told.cancel_ms + told.response_ms) * MILLISECOND)
    return any((block.rows["kind"] == Kind.TRADE).any() for block in held) or 2 * delay > min(
        5 * SECOND, min(durations, default=0) // 20
    )


def _knows_mid() -> bool:
    return "at_mid" in (RULES.names or ())


def _happened(run: Variant, folder: Path) -> tuple[bool, bool]:
    """Whether the venue rejected an order for want of money, and whether one could rest in a queue: bars have none."""
    rejected = rested = False
    queued = not run.setting.bar_only or not all(run.setting.bar_only)
    for block in RunTape(folder, run.header).blocks():
        kinds = block.rows["kind"]
        refs = block.rows["ref"][(kinds == Kind.REJECT) & (block.rows["ref"] >= 0)]
        rejected |= bool((block.orders["reason"][refs] == int(Reject.BALANCE)).any())
        sent = block.rows["ref"][kinds == Kind.SUBMIT]
        rested |= queued and bool((block.orders["type"][sent[sent >= 0]] == int(OrderType.LIMIT)).any())
    return rejected, rested


def _settings(setting: Setting, *, rejected: bool, rested: bool) -> list[Setting]:
    """From no cost at all to the run's own setting, one cost at a time.

    What makes no difference to this run stays as it is, so that no other code needs to be compiled for it.
    """
    full, config = setting.terms, setting.config
    free = _free(config, rested=rested)
    checked = full.check_balance and not rejected
    nothing: dict[str, Any] = {"maker": 0.0, "taker": 0.0, "superp_cost": 0.0, "slippage": 0.0, "slippage_range": 0.0}
    mid: Terms = replace(full, at_mid=True, check_balance=checked, **nothing)
    touch = replace(mid, at_mid=False, slippage=full.slippage, slippage_range=full.slippage_range)
    fees = replace(touch, maker=full.maker, taker=full.taker, superp_cost=full.superp_cost)
    charged = replace(free, fees=config.fees)
    late = replace(charged, latency=config.latency)
    steps = [(free, mid), (free, touch), (charged, fees), (late, fees), (config, fees)]
    return [replace(setting, config=one, terms=two) for one, two in steps]


def _free(config: Config, *, rested: bool) -> Config:
    """The same settings without fees and latency, and first in every queue."""
    latency = replace(config.latency, entry_ms=0.0, cancel_ms=0.0, response_ms=0.0)
    if latency.model != "constant":
        latency = replace(latency, model="constant", params={})
    fees = replace(config.fees, maker=0.0, taker=0.0)
    if fees.model != "flat":
        fees = replace(fees, model="flat", params={})
    queue = replace(config.queue, model="front", params={}) if rested else config.queue
    return replace(config, latency=latency, fees=fees, queue=queue)
