"""The edge waterfall: the same tape again with each cost switched on in turn; what a layer took is a difference.

Runs that cannot differ are not made: the last layer is the run itself, no order was rejected or none rested in a queue.
All that is left runs side by side over one pass of the tape.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from tickerml.config import Config
from tickerml.engine.venue_setup import Terms
from tickerml.run.again import Abreast, Variant
from tickerml.run.drive import Job
from tickerml.run.record import RunTape
from tickerml.run.setup import Setting
from tickerml.sim.orders import RULES
from tickerml.tape.block import Block
from tickerml.tape.orders import OrderType
from tickerml.tape.rows import Kind

LAYERS: Final = ("at mid", "spread", "fees", "latency", "queue", "rejects")
TOUCH: Final = "at the touch"


class Waterfall:
    """Push the tape's blocks through it, then ask for `layers`."""

    def __init__(self, job: Job, net: Decimal) -> None:
        """`net`: what the run itself earned."""
        self._net = net
        rejected, rested = _happened(job)
        self._same = {5: 5, 4: 4 if rejected else 5}  # a layer whose run would be equal to another's
        self._same[3] = 3 if rested else self._same[4]
        steps = _settings(job.setting, rejected=rejected, rested=rested)
        wanted = [n for n in range(5) if self._same.get(n, n) == n and (n > 0 or _knows_mid())]
        self._again = Abreast({n: Variant(job.chosen, steps[n], job.tape.header) for n in wanted})

    def __len__(self) -> int:
        """Runs that are made again."""
        return len(self._again)

    def push(self, block: Block) -> None:
        """The next rows, for all of them."""
        self._again.push(block)

    def layers(self) -> list[tuple[str, str | None]]:
        """(layer, money) from the profit at mid to the net; the first two are None where the mid cannot be met."""
        nets = {5: self._net, **self._again.nets()}
        for n in (4, 3):
            nets[n] = nets[self._same[n]]
        steps = [(name, nets[n] - nets[n - 1]) for n, name in enumerate(LAYERS) if n >= 2]
        told: list[tuple[str, str | None]] = [(LAYERS[0], None), (LAYERS[1], None), (TOUCH, format(nets[1], "f"))]
        if 0 in nets:
            told = [(LAYERS[0], format(nets[0], "f")), (LAYERS[1], format(nets[1] - nets[0], "f"))]
        return [*told, *((name, format(money, "f")) for name, money in steps)]


def _knows_mid() -> bool:
    return "at_mid" in (RULES.names or ())


def _happened(job: Job) -> tuple[bool, bool]:
    """Whether the venue rejected an order of the run, and whether one could rest in a queue: bars have none."""
    rejected = rested = False
    queued = not job.setting.bar_only or not all(job.setting.bar_only)
    for block in RunTape(job.folder, job.tape.header).blocks():
        kinds = block.rows["kind"]
        rejected |= bool((kinds == Kind.REJECT).any())
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
